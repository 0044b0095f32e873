import numpy as np

from completion.search.answer import Answers


def make_answers(first, acceptance):
    numbers = np.arange(first, first + 3, dtype=np.float32)
    return Answers(numbers[:, None], numbers[:, None, None, None], numbers, -numbers, 2 * numbers, acceptance)


def test_answers_are_taken_and_joined():
    joined = Answers.join([make_answers(0, None), make_answers(3, None)])
    assert joined.acceptance is None
    assert joined.take([4, 1]).contextual.tolist() == [4, 1]
    shares = np.ones(3, np.float32)
    joined = Answers.join([make_answers(0, shares), make_answers(3, 0 * shares)])
    assert joined.take(slice(2, 4)).acceptance.tolist() == [1, 0]
    assert joined.take(slice(2, 4)).perceptual.tolist() == [-2, -3]
    assert joined.take(np.array([5, 0])).score.tolist() == [10, 0]
    assert joined.take([5]).latents.tolist() == [[5]]
    assert joined.take([5]).generated.tolist() == [[[[5]]]]
