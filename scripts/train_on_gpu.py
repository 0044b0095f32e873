"""Train a wide model's generator and encoder with JAX where everything stays in a GPU's memory.

The networks and losses are those of dcgan-train and dcgan-train-encoder; batches are made on the GPU
(`device_batches`), and learning rates follow the clock, so that a run fills the time that it is given. It needs Keras
on JAX, NumPy, SciPy, OpenCV and safetensors, and no TensorFlow. In an empty folder WORK:

    KERAS_BACKEND=jax python scripts/train_on_gpu.py --draw-masks 65536 WORK
    KERAS_BACKEND=jax python scripts/train_on_gpu.py --model START.safetensors --seconds 600 WORK

reads WORK/masks.npy and the zips WORK/part*.zip as they arrive (pictures named w*, wide faces, and t*, tight ones) and
writes WORK/out: log.txt, sample grids and the averaged weights. `scripts/join_model.py` makes a model file of them.
"""

import dataclasses
import os
import queue
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")

Array = Any
GRID_ROWS, GRID_COLUMNS = 6, 16
TRACING = threading.Lock()


def draw_masks(size: int, count: int, *, seed: int) -> np.ndarray:
    """Return masks as the encoder's training draws them, bool (count, size, size)."""
    from completion.encoder.masks import draw_damage

    return np.stack([draw_damage(size, seed=(seed, index), lowres=False).mask for index in range(count)])


