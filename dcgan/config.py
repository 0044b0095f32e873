"""The settings of the networks, of a training run and of its folder, with their defaults.

This module uses the standard library only: the command line reads its defaults here without importing NumPy or
TensorFlow.
"""

import dataclasses
import math
from typing import Any
from dcgan.errors import OptionError

__all__ = [
    "DEFAULT_MODEL",
    "MODEL_HELP",
    "PIPE",
    "SEED_MAX",
    "ModelConfig",
    "RunConfig",
    "TrainConfig",
    "check",
    "doublings",
    "start_size",
]

DEFAULT_MODEL = "faces-128"  # the bundled model that everything uses unless told otherwise
MODEL_HELP = "A bundled model's name, the path of a model file, or hf://OWNER/NAME[@REVISION][/FILE]; see dcgan-models."
PIPE = "-"  # stdin among the inputs, stdout as the output
DISCRIMINATOR_NORMS = ("batch", "spectral", "batch-all", "none")
LATENTS = ("uniform", "normal")
UPSAMPLINGS = ("transposed", "resize")
ACTIVATIONS = ("relu", "leaky")
OUTPUTS = ("tanh", "sigmoid")
LOSSES = ("minimax", "least-squares", "hinge", "relativistic")
INITIALIZERS = ("normal", "truncated")
AUGMENTATIONS = ("color", "translation", "cutout")
GENERATOR_STEPS_MAX = 16
R1_INTERVAL_MAX = 64
HELD_OUT_MAX, COMPARED_MIN = 100_000, 4
KEPT = ("last", "best")
WEIGHT_MAX = 1e6
NORMAL_BOUND = 3.0  # standard deviations of normal latents that a search looks at
PRECISIONS = ("float32", "mixed_bfloat16")
SIZE_MAX = 1024
FILTERS_MAX = 1024
LATENT_DIM_MAX = 4096
KERNEL_SIZE_MAX = 16
EPOCHS_MAX = 1_000_000
BATCH_SIZE_MAX = 65_536
SEED_MAX = 2**32 - 1
WIDENING_MAX = 64
MARGIN_MAX = 1.0
DENSE_MAX = 8192
LATER_FIELDS: dict[str, Any] = {  # of ModelConfig; what files without them have
    "widening": 8,
    "offset_maps": 1,
    "margin": 0.0,
    "latent": "uniform",
    "upsampling": "transposed",
    "activation": "relu",
    "output": "tanh",
    "output_bias": True,
    "generator_dropout": 0.0,
    "dropout": 0.0,
    "dense": 0,
    "logits": 1,
}
LATER_TRAIN_FIELDS: dict[str, Any] = {  # of TrainConfig; what runs without them had
    "loss": "minimax",
    "generator_steps": 1,
    "pretrain_steps": 0,
    "balance": 0.0,
    "r1": 0.0,
    "r1_interval": 16,
    "held_out": 0,
    "discriminator_steps": 1,
    "weight_decay": 0.0,
    "initializer": "normal",
    "augment": "",
    "recipe": "",
}
BATCH_NORM_EPSILON = 1e-5  # of all networks
LEAKY_SLOPE = 0.2


def doublings(size: int) -> int:
    """Return how often the generator doubles the size of its feature map.

    This is the largest n for which size / 2**n is a whole number of at least 4: 28 starts from 7, 40 from 5, 64 from 4.

    Parameters
    ----------
    size : int
        Side of the pictures, in pixels.

    Returns
    -------
    int
        The number of doublings, at least 1.

    Raises
    ------
    ValueError
        `size` is odd or less than 8.

    Examples
    --------
    >>> [doublings(size) for size in (28, 40, 64)]
    [2, 3, 4]
    """
    count = 0
    while size % 2 == 0 and size // 2 >= 4:
        size //= 2
        count += 1
    if count == 0:
        raise OptionError(f"Expected `size` to be an even number of at least 8. Received: size={size}")
    return count


