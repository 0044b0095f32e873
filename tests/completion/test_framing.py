"""Tight and wide aligned pictures in a model's frame."""

import dataclasses
import math

import numpy as np
import pytest

from completion import framing, modes
from completion.framing import Framer
from completion.framing_points import PointsFraming
from completion.methods import MethodOptions, make_method
from dcgan.config import ModelConfig
from dcgan.errors import OptionError
from dcgan.faces.locate import FaceLocator, GivenFaces
from dcgan.faces.placement import Placement
from dcgan.model_file import Prior, load_model, save_model
from masks import MaskSpec, make_mask
from tests.completion.helpers import center_hole, make_picture, read, records, write_pictures
from tests.dcgan.faces.helpers import StubDetector, make_face

SIZE = 24  # a wide frame; its tight square has 16 pixels
HOLE = center_hole(48, 48)


def make_model(margin, *, encoder=True):
    """Return a random model with a margin."""
    from dcgan.encoder import build_encoder
    from dcgan.networks import build_discriminator, build_generator

    config = ModelConfig(size=SIZE, filters=4, latent_dim=8, margin=margin)
    networks = build_generator(config, seed=1), build_discriminator(config, seed=2)
    for network in networks:
        network.set_weights([10.0 * weight if weight.ndim > 1 else weight for weight in network.get_weights()])
    return Prior.of_networks(*networks, config, encoder=build_encoder(config, seed=4) if encoder else None)


@pytest.fixture(scope="module")
def wide():
    return make_model(0.25)


@pytest.fixture(scope="module")
def tight():
    return make_model(0.0)


def scores(tight=-math.inf, wide=-math.inf):
    return lambda: {0.0: tight, 0.25: wide}


def unused():
    raise AssertionError("nothing is to be looked for")


@pytest.fixture
def set_errors(monkeypatch):
    """Return a function that sets the errors of the two placements, tight and wide, as seen and as mirrored."""

    def drawn(self, picture, mask, *, share):
        return np.full(picture.shape, share, np.float32)

    def set_them(errors):
        monkeypatch.setattr(Framer, "_drawn", drawn)
        monkeypatch.setattr(framing, "_error", lambda picture, mask, drawn: errors[bool(drawn.flat[0] == 1.0)])

    return set_them


class TestPlacement:
    @pytest.mark.parametrize("shape", [(48, 48), (16, 16), (30, 48), (9, 5)])
    def test_a_smaller_share_leaves_the_surroundings_unknown(self, shape):
        placement = Placement.whole(shape, SIZE, share=2 / 3)
        picture = np.full((*shape, 3), 200, np.uint8)
        target, known = placement.view(picture, np.zeros(shape, np.bool_))
        rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
        assert max(len(rows), len(columns)) == 16
        assert (known[np.ix_(rows, columns)] > 0).all()
        for places in (rows, columns):
            assert abs(places[0] + places[-1] - (SIZE - 1)) <= 1  # in the middle
        assert not target[known == 0].any()
        assert abs(placement.side_px - max(shape) * 1.5) <= 0.5
        assert placement.covers(shape)

    def test_a_larger_share_goes_beyond_the_frame(self):
        placement = Placement.whole((36, 36), SIZE, share=1.5)
        picture = np.zeros((36, 36, 3), np.uint8)
        picture[6:30, 6:30] = 255  # what the frame sees
        target, known = placement.view(picture, np.zeros((36, 36), np.bool_))
        assert (target == 1.0).all()
        assert (known == 1.0).all()
        assert not placement.covers((36, 36))

    def test_what_is_placed_is_where_it_was_seen(self):
        picture = make_picture(48, 48)
        placement = Placement.whole(picture.shape, SIZE, share=2 / 3)
        target, _ = placement.view(picture, np.zeros((48, 48), np.bool_))
        placed = placement.place(target, (slice(0, 48), slice(0, 48)), picture.shape)
        assert np.abs((placed + 1) * 127.5 - picture).mean() < 8

    def test_a_margin_leaves_the_tight_square_in_the_middle(self):
        face = make_face(20, 30, 40, 40)
        plain, wide = (FaceLocator(SIZE, StubDetector(), margin=margin) for margin in (0.0, 0.25))
        for name in ("place_landmarks", "_usual"):
            value = face.landmarks if name == "place_landmarks" else face.box
            inner, outer = (getattr(each, name)(value).transform for each in (plain, wide))
            middle = SIZE / 2 if name == "place_landmarks" else (SIZE - 1) / 2  # OpenFace's template counts from edges
            np.testing.assert_allclose(outer[:, :2], inner[:, :2] / 1.5, atol=1e-6)
            np.testing.assert_allclose(outer[:, 2] - middle, (inner[:, 2] - middle) / 1.5, atol=1e-5)


class TestFramer:
    @pytest.mark.parametrize(("choice", "share"), [("tight", 2 / 3), ("wide", 1.0)])
    def test_what_the_user_says_holds(self, wide, choice, share):
        found = Framer(wide, choice).find(make_picture(48, 48), HOLE, scores=unused)
        assert (found.name, found.share, found.fields, found.notes) == (choice, share, {"framing": choice}, ())

    @pytest.mark.parametrize(("choice", "share"), [("tight", 1.0), ("wide", 1.5)])
    def test_of_a_tight_model_as_well(self, tight, choice, share):
        assert Framer(tight, choice).find(make_picture(48, 48), HOLE, scores=unused).share == share

    def test_a_tight_model_takes_all_as_tight(self, tight):
        found = Framer(tight).find(make_picture(48, 48), HOLE, scores=unused)
        assert (found.name, found.share, found.fields, found.notes) == ("tight", 1.0, {}, ())

    def test_unknown_choices_are_refused(self, wide):
        with pytest.raises(OptionError, match="`framing` to be one of auto, tight, wide"):
            Framer(wide, "narrow")

    @pytest.mark.parametrize(("errors", "name"), [((1.0, 1.3), "tight"), ((1.3, 1.0), "wide")])
    def test_what_the_generator_clearly_draws_better_decides(self, wide, set_errors, errors, name):
        set_errors(errors)
        found = Framer(wide).find(make_picture(48, 48), HOLE, scores=unused)
        assert (found.name, found.notes) == (name, ())

    @pytest.mark.parametrize(("linear", "name"), [(5.0, "tight"), (-5.0, "wide")])
    def test_the_points_of_a_face_decide_where_they_are_sure(self, wide, set_errors, linear, name):
        set_errors((1.3, 1.0) if name == "tight" else (1.0, 1.3))
        points = PointsFraming(linear, sure=True, fills=True)
        result = Framer(wide).find(make_picture(48, 48), HOLE, scores=unused, points=points)
        assert (result.name, result.notes) == (name, ())

    @pytest.mark.parametrize(
        ("errors", "linear", "name", "told"),
        [
            ((1.0, 1.19), None, "tight", False),
            ((1.19, 1.0), None, "wide", False),
            ((1.0, 1.1), None, "tight", True),
            ((1.1, 1.0), 30.0, "tight", True),  # what is not sure is a hint
            ((1.1, 1.0), -30.0, "wide", False),
        ],
    )
    def test_else_the_generator_with_both_views(self, wide, set_errors, errors, linear, name, told):
        set_errors(errors)
        points = linear and PointsFraming(linear, sure=False, fills=False)
        result = Framer(wide).find(make_picture(48, 48), HOLE, scores=unused, points=points)
        assert result.name == name
        other = {"tight": "wide", "wide": "tight"}[name]
        note = (
            f"taken as a {name} aligned face, but too little of it is seen to be sure (--framing {other} if it is not)"
        )
        assert result.notes == ((note,) if told else ())

    @pytest.mark.parametrize("mask", ["center", "random", "grid"])
    def test_every_known_pixel_counts(self, wide, mask):
        """Also where no small pixel is known wholly."""
        hole = make_mask(MaskSpec(mask), (48, 48), seed=1)
        picture, drawn = make_picture(48, 48), np.zeros((48, 48, 3), np.float32)
        first = framing._error(picture, hole, drawn)
        assert first != 0.0
        row, column = np.argwhere(~hole)[-1]
        changed = picture.copy()
        changed[row, column] ^= 64
        assert framing._error(changed, hole, drawn) != first

    def test_both_views_are_averaged_where_the_first_is_not_clear(self, wide, monkeypatch):
        """The mirrored picture is drawn, and mirrored back."""
        seen = []

        def drawn(self, picture, mask, *, share):
            values = np.zeros(picture.shape, np.float32)
            values[:, : picture.shape[1] // 2] = share
            return values

        monkeypatch.setattr(Framer, "_drawn", drawn)
        monkeypatch.setattr(framing, "_error", lambda picture, mask, drawn: seen.append(drawn) or 1.0)
        Framer(wide).find(make_picture(48, 48), HOLE, scores=scores())
        assert [sorted(set(each.ravel().tolist())) for each in seen[:2]] == [
            pytest.approx([0, 2 / 3]),
            pytest.approx([0, 1]),
        ]
        assert [np.ptp(each) for each in seen[2:]] == [0.0, 0.0]  # both halves are half as bright

    def test_a_face_that_the_generator_draws_has_the_smaller_error(self, wide, monkeypatch):
        """Where the encoder answers with the latents of a face that the generator drew, that is the right place."""
        from dcgan.inference import CompletionNetwork, GeneratorNetwork

        latents = np.random.default_rng(0).uniform(-1, 1, (1, 8)).astype(np.float32)
        drawn = GeneratorNetwork(wide)(latents)[0]
        picture = np.clip(np.rint((drawn + 1) * 127.5), 0, 255).astype(np.uint8)
        monkeypatch.setattr(CompletionNetwork, "__call__", lambda self, masked: (latents, None))
        mask = np.zeros(picture.shape[:2], np.bool_)
        mask[8:12, 8:12] = True
        framer = Framer(wide)
        right, wrong = (
            framing._error(picture, mask, framer._drawn(picture, mask, share=share)) for share in (1.0, 2 / 3)
        )
        assert right < wrong - 1.0
        assert framer.find(picture, mask, scores=unused).name == "wide"

    def test_what_the_mask_hides_does_not_count(self, wide):
        framer, picture = Framer(wide), make_picture(48, 48)
        other = np.where(HOLE[..., None], np.uint8(7), picture)
        errors = [framing._error(each, HOLE, framer._drawn(each, HOLE, share=1.0)) for each in (picture, other)]
        assert errors[0] == errors[1]

    def test_where_nothing_is_known_it_is_the_models_own(self, wide):
        found = Framer(wide).find(make_picture(48, 48), np.ones((48, 48), np.bool_), scores=unused)
        assert (found.name, found.notes) == ("wide", ())
        assert Framer(wide, "tight").find(make_picture(48, 48), HOLE, scores=unused, pixels=False).share == 1.0

    def test_without_an_encoder_the_seen_face_decides_or_a_note_says_so(self):
        framer = Framer(make_model(0.25, encoder=False))
        found = framer.find(make_picture(48, 48), HOLE, scores=scores(tight=-0.4))
        assert (found.name, found.notes) == ("tight", ())
        found = framer.find(make_picture(48, 48), HOLE, scores=scores())
        assert (found.name, len(found.notes)) == ("wide", 1)


def test_a_portrait_that_is_not_square_is_no_wide_aligned_face(monkeypatch):
    monkeypatch.setattr(modes, "_filling_score", lambda *args, **options: 1.0)
    hole = np.zeros((48, 48), np.bool_)
    square, oblong = make_picture(48, 48), make_picture(48, 32)
    found = modes.filling_scores(square, hole, StubDetector(), margins=(0.25, 0.0))
    assert found == {0.25: 1.0, 0.0: 1.0}
    found = modes.filling_scores(oblong, hole[:, :32], StubDetector(), margins=(0.25, 0.0))
    assert found == {0.25: -math.inf, 0.0: 1.0}


class TestMethods:
    @pytest.mark.parametrize("mode", ["aligned", "auto", "default", None])
    @pytest.mark.parametrize("framing", ["tight", "wide"])
    def test_the_face_lies_as_it_is_framed(self, wide, mode, framing):
        options = MethodOptions(wide, framing=framing, detector=StubDetector())
        given = None if mode is None else GivenFaces(mode=mode)
        work = make_method("fast", options).prepare(make_picture(48, 48), HOLE, photograph=given)
        assert work.fields["framing"] == framing
        expected = Placement.whole((48, 48), SIZE, share=2 / 3 if framing == "tight" else 1.0)
        np.testing.assert_array_equal(work.faces[0].placement.transform, expected.transform)
        assert (work.observations[0].known[0] > 0).any() == (framing == "wide")

    def test_without_an_encoder_the_detected_face_says_how_it_is_framed(self):
        """104 and 156 pixels of the picture's side, 32 around it: the tight square is 104 pixels wide in both."""
        options = {"prior": make_model(0.25, encoder=False)}
        face = dataclasses.replace(make_face(32 + 26, 32 + 26, 104, 104), score=0.8)  # in the middle of 156 pixels
        method = make_method("hmc", MethodOptions(**options, detector=StubDetector([face])))
        assert method.prepare(make_picture(48, 48), HOLE).fields["framing"] == "wide"
        face = dataclasses.replace(make_face(32, 32, 104, 104), score=0.8)
        method = make_method("hmc", MethodOptions(**options, detector=StubDetector([face])))
        work = method.prepare(make_picture(48, 48), HOLE, photograph=GivenFaces(mode="auto"))
        assert work.fields["framing"] == "tight"

    @pytest.mark.parametrize("mode", ["aligned", "auto", "default"])
    def test_a_face_whose_points_fill_the_picture_is_an_aligned_one(self, wide, monkeypatch, mode):
        """dlib is not asked for it."""
        monkeypatch.setattr(framing, "framing_by_points", lambda *_, margin: PointsFraming(5.0, sure=True, fills=True))
        monkeypatch.setattr(modes, "filling_scores", unused)
        picture = make_picture(480, 480)
        method = make_method("fast", MethodOptions(wide, detector=StubDetector()))
        seen = method.see(picture, center_hole(480, 480), GivenFaces(mode=mode))
        assert (seen.mode, seen.fields["framing"]) == ("aligned", "tight")

    @pytest.mark.parametrize("method", ["fast", "balanced"])
    def test_known_pixels_stay_in_every_frame(self, wide, tight, method):
        picture = make_picture(48, 48)
        for prior in (wide, tight):
            for name in ("tight", "wide"):
                ready = make_method(method, MethodOptions(prior, framing=name))
                work = ready.prepare(picture, HOLE)
                answers = ready.finder.find(list(work.observations))
                result = work.compose(answers.generated)
                np.testing.assert_array_equal(result[~HOLE], picture[~HOLE])
                assert result.shape == picture.shape


def test_the_command_line(run, wide, tmp_path, monkeypatch):
    from dcgan.encoder import build_encoder

    monkeypatch.chdir(tmp_path)
    write_pictures("in", ["a.png"], size=(48, 48))
    encoder = build_encoder(wide.config, seed=4)
    save_model(tmp_path / "wide.safetensors", wide.generator, wide.discriminator, config=wide.config, encoder=encoder)
    assert load_model(str(tmp_path / "wide.safetensors")).config.margin == 0.25
    results = {}
    for name in ("tight", "wide"):
        run.invoke(["in", "--model", "wide.safetensors", "--framing", name, "--output", name])
        assert records(name)[0]["framing"] == name
        results[name] = read(f"{name}/a.png")
    assert (results["tight"] != results["wide"]).any()
    result = run.invoke(
        ["in", "--model", "wide.safetensors", "--framing", "wide", "--output", "tight", "--skip-existing"], code=1
    )
    assert "framing" in result.stderr
