import cv2
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.restoration import inpaint_biharmonic

from completion.blending.classical import AUTO_SHARE, ClassicalFiller, fill_classical, has_narrow_holes
from completion.config import CLASSICAL_METHODS
from masks import MaskSpec, make_mask
from tests.completion.helpers import center_hole, make_picture

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


def fill_one(method, picture, mask):
    return fill_classical(method, picture[None], mask[None])[0]


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
@given(mask=MASKS, channels=st.sampled_from([1, 3]), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_what_holds_under_any_mask(method, mask, channels, seed):
    mask.flat[seed % mask.size] = False
    picture = make_picture(*mask.shape, channels=channels, seed=seed)
    before = picture.tobytes(), mask.tobytes()
    result = fill_one(method, picture, mask)
    assert (result.shape, result.dtype) == (picture.shape, np.uint8)
    assert result[~mask].tobytes() == picture[~mask].tobytes()
    assert (picture.tobytes(), mask.tobytes()) == before
    assert not np.shares_memory(result, picture)
    noise = np.random.default_rng(seed).integers(0, 256, picture.shape, np.uint8)
    assert fill_one(method, np.where(mask[..., None], noise, picture), mask).tobytes() == result.tobytes()
    pair = fill_classical(method, np.stack([noise, picture]), np.stack([np.zeros_like(mask), mask]))
    assert pair[1].tobytes() == result.tobytes()


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
def test_a_batch_equals_its_pictures(method):
    rng = np.random.default_rng(0)
    pictures = np.stack([make_picture(24, 30, seed=seed) for seed in range(6)])
    masks = np.stack([center_hole(24, 30), rng.random((24, 30)) < 0.8, np.zeros((24, 30), np.bool_)] * 2)
    batch = fill_classical(method, pictures, masks)
    for picture, mask, result in zip(pictures, masks, batch, strict=True):
        assert fill_one(method, picture, mask).tobytes() == result.tobytes()
    np.testing.assert_array_equal(batch[2], pictures[2])


def test_biharmonic_is_scikit_images():
    mask = np.random.default_rng(0).random((32, 40)) < 0.8
    picture = make_picture(32, 40)
    theirs = inpaint_biharmonic(np.where(mask[..., None], 0, picture), mask, channel_axis=-1)
    difference = fill_one("biharmonic", picture, mask) - np.rint(255 * theirs)
    assert np.abs(difference).max() <= 1
    assert (difference != 0).mean() < 0.01


@pytest.mark.parametrize("method", ["harmonic", "biharmonic"])
def test_a_line_is_continued_and_the_range_is_kept(method):
    line = np.array([0, 40, 0, 0, 0, 200, 240], np.uint8).reshape(1, 7, 1)
    mask = np.array([[0, 0, 1, 1, 1, 0, 0]], np.bool_)
    result = fill_one(method, line, mask).ravel().astype(int)
    assert (np.diff(result) > 0).all()
    assert result[3] == 120


@pytest.mark.parametrize("method", ["harmonic", "biharmonic"])
def test_each_channel_keeps_its_own_range(method):
    """Slopes that lead out of one channel's range are cut off there, though another channel goes farther."""
    line = np.array([[100, 110, 0, 0, 0, 110, 100], [0, 10, 0, 0, 0, 245, 255], [60, 60, 0, 0, 0, 60, 60]], np.uint8)
    result = fill_one(method, line.T[None], np.array([[0, 0, 1, 1, 1, 0, 0]], np.bool_))[0, 2:5]
    assert result[:, 0].tolist() == [110] * 3
    assert result[1, 1] in (127, 128)
    assert result[:, 2].tolist() == [60] * 3


@pytest.mark.parametrize(("method", "flag"), [("telea", cv2.INPAINT_TELEA), ("ns", cv2.INPAINT_NS)])
def test_opencvs_methods_look_three_pixels_far(method, flag):
    picture, mask = make_picture(24, 30), center_hole(24, 30)
    expected = cv2.inpaint(np.where(mask[..., None], np.uint8(0), picture), mask.astype(np.uint8), 3.0, flag)
    np.testing.assert_array_equal(fill_one(method, picture, mask), expected)


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
@pytest.mark.parametrize("shape", [(1, 2), (1, 9), (9, 1), (2, 2), (3, 3)])
def test_tiny_pictures(method, shape):
    mask = np.ones(shape, np.bool_)
    mask.flat[0] = False
    for channels in (1, 3):
        result = fill_one(method, np.full((*shape, channels), 200, np.uint8), mask)
        assert np.abs(result.astype(int) - 200).max() <= (8 if method == "telea" else 0)  # Telea's rounds up


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
def test_a_known_pixel_is_needed(method):
    pictures, masks = np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 4, 4), np.bool_)
    masks[1] = True
    with pytest.raises(ValueError, match=r"Expected a known pixel of every picture\. Received: none of picture 1\."):
        fill_classical(method, pictures, masks)
    assert fill_classical(method, pictures[:0], masks[:0]).shape == (0, 4, 4, 3)


@pytest.mark.parametrize(
    ("pictures", "masks", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.bool_), r"Expected `pictures` of shape .* \(4, 4, 3\)"),
        (np.zeros((1, 4, 4, 2), np.uint8), np.zeros((1, 4, 4), np.bool_), r"Expected `pictures` of shape .* 4, 2\)"),
        (np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 4), np.bool_), "Expected `pictures` of dtype uint8. Rec.*float64"),
        (np.zeros((1, 4, 4, 3), np.uint8), np.zeros((4, 4), np.bool_), r"Expected `masks` of shape \(1, 4, 4\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 4), np.uint8), "Expected `masks` of dtype bool"),
    ],
)
def test_wrong_arguments(pictures, masks, message):
    with pytest.raises(TypeError if "dtype" in message or "floating" in message else ValueError, match=message):
        fill_classical("telea", pictures, masks)
    with pytest.raises(ValueError, match=r"Expected `method` to be one of telea, .* Received: 'dcgan'\."):
        ClassicalFiller("dcgan")


@pytest.mark.parametrize(
    ("spec", "narrow"),
    [
        (MaskSpec("center"), False),
        (MaskSpec("left"), False),
        (MaskSpec("full"), False),
        (MaskSpec("thick"), False),
        (MaskSpec("random", fraction=0.5), True),
        (MaskSpec("grid", step=2), True),
        (MaskSpec("random", fraction=0.0), True),
    ],
)
@pytest.mark.parametrize("side", [128, 200])
def test_which_masks_have_narrow_holes(spec, narrow, side):
    assert has_narrow_holes(make_mask(spec, (side, side))) == narrow


def test_auto_in_pictures_no_larger_than_the_model():
    """There the model is ahead, but where holes are a pixel deep."""
    assert not has_narrow_holes(make_mask("random", (64, 64)))
    assert not has_narrow_holes(make_mask("grid", (64, 64)))
    assert has_narrow_holes(np.eye(64, dtype=np.bool_))


@pytest.mark.parametrize(("side", "narrow"), [(60, False), (64, False), (65, True), (128, True)])
def test_the_largest_picture_that_auto_leaves_to_the_model(side, narrow):
    mask = np.zeros((side, side), np.bool_)
    mask[:3] = True
    assert has_narrow_holes(mask) == narrow


def test_autos_limit_is_a_share_of_the_side():
    for side in (20, 100, 1000):
        for depth, narrow in ((AUTO_SHARE * side, True), (AUTO_SHARE * side + 1, False)):
            mask = np.zeros((side, side), np.bool_)
            mask[: int(depth)] = True
            assert has_narrow_holes(mask) == narrow
