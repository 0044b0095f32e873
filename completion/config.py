"""The settings of a completion, each default in one place.

Pure standard library: the command line reads its defaults from here without importing NumPy or TensorFlow.
"""

import dataclasses
from typing import Any

from dcgan.config import check

__all__ = [
    "BEYOND",
    "BLEND_NAMES",
    "CLASSICAL_METHODS",
    "METHODS",
    "PRESETS",
    "QUALITIES",
    "VARIATIONS",
    "SearchConfig",
    "choose_search",
]

BLEND_NAMES = ("auto", "poisson", "biharmonic", "feather", "none")
CLASSICAL_METHODS = ("telea", "ns", "biharmonic", "harmonic")
METHODS = ("dcgan", *CLASSICAL_METHODS, "auto")
BEYOND = "telea"  # what fills the part of a photograph's hole that lies in no face's frame
SEARCHES = ("adam", "hmc")
STARTS = ("random", "encoder", "latents")
WEIGHTINGS = ("yeh", "uniform")
VIEWS_MAX = 10
SCHEDULES = ("cosine", "constant")
PERCEPTUAL_FORMS = ("nonsaturating", "saturating")


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """How the latent space is searched.

    Attributes
    ----------
    search : "adam" finds one best z; "hmc" then draws from the posterior around it (Hamiltonian Monte Carlo).
    start : "random", a z drawn from the seed, or "encoder", what the model's encoder makes of the damaged picture: a z,
        and an offset to the generator's last features that the search leaves as it is; "latents", that z alone.
    views : from "encoder", how many views of a picture the encoder is shown, 1 to 10, see
    `completion.search.views`; beside
        known pixels their pictures are averaged.
    iterations : steps of Adam; 0 takes the start as it is.
    learning_rate : Adam's rate at the first step.
    schedule : "cosine" decays the rate to zero, "constant" keeps it.
    weighting : "yeh" weighs each known pixel by the missing share of the window around it (Yeh et al. 2017, eq. 4);
        "uniform" weighs all alike (Amos 2016).
    weight_floor : added to Yeh's weight of every known pixel before normalisation; 0 is the paper's.
    window : side of that window in pixels.
    perceptual_weight : lambda, the weight of the perceptual loss.
    perceptual_form : "nonsaturating" is -log D(G(z)), "saturating" is log(1 - D(G(z))) as in Yeh et al. 2017.
    loss_scale : "mean": the contextual loss is a weighted mean, so one lambda serves all masks and sizes; "sum": it is
        a sum over pixels, as in both papers, for their lambdas.
    feature_rate : Adam's rate of what is added to the generator's first feature map; 0 searches z alone.
    proximity : weight of the mean squared distance from the start, of z and of the features.
    held_out : share of the known pixels that the search is not shown; the best iterate is the one that fits them best.
        0 shows it all, and the best is that of the lowest loss.
    patience : steps without a better iterate after which a picture is done; 0 does all `iterations`.
    candidates : starts for each picture.
    hmc_samples, hmc_leapfrog_steps : transitions of the chain, leapfrog steps in each.
    hmc_temperature : the loss is divided by this to give the energy.
    """

    search: str = "adam"
    start: str = "random"
    views: int = 1
    iterations: int = 300
    learning_rate: float = 0.1
    schedule: str = "cosine"
    weighting: str = "yeh"
    weight_floor: float = 0.5
    window: int = 7
    perceptual_weight: float = 0.003
    perceptual_form: str = "nonsaturating"
    loss_scale: str = "mean"
    feature_rate: float = 0.0
    proximity: float = 0.0
    held_out: float = 0.0
    patience: int = 0
    candidates: int = 1
    hmc_samples: int = 30
    hmc_leapfrog_steps: int = 10
    hmc_temperature: float = 0.0005

    def __post_init__(self) -> None:
        check(self.search in SEARCHES, f"`search` to be one of {SEARCHES}", search=self.search)
        check(self.start in STARTS, f"`start` to be one of {STARTS}", start=self.start)
        most = VIEWS_MAX if self.start == "encoder" else 1
        check(1 <= self.views <= most, f"`views` from 1 to {most} with start={self.start!r}", views=self.views)
        least = 1 if self.start == "random" else 0
        check(self.iterations >= least, f"`iterations` of at least {least}", iterations=self.iterations)
        check(self.learning_rate > 0, "a positive `learning_rate`", learning_rate=self.learning_rate)
        check(self.schedule in SCHEDULES, f"`schedule` to be one of {SCHEDULES}", schedule=self.schedule)
        check(self.weighting in WEIGHTINGS, f"`weighting` to be one of {WEIGHTINGS}", weighting=self.weighting)
        check(self.weight_floor >= 0, "`weight_floor` of at least 0", weight_floor=self.weight_floor)
        check(self.window >= 3 and self.window % 2 == 1, "an odd `window` of at least 3", window=self.window)
        weight = self.perceptual_weight
        check(0 <= weight < float("inf"), "`perceptual_weight` of at least 0", perceptual_weight=weight)
        forms = PERCEPTUAL_FORMS
        check(self.perceptual_form in forms, f"`perceptual_form` in {forms}", perceptual_form=self.perceptual_form)
        check(self.loss_scale in ("mean", "sum"), "`loss_scale` in ('mean', 'sum')", loss_scale=self.loss_scale)
        rate = self.feature_rate
        check(0 <= rate < float("inf"), "`feature_rate` of at least 0", feature_rate=rate)
        check(0 <= self.proximity < float("inf"), "`proximity` of at least 0", proximity=self.proximity)
        check(0 <= self.held_out < 1, "`held_out` in [0, 1)", held_out=self.held_out)
        check(self.patience >= 0, "`patience` of at least 0", patience=self.patience)
        check(self.candidates >= 1, "`candidates` of at least 1", candidates=self.candidates)
        check(self.hmc_samples >= 1, "`hmc_samples` of at least 1", hmc_samples=self.hmc_samples)
        steps = self.hmc_leapfrog_steps
        check(steps >= 1, "`hmc_leapfrog_steps` of at least 1", hmc_leapfrog_steps=steps)
        check(self.hmc_temperature > 0, "a positive `hmc_temperature`", hmc_temperature=self.hmc_temperature)


