"""Settings of the encoder's training and their defaults. Pure standard library."""

import dataclasses

from dcgan.config import BATCH_SIZE_MAX, EPOCHS_MAX, PRECISIONS, SEED_MAX, check

__all__ = ["EncoderTrainConfig"]

OFFSET_MAPS_MAX = 8  # as many as a model of the largest size has


@dataclasses.dataclass(frozen=True)
class EncoderTrainConfig:
    """How the encoder is trained against a frozen generator.

    Attributes
    ----------
    epochs : int, default 10
        Passes over the training set, at least 1.
    batch_size : int, default 32
        Pictures per step, at least 2.
    learning_rate : float, default 1e-3
        Adam's learning rate at the first step, above 0; it decays to 0 along half a cosine.
    beta_1 : float, default 0.5
        Adam's first-moment decay, in [0, 1).
    hole_weight : float, default 2
        Weight of the mean absolute error in the hole, at least 0; the error of the whole picture has weight 1.
    log_weight : float, default 0
        Weight of the logarithm of the mean squared error in the hole, at least 0: what a decibel of PSNR costs,
        whatever the hole.
    latent_weight : float, default 0.25
        Weight of the same errors of G(z), the picture without the offset, at least 0; it keeps G(z) itself a plausible
        face.
    adversarial_weight : float, default 0
        Weight of the adversarial loss of the completed pictures, at least 0. If this, `feature_weight` and
        `patch_weight` are 0, there is no critic.
    feature_weight : float, default 0
        Weight of the feature matching loss, at least 0: the mean absolute difference between the critic's feature maps
        of completed and of true pictures.
    patch_weight : float, default 0
        Weight of the adversarial loss of the critic's patches, at least 0: of every part of the hole by itself, about a
        third of the picture's side at 128 pixels, rather than of the picture as a whole. Above 0 there is a critic.
    gradient_penalty : float, default 0
        Weight gamma of R1, gamma / 2 times the squared norm of the critic's gradient at true pictures (Mescheder et al.
        2018, arXiv:1801.04406, equation 9), at least 0; it keeps a critic from winning. It is estimated from the
        critic's answer to a little noise.
    ema_momentum : float, default 0.999
        Decay of the exported running average of the weights, in [0, 1); 0 exports the weights of the last step.
    flip : bool, default True
        Mirror half of the pictures, chosen at random in each pass.
    moved : float, default 0
        Share of the pictures that are misplaced, in [0, 1]; see `completion.encoder.variety.misplace`.
    framed : float, default 0
        Share of the pictures whose surroundings are unknown, in [0, 1].
    worn : float, default 0
        Share of the pictures that look old or poor, in [0, 1]; see `completion.encoder.variety.wear`.
    offset_maps : int, optional
        How many of the generator's feature maps receive an offset (see `dcgan.config.ModelConfig`); by default as many
        as the model's configuration says.
    precision : str, default "float32"
        "float32" or "mixed_bfloat16"; the encoder's outputs are float32 in both.
    seed : int, default 0
        Seed of the initial weights, the order of the pictures, the flips and the masks; at least 0.

    Raises
    ------
    ValueError
        A value is out of its range.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    beta_1: float = 0.5
    hole_weight: float = 2.0
    log_weight: float = 0.0
    latent_weight: float = 0.25
    adversarial_weight: float = 0.0
    feature_weight: float = 0.0
    patch_weight: float = 0.0
    gradient_penalty: float = 0.0
    ema_momentum: float = 0.999
    flip: bool = True
    moved: float = 0.0
    framed: float = 0.0
    worn: float = 0.0
    offset_maps: int | None = None
    precision: str = "float32"
    seed: int = 0

    @property
    def has_critic(self) -> bool:
        """Whether a critic takes part."""
        return max(self.adversarial_weight, self.feature_weight, self.patch_weight) > 0

    def __post_init__(self) -> None:
        check(1 <= self.epochs <= EPOCHS_MAX, f"`epochs` from 1 to {EPOCHS_MAX:,}", epochs=self.epochs)
        check(
            2 <= self.batch_size <= BATCH_SIZE_MAX,
            f"`batch_size` from 2 to {BATCH_SIZE_MAX:,}",
            batch_size=self.batch_size,
        )
        check(0 < self.learning_rate < float("inf"), "a positive `learning_rate`", learning_rate=self.learning_rate)
        check(0 <= self.beta_1 < 1, "`beta_1` in [0, 1)", beta_1=self.beta_1)
        for name in (
            "hole_weight",
            "log_weight",
            "latent_weight",
            "adversarial_weight",
            "feature_weight",
            "patch_weight",
            "gradient_penalty",
        ):
            weight = getattr(self, name)
            check(0 <= weight < float("inf"), f"`{name}` of at least 0", **{name: weight})
        for name in ("moved", "framed", "worn"):
            share = getattr(self, name)
            check(0 <= share <= 1, f"`{name}` in [0, 1]", **{name: share})
        if self.offset_maps is not None:
            check(
                1 <= self.offset_maps <= OFFSET_MAPS_MAX,
                f"`offset_maps` from 1 to {OFFSET_MAPS_MAX}",
                offset_maps=self.offset_maps,
            )
        check(0 <= self.ema_momentum < 1, "`ema_momentum` in [0, 1)", ema_momentum=self.ema_momentum)
        check(self.precision in PRECISIONS, f"`precision` to be one of {PRECISIONS}", precision=self.precision)
        check(0 <= self.seed <= SEED_MAX, f"`seed` from 0 to {SEED_MAX}", seed=self.seed)
