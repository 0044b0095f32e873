r"""Compare recipes of the generator: each trains for the same time from new weights.

    KERAS_BACKEND=jax python scripts/compare_recipes.py --seconds 15 --model faces-64 WORK
    KERAS_BACKEND=tensorflow python scripts/compare_recipes.py --seconds 400 --filters 16 --precision float32 \\
        --model faces-64 WORK

The first makes its batches on a GPU; it reads wide faces from WORK/part*.zip and WORK/masks.npy (see train_on_gpu.py).
The second trains on processors and needs the zips alone; its seconds are those of one core, so that other work on the
machine changes nothing. Both write WORK/out: log.txt, and after each trial table.md, TRIAL-SEED.jpg, a grid of samples,
and TRIAL-SEED.json. The time is that of the training steps; the networks are compiled before. Learning rates fall along
half a cosine, and samples come from the averaged weights. Distances are those of the grid's samples to training
pictures, in the features of the deepest layer of a model's encoder: kernel distance with its 95% interval, and Frechet
distance. Both read their samples from the grid's JPEG, and the training pictures go through the same compression, so
that --measure gives the same numbers later, from what a run has left in WORK/out.
"""

import dataclasses
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")

from train_on_gpu import Phase, Run, decode, falling, read_grid, write_grid

Array = Any

TRIALS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # fields of ModelConfig and of TrainConfig
    "plain": ({}, {}),
    "spectral": ({"discriminator_norm": "spectral"}, {}),
    "spectral, hinge": ({"discriminator_norm": "spectral"}, {"loss": "hinge"}),
    "least squares": ({}, {"loss": "least-squares"}),
    "R1 0.1": ({"discriminator_norm": "none"}, {"r1": 0.1}),
    "R1 1": ({"discriminator_norm": "none"}, {"r1": 1.0}),
    "relativistic, R1 + R2 0.5": ({"discriminator_norm": "none"}, {"loss": "relativistic", "r1": 0.5}),
    "DiffAugment": ({}, {"augment": "color,translation,cutout"}),
    "resize-convolution": ({"upsampling": "resize"}, {}),
    "latent 128": ({"latent_dim": 128}, {}),
    "dropout 0.3": ({"dropout": 0.3}, {}),
    "two generator steps": ({}, {"generator_steps": 2}),
    "discriminator's rate 4e-4": ({}, {"discriminator_learning_rate": 4e-4}),
    "kernels of 5x5": ({"kernel_size": 5}, {}),
}
COLUMNS = 32
RATE = 2e-4


@dataclasses.dataclass
class Trial:
    """One recipe with one seed."""

    name: str
    seed: int
    gan: Any
    phase: "Phase | ProcessorPhase"
    latent_dim: int


class ProcessorRun:
    """What `train_on_gpu.Run` is, for processors: the pictures of all zips, uint8 (N, S, S, 3), and a log."""

    def __init__(self, work: Path, *, size: int) -> None:
        self.out, self.began, self.store = work / "out", time.monotonic(), None
        self.out.mkdir(exist_ok=True)
        self.pictures = np.concatenate([decode(part, size)[0] for part in sorted(work.glob("part*.zip"))])

    say = Run.say


class ProcessorPhase:
    """What `train_on_gpu.Phase` is, for processors: a DCGAN's training on batches from memory, timed by the core."""

    def __init__(self, gan: Any, batches: Any) -> None:
        self.gan, self.batches, self.steps_done = gan, batches, 0

    def compile(self, store: Any) -> None:
        """Do nothing: the first step compiles, and is not timed."""

    def compiled_as(self, other: Any) -> None:
        """Do nothing: another seed's networks are compiled anew."""

    def train(self, run: Any, seconds: float, *, rate: Any, name: str) -> None:
        """Train for some seconds of a core; `rate` is the learning rate at each share of them."""
        import keras

        from dcgan.training.callbacks import KeepFreedMemory

        rates = [each for each in self.gan.optimizer.variables if each.name == "learning_rate"]
        sizes = [float(each) for each in rates]
        first, began = next(value for value in sizes if value), 0.0

        def after(step: int, logs: Any) -> None:
            nonlocal began
            if step == 0:
                began = time.process_time()
            share = (time.process_time() - began) / seconds
            for variable, value in zip(rates, sizes, strict=True):
                variable.assign(value / first * rate(share))
            self.steps_done, self.gan.stop_training = step, share >= 1

        watch = keras.callbacks.LambdaCallback(on_train_batch_end=after)
        self.gan.fit(self.batches, steps_per_epoch=10**9, verbose=0, callbacks=[KeepFreedMemory(), watch])
        run.say(f"{name}: {self.steps_done} steps in {seconds:.0f} s")


