"""Measure what a request of the page takes, against `complete-images --method fast` in the same process.

    python scripts/bench_web.py PHOTOGRAPH

brings the photograph to 1 and to 12 megapixels, draws one stroke over it, and completes each in turn by the function
behind complete-images and by the page's own: reading the editor's layer, completing, and the pictures to show.
"""

import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

import click
import cv2
import numpy as np

from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob
from completion.folder.landmarks import GivenPlaces
from completion.folder.masks import MaskSource
from completion.folder.run import complete_folder
from completion.methods import MethodOptions, make_method
from completion.web.drawing import show
from completion.web.page import complete_drawn, open_photograph, result_shown
from completion.web.service import Service, Wanted
from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture


def stroke(height: int, width: int) -> np.ndarray:
    """Return the editor's layer with a stroke over the picture's middle."""
    layer = np.zeros((height, width, 4), np.uint8)
    ends = (round(0.42 * width), round(0.3 * height)), (round(0.55 * width), round(0.36 * height))
    cv2.line(layer, *ends, (255, 45, 120, 255), round(0.03 * width))
    return layer


@click.command(help=__doc__)
@click.argument("photograph", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rounds", default=5, show_default=True)
def main(photograph: Path, rounds: int) -> None:
    """Print the seconds of both, and their ratio."""
    picture = read_picture(photograph)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = Service(folder)
        service.load()
        method = make_method("fast", MethodOptions(service.prior, detector=service.detector, in_place=True))
        for megapixels in (1, 12):
            scale = (megapixels * 1e6 / (picture.shape[0] * picture.shape[1])) ** 0.5
            large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            path = folder / f"{megapixels}.jpg"
            save_picture(path, large)
            layer = stroke(*show(large).shape[:2])
            mask = cv2.resize(layer[..., 3], large.shape[1::-1]) >= 128
            save_picture(folder / f"{megapixels}-mask.png", mask.astype(np.uint8) * 255)
            state, _ = open_photograph(service, path)
            took: dict[str, list[float]] = {"complete-images": [], "page": []}
            for _ in range(rounds):
                began = time.perf_counter()
                source = MaskSource(file=folder / f"{megapixels}-mask.png")
                job = FolderJob(folder / "out", masks=source, photographs=GivenPlaces(mode="auto"), existing="replace")
                complete_folder(list_inputs([path]), job, method)
                took["complete-images"].append(time.perf_counter() - began)
                began = time.perf_counter()
                wanted, stop = Wanted("fast"), threading.Event()
                completed = complete_drawn(service, state, {"layers": [layer]}, wanted, stop=stop)
                result_shown(service, state, completed)
                took["page"].append(time.perf_counter() - began)
                shutil.rmtree(completed.folder)
            middle = {name: statistics.median(values) for name, values in took.items()}
            seconds = ", ".join(f"{name} {value:.2f} s" for name, value in middle.items())
            print(f"{megapixels} megapixels: {seconds}, ratio {middle['page'] / middle['complete-images']:.2f}")


if __name__ == "__main__":
    main()
