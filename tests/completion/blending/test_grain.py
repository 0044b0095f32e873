import numpy as np
import pytest
from scipy import ndimage

from completion.blending.grain import grain_like


def make_noise(height=120, width=120, *, level=6.0, blur=0.0, seed=0):
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    if blur:
        noise = ndimage.gaussian_filter(noise, (blur, blur, 0.0))
    noise *= level / noise.std()
    return np.clip(np.rint(128 + noise), 0, 255).astype(np.uint8)


def test_the_strength_of_the_noise():
    known = np.ones((120, 120), bool)
    for level in (2.0, 6.0):
        grain = grain_like(make_noise(level=level), known, scale=4.0, shape=(80, 90))
        assert grain.shape == (80, 90, 3)
        assert abs(grain.mean()) < 0.3
        assert grain.std() == pytest.approx(level, rel=0.25)


def test_coarse_noise_gives_coarse_grain():
    """Neighbours of the texture are as alike as those of what it is taken from."""
    known = np.ones((120, 120), bool)
    alike = []
    for blur in (0.0, 1.0):
        grain = grain_like(make_noise(blur=blur), known, scale=6.0, shape=(200, 200))[..., 0]
        alike.append(np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1])
    assert abs(alike[0]) < 0.15
    assert 0.5 < alike[1] < 0.9


def test_it_is_taken_from_known_pixels_alone():
    picture = make_noise()
    known = np.ones((120, 120), bool)
    known[30:90, 30:90] = False
    other = picture.copy()
    other[~known] = 255 - other[~known]
    one, two = (grain_like(each, known, scale=2.0, shape=(40, 40)) for each in (picture, other))
    assert np.array_equal(one, two)


def test_it_is_taken_from_plain_skin():
    """Eyes and hair, with all their detail, are left out."""
    picture = make_noise(level=2.0)
    picture[:, :70] = make_noise(120, 70, level=60.0)
    grain = grain_like(picture, np.ones((120, 120), bool), scale=2.0, shape=(60, 60))
    assert grain.std() < 4.0


def test_what_the_model_draws_itself_is_left_out():
    """Waves eight of the model's pixels long stay below a quarter of their strength."""
    scale = 4.0
    waves = 20.0 * np.sin(2 * np.pi * np.arange(120) / (8 * scale))
    picture = np.repeat(np.rint(128 + waves + 0 * waves[:, None])[..., None], 3, axis=2).astype(np.uint8)
    grain = grain_like(picture, np.ones((120, 120), bool), scale=scale, shape=(200, 200))
    assert grain.std() < 0.25 * waves.std()


def test_the_holes_border_is_no_detail():
    """Beside a hole as elsewhere, detail is what differs from the mean of the known pixels."""
    picture, known = np.full((120, 120, 3), 200, np.uint8), np.zeros((120, 120), bool)
    known[:, 50:70] = True  # a patch is 16 pixels wide
    assert np.abs(grain_like(picture, known, scale=4.0, shape=(60, 60))).max() < 0.1


def test_a_grey_picture_has_grey_grain():
    grey = np.repeat(make_noise()[..., :1], 3, axis=2)
    grain = grain_like(grey, np.ones((120, 120), bool), scale=3.0, shape=(50, 50))
    assert np.allclose(grain[..., 0], grain[..., 1], atol=1e-4)
    assert np.allclose(grain[..., 0], grain[..., 2], atol=1e-4)


def test_the_same_seed_the_same_grain():
    picture, known = make_noise(), np.ones((120, 120), bool)
    one, same, other = (grain_like(picture, known, scale=3.0, shape=(50, 700), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("known", "scale"),
    [
        (np.ones((120, 120), bool), 1.0),  # the picture is no finer than the model
        (np.zeros((120, 120), bool), 3.0),
        (np.indices((120, 120)).sum(axis=0) % 5 > 0, 3.0),  # known pixels, but no square of them
    ],
)
def test_no_grain(known, scale):
    assert grain_like(make_noise(), known, scale=scale, shape=(20, 20)) is None


@pytest.mark.parametrize("rows", [slice(None, 15), slice(-15, None), slice(None)])
@pytest.mark.parametrize("columns", [slice(None, 15), slice(-15, None), slice(None)])
def test_no_patch_reaches_beyond_the_picture(rows, columns):
    """Known are fifteen rows or columns at an edge; a patch has sixteen."""
    known = np.zeros((120, 120), bool)
    known[rows, columns] = True
    grain = grain_like(make_noise(), known, scale=4.0, shape=(20, 20))
    assert (grain is not None) == known.all()


def test_a_patch_may_touch_the_edges():
    for rows in (slice(None, 16), slice(-16, None)):
        for columns in (slice(None, 16), slice(-16, None)):
            known = np.zeros((120, 120), bool)
            known[rows, columns] = True
            assert grain_like(make_noise(), known, scale=4.0, shape=(20, 20)).std() > 1.0


def test_a_picture_smaller_than_the_patch():
    assert grain_like(make_noise(6, 120), np.ones((6, 120), bool), scale=4.0, shape=(6, 6)) is None