def prepare(
    run: Any, name: str, seed: int, *, size: int, filters: int, batch: int, steps: int, precision: str, momentum: float
) -> Trial:
    """Return a trial with new networks."""
    import keras

    from dcgan.config import ModelConfig, TrainConfig
    from dcgan.training.augment import DRAWS
    from dcgan.training.dataset import TrainingBatches, Updates
    from dcgan.training.gan import build_gan

    model_fields, train_fields = TRIALS[name]
    model = ModelConfig(size=size, filters=filters, **model_fields)
    own: dict[str, Any] = {"batch_size": batch, "ema_momentum": momentum, "precision": precision}
    settings = TrainConfig(learning_rate=RATE, seed=seed, **own, **train_fields)
    gan, updates = build_gan(model, settings), Updates.of(settings)
    if keras.config.backend() != "jax":
        options = {"updates": updates, "draws": DRAWS if settings.augment else 0, "seed": seed}
        batches = TrainingBatches(run.pictures, batch_size=batch, latent_dim=model.latent_dim, **options)
        return Trial(name, seed, gan, ProcessorPhase(gan, batches), model.latent_dim)

    import jax
    import jax.numpy as jnp

    from device_batches import plain_batch

    def make_batch(key: Array, store: Any, step: Array) -> dict[str, Array]:
        first, second = jax.random.split(key)
        made = plain_batch(first, store, size=batch, latent_dim=model.latent_dim)
        if settings.augment:
            made["draws"] = jax.random.uniform(second, (batch, 2, DRAWS))
        if updates != Updates():
            flags = {"discriminator_on": step % updates.generator_steps, "penalty_on": step % updates.r1_interval}
            made |= {flag: jnp.full(batch, rest == 0, jnp.float32) for flag, rest in flags.items()}
            made["generator_on"] = jnp.ones(batch)
        return made

    return Trial(name, seed, gan, Phase(gan, make_batch, steps=steps), model.latent_dim)


def sample(trial: Trial, count: int) -> np.ndarray:
    """Return samples of a trial's averaged generator, uint8 (count, S, S, 3)."""
    from dcgan.pictures.values import to_uint8
    from dcgan.training.averages import estimate_generator_batch_norm
    from dcgan.training.checkpoint import averaged_weights
    from dcgan.sampling import draw_latents

    generator = trial.gan.generator
    generator.set_weights(averaged_weights(trial.gan)[0])
    estimate_generator_batch_norm(generator, batches=8)
    latents = draw_latents(count, trial.latent_dim, seed=1)
    return to_uint8(generator.predict(latents, batch_size=512, verbose=0))


class Measure:
    """Distances of samples to training pictures, in the features of the deepest layer of a model's encoder.

    Parameters
    ----------
    pictures : uint8 array (N, S, S, 3)
        Of the training; of them as many are looked at as `count` says, spread evenly.
    model : Path or str
    count : int
    out : Path
        A folder, where a grid of these pictures is written and read again.
    """

    def __init__(self, pictures: np.ndarray, model: Path | str, *, count: int, out: Path) -> None:
        import keras

        from dcgan.model_file import load_model

        encoder = load_model(str(model)).encoder
        deepest = encoder.get_layer("flatten").input
        self._features = keras.Model(encoder.inputs[0], keras.ops.mean(deepest, axis=(1, 2)))
        rows = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(int)
        real = out / "training-pictures.jpg"
        write_grid(real, pictures[rows], columns=COLUMNS)
        self._real = self._describe(read_grid(real, pictures.shape[1])[: len(rows)])

    def _describe(self, pictures: np.ndarray) -> np.ndarray:
        from dcgan.pictures.values import to_float

        known = np.ones((*pictures.shape[:3], 1), np.float32)
        inputs = np.concatenate([to_float(pictures), known], axis=3)
        return np.asarray(self._features.predict(inputs, batch_size=256, verbose=0), np.float64)

    def of(self, samples: np.ndarray) -> dict[str, Any]:
        """Return the distances of samples, uint8 (N, S, S, 3)."""
        from dcgan.distances import frechet_distance, kernel_distance

        found = self._describe(samples)
        kernel = kernel_distance(self._real, found)
        frechet = float(frechet_distance(self._real, found))
        return {"kernel": [kernel.mean, kernel.low, kernel.high], "frechet": frechet, "samples": len(samples)}


def write_table(out: Path) -> str:
    """Write table.md of all trials that have their distances in a folder, the nearest first, and return it."""
    rows = [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]
    of_name: dict[str, list[dict[str, Any]]] = {}
    for row in sorted((row for row in rows if "kernel" in row), key=lambda row: row["seed"]):
        of_name.setdefault(row["name"], []).append(row)

    def listed(rows: list[dict[str, Any]], show: Any) -> str:
        return "; ".join(show(row) for row in rows)

    lines = ["| recipe | pictures, each seed | kernel distance, each seed | Frechet distance |", "|---|---|---|---|"]
    for name, rows in sorted(of_name.items(), key=lambda item: np.mean([row["kernel"][0] for row in item[1]])):
        pictures = listed(rows, lambda row: f"{row['pictures']:,}")
        kernels = listed(rows, lambda row: "{:.4f} [{:.4f}, {:.4f}]".format(*row["kernel"]))
        lines.append(f"| {name} | {pictures} | {kernels} | {listed(rows, lambda row: format(row['frechet'], '.3f'))} |")
    text = "\n".join(lines)
    (out / "table.md").write_text(text + "\n")
    return text


