"""Batches of damaged pictures for the encoder's training."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt

from completion.encoder.config import EncoderTrainConfig
from completion.encoder.masks import draw_damage
from completion.encoder.variety import Sample, hide_surroundings, misplace, wear
from completion.search.encoder_input import spread_block_means
from dcgan.pictures.values import to_float
from dcgan.training.dataset import TrainingBatches

__all__ = ["DamagedBatches", "JoinedPictures"]

WORKERS = 2  # threads that prepare batches during a step; one batch takes 30 to 50 ms

Pictures = npt.NDArray[np.uint8]


class JoinedPictures:
    """Training sets, one after the other, as one that is read by row numbers.

    Parameters
    ----------
    parts : sequence of uint8 arrays (N, H, W, C)
        Of one shape but for their lengths.
    """

    def __init__(self, parts: Sequence[Pictures]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, rows: npt.NDArray[np.intp]) -> Pictures:
        """Return the pictures of sorted row numbers."""
        cuts = np.searchsorted(rows, self._ends)
        starts = [0, *self._ends[:-1]]
        chosen = np.split(rows, cuts[:-1])
        return np.concatenate(
            [part[some - start] for part, some, start in zip(self._parts, chosen, starts, strict=True)]
        )


class DamagedBatches(keras.utils.PyDataset):
    """An endless stream of batches of pictures, each with its own mask; a function of (settings, step) alone.

    A batch is a dict of

    - "pictures", uint8 (B, H, W, C), the truth;
    - "seen", the same at known pixels with the noise of a poor picture;
    - "known", uint8 (B, H, W, 1), 1 at known pixels, else 0;
    - "inside", uint8 (B, H, W, 1), 1 where the truth is known, else 0;
    - "means", float32 (B, H, W, C) in [-1, 1], the block means repeated over their blocks for pictures of which only
      block means are known, 0 for all other pictures.

    Parameters
    ----------
    pictures : uint8 array (N, size, size, C)
        The training set.
    settings : EncoderTrainConfig, optional
        The size of a batch, the seed, and how many of the pictures are mirrored, misplaced and so on.
    tight : uint8 array (M, size, size, C), optional
        Pictures that show the tight square of the model's frame alone.
    margin : float, default 0
        Of the model's frame, see `dcgan.config.ModelConfig`.

    Attributes
    ----------
    steps_per_pass : int
        Batches in one pass over the training set.
    first_step : int
        Step of the batch with index 0; set it to resume a run.
    """

    def __init__(
        self,
        pictures: Pictures,
        settings: EncoderTrainConfig | None = None,
        *,
        tight: Pictures | None = None,
        margin: float = 0.0,
    ) -> None:
        super().__init__(workers=WORKERS, max_queue_size=4 * WORKERS)
        self.settings = settings or EncoderTrainConfig()
        self._wide_count, self._tight_side = len(pictures), 1.0 / (1.0 + 2.0 * margin)
        self._undamaged = TrainingBatches(
            pictures if tight is None else JoinedPictures([pictures, tight]),
            batch_size=self.settings.batch_size,
            latent_dim=1,
            flip=self.settings.flip,
            seed=self.settings.seed,
        )
        self.batch_size, self.steps_per_pass = self.settings.batch_size, self._undamaged.steps_per_pass
        self.first_step = 0

    @property
    def num_batches(self) -> None:
        """Return None: the stream is endless."""
        return None

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        step, seed = self.first_step + index, self.settings.seed
        rows = self._undamaged.rows(step)
        samples, known, means = [], [], []
        for number, picture in enumerate(self._undamaged[step]["pictures"]):
            is_tight = bool(rows[number] >= self._wide_count)
            damage = draw_damage(len(picture), seed=(seed, 2, step, number), lowres=not is_tight)
            rng = np.random.default_rng((seed, 4, step, number))
            sample = Sample.whole(picture) if damage.blocks else self._sample(picture, rng, is_tight=is_tight)
            samples.append(sample)
            known.append(sample.inside & ~damage.mask)
            means.append(
                spread_block_means(to_float(picture), damage.blocks) if damage.blocks else np.zeros(picture.shape)
            )
        return {
            "pictures": np.stack([sample.truth for sample in samples]),
            "seen": np.stack([sample.seen for sample in samples]),
            "known": np.stack(known)[..., None].astype(np.uint8),
            "inside": np.stack([sample.inside for sample in samples])[..., None].astype(np.uint8),
            "means": np.stack(means).astype(np.float32),
        }

    def _sample(self, picture: Pictures, rng: np.random.Generator, *, is_tight: bool) -> Sample:
        """Return a picture as a user may bring it."""
        moved, framed, worn = rng.random(3) < (self.settings.moved, self.settings.framed, self.settings.worn)
        sample = Sample.whole(picture)
        if moved or is_tight:
            sample = misplace(picture, rng, scale=self._tight_side if is_tight else 1.0, moved=bool(moved))
        if framed and not is_tight:
            inside = hide_surroundings(sample.inside, rng, tight=self._tight_side)
            sample = Sample(sample.truth, sample.seen, inside)
        return wear(sample, rng) if worn else sample
