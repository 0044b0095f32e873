import contextlib

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import splu
from skimage.restoration import inpaint_biharmonic

from completion.blending import solvers
from completion.blending.biharmonic import DIRECT_LIMIT, BiharmonicSolver, biharmonic_blend
from dcgan.errors import CompletionError

RNG = np.random.default_rng(0)
MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


def filled(shape, *holes):
    """Return a mask that is True in each of the given boxes (y0, y1, x0, x1)."""
    mask = np.zeros(shape, np.bool_)
    for y0, y1, x0, x1 in holes:
        mask[y0:y1, x0:x1] = True
    return mask


def pictures(mask, *, channels=3, dtype=np.float64, batch=(), seed=0):
    """Return a generated and an original picture, or a batch of them, of the mask's size."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, *batch, *mask.shape, channels)).astype(dtype)


def dense_laplacian(shape):
    """Return the picture's Laplacian, (H W, H W): degree minus neighbours, pixel by pixel."""
    height, width = shape
    matrix = np.zeros((height * width, height * width))
    for y, x in np.ndindex(shape):
        for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= ny < height and 0 <= nx < width:
                matrix[y * width + x, y * width + x] += 1
                matrix[y * width + x, ny * width + nx] -= 1
    return matrix


def dense_blend(generated, original, mask, *, kept_rows=None):
    """Minimise the sum of (L r)^2 over all pixels, or over those of `kept_rows`, by least squares."""
    matrix = dense_laplacian(mask.shape)
    if kept_rows is not None:
        matrix = matrix[kept_rows.ravel()]
    hole = mask.ravel()
    residual = (original - generated).reshape(hole.size, -1)
    residual[hole] = 0
    residual[hole] = np.linalg.lstsq(matrix[:, hole], -matrix @ residual, rcond=None)[0]
    return np.where(mask[..., None], generated + residual.reshape(original.shape), original)


