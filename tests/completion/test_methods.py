"""Methods made ready: what each does for a picture."""

import dataclasses

import numpy as np
import pytest

from completion.blending.classical import fill_classical
from completion.blending.quick_fill import UNKNOWNS_MAX, unknowns_limit
from completion.completer import complete
from completion.config import (
    CLASSICAL_METHODS,
    METHODS,
    OPTIONS,
    ClassicalConfig,
    EncoderConfig,
    SearchConfig,
)
from completion.methods import MAKERS, MethodOptions, make_method
from dcgan.errors import CompletionError, ModelFileError, NoFaceError
from dcgan.faces.locate import GivenFaces
from masks import make_mask
from tests.completion.helpers import SIZE, center_hole, make_picture
from tests.dcgan.faces.helpers import HEIGHT, WIDTH, StubDetector, make_face
from tests.dcgan.faces.helpers import make_mask as make_rectangle

ONE_STEP = SearchConfig(iterations=1)


def dots():
    """Return a mask of holes one pixel deep, which "auto" fills without a model."""
    mask = np.zeros((SIZE, SIZE), np.bool_)
    mask[2::3, 2::3] = True
    return mask


class TestMakeMethod:
    @pytest.mark.parametrize("name", METHODS)
    def test_every_method_by_name(self, encoded, name):
        method = make_method(name, MethodOptions(encoded))
        assert method.name == name
        if name in CLASSICAL_METHODS:
            assert method.finder is None
        else:
            config = METHODS[name]
            assert method.finder.config == getattr(config, "config", config)

    @pytest.mark.parametrize("name", CLASSICAL_METHODS)
    def test_classical_methods_need_no_model(self, name):
        assert make_method(name, MethodOptions()).finder is None

    @pytest.mark.parametrize("name", sorted({*METHODS} - {*CLASSICAL_METHODS}))
    def test_the_others_need_one(self, name):
        with pytest.raises(ValueError, match=r"Expected a model for the method '.*'\. Received: none"):
            make_method(name, MethodOptions())

    @pytest.mark.parametrize(("name", "stands_for"), [("balanced", "latent"), ("best", "latent"), ("latent", "latent")])
    def test_without_an_encoder_the_latent_space_is_searched(self, prior, name, stands_for):
        method = make_method(name, MethodOptions(prior))
        assert (method.name, method.finder.config) == (stands_for, METHODS["latent"])
        assert make_method("auto", MethodOptions(prior)).finder.config == METHODS["latent"]
        with pytest.raises(ModelFileError, match="dcgan-train-encoder"):
            make_method("fast", MethodOptions(prior))

    def test_settings_have_the_name_of_their_method(self, encoded):
        options = MethodOptions(encoded)
        assert make_method(METHODS["hmc"], options).name == "hmc"
        assert make_method(EncoderConfig(augmentations=3), options).name == "custom"
        assert make_method(("mine", ONE_STEP), options).name == "mine"

    def test_an_unknown_name(self, prior):
        with pytest.raises(ValueError, match=r"Expected `method` to be one of balanced, .*, auto\. Received: 'dcgan'"):
            make_method("dcgan", MethodOptions(prior))

    def test_options_reach_the_composer_and_the_finder(self, prior):
        options = MethodOptions(prior, blend="feather", seed=7, beyond="ns", grain=False)
        method = make_method(ONE_STEP, options)
        assert method.composer.blender.method == "feather"
        assert (method.composer.beyond, method.composer.grain, method.composer.seed) == ("ns", False, 7)
        work = method.prepare(make_picture(), center_hole())
        other = make_method(ONE_STEP, dataclasses.replace(options, seed=8))
        one, two = (each.finder.find(work.observations).latents for each in (method, other))
        assert not np.array_equal(one, two)


