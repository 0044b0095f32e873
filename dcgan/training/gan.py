"""The DCGAN as one Keras model: both players are trained by `fit` through one scalar loss."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import keras
from keras import ops

from dcgan.config import ModelConfig, TrainConfig
from dcgan.training.losses import discriminator_loss, generator_loss
from dcgan.networks import build_discriminator, build_generator
from dcgan.pictures.values import to_float

__all__ = ["DCGAN", "build_gan", "judge"]

Tensor = Any


class DCGAN(keras.Model):
    """Generator and discriminator, trained together by `keras.Model.fit`.

    The loss is one scalar whose gradient is each network's own: the discriminator sees generated pictures through
    `stop_gradient`, and the generator is judged by a discriminator whose weights went through `stop_gradient`; all
    passes see the weights from before the step. There is no `train_step`, so the class works unchanged on every Keras
    engine.

    Parameters
    ----------
    generator : (B, latent_dim) to (B, H, W, C) in [-1, 1].
    discriminator : (B, H, W, C) in [-1, 1] to (B,) logits.
    label_smoothing : see `dcgan.training.losses.discriminator_loss`.

    Notes
    -----
    A batch is a dict of "pictures", (B, H, W, C) uint8, and "latents", (B, latent_dim) float32 in [-1, 1].
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, *, label_smoothing: float = 0.0) -> None:
        super().__init__(name="dcgan")
        self.generator = generator
        self.discriminator = discriminator
        self.label_smoothing = label_smoothing
        self.discriminator_loss = keras.metrics.Mean(name="discriminator_loss")
        self.generator_loss = keras.metrics.Mean(name="generator_loss")
        self.real_probability = keras.metrics.Mean(name="real_probability")
        self.fake_probability = keras.metrics.Mean(name="fake_probability")

    @property
    def networks(self) -> dict[str, keras.Model]:
        """The networks that are trained, by name."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> Tensor:
        """Return the generated pictures for the batch's latents, (B, H, W, C) float32."""
        return self.generator(inputs["latents"], training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: None = None,
        y_pred: Tensor = None,
        sample_weight: None = None,
        training: bool = True,
    ) -> Tensor:
        """Return the sum of both players' losses and keep their running means for the logs."""
        real, fake = to_float(x["pictures"]), y_pred
        real_logits, fake_logits, judged_logits = judge(self.discriminator, real, fake, training=training)
        d_loss = discriminator_loss(real_logits, fake_logits, label_smoothing=self.label_smoothing)
        g_loss = generator_loss(judged_logits)
        self.discriminator_loss.update_state(d_loss)
        self.generator_loss.update_state(g_loss)
        self.real_probability.update_state(ops.sigmoid(real_logits))
        self.fake_probability.update_state(ops.sigmoid(fake_logits))
        return d_loss + g_loss


def judge(
    discriminator: keras.Model, real: Tensor, fake: Tensor, *, training: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Show a discriminator real and made pictures, so that one scalar loss can train it and what made them.

    Parameters
    ----------
    discriminator : (B, H, W, C) to (B,) logits; in training its BatchNorm statistics move
    real, fake : (B, H, W, C) float32 in [-1, 1]

    Returns
    -------
    real_logits, fake_logits : (B,)
        Their gradient reaches the discriminator's weights alone.
    judged_logits : (B,)
        Those of `fake` once more; their gradient reaches `fake` alone.
    """
    # read once for all three passes: TensorFlow does not keep a read of its own for the third before the update
    weights = [ops.copy(variable) for variable in discriminator.trainable_variables]
    state = [ops.copy(variable) for variable in discriminator.non_trainable_variables]
    real_logits, state = discriminator.stateless_call(weights, state, real, training=training)
    fake_logits, state = discriminator.stateless_call(weights, state, ops.stop_gradient(fake), training=training)
    frozen = [ops.stop_gradient(weight) for weight in weights]
    judged_logits, _ = discriminator.stateless_call(frozen, state, fake, training=training)
    for variable, value in zip(discriminator.non_trainable_variables, state, strict=True):
        variable.assign(value)
    return real_logits, fake_logits, judged_logits


def build_gan(config: ModelConfig, train: TrainConfig) -> DCGAN:
    """Build and compile both networks for training.

    Returns
    -------
    DCGAN
        With its optimizer built, so that a checkpoint's state can be assigned before the first step.
    """
    generator = build_generator(config, policy=train.precision, seed=train.seed)
    discriminator = build_discriminator(config, policy=train.precision, seed=train.seed + 1000)
    gan = DCGAN(generator, discriminator, label_smoothing=train.label_smoothing)
    gan.compile(optimizer=_build_optimizer(gan, train), loss=None)
    gan.built = True
    gan.optimizer.build(gan.trainable_variables)
    return gan


def _build_optimizer(gan: DCGAN, train: TrainConfig) -> keras.optimizers.Optimizer:
    """Return Adam with a running average of the weights; one for each network where their rates differ."""

    def adam(rate: float) -> keras.optimizers.Optimizer:
        average = {"use_ema": True, "ema_momentum": train.ema_momentum} if train.ema_momentum else {}
        return keras.optimizers.Adam(rate, beta_1=train.beta_1, **average)

    rate = train.discriminator_learning_rate
    if rate is None or rate == train.learning_rate:
        return adam(train.learning_rate)
    generator_adam, discriminator_adam = adam(train.learning_rate), adam(rate)
    judged = {id(variable) for variable in gan.discriminator.trainable_variables}
    return keras.optimizers.MultiOptimizer(
        lambda variable: discriminator_adam if id(variable) in judged else generator_adam
    )
