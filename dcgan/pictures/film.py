"""Write films: .gif and .webp with Pillow, .mp4 with OpenCV."""

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError
from dcgan.pictures.records import write_whole

__all__ = ["FILMS", "save_film"]

FILMS = (".gif", ".webp", ".mp4")
LAST_MS = 1500  # for which the last picture stays

Picture = npt.NDArray[np.uint8]


def save_film(path: str | os.PathLike[str], frames: Sequence[Picture], *, seconds: float = 4.0) -> None:
    """Write pictures as a film, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        With a suffix of `FILMS`.
    frames : sequence of uint8 array (H, W, 1 or 3)
        All of one shape, at least one.
    seconds : float, default 4
        Of the whole film, at most 50 pictures a second; the last one stays for longer.

    Raises
    ------
    ImageFileError
        The file cannot be written, or the suffix is another; nothing is left behind.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FILMS:
        raise ImageFileError(f"{path}: expected a film's suffix, {', '.join(FILMS)}, received {suffix!r}")
    frame_ms = max(20, round(1000 * seconds / len(frames)))
    data = _mp4(frames, frame_ms) if suffix == ".mp4" else _animation(frames, suffix[1:], frame_ms)
    try:
        with write_whole(path) as file:
            file.write(data)
    except OSError as error:
        raise ImageFileError(f"{path}: cannot write: {error.strerror or error}") from error


def _animation(frames: Sequence[Picture], form: str, frame_ms: int) -> bytes:
    """Return a GIF or an animated WebP, which is played again and again."""
    from PIL import Image

    images = [Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in frames]
    durations = [frame_ms] * (len(images) - 1) + [LAST_MS]
    buffer = io.BytesIO()
    images[0].save(buffer, form.upper(), save_all=True, append_images=images[1:], duration=durations, loop=0)
    return buffer.getvalue()


def _mp4(frames: Sequence[Picture], frame_ms: int) -> bytes:
    """Return an MPEG-4 film; its sides are made even, which the format wants."""
    import cv2

    height, width = (side + side % 2 for side in frames[0].shape[:2])
    repeated = [*frames, *[frames[-1]] * (LAST_MS // frame_ms)]
    with tempfile.TemporaryDirectory() as folder:  # OpenCV writes to a path alone
        name = os.path.join(folder, "film.mp4")
        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"mp4v"), 1000.0 / frame_ms, (width, height))
        if not writer.isOpened():
            raise ImageFileError("this OpenCV cannot write .mp4; .gif and .webp need none")
        for frame in repeated:
            bottom, right = height - frame.shape[0], width - frame.shape[1]
            color = np.repeat(frame, 3 // frame.shape[2], axis=2)[..., ::-1]
            writer.write(cv2.copyMakeBorder(color, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
        writer.release()
        return Path(name).read_bytes()
