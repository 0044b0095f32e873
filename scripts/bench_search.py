"""Measure the floating-point rate of the search relative to the machine's peak rate of matrix multiplication.

The peak is the best rate of a square float32 matrix product over several sizes, on the same engine and with the same
number of threads. Both rates are measured alternately, for several rounds; the result is the median of their ratio.
"""

import statistics
import time

import click
import numpy as np
import tensorflow as tf

from completion.config import SearchConfig
from completion.search.adam import LatentSearch, start_latents
from completion.search.observation import Observations
from dcgan.config import ModelConfig, doublings
from dcgan.model_file import Prior
from dcgan.networks import build_discriminator, build_generator

MATRIX_SIZES = (1024, 2048, 3072)


def network_flops(config: ModelConfig) -> tuple[int, int]:
    """Return the floating-point operations of one forward pass of the generator and of the discriminator."""
    levels = doublings(config.size)
    widths = [config.filters * min(2**level, 8) for level in range(levels)]
    start = config.size >> levels
    taps = config.kernel_size**2
    generator = 2 * config.latent_dim * start * start * widths[-1]
    discriminator = 2 * start * start * widths[-1]
    for level, width in enumerate(widths):
        pixels = (config.size >> (level + 1)) ** 2  # of the smaller feature map
        other = widths[level - 1] if level else config.channels
        generator += 2 * pixels * width * other * taps
        discriminator += 2 * pixels * width * other * taps
    return generator, discriminator


def matmul_rate() -> float:
    """Return the best rate of a float32 matrix product in operations per second."""
    best = 0.0
    for size in MATRIX_SIZES:
        left, right = tf.random.normal((size, size)), tf.random.normal((size, size))
        tf.linalg.matmul(left, right).numpy()
        for _ in range(3):
            started = time.perf_counter()
            for _ in range(4):
                product = tf.linalg.matmul(left, right)
            product.numpy()
            best = max(best, 4 * 2 * size**3 / (time.perf_counter() - started))
    return best


@click.command()
@click.option("--batch-size", default=64, show_default=True)
@click.option("--iterations", default=30, show_default=True, help="Of the search in one round.")
@click.option("--rounds", default=5, show_default=True)
def main(batch_size: int, iterations: int, rounds: int) -> None:
    """Print the ratio of the search's rate to the peak; it does not depend on the weights of the model."""
    config = ModelConfig()
    prior = Prior.of_networks(build_generator(config), build_discriminator(config), config)
    search = LatentSearch(prior, SearchConfig(iterations=iterations))
    rng = np.random.default_rng(0)
    targets = rng.uniform(-1, 1, (batch_size, config.size, config.size, config.channels)).astype(np.float32)
    known = np.ones((batch_size, config.size, config.size), np.float32)
    known[:, 16:48, 16:48] = 0.0
    observations, starts = Observations(targets, known), start_latents(batch_size, config.latent_dim)
    search.search(observations, starts)  # compiles
    # Each step is a forward and a backward pass of both networks. One more step evaluates the last iterate, and one
    # pass of the generator decodes it.
    generator, discriminator = network_flops(config)
    operations = batch_size * ((iterations + 1) * 2 * (generator + discriminator) + generator)
    shares = []
    for _ in range(rounds):
        before = matmul_rate()
        started = time.perf_counter()
        search.search(observations, starts)
        rate = operations / (time.perf_counter() - started)
        peak = max(before, matmul_rate())
        shares.append(rate / peak)
        click.echo(
            f"search {rate / 1e9:6.1f} GFLOP/s, matrix product {peak / 1e9:6.1f} GFLOP/s, share {rate / peak:.3f}"
        )
    click.echo(
        f"batch {batch_size}: median share {statistics.median(shares):.3f} "
        f"(least {min(shares):.3f}, greatest {max(shares):.3f})"
    )


if __name__ == "__main__":
    main()
