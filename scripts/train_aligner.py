r"""Train the aligner: a small network that sees where the face lies in a picture of a face that may be misplaced.

    python scripts/train_aligner.py --dataset wide-train-celeba.zip --dataset wide-train-lfw.zip --minutes 60 \
        aligner.safetensors

Wide aligned faces are moved, zoomed and turned at random, and the network predicts by how much, with a standard
deviation for each of the four numbers: the loss is the negative logarithm of a normal distribution's density at the
truth (Nix and Weigend 1994). It sees the known pixels of the frame's middle part alone. What lies at the frame's edge
would tell where the source picture ends, which is what a network learns first and what no picture of a user has.

The learning rate follows the clock. `dcgan.faces.aligner` asks the network.
"""

import math
import os
import time
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import keras
from keras import ops

from completion.encoder.masks import draw_damage
from completion.encoder.variety import Sample, wear
from dcgan.config import BATCH_NORM_EPSILON, LEAKY_SLOPE
from dcgan.faces.aligner import ALIGNER_SIZE, EDGE, PLACES, UNITS, WIDTHS
from dcgan.model_tensors import serialize
from dcgan.pictures.records import write_whole
from dcgan.training.callbacks import KeepFreedMemory
from dcgan.training.checkpoint import averaged_weights
from dcgan.training.dataset import cache_pictures
from dcgan.training.sources import open_source

Array = Any

HIDDEN = 128
SOURCE_SIZE = 96  # of the pictures in memory
ZOOM_MAX, TURN_MAX, SHIFT_MAX = 1.35, 18.0, 0.14  # a factor, degrees, sides
SLACK = 0.04  # of the frame's side, which a moved picture may miss at a corner of what is seen; it is reflected there
EDGES = (0.06, 0.24)  # what is hidden at each side where it is not `EDGE`
TRIES = 12
MASKS = 8192


def build_aligner(channels: int = 3, *, seed: int = 0) -> keras.Model:
    """Return the network; its input and outputs are those of `dcgan.onnx_graph.aligner_graph`."""
    seen = keras.Input((ALIGNER_SIZE, ALIGNER_SIZE, channels + 1), name="seen")
    x = seen
    for index, width in enumerate(WIDTHS):
        kernels = keras.initializers.HeNormal(seed=seed + index)
        convolution = keras.layers.Conv2D(
            width, 4, strides=2, padding="same", use_bias=False, kernel_initializer=kernels, name=f"down{index}"
        )
        norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=BATCH_NORM_EPSILON, name=f"down{index}_norm")
        x = keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE)(norm(convolution(x)))
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(HIDDEN, kernel_initializer=keras.initializers.HeNormal(seed=seed + 10), name="hidden")(x)
    x = keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE)(x)
    return keras.Model(seen, keras.layers.Dense(2 * PLACES, kernel_initializer="zeros", name="places")(x))


class AlignerTrainer(keras.Model):
    """The aligner with its loss."""

    def __init__(self, aligner: keras.Model) -> None:
        super().__init__()
        self.aligner = aligner
        self.error = keras.metrics.Mean(name="error")

    @property
    def networks(self) -> dict[str, keras.Model]:
        """The networks that are trained, by name."""
        return {"aligner": self.aligner}

    def call(self, inputs: dict[str, Array], training: bool = False) -> Array:
        """Return the predictions for a batch."""
        return self.aligner(inputs["seen"], training=training)

    def compute_loss(
        self, x: Any = None, y: None = None, y_pred: Any = None, sample_weight: None = None, training: bool = True
    ) -> Array:
        """Return the negative log likelihood of the places."""
        means, logs = y_pred[:, :PLACES], ops.clip(y_pred[:, PLACES:], -6.0, 3.0)
        errors = x["places"] - means
        self.error.update_state(ops.abs(errors))
        return ops.mean(logs + 0.5 * ops.square(errors) * ops.exp(-2.0 * logs))


def matrix_of(place: np.ndarray, size: int) -> np.ndarray:
    """Return the affine map that moves a face: shift in sides, logarithm of the factor, turn in radians."""
    factor, cos, sin = math.exp(place[2]), math.cos(place[3]), math.sin(place[3])
    linear = factor * np.array([[cos, sin], [-sin, cos]])
    middle = np.full(2, (size - 1) / 2.0)
    return np.column_stack([linear, middle + place[:2] * size - linear @ middle])


def fits(place: np.ndarray, edges: np.ndarray) -> bool:
    """Tell whether the moved picture reaches the corners of what is seen; edges are left, top, right, bottom."""
    left, top, right, bottom = edges - 0.5
    corners = np.array([[left, top], [-right, top], [left, -bottom], [-right, -bottom]]) - place[:2]
    cos, sin = math.cos(place[3]), math.sin(place[3])
    sources = corners @ np.array([[cos, sin], [-sin, cos]]) / math.exp(place[2])
    return bool(np.abs(sources).max() <= 0.5 + SLACK)


def draw_place(rng: np.random.Generator, edges: np.ndarray) -> np.ndarray:
    """Return a random place that fits, or none at all."""
    for _ in range(TRIES):
        unit = rng.uniform(-1.0, 1.0, PLACES)
        place = unit * (SHIFT_MAX, SHIFT_MAX, math.log(ZOOM_MAX), math.radians(TURN_MAX))
        if fits(place, edges):
            return np.asarray(place)
    return np.zeros(PLACES)