QUALITIES = ("fast", "balanced", "best")
#: For those who ask for steps from the encoder's answer; by themselves the qualities take none (docs/benchmarks.md).
STEPS: dict[str, Any] = {"learning_rate": 0.02, "perceptual_weight": 0.0, "held_out": 0.15, "patience": 5}
PRESETS = {
    "fast": SearchConfig(start="encoder", iterations=0, **STEPS),
    "balanced": SearchConfig(start="encoder", iterations=0, views=4, **STEPS),
    "best": SearchConfig(start="encoder", iterations=0, views=10, **STEPS),
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
}
VARIATIONS = SearchConfig(start="latents", iterations=100, learning_rate=0.05)


def choose_search(name: str, *, has_encoder: bool = True, **own: Any) -> SearchConfig:
    """Return the settings of a quality or a preset, with one's own values in it.

    Parameters
    ----------
    name : one of `PRESETS`, or "variations" for `VARIATIONS`
    has_encoder : whether the model has one; without it all but "fast" search the latent space alone
    own : fields of `SearchConfig`

    Examples
    --------
    >>> choose_search("balanced", has_encoder=False, iterations=50) == SearchConfig(iterations=50)
    True
    """
    named = PRESETS | {"variations": VARIATIONS}
    if name not in named:
        raise ValueError(f"Expected a quality or preset among {', '.join(named)}. Received: {name!r}")
    config = named[name]
    if not has_encoder and name in ("balanced", "best", "variations"):
        config = dataclasses.replace(PRESETS["latent"], candidates=config.candidates)
    return dataclasses.replace(config, **own)
