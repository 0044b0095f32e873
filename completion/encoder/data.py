"""Batches of damaged pictures for the encoder's training."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import keras
import numpy as np
import numpy.typing as npt

from completion.search.encoder_input import spread_block_means
from completion.encoder.masks import draw_damage
from dcgan.training.dataset import TrainingBatches
from dcgan.pictures.values import to_float

__all__ = ["DamagedBatches"]

WORKERS = 2  # threads that prepare batches during a step; one batch takes 30 to 50 ms


class DamagedBatches(keras.utils.PyDataset):
    """An endless stream of batches of pictures, each with its own mask; a function of (seed, step) alone.

    A batch is a dict of "pictures", uint8 (B, H, W, C); "known", uint8 (B, H, W, 1), 1 at known pixels, else 0; and
    "means", float32 (B, H, W, C) in [-1, 1], the block means repeated over their blocks for pictures of which only
    block means are known, 0 for all other pictures.

    Parameters
    ----------
    pictures : uint8 array (N, H, W, C)
        The training set.
    batch_size : int
        Pictures per batch.
    flip : bool, default True
        Mirror half of the pictures, chosen at random in each pass.
    seed : int, default 0
        Seed of the order, the flips and the masks.

    Attributes
    ----------
    steps_per_pass : int
        Batches in one pass over the training set.
    first_step : int
        Step of the batch with index 0; set it to resume a run.
    """

    def __init__(self, pictures: npt.NDArray[np.uint8], *, batch_size: int, flip: bool = True, seed: int = 0) -> None:
        super().__init__(workers=WORKERS, max_queue_size=4 * WORKERS)
        self._undamaged = TrainingBatches(pictures, batch_size=batch_size, latent_dim=1, flip=flip, seed=seed)
        self.batch_size, self.seed = batch_size, seed
        self.steps_per_pass = self._undamaged.steps_per_pass
        self.first_step = 0

    @property
    def num_batches(self) -> None:
        """Return None: the stream is endless."""
        return None

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        step = self.first_step + index
        pictures = self._undamaged[step]["pictures"]
        size = pictures.shape[1]
        known = np.empty((len(pictures), size, size, 1), np.uint8)
        means = np.zeros(pictures.shape, np.float32)  # [-1, 1]
        for row, picture in enumerate(pictures):
            damage = draw_damage(size, seed=(self.seed, 2, step, row))
            known[row, :, :, 0] = ~damage.mask
            if damage.blocks:
                means[row] = spread_block_means(to_float(picture), damage.blocks)
        return {"pictures": pictures, "known": known, "means": means}
