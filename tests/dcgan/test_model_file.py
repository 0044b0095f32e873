import dataclasses
import errno
import hashlib
import json
import os

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dcgan import model_file
from dcgan.config import DISCRIMINATOR_NORMS, LATENTS, UPSAMPLINGS, ModelConfig
from dcgan.autodiff import compile_function
from dcgan.errors import ModelFileError
from dcgan.model_file import load_model, save_model
from dcgan.model_tensors import FORMAT_VERSION, bundled_models
from dcgan.networks import build_discriminator, build_generator
from tests.dcgan.helpers import TOY, memory_below, one_line

# The fixture's folder serves all examples of a test.
HEALTH_CHECKS = [*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture]


def read(path):
    """Return a model file's tensors and metadata."""
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    return dict(safetensors.numpy.load_file(path)), metadata


@pytest.fixture
def rewrite(model_path, tmp_path):
    """Return a function that writes the toy model with other tensors or metadata and returns its path."""

    def write(change):
        tensors, metadata = read(model_path)
        change(tensors, metadata)
        path = tmp_path / "changed.safetensors"
        safetensors.numpy.save_file(tensors, path, metadata)
        return path

    return write


def refusal(path):
    with pytest.raises(ModelFileError) as error:
        load_model(path)
    return one_line(error)


configs = st.builds(
    ModelConfig,
    size=st.sampled_from([8, 12, 16]),
    channels=st.sampled_from([1, 3]),
    latent_dim=st.integers(1, 5),
    filters=st.integers(1, 3),
    kernel_size=st.integers(2, 5),
    discriminator_norm=st.sampled_from(DISCRIMINATOR_NORMS),
    latent=st.sampled_from(LATENTS),
    upsampling=st.sampled_from(UPSAMPLINGS),
    output_bias=st.booleans(),
    dropout=st.sampled_from([0.0, 0.3]),
    dense=st.integers(0, 2),
    logits=st.sampled_from([1, 2]),
)


@settings(max_examples=8, deadline=None, suppress_health_check=HEALTH_CHECKS)
@given(config=configs, seed=st.integers(0, 2**32 - 1))
def test_round_trip(tmp_path, config, seed):
    rng = np.random.default_rng(seed)
    networks = build_generator(config), build_discriminator(config)
    for network in networks:
        for variable in network.variables:
            values = rng.normal(0, 1, variable.shape).astype(np.float32)
            variable.assign(np.abs(values) if variable.name == "moving_variance" else values)
    path = tmp_path / "a.safetensors"
    save_model(path, *networks, config=config, info={"seed": seed})
    prior = load_model(path)
    assert prior.config == config
    assert prior.info == {"seed": seed}
    assert prior.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    for network, loaded in zip(networks, (prior.generator, prior.discriminator), strict=True):
        for old, new in zip(network.get_weights(), loaded.get_weights(), strict=True):
            if old.ndim > 1:
                np.testing.assert_array_equal(new, old.astype(np.float16).astype(np.float32))
            else:
                np.testing.assert_array_equal(new, old)


def test_the_same_model_the_same_bytes(prior, tmp_path):
    """Whatever order the library writes the metadata in."""
    paths = [tmp_path / f"{index}.safetensors" for index in range(6)]
    for path in paths:
        save_model(path, prior.generator, prior.discriminator, config=prior.config, info=prior.info)
    assert len({path.read_bytes() for path in paths}) == 1


def test_half_precision_is_stored_for_kernels_alone(model_path):
    tensors, metadata = read(model_path)
    for name, values in tensors.items():
        assert values.dtype == (np.float16 if values.ndim > 1 else np.float32), name
    assert metadata["format_version"] == str(FORMAT_VERSION)
    assert json.loads(metadata["config"]) == TOY.to_dict()


def test_saving_what_could_not_be_loaded(tmp_path):
    generator, discriminator = build_generator(TOY), build_discriminator(TOY)
    for value in (np.nan, 1e6):  # the second lies beyond half precision
        generator.set_weights([np.full_like(weight, value) for weight in generator.get_weights()])
        with pytest.raises(
            ModelFileError, match="expected finite weights, received NaN or infinity in generator/project/kernel"
        ):
            save_model(tmp_path / "a.safetensors", generator, discriminator, config=TOY)
    assert os.listdir(tmp_path) == []


