"""Measure completion and training on a GPU with Keras on JAX, and train a generator for the rest of the time.

Called part by part by `scripts/gpu_report.sh`. It needs JAX, Keras, NumPy, SciPy, OpenCV, scikit-image, click and
safetensors, and neither TensorFlow nor ONNX Runtime nor dlib. After each measurement OUT/report.json and OUT/report.md
are written anew, so that a run that is cut off leaves what was measured.

TFLOP/s are XLA's count of the operations of a call (`cost_analysis`, before the compiler changes them) times the calls
a second; the share is that of the card's peak for dense matrices, float32 compared with TF32, in which XLA multiplies
where the card has it. Memory is JAX's `peak_bytes_in_use`, the largest since the part began; a part's measurements go
from small to large.
"""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")

Array = Any
METHODS = ("fast", "balanced", "latent")
#: Peaks for dense matrices, in TFLOP/s: TF32 and bfloat16, by a part of JAX's name of the card. From NVIDIA's data
#: sheets (H200, H100, A100, L40S and L4 Tensor Core GPU), whose figures with sparsity are halved.
PEAKS = {
    "H200": (494.5, 989.5),
    "H100 PCIe": (378.0, 756.5),
    "H100 NVL": (417.5, 835.5),
    "H100": (494.5, 989.5),
    "A100": (156.0, 312.0),
    "L40S": (183.0, 362.0),
    "L4": (60.0, 121.0),
}
TITLES = {
    "completion": "Completion",
    "training": "Training",
    "generator": "The generator, trained for the rest of the time",
    "notes": "Notes",
}


