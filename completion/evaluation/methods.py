"""The methods that are compared: each a name and a function that fills holes."""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from completion.blending.classical import ClassicalFiller
from completion.completer import Completer
from completion.config import CLASSICAL_METHODS
from completion.evaluation.config import METHOD_NAMES
from dcgan.model_file import Prior

__all__ = ["Method", "make_method"]

Pictures = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to fill holes.

    Attributes
    ----------
    name : for tables and file names.
    fill : from pictures, (B, H, W, 3) uint8, and masks, (B, H, W) bool, True = missing, to completed pictures of the
        same shape, whose known pixels are the input's. Called with the rows that it was made for, or fewer.
    """

    name: str
    fill: Callable[[Pictures, Masks], Pictures]


def make_method(name: str, prior: Prior, *, rows: int, seed: int = 0) -> Method:
    """Make a method ready, compilation included, so that the time of `fill` is that of its work.

    Parameters
    ----------
    name : one of `METHOD_NAMES`
    prior : a loaded model; classical methods ignore it
    rows : the most pictures of a call; where there are fewer, a search is filled up, so that it is not compiled anew
        and a picture's bytes do not depend on how many there are (see `completion.search.batches.plan_rows`)
    seed : of the search's start

    Raises
    ------
    ValueError
        There is no such method.
    """
    if name in CLASSICAL_METHODS:
        return Method(name, ClassicalFiller(name))
    if name not in METHOD_NAMES:
        raise ValueError(f"Expected a method among {', '.join(METHOD_NAMES)}. Received: {name!r}")
    completer = Completer(prior, name, seed=seed)
    completer.search.warm_up(rows)
    return Method(
        name,
        lambda pictures, masks: np.stack(completer.complete_batch(list(pictures), list(masks), rows=rows).pictures),
    )
