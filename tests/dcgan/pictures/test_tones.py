import io

import numpy as np
import pytest
from PIL import Image

from dcgan.pictures.tones import SKIN_TONE, find_tone

skimage_data = pytest.importorskip("skimage.data")

EVERY = np.ones((160, 160), np.bool_)


@pytest.fixture(scope="module")
def portrait():
    """Return a coloured face, (160, 160, 3) uint8."""
    return np.ascontiguousarray(skimage_data.astronaut()[20:180, 145:305])


@pytest.fixture(scope="module")
def shades(portrait):
    """Return its brightness, (160, 160) in [0, 1]."""
    return np.rint(portrait @ np.array([0.299, 0.587, 0.114])) / 255


def sepia(shades):
    return np.stack([shades + 0.05, 0.88 * shades + 0.02, 0.7 * shades], axis=2)


def cyanotype(shades):
    return np.stack([shades**1.6, shades**1.1, 0.25 + 0.75 * shades**0.8], axis=2)


def grey(shades):
    return np.stack([shades] * 3, axis=2)


def whole(values):
    return np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)


def jpeg(picture, quality):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def noisy(picture, amount=1):
    noise = np.random.default_rng(0).integers(-amount, amount + 1, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("spoil", [lambda p: p, noisy, lambda p: noisy(p, 4), lambda p: jpeg(noisy(p), 60)])
@pytest.mark.parametrize(("toning", "name"), [(grey, "grey"), (sepia, "toned"), (cyanotype, "toned")])
def test_scans_are_of_one_tone(shades, toning, name, spoil):
    tone = find_tone(spoil(whole(toning(shades))), EVERY)
    assert tone is not None
    assert tone.name == name
    colors = tone.colors((2.0 * shades - 1.0).astype(np.float32)[..., None])
    expected = tone.brightness((2.0 * toning(shades) - 1.0).astype(np.float32))
    filled = tone.colors(expected)
    assert np.abs(filled - (2.0 * toning(shades) - 1.0)).mean() < 3 / 127.5
    assert np.ptp(colors, axis=2).max() < 1e-6 or name == "toned"


@pytest.mark.parametrize("quality", [None, 60, 95])
@pytest.mark.parametrize("margin", [0, 40, 60])
def test_a_coloured_face_is_not(portrait, quality, margin):
    known = EVERY.copy()
    known[margin : 160 - margin, margin : 160 - margin] = margin == 0
    assert find_tone(portrait if quality is None else jpeg(portrait, quality), known) is None


def test_what_is_hidden_does_not_count(portrait, shades):
    picture, known = noisy(whole(sepia(shades))), EVERY.copy()
    known[40:120, 40:120] = False
    tones = []
    for filler in (0, 255, portrait[40:120, 40:120]):
        picture[40:120, 40:120] = filler
        tones.append(find_tone(picture, known))
    assert all(np.array_equal(tone.curve, tones[0].curve) for tone in tones)


def test_too_little_is_known(shades):
    picture, known = noisy(whole(sepia(shades))), ~EVERY
    assert find_tone(picture, known) is None
    known[:30, :30] = True
    assert find_tone(picture, known) is None


def test_a_plain_wall_tells_nothing():
    """Its colour would be taken for that of a face."""
    assert find_tone(noisy(np.full((160, 160, 3), (90, 120, 160), np.uint8), 3), EVERY) is None


def test_exactly_equal_channels_are_grey_however_few():
    picture = np.full((16, 16, 3), 77, np.uint8)
    known = np.zeros((16, 16), np.bool_)
    known[3, 4] = True
    assert find_tone(picture, known).name == "grey"
    assert find_tone(picture[..., :1], known) is None


def test_a_large_picture_is_sampled(shades):
    large = np.kron(whole(sepia(shades)), np.ones((8, 8, 1), np.uint8))
    assert find_tone(large, np.ones(large.shape[:2], np.bool_)).name == "toned"


def test_beyond_the_known_brightness_the_difference_stays(shades):
    tone = find_tone(whole(sepia(0.2 + 0.5 * shades)), EVERY)
    dark, darker = tone.colors(np.float32([[tone.low], [-1.0]]))
    assert dark - tone.low == pytest.approx(darker + 1.0, abs=1e-6)


def test_a_skin_tone_keeps_the_brightness():
    brightness = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]
    assert SKIN_TONE.brightness(SKIN_TONE.colors(brightness)) == pytest.approx(brightness, abs=1e-3)
