"""Batches of damaged pictures to train the encoder on."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import keras
import numpy as np
import numpy.typing as npt

from completion.search.encoder_input import spread_block_means
from completion.encoder.masks import draw_damage
from dcgan.training.dataset import TrainingBatches
from dcgan.pictures.values import to_float

__all__ = ["DamagedBatches"]

WORKERS = 2  # threads that prepare batches while a step runs; a batch takes 30 to 50 ms to prepare


class DamagedBatches(keras.utils.PyDataset):
    """An endless stream of batches of pictures, each with a mask of its own; a function of (seed, step) alone.

    A batch is a dict of "pictures", (B, H, W, C) uint8; "known", (B, H, W, 1) uint8, 1 where a pixel is known; and
    "means", (B, H, W, C) float32 in [-1, 1], the spread means of a picture's blocks where they are all that is known of
    it, 0 for other pictures.

    Parameters
    ----------
    pictures : (N, H, W, C) uint8
    batch_size, flip, seed : see `dcgan.training.dataset.TrainingBatches`
    """

    def __init__(self, pictures: npt.NDArray[np.uint8], *, batch_size: int, flip: bool = True, seed: int = 0) -> None:
        super().__init__(workers=WORKERS, max_queue_size=4 * WORKERS)
        self._plain = TrainingBatches(pictures, batch_size=batch_size, latent_dim=1, flip=flip, seed=seed)
        self.batch_size, self.seed = batch_size, seed
        self.steps_per_pass = self._plain.steps_per_pass
        self.first_step = 0

    @property
    def num_batches(self) -> None:
        """Return None: the stream has no end."""
        return None

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        step = self.first_step + index
        pictures = self._plain[step]["pictures"]
        size = pictures.shape[1]
        known = np.empty((len(pictures), size, size, 1), np.uint8)
        means = np.zeros(pictures.shape, np.float32)  # [-1, 1]
        for row, picture in enumerate(pictures):
            damage = draw_damage(size, seed=(self.seed, 2, step, row))
            known[row, :, :, 0] = ~damage.mask
            if damage.blocks:
                means[row] = spread_block_means(to_float(picture), damage.blocks)
        return {"pictures": pictures, "known": known, "means": means}