CASES = {
    "inside": filled((9, 8), (2, 6, 2, 6)),
    "one pixel": filled((5, 5), (2, 3, 2, 3)),
    "left half": filled((6, 8), (0, 6, 0, 4)),
    "corner": filled((6, 6), (0, 3, 0, 3)),
    "all but a corner": ~filled((6, 6), (5, 6, 5, 6)),
    "several parts": filled((9, 9), (0, 2, 0, 2), (3, 5, 3, 6), (7, 9, 7, 9), (0, 1, 8, 9)),
    "parts a pixel apart": filled((9, 9), (2, 5, 1, 4), (2, 5, 5, 8)),
    "diagonal": np.eye(6, dtype=np.bool_),
    "random 80 %": RNG.random((9, 9)) < 0.8,
    "random 30 %": RNG.random((9, 9)) < 0.3,
    "a row": filled((1, 9), (0, 1, 3, 9)),
    "a column": filled((9, 1), (2, 5, 0, 1)),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_dense_least_squares(name, channels):
    mask = CASES[name]
    generated, original = pictures(mask, channels=channels)
    result = biharmonic_blend(generated, original, mask)
    np.testing.assert_allclose(result, dense_blend(generated, original, mask), atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_plain_interpolation_is_that_of_scikit_image(name):
    mask = CASES[name]
    _, original = pictures(mask)
    ours = biharmonic_blend(np.zeros_like(original), original, mask)
    known = original[~mask]  # theirs is clipped to the range of what is known
    theirs = inpaint_biharmonic(np.where(mask[..., None], 0, original), mask, channel_axis=-1)
    np.testing.assert_allclose(np.clip(ours, known.min(axis=0), known.max(axis=0)), theirs, atol=1e-10)


@given(mask=MASKS, seed=st.integers(0, 99))
@settings(deadline=None)
def test_is_scikit_images_under_any_mask(mask, seed):
    if mask.all() or not mask.any():
        return
    _, original = pictures(mask, seed=seed)
    ours = biharmonic_blend(np.zeros_like(original), original, mask)
    known = original[~mask]
    theirs = inpaint_biharmonic(np.where(mask[..., None], 0, original), mask, channel_axis=-1)
    np.testing.assert_allclose(np.clip(ours, known.min(axis=0), known.max(axis=0)), theirs, atol=1e-9)


def test_a_known_cubic_comes_out():
    x = np.arange(9.0)
    line = (x**3 - 7 * x**2).reshape(1, 9, 1)
    result = biharmonic_blend(np.zeros((1, 9, 1)), line, filled((1, 9), (0, 1, 3, 6)))
    np.testing.assert_allclose(result, line, atol=1e-10)


@given(slopes=st.tuples(*[st.floats(-1, 1)] * 3), twist=st.floats(-0.1, 0.1))
@settings(deadline=None)
def test_planes_and_what_is_biharmonic_come_out(slopes, twist):
    y, x = np.mgrid[:12, :11]
    surface = (slopes[0] + slopes[1] * y + slopes[2] * x + twist * (x * y + x**2 * y))[..., None]
    mask = filled((12, 11), (2, 8, 2, 9), (9, 10, 3, 6))  # two pixels from the border, which reflects
    np.testing.assert_allclose(biharmonic_blend(np.zeros_like(surface), surface, mask), surface, atol=1e-8)


@given(mask=MASKS, offset=st.floats(-3, 3))
@settings(deadline=None)
def test_a_constant_difference_is_added_back_at_the_border_as_well(mask, offset):
    generated, _ = pictures(mask)
    expected = generated if mask.all() else generated + offset
    np.testing.assert_allclose(biharmonic_blend(generated, generated + offset, mask), expected, atol=1e-8)


HIDDEN = {
    "two apart": (filled((9, 12), (2, 5, 2, 5)), filled((9, 12), (2, 8, 6, 10))),
    "around": (filled((9, 9), (4, 5, 4, 5)), filled((9, 9), (0, 9, 0, 1), (0, 1, 0, 9), (6, 7, 2, 7), (2, 3, 2, 7))),
    "diagonal": (filled((6, 6), (1, 3, 1, 3)), filled((6, 6), (3, 6, 3, 6))),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_pixels_are_not_looked_at(name):
    mask, hidden = HIDDEN[name]
    generated, original = pictures(mask)
    solver = BiharmonicSolver(mask, hidden)
    result = solver.blend(generated, original)
    spoilt = np.where(hidden[..., None], np.nan, original)
    spoilt_generated = np.where(hidden[..., None], np.nan, generated)
    np.testing.assert_array_equal(solver.blend(spoilt_generated, spoilt)[mask], result[mask])
    laplacian = dense_laplacian(mask.shape)
    rows = ~(laplacian[:, hidden.ravel()] != 0).any(axis=1).reshape(mask.shape)
    expected = dense_blend(generated, original, mask, kept_rows=rows)
    np.testing.assert_allclose(result[mask], expected[mask], atol=1e-10)


ITERATIVE = {
    "middle": filled((70, 60), (10, 60, 8, 52)),
    "left half": filled((60, 70), (0, 60, 0, 40)),
    "all but one pixel": ~filled((45, 50), (20, 21, 30, 31)),
    "all but a corner": ~filled((50, 45), (0, 1, 0, 1)),
    "random 80 %": RNG.random((50, 50)) < 0.8,
    "random 20 %": RNG.random((64, 64)) < 0.2,
    "random 2 %": RNG.random((180, 180)) < 0.02,
    "grid 8": np.indices((70, 70)).max(axis=0) % 8 + np.indices((70, 70)).min(axis=0) % 8 > 0,
    "a row": filled((1, 300), (0, 1, 1, 280)),
    "a few pixels": filled((9, 9), (3, 6, 3, 6)),
}


@pytest.mark.parametrize("name", ITERATIVE)
def test_large_holes_are_solved_to_the_same_picture(name, monkeypatch):
    monkeypatch.setattr(solvers, "MAX_ITERATIONS", 120)
    mask = ITERATIVE[name]
    generated, original = pictures(mask)
    direct, iterative = BiharmonicSolver(mask), BiharmonicSolver(mask, _direct_limit=0)
    assert isinstance(direct._linear_solver, solvers.Factors)
    assert isinstance(iterative._linear_solver, solvers.ConjugateGradients)
    expected = direct.blend(generated, original)
    scale = np.abs(expected - generated)[mask].max()  # a long extrapolation takes large values
    np.testing.assert_allclose(iterative.blend(generated, original), expected, atol=2e-4 * scale)


def test_what_is_accepted_at_the_limit_is_right_to_a_grey_level(monkeypatch):
    mask = filled((90, 80), (10, 80, 8, 72))
    ys, xs = np.indices(mask.shape)
    original = (128 + 60 * np.sin(ys / 9) + 60 * np.cos(xs / 7))[..., None]
    solver = BiharmonicSolver(mask, _direct_limit=0)
    expected = BiharmonicSolver(mask).blend(np.zeros_like(original), original)
    accepted = []
    for limit in range(1, 40):
        monkeypatch.setattr(solvers, "MAX_ITERATIONS", limit)
        with contextlib.suppress(CompletionError):
            result = solver.blend(np.zeros_like(original), original)
            accepted.append(limit)
            assert np.abs(result - expected).max() < 0.5, limit
    assert accepted
    assert accepted == list(range(accepted[0], 40))


def test_a_large_hole_chooses_the_iteration_by_itself():
    side = int(DIRECT_LIMIT**0.5) + 1
    solver = BiharmonicSolver(filled((side + 4, side + 4), (2, side + 2, 2, side + 2)))
    assert isinstance(solver._linear_solver, solvers.ConjugateGradients)
    generated = np.zeros((side + 4, side + 4, 1), np.float32)
    np.testing.assert_allclose(solver.blend(generated, generated + 0.5), 0.5, atol=1e-4)


@pytest.mark.parametrize("direct_limit", [0, DIRECT_LIMIT])
def test_a_batch_equals_its_pictures_bitwise(direct_limit):
    mask = ITERATIVE["random 80 %"]
    generated, original = pictures(mask, batch=(5,), dtype=np.float32)
    solver = BiharmonicSolver(mask, _direct_limit=direct_limit)
    batch = solver.blend(generated, original)
    for i in range(5):
        np.testing.assert_array_equal(batch[i], solver.blend(generated[i], original[i]))
    np.testing.assert_array_equal(solver.blend(generated[::-2], original[::-2]), batch[::-2])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_the_originals(dtype):
    mask = CASES["inside"]
    generated, original = pictures(mask, dtype=dtype)
    result = biharmonic_blend(generated.astype(np.float64), original, mask)
    assert result.dtype == dtype
    assert result[~mask].tobytes() == original[~mask].tobytes()


def test_a_shared_mask_is_factorised_once(monkeypatch):
    factorised = []

    def count(matrix, **options):
        factorised.append(matrix.shape)
        return splu(matrix, **options)

    monkeypatch.setattr(solvers, "splu", count)
    mask = RNG.random((64, 64)) < 0.8
    generated, original = pictures(mask, batch=(64,), dtype=np.float32)
    BiharmonicSolver(mask).blend(generated, original)
    assert factorised == [(mask.sum(), mask.sum())]
