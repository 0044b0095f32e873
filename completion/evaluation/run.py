"""Run an evaluation: complete the same faces under the same masks with every method, and measure the results."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from completion.search.batches import plan_rows
from completion.config import METHODS, AutoConfig, EncoderConfig, is_search
from completion.evaluation.config import EvaluationConfig
from completion.evaluation.faces import Faces, make_masks, read_faces
from completion.evaluation.methods import ComparedMethod, make_compared_method
from completion.evaluation.report import write_report
from completion.evaluation.store import Arrays, EvaluationStore, locked_store
from completion.evaluation.summary import summarise
from completion.evaluation.face_distance import FaceEmbedder, identity_distance
from completion.evaluation.metrics import PICTURE_METRICS, picture_metrics
from dcgan.device import Device, find_device
from dcgan.errors import FaceCompletionError
from dcgan.model_file import Prior, load_model

__all__ = ["evaluate"]

SAVE_SECONDS = 10.0  # shortest time between two writes of what is done

OnProgress = Callable[[str, int, int], None]
OnNote = Callable[[str], None]


def evaluate(
    path: Path,
    config: EvaluationConfig | None = None,
    *,
    output: Path,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    on_note: OnNote | None = None,
) -> dict[str, Any]:
    """Compare methods on complete faces and write a report.

    What was done by an earlier call with the same faces, model, seed and batch size is taken from `output`: a call that
    was stopped goes on, and a call with another method or mask completes what is missing.

    Parameters
    ----------
    path : a folder or a .zip of aligned faces
    config : what is compared; by default all methods on 500 faces
    output : folder of the report
    overwrite : start over
    on_progress : called with the stage, the pictures done and the pictures of the stage
    on_note : called with a line on whatever is left out: a picture that cannot be read, distances that see faces

    Returns
    -------
    dict
        What results.json holds; see `completion.evaluation.summary.summarise`.

    Raises
    ------
    FaceCompletionError
        There are no faces, the model is not one of RGB pictures, or the output cannot be written or is another's.
    """
    config = config or EvaluationConfig()
    wanted = config.device
    devices = _find_devices(config)
    used = " and ".join(dict.fromkeys(device.name for device in devices))
    if len(set(devices)) == 1:
        config = dataclasses.replace(config, device=devices[0].name)  # the one that is used, for the report
    notes: list[str] = []

    def note(line: str) -> None:
        notes.append(line)
        if on_note:
            on_note(line)

    for device in devices:
        if device.note:
            note(device.note)
    if used not in ("", "cpu") and on_note:
        on_note(f"device: {used}")
    with locked_store(output) as store:
        prior = load_model(config.model)
        if prior.config.channels != 3:
            raise FaceCompletionError(f"Expected a model of RGB pictures. Received: {config.model}, which is grey")
        encoders = [name for name in config.methods if isinstance(METHODS[name], EncoderConfig | AutoConfig)]
        if not prior.has_encoder and encoders:
            raise FaceCompletionError(
                f"Expected a model with an encoder for {', '.join(encoders)}. Received: {config.model}, which has "
                "none; choose other methods, such as latent, or train an encoder with dcgan-train-encoder"
            )
        faces = read_faces(path, config.count, size=config.size or prior.config.size, seed=config.seed, on_note=note)
        if len(faces.names) < 2:
            raise FaceCompletionError(f"{path}: expected at least 2 faces, found {len(faces.names)}")
        settings = {"faces": faces.sha256, "model": prior.sha256, "seed": config.seed, "batch_size": config.batch_size}
        if config.framing != "auto":
            settings["framing"] = config.framing
        store.begin(settings, overwrite=overwrite)
        store.save_faces(faces)
        for mask in config.masks:
            store.save_masks(mask, make_masks(mask, faces, seed=config.seed))
        _complete(store, faces, config, prior=prior, device=wanted, on_progress=on_progress)
        _measure(store, faces, config, embedder=_embedder(note), on_progress=on_progress)
        summary = summarise(store, faces, config, prior=prior, source=path)
        summary["notes"] = notes
        write_report(store, summary, note=note)
    return summary


def _find_devices(config: EvaluationConfig) -> list[Device]:
    """Return the devices of ONNX Runtime and of Keras, as far as the methods need them."""
    found = []
    searches = [name for name in config.methods if is_search(METHODS[name])]
    if len(searches) < len(config.methods):
        found.append(find_device(config.device))
    if searches:
        from dcgan.engine_device import steer_quietly

        found.append(steer_quietly(config.device))
    return found


def _complete(
    store: EvaluationStore,
    faces: Faces,
    config: EvaluationConfig,
    *,
    prior: Prior,
    device: str,
    on_progress: OnProgress | None,
) -> None:
    """Complete what is not completed yet, one method after the other."""
    count = len(faces.names)
    share, rows = plan_rows(count, batch_size=config.batch_size, candidates=1)
    total = count * len(config.masks) * len(config.methods)
    done = {(m, k): len(store.completed(m, k).get("seconds", ())) for m in config.masks for k in config.methods}
    finished = sum(done.values())

    def on_batch(pictures: int) -> None:
        nonlocal finished
        finished += pictures
        if on_progress:
            on_progress("completing", finished, total)

    on_batch(0)
    for name in config.methods:
        waiting = [mask for mask in config.masks if done[mask, name] < count]
        if not waiting:
            continue
        method = make_compared_method(name, prior, rows=rows, seed=config.seed, device=device, framing=config.framing)
        for mask in waiting:
            _complete_mask(store, faces, method, mask=mask, share=share, on_batch=on_batch)


def _complete_mask(
    store: EvaluationStore,
    faces: Faces,
    method: ComparedMethod,
    *,
    mask: str,
    share: int,
    on_batch: Callable[[int], None],
) -> None:
    """Complete all faces under one mask with one method, from where an earlier run stopped."""
    masks, kept = store.masks(mask), store.completed(mask, method.name)
    pictures = [kept["pictures"]] if kept else []
    seconds = [kept["seconds"]] if kept else []
    done, saved_at = sum(map(len, seconds)), time.monotonic()
    while done < len(faces.pictures):
        batch = slice(done, done + share)
        started = time.perf_counter()
        filled = method.fill(faces.pictures[batch], masks[batch])
        spent = time.perf_counter() - started
        pictures.append(filled)
        seconds.append(np.full(len(filled), spent / len(filled)))
        done += len(filled)
        if done == len(faces.pictures) or time.monotonic() - saved_at >= SAVE_SECONDS:
            store.save_completed(mask, method.name, pictures=np.concatenate(pictures), seconds=np.concatenate(seconds))
            saved_at = time.monotonic()
        on_batch(len(filled))


def _measure(
    store: EvaluationStore,
    faces: Faces,
    config: EvaluationConfig,
    *,
    embedder: FaceEmbedder | None,
    on_progress: OnProgress | None,
) -> None:
    """Measure what is not measured yet."""
    count = len(faces.names)
    pairs = [(mask, method) for mask in config.masks for method in config.methods]
    originals = embedder(faces.pictures) if embedder else None
    for number, (mask, method) in enumerate(pairs):
        kept = store.measured(mask, method)
        complete = "metrics" in kept and kept["metrics"].shape[1:] == (len(PICTURE_METRICS),)  # not an older version's
        unseen = embedder is not None and "embeddings" not in kept
        if not complete or unseen:
            completed = store.completed(mask, method)["pictures"]
            arrays: Arrays = {**kept, "metrics": _metrics(faces.pictures, completed, store.masks(mask))}
            if unseen and embedder and originals is not None:
                arrays["embeddings"] = embedder(completed)
                arrays["originals"] = originals
                arrays["identity"] = identity_distance(originals, arrays["embeddings"])
            store.save_measured(mask, method, arrays)
        if on_progress:
            on_progress("measuring", (number + 1) * count, len(pairs) * count)


def _metrics(
    originals: npt.NDArray[np.uint8], completed: npt.NDArray[np.uint8], masks: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the picture metrics, (N, 9), columns in the order of `PICTURE_METRICS`."""
    rows = []
    for original, picture, mask in zip(originals, completed, masks, strict=True):
        figures = picture_metrics(original, picture, mask)
        rows.append([figures[name] for name in PICTURE_METRICS])
    return np.array(rows)


def _embedder(note: OnNote) -> FaceEmbedder | None:
    """Return the network that sees faces, or say that there is none."""
    try:
        return FaceEmbedder()
    except FaceCompletionError as error:
        note(f"{error}; left out: identity, Fréchet distance")
        return None
