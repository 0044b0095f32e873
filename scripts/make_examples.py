"""Make the pictures in examples/: two public-domain portraits, with the alignment of the bundled model.

Needs matplotlib in addition to the project's dependencies, for the second portrait. The landmarks (inner eye corners
and bottom lip, numbers 39, 42 and 57 of dlib's 68) were detected with dlib and are constants below. They are mapped to
OpenFace's min-max template, as in Amos et al. 2016, "OpenFace: a general-purpose face recognition library".
"""

from pathlib import Path

import cv2
import numpy as np
from matplotlib import cbook
from skimage import data

from dcgan.faces.alignment import template_points
from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture

SIZE = 128
OVERSAMPLING = 4
LANDMARKS = {  # x, y in pixels of the photograph
    "astronaut": [(212, 104), (237, 106), (222, 156)],
    "hopper": [(238, 194), (291, 192), (269, 289)],
}


def align(photograph: np.ndarray, landmarks: list[tuple[int, int]]) -> np.ndarray:
    """Return the aligned crop, uint8 (SIZE, SIZE, 3), warped at a higher resolution and reduced by area averaging."""
    side = SIZE * OVERSAMPLING
    template = template_points("innerEyesAndBottomLip", size=side).astype(np.float32)
    transform = cv2.getAffineTransform(np.array(landmarks, np.float32), template)
    large = cv2.warpAffine(photograph, transform, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(large, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def main() -> None:
    """Write the examples and their masks."""
    folder = Path(__file__).parent.parent / "examples"
    hopper = Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    photographs = {"astronaut": data.astronaut(), "hopper": read_picture(hopper)}
    for name, photograph in photographs.items():
        save_picture(folder / f"{name}.png", align(photograph, LANDMARKS[name]))

    scribble = np.zeros((SIZE, SIZE), np.uint8)
    corners = np.array([(30, 52), (60, 40), (50, 74), (92, 60), (78, 100)], np.int32)
    cv2.polylines(scribble, [corners], isClosed=False, color=255, thickness=13, lineType=cv2.LINE_8)
    save_picture(folder / "masks" / "astronaut_mask.png", scribble)
    mouth = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(mouth, (66, 98), (38, 24), 0, 0, 360, 255, thickness=-1)
    save_picture(folder / "masks" / "hopper_mask.png", mouth)


if __name__ == "__main__":
    main()
