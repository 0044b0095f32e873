import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.blending import solvers
from completion.blending.holes import hole_window
from completion.blending.poisson import DIRECT_LIMIT, PoissonSolver, poisson_blend

RNG = np.random.default_rng(0)
MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


def filled(shape, *holes):
    """Return a mask that is True in each of the given boxes (y0, y1, x0, x1)."""
    mask = np.zeros(shape, np.bool_)
    for y0, y1, x0, x1 in holes:
        mask[y0:y1, x0:x1] = True
    return mask


def pictures(mask, *, channels=3, dtype=np.float32, batch=(), seed=0):
    """Return a generated and an original picture, or a batch of them, of the mask's size."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, *batch, *mask.shape, channels)).astype(dtype)


def dense_blend(generated, original, mask):
    """Solve Perez' equations as they stand: generated's differences inside, the known pixels at the border."""
    result = original.astype(np.float64)
    places = [tuple(place) for place in np.argwhere(mask)]
    matrix = np.zeros((len(places), len(places)))
    rhs = np.zeros((len(places), original.shape[-1]))
    for row, (y, x) in enumerate(places):
        for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1]):
                continue
            matrix[row, row] += 1
            rhs[row] += generated[y, x] - generated[near]
            if mask[near]:
                matrix[row, places.index(near)] -= 1
            else:
                rhs[row] += original[near]
    result[mask] = np.linalg.solve(matrix, rhs)
    return result


CASES = {
    "inside": filled((7, 8), (2, 5, 2, 6)),
    "one pixel": filled((5, 5), (2, 3, 2, 3)),
    "left half": filled((6, 8), (0, 6, 0, 4)),
    "corner": filled((6, 6), (0, 3, 0, 3)),
    "all but a corner": ~filled((6, 6), (5, 6, 5, 6)),
    "several parts": filled((9, 9), (0, 2, 0, 2), (3, 5, 3, 6), (7, 9, 7, 9), (0, 1, 8, 9)),
    "diagonal": np.eye(6, dtype=np.bool_),
    "random 80 %": RNG.random((9, 9)) < 0.8,
    "random 30 %": RNG.random((9, 9)) < 0.3,
    "a row": filled((1, 9), (0, 1, 3, 9)),
    "a column": filled((9, 1), (2, 5, 0, 1)),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_a_dense_solution_of_the_gradient_equations(name, channels):
    mask = CASES[name]
    generated, original = pictures(mask, channels=channels, dtype=np.float64)
    np.testing.assert_allclose(
        poisson_blend(generated, original, mask), dense_blend(generated, original, mask), atol=1e-12
    )


def test_known_line_comes_out():
    mask = np.array([[False, True, True, False]])
    original = np.array([0.0, 9.0, 9.0, 3.0], np.float32).reshape(1, 4, 1)
    result = poisson_blend(np.zeros((1, 4, 1), np.float32), original, mask)
    np.testing.assert_allclose(result.ravel(), [0, 1, 2, 3], atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 6)])
def test_whole_picture_missing_returns_the_generated_one(shape):
    mask = np.ones(shape, np.bool_)
    generated, original = pictures(mask)
    np.testing.assert_array_equal(poisson_blend(generated, original, mask), generated)


def test_empty_hole_returns_a_copy_of_the_original():
    mask = np.zeros((4, 6), np.bool_)
    generated, original = pictures(mask)
    result = poisson_blend(generated, original, mask)
    np.testing.assert_array_equal(result, original)
    assert not np.shares_memory(result, original)


@given(mask=MASKS, offset=st.floats(-3, 3, width=32))
@settings(deadline=None)
def test_a_constant_difference_is_added_back(mask, offset):
    generated, _ = pictures(mask)
    result = poisson_blend(generated, generated + np.float32(offset), mask)
    expected = generated if mask.all() else generated + np.float32(offset)
    np.testing.assert_allclose(result, expected, atol=1e-5)


@given(mask=MASKS)
@settings(deadline=None)
def test_the_original_is_returned_when_it_was_generated(mask):
    _, original = pictures(mask)
    np.testing.assert_allclose(poisson_blend(original, original, mask), original, atol=1e-6)


@given(mask=MASKS)
@settings(deadline=None)
def test_the_residual_stays_between_those_of_the_known_pixels(mask):
    generated, original = pictures(mask, dtype=np.float64)
    if mask.all() or not mask.any():
        return
    residual = poisson_blend(generated, original, mask) - generated
    known = (original - generated)[~mask]
    assert (residual >= known.min(axis=0) - 1e-9).all()
    assert (residual <= known.max(axis=0) + 1e-9).all()


@given(mask=MASKS)
@settings(deadline=None)
def test_missing_pixels_of_the_original_are_not_looked_at(mask):
    generated, original = pictures(mask)
    spoilt = np.where(mask[..., np.newaxis], np.float32(np.nan), original)
    np.testing.assert_array_equal(poisson_blend(generated, spoilt, mask), poisson_blend(generated, original, mask))


ITERATIVE = {
    "middle": filled((70, 60), (10, 60, 8, 52)),
    "left half": filled((60, 70), (0, 60, 0, 40)),
    "all but one pixel": ~filled((45, 50), (20, 21, 30, 31)),
    "all but a corner": ~filled((50, 45), (0, 1, 0, 1)),
    "random 80 %": RNG.random((50, 50)) < 0.8,
    "random 20 %": RNG.random((64, 64)) < 0.2,
    "random 2 %": RNG.random((180, 180)) < 0.02,
    "isolated pixels": np.indices((50, 50)).min(axis=0) % 2 * np.indices((50, 50)).max(axis=0) % 2 == 1,
    "snake": ~filled((64, 48), *((y, y + 1, y % 8 == 3, 47 + (y % 8 == 3)) for y in range(3, 64, 4))),
    "a row": filled((1, 1500), (0, 1, 1, 1500)),
    "a few pixels": filled((9, 9), (3, 6, 3, 6)),
}


@pytest.mark.parametrize("name", ITERATIVE)
def test_large_holes_are_solved_to_the_same_picture(name):
    mask = ITERATIVE[name]
    generated, original = pictures(mask, dtype=np.float64)
    direct, iterative = PoissonSolver(mask), PoissonSolver(mask, _direct_limit=0)
    assert isinstance(direct._linear_solver, solvers.Factors)
    assert isinstance(iterative._linear_solver, solvers.ConjugateGradients)
    np.testing.assert_allclose(iterative.blend(generated, original), direct.blend(generated, original), atol=1e-5)


def test_large_holes_take_few_iterations(monkeypatch):
    monkeypatch.setattr(solvers, "MAX_ITERATIONS", 9)
    for name in ("middle", "all but a corner", "random 80 %", "snake"):
        mask = ITERATIVE[name]
        generated, original = pictures(mask, dtype=np.float64)
        iterative = PoissonSolver(mask, _direct_limit=0).blend(generated, original)
        np.testing.assert_allclose(iterative, poisson_blend(generated, original, mask), atol=1e-5)


def test_a_large_hole_chooses_the_iteration_by_itself():
    side = int(DIRECT_LIMIT**0.5) + 1
    solver = PoissonSolver(filled((side + 2, side + 2), (1, side + 1, 1, side + 1)))
    assert isinstance(solver._linear_solver, solvers.ConjugateGradients)
    generated = np.zeros((side + 2, side + 2, 1), np.float32)
    np.testing.assert_allclose(solver.blend(generated, generated + 0.5), 0.5, atol=1e-6)


@pytest.mark.parametrize("direct_limit", [0, DIRECT_LIMIT])
def test_a_batch_equals_its_pictures_bitwise(direct_limit):
    mask = ITERATIVE["random 80 %"]
    generated, original = pictures(mask, batch=(5,))
    solver = PoissonSolver(mask, _direct_limit=direct_limit)
    batch = solver.blend(generated, original)
    for i in range(5):
        np.testing.assert_array_equal(batch[i], solver.blend(generated[i], original[i]))
    np.testing.assert_array_equal(solver.blend(generated[::-2], original[::-2]), batch[::-2])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_the_originals(dtype):
    mask = CASES["inside"]
    generated, original = pictures(mask, dtype=dtype)
    result = poisson_blend(generated.astype(np.float64), original, mask)
    assert result.dtype == dtype
    assert result[~mask].tobytes() == original[~mask].tobytes()


def test_arguments_are_left_alone():
    mask = CASES["left half"]
    generated, original = pictures(mask)
    before = generated.copy(), original.copy(), mask.copy()
    solver = PoissonSolver(mask)
    first = solver.blend(generated, original)
    for array, copy in zip((generated, original, mask), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    mask[:] = False  # the solver has its own copy
    np.testing.assert_array_equal(solver.blend(generated, original), first)


def test_hole_window_holds_the_hole_and_the_known_pixels_around_it():
    assert hole_window(filled((9, 9), (3, 5, 4, 6))) == (slice(2, 6), slice(3, 7))
    assert hole_window(filled((9, 9), (0, 2, 7, 9))) == (slice(0, 3), slice(6, 9))
    assert hole_window(filled((9, 9), (3, 5, 1, 6)), reach=2) == (slice(1, 7), slice(0, 8))
    assert hole_window(np.zeros((9, 9), np.bool_)) == (slice(0, 0), slice(0, 0))


def test_wrong_masks_are_refused():
    with pytest.raises(ValueError, match=r"Expected `mask` of shape \(H, W\). Received: \(4, 4, 1\)."):
        PoissonSolver(np.ones((4, 4, 1), np.bool_))
    with pytest.raises(TypeError, match=r"Expected `mask` of dtype bool. Received: uint8."):
        PoissonSolver(np.ones((4, 4), np.uint8))


@pytest.mark.parametrize(
    ("generated", "original", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4, 1)), r"Expected `generated` of shape .* Received: \(4, 4\)."),
        (np.zeros((4, 4, 1)), np.zeros((4, 4, 1), np.uint8), "Expected `original` of a floating.* Received: uint8."),
        (np.zeros((4, 4, 3)), np.zeros((4, 4, 1)), r"Expected `generated` of `original`'s.* Received: \(4, 4, 3\)."),
        (np.zeros((4, 5, 1)), np.zeros((4, 5, 1)), r"Expected `mask` of shape \(4, 5\). Received: \(4, 4\)."),
    ],
)
def test_wrong_pictures_are_refused(generated, original, message):
    with pytest.raises(TypeError if "dtype" in message or "floating" in message else ValueError, match=message):
        poisson_blend(generated, original, filled((4, 4), (1, 3, 1, 3)))
