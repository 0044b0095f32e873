"""The methods that fill holes and their settings, each default in one place.

Pure standard library: the command line reads its defaults from here without importing NumPy or TensorFlow.
"""

import dataclasses
from typing import Any, ClassVar

from dcgan.config import check
from dcgan.errors import OptionError

__all__ = [
    "BEYOND",
    "BLEND_NAMES",
    "CLASSICAL_METHODS",
    "DEFAULT_METHOD",
    "FORMS",
    "FRAMINGS",
    "METHODS",
    "AutoConfig",
    "ClassicalConfig",
    "EncoderConfig",
    "MethodConfig",
    "SearchConfig",
    "is_search",
    "methods_with_option",
    "needs_model",
    "resolve_method",
]

BLEND_NAMES = ("auto", "poisson", "biharmonic", "feather", "none")
FRAMINGS = ("auto", "tight", "wide")  # of aligned faces; see completion.framing
BEYOND = "telea"  # fills the part of a photograph's hole that lies in no face's frame
#: Formats of results, with their suffix; same is the format of each picture.
FORMS = {"png": ".png", "same": None, "jpeg": ".jpg", "webp": ".webp"}
SAMPLERS = ("none", "hmc")
STARTS = ("random", "encoder")
WEIGHTINGS = ("yeh", "uniform")
AUGMENTATIONS_MAX = 10
SCHEDULES = ("cosine", "constant")
PERCEPTUAL_FORMS = ("nonsaturating", "saturating")
#: Upper bounds, far beyond what is of use: a slip of the keyboard must not run for ever.
ITERATIONS_MAX, CANDIDATES_MAX, HMC_SAMPLES_MAX, HMC_STEPS_MAX = 1_000_000, 1_000, 100_000, 1_000
BATCH_SIZE_MAX = 4096
WORKERS_MAX = 256


def _range(name: str, most: int) -> str:
    """Return what is expected of a number from 1 to a bound."""
    return f"`{name}` from 1 to {most:,}"


