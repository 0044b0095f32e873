import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from completion.evaluation.metrics import (
    PICTURE_METRICS,
    PSNR_MAX,
    gradient_error,
    mean_absolute_error,
    picture_metrics,
    psnr,
    sharpness,
    ssim_map,
)
from tests.completion.helpers import center_hole, make_picture


def rows(*values):
    """A grey picture of one channel."""
    return np.array(values, np.uint8)[..., None]


ORIGINAL = rows([10, 20], [30, 40])
COMPLETED = rows([10, 24], [30, 32])  # differences 0, 4, 0, -8
RIGHT = np.array([[False, True], [False, True]])


def test_mean_absolute_error_by_hand():
    assert mean_absolute_error(ORIGINAL, COMPLETED) == 3.0
    assert mean_absolute_error(ORIGINAL, COMPLETED, RIGHT) == 6.0


def test_psnr_by_hand():
    assert psnr(ORIGINAL, COMPLETED) == pytest.approx(10 * np.log10(255**2 / 20))  # (16 + 64) / 4
    assert psnr(ORIGINAL, COMPLETED, RIGHT) == pytest.approx(10 * np.log10(255**2 / 40))


def test_psnr_of_equal_pictures_is_capped():
    assert psnr(ORIGINAL, ORIGINAL) == PSNR_MAX == pytest.approx(78.13, abs=0.01)
    assert psnr(ORIGINAL, COMPLETED, ~RIGHT) == PSNR_MAX
    large = np.zeros((100, 10, 1), np.uint8)
    nearly = large.copy()
    nearly[:2, 0] = 1  # two of a thousand values, by one grey level
    assert psnr(large, nearly) == pytest.approx(PSNR_MAX - 10 * np.log10(2))


def test_gradient_error_by_hand():
    # Across: 10 against 14, and 10 against 2. Down: 20 against 20, and 20 against 8.
    assert gradient_error(ORIGINAL, COMPLETED) == (4 + 8 + 0 + 12) / 4
    assert gradient_error(ORIGINAL, COMPLETED, RIGHT) == (4 + 8 + 12) / 3  # all but the left column's
    corner = np.array([[True, False], [False, False]])
    assert gradient_error(ORIGINAL, COMPLETED, corner) == (4 + 0) / 2


def test_gradient_error_sees_blur_and_seams_alone():
    stripes = np.tile(np.array([0, 200], np.uint8), (8, 4))[..., None]  # (8, 8, 1)
    blurred, brighter = np.full_like(stripes, 100), stripes + np.uint8(40)
    assert gradient_error(stripes, blurred) == pytest.approx(100.0)  # all gradients across and none of those down
    assert gradient_error(stripes, brighter) == 0.0
    hole = np.zeros((8, 8), np.bool_)
    hole[:, 4:] = True
    pasted = np.where(hole[..., None], brighter, stripes)
    assert gradient_error(stripes, pasted, hole) == pytest.approx(8 * 40 / (8 * 4 + 7 * 4))  # the seam


def test_sharpness_by_hand():
    original = np.array([[0, 3, 0], [4, 0, 0], [0, 0, 9]], np.uint8)[..., None]
    completed = np.array([[0, 6, 0], [8, 5, 0], [0, 0, 0]], np.uint8)[..., None]
    corner = np.array([[True, True, False], [True, False, False], [False, False, False]])
    assert sharpness(original, completed, corner) == 10 / 5  # one pixel with both neighbours: 6 and 8 against 3 and 4
    wider = corner | np.array([[False, False, True], [False, True, False], [False, False, False]])
    # The second pixel: -6 and -1 against -3 and -3; the completed value beyond the hole counts for neither.
    assert sharpness(original, completed, wider) == pytest.approx((10 + np.hypot(6, 1)) / (5 + np.hypot(3, 3)))
    colored = original * np.array([1, 0, 0], np.uint8)
    assert sharpness(colored, original.repeat(3, axis=2), corner) == pytest.approx(1 / 0.299)  # luminance


