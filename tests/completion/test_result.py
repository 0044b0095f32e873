import numpy as np
import pytest

from completion.result import CompletionResult, spread
from completion.search.answer import Answers

PICTURE = np.zeros((4, 4, 3), np.uint8)


def make_answers(*values, acceptance=False):
    """Return answers, a row for each value."""
    numbers = np.array(values, np.float32)
    latents, generated = numbers[:, None].repeat(5, axis=1), numbers[:, None, None, None] * np.ones((1, 2, 2, 3))
    return Answers(latents, generated, numbers + 1, numbers + 2, numbers + 3, numbers / 10 if acceptance else None)


def make_result(*answers):
    count = len(answers)
    return CompletionResult([PICTURE] * count, ["latent"] * count, [()] * count, list(answers))


def test_columns_are_those_of_each_pictures_first_face():
    result = make_result(make_answers(1.0, 7.0), make_answers(2.0))
    assert result.latents.tolist() == [[1.0] * 5, [2.0] * 5]
    assert result.generated.shape == (2, 2, 2, 3)
    assert result.contextual.tolist() == [2.0, 3.0]
    assert result.perceptual.tolist() == [3.0, 4.0]
    assert result.score.tolist() == [4.0, 5.0]
    assert result.acceptance is None


def test_where_no_model_was_asked_there_are_zeros():
    result = make_result(None, make_answers(2.0, acceptance=True), None)
    assert result.latents.tolist() == [[0.0] * 5, [2.0] * 5, [0.0] * 5]
    assert result.generated.shape == (3, 2, 2, 3)
    assert result.contextual.tolist() == [0.0, 3.0, 0.0]
    assert result.acceptance.tolist() == pytest.approx([0.0, 0.2, 0.0])


def test_without_any_model():
    result = make_result(None, None)
    assert (result.latents.shape, result.generated.shape) == ((2, 0), (2, 0))
    for column in (result.contextual, result.perceptual, result.score):
        assert column.tolist() == [0.0, 0.0]
    assert result.acceptance is None


def test_spread_is_the_mean_over_all_pairs():
    pictures = [np.full((2, 2, 3), value, np.uint8) for value in (200, 0, 30)]  # 200, 170 and 30 apart
    assert spread(pictures) == pytest.approx(400 / 3)
    assert spread(pictures[::-1]) == pytest.approx(400 / 3)
    assert spread(pictures[:1]) == 0.0