def test_saving_to_a_full_disk(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelFileError, match="cannot write: No space left on device"):
        save_model(tmp_path / "a.safetensors", build_generator(TOY), build_discriminator(TOY), config=TOY)
    assert os.listdir(tmp_path) == []


def test_bundled_models_by_name(monkeypatch, model_path):
    for name, path in bundled_models().items():
        assert path.name == f"{name}.safetensors"
    monkeypatch.setattr("dcgan.model_tensors.bundled_models", lambda: {"toy": model_path})
    assert load_model("toy").config == TOY
    with pytest.raises(ModelFileError) as error:
        load_model("other")
    assert one_line(error) == "Expected a bundled model (toy), hf://OWNER/NAME or the path of a file. Received: other"


def test_paths_that_hold_no_file(tmp_path):
    known = ", ".join(bundled_models()) or "none in this installation"
    for path in (tmp_path / "nothing.safetensors", tmp_path):
        assert (
            refusal(path)
            == f"Expected a bundled model ({known}), hf://OWNER/NAME or the path of a file. Received: {path}"
        )


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"some text, and not a short one at that",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:8] + b"}" + data[9:],
        lambda data: b"\xff" * 8 + data[8:],
    ],
    ids=["empty", "text", "half", "short", "long", "header", "header length"],
)
def test_damaged_files(model_path, tmp_path, damage):
    path = tmp_path / "a.safetensors"
    path.write_bytes(damage(model_path.read_bytes()))
    assert refusal(path).startswith(f"{path}: not a safetensors file, or a damaged one: ")


@settings(max_examples=30, deadline=None, suppress_health_check=HEALTH_CHECKS)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_flipped_bits_in_the_header_are_refused_or_harmless(model_path, tmp_path, place, bit):
    data = bytearray(model_path.read_bytes())
    place %= 8 + int.from_bytes(data[:8], "little")
    data[place] ^= 1 << bit
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    try:
        load_model(path)  # a digit of the losses may have changed
    except ModelFileError as error:
        one_line(error)


def test_foreign_files(tmp_path):
    path = tmp_path / "a.safetensors"
    for metadata in (None, {"format": "pt"}):
        safetensors.numpy.save_file({"weight": np.zeros(3, np.float32)}, path, metadata)
        assert refusal(path) == f"{path}: expected a model written by dcgan-train, found another safetensors file"


def test_other_versions_of_the_format(rewrite):
    path = rewrite(lambda tensors, metadata: metadata.update(format_version="2"))
    assert refusal(path) == f"{path}: expected model format 1, received 2"


def test_missing_and_unknown_tensors(rewrite):
    def change(tensors, metadata):
        tensors["generator/other"] = tensors.pop("generator/up1/bias")

    path = rewrite(change)
    assert refusal(path) == (
        f"{path}: expected 21 tensors by its configuration, received 21 "
        "(missing: ['generator/up1/bias'], unknown: ['generator/other'])"
    )


def test_wrong_shapes(rewrite):
    path = rewrite(lambda tensors, metadata: tensors.update({"generator/up1/bias": np.zeros(4, np.float32)}))
    assert refusal(path) == f"{path}: expected generator/up1/bias of shape (3,), received (4,)"


def test_wrong_types(rewrite):
    path = rewrite(lambda tensors, metadata: tensors.update({"generator/up1/bias": np.zeros(3, np.complex64)}))
    assert refusal(path) == f"{path}: expected generator/up1/bias of float16 or float32, received C64"


def test_types_that_numpy_lacks(model_path, tmp_path):
    data = model_path.read_bytes().replace(b'"F16"', b'"BF16"')
    grown = len(data) - len(model_path.read_bytes())
    header = int.from_bytes(data[:8], "little") + grown
    path = tmp_path / "a.safetensors"
    path.write_bytes(header.to_bytes(8, "little") + data[8:])
    assert refusal(path).endswith("of float16 or float32, received BF16")


def test_foreign_tensors_are_not_read(rewrite):
    path = rewrite(lambda tensors, metadata: tensors.update(other=np.zeros(2**22, np.float32)))
    with memory_below(2**23):
        assert "unknown: ['other']" in refusal(path)