def test_sharpness_tells_smoother_from_noisier():
    picture, hole = make_picture(64, 64), center_hole(64, 64)
    blurred = np.where(hole[..., None], cv2.GaussianBlur(picture, (0, 0), 2), picture)
    noise = np.random.default_rng(0).integers(-60, 60, picture.shape)
    noisy = np.where(hole[..., None], np.clip(blurred + noise, 0, 255), picture).astype(np.uint8)
    assert sharpness(picture, picture, hole) == 1.0
    assert 0 < sharpness(picture, blurred, hole) < 0.7
    assert sharpness(picture, np.where(hole[..., None], np.uint8(90), picture), hole) == 0.0
    assert sharpness(blurred, noisy, hole) > 1.3


def test_the_border_of_a_hole_does_not_decide_its_sharpness():
    picture, hole = make_picture(64, 64), center_hole(64, 64)
    brighter = np.where(hole[..., None], picture // 2 + np.uint8(100), picture)
    assert sharpness(picture, brighter, hole) == pytest.approx(0.5, abs=0.02)
    assert sharpness(picture, brighter, np.ones_like(hole)) > 0.7  # with the seam


@pytest.mark.parametrize("step", [2, 3])
def test_a_hole_without_two_neighbours_has_no_sharpness(step):
    scattered = np.zeros((16, 16), np.bool_)
    scattered[::step, ::step] = True
    figures = picture_metrics(make_picture(seed=0), make_picture(seed=1), scattered)
    assert np.isnan(figures["hole_sharpness"])
    assert all(np.isfinite(value) for name, value in figures.items() if name != "hole_sharpness")
    line = np.zeros((16, 16), np.bool_)
    line[5] = True
    assert np.isnan(sharpness(make_picture(seed=0), make_picture(seed=1), line))


def test_a_flat_original_has_no_sharpness():
    hole = center_hole()
    nearly = np.full((16, 16, 3), 90, np.uint8)
    nearly[7, 7] = 91
    for flat in (np.full((16, 16, 3), 90, np.uint8), nearly):
        assert np.isnan(sharpness(flat, make_picture(), hole))


def test_ssim_is_the_full_map():
    first, second = make_picture(seed=0), make_picture(seed=1)
    _, expected = structural_similarity(first, second, channel_axis=-1, full=True)
    np.testing.assert_array_equal(ssim_map(first, second), expected)
    hole = center_hole()
    figures = picture_metrics(first, second, hole)
    assert figures["hole_ssim"] == expected[hole].mean()
    assert figures["whole_ssim"] == expected.mean()


def test_all_metrics_of_one_picture():
    picture, hole = make_picture(), center_hole()
    perfect = picture_metrics(picture, picture, hole)
    assert tuple(perfect) == PICTURE_METRICS
    for part in ("hole", "whole"):
        assert perfect[f"{part}_psnr"] == PSNR_MAX
        assert perfect[f"{part}_ssim"] == pytest.approx(1.0)
        assert perfect[f"{part}_l1"] == perfect[f"{part}_gradient"] == 0.0
    assert perfect["hole_sharpness"] == 1.0
    worse = picture_metrics(picture, np.where(hole[..., None], np.uint8(0), picture), hole)
    assert worse["hole_l1"] == pytest.approx(picture[hole].mean())
    assert worse["whole_l1"] == pytest.approx(picture[hole].sum() / picture.size)
    assert worse["hole_psnr"] < worse["whole_psnr"] < PSNR_MAX
    assert worse["hole_ssim"] < worse["whole_ssim"] < 1
    assert worse["hole_gradient"] > worse["whole_gradient"] > 0


@pytest.mark.parametrize(
    ("original", "completed", "mask", "line"),
    [
        (make_picture(), make_picture(8, 8), center_hole(), r"`completed` of shape \(16, 16, 3\)"),
        (make_picture(), make_picture(), center_hole(8, 8), r"`mask` of shape \(16, 16\)"),
        (make_picture(), make_picture(), center_hole().astype(np.uint8), "`mask` of dtype bool"),
        (make_picture(), make_picture(), np.zeros((16, 16), np.bool_), "at least one pixel"),
        (make_picture().astype(float), make_picture(), center_hole(), "`original` of dtype uint8"),
        (make_picture(6, 6), make_picture(6, 6), center_hole(6, 6), "at least 7 pixels"),
    ],
)
def test_wrong_arguments(original, completed, mask, line):
    with pytest.raises(TypeError if "dtype" in line else ValueError, match=f"Expected .*{line}"):
        picture_metrics(original, completed, mask)
