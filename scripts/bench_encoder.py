"""Compare the time of completion by the encoder with its arithmetic limit and with the search of Yeh et al. 2017.

The limit is the time of the floating-point operations of one pass through encoder and generator at the machine's peak
rate of matrix multiplication, measured in the same run (see bench_search.py). Three times are measured: that pass, in
Keras; `fast` without blending, which also fills the holes for the encoder, in ONNX Runtime with a thread for each core;
and a few steps of the method yeh2017, extrapolated to all its steps.
"""

import statistics
import time
from collections.abc import Callable

import click
import keras
import numpy as np
from bench_search import matmul_rate, network_flops

from completion.config import EncoderConfig, resolve_method
from completion.search.adam import LatentSearch, start_latents
from completion.search.encoder import EncoderAnswerer
from completion.search.observation import Observations
from dcgan.autodiff import compile_function
from dcgan.encoder import decode
from dcgan.model_file import load_model

STEPS = 10


def encoder_flops(encoder: keras.Model) -> int:
    """Return the floating-point operations of the encoder's convolutions and dense layers for one picture."""
    total = 0
    for layer in encoder.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            total += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.input.shape[1:3]))
        elif isinstance(layer, keras.layers.Conv2D):
            total += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:3]))
        elif isinstance(layer, keras.layers.Dense):
            total += 2 * int(np.prod(layer.kernel.shape))
    return total


def seconds_of(function: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call in seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


@click.command()
@click.option("--model", default="faces-128", show_default=True)
@click.option("--batch-size", default=64, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(model: str, batch_size: int, rounds: int) -> None:
    """Print milliseconds per picture and their ratios."""
    prior = load_model(model)
    config, encoder = prior.config, prior.encoder
    fast = EncoderAnswerer(prior, EncoderConfig())
    full = resolve_method("yeh2017")[1].iterations
    yeh = LatentSearch(prior, resolve_method("yeh2017", iterations=STEPS)[1])
    targets = np.random.default_rng(0).uniform(-1, 1, (batch_size, config.size, config.size, config.channels))
    known = np.ones((batch_size, config.size, config.size), np.float32)
    known[:, config.size // 4 : -config.size // 4, config.size // 4 : -config.size // 4] = 0.0
    observations = Observations(targets.astype(np.float32), known)
    starts = start_latents(batch_size, config.latent_dim)
    seen = np.zeros((batch_size, config.size, config.size, config.channels + 1), np.float32)

    def both_networks(seen: np.ndarray) -> object:
        latents, *offsets = encoder(seen, training=False)
        return decode(prior.generator, config, latents, offsets=offsets)

    one_pass = compile_function(both_networks)

    calls: dict[str, Callable[[], object]] = {
        "encoder and generator": lambda: np.asarray(one_pass(seen)),
        "fast": lambda: fast.answer(observations),
        "yeh2017": lambda: yeh.search(observations, starts),
    }
    for call in calls.values():
        call()  # compiles
    operations = encoder_flops(encoder) + network_flops(config)[0]
    rows = []
    for _ in range(rounds):
        peak = matmul_rate()
        times = {name: 1000 * seconds_of(call, 3) / batch_size for name, call in calls.items()}
        times["yeh2017"] *= (full + 1) / (STEPS + 1)
        limit = 1000 * operations / peak
        rows.append((times["encoder and generator"] / limit, times["fast"] / limit, times["yeh2017"] / times["fast"]))
        shown = ", ".join(f"{name} {value:.2f}" for name, value in times.items())
        click.echo(f"limit {limit:.2f} ms a picture ({peak / 1e9:.0f} GFLOP/s), {shown}")
    columns = [statistics.median(column) for column in zip(*rows, strict=True)]
    click.echo(
        f"batch {batch_size}: medians: one pass {columns[0]:.2f} times the limit, fast {columns[1]:.2f} times; "
        f"yeh2017 takes {columns[2]:.0f} times as long as fast"
    )


if __name__ == "__main__":
    main()
