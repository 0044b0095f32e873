"""Pictures, folders and the toy model of these tests."""

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from completion.config import METHODS, ClassicalConfig, SearchConfig
from completion.folder.manifest import manifest_schema
from dcgan.config import ModelConfig

SIZE = 16
CPU = Path("/proc/cpuinfo")
AVX512 = not CPU.exists() or "avx512f" in CPU.read_text()  # without it, a batch's last rows are computed otherwise


def make_prior(folder, *, channels=3):
    """Save and load a model with random weights, large enough for pictures with contrast; return path and Prior."""
    from dcgan.model_file import load_model, save_model
    from dcgan.networks import build_discriminator, build_generator

    config = ModelConfig(size=SIZE, filters=4, latent_dim=8, channels=channels)
    networks = build_generator(config, seed=1), build_discriminator(config, seed=2)
    for network in networks:
        network.set_weights([10.0 * weight if weight.ndim > 1 else weight for weight in network.get_weights()])
    path = folder / f"toy-{channels}.safetensors"
    save_model(path, *networks, config=config)
    return path, load_model(path)


def make_picture(height=SIZE, width=SIZE, *, channels=3, seed=0):
    """Return a picture with smooth shapes and some noise, (H, W, C) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angles = rng.uniform(0, 6.28, channels)
    waves = np.sin(6 * y[..., None] / height + angles) * np.cos(5 * x[..., None] / width + angles)
    return np.clip(128 + 90 * waves + rng.normal(0, 5, (height, width, channels)), 0, 255).astype(np.uint8)


def center_hole(height=SIZE, width=SIZE):
    """Return a mask whose middle is missing."""
    mask = np.zeros((height, width), np.bool_)
    mask[height // 4 : -(-3 * height // 4), width // 4 : -(-3 * width // 4)] = True
    return mask


def write_pictures(folder, names, *, size=(SIZE, SIZE)):
    """Write a picture of its own under each name and return the folder."""
    for index, name in enumerate(names):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make_picture(*size, seed=index)).save(path)
    return Path(folder)


def read(path, mode="RGB"):
    """Return a file's pixels."""
    with Image.open(path) as image:
        assert image.mode == mode
        return np.array(image)


def records(folder, name="manifest.jsonl"):
    """Return the records of a manifest's pictures, after a check that every line is what the published schema says."""
    lines = [json.loads(line) for line in Path(folder, name).read_text().splitlines()]
    for line in lines:
        _validator().validate(line)
    return [line for line in lines if "settings" not in line]


@functools.cache
def _validator():
    import jsonschema

    schema = manifest_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def settings_lines(folder, name="manifest.jsonl"):
    """Return the settings in a manifest."""
    lines = [json.loads(line) for line in Path(folder, name).read_text().splitlines()]
    return [line["settings"] for line in lines if "settings" in line]


def contents(folder):
    """Return the bytes of a folder's pictures by relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(Path(folder).rglob("*.png"))}


@dataclasses.dataclass(frozen=True)
class CommandLine:
    """Runs complete-images inside this process, by default with two steps of the toy model's search."""

    model: Path

    def __call__(self, *arguments: object, code: int = 0) -> Result:
        given = [str(argument) for argument in arguments]
        if not {"--method", "--variations"} & set(given):
            given = ["--method", "latent", *given]
        config = METHODS.get(given[given.index("--method") + 1]) if "--method" in given else None
        own = [] if "--model" in given or isinstance(config, ClassicalConfig) else ["--model", str(self.model)]
        if isinstance(config, SearchConfig) and "--iterations" not in given:
            own += ["--iterations", "2"]
        return self.invoke([*own, *given], code=code)

    def invoke(self, arguments: list[str], *, code: int = 0) -> Result:
        """Run the command with these arguments and no others."""
        from completion.cli import complete_command

        result = CliRunner().invoke(complete_command, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result
