"""Exports, loaded by their own runtimes and compared with our own results."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from completion import Completer
from completion.export.config import FORMATS, PARTS
from completion.export.signatures import signature_of
from completion.export.write import export_model
from dcgan.config import ModelConfig
from dcgan.errors import ModelFileError, OptionError
from dcgan.model_file import Prior, load_model
from masks import make_mask
from tests.completion.helpers import make_picture
from tests.dcgan.helpers import random_prior

ROOT = Path(__file__).parents[3]
GREY_LEVELS = 127.5
COLOUR = ModelConfig(size=32, filters=3, latent_dim=4, offset_maps=2, discriminator_norm="spectral", logits=2, dense=5)
CONFIGS = [
    COLOUR,
    ModelConfig(
        size=28,
        channels=1,
        filters=2,
        latent_dim=4,
        latent="normal",
        output="sigmoid",
        upsampling="resize",
        output_bias=False,
        discriminator_norm="none",
    ),
    ModelConfig(size=20, filters=2, latent_dim=3, activation="leaky", discriminator_norm="batch-all", dropout=0.3),
    ModelConfig(size=8, filters=3, latent_dim=2, discriminator_norm="batch", kernel_size=5),
]


def inputs_of(config, part):
    """Return what a part receives, two of each."""
    rng = np.random.default_rng(3)
    signature = signature_of(config, part)
    values = {}
    for name, (_, *shape) in signature.inputs.items():
        values[name] = rng.uniform(-1.0, 1.0, (2, *shape)).astype(np.float32)
    if part == "completion":
        values["pictures"] = np.stack([make_picture(*shape[:2], channels=config.channels, seed=n) for n in (1, 2)])
        holes = make_mask("center", tuple(shape)), make_mask("medium", tuple(shape), seed=4)
        values["masks"] = np.stack([255 * holes[0].astype(np.uint8), holes[1].astype(np.uint8)])
    return values


def expected_of(prior, part):
    """Return what our own networks and methods make of `inputs_of`."""
    values = inputs_of(prior.config, part)
    if part == "completion":
        completer = Completer(prior, "fast", blend="poisson")
        pairs = zip(values["pictures"], values["masks"] > 0, strict=True)
        return {"completed": np.stack([completer.complete(*pair).pictures[0] for pair in pairs])}
    network, names = getattr(prior, part), signature_of(prior.config, part).outputs
    found = network(*values.values(), training=False)
    found = found if isinstance(found, list) else [found]
    return dict(zip(names, map(keras.ops.convert_to_numpy, found), strict=True))


def check(found, expected, part):
    """Check that outputs agree, and pictures within a grey level."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert (found[name].shape, found[name].dtype) == (values.shape, values.dtype), name
        difference = np.abs(found[name].astype(np.float64) - values)
        if part == "completion":
            assert difference.max() <= 1
            assert difference.mean() < 0.1
        else:
            scale = GREY_LEVELS if name == "pictures" else 1.0 / max(1.0, np.abs(values).max())
            assert difference.max() * scale <= (1.0 if name == "pictures" else 1e-4), name


def of_onnx(path, values):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, values), strict=True))


@pytest.fixture(scope="module")
def priors():
    return [random_prior(config) for config in CONFIGS]


@pytest.mark.parametrize("part", PARTS)
def test_onnx_of_every_kind_of_model(tmp_path, priors, part):
    for number, prior in enumerate(priors):
        path = tmp_path / f"{number}.onnx"
        export_model(prior, path, form="onnx", part=part)
        onnx.checker.check_model(path, full_check=True)
        check(of_onnx(path, inputs_of(prior.config, part)), expected_of(prior, part), part)


def test_what_an_onnx_file_says_of_itself(tmp_path, priors):
    export_model(priors[0], tmp_path / "a.onnx", form="onnx")
    model = onnx.load(tmp_path / "a.onnx")
    said = {each.key: each.value for each in model.metadata_props}
    assert ModelConfig.from_dict(json.loads(said["config"])) == COLOUR
    assert said["part"] == "completion"
    assert "author" in said["terms"]
    assert (model.opset_import[0].version, model.ir_version) == (17, 8)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    shown = [(each.name, each.shape, each.type) for each in (*session.get_inputs(), *session.get_outputs())]
    assert shown == [
        ("pictures", ["B", 32, 32, 3], "tensor(uint8)"),
        ("masks", ["B", 32, 32], "tensor(uint8)"),
        ("completed", ["B", 32, 32, 3], "tensor(uint8)"),
    ]