class TestClassicalMethod:
    @pytest.mark.parametrize("name", CLASSICAL_METHODS)
    def test_work_is_done_without_a_model(self, name):
        picture, mask = make_picture(20, 30), center_hole(20, 30)
        work = make_method(name, MethodOptions()).prepare(picture, mask)
        assert (work.method, work.observations, work.faces, work.fields, work.notes) == (name, (), (), {}, ())
        expected = fill_classical(name, picture[None], mask[None])[0]
        np.testing.assert_array_equal(work.compose(np.empty(0, np.float32)), expected)

    @pytest.mark.parametrize("name", CLASSICAL_METHODS)
    def test_complete_without_a_model(self, name):
        pictures = [make_picture(20, 30, seed=0), make_picture(9, 7, channels=1, seed=1)]
        masks = [center_hole(20, 30), center_hole(9, 7)]
        result = complete(pictures[:1], masks[:1], model="nobody", method=name)
        np.testing.assert_array_equal(result.pictures[0], fill_classical(name, pictures[0][None], masks[0][None])[0])
        assert result.methods == [name]
        assert (result.answers, result.faces, result.acceptance) == ([None], [()], None)
        assert result.latents.shape == (1, 0)
        assert not result.contextual.any()
        assert complete([pictures[1]], masks[1:], method=name).pictures[0].shape == (9, 7, 1)

    def test_what_it_cannot_do(self):
        method, picture = make_method("telea", MethodOptions()), make_picture()
        with pytest.raises(ValueError, match=r"Expected a method with a model for block means\. Received: 'telea'"):
            method.prepare(picture, center_hole(), blocks=4)
        with pytest.raises(CompletionError, match=r"^nothing of it is known, which the method telea needs$"):
            method.prepare(picture, np.ones((SIZE, SIZE), np.bool_))
        with pytest.raises(ValueError, match=r"Expected pictures of shape \(H, W, 1 or 3\)"):
            method.prepare(picture[..., :2], center_hole())

    @pytest.mark.parametrize("name", ["biharmonic", "harmonic"])
    def test_large_holes_are_filled_on_a_smaller_grid(self, monkeypatch, name):
        """Wide ones sooner than narrow ones; up to the limit nothing changes."""
        picture, wide = make_picture(96, 96), np.zeros((96, 96), np.bool_)
        wide[20:60, 20:60] = True
        narrow = np.zeros_like(wide)
        narrow[::2] = True
        method, exact = make_method(name, MethodOptions()), {}
        for mask in (wide, narrow):
            exact[mask.sum()] = method.prepare(picture, mask).compose(np.empty(0, np.float32))
            assert np.array_equal(exact[mask.sum()], fill_classical(name, picture[None], mask[None])[0])
        monkeypatch.setitem(UNKNOWNS_MAX, name, (1000, 10_000))
        results = [method.prepare(picture, mask).compose(np.empty(0, np.float32)) for mask in (wide, narrow)]
        assert not np.array_equal(results[0], exact[wide.sum()])
        assert np.abs(results[0].astype(int) - exact[wide.sum()]).mean() < 8
        assert np.array_equal(results[0][~wide], picture[~wide])
        assert np.array_equal(results[1], exact[narrow.sum()])
        assert unknowns_limit("telea", wide) == np.inf


