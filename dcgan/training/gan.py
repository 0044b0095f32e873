"""The DCGAN as one Keras model: `fit` trains generator and discriminator together with one scalar loss."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from dcgan.training.augment import augment
from dcgan.autodiff import value_and_grad
from dcgan.config import ModelConfig, TrainConfig
from dcgan.training.losses import discriminator_loss, generator_loss
from dcgan.networks import build_discriminator, build_generator
from dcgan.pictures.values import to_float

__all__ = ["DCGAN", "SkippingAdam", "build_gan", "gradient_penalty", "judge"]

Tensor = Any


class DCGAN(keras.Model):
    """Generator and discriminator, trained together by `keras.Model.fit`.

    Parameters
    ----------
    generator : keras.Model
        Maps (B, latent_dim) to (B, H, W, C) in [-1, 1].
    discriminator : keras.Model
        Maps (B, H, W, C) in [-1, 1] to (B,) logits.
    label_smoothing : float, default 0.0
        One-sided label smoothing; see `dcgan.training.losses.discriminator_loss`.
    loss : str, default "minimax"
    balance, r1 : float, default 0.0
        See `dcgan.config.TrainConfig`.
    r1_interval : int, default 1
        Likewise; what R1 is multiplied by.
    augmentations : sequence of str, optional
        See `dcgan.training.augment`; a batch then has "draws", (B, 2, DRAWS) float32 in [0, 1).

    Notes
    -----
    A batch is a dict of "pictures", (B, H, W, C) uint8, and "latents", (B, latent_dim) float32. It may have
    "generator_on" and "discriminator_on", (B,) float32: 0 where a network is not updated, else 1; and "penalty_on",
    (B,) float32: 0 where R1 is left out of a step.

    The loss is the sum of both networks' losses, and each network's gradient is that of its own loss: the
    discriminator's loss sees generated pictures through `stop_gradient`, the generator's loss sees the discriminator's
    weights through `stop_gradient`. Both losses use the weights from before the training step. The class has no
    `train_step`, so it works on every Keras engine.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        label_smoothing: float = 0.0,
        loss: str = "minimax",
        balance: float = 0.0,
        r1: float = 0.0,
        r1_interval: int = 1,
        augmentations: Sequence[str] = (),
    ) -> None:
        super().__init__(name="dcgan")
        self.kind, self.balance, self.augmentations = loss, balance, tuple(augmentations)
        self.r1, self.r1_interval = r1, r1_interval
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
        """Return the generated pictures for the latents of a batch, (B, H, W, C) float32."""
        return self.generator(inputs["latents"], training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: None = None,
        y_pred: Tensor = None,
        sample_weight: None = None,
        training: bool = True,
    ) -> Tensor:
        """Return the sum of both networks' losses, and update their running means for the logs."""
        real, fake = to_float(x["pictures"]), y_pred
        if self.augmentations:
            real, fake = (
                augment(each, x["draws"][:, row], self.augmentations) for row, each in enumerate((real, fake))
            )
        real_logits, fake_logits, adversarial_logits = judge(self.discriminator, real, fake, training=training)
        kind = self.kind
        d_loss = discriminator_loss(real_logits, fake_logits, label_smoothing=self.label_smoothing, kind=kind)
        g_loss = generator_loss(adversarial_logits, ops.stop_gradient(real_logits), kind=kind)
        self.discriminator_loss.update_state(d_loss)
        self.generator_loss.update_state(g_loss)
        self.real_probability.update_state(ops.sigmoid(real_logits))
        self.fake_probability.update_state(ops.sigmoid(fake_logits))
        g_on, d_on = (ops.mean(x[name]) if name in x else 1.0 for name in ("generator_on", "discriminator_on"))
        if self.balance:
            strong = [
                ops.cast(self.balance * ops.stop_gradient(one) < ops.stop_gradient(other), "float32")
                for one, other in ((g_loss, d_loss), (d_loss, g_loss))
            ]
            g_on, d_on = g_on * (1.0 - strong[0]), d_on * (1.0 - strong[1])
        if self.r1:
            seen = [real, ops.stop_gradient(fake)] if kind == "relativistic" else [real]

            def penalty() -> Tensor:
                return sum(gradient_penalty(self.discriminator, each, training=training) for each in seen)

            if "penalty_on" in x:
                total = ops.cond(ops.mean(x["penalty_on"]) > 0.5, penalty, lambda: ops.zeros(()))
            else:
                total = penalty()
            d_loss += 0.5 * self.r1 * self.r1_interval * total
        return d_on * d_loss + g_on * g_loss


