import cv2
import numpy as np
import pytest

from dcgan.pictures.values import (
    KNOWN_MIN,
    area_matrix,
    crop_square,
    enlarge,
    is_grey,
    known_means,
    lanczos_matrix,
    make_grid,
    resize_picture,
    to_float,
    to_uint8,
)


def test_all_values_survive_the_conversion():
    values = np.arange(256, dtype=np.uint8)
    floats = to_float(values)
    assert floats.dtype == np.float32
    assert (floats[0], floats[255]) == (-1.0, 1.0)
    np.testing.assert_array_equal(to_uint8(floats), values)
    assert to_uint8(np.array([-9.0, 9.0])).tolist() == [0, 255]


def test_tensors_are_converted_as_arrays():
    import keras

    values = np.arange(256, dtype=np.uint8)
    tensor = to_float(keras.ops.convert_to_tensor(values))
    np.testing.assert_array_equal(np.array(tensor), to_float(values))


def test_crop_takes_the_middle():
    wide = np.arange(2 * 6).reshape(2, 6, 1)
    assert crop_square(wide)[..., 0].tolist() == [[2, 3], [8, 9]]
    assert crop_square(wide.transpose(1, 0, 2)).shape == (2, 2, 1)
    assert crop_square(np.zeros((3, 8, 3))).shape == (3, 3, 3)


def test_shrinking_averages_areas():
    picture = np.array([[0, 100, 10, 30], [200, 100, 50, 30]], np.uint8)[..., None]
    assert resize_picture(picture, (1, 2))[..., 0].tolist() == [[100, 30]]
    assert resize_picture(picture.astype(np.float32), (1, 2))[..., 0].tolist() == [[100.0, 30.0]]


def test_resizing_keeps_channels_and_flat_colours():
    for channels in (1, 3):
        flat = np.full((5, 7, channels), 77, np.uint8)
        for shape in ((3, 3), (10, 14), (2, 20), (5, 7)):
            resized = resize_picture(flat, shape)
            assert resized.shape == (*shape, channels)
            assert (resized == 77).all()


def test_grey_is_three_equal_channels():
    grey = np.repeat(np.arange(4, dtype=np.uint8).reshape(2, 2, 1), 3, axis=2)
    every, none = np.ones((2, 2), bool), np.zeros((2, 2), bool)
    assert is_grey(grey, every)
    for channel in range(3):
        spoilt = grey.copy()
        spoilt[1, 0, channel] += 1
        assert not is_grey(spoilt, every)
        assert is_grey(spoilt, np.array([[True, True], [False, True]]))
    assert not is_grey(grey[..., :1], every)
    assert not is_grey(grey, none)


def test_a_large_picture_is_grey_if_its_last_row_is():
    picture, known = np.full((1000, 2, 3), 9, np.uint8), np.ones((1000, 2), bool)
    assert is_grey(picture, known)
    picture[-1, -1, 2] = 8
    assert not is_grey(picture, known)


@pytest.mark.parametrize(("length", "count"), [(1, 1), (64, 64), (100, 64), (640, 64), (7, 3)])
def test_area_means(length, count):
    """As OpenCV has them, which is exact where the parts are whole samples."""
    matrix = area_matrix(length, count)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-6)
    values = np.random.default_rng(0).random((1, length), np.float32)
    expected = cv2.resize(values, (count, 1), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(values @ matrix.T, expected, atol=1e-5)


def halves(values):
    """Return the means of two columns each."""
    return values.reshape(values.shape[0], -1, 2).mean(axis=2)


def test_means_of_known_pixels():
    channels = [np.array([[10.0, 20.0, 30.0, 99.0, 5.0, 5.0]], np.float32), np.ones((1, 6), np.float32)]
    known = np.array([[1.0, 1.0, 1.0, 0.0, 0.0, KNOWN_MIN]], np.float32)
    means, shares = known_means(channels, known, halves)
    assert shares[0].tolist() == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)
    assert means[0].tolist() == [[15.0, 1.0], [30.0, 1.0], [0.0, 0.0]]  # 0 where next to nothing is known


def test_a_pixel_known_in_part_weighs_in_part():
    means, shares = known_means([np.array([[0.0, 1.0]], np.float32)], np.array([[0.75, 0.25]], np.float32), halves)
    assert (means.item(), shares.item()) == (0.25, 0.5)


def test_rows_of_lanczos_weights():
    centers = np.linspace(-0.5, 8.5, 37)
    matrix = lanczos_matrix(centers, 9)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(lanczos_matrix(np.arange(9.0), 9), np.eye(9), atol=1e-7)  # samples stay
    assert (matrix[centers == 4.5] != 0.0).sum() == 8  # four taps on each side
    beyond = lanczos_matrix(np.array([-20.0, 20.0]), 3)
    np.testing.assert_allclose(beyond, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], atol=1e-6)  # borders repeat


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_enlarging_is_opencvs(factor):
    picture = np.random.default_rng(0).normal(size=(9, 12, 3)).astype(np.float32)
    enlarged = enlarge(picture, factor)
    assert enlarged.flags.c_contiguous
    size = 12 * factor, 9 * factor
    np.testing.assert_allclose(enlarged, cv2.resize(picture, size, interpolation=cv2.INTER_LANCZOS4), atol=1e-4)
    if factor == 1:
        np.testing.assert_allclose(enlarged, picture, atol=1e-6)
    assert enlarge(picture[..., :1], factor).shape == (9 * factor, 12 * factor, 1)


def test_grid_row_by_row():
    pictures = np.arange(1, 4, dtype=np.uint8).reshape(3, 1, 1, 1)
    w = 255
    expected = [[w, w, w, w, w], [w, 1, w, 2, w], [w, w, w, w, w], [w, 3, w, w, w], [w, w, w, w, w]]
    assert make_grid(pictures, margin_px=1)[..., 0].tolist() == expected
    assert make_grid(pictures, columns=3, margin_px=0)[..., 0].tolist() == [[1, 2, 3]]
    assert make_grid(np.zeros((5, 4, 6, 3), np.uint8)).shape == (2 * 6 + 2, 3 * 8 + 2, 3)


def test_grid_of_nothing():
    with pytest.raises(ValueError, match=r"Expected `pictures` to hold at least one\. Received: shape=\(0, 4, 4, 3\)"):
        make_grid(np.zeros((0, 4, 4, 3), np.uint8))
