import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.blending.biharmonic import biharmonic_blend
from completion.blending.blender import Blender
from completion.blending.geometry import NARROW_PX, NARROW_SHARE, geometry_blend, hole_depths, split_holes
from completion.blending.poisson import poisson_blend
from masks import MaskSpec, make_mask

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14))


def pictures(shape, *, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (2, *shape, 3)).astype(np.float32)


def square_and_dots(side=64):
    """Return a wide hole, and narrow ones beside it at every distance from two pixels on."""
    wide = np.zeros((side, side), np.bool_)
    wide[8:40, 8:40] = True
    narrow = np.zeros_like(wide)
    narrow[10:40:4, 41] = narrow[41, 10:40:4] = narrow[50:60:2, 50:60:2] = narrow[2, 2] = True
    return wide, narrow


def test_depths_are_of_four_connected_parts():
    mask = np.zeros((9, 12), np.bool_)
    mask[1:6, 1:6] = True
    mask[6, 6] = True  # touches the square at a corner only
    mask[0:3, 9:12] = True  # in a corner of the picture, beyond which nothing is known
    labels, depths = hole_depths(mask)
    assert depths[labels[3, 3] - 1] == 3
    assert depths[labels[6, 6] - 1] == 1
    assert depths[labels[0, 11] - 1] == 3
    assert len(depths) == 3
    assert (labels > 0).tolist() == mask.tolist()


@pytest.mark.parametrize("shape", [(1, 1), (3, 4)])
def test_depths_where_nothing_or_everything_is_missing(shape):
    assert hole_depths(np.ones(shape, np.bool_))[1].tolist() == [np.inf]
    assert hole_depths(np.zeros(shape, np.bool_))[1].tolist() == []


@pytest.mark.parametrize("side", [64, 100, 400])
def test_the_limit_is_a_share_of_the_side_and_a_number_of_pixels(side):
    limit = int(min(NARROW_SHARE * side, NARROW_PX))
    for depth, is_wide in ((limit, False), (limit + 1, True)):
        mask = np.zeros((side // 2, side), np.bool_)
        mask[2 : 1 + 2 * depth, 2 : 1 + 2 * depth] = True
        wide, narrow = split_holes(mask)
        assert (wide | narrow).tolist() == mask.tolist()
        assert wide.any() == is_wide
        assert narrow.any() != is_wide


@pytest.mark.parametrize(("side", "depth"), [(32, 3), (64, 6), (128, 10), (512, 10)])
def test_the_greatest_depth_of_a_narrow_hole(side, depth):
    """In numbers, for they were measured: a tenth of the side, and ten pixels."""
    for width, is_wide in ((2 * depth - 1, False), (2 * depth + 1, True)):
        mask = np.zeros((side, side), np.bool_)
        mask[4 : 4 + width, 4 : 4 + width] = True
        assert split_holes(mask)[0].any() == is_wide


def test_a_window_is_measured_by_the_pictures_side():
    mask = np.zeros((64, 64), np.bool_)
    mask[30:36, 30:36] = True
    window = mask[28:38, 28:38]
    assert split_holes(mask)[1].any()
    assert split_holes(window)[0].any()
    assert split_holes(window, side_px=64)[1].any()


def test_a_hole_of_a_pixel_is_narrow_in_any_picture():
    assert split_holes(np.array([[True, False, True]]))[1].tolist() == [[True, False, True]]


@pytest.mark.parametrize(
    ("spec", "blend"),
    [
        (MaskSpec("center"), poisson_blend),
        (MaskSpec("left"), poisson_blend),
        (MaskSpec("random"), biharmonic_blend),
        (MaskSpec("random", fraction=0.3), biharmonic_blend),
        (MaskSpec("grid"), biharmonic_blend),
    ],
)
def test_what_a_mask_gets(spec, blend):
    mask = make_mask(spec, (64, 64))
    generated, original = pictures(mask.shape)
    result = geometry_blend(generated, original, mask)
    np.testing.assert_array_equal(result, blend(generated, original, mask))


def test_a_mask_with_both_gets_both_and_neither_disturbs_the_other():
    wide, narrow = square_and_dots()
    generated, original = pictures(wide.shape)
    result = geometry_blend(generated, original, wide | narrow)
    assert [part.tolist() for part in split_holes(wide | narrow)] == [wide.tolist(), narrow.tolist()]
    np.testing.assert_array_equal(result[wide], poisson_blend(generated, original, wide)[wide])
    # Far from the square the narrow holes are as they are without it, and none is as the square's pixels would have it.
    far = narrow.copy()
    far[:48, 8:48] = False
    np.testing.assert_allclose(result[far], biharmonic_blend(generated, original, narrow)[far], atol=1e-6)
    other = np.where(wide[..., None], np.float32(0.3), generated)
    np.testing.assert_array_equal(geometry_blend(other, original, wide | narrow)[narrow], result[narrow])


@given(mask=MASKS, side_px=st.sampled_from([None, 20, 64]), seed=st.integers(0, 9))
@settings(deadline=None)
def test_what_holds_under_any_mask(mask, side_px, seed):
    generated, original = pictures(mask.shape, seed=seed)
    result = geometry_blend(generated, original, mask, side_px=side_px)
    assert result[~mask].tobytes() == original[~mask].tobytes()
    assert np.isfinite(result).all()
    spoilt = np.where(mask[..., None], np.float32(np.nan), original)
    assert geometry_blend(generated, spoilt, mask, side_px=side_px).tobytes() == result.tobytes()
    batch = Blender("auto")(np.stack([generated] * 2), np.stack([original] * 2), np.stack([mask] * 2), side_px=side_px)
    assert batch[0].tobytes() == batch[1].tobytes() == result.tobytes()


def test_a_blender_tells_pictures_of_other_sizes_apart():
    mask = np.zeros((12, 12), np.bool_)
    mask[3:9, 3:9] = True
    generated, original = pictures((12, 12))
    blender = Blender("auto")
    for side_px in (12, 64, 12):
        result = blender(generated[None], original[None], mask[None], side_px=side_px)[0]
        expected = (biharmonic_blend if side_px == 64 else poisson_blend)(generated, original, mask)
        np.testing.assert_array_equal(result, expected)
    assert len(blender._solvers) == 2
