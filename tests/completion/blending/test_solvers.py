import numpy as np
import pytest
from scipy import sparse

from completion.blending import solvers
from completion.blending.solvers import ConjugateGradients
from dcgan.errors import CompletionError

MATRIX = sparse.diags_array([np.linspace(1.0, 900.0, 60)], offsets=[0]).tocsr()
RIGHT = np.ones((60, 2))


def solve(matrix=MATRIX, rhs=RIGHT, precondition=lambda values: values.copy()):
    return ConjugateGradients(matrix, precondition).solve(rhs)


def test_an_equation_is_solved():
    assert MATRIX @ solve() == pytest.approx(RIGHT, abs=1e-4)
    assert not solve(rhs=np.zeros((60, 1))).any()


def test_an_iteration_that_reaches_its_limit_is_an_error(monkeypatch):
    monkeypatch.setattr(solvers, "MAX_ITERATIONS", 3)
    with pytest.raises(CompletionError, match="the equation over its hole of 60 pixels was not solved in 3 steps"):
        solve()


def test_an_iteration_that_is_nearly_there_at_its_limit_is_not(monkeypatch):
    monkeypatch.setattr(solvers, "TOLERANCE", 0.0)
    monkeypatch.setattr(solvers, "MAX_ITERATIONS", 60)
    assert MATRIX @ solve() == pytest.approx(RIGHT, abs=1e-2)


@pytest.mark.parametrize("spoil", ["the right-hand side", "the matrix", "the preconditioner"])
def test_what_is_no_number_is_an_error(spoil):
    matrix, rhs, precondition = MATRIX.copy(), RIGHT.copy(), lambda values: values.copy()
    if spoil == "the right-hand side":
        rhs[3] = np.nan
    elif spoil == "the matrix":
        matrix.data[5] = np.nan
    else:
        precondition = lambda values: values * np.nan  # noqa: E731
    with pytest.raises(CompletionError, match="was not solved"):
        solve(matrix, rhs, precondition)