class Report:
    """The measurements of a run, in OUT/report.json, and their tables in OUT/report.md.

    Parameters
    ----------
    out : Path
        An existing folder.
    seconds : float
        From now on; `left` counts them down.
    """

    def __init__(self, out: Path, seconds: float) -> None:
        self.out, self._until = out, time.monotonic() + seconds
        path = out / "report.json"
        self.rows: dict[str, list[dict[str, Any]]] = json.loads(path.read_text()) if path.exists() else {}

    def left(self) -> float:
        """Return how many seconds there are left."""
        return self._until - time.monotonic()

    def add(self, table: str, **row: Any) -> None:
        """Add a row to a table and write both files, each of them whole."""
        self.rows.setdefault(table, []).append(row)
        for name, text in (("report.json", json.dumps(self.rows, indent=1)), ("report.md", self.tables())):
            part = self.out / f"{name}.part"
            part.write_text(text + "\n")
            os.replace(part, self.out / name)
        print(f"{table}: {', '.join(f'{key} {_shown(value)}' for key, value in row.items())}", flush=True)

    def tables(self) -> str:
        """Return all tables in Markdown."""
        parts = []
        for table, rows in self.rows.items():
            names = list(dict.fromkeys(name for row in rows for name in row))
            parts += [f"### {TITLES[table]}", ""]
            parts += [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
            parts += [f"| {' | '.join(_shown(row.get(name)) for name in names)} |" for row in rows] + [""]
        return "\n".join(parts)


def _shown(value: Any) -> str:
    """Return a value of a table."""
    if value is None:
        return "unknown"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def peak_of(kind: str, precision: str) -> float | None:
    """Return the peak of a card in TFLOP/s, by JAX's name of it; None where it is not in the table."""
    for name, (float32, bfloat16) in PEAKS.items():
        if name in kind:
            return bfloat16 if "bfloat16" in precision else float32
    return None


def count_operations(function: Callable[..., Any], *arguments: Any) -> float | None:
    """Return how many floating-point operations a call takes, as XLA counts them; None where it does not.

    The body of a loop counts once. They are counted for the processor, where the count is of the program as it was
    written; a GPU's own compiler puts calls of libraries in its place, and is asked only where that fails.
    """
    import jax

    def form(array: Any) -> Any:
        return jax.ShapeDtypeStruct(np.shape(array), array.dtype) if hasattr(array, "dtype") else array

    forms = jax.tree.map(form, arguments)

    def counted(place: str | None, *, compiled: bool) -> float:
        with jax.default_device(jax.devices(place)[0]):
            lowered = jax.jit(function).lower(*forms)
            return float((lowered.compile() if compiled else lowered).cost_analysis()["flops"])

    for place, compiled in (("cpu", False), (None, False), (None, True)):
        try:
            found = counted(place, compiled=compiled)
        except (RuntimeError, TypeError, ValueError, KeyError, NotImplementedError):
            continue
        if found > 0.0:
            return found
    return None


def figures(operations: float | None, seconds: float, *, precision: str = "float32") -> dict[str, Any]:
    """Return TFLOP/s, their share of the card's peak, and the memory."""
    import jax

    device = jax.devices()[0]
    rate = None if operations is None else operations / seconds / 1e12
    peak = peak_of(device.device_kind, precision)
    memory = (device.memory_stats() or {}).get("peak_bytes_in_use")
    return {
        "TFLOP/s": rate,
        "share of peak": None if rate is None or peak is None else f"{100.0 * rate / peak:.1f}%",
        "peak GB": None if memory is None else memory / 1e9,
    }


class Counted:
    """A network's calls, with the rows that they were asked for."""

    def __init__(self, network: Any) -> None:
        self.network, self.takes_batches, self.rows = network, network.takes_batches, 0

    def __call__(self, inputs: Array) -> Any:
        """Ask the network."""
        self.rows += len(inputs)
        return self.network(inputs)


def measure_completion(report: Report, prior: Any, method: str, *, batch: int, settings: dict[str, Any]) -> None:
    """Complete a batch after it was compiled, and add a row.

    80% of the pixels are missing, the same of all pictures: with this mask `balanced` asks the encoder more than once.
    """
    import jax

    from completion.completer import Completer
    from completion.config import METHODS as NAMED
    from dcgan.keras_inference import network_function
    from dcgan.sampling import sample
    from masks import make_mask

    config = dataclasses.replace(NAMED[method], **settings)
    completer = Completer(prior, config, framing="wide" if prior.config.margin else "tight")
    finder: Any = completer.method.finder
    pictures = list(sample(prior, batch, seed=batch))
    spent, real = [0.0], finder.find

    def find(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        answers = real(*arguments, **options)
        spent[0] += time.perf_counter() - began
        return answers

    mask = make_mask("random", (prior.config.size, prior.config.size))
    searches = method == "latent"
    if searches:
        completer.warm_up(batch)
    else:
        answerer = finder._solver._answerer
        counted = answerer._network = Counted(answerer._network)
        completer.complete(pictures, mask, batch_size=batch)
        counted.rows = 0
    finder.find = find
    began = time.perf_counter()
    completer.complete(pictures, mask, batch_size=batch)
    seconds = time.perf_counter() - began
    size, operations, steps = prior.config.size, None, None
    if searches:
        steps = config.iterations + 1
        operations = _operations_of_a_step(prior, config, batch)
        operations = None if operations is None else operations * steps
    else:
        form = jax.ShapeDtypeStruct((1, size, size, prior.config.channels + 1), np.float32)
        one = count_operations(network_function(prior, "completion"), form)
        operations = None if one is None else one * counted.rows
    report.add(
        "completion",
        method=method,
        batch=batch,
        **{
            "pictures/s": batch / seconds,
            "answers/s": batch / spent[0],
            "search steps/s": "" if steps is None else steps / spent[0],
        },
        **figures(operations, spent[0]),
    )


def _operations_of_a_step(prior: Any, config: Any, batch: int) -> float | None:
    """Return the operations of one step of a search."""
    from completion.search.adam import LatentSearch, _first_state, start_latents
    from completion.search.observation import Observations

    search = LatentSearch(prior, config)
    shape = (batch, prior.config.size, prior.config.size, prior.config.channels)
    data = search.objective.prepare(Observations(np.zeros(shape, np.float32), np.ones(shape[:3], np.float32)))
    state = tuple(_first_state(start_latents(batch, prior.config.latent_dim)))
    return count_operations(search._loop(0), np.int32(1), state, data)


def measure_training(
    report: Report, config: Any, precision: str, *, batch: int, steps: int, seconds: float, pictures: int = 1024
) -> None:
    """Train a DCGAN for some seconds with pictures of noise, and add a row."""
    import jax
    import jax.numpy as jnp

    from dcgan.config import TrainConfig
    from dcgan.training.gan import build_gan
    from device_batches import Store, plain_batch
    from train_on_gpu import Phase

    gan = build_gan(config, TrainConfig(batch_size=batch, precision=precision))
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (pictures, config.size, config.size, 3), np.uint8)
    masks = jnp.zeros((1, config.size, config.size), bool)
    store = Store(jnp.asarray(noise), jnp.zeros(pictures, bool), masks, jnp.int32(pictures))

    def make_batch(key: Array, store: Any, _: Array) -> Any:
        return plain_batch(key, store, size=batch, latent_dim=config.latent_dim)

    def step(state: Any, key: Array) -> Any:
        return gan.train_step(state, make_batch(key, store, jnp.int32(0)))[1][:3]

    phase = Phase(gan, make_batch, steps=steps)
    phase.compile(store)
    operations = count_operations(step, tuple(phase.state()), jax.random.key(0, impl="rbg"))
    state, done, spent = phase.state(), 0, 0.0
    state, logs = phase._compiled(tuple(state), store, jax.random.key(0, impl="rbg"))
    jax.block_until_ready(logs)
    began = time.perf_counter()
    while spent < seconds:
        state, logs = phase._compiled(state, store, jax.random.key(1 + done, impl="rbg"))
        jax.block_until_ready(logs)
        done += steps
        spent = time.perf_counter() - began
    report.add(
        "training",
        side=config.size,
        precision=precision,
        batch=batch,
        **{"steps/s": done / spent, "pictures/s": done * batch / spent, "compiled in s": phase.compile_seconds},
        **figures(None if operations is None else operations * done, spent, precision=precision),
    )


def train_generator(report: Report, prior: Any, work: Path, *, batch: int, steps: int, save_seconds: float) -> None:
    """Train a model's generator on the pictures WORK/part*.zip until the time is over, and save it again and again.

    It goes on from WORK/generator-NORM.safetensors, or from what an earlier run has left in WORK/out.
    """
    from train_on_gpu import Generators, Run, distance, falling, load_weights, save_weights

    size, norm = prior.config.size, prior.config.discriminator_norm
    if not (work / "masks.npy").exists():
        np.save(work / "masks.npy", np.zeros((1, size, size), bool))
    began, whole = time.monotonic(), report.left()
    run = Run(work, capacity=66_200 if size > 32 else 64, size=size, seconds=whole)
    trial = Generators(prior, norm, batch=batch, steps=steps, rate=1e-4, penalty=0.0)
    name = f"generator-{norm}.safetensors"
    start = next((path for path in (run.out / name, work / name) if path.exists()), None)
    if start is not None:
        load_weights(start, trial.gan.generator, name="generator")
        load_weights(start, trial.gan.discriminator, name="discriminator")
    count = 2048 if size > 32 else 8
    trial.phase.compile(run.store)
    before = distance(run, prior, prior.generator, count=count, name="generator-start") if prior.has_encoder else None
    spare, rate, done = 0.05 * whole + 2.0, falling(1e-4, 2e-6), 0
    until = whole - spare - (time.monotonic() - began)
    if until <= 0.0:
        report.add("notes", note="no time was left for the generator after its compilation")
        return
    share = 0.0
    while share < 1.0:
        seconds = min(save_seconds, (1.0 - share) * until)
        end = 1.0 if (1.0 - share) * until - seconds < 0.2 * save_seconds else share + seconds / until
        first, width = share, end - share
        trial.phase.train(
            run, width * until, rate=lambda part, first=first, width=width: rate(first + part * width), name="generator"
        )
        done += trial.phase.steps_done
        save_weights(run.out / name, trial.gan, names=("generator", "discriminator"))
        share = end
    generator, _ = trial.averaged()
    after = distance(run, prior, generator, count=count, name="generator") if prior.has_encoder else None
    report.add(
        "generator",
        start=prior.sha256[:8] if start is None else start.name,
        pictures=int(run.store.count),
        batch=batch,
        steps=done,
        seconds=until,
        **{"steps/s": done / until, "distance before": before, "distance after": after},
        **figures(None, until, precision="mixed_bfloat16"),
    )


def tiny_prior(path: Path) -> Any:
    """Return a model for rehearsals, with random weights, of pictures of 16 pixels; it lies in a file."""
    from dcgan.config import ModelConfig
    from dcgan.encoder import build_encoder
    from dcgan.model_file import load_model, save_model
    from dcgan.networks import build_discriminator, build_generator

    config = ModelConfig(size=16, filters=4, latent_dim=8, margin=0.25)
    if not path.exists():
        networks = build_generator(config), build_discriminator(config)
        save_model(path, *networks, config=config, encoder=build_encoder(config))
    return load_model(path)


def tiny_pictures(work: Path) -> None:
    """Write a zip of a few small pictures of noise, for rehearsals."""
    import zipfile

    import cv2

    rng = np.random.default_rng(0)
    with zipfile.ZipFile(work / "part0.zip", "w") as file:
        for index in range(32):
            _, data = cv2.imencode(".png", rng.integers(0, 256, (16, 16, 3), np.uint8))
            file.writestr(f"w{index}.png", data.tobytes())


@click.command(help=__doc__)
@click.argument("part", type=click.Choice(["completion", "training", "generator"]))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seconds", type=float, default=150.0, show_default=True, help="Nothing new is begun after so many.")
@click.option("--model", default="faces-128", show_default=True, help="The model that completes, and whose generator.")
@click.option("--work", type=click.Path(path_type=Path), help="Folder of part*.zip, for the generator.  [default: OUT]")
@click.option("--batches", default="1,64,512", show_default=True, help="Of completion.")
@click.option("--batch", type=int, default=128, show_default=True, help="Of training.")
@click.option("--rehearse", is_flag=True, help="With a tiny model and few steps, on any processor.")
def main(
    part: str, out: Path, seconds: float, model: str, work: Path | None, batches: str, batch: int, rehearse: bool
) -> None:
    """Run one part."""
    out.mkdir(parents=True, exist_ok=True)
    report, work = Report(out, seconds), work or out
    sys.modules["onnxruntime"] = None  # type: ignore[assignment]  # not installed, also where it is: Keras computes
    import jax

    from dcgan.config import ModelConfig
    from dcgan.model_file import load_model
    from dcgan.recipes import RECIPES

    device = jax.devices()[0]
    began = time.monotonic()
    prior = tiny_prior(out / "tiny.safetensors") if rehearse else load_model(model)
    if part == "completion":
        for rows in (int(each) for each in batches.split(",")):
            for method in METHODS:
                settings = {"iterations": 3} if rehearse and method == "latent" else {}
                if report.left() > 0.0:
                    measure_completion(report, prior, method, batch=rows, settings=settings)
    elif part == "training":
        if rehearse:
            configs = [dataclasses.replace(prior.config, size=8), prior.config]
        else:
            configs = [ModelConfig(**RECIPES[name].model) for name in ("faces-64", "faces-128")]
        for config in configs:
            for precision in ("mixed_bfloat16", "float32"):  # from small to large
                if report.left() > 0.0:
                    limits = {"seconds": 0.2, "pictures": 16} if rehearse else {"seconds": 5.0}
                    measure_training(report, config, precision, batch=batch, steps=2 if rehearse else 20, **limits)
    else:
        if rehearse:
            tiny_pictures(work)
        if any(work.glob("part*.zip")):
            limits = {"steps": 2, "save_seconds": 1.0} if rehearse else {"steps": 50, "save_seconds": 30.0}
            train_generator(report, prior, work, batch=batch, **limits)
        else:
            report.add("notes", note=f"no pictures, part*.zip, in {work.name}: no generator was trained")
    skipped = "; stopped for want of time" if report.left() <= 0.0 else ""
    told = f"{part} on {device.device_kind}, JAX {jax.__version__}: {time.monotonic() - began:.0f} s{skipped}"
    report.add("notes", note=told + (" (rehearsal with a tiny model)" if rehearse else ""))


if __name__ == "__main__":
    main()