def measure_grids(work: Path, model: Path | str, *, size: int, samples: int) -> None:
    """Measure the grids that a run has left in WORK/out, and write its table."""
    run = ProcessorRun(work, size=size)
    measure = Measure(run.pictures, model, count=samples, out=run.out)
    for path in sorted(run.out.glob("*.json")):
        row = json.loads(path.read_text())
        row |= measure.of(read_grid(path.with_suffix(".jpg"), size)[: row.get("samples")])
        path.write_text(json.dumps(row) + "\n")
    run.say(write_table(run.out))


@click.command(help=__doc__)
@click.argument("work", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--seconds", default=15.0, show_default=True, help="Of training, for each trial and seed.")
@click.option("--seeds", default=2, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(TRIALS)), help="A trial; default: all.")
@click.option("--model", type=click.Path(path_type=Path), required=True, help="Whose encoder gives the features.")
@click.option("--size", default=64, show_default=True)
@click.option("--filters", default=64, show_default=True)
@click.option("--batch", default=64, show_default=True)
@click.option("--steps", default=64, show_default=True, help="Training steps in one call of the device; of 16.")
@click.option("--precision", default="mixed_bfloat16", show_default=True)
@click.option("--momentum", default=0.999, show_default=True, help="Of averaged weights: 0.98 for some hundred steps.")
@click.option("--samples", default=2048, show_default=True, help="For the distances, and as many training pictures.")
@click.option("--measure", "measured", is_flag=True, help="Train nothing: measure the grids in WORK/out.")
@click.option("--capacity", default=48_000, show_default=True, help="Pictures that memory is kept for.")
@click.option("--after", type=click.Path(path_type=Path), help="A file that must be there before the trials begin.")
@click.option("--compilers", default=6, show_default=True, help="Networks that are compiled at once.")
def main(
    work: Path,
    seconds: float,
    seeds: int,
    only: tuple[str, ...],
    model: Path,
    size: int,
    filters: int,
    batch: int,
    steps: int,
    precision: str,
    momentum: float,
    samples: int,
    measured: bool,
    capacity: int,
    after: Path | None,
    compilers: int,
) -> None:
    """Train and measure every trial."""
    import keras

    if measured:
        measure_grids(work, model, size=size, samples=samples)
        return
    on_processors = keras.config.backend() != "jax"
    run: Any = ProcessorRun(work, size=size) if on_processors else Run(work, capacity=capacity, size=size, seconds=0.0)
    run.say(f"{keras.config.backend()}, {precision}, batches of {batch}, {filters} filters, {size} pixels")
    names = list(only) or list(TRIALS)
    options = {"size": size, "filters": filters, "batch": batch, "steps": steps, "precision": precision}
    options |= {"momentum": momentum}
    trials = [prepare(run, name, seed, **options) for name in names for seed in range(seeds)]
    first = [trial for trial in trials if trial.seed == 0]
    with ThreadPoolExecutor(compilers) as pool:
        jobs = {trial.name: pool.submit(trial.phase.compile, run.store) for trial in first}
    for name, job in jobs.items():
        if error := job.exception():
            run.say(f"{name} is left out: {error}")
            trials = [trial for trial in trials if trial.name != name]
    left = {trial.name for trial in trials}
    names, first = [name for name in names if name in left], [trial for trial in first if trial.name in left]
    run.say(f"{len(first)} recipes are compiled")
    while after is not None and not after.exists():  # something else trains on this device
        time.sleep(0.5)
    of_name = {trial.name: trial for trial in first}
    pictures = run.pictures if on_processors else np.asarray(run.store.pictures[: int(run.store.count)])
    while not Path(model).exists() and Path(model).suffix == ".safetensors":  # it may arrive later than the pictures
        time.sleep(0.5)
    measure = Measure(pictures, model, count=samples, out=run.out)
    for trial in sorted(trials, key=lambda trial: trial.seed):  # every recipe has one seed before one has two
        trial.phase.compiled_as(of_name[trial.name].phase)
        trial.phase.train(run, seconds, rate=falling(RATE, 0.05 * RATE), name=f"{trial.name}, seed {trial.seed}")
        label = "".join(letter if letter.isalnum() else "-" for letter in trial.name)
        grid = run.out / f"{label}-{trial.seed}.jpg"
        write_grid(grid, sample(trial, samples), columns=COLUMNS)
        row = {"name": trial.name, "seed": trial.seed, "pictures": trial.phase.steps_done * batch}
        row |= measure.of(read_grid(grid, size)[:samples])
        grid.with_suffix(".json").write_text(json.dumps(row) + "\n")
        write_table(run.out)
    run.say(write_table(run.out))


if __name__ == "__main__":
    main()
