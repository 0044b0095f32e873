"""The methods that are compared: each a name and a function that fills holes."""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from completion.completer import Completer
from completion.config import METHODS
from dcgan.model_file import Prior

__all__ = ["ComparedMethod", "make_compared_method"]

Pictures = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class ComparedMethod:
    """A way to fill holes.

    Attributes
    ----------
    name : str
        For tables and file names.
    fill : callable
        From pictures, (B, H, W, 3) uint8, and masks, (B, H, W) bool, True = missing, to completed pictures of the same
        shape, whose known pixels are the input's. Called with the rows that it was made for, or fewer.
    """

    name: str
    fill: Callable[[Pictures, Masks], Pictures]


def make_compared_method(
    name: str, prior: Prior, *, rows: int, seed: int = 0, device: str = "auto", framing: str = "auto"
) -> ComparedMethod:
    """Make a method ready, compilation included, so that the time of `fill` is that of its work.

    Parameters
    ----------
    name : str
        One of `completion.config.METHODS`.
    prior : Prior
        A loaded model; classical methods do not use it.
    rows : int
        The most pictures of a call; where there are fewer, a search is padded, so that it is not compiled anew and a
        picture's bytes do not depend on their number (see `completion.search.batches.plan_rows`).
    seed : int, optional
        Of the search's start.
    device : str, optional
        See `completion.completer.complete`.
    framing : str, optional
        Of the faces; see there.

    Raises
    ------
    ValueError
        There is no such method.
    """
    if name not in METHODS:
        raise ValueError(f"Expected a method among {', '.join(METHODS)}. Received: {name!r}")
    completer = Completer(prior, name, seed=seed, device=device, framing=framing)
    completer.warm_up(rows)

    def fill(pictures: Pictures, masks: Masks) -> Pictures:
        return np.stack(completer.complete(list(pictures), list(masks), rows=rows).pictures)

    return ComparedMethod(name, fill)
