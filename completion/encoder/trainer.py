"""The encoder's training as one Keras model: reconstruction through a frozen generator, and an optional critic."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import keras
from keras import ops

from completion.encoder.config import EncoderTrainConfig
from completion.encoder.network_input import encoder_input, push_pull
from completion.search.losses import perceptual_loss
from dcgan.encoder import build_encoder, decode
from dcgan.config import ModelConfig
from dcgan.training.gan import judge
from dcgan.training.losses import cross_entropy, discriminator_loss
from dcgan.model_file import Prior
from dcgan.networks import build_discriminator, build_generator
from dcgan.pictures.values import to_float

__all__ = ["EncoderTrainer", "build_encoder_trainer"]

LABEL_SMOOTHING = 0.1
WIDE_SHARE = 1 / 16  # of the side; a missing pixel is in a wide part of the hole if none is known within this distance
PATCH_MAP = 2  # index of the critic's feature map that its patches are judged on, at an eighth of the picture's side
NOISE = 0.1  # standard deviation of the noise that shows the critic's gradient; in the values of pictures, [-1, 1]
SQUARE_MIN = 1e-4  # squared errors below this, 46 dB, count little in the logarithm

Tensor = Any


class EncoderTrainer(keras.Model):
    """An encoder that is trained to predict a whole face from its known pixels.

    The loss is the weighted sum of

    - the mean absolute error of the generated picture over all pixels, and of the completed picture over the hole;
    - the logarithm of the mean squared error of the completed picture over the hole;
    - the same errors for G(z), the picture without the encoder's offset;
    - with a critic, the adversarial loss of the completed picture and of its patches in the hole, the feature matching
      loss, and the critic's own loss.

    Completed pictures are blended (see `push_pull_blend`), so that a smooth error that blending removes does not count.

    The critic starts from the prior's discriminator, is trained together with the encoder, and is not exported. The
    adversarial and the feature matching loss of a picture are weighted by the share of the hole that is far from known
    pixels (see `wide_share`): close to known pixels the completion is determined, and the absolute error suffices. As
    in `dcgan.training.gan.DCGAN`, encoder and critic share one scalar loss, and each receives the gradient of its own
    part only.

    Parameters
    ----------
    encoder : keras.Model
        The encoder; see `dcgan.encoder.build_encoder`.
    generator : keras.Model
        The generator. It is not trained.
    critic : keras.Model or None
        Maps pictures, (B, H, W, C) in [-1, 1], to logits, (B,), and feature maps; see `build_critic`.
    config : EncoderTrainConfig
        The weights of the losses.
    model : ModelConfig
        Configuration of the model.

    Notes
    -----
    A batch is one of `completion.encoder.data.DamagedBatches`.

    References
    ----------
    D. Pathak et al., "Context encoders: feature learning by inpainting", 2016, arXiv:1604.07379 (adversarial loss).
    T.-C. Wang et al., "High-resolution image synthesis and semantic manipulation with conditional GANs", 2018,
    arXiv:1711.11585, equation 4 (feature matching loss).
    L. Mescheder et al., "Which training methods for GANs do actually converge?", 2018, arXiv:1801.04406, equation 9
    (gradient penalty).
    S. Lin et al., "Diffusion adversarial post-training for one-step video generation", 2025, arXiv:2501.08316, section
    3.4 (the penalty by a finite difference).
    """

    def __init__(
        self,
        encoder: keras.Model,
        generator: keras.Model,
        critic: keras.Model | None,
        *,
        config: EncoderTrainConfig,
        model: ModelConfig,
    ) -> None:
        super().__init__(name="encoder_trainer")
        self.generator = generator
        self.generator.trainable = False
        self.encoder, self.critic, self.config, self.model = encoder, critic, config, model
        names = ["picture_loss", "hole_loss", *(["log_loss"] if config.log_weight else [])]
        names += [f"latent_{name}" for name in names] if config.latent_weight else []
        names += ["adversarial_loss", "feature_loss", "critic_loss"] if critic else []
        names += ["patch_loss", "critic_patch_loss"] if critic and config.patch_weight else []
        if critic and config.gradient_penalty:
            names += ["penalty_loss"]
            self.noise_seed = keras.random.SeedGenerator(config.seed)
        self.loss_means = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def networks(self) -> dict[str, keras.Model]:
        """The trained networks by name."""
        return {"encoder": self.encoder} | ({"critic": self.critic} if self.critic else {})

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> tuple[Tensor, Tensor | None]:
        """Return the generated pictures and G(z) (None if its weight is 0), float32 (B, H, W, C) in [-1, 1]."""
        known = ops.cast(inputs["known"], "float32")
        encoder_inputs = encoder_input(to_float(inputs["seen"]), known, inputs["means"])
        latents, *offsets = self.encoder(encoder_inputs, training=training)
        without_offsets = decode(self.generator, self.model, latents) if self.config.latent_weight else None
        return decode(self.generator, self.model, latents, offsets=offsets), without_offsets

    def compute_loss(
        self,
        x: Any = None,
        y: None = None,
        y_pred: Any = None,
        sample_weight: None = None,
        training: bool = True,
    ) -> Tensor:
        """Return the weighted sum of the losses and update their running means for the logs."""
        real, seen, known = to_float(x["pictures"]), to_float(x["seen"]), ops.cast(x["known"], "float32")
        inside = ops.cast(x["inside"], "float32")
        generated, without_offsets = y_pred
        completed = push_pull_blend(generated, seen, known)
        total, losses = self._reconstruction_loss(generated, completed, real, known=known, inside=inside)
        if without_offsets is not None:
            blended = push_pull_blend(without_offsets, seen, known)
            latent_loss, parts = self._reconstruction_loss(without_offsets, blended, real, known=known, inside=inside)
            losses |= {f"latent_{name}": value for name, value in parts.items()}
            total = total + self.config.latent_weight * latent_loss
        if self.critic:
            shares = wide_share(known, inside, distance=max(1, round(WIDE_SHARE * self.model.size)))
            hole = (1.0 - known) * inside
            critic_total, parts = self._critic_losses(
                real * inside, completed * inside, shares, hole=hole, training=training
            )
            losses |= parts
            total = total + critic_total
        for name, value in losses.items():
            self.loss_means[name].update_state(value)
        return total

    def _reconstruction_loss(
        self, generated: Tensor, completed: Tensor, real: Tensor, *, known: Tensor, inside: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted errors of whole generated pictures and of completed holes, and each of them.

        `inside`, (B, H, W, 1), is 1 where `real` is known, else 0.
        """
        hole = (1.0 - known) * inside

        def mean_of(errors: Tensor, where: Tensor) -> Tensor:
            """Return the mean of a picture's errors, (B, H, W, C), over some of its pixels, (B,)."""
            total = ops.sum(where * ops.mean(errors, axis=3, keepdims=True), axis=(1, 2, 3))
            return total / ops.maximum(ops.sum(where, axis=(1, 2, 3)), 1.0)

        parts = {
            "picture_loss": ops.mean(mean_of(ops.abs(generated - real), inside)),
            "hole_loss": ops.mean(mean_of(ops.abs(completed - real), hole)),
        }
        total = parts["picture_loss"] + self.config.hole_weight * parts["hole_loss"]
        if self.config.log_weight:
            squares = mean_of(ops.square(completed - real), hole)
            parts["log_loss"] = ops.mean(ops.log(squares + SQUARE_MIN))
            total = total + self.config.log_weight * parts["log_loss"]
        return total, parts

    def _critic_losses(
        self, real: Tensor, completed: Tensor, weights: Tensor, *, hole: Tensor, training: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the losses that involve the critic, weighted and summed, and each one.

        `weights`, (B,), are those of the pictures in the encoder's losses; `hole`, (B, H, W, 1), is 1 in the hole.
        """
        answers = judge(self.critic, real, completed, training=training)
        (real_logits, *real_maps), (fake_logits, *_), (adversarial_logits, *maps) = answers
        real_answer = [real_logits, *(real_maps[-1:] if self.config.patch_weight else [])]
        patches: list[Tensor] = []
        if self.config.patch_weight:
            real_maps, maps = real_maps[:-1], maps[:-1]
            patches = [ops.cast(answer[-1], "float32") for answer in answers]  # of real, fake, adversarial pictures
        differences = [
            ops.mean(ops.abs(ops.stop_gradient(ops.cast(true, "float32")) - ops.cast(fake, "float32")), axis=(1, 2, 3))
            for true, fake in zip(real_maps, maps, strict=True)
        ]
        parts = {
            "adversarial_loss": ops.mean(weights * perceptual_loss(adversarial_logits)),
            "feature_loss": ops.mean(weights * sum(differences) / len(differences)),
            "critic_loss": discriminator_loss(real_logits, fake_logits, label_smoothing=LABEL_SMOOTHING),
        }
        total = self.config.adversarial_weight * parts["adversarial_loss"]
        total = total + self.config.feature_weight * parts["feature_loss"] + parts["critic_loss"]
        if patches:
            size = hole.shape[1] // patches[0].shape[1]
            shares = ops.average_pool(hole, size, strides=size)  # of each patch's middle that is missing
            counts = ops.maximum(ops.sum(shares, axis=(1, 2, 3)), 1e-6)

            def mean_of(losses: Tensor) -> Tensor:
                """Return each picture's mean over the patches in its hole, (B,)."""
                return ops.sum(shares * losses, axis=(1, 2, 3)) / counts

            true, fake, adversarial = patches
            critic = mean_of(cross_entropy(true, 1.0 - LABEL_SMOOTHING)) + mean_of(cross_entropy(fake, 0.0))
            parts["patch_loss"] = ops.mean(weights * mean_of(ops.softplus(-adversarial)))
            parts["critic_patch_loss"] = ops.mean(critic)
            total = total + self.config.patch_weight * parts["patch_loss"] + parts["critic_patch_loss"]
        if self.config.gradient_penalty:
            parts["penalty_loss"] = gradient_penalty(
                self.critic, real, real_answer, seed=self.noise_seed, training=training
            )
            total = total + 0.5 * self.config.gradient_penalty * parts["penalty_loss"]
        return total, parts


def gradient_penalty(critic: keras.Model, real: Tensor, answer: list[Tensor], *, seed: Any, training: bool) -> Tensor:
    """Return the estimated squared norm of a critic's gradient at true pictures, the sum over its kinds of logits.

    A logit changes by the scalar product of its gradient and a little noise, whose square is on average the squared
    norm of the gradient times the noise's variance.

    Parameters
    ----------
    critic : keras.Model
        See `build_critic`.
    real : float32 tensor (B, H, W, C)
        True pictures in [-1, 1].
    answer : list of float32 tensor
        The critic's logits of `real`: of the pictures and, if there are two, of their patches.
    seed : keras.random.SeedGenerator
        Of the noise.
    training : bool
        Whether BatchNorm uses the statistics of the batch.

    Returns
    -------
    float32 tensor ()
        At least 0.
    """
    noise = keras.random.normal(ops.shape(real), stddev=NOISE, seed=seed)
    weights = [ops.copy(variable) for variable in critic.trainable_variables]
    state = [ops.copy(variable) for variable in critic.non_trainable_variables]
    (logits, *maps), _ = critic.stateless_call(weights, state, real + noise, training=training)
    moved = [logits, maps[-1]] if len(answer) > 1 else [logits]
    squares = [ops.mean(ops.square(new - old)) for new, old in zip(moved, answer, strict=True)]
    return sum(squares) / NOISE**2


def push_pull_blend(generated: Tensor, real: Tensor, known: Tensor) -> Tensor:
    """Return the generated pictures plus the residual at known pixels, interpolated into the holes.

    This is a cheap, differentiable approximation of the blending by the solvers of `completion.blending`.

    Parameters
    ----------
    generated, real : float32 tensor (B, H, W, C)
        Pictures in [-1, 1].
    known : float32 tensor (B, H, W, 1)
        1 at known pixels, else 0.

    Returns
    -------
    float32 tensor (B, H, W, C)
        Known pixels are those of `real`.
    """
    return generated + push_pull((real - generated) * known, known)


def wide_share(known: Tensor, inside: Tensor, *, distance: int) -> Tensor:
    """Return the share of each hole that is far from all known pixels.

    Parameters
    ----------
    known : float32 tensor (B, H, W, 1)
        1 at known pixels, else 0.
    inside : float32 tensor (B, H, W, 1)
        1 where a missing pixel counts, else 0.
    distance : int
        In pixels; what is not farther than this is near.

    Returns
    -------
    float32 tensor (B,)
        In [0, 1]; 0 for an empty hole. Distances are the greater of the horizontal and the vertical one.
    """
    hole = (1.0 - known) * inside
    near = ops.max_pool(known, 2 * distance + 1, strides=1, padding="same")
    return ops.sum(hole * (1.0 - near), axis=(1, 2, 3)) / ops.maximum(ops.sum(hole, axis=(1, 2, 3)), 1.0)


def build_critic(prior: Prior, *, policy: str = "float32", patches: bool = False, seed: int = 0) -> keras.Model:
    """Build a critic with the weights of a model's discriminator.

    Parameters
    ----------
    prior : Prior
        A loaded model. Its discriminator is not changed.
    policy : str, default "float32"
        Keras's dtype policy of the layers.
    patches : bool, default False
        Judge patches as well (Isola et al. 2017, arXiv:1611.07004, section 3.2.2), on the feature map at an eighth of
        the picture's side, or on the last one of a smaller model.
    seed : int, default 0
        Of the initial weights of the layer that judges patches.

    Returns
    -------
    keras.Model
        Maps pictures, float32 (B, H, W, C) in [-1, 1], to the logits, float32 (B,), the feature maps after each
        hidden activation, and, with `patches`, the logits of patches, float32 (B, H / 8, W / 8, 1).
    """
    network = build_discriminator(prior.config, policy=policy)
    network.set_weights(prior.discriminator.get_weights())
    maps = [layer.output for layer in network.layers if isinstance(layer, keras.layers.LeakyReLU)]
    if not patches:
        return keras.Model(network.inputs[0], [network.output, *maps], name="critic")
    initializer = keras.initializers.RandomNormal(0.0, 0.02, seed=seed)
    judged = maps[min(PATCH_MAP, len(maps) - 1)]
    logits = keras.layers.Conv2D(
        1, 3, padding="same", kernel_initializer=initializer, dtype="float32", name="patch_logits"
    )(judged)
    return keras.Model(network.inputs[0], [network.output, *maps, logits], name="critic")


def build_encoder_trainer(prior: Prior, config: EncoderTrainConfig, *, steps: int) -> EncoderTrainer:
    """Build and compile the training of a model's encoder.

    Parameters
    ----------
    prior : Prior
        A loaded model. Its generator and discriminator are not changed.
    config : EncoderTrainConfig
        How the encoder is trained.
    steps : int
        Number of steps of the whole training; the learning rate decays to 0 at its end.

    Returns
    -------
    EncoderTrainer
        Compiled, with its optimizer built, so that the state of a checkpoint can be assigned before the first step.
    """
    encoder = build_encoder(prior.config, policy=config.precision, seed=config.seed)
    generator = build_generator(prior.config, policy=config.precision)
    generator.set_weights(prior.generator.get_weights())
    critic = None
    if config.has_critic:
        critic = build_critic(prior, policy=config.precision, patches=config.patch_weight > 0, seed=config.seed)
    trainer = EncoderTrainer(encoder, generator, critic, config=config, model=prior.config)
    average = {"use_ema": True, "ema_momentum": config.ema_momentum} if config.ema_momentum else {}
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    trainer.compile(optimizer=keras.optimizers.Adam(rate, beta_1=config.beta_1, **average), loss=None)
    trainer.built = True
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer
