import numpy as np
import pytest

from completion.encoder import masks as training_masks
from completion.encoder.masks import PROBABILITIES, draw_damage
from masks import MASK_NAMES


def test_the_probabilities_are_those_of_known_masks():
    assert sum(PROBABILITIES.values()) == pytest.approx(1.0)
    assert set(PROBABILITIES) <= set(MASK_NAMES)


@pytest.mark.parametrize("size", [8, 28, 64])
def test_every_draw_is_a_mask_of_that_size(size):
    for row in range(200):
        damage = draw_damage(size, seed=(0, row))
        assert damage.mask.shape == (size, size)
        assert damage.mask.dtype == np.bool_
        assert damage.mask.any()
        assert damage.blocks == 0 or (damage.mask.all() and size % damage.blocks == 0)


def test_same_seed_same_mask():
    assert np.array_equal(draw_damage(64, seed=(5, 6)).mask, draw_damage(64, seed=(5, 6)).mask)
    masks = {draw_damage(64, seed=(5, row)).mask.tobytes() for row in range(50)}
    assert len(masks) > 30  # grids come in ten ways only


def test_every_kind_is_drawn_as_often_as_it_should_be(monkeypatch):
    names = []
    original = training_masks._draw_spec
    monkeypatch.setattr(training_masks, "_draw_spec", lambda name, *rest: names.append(name) or original(name, *rest))
    count = 2000
    for row in range(count):
        draw_damage(16, seed=(1, row))
    for name, probability in PROBABILITIES.items():
        drawn = count - len(names) if name == "lowres" else names.count(name)
        assert drawn / count == pytest.approx(probability, abs=0.03), name