def start_size(size: int) -> int:
    """Return the side of the generator's first feature map.

    Parameters
    ----------
    size : int
        Side of the pictures, in pixels.

    Returns
    -------
    int
        The side, at least 4.

    Raises
    ------
    ValueError
        `size` is odd or less than 8.
    """
    return size // 2 ** doublings(size)


def check(condition: bool, expected: str, **received: object) -> None:
    """Raise an OptionError, which is a ValueError, unless `condition` holds.

    Parameters
    ----------
    condition : bool
        Whether the values are valid.
    expected : str
        Completes the sentence "Expected ...".
    **received : object
        The values to report, by name.

    Raises
    ------
    OptionError
        `condition` is False. The message has the form "Expected ... Received: name=value".

    Examples
    --------
    >>> check(False, "`count` of at least 1", count=0)
    Traceback (most recent call last):
    dcgan.errors.OptionError: Expected `count` of at least 1. Received: count=0
    """
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise OptionError(f"Expected {expected}. Received: {values}")


def _check_whole(name: str, value: object, *, low: int, high: int | None = None) -> None:
    """Raise TypeError unless `value` is an int and no bool, ValueError unless it is from `low` to `high`."""
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"Expected `{name}` to be a whole number {limits}. Received: {name}={value!r}")
    check(value >= low and (high is None or value <= high), f"`{name}` {limits}", **{name: value})