class Batches(keras.utils.PyDataset):
    """An endless stream of misplaced faces, a function of the seed and the step."""

    def __init__(self, pictures: np.ndarray, masks: np.ndarray, *, batch: int, seed: int) -> None:
        super().__init__(workers=2, max_queue_size=8)
        self.pictures, self.masks, self.batch, self.seed = pictures, masks, batch, seed

    @property
    def num_batches(self) -> None:
        """Return None: the stream has no end."""
        return None

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng((self.seed, index))
        rows = np.sort(rng.integers(0, len(self.pictures), self.batch))
        seen = np.empty((self.batch, ALIGNER_SIZE, ALIGNER_SIZE, 4), np.float32)
        places = np.empty((self.batch, PLACES), np.float32)
        for number, row in enumerate(rows):
            seen[number], places[number] = self._one(self.pictures[row], rng)
        return {"seen": seen, "places": places / np.array(UNITS, np.float32)}

    def _one(self, picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return what is seen of a misplaced picture, (S, S, 4), and its place."""
        size = ALIGNER_SIZE
        edges = rng.uniform(*EDGES, 4) if rng.random() < 0.4 else np.full(4, EDGE)
        place = draw_place(rng, edges)
        there = matrix_of(place, size)
        scale = size / SOURCE_SIZE
        there = there @ np.array(
            [[scale, 0.0, (scale - 1.0) / 2.0], [0.0, scale, (scale - 1.0) / 2.0], [0.0, 0.0, 1.0]]
        )
        if rng.random() < 0.5:
            picture = picture[:, ::-1]
        warped = cv2.warpAffine(
            np.ascontiguousarray(picture), there, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        if rng.random() < 0.35:
            warped = wear(Sample.whole(warped), rng).seen
        left, top, right, bottom = np.rint(edges * size).astype(int)
        known = np.zeros((size, size, 1), np.float32)
        known[top : size - bottom, left : size - right] = 1.0
        if rng.random() < 0.85:
            mask = self.masks[rng.integers(len(self.masks))]
            known *= ~mask[..., None]
        return np.concatenate([(warped / np.float32(127.5) - 1.0) * known, known], axis=2), place


class Clock(keras.callbacks.Callback):
    """The learning rate by the clock, a log, and the end."""

    def __init__(self, seconds: float, rate: float, log: Path) -> None:
        super().__init__()
        self.seconds, self.rate, self.log = seconds, rate, log
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Set the rate, and stop where the time is over."""
        spent = time.monotonic() - self.began
        share = min(spent / self.seconds, 1.0)
        self.model.optimizer.learning_rate = self.rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * share)))
        with self.log.open("a") as file:
            file.write(f"{spent:.0f} s, {epoch + 1}: " + ", ".join(f"{k} {v:.4f}" for k, v in logs.items()) + "\n")
        if share >= 1.0:
            self.model.stop_training = True


@click.command(help=__doc__)
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--dataset", "paths", multiple=True, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--minutes", default=60.0, show_default=True)
@click.option("--batch", default=64, show_default=True)
@click.option("--rate", default=1e-3, show_default=True, help="Adam's, at the start.")
@click.option("--start-from", type=click.Path(path_type=Path, exists=True), help="An aligner.")
@click.option("--seed", default=0, show_default=True)
def main(
    output: Path, paths: tuple[Path, ...], minutes: float, batch: int, rate: float, start_from: Path | None, seed: int
) -> None:
    """Train and write the averaged weights."""
    import safetensors.numpy

    data = cache_pictures([open_source(path) for path in paths], size=SOURCE_SIZE, channels=3)
    masks = np.stack([draw_damage(ALIGNER_SIZE, seed=(seed, index), lowres=False).mask for index in range(MASKS)])
    trainer = AlignerTrainer(build_aligner(seed=seed))
    trainer.compile(optimizer=keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999), loss=None)
    trainer.built = True
    trainer.optimizer.build(trainer.trainable_variables)
    if start_from:
        tensors = safetensors.numpy.load(start_from.read_bytes())
        for variable, name in zip(trainer.aligner.weights, names_of(trainer.aligner), strict=True):
            variable.assign(tensors[name].astype(np.float32))
    batches = Batches(data.pictures, masks, batch=batch, seed=seed)
    log = output.with_suffix(".log")
    trainer.fit(
        batches,
        steps_per_epoch=200,
        epochs=10**6,
        shuffle=False,
        verbose=0,
        callbacks=[KeepFreedMemory(), Clock(60.0 * minutes, rate, log)],
    )
    trainer.aligner.set_weights(averaged_weights(trainer)[0])
    for index in range(200):  # BatchNorm's running means are those of the last steps' weights
        trainer(Batches.__getitem__(batches, 10**7 + index), training=True)
    values = zip(names_of(trainer.aligner), trainer.aligner.get_weights(), strict=True)
    tensors = {name: np.ascontiguousarray(each.astype(np.float16)) for name, each in values}
    with write_whole(output) as file:
        file.write(serialize(tensors, {"format": "face-aligner", "format_version": "1"}))
    click.echo(os.fspath(output))


def names_of(network: keras.Model) -> list[str]:
    """Return the names of a network's weights, LAYER/WEIGHT."""
    return ["/".join(weight.path.split("/")[-2:]) for weight in network.weights]


if __name__ == "__main__":
    main()
