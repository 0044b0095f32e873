"""The settings of alignment, with their defaults; standard library only."""

import dataclasses
from pathlib import Path

from dcgan.config import check

__all__ = ["FRAMINGS", "SELECTIONS", "AlignConfig"]

FRAMINGS = ("innerEyesAndBottomLip", "outerEyesAndNose")
SELECTIONS = ("largest", "all", "only-one")


@dataclasses.dataclass(frozen=True)
class AlignConfig:
    """How faces are detected and aligned.

    Attributes
    ----------
    framing : {"innerEyesAndBottomLip", "outerEyesAndNose"}
        The three landmarks that are mapped to the template.
    size : int, default 64
        Side of the crops in pixels, 8 to 4096.
    margin : float, default 0.0
        Width added on each side of the template's square, as a fraction of its side; 0 to 4.
    select : {"largest", "all", "only-one"}
        Faces to write: the largest of each photograph, all of them, or the only face of photographs with exactly one.
    min_face : int, default 32
        Smallest side of a face's box, in pixels; smaller faces are ignored.
    min_score : float, default 0.0
        Lowest detection score of a face, between -10 and 10. 0 is dlib's own threshold; 0.5 rejects most false
        detections.
    upsample : int, default 1
        How often a photograph is doubled in size before detection, 0 to 3. Each doubling detects faces half as large
        and takes four times as long. OpenFace uses 1.
    antialias : bool, default True
        Average where a face is larger than its crop; see `dcgan.faces.alignment.crop_face`.
    landmarks : pathlib.Path, optional
        Path of a 68-point landmark model for dlib; by default the model of face_recognition_models.
    """

    framing: str = "innerEyesAndBottomLip"
    size: int = 64
    margin: float = 0.0
    select: str = "largest"
    min_face: int = 32
    min_score: float = 0.0
    upsample: int = 1
    antialias: bool = True
    landmarks: Path | None = None

    def __post_init__(self) -> None:
        check(self.framing in FRAMINGS, f"`framing` to be one of {FRAMINGS}", framing=self.framing)
        check(8 <= self.size <= 4096, "`size` from 8 to 4096", size=self.size)
        check(0 <= self.margin <= 4, "`margin` from 0 to 4", margin=self.margin)
        check(self.select in SELECTIONS, f"`select` to be one of {SELECTIONS}", select=self.select)
        check(self.min_face >= 1, "`min_face` of at least 1", min_face=self.min_face)
        check(-10 < self.min_score < 10, "`min_score` between -10 and 10", min_score=self.min_score)
        check(0 <= self.upsample <= 3, "`upsample` from 0 to 3", upsample=self.upsample)
