"""Compare the throughput of training with that of TensorFlow's DCGAN tutorial.

The tutorial's code is a `train_step` with two GradientTapes and two Adam optimizers under `tf.function`, fed by
tf.data. Both programs train the same architectures on batches of the same size, in alternating rounds. The result is
the median ratio of their times per round.
"""

import statistics
import time

import click
import keras
import numpy as np
import tensorflow as tf

from dcgan.config import PRECISIONS, ModelConfig, TrainConfig
from dcgan.training.dataset import TrainingBatches
from dcgan.training.gan import build_gan
from dcgan.networks import build_discriminator, build_generator


class Clock(keras.callbacks.Callback):
    """Record the time of each Keras epoch in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Record the time."""
        self.seconds.append(time.perf_counter() - self.started)


class Tutorial:
    """The training loop of the tutorial."""

    def __init__(self, config: ModelConfig, settings: TrainConfig, pictures: np.ndarray) -> None:
        self.generator = build_generator(config, policy=settings.precision)
        self.discriminator = build_discriminator(config, policy=settings.precision)
        self.adams = [keras.optimizers.Adam(settings.learning_rate, beta_1=settings.beta_1) for _ in range(2)]
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.latent_dim = config.latent_dim
        data = tf.data.Dataset.from_tensor_slices(pictures).shuffle(len(pictures)).repeat()
        data = data.batch(settings.batch_size, drop_remainder=True)
        self.data = iter(data.map(lambda x: tf.cast(x, tf.float32) / 127.5 - 1.0).prefetch(tf.data.AUTOTUNE))

    @tf.function
    def train_step(self, pictures: tf.Tensor) -> None:
        """Update both networks."""
        noise = tf.random.normal((pictures.shape[0], self.latent_dim))
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            generated = self.generator(noise, training=True)
            real = self.discriminator(pictures, training=True)
            fake = self.discriminator(generated, training=True)
            generator_loss = self.cross_entropy(tf.ones_like(fake), fake)
            discriminator_loss = self.cross_entropy(tf.ones_like(real), real)
            discriminator_loss += self.cross_entropy(tf.zeros_like(fake), fake)
        tapes = (
            (generator_tape, generator_loss, self.generator),
            (discriminator_tape, discriminator_loss, self.discriminator),
        )
        for adam, (tape, loss, network) in zip(self.adams, tapes, strict=True):
            adam.apply_gradients(
                zip(tape.gradient(loss, network.trainable_variables), network.trainable_variables, strict=True)
            )

    def run(self, steps: int) -> float:
        """Train for some steps and return the time in seconds."""
        started = time.perf_counter()
        for _ in range(steps):
            self.train_step(next(self.data))
        _ = self.generator.trainable_variables[0].numpy()
        return time.perf_counter() - started


@click.command()
@click.option("--batch-size", default=64, show_default=True)
@click.option("--steps", default=15, show_default=True, help="In one round.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--precision", default="float32", type=click.Choice(PRECISIONS), show_default=True)
@click.option("--tutorial-precision", default=None, type=click.Choice(PRECISIONS), help="[default: the same]")
def main(batch_size: int, steps: int, rounds: int, precision: str, tutorial_precision: str | None) -> None:
    """Print pictures per second of both programs and their ratio."""
    config = ModelConfig()
    settings = TrainConfig(batch_size=batch_size, precision=precision)
    pictures = np.random.default_rng(0).integers(0, 256, (1024, config.size, config.size, config.channels), np.uint8)
    tutorial = Tutorial(config, TrainConfig(batch_size=batch_size, precision=tutorial_precision or precision), pictures)
    gan = build_gan(config, settings)
    batches = TrainingBatches(pictures, batch_size=batch_size, latent_dim=config.latent_dim)
    ratios = []
    for number in range(rounds + 1):
        theirs = tutorial.run(steps)
        clock = Clock()
        # The first Keras epoch starts the input pipeline and is not counted; the tutorial's pipeline keeps running.
        gan.fit(batches, epochs=2, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[clock])
        ours = clock.seconds[1]
        if number:  # not the first round, which compiles
            ratios.append(theirs / ours)
            rate = batch_size * steps
            click.echo(
                f"ours {rate / ours:6.1f} pictures/s, tutorial {rate / theirs:6.1f} pictures/s, "
                f"ratio {theirs / ours:.3f}"
            )
    click.echo(
        f"{precision} against {tutorial_precision or precision}, batch {batch_size}: median ratio "
        f"{statistics.median(ratios):.3f} (least {min(ratios):.3f}, greatest {max(ratios):.3f})"
    )


if __name__ == "__main__":
    main()
