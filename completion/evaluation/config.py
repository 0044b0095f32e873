"""The settings of an evaluation, each default in one place.

Pure standard library: the command line reads its defaults from here without importing NumPy or TensorFlow.
"""

import dataclasses
from collections.abc import Sequence

from completion.config import BATCH_SIZE_MAX, FRAMINGS, METHODS, SearchConfig
from dcgan.config import DEFAULT_MODEL, SEED_MAX, SIZE_MAX, check
from dcgan.device import check_device_name
from masks.spec import MASK_NAMES

__all__ = ["EVALUATION_MASKS", "EvaluationConfig"]

RESAMPLES_MAX = 1_000_000
SIZE_MIN = 16
#: The searches take seconds a picture, and "auto" is one of two others: these are compared when they are asked for.
DEFAULT_METHODS = tuple(
    name for name, config in METHODS.items() if not isinstance(config, SearchConfig) and name != "auto"
)
# Those that leave known pixels and need nothing but the picture's size.
EVALUATION_MASKS = tuple(name for name in MASK_NAMES if name not in ("full", "lowres", "rectangle", "scratches"))


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """What is compared on which faces.

    Attributes
    ----------
    count : int
        Number of faces, a seeded choice; all where there are fewer. At least 2.
    masks : tuple of str
        Names of `EVALUATION_MASKS`, with their default options.
    methods : tuple of str
        Names of `completion.config.METHODS`.
    reference : str
        The method that the others are compared with, picture by picture; "" is the first.
    model : str
        Name of a bundled model, path of a model file, or "hf://OWNER/NAME".
    batch_size : int
        Pictures that are completed together.
    seed : int
        Of the choice, the masks, the search and the bootstrap.
    resamples : int
        Of the bootstrap.
    device : str
        What computes; see `dcgan.device.check_device_name`.
    framing : str
        Of the faces, one of `completion.config.FRAMINGS`; "auto" finds it out for each damaged face.
    size : int
        Side in pixels to which the faces are brought; 0 is the model's.

    Raises
    ------
    ValueError
        A value is out of its range, or a name is unknown or given twice.
    """

    count: int = 500
    masks: tuple[str, ...] = ("center", "left", "random", "grid", "medium")
    methods: tuple[str, ...] = DEFAULT_METHODS
    reference: str = ""
    model: str = DEFAULT_MODEL
    batch_size: int = 64
    seed: int = 0
    resamples: int = 1000
    device: str = "auto"
    framing: str = "auto"
    size: int = 0

    def __post_init__(self) -> None:
        check(self.count >= 2, "`count` of at least 2", count=self.count)
        _check_names("masks", self.masks, EVALUATION_MASKS)
        _check_names("methods", self.methods, tuple(METHODS))
        if not self.reference:
            object.__setattr__(self, "reference", self.methods[0])  # frozen, but not yet handed out
        chosen = ", ".join(self.methods)
        check(self.reference in self.methods, f"`reference` among the methods {chosen}", reference=self.reference)
        check(self.framing in FRAMINGS, f"`framing` among {', '.join(FRAMINGS)}", framing=self.framing)
        sizes = f"`size` from {SIZE_MIN} to {SIZE_MAX}, or 0"
        check(self.size == 0 or SIZE_MIN <= self.size <= SIZE_MAX, sizes, size=self.size)
        check_device_name(self.device)
        check(
            1 <= self.batch_size <= BATCH_SIZE_MAX,
            f"`batch_size` from 1 to {BATCH_SIZE_MAX}",
            batch_size=self.batch_size,
        )
        check(0 <= self.seed <= SEED_MAX, f"`seed` from 0 to {SEED_MAX}", seed=self.seed)
        check(
            1 <= self.resamples <= RESAMPLES_MAX, f"`resamples` from 1 to {RESAMPLES_MAX:,}", resamples=self.resamples
        )


def _check_names(field: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Check that there is a name, that all are known and none is given twice."""
    for name in names:
        check(name in known, f"`{field}` among {', '.join(known)}", **{field: name})
    check(0 < len(names) == len(set(names)), f"at least one of `{field}`, each once", **{field: ", ".join(names)})