LOADING = """
import sys
import numpy as np
import keras
import tensorflow as tf

assert not any(name.partition(".")[0] in ("completion", "dcgan", "masks") for name in sys.modules)
for part in ("completion", "generator", "discriminator", "encoder"):
    values = dict(np.load(f"{part}-in.npz"))
    network = keras.models.load_model(f"{part}.keras")
    np.savez(f"{part}-keras", **{name: np.asarray(each) for name, each in network(values).items()})
    serve = tf.saved_model.load(part).signatures["serving_default"]
    found = serve(**{name: tf.constant(each) for name, each in values.items()})
    np.savez(f"{part}-savedmodel", **{name: np.asarray(each) for name, each in found.items()})
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, priors):
    """Export each part, and run it in a process that has Keras and TensorFlow but not this project."""
    folder = tmp_path_factory.mktemp("exported")
    for part in PARTS:
        np.savez(folder / f"{part}-in", **inputs_of(COLOUR, part))
        export_model(priors[0], folder / f"{part}.keras", form="keras", part=part)
        export_model(priors[0], folder / part, form="savedmodel", part=part)
    command = [sys.executable, "-I", "-c", LOADING]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("form", ["keras", "savedmodel"])
def test_keras_and_savedmodel(loaded, priors, form):
    for part in PARTS:
        check(dict(np.load(loaded / f"{part}-{form}.npz")), expected_of(priors[0], part), part)


def test_savedmodels_and_archives_say_what_they_are(loaded):
    record = json.loads((loaded / "encoder" / "dcgan.json").read_text())
    assert (
        record["signature"]
        == "masked (B, 32, 32, 4) -> latents (B, 4), offset0 (B, 16, 16, 3), offset1 (B, 8, 8, 6), float32"
    )
    assert not list(loaded.glob("*.tmp*"))


def test_the_example_completes_with_onnxruntime_alone(tmp_path):
    """A bundled model and an example picture; the result is that of complete-images, and carries the model's terms."""
    prior = load_model("faces-64")
    export_model(prior, tmp_path / "model.onnx", form="onnx")
    picture = Image.open(ROOT / "examples" / "hopper.png").convert("RGB").resize((64, 64))
    hole = make_mask("center", (64, 64))
    picture.save(tmp_path / "face.png")
    Image.fromarray(255 * hole.astype(np.uint8)).save(tmp_path / "mask.png")
    words = ["-I", ROOT / "examples" / "complete_with_onnxruntime.py", "model.onnx", "face.png", "mask.png", "out.png"]
    barred = "import sys; sys.modules.update(dict.fromkeys(['completion', 'dcgan', 'masks', 'cv2', 'keras', 'scipy']))"
    code = f"{barred}; import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, words[0], "-c", code, *map(str, words[1:])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    ours = Completer(prior, "fast", blend="poisson").complete(picture, hole).pictures[0]
    assert np.abs(found - ours).max() <= 1
    assert (found[~hole] == np.asarray(picture)[~hole]).all()
    model = onnx.load(tmp_path / "model.onnx")
    terms = next(each.value for each in model.metadata_props if each.key == "terms")
    assert "LicenseRef-faces-64-terms" in terms


def test_a_model_without_an_encoder(tmp_path, priors):
    tensors = {name: values for name, values in priors[0].tensors.items() if not name.startswith("encoder/")}
    prior = Prior(COLOUR, tensors)
    for part, line in (("completion", "no completion graph"), ("encoder", "none to export")):
        with pytest.raises(ModelFileError, match=line):
            export_model(prior, tmp_path / "a.onnx", form="onnx", part=part)
    assert list(tmp_path.iterdir()) == []
    export_model(prior, tmp_path / "a.onnx", form="onnx", part="generator")


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_overwritten(tmp_path, priors, loaded, form):
    small = Prior(dataclasses.replace(COLOUR), priors[0].tensors)
    own = {"onnx": tmp_path / "own.onnx", "keras": loaded / "generator.keras", "savedmodel": loaded / "generator"}[form]
    if form == "onnx":
        export_model(small, own, form=form, part="generator")
    with pytest.raises(OptionError, match="exists; --overwrite replaces it"):
        export_model(small, own, form=form, part="discriminator")
    export_model(small, own, form=form, part="discriminator", overwrite=True)
    foreign = tmp_path / "foreign"
    if form == "savedmodel":
        foreign.mkdir()
        (foreign / "letter.txt").touch()
        (foreign / "dcgan.json").touch()
    else:
        foreign.write_bytes(b"a letter to somebody else")
    link = tmp_path / "link"
    link.symlink_to(own)
    for path in (foreign, link):
        with pytest.raises(OptionError, match="is no export of this format"):
            export_model(small, path, form=form, part="generator", overwrite=True)
    assert link.is_symlink()


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_that_breaks_leaves_nothing(tmp_path, priors, monkeypatch, form):
    target = {"onnx": "os.fsync", "keras": "os.fsync", "savedmodel": "tensorflow.saved_model.save"}[form]

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target, fail)
    with pytest.raises(ModelFileError, match="cannot write: No space left on device"):
        export_model(priors[3], tmp_path / "a", form=form, part="generator")
    assert list(tmp_path.iterdir()) == []
