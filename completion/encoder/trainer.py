"""The encoder's training as one Keras model: reconstruction through the frozen generator, and a critic."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import keras
from keras import ops

from completion.encoder.config import EncoderTrainConfig
from completion.search.encoder_input import encoder_input, push_pull
from completion.search.losses import perceptual_loss
from dcgan.encoder import build_encoder, split_generator
from dcgan.training.gan import judge
from dcgan.training.losses import discriminator_loss
from dcgan.model_file import Prior
from dcgan.networks import build_discriminator, build_generator
from dcgan.pictures.values import to_float

__all__ = ["EncoderTrainer", "build_encoder_trainer"]

LABEL_SMOOTHING = 0.1
WIDE = 4  # pixels

Tensor = Any


class EncoderTrainer(keras.Model):
    """An encoder that learns to see the whole face in a part of it.

    The loss is the mean absolute error of the generated picture over the whole of it, and that of the completed picture
    over the hole; the same of G(z), the picture without the encoder's offset; plus what a critic thinks of the
    completed picture. Completed means blended: a smooth error that the known pixels show is not the encoder's to mend
    (see `blend`). The critic begins as the prior's discriminator and learns along with the encoder, as in Pathak et al.
    2016 (context encoders, arXiv:1604.07379), and its feature maps of completed and true pictures are compared as in
    Wang et al. 2018 (arXiv:1711.11585, equation 4); it is thrown away afterwards. Its say in a picture goes with the
    share of the hole that lies far from everything known: beside known pixels there is one right answer, which the
    error alone finds. As in `dcgan.training.gan.DCGAN` both players share one scalar whose gradient is each
    network's own.

    Parameters
    ----------
    encoder : see `dcgan.encoder.build_encoder`
    generator : head and tail, see `dcgan.encoder.split_generator`; they stay as they are
    critic : (B, H, W, C) in [-1, 1] to (B,) logits and feature maps, see `build_critic`, or None
    config : the losses' weights

    Notes
    -----
    A batch is that of `completion.encoder.data.DamagedBatches`.
    """

    def __init__(
        self,
        encoder: keras.Model,
        generator: tuple[keras.Model, keras.Model],
        critic: keras.Model | None,
        *,
        config: EncoderTrainConfig,
    ) -> None:
        super().__init__(name="encoder_trainer")
        self.head, self.tail = generator
        self.head.trainable = self.tail.trainable = False
        self.encoder, self.critic, self.config = encoder, critic, config
        names = ["picture_loss", "hole_loss"]
        names += ["latent_picture_loss", "latent_hole_loss"] if config.latent_weight else []
        names += ["adversarial_loss", "feature_loss", "critic_loss"] if critic else []
        self.figures = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def networks(self) -> dict[str, keras.Model]:
        """The networks that are trained, by name."""
        return {"encoder": self.encoder} | ({"critic": self.critic} if self.critic else {})

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> tuple[Tensor, Tensor | None]:
        """Return the generated pictures and G(z) (None where it has no weight), (B, H, W, C) float32 in [-1, 1]."""
        known = ops.cast(inputs["known"], "float32")
        seen = encoder_input(to_float(inputs["pictures"]), known, inputs["means"])
        latents, offset = self.encoder(seen, training=training)
        features = self.head(latents, training=False)
        plain = self.tail(features, training=False) if self.config.latent_weight else None
        return self.tail(features + ops.cast(offset, features.dtype), training=False), plain

    def compute_loss(
        self,
        x: Any = None,
        y: None = None,
        y_pred: Any = None,
        sample_weight: None = None,
        training: bool = True,
    ) -> Tensor:
        """Return the sum of the losses and keep their running means for the logs."""
        real, known = to_float(x["pictures"]), ops.cast(x["known"], "float32")
        generated, plain = y_pred
        completed = blend(generated, real, known)
        total, losses = self._reconstruction(generated, completed, real, 1.0 - known)
        if plain is not None:
            of_plain, parts = self._reconstruction(plain, blend(plain, real, known), real, 1.0 - known)
            losses |= {f"latent_{name}": value for name, value in parts.items()}
            total = total + self.config.latent_weight * of_plain
        if self.critic:
            opinion, parts = self._opinion(real, completed, wide_share(known), training=training)
            losses |= parts
            total = total + opinion
        for name, value in losses.items():
            self.figures[name].update_state(value)
        return total

    def _reconstruction(
        self, generated: Tensor, completed: Tensor, real: Tensor, hole: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of generated and completed pictures, and its parts: the whole pictures' and the holes'."""
        in_hole = ops.sum(hole * ops.mean(ops.abs(completed - real), axis=3, keepdims=True), axis=(1, 2, 3))
        in_hole = in_hole / ops.maximum(ops.sum(hole, axis=(1, 2, 3)), 1.0)
        parts = {"picture_loss": ops.mean(ops.abs(generated - real)), "hole_loss": ops.mean(in_hole)}
        return parts["picture_loss"] + self.config.hole_weight * parts["hole_loss"], parts

    def _opinion(
        self, real: Tensor, completed: Tensor, say: Tensor, *, training: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the losses of both players, and their parts; `say`, (B,), weighs the pictures for the encoder."""
        (real_logits, *real_maps), (fake_logits, *_), (judged_logits, *maps) = judge(
            self.critic, real, completed, training=training
        )
        differences = [
            ops.mean(ops.abs(ops.stop_gradient(ops.cast(right, "float32")) - ops.cast(made, "float32")), axis=(1, 2, 3))
            for right, made in zip(real_maps, maps, strict=True)
        ]
        parts = {
            "adversarial_loss": ops.mean(say * perceptual_loss(judged_logits)),
            "feature_loss": ops.mean(say * sum(differences) / len(differences)),
            "critic_loss": discriminator_loss(real_logits, fake_logits, label_smoothing=LABEL_SMOOTHING),
        }
        weighted = self.config.adversarial_weight * parts["adversarial_loss"]
        return weighted + self.config.feature_weight * parts["feature_loss"] + parts["critic_loss"], parts


def blend(generated: Tensor, real: Tensor, known: Tensor) -> Tensor:
    """Return generated pictures with their error at the known pixels carried into the holes and taken away there.

    `push_pull` does what the solvers of `completion.blending.blender` do exactly, cheaply and with a gradient.

    Parameters
    ----------
    generated, real : (B, H, W, C) float32 in [-1, 1]
    known : (B, H, W, 1) float32, 1 where a pixel is known, else 0

    Returns
    -------
    (B, H, W, C) float32
        The known pixels are those of `real`.
    """
    return generated + push_pull((real - generated) * known, known)


def wide_share(known: Tensor) -> Tensor:
    """Return the share of each hole whose pixels have nothing known within `WIDE` pixels, (B,) float32 in [0, 1].

    Parameters
    ----------
    known : (B, H, W, 1) float32, 1 where a pixel is known, else 0
    """
    near = ops.max_pool(known, 2 * WIDE + 1, strides=1, padding="same")
    return ops.sum(1.0 - near, axis=(1, 2, 3)) / ops.maximum(ops.sum(1.0 - known, axis=(1, 2, 3)), 1.0)


def build_critic(prior: Prior, *, policy: str = "float32") -> keras.Model:
    """Build a critic that begins as a model's discriminator.

    Returns
    -------
    keras.Model
        (B, H, W, C) float32 in [-1, 1] to the logits, (B,) float32, and the feature maps after each convolution.
    """
    network = build_discriminator(prior.config, policy=policy)
    network.set_weights(prior.discriminator.get_weights())
    maps = [layer.output for layer in network.layers if isinstance(layer, keras.layers.LeakyReLU)]
    return keras.Model(network.inputs[0], [network.output, *maps], name="critic")


def build_encoder_trainer(prior: Prior, config: EncoderTrainConfig, *, steps: int) -> EncoderTrainer:
    """Build and compile the training of a model's encoder.

    Parameters
    ----------
    prior : a loaded model; its generator is not changed
    config : how to train
    steps : of the whole training, at whose end the rate is zero
    """
    encoder = build_encoder(prior.config, policy=config.precision, seed=config.seed)
    generator = build_generator(prior.config, policy=config.precision)
    generator.set_weights(prior.generator.get_weights())
    critic = None
    if config.adversarial_weight or config.feature_weight:
        critic = build_critic(prior, policy=config.precision)
    trainer = EncoderTrainer(encoder, split_generator(generator, prior.config), critic, config=config)
    average = {"use_ema": True, "ema_momentum": config.ema_momentum} if config.ema_momentum else {}
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    trainer.compile(optimizer=keras.optimizers.Adam(rate, beta_1=config.beta_1, **average), loss=None)
    trainer.built = True
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer
