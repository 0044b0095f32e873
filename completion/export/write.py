"""Writes a part of a model in another format, whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from completion.export.config import FORMATS, PARTS
from completion.export.signatures import signature_of
from dcgan import __version__
from dcgan.config import check
from dcgan.errors import ModelFileError, OptionError
from dcgan.model_tensors import bundled_models, model_sha256
from dcgan.onnx_writer import is_ours
from dcgan.pictures.reading import open_regular
from dcgan.pictures.records import write_whole

if TYPE_CHECKING:
    from dcgan.model_file import Prior

__all__ = ["check_engine", "check_target", "describe", "export_model"]

RECORD = "dcgan.json"  # what a file says of itself: in an archive of Keras and in the folder of a SavedModel
PRODUCER_BYTES = 32
SAVED_MODEL = {"saved_model.pb", "fingerprint.pb", "variables", "assets", RECORD}


def export_model(
    prior: Prior, path: str | Path, *, form: str, part: str = "completion", overwrite: bool = False
) -> None:
    """Write a part of a model in another format.

    Parameters
    ----------
    prior : Prior
        A loaded model.
    path : str or Path
        The file, or with "savedmodel" the folder, to write.
    form : {"onnx", "savedmodel", "keras"}
        ONNX needs neither Keras nor the package onnx; "savedmodel" needs TensorFlow, "keras" Keras with any engine.
    part : {"completion", "generator", "discriminator", "encoder"}
        See `completion.export.signatures.signature_of` for what each takes and returns, and docs/exports.md.
    overwrite : bool, default False
        Replace what was exported there before.

    Raises
    ------
    ModelFileError
        The model has no encoder, which this part is or needs, or the file cannot be written.
    OptionError
        There is something already, or the engine is another than the format needs.
    EngineError
        Keras or its engine is not installed.
    """
    check(form in FORMATS, f"`form` to be one of {', '.join(FORMATS)}", form=form)
    check(part in PARTS, f"`part` to be one of {', '.join(PARTS)}", part=part)
    path = Path(path)
    check_target(path, form=form, overwrite=overwrite)
    if part in ("completion", "encoder") and not prior.has_encoder:
        what = "no completion graph" if part == "completion" else "none to export"
        raise ModelFileError(
            f"the model has no encoder, so there is {what} (dcgan-train-encoder trains one); its generator and "
            "discriminator can be exported"
        )
    check_engine(form)
    record = describe(prior, part)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if form == "onnx":
            _write_bytes(path, _onnx(prior, part, record))
        elif form == "keras":
            _write_keras(prior, part, path, record)
        else:
            _write_saved_model(prior, part, path, record)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot write: {error.strerror or error}") from error


def check_engine(form: str) -> None:
    """Raise OptionError or EngineError where Keras or its engine is not what a format needs; nothing is imported."""
    if form == "onnx":
        return
    from dcgan.engine import choose_engine

    engine = choose_engine()
    if form == "savedmodel" and engine != "tensorflow":
        raise OptionError(f"Expected Keras on TensorFlow with a SavedModel. Received: KERAS_BACKEND={engine}")


def describe(prior: Prior, part: str) -> dict[str, str]:
    """Return what an exported file says of itself: what it is, of which model, and the terms of its weights."""
    bundled = bundled_models()
    is_bundled = any(model_sha256(name) == prior.sha256 for name in bundled) if prior.sha256 else False
    terms = "those of the model's author and of the pictures that it was trained on"
    if is_bundled:
        terms = (next(iter(bundled.values())).parent / "TERMS.md").read_text(encoding="utf-8")
    return {
        "part": part,
        "signature": str(signature_of(prior.config, part)),
        "config": json.dumps(prior.config.to_dict()),
        "model_sha256": prior.sha256,
        "written_by": f"dcgan-face-completion {__version__}",
        "terms": terms,
    }


def check_target(path: Path, *, form: str, overwrite: bool) -> None:
    """Raise OptionError where something lies at a path that is to be written, unless it may be replaced.

    Parameters
    ----------
    path : Path
    form : str
    overwrite : bool
        Whether an export of the same format may be replaced. Links, and files and folders of others, never are.
    """
    if not os.path.lexists(path):
        return
    if not _is_export(path, form):
        raise OptionError(
            f"{path} exists, and is no export of this format, which alone --overwrite replaces; choose another name."
        )
    if not overwrite:
        raise OptionError(f"{path} exists; --overwrite replaces it.")


def _is_export(path: Path, form: str) -> bool:
    """Tell whether a path is an export of ours, in a format."""
    mode = os.lstat(path).st_mode
    try:
        if form == "savedmodel":
            return stat.S_ISDIR(mode) and RECORD in (found := set(os.listdir(path))) and found <= SAVED_MODEL
        if not stat.S_ISREG(mode):
            return False
        with open_regular(path) as file:
            if form == "onnx":
                return is_ours(file.read(PRODUCER_BYTES))
            with zipfile.ZipFile(file) as archive:
                return RECORD in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _onnx(prior: Prior, part: str, record: Mapping[str, str]) -> bytes:
    """Return a part as an ONNX model."""
    from completion.export.onnx_parts import whole_completion_graph
    from dcgan.onnx_graph import discriminator_graph, encoder_graph, generator_graph

    graphs: dict[str, Callable[..., bytes]] = {
        "completion": whole_completion_graph,
        "generator": generator_graph,
        "discriminator": discriminator_graph,
        "encoder": encoder_graph,
    }
    return graphs[part](prior.config, prior.tensors, metadata=record)


def _write_bytes(path: Path, data: bytes) -> None:
    """Write a file."""
    with write_whole(path) as file:
        file.write(data)


def _write_keras(prior: Prior, part: str, path: Path, record: Mapping[str, str]) -> None:
    """Write an archive of Keras."""
    from completion.export.keras_parts import build_part

    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "part.keras")
        build_part(prior, part).save(archive)
        with zipfile.ZipFile(archive, "a") as opened:
            opened.writestr(RECORD, json.dumps(record, indent=2))
        with write_whole(path) as file, archive.open("rb") as source:
            shutil.copyfileobj(source, file)


def _write_saved_model(prior: Prior, part: str, path: Path, record: Mapping[str, str]) -> None:
    """Write the folder of a SavedModel: under a temporary name beside it, which is then changed."""
    import tensorflow as tf

    from completion.export.keras_parts import build_part

    network, signature = build_part(prior, part), signature_of(prior.config, part)

    def call(**values: Any) -> Any:
        return network(values, training=False)

    shapes = {
        name: tf.TensorSpec([None, *shape[1:]], signature.dtype, name=name) for name, shape in signature.inputs.items()
    }
    module = tf.Module()
    module.weights = [variable.value for variable in network.variables]
    serve = tf.function(call).get_concrete_function(**shapes)
    own = Path(f"{path}.{secrets.token_hex(8)}.tmp")
    try:
        tf.saved_model.save(module, str(own), signatures={"serving_default": serve})
        (own / RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")
        if path.exists():
            old = own.with_suffix(".old")
            os.rename(path, old)
            os.rename(own, path)
            shutil.rmtree(old)
        else:
            os.rename(own, path)
    finally:
        shutil.rmtree(own, ignore_errors=True)