def gradient_penalty(discriminator: keras.Model, pictures: Tensor, *, training: bool = True) -> Tensor:
    """Return the mean squared norm of a discriminator's gradient at pictures.

    Parameters
    ----------
    discriminator : keras.Model
        Maps (B, H, W, C) to (B,) logits. Its BatchNorm statistics stay as they are.
    pictures : tensor of float32, shape (B, H, W, C)
    training : bool, default True
        Whether BatchNorm uses the statistics of the batch.

    Returns
    -------
    tensor of float32, shape ()
        With a gradient with respect to the discriminator's weights.
    """
    weights = [ops.copy(variable) for variable in discriminator.trainable_variables]
    state = [ops.copy(variable) for variable in discriminator.non_trainable_variables]

    def logits_of(seen: Tensor) -> tuple[Tensor, tuple[()]]:
        return discriminator.stateless_call(weights, state, seen, training=training)[0], ()

    _, gradient = value_and_grad(logits_of)(pictures)
    return ops.mean(ops.sum(ops.square(ops.cast(gradient, "float32")), axis=(1, 2, 3)))


class SkippingAdam(keras.optimizers.Adam):
    """Adam that leaves a variable, and what it remembers of it, as they are where its gradient is 0 everywhere.

    So a network whose loss is multiplied by 0 is not updated; plain Adam would go on by its momentum.
    """

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        """Update one variable."""
        index = self._get_variable_index(variable)
        kept = [variable, self._momentums[index], self._velocities[index]]
        before = [ops.copy(ops.convert_to_tensor(each)) for each in kept]
        super().update_step(gradient, variable, learning_rate)
        moves = ops.any(ops.not_equal(gradient, 0.0))
        for each, old in zip(kept, before, strict=True):
            each.assign(ops.where(moves, ops.convert_to_tensor(each), old))


def judge(
    discriminator: keras.Model, real: Tensor, fake: Tensor, *, training: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Apply a discriminator to real and generated pictures, so that one scalar loss can train both networks.

    Parameters
    ----------
    discriminator : keras.Model
        Maps (B, H, W, C) to (B,) logits. With `training`, its BatchNorm statistics are updated.
    real : tensor of float32, shape (B, H, W, C)
        Real pictures, in [-1, 1].
    fake : tensor of float32, shape (B, H, W, C)
        Generated pictures, in [-1, 1].
    training : bool, default True
        Whether BatchNorm uses the statistics of the batch.

    Returns
    -------
    real_logits : tensor of float32, shape (B,)
        Logits of `real`, with a gradient with respect to the discriminator's weights only.
    fake_logits : tensor of float32, shape (B,)
        Logits of `fake`, with a gradient with respect to the discriminator's weights only.
    adversarial_logits : tensor of float32, shape (B,)
        Logits of `fake`, with a gradient with respect to `fake` only.
    """
    # Copied once for all three calls: TensorFlow may execute a separate read for the third one after the update.
    weights = [ops.copy(variable) for variable in discriminator.trainable_variables]
    state = [ops.copy(variable) for variable in discriminator.non_trainable_variables]
    real_logits, state = discriminator.stateless_call(weights, state, real, training=training)
    fake_logits, state = discriminator.stateless_call(weights, state, ops.stop_gradient(fake), training=training)
    frozen = [ops.stop_gradient(weight) for weight in weights]
    adversarial_logits, _ = discriminator.stateless_call(frozen, state, fake, training=training)
    for variable, value in zip(discriminator.non_trainable_variables, state, strict=True):
        variable.assign(value)
    return real_logits, fake_logits, adversarial_logits


def build_gan(config: ModelConfig, train: TrainConfig) -> DCGAN:
    """Build and compile both networks for training.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    train : TrainConfig
        Settings of the training.

    Returns
    -------
    DCGAN
        The compiled model. Its optimizer is built, so a checkpoint can be restored before the first training step.
    """
    options = {"policy": train.precision, "initializer": train.initializer}
    generator = build_generator(config, seed=train.seed, **options)
    discriminator = build_discriminator(config, seed=train.seed + 1000, **options)
    gan = DCGAN(
        generator,
        discriminator,
        label_smoothing=train.label_smoothing,
        loss=train.loss,
        balance=train.balance,
        r1=train.r1,
        r1_interval=train.r1_interval,
        augmentations=train.augmentations,
    )
    gan.compile(optimizer=_build_optimizer(gan, train), loss=None)
    gan.built = True
    gan.optimizer.build(gan.trainable_variables)
    return gan


def _build_optimizer(gan: DCGAN, train: TrainConfig) -> keras.optimizers.Optimizer:
    """Return Adam with a moving average of the weights; one Adam for each network if their learning rates differ."""

    def adam(rate: float) -> keras.optimizers.Optimizer:
        options: dict[str, Any] = {"use_ema": True, "ema_momentum": train.ema_momentum} if train.ema_momentum else {}
        if train.weight_decay:
            options["weight_decay"] = train.weight_decay
        steps = max(train.generator_steps, train.discriminator_steps)
        skips = steps > 1 or train.pretrain_steps or train.balance
        return (SkippingAdam if skips else keras.optimizers.Adam)(rate, beta_1=train.beta_1, **options)

    rate = train.discriminator_learning_rate
    if rate is None or rate == train.learning_rate:
        return adam(train.learning_rate)
    generator_adam, discriminator_adam = adam(train.learning_rate), adam(rate)
    of_discriminator = {id(variable) for variable in gan.discriminator.trainable_variables}
    return keras.optimizers.MultiOptimizer(
        lambda variable: discriminator_adam if id(variable) in of_discriminator else generator_adam
    )
