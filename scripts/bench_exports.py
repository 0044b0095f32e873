"""Compare the exported completion, an ONNX graph, with complete-images --method fast on complete faces.

Pictures of one tone, such as grey ones, are left out: complete-images completes them in that tone, which no graph does.
For each mask: the largest and the mean difference to --blend poisson in the hole, in grey levels; the hole PSNR (uint8
RGB, mean over pictures) of the graph and of poisson, auto and none; and the seconds of a picture on one thread, of the
graph and of encoder and generator alone. With --form keras or savedmodel, the difference of that export alone.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from completion.completer import Completer
from completion.evaluation.faces import make_masks, read_faces
from completion.export.config import FORMATS
from completion.export.write import export_model
from dcgan.inference import CompletionNetwork, start_session
from dcgan.model_file import load_model
from dcgan.pictures.tones import find_tone

MASKS = ("center", "left", "random", "thin", "medium", "thick", "strokes", "full")
BLENDS = ("poisson", "auto", "none")
PEAK = 255.0


def hole_psnr(results: np.ndarray, truth: np.ndarray, masks: np.ndarray) -> float:
    """Return the mean PSNR of the holes of pictures."""
    rows = zip(results.astype(float), truth, masks, strict=True)
    return float(np.mean([10 * np.log10(PEAK**2 / max(((a - b)[m] ** 2).mean(), 1e-3)) for a, b, m in rows]))


def open_export(path: Path, form: str) -> Callable[..., Any]:
    """Return a function of pictures and masks that asks an export's own runtime."""
    if form == "onnx":
        session = start_session(path.read_bytes())
        return lambda **values: session.run(["completed"], values)[0]
    if form == "keras":
        import keras

        network = keras.models.load_model(path)
        return lambda **values: np.asarray(network(values)["completed"])
    import tensorflow as tf

    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    return lambda **values: np.asarray(serve(**{name: tf.constant(each) for name, each in values.items()})["completed"])


@click.command()
@click.argument("dataset", type=click.Path(exists=True, path_type=Path))
@click.option("--model", default="faces-128", show_default=True)
@click.option("--form", type=click.Choice(FORMATS), default="onnx", show_default=True)
@click.option("--count", default=100, show_default=True)
def main(dataset: Path, model: str, form: str, count: int) -> None:
    """Print the table."""
    prior = load_model(model)
    framing = "wide" if prior.config.margin else "tight"
    completers = {blend: Completer(prior, "fast", blend=blend, framing=framing, device="cpu") for blend in BLENDS}
    chosen = read_faces(dataset, count, size=prior.config.size)
    network = CompletionNetwork(prior)
    masked = np.zeros((1, prior.config.size, prior.config.size, prior.config.channels + 1), np.float32)
    network(masked)
    began = time.perf_counter()
    for _ in range(10):
        network(masked)
    print(f"{model}; encoder and generator: {(time.perf_counter() - began) / 10:.3f} s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export" + (".keras" if form == "keras" else ""))
        export_model(prior, path, form=form)
        complete = open_export(path, form)
        for name in MASKS:
            every = make_masks(name, chosen)
            pairs = zip(chosen.pictures, every, strict=True)
            coloured = np.array([find_tone(face, ~mask) is None for face, mask in pairs])
            faces, masks = chosen.pictures[coloured], every[coloured]
            began, rows = time.perf_counter(), zip(faces, masks, strict=True)
            found = np.concatenate(
                [complete(pictures=face[None], masks=mask[None].astype(np.uint8)) for face, mask in rows]
            )
            seconds = (time.perf_counter() - began) / len(found)
            ours = {
                blend: np.stack(each.complete(list(faces), list(masks)).pictures) for blend, each in completers.items()
            }
            apart = np.abs(found.astype(int) - ours["poisson"])[masks]
            figures = {"graph": found, **ours}
            line = "  ".join(f"{each} {hole_psnr(figures[each], faces, masks):.2f}" for each in figures)
            line = f"at most {apart.max()}, mean {apart.mean():.4f}  {line}  {seconds:.3f} s"
            print(f"{name:8} {len(faces)} faces  {line}", flush=True)


if __name__ == "__main__":
    main()