def _for_file(settings: Any, later: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of settings by name, without later ones that are what files without them have."""
    values = dataclasses.asdict(settings)
    return {name: value for name, value in values.items() if name not in later or value != later[name]}


def _check_rate(name: str, value: float) -> None:
    """Raise ValueError unless `value` is positive and finite."""
    check(value > 0 and math.isfinite(value), f"a positive `{name}`", **{name: value})


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The settings from which the networks are built; every model file contains them.

    Attributes
    ----------
    size : int, default 64
        Side of the square pictures in pixels, at most 1024; see `doublings` for the sizes that are allowed.
    channels : {3, 1}
        3 for RGB, 1 for grey.
    latent_dim : int, default 100
        Number of entries of the latents z, at most 4096; see `latent`.
    filters : int, default 64
        Channels of the feature map at half the picture's size, at most 1024. The number doubles each time the size of
        the feature map halves, up to `widening` times `filters`.
    kernel_size : int, default 4
        Side of the convolution kernels, 2 to 16. Multiples of the stride 2 avoid checkerboard artifacts.
    discriminator_norm : {"batch", "spectral", "batch-all", "none"}
        Normalisation in the discriminator: BatchNorm after every convolution but the first (Radford et al. 2016), or
        after every one; spectral (Miyato et al. 2018); or none.
    widening : int, default 8
        Largest number of channels of a feature map, as a multiple of `filters`; 1 to 64.
    offset_maps : int, default 1
        To how many of the generator's feature maps, from the largest down, the encoder adds an offset; from 1 to the
        number of feature maps without the first, or 1 where there is no other.
    margin : float, default 0
        Of the faces' frame: how far it goes beyond OpenFace's tight square on each side, as a share of that square's
        side, from 0 to 1; see `dcgan.faces.alignment.alignment_transform`.
    latent : {"uniform", "normal"}
        Distribution of each entry of z: uniform in [-1, 1], or normal with mean 0 and standard deviation 1, of which a
        search looks at three standard deviations.
    upsampling : {"transposed", "resize"}
        How the generator doubles the side of a feature map: by a transposed convolution, or by repeating each pixel
        before a convolution (Odena et al. 2016, doi:10.23915/distill.00003), which leaves no checkerboard.
    activation : {"relu", "leaky"}
        The generator's activation; a leaky ReLU has the slope 0.2 below 0.
    output : {"tanh", "sigmoid"}
        The generator's last activation. With "sigmoid", the last layer makes [0, 1], and the discriminator sees these
        values; the pictures are in [-1, 1] all the same.
    output_bias : bool, default True
        Whether the generator's last convolution has a bias.
    generator_dropout, dropout : float, default 0
        Share of the generator's and of the discriminator's activations that training leaves out, in [0, 1).
    dense : int, default 0
        Units of a dense layer before the discriminator's last one, at most 8192; 0: there is none.
    logits : {1, 2}
        The discriminator's outputs. Two are the logits of a softmax over "generated" and "real"; their difference is
        the logit that every loss uses, for the softmax cross-entropy is the sigmoid's of the difference.

    Notes
    -----
    Files that were written before there were the fields from `widening` on have their defaults.
    """

    size: int = 64
    channels: int = 3
    latent_dim: int = 100
    filters: int = 64
    kernel_size: int = 4
    discriminator_norm: str = "batch"
    widening: int = 8
    offset_maps: int = 1
    margin: float = 0.0
    latent: str = "uniform"
    upsampling: str = "transposed"
    activation: str = "relu"
    output: str = "tanh"
    output_bias: bool = True
    generator_dropout: float = 0.0
    dropout: float = 0.0
    dense: int = 0
    logits: int = 1

    def __post_init__(self) -> None:
        _check_whole("size", self.size, low=8, high=SIZE_MAX)
        doublings(self.size)
        _check_whole("channels", self.channels, low=1, high=3)
        check(self.channels != 2, "`channels` to be 1 or 3", channels=self.channels)
        _check_whole("latent_dim", self.latent_dim, low=1, high=LATENT_DIM_MAX)
        _check_whole("filters", self.filters, low=1, high=FILTERS_MAX)
        _check_whole("kernel_size", self.kernel_size, low=2, high=KERNEL_SIZE_MAX)
        _check_whole("widening", self.widening, low=1, high=WIDENING_MAX)
        _check_whole("offset_maps", self.offset_maps, low=1, high=max(1, doublings(self.size) - 1))
        check(0.0 <= self.margin <= MARGIN_MAX, f"`margin` from 0 to {MARGIN_MAX:g}", margin=self.margin)
        for name, choices in (
            ("discriminator_norm", DISCRIMINATOR_NORMS),
            ("latent", LATENTS),
            ("upsampling", UPSAMPLINGS),
            ("activation", ACTIVATIONS),
            ("output", OUTPUTS),
            ("output_bias", (True, False)),
            ("logits", (1, 2)),
        ):
            value = getattr(self, name)
            check(value in choices, f"`{name}` to be one of {choices}", **{name: value})
        for name in ("generator_dropout", "dropout"):
            check(0.0 <= getattr(self, name) < 1.0, f"`{name}` in [0, 1)", **{name: getattr(self, name)})
        _check_whole("dense", self.dense, low=0, high=DENSE_MAX)

    @property
    def latent_bound(self) -> float:
        """The largest magnitude of an entry of z that a search looks at."""
        return 1.0 if self.latent == "uniform" else NORMAL_BOUND

    @property
    def widths(self) -> list[int]:
        """Channels of the feature maps, from half the picture's size down to the start size."""
        return [self.filters * min(2**level, self.widening) for level in range(doublings(self.size))]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, for a file; a later field only where it is not what files without it have."""
        return _for_file(self, LATER_FIELDS)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Build a configuration from a dict that was read from a file.

        Parameters
        ----------
        values : dict
            What `to_dict` returns.

        Returns
        -------
        ModelConfig
            The configuration.

        Raises
        ------
        TypeError
            `values` is not a dict, or a field has the wrong type.
        ValueError
            A key is unknown or missing, or a value is out of range.
        """
        expected = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict):
            raise TypeError(f"Expected a dict. Received: {type(values).__name__}")
        if set(values) | set(LATER_FIELDS) != expected:
            raise ValueError(f"Expected the keys {sorted(expected)}. Received: {sorted(values)}")
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of a training run.

    Attributes
    ----------
    epochs : int, default 30
        Number of passes over the pictures.
    batch_size : int, default 64
        Pictures in a batch, at least 2.
    learning_rate : float, default 2e-4
        Adam's learning rate for the generator.
    discriminator_learning_rate : float, optional
        Adam's learning rate for the discriminator; by default `learning_rate`.
    beta_1 : float, default 0.5
        Adam's decay rate of the first moment, in [0, 1).
    label_smoothing : float, default 0.1
        One-sided label smoothing (Salimans et al. 2016), in [0, 0.5): the discriminator's target for real pictures is 1
        minus this.
    ema_momentum : float, default 0.999
        Decay of the exponential moving average of the weights, in [0, 1). The average is exported. With 0, the weights
        themselves are exported.
    flip : bool, default True
        Mirror each picture with probability 1/2, drawn again in each pass.
    precision : {"float32", "mixed_bfloat16"}
        Precision of the layers' arithmetic. The output layers always use float32.
    seed : int, default 0
        Seed of the initial weights, the order of the pictures, mirroring and the latents z.
    loss : {"minimax", "least-squares", "hinge", "relativistic"}
        The adversarial loss; see `dcgan.training.losses`.
    generator_steps : int, default 1
        Updates of the generator for each update of the discriminator, 1 to 16.
    pretrain_steps : int, default 0
        Training steps at the beginning in which the discriminator alone is updated.
    balance : float, default 0
        Above 0: a network is not updated in a step in which its loss is more than this many times smaller than the
        other's. At least 1.
    r1 : float, default 0
        Weight gamma of R1: gamma / 2 times the squared norm of the discriminator's gradient at real pictures (Mescheder
        et al. 2018, arXiv:1801.04406, equation 9). With the relativistic loss also at generated ones, R2.
    r1_interval : int, default 16
        The penalty is added in one of this many steps, multiplied by the number, which costs a fraction of the time and
        changes little (Karras et al. 2020, arXiv:1912.04958, section 3.1); 1 to 64.
    weight_decay : float, default 0
        Share of every weight that is subtracted in a step, times the learning rate (Loshchilov and Hutter 2019,
        arXiv:1711.05101).
    initializer : {"normal", "truncated"}
        Of the kernels: normal with a standard deviation of 0.02 (Radford et al. 2016), or the same without what is
        beyond two of them.
    augment : str, default ""
        What is done to real and generated pictures before the discriminator sees them: any of "color", "translation"
        and "cutout", with commas between them; see `dcgan.training.augment`.
    recipe : str, default ""
        The recipe's name in `dcgan.recipes`, from which these settings come; they say what was changed.

    held_out : int, default 0
        Pictures, chosen by the seed, that are not trained on but compared with; see `RunConfig.measure_epochs`.

    discriminator_steps : int, default 1
        Updates of the discriminator for each update of the generator, 1 to 16; 1 where `generator_steps` is not.

    Notes
    -----
    Runs that were begun before there were the fields from `loss` on have their defaults.
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
    loss: str = "minimax"
    generator_steps: int = 1
    pretrain_steps: int = 0
    balance: float = 0.0
    r1: float = 0.0
    r1_interval: int = 16
    weight_decay: float = 0.0
    initializer: str = "normal"
    augment: str = ""
    recipe: str = ""
    held_out: int = 0
    discriminator_steps: int = 1

    @property
    def augmentations(self) -> tuple[str, ...]:
        """What `augment` names."""
        return tuple(self.augment.split(",")) if self.augment else ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, for a file; a later field only where it is not what runs without it had."""
        return _for_file(self, LATER_TRAIN_FIELDS)

    def __post_init__(self) -> None:
        _check_whole("epochs", self.epochs, low=1, high=EPOCHS_MAX)
        _check_whole("batch_size", self.batch_size, low=2, high=BATCH_SIZE_MAX)
        _check_rate("learning_rate", self.learning_rate)
        if self.discriminator_learning_rate is not None:
            _check_rate("discriminator_learning_rate", self.discriminator_learning_rate)
        check(0 <= self.beta_1 < 1, "`beta_1` in [0, 1)", beta_1=self.beta_1)
        check(0 <= self.label_smoothing < 0.5, "`label_smoothing` in [0, 0.5)", label_smoothing=self.label_smoothing)
        check(0 <= self.ema_momentum < 1, "`ema_momentum` in [0, 1)", ema_momentum=self.ema_momentum)
        check(self.precision in PRECISIONS, f"`precision` to be one of {PRECISIONS}", precision=self.precision)
        _check_whole("seed", self.seed, low=0, high=SEED_MAX)
        check(self.loss in LOSSES, f"`loss` to be one of {LOSSES}", loss=self.loss)
        check(
            self.initializer in INITIALIZERS, f"`initializer` to be one of {INITIALIZERS}", initializer=self.initializer
        )
        _check_whole("generator_steps", self.generator_steps, low=1, high=GENERATOR_STEPS_MAX)
        check(
            set(self.augmentations) <= set(AUGMENTATIONS),
            f"`augment` of {', '.join(AUGMENTATIONS)}, with commas between them",
            augment=self.augment,
        )
        _check_whole("pretrain_steps", self.pretrain_steps, low=0, high=EPOCHS_MAX)
        check(0 <= self.r1 <= WEIGHT_MAX, f"`r1` from 0 to {WEIGHT_MAX:g}", r1=self.r1)
        _check_whole("discriminator_steps", self.discriminator_steps, low=1, high=GENERATOR_STEPS_MAX)
        check(
            min(self.generator_steps, self.discriminator_steps) == 1,
            "one of `generator_steps` and `discriminator_steps` to be 1",
            generator_steps=self.generator_steps,
            discriminator_steps=self.discriminator_steps,
        )
        _check_whole("held_out", self.held_out, low=0, high=HELD_OUT_MAX)
        check(
            self.held_out == 0 or self.held_out >= COMPARED_MIN,
            f"`held_out` of 0, or of at least {COMPARED_MIN}, which a distance needs",
            held_out=self.held_out,
        )
        _check_whole("r1_interval", self.r1_interval, low=1, high=R1_INTERVAL_MAX)
        check(0 <= self.weight_decay <= 1, "`weight_decay` in [0, 1]", weight_decay=self.weight_decay)
        check(
            self.balance == 0 or 1 <= self.balance <= WEIGHT_MAX,
            f"`balance` of 0, or from 1 to {WEIGHT_MAX:g}",
            balance=self.balance,
        )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """How often a training run writes to its folder; has no effect on the trained weights.

    Attributes
    ----------
    interval_steps : int, default 50
        Largest number of training steps between two rows of the loss log. All other files are written at the step of a
        row as well.
    checkpoint_seconds : float, default 60.0
        Shortest time between two checkpoints, in seconds.
    sample_steps : int, default 500
        Training steps between two sample grids. The model is exported with each of them.
    snapshot_epochs : int, default 0
        Passes between two snapshots, which are copies of the exported model; 0 writes none.
    measure_epochs : int, default 0
        Passes between two measurements of the distance of samples to real pictures, which are those held out, or
        pictures of the training where none are; 0 measures none. See `dcgan.training.monitor.Distances`.
    keep : {"last", "best"}
        The model that model.safetensors has at the end: that of the last step, or the one with the smallest kernel
        distance.
    """

    interval_steps: int = 50
    checkpoint_seconds: float = 60.0
    sample_steps: int = 500
    snapshot_epochs: int = 0
    measure_epochs: int = 0
    keep: str = "last"

    def __post_init__(self) -> None:
        _check_whole("interval_steps", self.interval_steps, low=1)
        seconds = self.checkpoint_seconds
        check(seconds >= 0, "`checkpoint_seconds` of at least 0", checkpoint_seconds=seconds)
        _check_whole("sample_steps", self.sample_steps, low=1)
        _check_whole("snapshot_epochs", self.snapshot_epochs, low=0)
        _check_whole("measure_epochs", self.measure_epochs, low=0)
        check(self.keep in KEPT, f"`keep` to be one of {KEPT}", keep=self.keep)
        check(
            self.keep == "last" or self.measure_epochs > 0, "`measure_epochs` above 0 with `keep` best", keep=self.keep
        )
