import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.blending.blender import BLENDERS, BlendMethod, Blender, feather_blend, paste, poisson_blend
from completion.blending.poisson import PoissonSolver
from completion.completer import complete
from completion.config import BLEND_NAMES, SearchConfig
from tests.completion.helpers import center_hole, make_picture

METHODS = sorted(BLENDERS)
MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


def center(side=32):
    mask = np.zeros((side, side), np.bool_)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = True
    return mask


def pictures(shape, *, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (2, *shape)).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
@given(mask=MASKS, channels=st.sampled_from([1, 3]))
@settings(deadline=None)
def test_known_pixels_are_copied(method, mask, channels):
    generated, original = pictures((*mask.shape, channels))
    before = generated.tobytes(), original.tobytes()
    result = BLENDERS[method](generated, original, mask)
    assert result.shape == original.shape
    assert result.dtype == original.dtype
    assert result[~mask].tobytes() == original[~mask].tobytes()
    assert (generated.tobytes(), original.tobytes()) == before
    assert not np.shares_memory(result, original)
    assert not np.shares_memory(result, generated)


@pytest.mark.parametrize("method", METHODS)
@given(mask=MASKS)
@settings(deadline=None)
def test_missing_pixels_of_the_original_are_not_looked_at(method, mask):
    generated, original = pictures((*mask.shape, 3))
    spoilt = np.where(mask[..., np.newaxis], np.float32(np.nan), original)
    expected = BLENDERS[method](generated, original, mask)
    np.testing.assert_array_equal(BLENDERS[method](generated, spoilt, mask), expected)


