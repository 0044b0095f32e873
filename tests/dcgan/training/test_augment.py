"""Differentiable augmentation."""

import numpy as np
import pytest
from keras import ops

from dcgan.config import AUGMENTATIONS, ModelConfig, TrainConfig
from dcgan.errors import OptionError
from dcgan.autodiff import value_and_grad
from dcgan.sampling import draw_latents
from dcgan.training.augment import DRAWS, augment
from dcgan.training.dataset import TrainingBatches
from dcgan.training.gan import build_gan

SIDE = 16
X = np.random.default_rng(0).uniform(-1, 1, (3, SIDE, SIDE, 3)).astype(np.float32)
STILL = np.full((3, DRAWS), 0.5, np.float32)


def draws(**changed):
    """Return numbers of which some are changed, by their place."""
    values = STILL.copy()
    for place, value in changed.items():
        values[:, int(place[1:])] = value
    return values


def apply(kind, values):
    return ops.convert_to_numpy(augment(X, values, [kind]))


def test_nothing_is_done_unless_it_is_named():
    np.testing.assert_array_equal(ops.convert_to_numpy(augment(X, draws(_0=0.9, _3=0.9, _5=0.9), [])), X)


@pytest.mark.parametrize("kind", ["color", "translation"])
def test_the_middle_of_the_numbers_changes_nothing(kind):
    np.testing.assert_allclose(apply(kind, STILL), X, atol=1e-6)


def test_color():
    np.testing.assert_allclose(apply("color", draws(_0=0.75)), X + 0.25, atol=1e-6)
    grey = apply("color", draws(_1=0.0))
    np.testing.assert_allclose(grey, np.repeat(X.mean(axis=3, keepdims=True), 3, axis=3), atol=1e-6)
    flat = apply("color", draws(_2=0.0))
    mean = X.mean(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(flat, mean + 0.5 * (X - mean), atol=1e-6)


@pytest.mark.parametrize(("place", "axis"), [("_3", 1), ("_4", 2)])
def test_translation(place, axis):
    """By two pixels at most, an eighth of 16; what comes in is 0."""
    moved = apply("translation", draws(**{place: 0.99}))
    expected = np.roll(X, 2, axis)
    expected[(slice(None),) * axis + (slice(0, 2),)] = 0.0
    np.testing.assert_array_equal(moved, expected)
    back = apply("translation", draws(**{place: 0.0}))
    expected = np.roll(X, -2, axis)
    expected[(slice(None),) * axis + (slice(-2, None),)] = 0.0
    np.testing.assert_array_equal(back, expected)


def test_cutout_covers_half_the_side():
    cut = apply("cutout", STILL)
    hidden = np.zeros((SIDE, SIDE), np.bool_)
    hidden[4:12, 4:12] = True
    np.testing.assert_array_equal(cut, np.where(hidden[None, ..., None], 0.0, X))
    corner = apply("cutout", draws(_5=0.0, _6=0.99))
    assert not corner[:, :4, -5:].any()
    assert (corner[:, 4:] == X[:, 4:]).all()


def test_pictures_are_augmented_one_by_one():
    values = np.random.default_rng(1).random((3, DRAWS), np.float32)
    together = ops.convert_to_numpy(augment(X, values, AUGMENTATIONS))
    for row in range(3):
        alone = ops.convert_to_numpy(augment(X[row : row + 1], values[row : row + 1], AUGMENTATIONS))[0]
        np.testing.assert_allclose(together[row], alone, atol=1e-6)


def test_it_has_a_gradient():
    """Of the sum: 1 where a pixel is moved, 0 where it leaves the picture or is covered."""
    values = draws(_4=0.99)

    def total(x):
        return ops.sum(augment(x, values, ["translation", "cutout"]), axis=(1, 2, 3)), ()

    _, gradient = value_and_grad(total)(ops.convert_to_tensor(X))
    gradient = ops.convert_to_numpy(gradient)
    assert set(np.unique(gradient)) == {0.0, 1.0}
    assert not gradient[:, :, -2:].any()
    assert gradient[:, 0, :-2].all()


def test_numbers_come_with_the_batch_of_a_step():
    pictures = np.zeros((8, SIDE, SIDE, 3), np.uint8)
    batches = TrainingBatches(pictures, batch_size=4, latent_dim=3, draws=DRAWS)
    later = TrainingBatches(pictures, batch_size=4, latent_dim=3, draws=DRAWS, first_step=3)
    found = batches[5]["draws"]
    assert found.shape == (4, 2, DRAWS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, later[2]["draws"])
    assert "draws" not in TrainingBatches(pictures, batch_size=4, latent_dim=3)[0]


def test_a_generator_learns_through_it():
    """Real pictures are all white; the generator's become brighter, though no discriminator sees them as they are."""
    gan = build_gan(
        ModelConfig(size=16, filters=4, latent_dim=8),
        TrainConfig(augment="translation,cutout", learning_rate=3e-3, label_smoothing=0.0),
    )
    real = np.full((16, 16, 16, 3), 255, np.uint8)
    batches = TrainingBatches(real, batch_size=16, latent_dim=8, draws=DRAWS)
    z = draw_latents(16, 8, seed=9)
    before = ops.convert_to_numpy(gan.generator(z, training=True)).mean()
    for step in range(40):
        gan.train_on_batch(batches[step])
    assert ops.convert_to_numpy(gan.generator(z, training=True)).mean() > before + 0.2


def test_unknown_kinds_are_refused():
    with pytest.raises(OptionError, match="`augment` of color, translation, cutout, with commas between them"):
        TrainConfig(augment="color,flip")
    assert TrainConfig(augment="color,cutout").augmentations == ("color", "cutout")
