"""The hyperparameters of the networks and of a training run, each default in one place.

Pure standard library: the command line reads its defaults from here without importing NumPy or TensorFlow.
"""

import dataclasses
import math
from typing import Any

__all__ = ["ModelConfig", "RunConfig", "TrainConfig", "check", "doublings", "start_size"]

DISCRIMINATOR_NORMS = ("batch", "spectral")
PRECISIONS = ("float32", "mixed_bfloat16")
SIZE_MAX = 1024
FILTERS_MAX = 1024
LATENT_DIM_MAX = 4096
KERNEL_SIZE_MAX = 16
MAX_WIDENING = 8  # a feature map has at most 8 times the base filters


def doublings(size: int) -> int:
    """Return how often a generator doubles its feature map to reach `size`.

    The largest n for which size / 2**n is a whole number of at least 4, so 28 starts from 7, 40 from 5, 64 from 4.

    Raises
    ------
    ValueError
        If `size` cannot be halved once without falling below 4 or leaving the whole numbers.
    """
    count = 0
    while size % 2 == 0 and size // 2 >= 4:
        size //= 2
        count += 1
    if count == 0:
        raise ValueError(f"Expected `size` to be an even number of at least 8. Received: size={size}")
    return count


def start_size(size: int) -> int:
    """Return the side of the feature map that the generator starts from."""
    return size // 2 ** doublings(size)


def check(condition: bool, expected: str, **received: object) -> None:
    """Raise a ValueError in the house's wording unless `condition` holds."""
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise ValueError(f"Expected {expected}. Received: {values}")


def _check_whole(name: str, value: object, *, low: int, high: int | None = None) -> None:
    """Raise unless `value` is an int (and no bool) of at least `low` and at most `high`."""
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"Expected `{name}` to be a whole number {limits}. Received: {name}={value!r}")
    check(value >= low and (high is None or value <= high), f"`{name}` {limits}", **{name: value})


def _check_rate(name: str, value: float) -> None:
    """Raise unless `value` is positive and finite."""
    check(value > 0 and math.isfinite(value), f"a positive `{name}`", **{name: value})


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """What the networks are built from; saved inside every model file.

    Attributes
    ----------
    size : side of the square pictures in pixels, under the doubling rule (see `doublings`); at most 1024.
    channels : 1 (grey) or 3 (RGB).
    latent_dim : number of entries of z, each uniform in [-1, 1]; at most 4096.
    filters : channels of the feature map at half the picture's size, at most 1024; doubled at each halving, but to no
        more than 8 times as many.
    kernel_size : side of the convolution kernels, 2 to 16; a multiple of the stride 2 leaves no checkerboard.
    discriminator_norm : "batch" (Radford et al. 2016) or "spectral" (Miyato et al. 2018).
    """

    size: int = 64
    channels: int = 3
    latent_dim: int = 100
    filters: int = 64
    kernel_size: int = 4
    discriminator_norm: str = "batch"

    def __post_init__(self) -> None:
        _check_whole("size", self.size, low=8, high=SIZE_MAX)
        doublings(self.size)
        _check_whole("channels", self.channels, low=1, high=3)
        check(self.channels != 2, "`channels` to be 1 or 3", channels=self.channels)
        _check_whole("latent_dim", self.latent_dim, low=1, high=LATENT_DIM_MAX)
        _check_whole("filters", self.filters, low=1, high=FILTERS_MAX)
        _check_whole("kernel_size", self.kernel_size, low=2, high=KERNEL_SIZE_MAX)
        check(
            self.discriminator_norm in DISCRIMINATOR_NORMS,
            f"`discriminator_norm` to be one of {DISCRIMINATOR_NORMS}",
            discriminator_norm=self.discriminator_norm,
        )

    @property
    def widths(self) -> list[int]:
        """The channels of the feature maps, from the picture's half size down to the start size."""
        return [self.filters * min(2**level, MAX_WIDENING) for level in range(doublings(self.size))]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Build from a plain dict; unknown and missing keys are errors, for the file that holds them is not ours."""
        expected = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict):
            raise TypeError(f"Expected a dict. Received: {type(values).__name__}")
        if set(values) != expected:
            raise ValueError(f"Expected the keys {sorted(expected)}. Received: {sorted(values)}")
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How the networks are trained.

    Attributes
    ----------
    epochs : passes over the training set.
    batch_size : pictures a step.
    learning_rate : Adam's rate for the generator and, unless given apart, the discriminator.
    discriminator_learning_rate : Adam's rate for the discriminator; None for the same as the generator's.
    beta_1 : Adam's first-moment decay.
    label_smoothing : target of the discriminator on real pictures is 1 minus this (one-sided, Salimans et al. 2016).
    ema_momentum : decay of the running average of the weights that is exported; 0 exports the raw weights.
    flip : mirror half of the pictures, drawn anew for each pass.
    precision : "float32" or "mixed_bfloat16" (the last layer of each network stays in float32).
    seed : of the initial weights, the order of the pictures, the flips and z.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 2e-4
    discriminator_learning_rate: float | None = None
    beta_1: float = 0.5
    label_smoothing: float = 0.1
    ema_momentum: float = 0.999
    flip: bool = True
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        _check_whole("epochs", self.epochs, low=1)
        _check_whole("batch_size", self.batch_size, low=2)
        _check_rate("learning_rate", self.learning_rate)
        if self.discriminator_learning_rate is not None:
            _check_rate("discriminator_learning_rate", self.discriminator_learning_rate)
        check(0 <= self.beta_1 < 1, "`beta_1` in [0, 1)", beta_1=self.beta_1)
        check(0 <= self.label_smoothing < 0.5, "`label_smoothing` in [0, 0.5)", label_smoothing=self.label_smoothing)
        check(0 <= self.ema_momentum < 1, "`ema_momentum` in [0, 1)", ema_momentum=self.ema_momentum)
        check(self.precision in PRECISIONS, f"`precision` to be one of {PRECISIONS}", precision=self.precision)
        _check_whole("seed", self.seed, low=0)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """How often a training run writes to its folder; changes nothing of what is learnt.

    Attributes
    ----------
    interval_steps : steps between two rows of the loss log; checkpoints fall on such a step.
    checkpoint_seconds : at least this long between two checkpoints.
    sample_steps : steps between two sample grids, each with an export of the model.
    snapshot_epochs : keep a copy of the exported model every so many passes; 0 keeps the last alone.
    """

    interval_steps: int = 50
    checkpoint_seconds: float = 60.0
    sample_steps: int = 500
    snapshot_epochs: int = 0

    def __post_init__(self) -> None:
        _check_whole("interval_steps", self.interval_steps, low=1)
        seconds = self.checkpoint_seconds
        check(seconds >= 0, "`checkpoint_seconds` of at least 0", checkpoint_seconds=seconds)
        _check_whole("sample_steps", self.sample_steps, low=1)
        _check_whole("snapshot_epochs", self.snapshot_epochs, low=0)