@dataclasses.dataclass(frozen=True)
class ClassicalConfig:
    """Settings of a method without a model: there are none."""

    candidates: ClassVar[int] = 1


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Settings of a method that takes the encoder's answer.

    Attributes
    ----------
    augmentations : int
        How many augmented copies of the observation the encoder sees, from 1 (the observation itself) to 10; beside
        known pixels their answers are averaged. See `completion.search.augment`.
    nearness_min : float
        Augmented copies are looked at only where the missing pixels' mean nearness to known ones is at least this, in
        [0, 1]: in wide holes they change little. The mean is 0.5 for a center hole, 0.2 for a hidden half.
    """

    augmentations: int = 1
    nearness_min: float = 0.0
    candidates: ClassVar[int] = 1  # the encoder gives one answer

    def __post_init__(self) -> None:
        number = self.augmentations
        most = AUGMENTATIONS_MAX
        check(1 <= number <= most, f"`augmentations` from 1 to {most}", augmentations=number)
        check(0.0 <= self.nearness_min <= 1.0, "`nearness_min` in [0, 1]", nearness_min=self.nearness_min)


BALANCED = EncoderConfig(augmentations=4, nearness_min=0.6)


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Settings of a method that searches the latent space.

    Attributes
    ----------
    start : str
        Where the search starts: "random", at z drawn from the seed, or "encoder", around the z that the model's encoder
        gives.
    iterations : int
        Steps of Adam, 1 to 1,000,000.
    learning_rate : float
        Adam's learning rate at the first step.
    schedule : str
        "cosine" decays the learning rate to zero, "constant" keeps it.
    weighting : str
        "yeh" weights each known pixel by the missing share of the window around it (Yeh et al. 2017); "uniform"
        weights all alike (Amos 2016).
    weight_floor : float
        Added to Yeh's weight of every known pixel before normalisation; 0 in the paper.
    window : int
        Side of that window in pixels, odd, 3 to 1023.
    perceptual_weight : float
        The papers' lambda, the weight of the perceptual loss.
    perceptual_form : str
        "nonsaturating", -log D(G(z)), or "saturating", log(1 - D(G(z))), as in Yeh et al. 2017.
    loss_scale : str
        "mean": the contextual loss is a weighted mean, so one lambda serves all masks and sizes. "sum": it is a sum
        over pixels, as in both papers, for their lambdas.
    candidates : int
        Number of starts for each observation, 1 to 1,000.
    sampler : str
        "none": the answer is the best iterate. "hmc": Hamiltonian Monte Carlo draws the answer from the posterior,
        starting at the best iterate.
    hmc_samples, hmc_leapfrog_steps : int
        Transitions of the chain, 1 to 100,000, and leapfrog steps in each, 1 to 1,000.
    hmc_temperature : float
        The energy is the loss divided by this.
    """

    start: str = "random"
    iterations: int = 300
    learning_rate: float = 0.1
    schedule: str = "cosine"
    weighting: str = "yeh"
    weight_floor: float = 0.5
    window: int = 7
    perceptual_weight: float = 0.003
    perceptual_form: str = "nonsaturating"
    loss_scale: str = "mean"
    candidates: int = 1
    sampler: str = "none"
    hmc_samples: int = 30
    hmc_leapfrog_steps: int = 10
    hmc_temperature: float = 0.0005

    def __post_init__(self) -> None:
        check(self.start in STARTS, f"`start` to be one of {STARTS}", start=self.start)
        check(1 <= self.iterations <= ITERATIONS_MAX, _range("iterations", ITERATIONS_MAX), iterations=self.iterations)
        check(0 < self.learning_rate < float("inf"), "a positive `learning_rate`", learning_rate=self.learning_rate)
        check(self.schedule in SCHEDULES, f"`schedule` to be one of {SCHEDULES}", schedule=self.schedule)
        check(self.weighting in WEIGHTINGS, f"`weighting` to be one of {WEIGHTINGS}", weighting=self.weighting)
        check(0 <= self.weight_floor < float("inf"), "`weight_floor` of at least 0", weight_floor=self.weight_floor)
        check(3 <= self.window <= 1023 and self.window % 2 == 1, "an odd `window` from 3 to 1023", window=self.window)
        weight = self.perceptual_weight
        check(0 <= weight < float("inf"), "`perceptual_weight` of at least 0", perceptual_weight=weight)
        forms = PERCEPTUAL_FORMS
        check(self.perceptual_form in forms, f"`perceptual_form` in {forms}", perceptual_form=self.perceptual_form)
        check(self.loss_scale in ("mean", "sum"), "`loss_scale` in ('mean', 'sum')", loss_scale=self.loss_scale)
        check(1 <= self.candidates <= CANDIDATES_MAX, _range("candidates", CANDIDATES_MAX), candidates=self.candidates)
        check(self.sampler in SAMPLERS, f"`sampler` to be one of {SAMPLERS}", sampler=self.sampler)
        samples, steps = self.hmc_samples, self.hmc_leapfrog_steps
        check(1 <= samples <= HMC_SAMPLES_MAX, _range("hmc_samples", HMC_SAMPLES_MAX), hmc_samples=samples)
        check(1 <= steps <= HMC_STEPS_MAX, _range("hmc_leapfrog_steps", HMC_STEPS_MAX), hmc_leapfrog_steps=steps)
        check(self.hmc_temperature > 0, "a positive `hmc_temperature`", hmc_temperature=self.hmc_temperature)


@dataclasses.dataclass(frozen=True)
class AutoConfig:
    """Settings of the method that takes one of two others for each picture, by its mask.

    Attributes
    ----------
    model : str
        Name of the method for pictures with a wide hole.
    config : EncoderConfig or SearchConfig
        Settings of that method.
    classical : str
        Name of the classical method for the other pictures.
    """

    model: str = "balanced"
    config: EncoderConfig | SearchConfig = BALANCED
    classical: str = "biharmonic"
    candidates: ClassVar[int] = 1


MethodConfig = EncoderConfig | SearchConfig | ClassicalConfig | AutoConfig

#: Every method by name, with its settings, in the order in which they are listed.
METHODS: dict[str, MethodConfig] = {
    "balanced": BALANCED,
    "fast": EncoderConfig(),
    "best": EncoderConfig(augmentations=10),
    "latent": SearchConfig(),
    "yeh2017": SearchConfig(
        iterations=1500,
        learning_rate=0.01,
        schedule="constant",
        weight_floor=0.0,
        perceptual_weight=0.003,
        perceptual_form="saturating",
        loss_scale="sum",
    ),
    "amos2016": SearchConfig(
        iterations=1000,
        learning_rate=0.01,
        schedule="constant",
        weighting="uniform",
        perceptual_weight=0.1,
        loss_scale="sum",
    ),
    "hmc": SearchConfig(sampler="hmc"),
    "telea": ClassicalConfig(),
    "ns": ClassicalConfig(),
    "biharmonic": ClassicalConfig(),
    "harmonic": ClassicalConfig(),
    "auto": AutoConfig(),
}
DEFAULT_METHOD = "balanced"
CLASSICAL_METHODS = tuple(name for name, config in METHODS.items() if isinstance(config, ClassicalConfig))
#: Several completions of one picture with the default method: searches that start around the encoder's z.
VARIATIONS = SearchConfig(start="encoder", iterations=100, learning_rate=0.05)

