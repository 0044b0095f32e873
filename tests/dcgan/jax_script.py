"""What the tests want to know of the JAX engine; run in a process of its own, with two devices."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import load_file

from dcgan.training import train as training
from dcgan.autodiff import compile_function, value_and_grad
from dcgan.config import ModelConfig, TrainConfig
from dcgan.errors import OptionError
from dcgan.model_file import load_model
from dcgan.sampling import draw_latents, sample
from dcgan.training.devices import data_parallel
from dcgan.training.gan import build_gan
from dcgan.training.probe import Probe
from tests.dcgan.helpers import RUN, TOY, cached, make_pictures
from tests.dcgan.test_autodiff import Z, analytic, toy_function

DATA = cached(make_pictures(40))


def train(folder, *, epochs=2, model=TOY, devices=None, **options):
    """Train the toy; return the checkpoint's tensors."""
    settings = TrainConfig(epochs=epochs, batch_size=8, ema_momentum=0.9, **options)
    training.train(DATA, folder, model=model, settings=settings, run=RUN, progress=False, devices=devices)
    return load_file(folder / "checkpoint.safetensors")


def difference(one, other):
    """Return the largest difference between two checkpoints."""
    return max(float(np.abs(one[name].astype(np.float64) - other[name]).max()) for name in one)


def error(function):
    _, gradient = function(Z, np.float32(3.0))
    return float(np.abs(np.asarray(gradient) - analytic(Z, 3.0)).max())


def main(folder):
    unbroken = train(folder / "unbroken")
    spectral = ModelConfig(size=16, filters=4, latent_dim=8, discriminator_norm="spectral")
    train(folder / "spectral", epochs=1, model=spectral, discriminator_learning_rate=1e-3, precision="mixed_bfloat16")
    prior = load_model(folder / "spectral" / "model.safetensors")
    options = {"generator_steps": 2, "r1": 1.0, "augment": "color,translation,cutout", "loss": "relativistic"}
    dropout = ModelConfig(size=16, filters=4, latent_dim=8, latent="normal", upsampling="resize", dropout=0.3)
    published = train(folder / "published", epochs=1, model=dropout, weight_decay=1e-4, **options)
    devices = len(keras.distribution.list_devices())
    refused = refusals()
    train(folder / "resumed", epochs=1)
    resumed = train(folder / "resumed", devices=1)  # goes on with one device less
    return {
        "engine": keras.backend.backend(),
        "devices": devices,
        "gradient_error": error(value_and_grad(toy_function)),
        "compiled_gradient_error": error(compile_function(value_and_grad(toy_function))),
        "probe_moves": probe_moves(),
        "refusals": refused,
        "steps": len((folder / "unbroken" / "losses.csv").read_text().splitlines()) - 1,
        "resume_difference": difference(unbroken, resumed),
        "published_finite": all(bool(np.isfinite(values).all()) for values in published.values()),
        "sample_range": [int(sample(prior, 4).min()), int(sample(prior, 4).max())],
    }


def probe_moves():
    """Return how much a probe's figures change with the weights; a compiled function could keep the first ones."""
    gan = build_gan(TOY, TrainConfig(batch_size=8))
    probe = Probe(gan, make_pictures(8), draw_latents(8, TOY.latent_dim))
    before = probe()
    for variable in gan.trainable_variables:
        variable.assign(variable * 2.0)
    return float(np.abs(probe().real_logits - before.real_logits).max())


def refusals():
    """Return what is said of numbers of devices that do not fit."""
    lines = []
    for batch_size, devices in ((8, 3), (7, 0)):
        try:
            data_parallel(batch_size, devices)
        except OptionError as error:
            lines.append(str(error))
    return lines


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
