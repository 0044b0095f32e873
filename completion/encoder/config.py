"""The settings of the encoder's training, each default in one place. Pure standard library."""

import dataclasses

from dcgan.config import PRECISIONS, check

__all__ = ["EncoderTrainConfig"]


@dataclasses.dataclass(frozen=True)
class EncoderTrainConfig:
    """How the encoder is trained against a frozen generator.

    Attributes
    ----------
    epochs : passes over the training set.
    batch_size : pictures a step.
    learning_rate : Adam's rate at the first step; it falls to zero along half a cosine.
    beta_1 : Adam's first-moment decay.
    hole_weight : weight of the mean absolute error in the hole, beside that of the whole picture.
    latent_weight : weight of the same errors of G(z), the picture without the offset; it keeps z a face of its own.
    adversarial_weight : weight of the critic's opinion on the completed pictures; 0 trains without a critic.
    feature_weight : weight of the difference between the critic's feature maps of completed and true pictures.
    ema_momentum : decay of the running average of the weights that is exported; 0 exports the raw weights.
    flip : mirror half of the pictures, drawn anew for each pass.
    precision : "float32" or "mixed_bfloat16" (the encoder's results stay in float32).
    seed : of the initial weights, the order of the pictures, the flips and the masks.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    beta_1: float = 0.5
    hole_weight: float = 2.0
    latent_weight: float = 0.25
    adversarial_weight: float = 0.0
    feature_weight: float = 0.0
    ema_momentum: float = 0.999
    flip: bool = True
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        check(self.epochs >= 1, "`epochs` of at least 1", epochs=self.epochs)
        check(self.batch_size >= 2, "`batch_size` of at least 2", batch_size=self.batch_size)
        check(0 < self.learning_rate < float("inf"), "a positive `learning_rate`", learning_rate=self.learning_rate)
        check(0 <= self.beta_1 < 1, "`beta_1` in [0, 1)", beta_1=self.beta_1)
        check(0 <= self.hole_weight < float("inf"), "`hole_weight` of at least 0", hole_weight=self.hole_weight)
        check(0 <= self.latent_weight < float("inf"), "`latent_weight` of at least 0", latent_weight=self.latent_weight)
        weight = self.adversarial_weight
        check(0 <= weight < float("inf"), "`adversarial_weight` of at least 0", adversarial_weight=weight)
        weight = self.feature_weight
        check(0 <= weight < float("inf"), "`feature_weight` of at least 0", feature_weight=weight)
        check(0 <= self.ema_momentum < 1, "`ema_momentum` in [0, 1)", ema_momentum=self.ema_momentum)
        check(self.precision in PRECISIONS, f"`precision` to be one of {PRECISIONS}", precision=self.precision)
        check(self.seed >= 0, "`seed` of at least 0", seed=self.seed)