MODEL_OPTIONS = ("model", "blend", "framing", "device")
SEARCH_OPTIONS = ("iterations", "learning_rate", "weighting", "perceptual_weight", "batch_size")
#: Options by the kind of method that they belong to. With another kind they would have no effect, and are refused. A
#: kind that is not here has MODEL_OPTIONS: the model is loaded for it.
OPTIONS: dict[type, tuple[str, ...]] = {
    EncoderConfig: (*MODEL_OPTIONS, "workers"),
    SearchConfig: (*MODEL_OPTIONS, *SEARCH_OPTIONS, "candidates", "keep", "gif", "variations"),
    ClassicalConfig: ("workers",),
    AutoConfig: (*MODEL_OPTIONS, "workers"),
}


def needs_model(method: str) -> bool:
    """Tell whether a method needs a model."""
    return not isinstance(METHODS[method], ClassicalConfig)


def is_search(config: MethodConfig) -> bool:
    """Tell whether a method with these settings searches the latent space, with Keras.

    Examples
    --------
    >>> is_search(METHODS["latent"]), is_search(METHODS["balanced"])
    (True, False)
    """
    return isinstance(config.config if isinstance(config, AutoConfig) else config, SearchConfig)


def methods_with_option(option: str, *, variations: bool = False) -> tuple[str, ...]:
    """Return the methods with which an option of the command line has an effect.

    Parameters
    ----------
    option : str
        Python name, e.g. "learning_rate".
    variations : bool
        Whether several completions are asked for, for which the default method is a search.

    Examples
    --------
    >>> methods_with_option("learning_rate")
    ('latent', 'yeh2017', 'amos2016', 'hmc')
    >>> methods_with_option("model")
    ('balanced', 'fast', 'best', 'latent', 'yeh2017', 'amos2016', 'hmc', 'auto')
    """
    if variations and option == "workers":  # a search works at batches
        return tuple(name for name in methods_with_option(option) if name != DEFAULT_METHOD)
    of_default = option == "variations" or (variations and option in (*SEARCH_OPTIONS, "gif"))
    return tuple(
        name
        for name, config in METHODS.items()
        if option in OPTIONS.get(type(config), MODEL_OPTIONS) or (of_default and name == DEFAULT_METHOD)
    )


def resolve_method(
    method: str, *, has_encoder: bool = True, variations: int | None = None, **own: Any
) -> tuple[str, MethodConfig]:
    """Return the method that runs and its settings, with the caller's own values.

    Parameters
    ----------
    method : str
        A name in `METHODS`.
    has_encoder : bool
        Whether the model has an encoder. Without one "balanced", "best" and "auto" search the latent space.
    variations : int, optional
        Number of completions of each picture: candidates, all of which are kept.
    **own
        Fields of the method's settings.

    Returns
    -------
    name : str
        "latent" in place of a method that needs an encoder.
    config : MethodConfig

    Raises
    ------
    ValueError
        There is no such method, or it has no such setting.

    Examples
    --------
    >>> resolve_method("balanced", has_encoder=False)[0]
    'latent'
    >>> resolve_method("yeh2017", iterations=50)[1].iterations
    50
    """
    if method not in METHODS:
        raise OptionError(f"Expected `method` to be one of {', '.join(METHODS)}. Received: {method!r}")
    name, config = method, METHODS[method]
    if isinstance(config, AutoConfig) and not has_encoder:
        config = AutoConfig("latent", METHODS["latent"])  # type: ignore[arg-type]
    if variations is not None:
        known = methods_with_option("variations")
        check(method in known, f"a method with variations, one of {', '.join(known)}", method=method)
        own["candidates"] = variations
        config = VARIATIONS if method == DEFAULT_METHOD else config
    falls_back = config is VARIATIONS or (isinstance(config, EncoderConfig) and method != "fast")
    if not has_encoder and falls_back:
        name, config = "latent", METHODS["latent"]
    unknown = set(own) - {field.name for field in dataclasses.fields(config)}
    check(not unknown, f"settings that the method {method} has", settings=", ".join(sorted(unknown)))
    return name, dataclasses.replace(config, **own)