@pytest.mark.parametrize("method", METHODS)
@given(mask=MASKS)
@settings(deadline=None)
def test_the_original_is_returned_when_it_was_generated(method, mask):
    _, original = pictures((*mask.shape, 3))
    np.testing.assert_allclose(BLENDERS[method](original, original, mask), original, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_whole_and_empty_holes(method):
    generated, original = pictures((2, 6, 7, 3))
    np.testing.assert_array_equal(BLENDERS[method](generated, original, np.ones((6, 7), np.bool_)), generated)
    np.testing.assert_array_equal(BLENDERS[method](generated, original, np.zeros((6, 7), np.bool_)), original)


def test_paste_takes_the_generated_pixels():
    generated, original = pictures((32, 32, 3))
    result = paste(generated, original, center())
    np.testing.assert_array_equal(result[center()], generated[center()])


def test_feather_fades_from_the_known_pixels_to_the_generated_ones():
    mask = np.zeros((1, 20), np.bool_)
    mask[0, 4:] = True
    original = np.zeros((1, 20, 1), np.float32)
    generated = np.ones((1, 20, 1), np.float32)
    result = feather_blend(generated, original, mask, width_px=4)
    distance = np.array([1, 2, 3, 4, 5])
    expected = 1 - (0.5 + 0.5 * np.cos(np.pi * np.minimum(distance / 4, 1)))
    np.testing.assert_allclose(result[0, 4:9, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(result[0, 8:], 1)


def test_feather_is_continuous_at_the_border_and_leaves_the_middle_alone():
    mask = center(64)
    generated = np.zeros((64, 64, 3), np.float32)
    original = generated + np.float32(0.8)
    pasted = paste(generated, original, mask)
    result = feather_blend(generated, original, mask, width_px=8)
    seam = [np.abs(np.diff(picture, axis=1)).max() for picture in (pasted, result)]
    assert seam[0] == pytest.approx(0.8)
    assert seam[1] < 0.8 * np.pi / 16 + 1e-6  # the cosine's steepest slope over 8 pixels
    np.testing.assert_array_equal(result[24:40, 24:40], generated[24:40, 24:40])


@pytest.mark.parametrize(("side", "width"), [(16, 2), (64, 4), (160, 10)])
def test_feathers_width_follows_the_pictures_side(side, width):
    generated, original = pictures((side, side, 1))
    np.testing.assert_array_equal(
        feather_blend(generated, original, center(side)),
        feather_blend(generated, original, center(side), width_px=width),
    )


def test_feather_uses_the_nearest_known_pixel_wherever_the_hole_lies():
    mask = np.zeros((40, 50), np.bool_)
    mask[20:22, 30:33] = True  # the two rows' nearest known pixels are above and below
    generated, original = pictures((40, 50, 3))
    result = feather_blend(generated, original, mask, width_px=2)
    expected = generated[20, 31] + 0.5 * (original[19, 31] - generated[19, 31])
    np.testing.assert_allclose(result[20, 31], expected, atol=1e-6)


@pytest.mark.parametrize("method", ["auto", "poisson", "biharmonic"])
def test_what_is_solved_for_has_no_seam(method):
    mask = center()
    original = np.broadcast_to(np.linspace(-1, 1, 32, dtype=np.float32)[:, np.newaxis], (1, 32, 32, 1))
    generated = np.full((1, 32, 32, 1), 0.9, np.float32)
    blender = Blender(method)
    # Without gradients of its own the region continues its surroundings, here a ramp, which is harmonic.
    np.testing.assert_allclose(blender(generated, original, mask[np.newaxis]), original, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_its_pictures_bitwise(method):
    rng = np.random.default_rng(1)
    generated, original = pictures((8, 32, 32, 3))
    some = [center(), rng.random((32, 32)) < 0.8, np.ones((32, 32), np.bool_), np.zeros((32, 32), np.bool_)]
    masks = np.stack([some[i] for i in (0, 1, 0, 2, 1, 3, 1, 0)])
    batch = Blender(method)(generated, original, masks)
    for i in range(8):
        single = Blender(method)(generated[i : i + 1], original[i : i + 1], masks[i : i + 1])[0]
        assert batch[i].tobytes() == single.tobytes()
        assert batch[i].tobytes() == BLENDERS[method](generated[i], original[i], masks[i]).tobytes()


def test_the_command_line_names_every_method():
    assert tuple(BLENDERS) == BLEND_NAMES


def test_auto_is_the_default_everywhere():
    assert Blender().method == "auto"
    assert BLEND_NAMES[0] == "auto"


def test_which_methods_solve_an_equation():
    assert {method for method in BLENDERS if Blender(method).needs_solver} == {"auto", "poisson", "biharmonic"}


@pytest.fixture
def dummy(monkeypatch):
    """Add the method "dummy", as CONTRIBUTING.md describes it, and return the shapes of the masks that it is given.

    The dummy fills a hole with 1.
    """
    shapes = []

    def dummy_blend(generated, original, mask):
        shapes.append(mask.shape)
        return paste(np.ones_like(generated), original, mask)

    monkeypatch.setitem(BLENDERS, "dummy", BlendMethod(dummy_blend))
    return shapes


def test_a_blender_calls_an_added_function_once_for_each_mask(dummy):
    generated, original = pictures((3, 32, 32, 3))
    masks = np.stack([center(), np.eye(32, dtype=np.bool_), center()])
    blender = Blender("dummy")
    result = blender(generated, original, masks)
    np.testing.assert_array_equal(result, np.where(masks[..., np.newaxis], np.float32(1), original))
    assert dummy == [(32, 32)] * 2
    assert not blender.needs_solver


def test_complete_blends_with_an_added_function(dummy, prior):
    picture, mask = make_picture(), center_hole()
    method = SearchConfig(iterations=1)
    (result,) = complete([picture], mask, model=prior, method=method, blend="dummy").pictures
    assert len(dummy) == 1
    assert (result[mask] == 255).all()
    np.testing.assert_array_equal(result[~mask], picture[~mask])


def test_an_added_solver_is_given_the_pictures_side_where_it_asks_for_it(monkeypatch):
    sides = []

    class SideSolver(PoissonSolver):
        def __init__(self, mask, *, side_px):
            sides.append(side_px)
            super().__init__(mask)

    monkeypatch.setitem(BLENDERS, "side", BlendMethod(poisson_blend, solver=SideSolver, uses_side=True))
    blender = Blender("side")
    generated, original = pictures((1, 16, 16, 1))
    for side_px in (None, 20, 16, 20):
        blender(generated, original, center(16)[np.newaxis], side_px=side_px)
    assert sides == [16, 20]
    assert blender.needs_solver


def test_an_empty_batch_stays_empty():
    empty = np.zeros((0, 8, 8, 3), np.float32)
    assert Blender()(empty, empty, np.zeros((0, 8, 8), np.bool_)).shape == (0, 8, 8, 3)


@pytest.fixture
def prepared(monkeypatch):
    """Return the masks that solvers are made for from now on, as a list that grows."""
    masks = []

    class CountingSolver(PoissonSolver):
        def __init__(self, mask):
            masks.append(mask.copy())
            super().__init__(mask)

    monkeypatch.setitem(BLENDERS, "poisson", BlendMethod(poisson_blend, solver=CountingSolver))
    return masks


def blend_one(blender, mask):
    generated, original = pictures((1, *mask.shape, 1))
    result = blender(generated, original, mask[np.newaxis])
    np.testing.assert_array_equal(result[0], poisson_blend(generated[0], original[0], mask))


def row_mask(row):
    mask = np.zeros((8, 8), np.bool_)
    mask[row] = True
    return mask


def test_a_shared_mask_is_prepared_once(prepared):
    generated, original = pictures((6, 32, 32, 3))
    blender = Blender("poisson")
    for _ in range(3):
        blender(generated, original, np.stack([center(), center().T, ~center()] * 2))  # the first two are equal
    assert len(prepared) == 2


def test_masks_of_other_sizes_are_told_apart(prepared):
    blender = Blender("poisson")
    for shape in ((4, 8), (8, 4)):
        blend_one(blender, np.arange(32).reshape(shape) % 2 == 0)  # the same packed bits
    assert len(prepared) == 2


def test_the_longest_unused_solver_goes_first(prepared):
    blender = Blender("poisson", max_solvers=2)
    for row in (0, 1, 0, 2, 0, 1):
        blend_one(blender, row_mask(row))
    assert [int(np.flatnonzero(mask.any(axis=1))[0]) for mask in prepared] == [0, 1, 2, 1]


def test_kept_solvers_are_bounded_by_their_missing_pixels(prepared):
    blender = Blender("poisson", max_unknowns=20)
    for row in (0, 1, 0, 1):
        blend_one(blender, row_mask(row))
    assert len(prepared) == 2
    blend_one(blender, row_mask(2))
    assert [solver.n_unknowns for solver in blender._solvers.values()] == [8, 8]
    large = center(16)
    blend_one(blender, large)
    blend_one(blender, large)
    assert len(prepared) == 4
    assert [solver.n_unknowns for solver in blender._solvers.values()] == [64]


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match=r"Expected `method` to be one of auto, .* none. Received: 'blur'."):
        Blender("blur")
    with pytest.raises(ValueError, match=r"Expected `max_solvers` of at least 1. Received: 0."):
        Blender(max_solvers=0)
    with pytest.raises(ValueError, match=r"Expected `width_px` above 0. Received: 0."):
        feather_blend(*pictures((8, 8, 1)), row_mask(3), width_px=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("generated", "original", "mask", "message"),
    [
        ((8, 8), (8, 8, 1), np.ones((8, 8), np.bool_), r"Expected `generated` of shape .* Received: \(8, 8\)."),
        ((8, 8, 1), (8, 8, 3), np.ones((8, 8), np.bool_), r"Expected `generated` .* Received: \(8, 8, 1\)."),
        ((8, 8, 1), (8, 8, 1), np.ones((8, 9), np.bool_), r"Expected `mask` of shape \(8, 8\). Received: \(8, 9\)."),
        ((8, 8, 1), (8, 8, 1), np.ones((8, 8), np.uint8), "Expected `mask` of dtype bool. Received: uint8."),
    ],
)
def test_wrong_arguments_are_refused(method, generated, original, mask, message):
    with pytest.raises(TypeError if "dtype" in message or "floating" in message else ValueError, match=message):
        BLENDERS[method](np.zeros(generated, np.float32), np.zeros(original, np.float32), mask)


@pytest.mark.parametrize(
    ("shape", "masks", "message"),
    [
        ((8, 8, 1), np.ones((8, 8), np.bool_), r"Expected `original` of shape \(B, H, W, C\). Received: \(8, 8, 1\)."),
        ((2, 8, 8, 1), np.ones((8, 8), np.bool_), r"Expected `masks` of shape \(2, 8, 8\). Received: \(8, 8\)."),
        ((2, 8, 8, 1), np.ones((2, 8, 8), np.uint8), "Expected `masks` of dtype bool. Received: uint8."),
    ],
)
def test_wrong_batches_are_refused(shape, masks, message):
    with pytest.raises(TypeError if "dtype" in message or "floating" in message else ValueError, match=message):
        Blender()(*pictures(shape), masks)
