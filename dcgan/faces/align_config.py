"""The settings of alignment, each default in one place. Pure standard library."""

import dataclasses
from pathlib import Path

from dcgan.config import check

__all__ = ["FACES", "FRAMINGS", "AlignConfig"]

FRAMINGS = ("innerEyesAndBottomLip", "outerEyesAndNose")
FACES = ("largest", "all", "only-one")


@dataclasses.dataclass(frozen=True)
class AlignConfig:
    """How faces are found and cut out.

    Attributes
    ----------
    framing : which landmarks come to lie on the template, one of `FRAMINGS`.
    size : side of the crops in pixels.
    margin : what a crop shows beyond the template's square on each side, as a share of that square.
    faces : "largest" takes the largest face of each photograph, "all" every one, "only-one" the face of photographs
        that have exactly one.
    min_face : side in pixels of the smallest box that counts as a face.
    min_score : the detector's least score; 0 is dlib's own, 0.5 leaves most things out that are no face.
    upsample : how often a photograph is doubled before faces are looked for; each finds faces half as large and takes
        four times as long. 1 is OpenFace's.
    antialias : average where the face is larger than the crop, see `dcgan.faces.alignment.crop_face`.
    landmarks : path of a 68-point model for dlib, or None for that of face_recognition_models.
    """

    framing: str = "innerEyesAndBottomLip"
    size: int = 64
    margin: float = 0.0
    faces: str = "largest"
    min_face: int = 32
    min_score: float = 0.0
    upsample: int = 1
    antialias: bool = True
    landmarks: Path | None = None

    def __post_init__(self) -> None:
        check(self.framing in FRAMINGS, f"`framing` to be one of {FRAMINGS}", framing=self.framing)
        check(8 <= self.size <= 4096, "`size` from 8 to 4096", size=self.size)
        check(0 <= self.margin <= 4, "`margin` from 0 to 4", margin=self.margin)
        check(self.faces in FACES, f"`faces` to be one of {FACES}", faces=self.faces)
        check(self.min_face >= 1, "`min_face` of at least 1", min_face=self.min_face)
        check(-10 < self.min_score < 10, "`min_score` between -10 and 10", min_score=self.min_score)
        check(0 <= self.upsample <= 3, "`upsample` from 0 to 3", upsample=self.upsample)