class TestModelMethod:
    @pytest.fixture
    def method(self, prior):
        return make_method(ONE_STEP, MethodOptions(prior))

    def test_an_aligned_picture_is_one_observation(self, method):
        work = method.prepare(make_picture(40, 30), center_hole(40, 30))
        assert (work.method, len(work.observations), work.fields, work.notes) == ("custom", 1, {}, ())
        assert [face.source for face in work.faces] == ["aligned"]
        assert work.observations[0].target.shape == (SIZE, SIZE, 3)

    def test_nothing_missing_is_nothing_to_do(self, method):
        picture = make_picture()
        for photograph in (None, GivenFaces()):
            work = method.prepare(picture, np.zeros((SIZE, SIZE), np.bool_), photograph=photograph)
            assert work.observations == ()
            result = work.compose(np.empty(0, np.float32))
            np.testing.assert_array_equal(result, picture)
            assert not np.shares_memory(result, picture)

    def test_a_picture_of_one_tone(self, method):
        """The manifest names it, and the model is shown the colours of skin."""
        shades = make_picture(64, 64, channels=1)
        mask = center_hole(64, 64)
        works = [
            method.prepare(np.concatenate([shades // 4 * part for part in parts], axis=2), mask)
            for parts in ((4, 4, 4), (4, 3, 2))
        ]
        assert [work.fields for work in works] == [{"tone": "grey"}, {"tone": "toned"}]
        for work in works:
            target = work.observations[0].target[0, 0]
            assert target[0] > target[1] > target[2]

    def test_block_means_of_what_the_mask_hides_are_known(self, method):
        picture, mask = make_picture(), np.ones((SIZE, SIZE), np.bool_)
        work = method.prepare(picture, mask, blocks=4)
        assert work.observations[0].blocks == 4
        assert work.observations[0].target.std() > 0.1

    @pytest.mark.parametrize(
        ("picture", "mask", "error", "message"),
        [
            (make_picture()[..., :2], center_hole(), ValueError, r"Expected pictures of shape \(H, W, 3\)"),
            (make_picture()[..., 0], center_hole(), ValueError, r"Expected pictures of shape \(H, W, 3\)"),
            (make_picture() / 255.0, center_hole(), TypeError, "Expected pictures of dtype uint8. Received: float64"),
            (make_picture()[:0], center_hole()[:0], ValueError, r"Expected pictures of shape \(H, W, 3\)"),
            (make_picture(), center_hole(8, 8), ValueError, r"Expected `mask` of shape \(16, 16\)"),
            (make_picture(), center_hole().astype(np.uint8), TypeError, "bool"),
        ],
    )
    def test_wrong_arguments(self, method, picture, mask, error, message):
        for photograph in (None, GivenFaces()):
            with pytest.raises(error, match=message):
                method.prepare(picture, mask, photograph=photograph)


class TestPhotographs:
    @pytest.fixture
    def method(self, prior):
        detector = StubDetector([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)])
        return make_method(ONE_STEP, MethodOptions(prior, detector=detector, beyond="ns"))

    @pytest.fixture
    def picture(self):
        return make_picture(HEIGHT, WIDTH)

    def prepare(self, method, picture, mask, given=None):
        return method.prepare(picture, mask, photograph=given or GivenFaces())

    def test_faces_that_the_hole_touches_are_observations(self, method, picture):
        mask = make_rectangle(30, 50, 90, 110)
        work = self.prepare(method, picture, mask)
        assert [face.box for face in work.faces] == [(80, 30, 44, 44)]
        assert (work.method, len(work.observations), work.notes) == ("custom", 1, ())
        assert work.fields == {"faces": [work.faces[0].record()], "others": 1, "beyond": 0.0}
        both = self.prepare(method, picture, mask | make_rectangle(25, 40, 20, 30))
        assert (len(both.observations), both.fields["others"]) == (2, 0)

    def test_a_hole_in_part_beyond_a_frame(self, method, picture):
        work = self.prepare(method, picture, make_rectangle(40, 50, 40, 60))
        assert work.fields["beyond"] == pytest.approx(0.5, abs=0.06)  # the first frame ends at 50
        (note,) = work.notes
        assert note == (
            f"{work.fields['beyond']:.0%} of the hole is in no face's frame; ns fills it. If it hides another face, "
            "--face-box or --landmarks-file says where all faces are"
        )

    def test_a_hole_that_touches_no_face(self, method, picture):
        work = self.prepare(method, picture, make_rectangle(2, 10, 60, 76))
        assert (work.method, work.observations, work.faces) == ("ns", (), ())
        assert work.fields == {"faces": [], "others": 2, "beyond": 1.0}
        (note,) = work.notes
        assert note == (
            "the hole touches none of the faces found (80,30,44,44 score 1.00; 10,20,40,40 score 1.00); ns fills it. "
            "If it hides a face, --face-box or --landmarks-file says where"
        )

    def test_places_given_by_the_user(self, method, picture):
        given = GivenFaces(boxes=((85, 25, 40, 40),))
        work = self.prepare(method, picture, make_rectangle(30, 50, 90, 110), given)
        assert [face.source for face in work.faces] == ["box"]

    def test_nothing_known(self, method, picture):
        with pytest.raises(CompletionError, match=r"^nothing of it is known, so no face can be found in it$"):
            self.prepare(method, picture, np.ones((HEIGHT, WIDTH), np.bool_))

    def test_no_face(self, prior, picture):
        method = make_method(ONE_STEP, MethodOptions(prior, detector=StubDetector()))
        with pytest.raises(NoFaceError, match="expected a face, found none"):
            self.prepare(method, picture, make_rectangle(30, 50, 90, 110))


class TestAuto:
    def test_it_chooses_for_each_picture(self, encoded):
        pictures, masks = [make_picture(seed=seed) for seed in range(4)], [center_hole(), dots(), dots(), center_hole()]
        result = complete(pictures, masks, model=encoded, method="auto")
        assert result.methods == ["balanced", "biharmonic", "biharmonic", "balanced"]
        asked = complete([pictures[0], pictures[3]], center_hole(), model=encoded, method="balanced", batch_size=8)
        for row, index in enumerate((0, 3)):
            np.testing.assert_allclose(result.latents[index], asked.latents[row], atol=1e-5)
            difference = result.pictures[index].astype(int) - asked.pictures[row]
            assert np.abs(difference).max() <= 1  # the number of rows differs, and with it the rounding
        for index in (1, 2):
            filled = fill_classical("biharmonic", pictures[index][None], dots()[None])[0]
            np.testing.assert_array_equal(result.pictures[index], filled)
            assert not result.latents[index].any()
            assert result.answers[index] is None

    def test_without_an_encoder_it_searches(self, prior):
        method = make_method("auto", MethodOptions(prior))
        assert method.prepare(make_picture(), center_hole()).method == "latent"
        assert method.prepare(make_picture(), dots()).method == "biharmonic"

    def test_what_it_cannot_do(self, encoded):
        method = make_method("auto", MethodOptions(encoded))
        for options in ({"blocks": 4}, {"photograph": GivenFaces()}):
            with pytest.raises(ValueError, match="Expected the pixels of an aligned face for the method 'auto'"):
                method.prepare(make_picture(), center_hole(), **options)


@pytest.mark.parametrize("mask", ["center", "random", "full"])
@pytest.mark.parametrize("name", ["balanced", "latent", "hmc"])
def test_known_pixels_stay_whatever_the_method(encoded, monkeypatch, name, mask):
    if name != "balanced":
        monkeypatch.setitem(METHODS, name, dataclasses.replace(METHODS[name], iterations=2, hmc_samples=2))
    picture, hole = make_picture(), make_mask(mask, (SIZE, SIZE))
    result = complete([picture], hole, model=encoded, method=name)
    assert result.methods == [name]
    np.testing.assert_array_equal(result.pictures[0][~hole], picture[~hole])


def test_every_kind_of_settings_has_a_maker_and_options():
    kinds = {type(config) for config in METHODS.values()}
    assert kinds == set(MAKERS) == set(OPTIONS)
    assert ClassicalConfig in kinds