def decode(part: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures of a zip, uint8 (N, size, size, 3), and which of them are tight."""
    with zipfile.ZipFile(part) as file:
        entries = [(name, file.read(name)) for name in file.namelist()]

    def one(data: bytes) -> np.ndarray:
        picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))[..., ::-1]
        way = cv2.INTER_AREA if len(picture) > size else cv2.INTER_CUBIC
        return picture if len(picture) == size else cv2.resize(picture, (size, size), interpolation=way)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = list(pool.map(one, [data for _, data in entries]))
    return np.stack(pictures), np.array([name.startswith("t") for name, _ in entries])


class Run:
    """A run's data, its clock and its log."""

    def __init__(self, work: Path, *, capacity: int, size: int, seconds: float) -> None:
        import jax.numpy as jnp

        from device_batches import Store

        self.work, self.out, self.size = work, work / "out", size
        self.out.mkdir(exist_ok=True)
        self.began, self.seconds = time.monotonic(), seconds
        self.taken: set[Path] = set()
        masks = np.load(work / "masks.npy")
        self.store = Store(
            jnp.zeros((capacity, size, size, 3), jnp.uint8), jnp.zeros(capacity, bool), jnp.asarray(masks), jnp.int32(0)
        )
        self.arrived: queue.Queue[tuple[np.ndarray, np.ndarray]] = queue.Queue()
        threading.Thread(target=self._watch, daemon=True).start()
        while not self.take_arrived():
            time.sleep(0.05)

    def say(self, line: str) -> None:
        """Add a line to the log."""
        line = f"{time.monotonic() - self.began:6.1f} s  {line}"
        print(line, flush=True)
        with (self.out / "log.txt").open("a") as file:
            file.write(line + "\n")

    def left(self) -> float:
        """Return how many seconds the run has left."""
        return self.seconds - (time.monotonic() - self.began)

    def _watch(self) -> None:
        """Decode zips as they arrive."""
        while True:
            for part in sorted(set(self.work.glob("part*.zip")) - self.taken):
                self.taken.add(part)
                self.arrived.put(decode(part, self.size))
            time.sleep(0.5)

    def take_arrived(self) -> bool:
        """Move decoded pictures into the store; whether there were any."""
        try:
            pictures, tight = self.arrived.get_nowait()
        except queue.Empty:
            return False
        start = int(self.store.count)
        pictures, tight = (each[: len(self.store.tight) - start] for each in (pictures, tight))
        self.store = _extended(self.store, pictures, tight)
        self.say(f"{int(self.store.count):,} pictures, {int(self.store.tight.sum()):,} of them tight")
        return True


def _extended(store: Any, pictures: np.ndarray, tight: np.ndarray) -> Any:
    """Return a store with more rows filled."""
    import jax
    import jax.numpy as jnp

    def write(target: Array, values: np.ndarray, start: Array) -> Array:
        return jax.lax.dynamic_update_slice_in_dim(target, values, start, axis=0)

    put = jax.jit(write, donate_argnums=0)
    return dataclasses.replace(
        store,
        pictures=put(store.pictures, pictures, store.count),
        tight=put(store.tight, tight, store.count),
        count=jnp.int32(int(store.count) + len(tight)),
    )


class Phase:
    """A Keras trainer whose steps run on the device, many in one call.

    Parameters
    ----------
    trainer : keras.Model
        Compiled, with its optimizer built and a plain learning rate.
    make_batch : callable
        (key, store, step) to a batch, where `step` counts the steps of one call.
    steps : int
        In one call.
    """

    def __init__(self, trainer: Any, make_batch: Callable[[Array, Any, Array], Any], *, steps: int) -> None:
        self.trainer, self.make_batch, self.steps = trainer, make_batch, steps
        self._compiled: Any = None
        self._seed = 0
        self.steps_done = 0

    def _groups(self) -> list[list[Any]]:
        """Return the trainer's variables, in the order of Keras's state."""
        trainer = self.trainer
        return [
            list(trainer.trainable_variables),
            list(trainer.non_trainable_variables),
            list(trainer.optimizer.variables),
            list(trainer.metrics_variables),
        ]

    def state(self) -> list[list[Array]]:
        """Return the values of the trainer's variables."""
        import jax.numpy as jnp

        return [[jnp.array(variable.value) for variable in group] for group in self._groups()]  # copies: donated later

    def compile(self, store: Any) -> None:
        """Compile the steps; in a thread while something else trains."""
        import jax
        import jax.numpy as jnp

        def run(state: Any, store: Any, key: Array) -> Any:
            def step(state: Any, each: tuple[Array, Array]) -> Any:
                logs, state = self.trainer.train_step(state, self.make_batch(each[0], store, each[1]))
                return tuple(map(list, state)), logs

            state = (*state[:3], [value * 0 for value in state[3]])
            keys = jax.random.split(key, self.steps)
            state, logs = jax.lax.scan(step, tuple(map(list, state)), (keys, jnp.arange(self.steps)))
            return state, {name: values[-1] for name, values in logs.items()}

        def form_of(array: Array) -> Any:
            return jax.ShapeDtypeStruct(array.shape, array.dtype)

        began = time.monotonic()
        forms = jax.tree.map(form_of, (tuple(self.state()), store, jax.random.key(0, impl="rbg")))
        with TRACING:  # Keras keeps the scopes of names for the whole process
            lowered = jax.jit(run, donate_argnums=0).lower(*forms)
        self._compiled = lowered.compile()
        self.compile_seconds = time.monotonic() - began

    def compiled_as(self, other: "Phase") -> None:
        """Use the compiled steps of a trainer of the same networks and settings."""
        self._compiled, self.compile_seconds = other._compiled, other.compile_seconds

    def train(self, run: Run, seconds: float, *, rate: Callable[[float], float], name: str) -> None:
        """Train for some seconds; `rate` is the learning rate at each share of them."""
        import jax
        import jax.numpy as jnp

        if self._compiled is None:
            self.compile(run.store)
        names = [variable.name for variable in self.trainer.optimizer.variables]
        state, began, said, steps, logs = tuple(self.state()), time.monotonic(), 0.0, 0, {}
        set_rates = {index: float(state[2][index]) for index, each in enumerate(names) if each == "learning_rate"}
        first = next(value for value in set_rates.values() if value)  # of one Adam, or of two in one that has none
        while (spent := time.monotonic() - began) < seconds:
            run.take_arrived()
            for index, value in set_rates.items():
                state[2][index] = jnp.float32(value / first * rate(spent / seconds))
            self._seed += 1
            state, logs = self._compiled(state, run.store, jax.random.key(self._seed, impl="rbg"))
            logs = {key: float(value) for key, value in logs.items()}  # waits
            steps += self.steps
            if time.monotonic() - said > 10:
                said = time.monotonic()
                run.say(f"{name}: {steps / (said - began):.1f} steps/s, {steps}: {_shown(logs)}")
        for group, values in zip(self._groups(), state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        seconds = time.monotonic() - began
        self.steps_done = steps
        run.say(f"{name}: {steps} steps in {seconds:.1f} s, compiled in {self.compile_seconds:.1f} s: {_shown(logs)}")


def _shown(logs: dict[str, float]) -> str:
    return ", ".join(f"{key.removesuffix('_loss')} {value:.4f}" for key, value in logs.items() if key != "loss")


def falling(start: float, end: float) -> Callable[[float], float]:
    """Return a rate that falls along half a cosine, after a short rise."""
    return lambda share: (
        min(1.0, share / 0.01 + 0.02) * (end + (start - end) * 0.5 * (1 + np.cos(np.pi * min(share, 1.0))))
    )


def save_weights(path: Path, trainer: Any, *, names: tuple[str, ...]) -> None:
    """Write the averaged weights of some of a trainer's networks, NETWORK/INDEX, in one file."""
    import safetensors.numpy

    from dcgan.training.checkpoint import averaged_weights

    tensors = {
        f"{name}/{index:03d}": np.ascontiguousarray(values.astype("float16"))
        for name, weights in zip(trainer.networks, averaged_weights(trainer), strict=True)
        if name in names
        for index, values in enumerate(weights)
    }
    path.write_bytes(safetensors.numpy.save(tensors))


def load_weights(path: Path, network: Any, *, name: str) -> None:
    """Give a network the weights that `save_weights` has written."""
    import safetensors.numpy

    tensors = safetensors.numpy.load(path.read_bytes())
    network.set_weights([tensors[f"{name}/{index:03d}"].astype("float32") for index in range(len(network.weights))])


def write_grid(path: Path, pictures: np.ndarray, *, columns: int) -> None:
    """Write a sample grid as a JPEG."""
    from dcgan.pictures.values import make_grid

    cv2.imwrite(str(path), make_grid(pictures, columns=columns)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


def read_grid(path: Path, size: int) -> np.ndarray:
    """Return the pictures of a grid of `write_grid`, uint8 (N, size, size, 3); the last may be white."""
    grid = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR))[..., ::-1]
    margin = 2  # that of `make_grid`
    grid = grid[margin:, margin:]
    rows, columns = grid.shape[0] // (size + margin), grid.shape[1] // (size + margin)
    tiles = grid.reshape(rows, size + margin, columns, size + margin, 3).swapaxes(1, 2)[:, :, :size, :size]
    return np.ascontiguousarray(tiles.reshape(-1, size, size, 3))


class Generators:
    """The generator's training with one kind of discriminator, from a model's weights."""

    def __init__(self, prior: Any, norm: str, *, batch: int, steps: int, rate: float, penalty: float) -> None:
        import keras

        from dcgan.networks import build_discriminator, build_generator
        from dcgan.training.gan import DCGAN
        from device_batches import plain_batch

        self.config = dataclasses.replace(prior.config, discriminator_norm=norm)
        self.norm, self.rate = norm, rate
        generator = build_generator(self.config, policy="mixed_bfloat16")
        generator.set_weights(prior.generator.get_weights())
        discriminator = build_discriminator(self.config, policy="mixed_bfloat16", seed=7)
        is_same = norm == prior.config.discriminator_norm
        self.is_new = not is_same or penalty > 0  # a discriminator that never paid the penalty has much to unlearn
        if is_same:
            discriminator.set_weights(prior.discriminator.get_weights())
        self.gan = DCGAN(generator, discriminator, label_smoothing=0.1, r1=penalty)
        optimizer = keras.optimizers.Adam(rate, beta_1=0.5, use_ema=True, ema_momentum=0.999)
        self.gan.compile(optimizer=optimizer, loss=None)
        self.gan.built = True
        self.gan.optimizer.build(self.gan.trainable_variables)
        latent_dim = self.config.latent_dim
        self.phase = Phase(
            self.gan, lambda key, store, _: plain_batch(key, store, size=batch, latent_dim=latent_dim), steps=steps
        )

    def train(self, run: Run, seconds: float) -> None:
        """Train, write the averaged weights and a sample grid."""
        if self.is_new:  # what a generator learns from a discriminator that knows nothing is worth nothing
            weights = self.gan.generator.get_weights()
            self.phase.train(run, 0.1 * seconds, rate=lambda share: self.rate, name=f"discriminator {self.norm}")
            self.gan.generator.set_weights(weights)
            seconds *= 0.9
        self.phase.train(run, seconds, rate=falling(self.rate, 0.02 * self.rate), name=f"generator {self.norm}")
        save_weights(run.out / f"generator-{self.norm}.safetensors", self.gan, names=("generator", "discriminator"))

    def averaged(self) -> tuple[Any, list[np.ndarray]]:
        """Return the averaged generator, in float32, and the averaged discriminator's weights."""
        from dcgan.networks import build_generator
        from dcgan.training.averages import estimate_generator_batch_norm
        from dcgan.training.checkpoint import averaged_weights

        generator = build_generator(self.config)
        weights, discriminator_weights = averaged_weights(self.gan)
        generator.set_weights(weights)
        estimate_generator_batch_norm(generator, batches=8)
        return generator, discriminator_weights


def distance(run: Run, prior: Any, generator: Any, *, count: int, name: str) -> float:
    """Return the Frechet distance of samples to training pictures by the features of a model's encoder."""
    import keras

    from dcgan.distances import frechet_distance
    from dcgan.training.averages import generate
    from dcgan.pictures.values import to_float
    from dcgan.sampling import draw_latents

    encoder = prior.encoder
    deepest = encoder.get_layer("flatten").input
    features = keras.Model(encoder.inputs[0], keras.ops.mean(deepest, axis=(1, 2)))

    def describe(pictures: np.ndarray) -> np.ndarray:
        known = np.ones((*pictures.shape[:3], 1), np.float32)
        inputs = np.concatenate([to_float(pictures), known], axis=3)
        chunks = np.split(inputs, range(256, len(inputs), 256))
        return np.concatenate([np.asarray(features(chunk), np.float64) for chunk in chunks])

    wide = np.flatnonzero(~np.asarray(run.store.tight[: int(run.store.count)]))
    rows = np.random.default_rng(5).choice(wide, min(count, len(wide)), replace=False)
    real = describe(np.asarray(run.store.pictures[np.sort(rows)]))
    made = generate(generator, draw_latents(count, generator.input_shape[1], seed=1))
    write_grid(run.out / f"{name}.jpg", made[: GRID_ROWS * GRID_COLUMNS], columns=GRID_COLUMNS)
    return float(frechet_distance(real, describe(made)))


def encoder_phase(prior: Any, settings: Any, *, batch: int, steps: int) -> Phase:
    """Return the encoder's training against a model's generator, compiled for a rate that is set from outside."""
    import keras

    from completion.encoder.trainer import EncoderTrainer, build_critic
    from dcgan.encoder import build_encoder
    from dcgan.networks import build_generator
    from device_batches import Shares, damaged_batch

    class Weighed(EncoderTrainer):
        """With a factor of the critic's weights that is set while it trains."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.strength = keras.Variable(1.0, trainable=False, name="strength")

        def _critic_losses(self, real: Array, completed: Array, weights: Array, **options: Any) -> Any:
            return super()._critic_losses(real, completed, weights * self.strength, **options)

    config = prior.config
    generator = build_generator(config, policy=settings.precision)
    generator.set_weights(prior.generator.get_weights())
    critic = None
    if settings.has_critic:
        critic = build_critic(prior, policy=settings.precision, patches=settings.patch_weight > 0)
    trainer = Weighed(
        build_encoder(config, policy=settings.precision), generator, critic, config=settings, model=config
    )
    optimizer = keras.optimizers.Adam(1e-3, beta_1=0.5, use_ema=True, ema_momentum=settings.ema_momentum)
    trainer.compile(optimizer=optimizer, loss=None)
    trainer.built = True
    trainer.optimizer.build(trainer.trainable_variables)
    shares = Shares(moved=settings.moved, framed=settings.framed, worn=settings.worn)
    tight_side = 1.0 / (1.0 + 2.0 * config.margin)
    return Phase(
        trainer,
        lambda key, store, _: damaged_batch(key, store, size=batch, tight_side=tight_side, shares=shares),
        steps=steps,
    )


def show_answers(run: Run, phase: Phase, name: str) -> None:
    """Write what is given, generated, completed and true of a batch; the encoder with its average of weights."""
    import jax
    from keras import ops

    from completion.encoder.network_input import encoder_input
    from completion.encoder.trainer import push_pull_blend
    from dcgan.encoder import build_encoder, decode
    from dcgan.pictures.values import to_float, to_uint8
    from dcgan.training.checkpoint import averaged_weights

    trainer = phase.trainer
    encoder = build_encoder(trainer.model)
    encoder.set_weights(averaged_weights(trainer)[0])
    batch = jax.jit(phase.make_batch)(jax.random.key(12345), run.store, 0)
    batch = {key: value[: 4 * GRID_COLUMNS] for key, value in batch.items()}
    known = ops.cast(batch["known"], "float32")
    inputs = encoder_input(to_float(batch["seen"]), known, batch["means"])

    @jax.jit
    def answer(inputs: Array, seen: Array, known: Array) -> tuple[Array, Array]:
        latents, *offsets = encoder(inputs, training=True)  # the batch's own statistics
        made = decode(trainer.generator, trainer.model, latents, offsets=offsets)
        return made, push_pull_blend(made, seen, known)

    made, blended = answer(inputs, to_float(batch["seen"]), known)
    given, made, blended = (to_uint8(np.asarray(each, np.float32)) for each in (inputs[..., :3], made, blended))
    truth = np.asarray(batch["pictures"])
    rows = [
        part[start : start + GRID_COLUMNS]
        for start in range(0, len(truth), GRID_COLUMNS)
        for part in (given, made, blended, truth)
    ]
    write_grid(run.out / f"{name}.jpg", np.concatenate(rows), columns=GRID_COLUMNS)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run does with its seconds.

    Attributes
    ----------
    norms : tuple of str
        Kinds of discriminator, each of which trains a generator; the better one is kept.
    generator, plain : float
        Shares of the run for each generator and for the encoder without a critic.
    strengths : tuple of float
        Factors of the critic's weights, each for an equal part of the rest.
    gradient_penalty, moved : float
        See `EncoderTrainConfig`.
    generator_penalty : float
        Weight of R1 of the generator's discriminator; see `dcgan.config.TrainConfig.r1`.
    samples : int
        To compare generators by.
    critic : Path, optional
        A critic that an earlier run has trained; by default the discriminator begins anew.
    """

    norms: tuple[str, ...] = ("batch",)
    generator: float = 0.14
    plain: float = 0.27
    strengths: tuple[float, ...] = (0.5, 1.5, 4.0)
    gradient_penalty: float = 1.0
    moved: float = 0.6
    generator_penalty: float = 0.0
    samples: int = 4096
    critic: Path | None = None


def train(run: Run, prior: Any, plan: Plan, *, batch: int, steps: int) -> None:
    """Train generators, choose one, and train an encoder against it, without a critic and with an ever stronger one."""
    from completion.encoder.config import EncoderTrainConfig
    from dcgan.model_file import Prior
    from dcgan.training.checkpoint import averaged_weights

    plain = EncoderTrainConfig(
        batch_size=batch,
        moved=plan.moved,
        framed=0.25,
        worn=0.35,
        hole_weight=0.0,
        log_weight=0.1,
        precision="mixed_bfloat16",
    )
    critical = dataclasses.replace(
        plain, adversarial_weight=0.05, feature_weight=2.0, patch_weight=0.05, gradient_penalty=plan.gradient_penalty
    )
    first = encoder_phase(prior, plain, batch=batch, steps=steps)
    first.trainer.encoder.set_weights(prior.encoder.get_weights())
    trials = [
        Generators(prior, norm, batch=batch, steps=steps, rate=2e-4, penalty=plan.generator_penalty)
        for norm in plan.norms
    ]
    compiler = ThreadPoolExecutor(1)
    jobs = [compiler.submit(phase.compile, run.store) for phase in (*(each.phase for each in trials), first)]

    value = distance(run, prior, prior.generator, count=plan.samples, name="generator-start")
    run.say(f"start: distance {value:.4f}")
    best = value, prior
    for made, job in zip(trials, jobs, strict=False):
        job.result()
        made.train(run, plan.generator * run.seconds)
        generator, discriminator_weights = made.averaged()
        value = distance(run, prior, generator, count=plan.samples, name=f"generator-{made.norm}")
        run.say(f"{made.norm}: distance {value:.4f}")
        if value < best[0]:
            discriminator = made.gan.discriminator
            raw = discriminator.get_weights()
            discriminator.set_weights(discriminator_weights)
            best = value, Prior.of_networks(generator, discriminator, made.config)
            discriminator.set_weights(raw)
            first.trainer.generator.set_weights(generator.get_weights())
    (run.out / "chosen").write_text("start" if best[1] is prior else best[1].config.discriminator_norm)
    jobs[-1].result()
    second = encoder_phase(best[1], critical, batch=batch, steps=steps)
    waiting = compiler.submit(second.compile, run.store)

    first.train(run, plan.plain * run.seconds, rate=falling(1e-3, 2e-4), name="encoder")
    save_weights(run.out / "encoder-0.safetensors", first.trainer, names=("encoder",))
    show_answers(run, first, "encoder-0")
    waiting.result()
    second.trainer.encoder.set_weights(averaged_weights(first.trainer)[0])
    if plan.critic:
        load_weights(plan.critic, second.trainer.critic, name="critic")
    for number, strength in enumerate(plan.strengths, start=1):
        second.trainer.strength.assign(strength)
        seconds = (run.left() - 0.02 * run.seconds) / (len(plan.strengths) - number + 1)
        second.train(run, seconds, rate=falling(4e-4, 1e-4), name=f"encoder, critic {strength}")
        save_weights(run.out / f"encoder-{number}.safetensors", second.trainer, names=("encoder",))
        save_weights(run.out / f"critic-{number}.safetensors", second.trainer, names=("critic",))
        show_answers(run, second, f"encoder-{number}")


@click.command(help=__doc__)
@click.argument("work", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--draw-masks", "mask_count", type=int, default=0, help="Only draw masks.")
@click.option("--model", "model_path", type=click.Path(path_type=Path, exists=True), help="A model with an encoder.")
@click.option("--size", default=128, show_default=True, help="Of the masks that are drawn, and of the model.")
@click.option("--seconds", type=float, default=600.0, show_default=True)
@click.option("--batch", type=int, default=128, show_default=True)
@click.option("--steps", type=int, default=50, show_default=True, help="Training steps in one call of the device.")
@click.option("--capacity", type=int, default=66_200, show_default=True, help="Pictures that memory is kept for.")
@click.option("--samples", type=int, default=4096, show_default=True, help="To compare the generators by.")
@click.option("--norms", default="batch", show_default=True, help="Of the discriminators; batch,spectral.")
@click.option("--strengths", default="0.5,1.5,4", show_default=True, help="Of the critic, one after the other.")
@click.option("--critic", type=click.Path(path_type=Path, exists=True), help="Of an earlier run: critic-N.safetensors.")
@click.option("--gradient-penalty", type=float, default=1.0, show_default=True, help="Of the critic; 0: none.")
@click.option("--generator-penalty", type=float, default=0.0, show_default=True, help="Of the discriminator.")
@click.option("--moved", type=float, default=0.6, show_default=True, help="Share of misplaced pictures.")
@click.option("--generator", type=float, default=0.14, show_default=True, help="Its share of the run.")
@click.option("--plain", type=float, default=0.27, show_default=True, help="The share of the encoder without critic.")
def main(
    work: Path,
    mask_count: int,
    model_path: Path | None,
    size: int,
    seconds: float,
    batch: int,
    steps: int,
    capacity: int,
    samples: int,
    norms: str,
    strengths: str,
    gradient_penalty: float,
    generator_penalty: float,
    moved: float,
    generator: float,
    plain: float,
    critic: Path | None,
) -> None:
    """Draw masks, or train."""
    if mask_count:
        cores = os.cpu_count() or 1
        with ProcessPoolExecutor(cores) as pool:
            jobs = [pool.submit(draw_masks, size, -(-mask_count // cores), seed=seed) for seed in range(cores)]
            np.save(work / "masks.npy", np.concatenate([job.result() for job in jobs]))
        return
    import jax

    from dcgan.model_file import load_model

    run = Run(work, capacity=capacity, size=size, seconds=seconds)
    run.say(f"{jax.devices()}, Keras on {os.environ['KERAS_BACKEND']}")
    plan = Plan(
        norms=tuple(norms.split(",")),
        strengths=tuple(float(strength) for strength in strengths.split(",")),
        gradient_penalty=gradient_penalty,
        generator_penalty=generator_penalty,
        moved=moved,
        generator=generator,
        plain=plain,
        samples=samples,
        critic=critic,
    )
    train(run, load_model(str(model_path)), plan, batch=batch, steps=steps)
    run.say("done")
    (run.out / "done").touch()


if __name__ == "__main__":
    main()
