import numpy as np

from completion.web.drawing import StrokeMask, outline_faces, show, to_layer
from dcgan.faces.detector import Face


def layer_with(shape, rows, columns):
    layer = np.zeros((*shape, 4), np.uint8)
    layer[rows, columns] = (255, 45, 120, 255)
    return layer


def test_small_pictures_are_shown_as_they_are():
    picture = np.zeros((30, 40, 3), np.uint8)
    assert show(picture, side=40) is picture
    assert show(picture, side=20).shape == (15, 20, 3)
    assert show(np.zeros((1, 5000, 3), np.uint8), side=100).shape == (1, 100, 3)


def test_strokes_are_brought_to_the_size_of_the_picture():
    layer = layer_with((10, 20), slice(2, 4), slice(10, 15))
    mask = StrokeMask((40, 80)).with_strokes([layer])
    assert mask.shape == (40, 80)
    assert mask[9:15, 42:58].all()
    assert not mask[:6].any()
    assert not mask[:, :38].any()


def test_what_is_not_opaque_is_known():
    layer = layer_with((4, 4), 1, 1)
    layer[2, 2] = (255, 45, 120, 90)
    assert StrokeMask((4, 4)).with_strokes([layer]).nonzero() == (np.array([1]), np.array([1]))
    assert not StrokeMask((4, 4)).with_strokes([]).any()


def test_an_uploaded_mask_keeps_its_pixels_where_nothing_was_drawn():
    rng = np.random.default_rng(0)
    own = rng.random((60, 90)) < 0.1
    untouched = to_layer(own, (20, 30))
    assert (StrokeMask((60, 90), own).with_strokes([untouched]) == own).all()
    erased = untouched.copy()
    erased[:10] = 0
    left = StrokeMask((60, 90), own).with_strokes([erased])
    assert not left[:27].any()
    assert (left[33:] == own[33:]).all()
    more = StrokeMask((60, 90), np.zeros((60, 90), bool) | (np.arange(90) > 80)).with_strokes(
        [to_layer(np.arange(90)[None] > 80, (1, 90)).repeat(20, axis=0)[:, ::3] | layer_with((20, 30), slice(0, 5), 0)]
    )
    assert more[:12, 0].all()
    assert more[:, 85].all()


def test_thin_lines_of_a_mask_stay_visible():
    own = np.zeros((400, 400), bool)
    own[:, 200] = True
    assert (to_layer(own, (40, 40))[:, 20, 3] == 255).all()


def test_faces_are_outlined_in_shown_pixels():
    shown = np.full((100, 100, 3), 128, np.uint8)
    drawn = outline_faces(shown, [Face((40, 60, 100, 80), np.zeros((68, 2)), 1.2)], scale=0.5)
    assert (shown == 128).all()
    assert (drawn[50, 20] == 255).all()
    assert (drawn[50, 45] == 128).all()