def test_a_file_that_is_replaced_while_it_is_loaded(rewrite, monkeypatch):
    """No more is read of it than the first one declared."""
    path = rewrite(lambda tensors, metadata: None)
    read_header = model_file.read_header

    def replace(path):
        found = read_header(path)
        rewrite(lambda tensors, metadata: tensors.update(other=np.zeros(2**23, np.float32)))
        return found

    monkeypatch.setattr(model_file, "read_header", replace)
    assert refusal(path).startswith(f"{path}: not a safetensors file, or a damaged one: ")


def test_negative_variances(rewrite):
    name = "generator/norm1/moving_variance"
    path = rewrite(lambda tensors, metadata: np.put(tensors[name], 1, -0.5))
    assert refusal(path) == f"{path}: expected variances of at least 0, received -0.5 in {name}"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(rewrite, value):
    path = rewrite(lambda tensors, metadata: tensors["discriminator/logit/kernel"].fill(value))
    assert refusal(path) == f"{path}: expected finite weights, received NaN or infinity in discriminator/logit/kernel"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("generator/project/kernel", 65504.0, 1000),
        ("discriminator/logit/kernel", -65504.0, 1000),
        ("generator/norm1/gamma", 1e6, 1000),
        ("generator/norm1/beta", -1e6, 1000),
        ("generator/norm1/moving_mean", 65504.0, 10000),
    ],
)
def test_weights_that_no_training_gives(rewrite, name, value, allowed):
    """Finite, so that a completion with them is finite as well, but nothing but black and white."""
    path = rewrite(lambda tensors, metadata: np.put(tensors[name], 0, value))
    assert refusal(path) == f"{path}: expected weights of at most {allowed}, received {abs(value):g} in {name}"


def test_variances_have_no_upper_bound(rewrite):
    assert load_model(rewrite(lambda tensors, metadata: tensors["generator/norm1/moving_variance"].fill(1e9)))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "Expecting property name enclosed in double quotes"),
        ("[]", "Expected a dict. Received: list"),
        ("{}", "Expected the keys"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
        (json.dumps(dataclasses.asdict(TOY) | {"size": "16"}), "Expected `size` to be a whole number from 8 to 1024"),
        (json.dumps(dataclasses.asdict(TOY) | {"size": 10**6}), "Expected `size` from 8 to 1024. Received: size=10000"),
        (json.dumps(dataclasses.asdict(TOY) | {"run": "code"}), "Expected the keys"),
    ],
    ids=["json", "list", "empty", "deep", "text", "size", "unknown"],
)
def test_damaged_configurations(rewrite, config, message):
    path = rewrite(lambda tensors, metadata: metadata.update(config=config))
    assert refusal(path).startswith(f"{path}: the model's configuration is damaged: {message}")


def test_configurations_that_are_missing(rewrite):
    path = rewrite(lambda tensors, metadata: metadata.pop("config"))
    assert refusal(path) == f"{path}: the model's configuration is damaged: 'config' is missing"
    path = rewrite(lambda tensors, metadata: metadata.update(info="[1]"))
    assert refusal(path).endswith("Expected `info` to be a dict. Received: list")


def test_huge_networks_are_refused_before_they_are_built(rewrite, monkeypatch):
    largest = {"size": 1024, "channels": 3, "latent_dim": 4096, "filters": 1024, "kernel_size": 16}
    config = json.dumps(largest | {"discriminator_norm": "batch"})
    path = rewrite(lambda tensors, metadata: metadata.update(config=config))
    built = []
    monkeypatch.setattr("keras.layers.Layer.add_weight", lambda layer, *args, **kwargs: built.append(layer))
    assert "tensors by its configuration, received" in refusal(path)
    assert built == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(model_path, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(model_path.read_bytes())
    path.chmod(0)
    assert "Permission denied" in refusal(path)


def test_a_network_may_first_be_asked_for_while_a_function_is_compiled(model_path):
    prior = load_model(model_path)
    latents = np.zeros((1, prior.config.latent_dim), np.float32)
    pictures = compile_function(lambda z: prior.generator(z, training=False))(latents)
    expected = load_model(model_path).generator(latents, training=False)
    np.testing.assert_allclose(pictures.numpy(), expected.numpy(), atol=1e-5)
