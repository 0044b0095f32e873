import dataclasses

import numpy as np
import pytest

from completion import complete
from completion.config import PRESETS, SearchConfig
from completion.search.adam import LatentSearch, Problem
from completion.search.views import VIEWS, View, nearness
from tests.completion.helpers import SIZE, center_hole, make_picture

FAST = PRESETS["fast"]
SEVERAL = dataclasses.replace(FAST, views=4)


def make_problem(count=2, *, known=None):
    pictures = np.stack([make_picture(seed=seed) for seed in range(count)]).astype(np.float32) / 127.5 - 1.0
    shares = np.float32(~center_hole()) if known is None else known
    return Problem(pictures, np.broadcast_to(shares, pictures.shape[:3]).astype(np.float32))


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_there_and_back(view):
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 9, 7, 3)).astype(np.float32)
    back, valid = view.look_back(view.look(pictures, edge=True))
    assert np.array_equal(back[:, valid], pictures[:, valid])
    lost = abs(view.down) * 7 + abs(view.right) * 9
    assert (~valid).sum() == lost


def test_a_view_moves_the_way_it_says():
    picture = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    assert View(mirrored=True).look(picture, edge=True)[0, ..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert View(right=1).look(picture, edge=True)[0, ..., 0].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert View(down=1).look(picture, edge=False)[0, ..., 0].tolist() == [[0, 0, 0], [0, 1, 2]]


def test_views_differ_and_the_first_is_the_picture():
    assert VIEWS[0] == View()
    assert len(set(VIEWS)) == len(VIEWS)
    with pytest.raises(ValueError, match="`views` from 1 to 10 with start='encoder'"):
        SearchConfig(start="encoder", views=len(VIEWS) + 1)
    with pytest.raises(ValueError, match="`views` from 1 to 1 with start='random'"):
        SearchConfig(views=2)


def test_nothing_known_is_near_to_nothing():
    known = np.zeros((2, 8, 8), np.float32)
    known[1, 0, 0] = 0.5
    near = nearness(known)
    assert not near[0].any()
    assert near[1, 0, 0] == 1.0
    assert near[1, 7, 7] == 0.0


def test_far_from_known_pixels_the_first_view_speaks_alone(encoded):
    one, several = (LatentSearch(encoded, config) for config in (FAST, SEVERAL))
    known = np.zeros((SIZE, SIZE), np.float32)
    known[:, :2] = 1.0
    problem = make_problem(known=known)
    alone, together = (
        each.run(problem, each.guess(problem).latents, guess=each.guess(problem)) for each in (one, several)
    )
    far = nearness(problem.known) == 0.0
    assert far.any()
    assert np.allclose(alone.generated[far], together.generated[far], atol=1e-6)
    assert np.abs(alone.generated - together.generated)[~far].max() > 1e-4


def test_two_views_are_the_mean_with_the_mirrored_answer(encoded):
    two = LatentSearch(encoded, dataclasses.replace(FAST, views=2))
    known = np.ones((SIZE, SIZE), np.float32)
    known[::2, ::2] = 0.5  # every pixel is near: something is known of it
    problem = make_problem(known=known)
    mirrored = Problem(problem.targets[:, :, ::-1].copy(), problem.known[:, :, ::-1].copy())
    one = LatentSearch(encoded, FAST)
    parts = [one.run(each, one.guess(each).latents, guess=one.guess(each)).generated for each in (problem, mirrored)]
    guess = two.guess(problem)
    found = two.run(problem, guess.latents, guess=guess)
    assert np.allclose(found.generated, (parts[0] + parts[1][:, :, ::-1]) / 2, atol=1e-5)
    mirrored_guess = two.guess(mirrored)
    other = two.run(mirrored, mirrored_guess.latents, guess=mirrored_guess)
    assert np.allclose(other.generated[:, :, ::-1], found.generated, atol=1e-5)


def test_the_views_see_nothing_of_the_hole(encoded):
    search, problem = LatentSearch(encoded, SEVERAL), make_problem()
    hidden = problem.targets.copy()
    hidden[:, center_hole()] = 0.7
    one, other = search.guess(problem), search.guess(dataclasses.replace(problem, targets=hidden))
    assert np.array_equal(one.others, other.others)


def test_a_picture_does_not_depend_on_its_neighbours(encoded):
    nothing_known = np.ones((SIZE, SIZE), bool)
    pictures = [make_picture(seed=seed) for seed in range(2)]
    together = complete(pictures, [center_hole(), nothing_known], model=encoded, config=SEVERAL)
    for index, mask in enumerate((center_hole(), nothing_known)):
        alone = complete([pictures[index]], mask, model=encoded, config=SEVERAL)
        assert np.abs(alone.generated[0] - together.generated[index]).max() < 1e-4


def test_a_search_goes_on_from_all_views(encoded):
    config = dataclasses.replace(SEVERAL, iterations=10, held_out=0.0, patience=0)
    problem = make_problem()
    start, search = (LatentSearch(encoded, each) for each in (SEVERAL, config))
    guess = start.guess(problem)
    before, after = (each.run(problem, guess.latents, guess=guess) for each in (start, search))
    assert (after.contextual <= before.contextual + 1e-6).all()
    assert after.contextual.mean() < before.contextual.mean()
