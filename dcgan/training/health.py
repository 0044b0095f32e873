"""Does a training go well? Lines of advice from the figures of a probe."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dcgan.pictures.records import write_whole
from dcgan.training.probe import Figures

__all__ = ["DIVERGENCE", "SIGNS", "Health", "Sign"]


@dataclasses.dataclass(frozen=True)
class Sign:
    """A sign that a training goes wrong.

    Attributes
    ----------
    name : str
    shows : callable
        Tells from figures whether it shows.
    times : int
        Probes in turn in which it must show.
    advice : str
        What it means and what helps, a sentence.
    """

    name: str
    shows: Callable[[Figures], bool]
    times: int
    advice: str


DIVERGENCE = "divergence"  # kept when the run goes back, for that is what it says
WARM_UP_STEPS = 1000  # a new generator draws nearly the same picture for all latents
MARGIN_MAX = 10.0
GRADIENT_MIN = 1e-3
SPREAD_MIN = 0.25
SATURATED_MAX = 0.3
DEAD_MAX = 0.5

SIGNS = (
    Sign(
        "discriminator too strong",
        lambda figures: figures.margin > MARGIN_MAX or figures.fake_gradient < GRADIENT_MIN,
        3,
        "the discriminator tells all pictures apart, and the generator learns little from it: try a lower "
        "--discriminator-learning-rate, --discriminator-norm spectral, or --augment for a small dataset",
    ),
    Sign(
        "mode collapse",
        lambda figures: figures.spread < SPREAD_MIN,
        2,
        "different latents give nearly the same picture: go back to an earlier snapshot, with a lower --learning-rate, "
        "a larger --batch-size or --r1 with --discriminator-norm none",
    ),
    Sign(
        "saturated output",
        lambda figures: figures.saturated > SATURATED_MAX,
        2,
        "most generated values are at an end of their range, where the generator hardly learns: try a lower "
        "--learning-rate",
    ),
    Sign(
        "dead units",
        lambda figures: figures.dead > DEAD_MAX,
        2,
        "most channels of a feature map of the generator are 0 for every latent: try a lower --learning-rate, or "
        "--activation leaky",
    ),
)


class Health:
    """Keeps count of the signs of a run, and a list of what was found in health.jsonl.

    Parameters
    ----------
    path : Path
        Of health.jsonl; what it holds of later steps is dropped.
    first_step : int
        From which the run goes on.
    """

    def __init__(self, path: Path, *, first_step: int = 0) -> None:
        self._path = path
        self._seen: dict[str, int] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        records = [record for line in lines if (record := _parsed(line))]
        self.found = [each for each in records if each["step"] <= first_step or each.get("sign") == DIVERGENCE]

    def look(self, step: int, figures: Figures) -> list[str]:
        """Return a line of advice for each sign that has just shown often enough."""
        lines = []
        for sign in SIGNS:
            shows = step >= WARM_UP_STEPS and sign.shows(figures)
            self._seen[sign.name] = self._seen.get(sign.name, 0) + 1 if shows else 0
            if self._seen[sign.name] == sign.times:
                lines.append(f"{sign.name} at step {step}: {sign.advice}")
                self.note(step, sign.name, sign.advice)
        return lines

    def note(self, step: int, name: str, advice: str) -> None:
        """Add something to what was found."""
        self.found.append({"step": step, "sign": name, "advice": advice})
        with write_whole(self._path) as file:
            file.write("".join(json.dumps(record) + "\n" for record in self.found).encode())


def _parsed(line: str) -> dict[str, Any] | None:
    """Return a record of health.jsonl, or None where the line is damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None
