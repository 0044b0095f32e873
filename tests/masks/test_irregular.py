import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masks import irregular, medium_mask, strokes_mask, thick_mask, thin_mask

LOWEST = {strokes_mask: 0.05, thin_mask: 0.02, medium_mask: 0.02, thick_mask: 0.02}
functions = pytest.mark.parametrize("function", LOWEST)


def width_px(mask):
    """The diameter of the largest disc that fits into the hole, inside a picture that is known all around."""
    return 2 * cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max()


@functions
@pytest.mark.parametrize("shape", [(16, 16), (28, 28), (64, 64), (256, 256), (40, 160)])
def test_hole_stays_in_its_bounds(function, shape):
    holes = [function(shape, seed=seed).mean() for seed in range(12)]
    assert LOWEST[function] <= min(holes)
    assert max(holes) <= 0.5
    assert 0.1 <= np.mean(holes) <= 0.4


@functions
def test_hole_does_not_depend_on_the_size_of_the_picture(function):
    small, large = (np.mean([function((side, side), seed=seed).mean() for seed in range(60)]) for side in (64, 384))
    assert abs(small - large) < 0.06


@functions
def test_a_large_photograph(function):
    mask = function((2000, 3000), seed=1)
    assert mask.shape == (2000, 3000)
    assert LOWEST[function] <= mask.mean() <= 0.5


def test_thin_is_thin_and_thick_is_thick():
    thin, medium, thick = (
        np.median([width_px(function((256, 256), seed=seed)) for seed in range(25)])
        for function in (thin_mask, medium_mask, thick_mask)
    )
    assert thin < 35
    assert thin < medium < thick
    assert thick > 75


@given(
    function=st.sampled_from(list(LOWEST)),
    shape=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    seed=st.integers(0, 1000),
)
def test_never_empty_and_never_everything(function, shape, seed):
    mask = function(shape, seed=seed)
    assert mask.any()
    assert not mask.all() or shape == (1, 1)


@pytest.fixture
def drawn(monkeypatch):
    """Return the chains that are drawn from now on, as a list of (headings, lengths, widths) that grows."""
    chains, draw_chain = [], irregular._draw_chain

    def record(canvas, rng, *, headings, lengths, widths):
        chains.append((headings.copy(), lengths.copy(), widths.copy()))
        draw_chain(canvas, rng, headings=headings, lengths=lengths, widths=widths)

    monkeypatch.setattr(irregular, "_draw_chain", record)
    return chains


def test_strokes_are_those_of_the_paper(drawn):
    """In a picture of 256 pixels: zigzags of 4 to 11 segments, 12 to 40 pixels wide, an eighth of the diagonal long."""
    for seed in range(60):
        strokes_mask((256, 256), seed=seed)
    assert {len(headings) for headings, _, _ in drawn} == set(range(4, 12))
    for headings, _, widths in drawn:
        turns = np.degrees(np.diff(headings)) * (-1) ** np.arange(len(headings) - 1)  # to the other side each time
        assert turns.min() >= 2 * (72 - 24)
        assert turns.max() <= 2 * (72 + 24)
        assert (widths == widths[0]).all()
    widths = [widths[0] for _, _, widths in drawn]
    assert 12 <= min(widths) < 15 < 37 < max(widths) <= 40
    lengths, mean = np.concatenate([lengths for _, lengths, _ in drawn]), math.hypot(256, 256) / 8
    assert lengths.min() == 0.0
    assert lengths.max() == 2 * mean
    assert lengths.mean() == pytest.approx(mean, rel=0.1)


@pytest.mark.parametrize(
    ("function", "widths_px", "lengths_px"),
    [(thin_mask, (5, 15), (10, 50)), (medium_mask, (5, 55), (10, 110)), (thick_mask, (5, 105), (10, 210))],
)
def test_chains_are_those_of_the_paper(drawn, function, widths_px, lengths_px):
    """In a picture of 256 pixels; in one of half the sides they are half as long and as wide."""
    for side in (256, 128):
        drawn.clear()
        for seed in range(80):
            function((side, side), seed=seed)
        assert {len(headings) for headings, _, _ in drawn} == set(range(1, 6))
        for values, (lowest, highest) in ((1, lengths_px), (2, widths_px)):
            px = np.concatenate([chain[values] for chain in drawn]) * 256 / side
            assert lowest <= px.min() < lowest + 0.1 * (highest - lowest)
            assert highest - 0.1 * (highest - lowest) < px.max() <= highest


def is_of_boxes(mask):
    """Tell whether a mask is made of at most five boxes: these give eleven different rows, and chains give more."""
    return len(np.unique(mask, axis=0)) <= 11


@pytest.mark.parametrize(("function", "lowest", "highest"), [(medium_mask, 0.1, 0.25), (thick_mask, 0.25, 0.45)])
def test_how_often_boxes_stand_in_place_of_chains(function, lowest, highest):
    """Three times in thirteen, but for masks that hide too little or too much and are drawn again."""
    share = np.mean([is_of_boxes(function((64, 64), seed=seed)) for seed in range(200)])
    assert lowest <= share <= highest


def test_thick_boxes_keep_off_the_edge():
    """By 10 of 256 pixels; a stroke may reach it."""
    masks = [thick_mask((128, 128), seed=seed) for seed in range(80)]
    framed = [np.concatenate([mask[:5].ravel(), mask[-5:].ravel(), mask[:, :5].ravel()]).any() for mask in masks]
    boxes = [is_of_boxes(mask) and len(np.unique(mask, axis=1).T) <= 11 for mask in masks]
    assert sum(boxes) >= 10
    assert not any(touches for touches, of_boxes in zip(framed, boxes, strict=True) if of_boxes)
    assert any(framed)


@functions
def test_a_wide_picture_is_hidden_on_all_sides_alike(function):
    often = np.mean([function((40, 160), seed=seed) for seed in range(150)], axis=0)  # (40, 160)
    quarters = often.reshape(40, 4, 40).mean(axis=(0, 2))
    assert quarters.min() > 0.7 * quarters.max()
    assert often.min() > 0.0


def test_a_chain_turns_at_the_edge_of_the_picture():
    """To the right, beyond the edge, and from there downwards along it."""
    canvas, rng = np.zeros((6, 7), np.uint8), np.random.default_rng(1)
    headings, lengths = np.array([0.5, 1.0, 0.0]) * np.pi, np.array([99.0, 99.0, 99.0])
    irregular._draw_chain(canvas, rng, headings=headings, lengths=lengths, widths=np.ones(3))
    assert canvas[:, 6].all()
    assert canvas.sum() > 6
    assert canvas[:, :6].any(axis=1).sum() == 1  # the row it began in
