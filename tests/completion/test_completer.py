import concurrent.futures
import dataclasses
import importlib
import itertools
import os
import pkgutil
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import completion
from completion import completer as module
from completion.completer import Completer, complete
from completion.config import BLEND_NAMES, METHODS, ClassicalConfig, SearchConfig
from completion.methods import candidates_of
from completion.search.finder import Finder
from dcgan.errors import CompletionError, FallbackWarning, NoFaceError
from dcgan.faces.locate import GivenFaces
from tests.completion.helpers import SIZE, center_hole, make_picture
from tests.dcgan.faces.helpers import HEIGHT, WIDTH, StubDetector, make_face, make_mask

ONE_STEP = SearchConfig(iterations=1)
QUICK = SearchConfig(iterations=5)
SIDES = st.integers(1, 40)


@pytest.fixture(scope="module")
def completers(prior):
    """A completer for each blend, so that the search is compiled once."""
    return {blend: Completer(prior, ONE_STEP, blend=blend) for blend in BLEND_NAMES}


def random_mask(height, width, *, share, seed):
    return np.random.default_rng(seed).random((height, width)) < share


def complete_one(completer, picture, mask, **options):
    return completer.complete([picture], [mask], **options).pictures[0]


@pytest.mark.parametrize("blend", BLEND_NAMES)
@given(height=SIDES, width=SIDES, share=st.floats(0, 1), seed=st.integers(0, 999))
@settings(deadline=None, max_examples=25)
def test_known_pixels_are_sacred(completers, blend, height, width, share, seed):
    picture, mask = make_picture(height, width, seed=seed), random_mask(height, width, share=share, seed=seed)
    before = picture.tobytes(), mask.tobytes()
    result = complete_one(completers[blend], picture, mask)
    assert result.dtype == np.uint8
    assert result.shape == picture.shape
    assert result[~mask].tobytes() == picture[~mask].tobytes()
    assert (picture.tobytes(), mask.tobytes()) == before
    assert not np.shares_memory(result, picture)


@pytest.mark.parametrize("blend", BLEND_NAMES)
@given(height=SIDES, width=SIDES, share=st.floats(0, 1), seed=st.integers(0, 999))
@settings(deadline=None, max_examples=25)
def test_hidden_pixels_leave_no_trace(completers, blend, height, width, share, seed):
    picture, mask = make_picture(height, width, seed=seed), random_mask(height, width, share=share, seed=seed)
    noise = np.random.default_rng(seed + 1).integers(0, 256, picture.shape, np.uint8)
    other = np.where(mask[..., None], noise, picture)
    completer = completers[blend]
    assert complete_one(completer, picture, mask).tobytes() == complete_one(completer, other, mask).tobytes()


@pytest.mark.parametrize("blend", BLEND_NAMES)
def test_a_full_mask_gives_the_generated_picture(completers, blend):
    mask = np.ones((SIZE, SIZE), np.bool_)
    result = completers[blend].complete([make_picture()], [mask])
    expected = np.clip(np.rint((result.generated[0] + 1) * 127.5), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(result.pictures[0], expected)
    assert result.pictures[0].std() > 0


def test_an_empty_mask_returns_the_picture_untouched(prior):
    pictures, masks = [make_picture(seed=0), make_picture(seed=1)], [center_hole(), np.zeros((SIZE, SIZE), np.bool_)]
    result = complete(pictures, masks, model=prior, method=dataclasses.replace(QUICK, sampler="hmc", hmc_samples=2))
    np.testing.assert_array_equal(result.pictures[1], pictures[1])
    for name in ("latents", "generated", "contextual", "perceptual", "acceptance"):
        assert not getattr(result, name)[1].any()
    assert result.latents[0].any()
    assert [len(faces) for faces in result.faces] == [1, 0]
    assert result.answers[1] is None


@pytest.mark.parametrize("blend", BLEND_NAMES)
def test_a_grey_picture_stays_grey(completers, blend):
    grey = np.repeat(make_picture(40, 24, channels=1), 3, axis=2)
    mask = center_hole(40, 24)
    spoilt = np.where(mask[..., None], make_picture(40, 24), grey)  # only known pixels decide
    for picture in (grey, spoilt):
        result = complete_one(completers[blend], picture, mask)
        assert (result[mask] == result[mask][:, :1]).all()
    result = complete_one(completers[blend], make_picture(40, 24), mask)
    assert not (result[mask] == result[mask][:, :1]).all()


def test_a_grey_picture_stays_grey_where_block_means_are_known(completers):
    grey = np.repeat(make_picture(channels=1), 3, axis=2)
    result = complete_one(completers["poisson"], grey, np.ones((SIZE, SIZE), np.bool_), blocks=4)
    assert (result == result[..., :1]).all()


def test_a_grey_model(grey_model):
    picture = make_picture(20, 20, channels=1)
    result = complete([picture], center_hole(20, 20), model=grey_model[1], method=QUICK)
    assert result.pictures[0].shape == (20, 20, 1)
    np.testing.assert_array_equal(result.pictures[0][~center_hole(20, 20)], picture[~center_hole(20, 20)])
    with pytest.raises(ValueError, match=r"Expected pictures of shape \(H, W, 1\)\. Received: \(20, 20, 3\)"):
        complete([make_picture(20, 20)], center_hole(20, 20), model=grey_model[1], method=QUICK)


def test_poisson_meets_the_known_pixels(prior):
    y, x = np.mgrid[0:40, 0:40]
    picture = np.repeat((3 * y + 2 * x + 20)[..., None], 3, axis=2).astype(np.uint8)
    seams = {}
    for blend in ("none", "poisson"):
        result = complete([picture], center_hole(40, 40), model=prior, method=ONE_STEP, blend=blend).pictures[0]
        seams[blend] = np.abs(result[10, 10:30].astype(int) - result[9, 10:30]).mean()
    assert seams["poisson"] < 10 < seams["none"]


def test_pictures_of_many_sizes_in_one_call(prior):
    shapes = [(16, 16), (30, 50), (1, 1), (8, 8), (100, 20)]
    pictures = [make_picture(*shape, seed=index) for index, shape in enumerate(shapes)]
    masks = [random_mask(*shape, share=0.5, seed=index) for index, shape in enumerate(shapes)]
    result = complete(pictures, masks, model=prior, method=QUICK)
    assert [picture.shape[:2] for picture in result.pictures] == shapes
    assert result.latents.shape == (5, 8)
    assert result.generated.shape == (5, SIZE, SIZE, 3)
    assert result.acceptance is None


def test_neither_order_nor_batches_change_a_bit(prior):
    pictures = [make_picture(16 + index, 16, seed=index) for index in range(13)]
    masks = [center_hole(16 + index, 16) for index in range(13)]
    whole = complete(pictures, masks, model=prior, method=QUICK, batch_size=4)
    order = np.random.default_rng(0).permutation(13)
    turned = complete([pictures[i] for i in order], [masks[i] for i in order], model=prior, method=QUICK, batch_size=4)
    np.testing.assert_array_equal(turned.latents, whole.latents[order])
    for place, index in enumerate(order):
        assert turned.pictures[place].tobytes() == whole.pictures[index].tobytes()


def test_a_batch_is_its_members_but_for_rounding(prior):
    pictures, masks = [make_picture(seed=index) for index in range(5)], [center_hole()] * 5
    batch = complete(pictures, masks, model=prior, method=SearchConfig(iterations=60))
    for index in range(5):
        single = complete([pictures[index]], center_hole(), model=prior, method=SearchConfig(iterations=60))
        difference = single.pictures[0].astype(int) - batch.pictures[index]
        assert np.abs(difference).max() <= 3


def test_same_seed_same_bytes_and_another_seed_another_result(prior):
    results = [
        complete([make_picture()], center_hole(), model=prior, method=QUICK, seed=seed).pictures[0].tobytes()
        for seed in (3, 3, 4)
    ]
    assert results[0] == results[1] != results[2]


def test_one_mask_serves_all_and_arrays_serve_as_lists(prior):
    pictures = np.stack([make_picture(seed=0), make_picture(seed=1)])
    one = complete(pictures, center_hole(), model=prior, method=QUICK)
    each = complete(list(pictures), np.stack([center_hole(), center_hole()]), model=prior, method=QUICK)
    assert [picture.tobytes() for picture in one.pictures] == [picture.tobytes() for picture in each.pictures]


@pytest.mark.parametrize("sampler", ["none", "hmc"])
def test_candidates(prior, sampler):
    config = SearchConfig(sampler=sampler, iterations=5, candidates=3, hmc_samples=4, hmc_leapfrog_steps=3)
    pictures = [make_picture(seed=0), make_picture(seed=1)]
    everything = complete(pictures, center_hole(), model=prior, method=config, keep="all")
    best = complete(pictures, center_hole(), model=prior, method=config)
    assert len(everything.pictures) == 6
    assert everything.latents.shape == (6, 8)
    assert len({picture.tobytes() for picture in everything.pictures}) == 6
    for index in range(2):
        row = 3 * index + everything.contextual[3 * index : 3 * index + 3].argmin()
        np.testing.assert_array_equal(best.latents[index], everything.latents[row])
        np.testing.assert_array_equal(best.pictures[index], everything.pictures[row])
        for candidate in range(3):
            known = everything.pictures[3 * index + candidate][~center_hole()]
            np.testing.assert_array_equal(known, pictures[index][~center_hole()])
    assert (everything.acceptance is not None) == (sampler == "hmc")


def test_more_candidates_than_a_batch_holds(prior):
    config = dataclasses.replace(QUICK, candidates=5)
    pictures = [make_picture(seed=0), make_picture(seed=1)]
    result = complete(pictures, center_hole(), model=prior, method=config, keep="all", batch_size=2)
    assert len(result.pictures) == 10
    reference = complete(pictures, center_hole(), model=prior, method=config, keep="all", batch_size=2, seed=0)
    np.testing.assert_array_equal(result.latents, reference.latents)
    assert len(np.unique(result.latents, axis=0)) == 10


def test_model_by_path(model_path, prior):
    by_path = complete([make_picture()], center_hole(), model=model_path, method=QUICK)
    np.testing.assert_array_equal(
        by_path.latents, complete([make_picture()], center_hole(), model=prior, method=QUICK).latents
    )


def test_methods_by_name(prior):
    assert Completer(prior, "amos2016").method.finder.config.perceptual_weight == 0.1
    assert candidates_of(Completer(prior, "amos2016").method) == 1
    assert candidates_of(Completer(None, "telea").method) == 1
    with pytest.raises(ValueError, match=r"Expected `method` to be one of balanced, .*, auto\. Received: 'default'"):
        complete([make_picture()], center_hole(), model=prior, method="default")


@pytest.mark.parametrize("method", ["balanced", "best"])
def test_without_an_encoder_the_latent_space_is_searched(prior, method):
    searched = complete([make_picture()], center_hole(), model=prior, method="latent")
    with pytest.warns(FallbackWarning, match=f"the model has no encoder, which the method {method} needs"):
        result = complete([make_picture()], center_hole(), model=prior, method=method)
    np.testing.assert_array_equal(result.latents, searched.latents)
    assert result.methods == ["latent"]


class TestVariations:
    @pytest.fixture
    def short(self, monkeypatch):
        """Make searches short."""
        monkeypatch.setattr("completion.config.VARIATIONS", SearchConfig(start="encoder", iterations=3))
        monkeypatch.setitem(METHODS, "latent", QUICK)

    @pytest.mark.parametrize("method", ["balanced", "latent"])
    def test_they_are_ranked_and_differ(self, encoded, short, method):
        pictures = [make_picture(seed=seed) for seed in range(2)]
        result = complete(pictures, center_hole(), model=encoded, method=method, variations=3)
        assert result.methods == [method] * 6
        assert (np.diff(result.score.reshape(2, 3), axis=1) >= 0).all()
        for index, picture in enumerate(pictures):
            own = result.pictures[3 * index : 3 * index + 3]
            for one, other in itertools.combinations(own, 2):
                assert (one != other)[center_hole()].any()
            for each in own:
                np.testing.assert_array_equal(each[~center_hole()], picture[~center_hole()])

    def test_a_picture_with_nothing_missing_has_as_many(self, encoded, short):
        masks = [center_hole(), np.zeros((SIZE, SIZE), np.bool_)]
        pictures = [make_picture(seed=seed) for seed in range(2)]
        result = complete(pictures, masks, model=encoded, variations=2)
        assert len(result.pictures) == 4
        for untouched in result.pictures[2:]:
            np.testing.assert_array_equal(untouched, pictures[1])

    def test_without_an_encoder_they_are_searched_from_random_starts(self, prior, short):
        with pytest.warns(FallbackWarning):
            result = complete([make_picture()], center_hole(), model=prior, variations=2)
        config = dataclasses.replace(QUICK, candidates=2)
        expected = complete([make_picture()], center_hole(), model=prior, method=config, keep="all")
        np.testing.assert_array_equal(result.latents, expected.latents)
        assert result.methods == ["latent"] * 2

    @pytest.mark.parametrize("method", ["fast", "best", "auto", "telea"])
    def test_methods_that_have_none(self, encoded, method):
        with pytest.raises(ValueError, match="Expected a method with variations, one of balanced, latent"):
            complete([make_picture()], center_hole(), model=encoded, method=method, variations=3)

    def test_they_need_a_methods_name(self, encoded):
        with pytest.raises(ValueError, match="Expected a method's name with `variations`"):
            complete([make_picture()], center_hole(), model=encoded, method=QUICK, variations=3)


class TestPhotographs:
    MASK = make_mask(30, 50, 90, 110)
    BOTH = MASK | make_mask(25, 40, 20, 30)

    @pytest.fixture
    def completer(self, prior):
        detector = StubDetector([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)])
        return Completer(prior, ONE_STEP, detector=detector)

    @pytest.fixture
    def picture(self):
        return make_picture(HEIGHT, WIDTH)

    def test_several_faces_are_one_batch(self, completer, picture, monkeypatch):
        calls, find = [], Finder.find
        monkeypatch.setattr(
            Finder, "find", lambda finder, each, **options: calls.append(len(each)) or find(finder, each, **options)
        )
        result = completer.complete([picture], [self.BOTH], faces="detect")
        assert calls == [2]
        (completed,) = result.pictures
        assert np.array_equal(completed[~self.BOTH], picture[~self.BOTH])
        for part in (np.s_[30:50, 90:110], np.s_[25:40, 20:30]):
            assert not np.array_equal(completed[part], picture[part])
        assert [[face.box for face in faces] for faces in result.faces] == [[(80, 30, 44, 44), (10, 20, 40, 40)]]
        assert result.answers[0].latents.shape == (2, 8)
        np.testing.assert_array_equal(result.latents[0], result.answers[0].latents[0])

    def test_several_candidates_of_several_faces(self, prior, picture):
        detector = StubDetector([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)])
        completer = Completer(prior, dataclasses.replace(ONE_STEP, candidates=3), detector=detector)
        result = completer.complete([picture], [self.BOTH], faces="detect", keep="all")
        assert len(result.pictures) == 3
        assert len({each.tobytes() for each in result.pictures}) == 3
        assert [answers.latents.shape for answers in result.answers] == [(2, 8)] * 3
        scores = np.stack([answers.score for answers in result.answers])  # (candidate, face)
        assert (np.diff(scores, axis=0) >= 0).all()
        best = completer.complete([picture], [self.BOTH], faces="detect")
        np.testing.assert_array_equal(best.pictures[0], result.pictures[0])

    def test_a_hole_beyond_all_frames_is_filled_classically(self, completer, picture):
        mask = make_mask(2, 10, 60, 76)
        result = completer.complete([picture], [mask], faces="detect")
        assert (result.methods, result.faces, result.answers) == (["telea"], [()], [None])
        assert np.array_equal(result.pictures[0][~mask], picture[~mask])
        assert np.abs(result.pictures[0][mask].astype(int).mean() - picture[mask].mean()) < 25

    def test_neither_order_nor_neighbours_change_a_bit(self, prior):
        detector = StubDetector([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)])
        completer = Completer(prior, QUICK, detector=detector)
        pictures = [make_picture(HEIGHT, WIDTH, seed=seed) for seed in range(3)]
        masks = [self.MASK, self.BOTH, make_mask(2, 10, 60, 76)]
        whole = completer.complete(pictures, masks, faces="detect", rows=4)
        turned = completer.complete(pictures[::-1], masks[::-1], faces="detect", rows=4)
        for one, other in zip(whole.pictures, turned.pictures[::-1], strict=True):
            assert one.tobytes() == other.tobytes()

    def test_places_given_for_all_or_for_each(self, completer, picture):
        given = GivenFaces(boxes=((85, 25, 40, 40),))
        every = completer.complete([picture] * 2, [self.MASK] * 2, faces=given)
        assert [[face.box for face in faces] for faces in every.faces] == [[(85, 25, 40, 40)]] * 2
        each = completer.complete([picture] * 2, [self.MASK] * 2, faces=[GivenFaces(), given])
        assert [[face.source for face in faces] for faces in each.faces] == [["detected"], ["box"]]
        assert each.pictures[1].tobytes() == every.pictures[1].tobytes()

    def test_a_function_call_with_given_places(self, prior, picture, monkeypatch):
        """With places given by the user nothing is detected."""
        monkeypatch.setattr("dcgan.faces.detector.FaceDetector", StubDetector)
        given = GivenFaces(landmarks=(make_face(80, 30, 44, 44).landmarks,))
        result = complete([picture], self.MASK, model=prior, method=ONE_STEP, faces=given, beyond="ns", grain=False)
        assert [face.source for face in result.faces[0]] == ["landmarks"]
        assert np.array_equal(result.pictures[0][~self.MASK], picture[~self.MASK])
        with pytest.raises(NoFaceError, match="expected a face, found none"):
            complete([picture], self.MASK, model=prior, method=ONE_STEP, faces="detect")

    def test_grey_stays_grey(self, completer):
        picture = np.repeat(make_picture(HEIGHT, WIDTH, channels=1), 3, axis=2)
        (result,) = completer.complete([picture], [make_mask(30, 50, 20, 35)], faces="detect").pictures
        assert np.array_equal(result[..., 0], result[..., 1])
        assert np.array_equal(result[..., 0], result[..., 2])

    def test_a_grey_model(self, grey_model):
        completer = Completer(grey_model[1], ONE_STEP, detector=StubDetector([make_face(10, 20, 40, 40)]))
        picture, mask = make_picture(HEIGHT, WIDTH, channels=1), make_mask(30, 50, 20, 35)
        (result,) = completer.complete([picture], [mask], faces="detect").pictures
        assert result.shape == picture.shape
        assert np.array_equal(result[~mask], picture[~mask])

    def test_nothing_missing_and_nothing_known(self, completer, picture):
        nothing = np.zeros((HEIGHT, WIDTH), bool)
        assert np.array_equal(completer.complete([picture], [nothing], faces="detect").pictures[0], picture)
        with pytest.raises(CompletionError, match="nothing of it is known, so no face can be found in it"):
            completer.complete([picture], [~nothing], faces="detect")
        with pytest.raises(ValueError, match=r"Expected `mask` of shape \(90, 140\)"):
            completer.complete([picture], [nothing[1:]], faces="detect")

    @pytest.mark.parametrize(
        ("faces", "message"),
        [
            ("find", r"Expected `faces` as 'aligned', 'detect', 'auto' or places of faces\. Received: 'find'"),
            ([GivenFaces()] * 2, r"Expected the faces of each of 1 pictures\. Received: 2"),
        ],
    )
    def test_wrong_faces(self, completer, picture, faces, message):
        with pytest.raises(ValueError, match=message):
            completer.complete([picture], [self.MASK], faces=faces)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": np.zeros((2, 16, 16), np.uint8)}, ValueError, "Expected `images` as a picture"),
        ({"images": []}, ValueError, "Expected at least one picture"),
        ({"images": [make_picture()] * 2}, ValueError, "Expected a mask for each of 2 pictures. Received: 1"),
        ({"images": [make_picture()[..., :2]]}, ValueError, r"Expected pictures of shape \(H, W, 3\)"),
        ({"images": [make_picture() / 255.0]}, TypeError, "Expected pictures of dtype uint8. Received: float64"),
        ({"masks": [center_hole(8, 8)]}, ValueError, r"\(16, 16\)"),
        ({"masks": [center_hole() * 0.5]}, ValueError, "Expected `mask` of 0 and 1"),
        (
            {"blend": "alpha"},
            ValueError,
            "Expected `blend` to be one of auto, .* none. Received: blend='alpha'",
        ),
        ({"keep": "worst"}, ValueError, "Expected `keep` to be 'best' or 'all'. Received: 'worst'"),
        ({"batch_size": 0}, ValueError, "Expected `batch_size` of at least 1"),
        ({"blocks": 5}, ValueError, "Expected `blocks` to divide the model's size 16. Received: blocks=5"),
    ],
)
def test_wrong_arguments(prior, change, error, message):
    arguments = {"images": [make_picture()], "masks": [center_hole()], "model": prior, "method": ONE_STEP, **change}
    with pytest.raises(error, match=message):
        complete(arguments.pop("images"), arguments.pop("masks"), **arguments)


class TestWhatIsKeptBetweenCalls:
    @pytest.fixture
    def made(self, monkeypatch):
        """Return the arguments of every Completer that `complete` makes."""
        made, make = [], module.Completer
        monkeypatch.setattr(module, "Completer", lambda *args, **options: made.append(args) or make(*args, **options))
        monkeypatch.setattr(module, "_kept", {})
        return made

    def test_the_same_call_compiles_nothing_again(self, model_path, made):
        arguments = [make_picture()], center_hole()
        results = [complete(*arguments, model=model_path, method=ONE_STEP) for _ in range(3)]
        assert len(made) == 1
        np.testing.assert_array_equal(results[0].pictures, results[2].pictures)

    def test_another_option_is_another_completer(self, model_path, made):
        arguments = [make_picture()], center_hole()
        one = complete(*arguments, model=model_path, method=ONE_STEP)
        two = complete(*arguments, model=model_path, method=ONE_STEP, seed=1)
        again = complete(*arguments, model=model_path, method=ONE_STEP)
        assert len(made) == 3
        assert not np.array_equal(one.latents, two.latents)
        np.testing.assert_array_equal(one.latents, again.latents)

    def test_a_model_file_that_changes_is_loaded_again(self, model_path, encoded_path, made, tmp_path):
        path = tmp_path / "model.safetensors"
        for source in (model_path, encoded_path, encoded_path):
            shutil.copyfile(source, path)
            os.utime(path, ns=(len(made) * 10**9, len(made) * 10**9))
            complete([make_picture()], center_hole(), model=path, method=ONE_STEP)
        assert [args[0].encoder is not None for args in made[:2]] == [False, True]

    def test_threads(self, model_path, made):
        arguments = [make_picture()], center_hole()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(complete, *arguments, model=model_path, method=ONE_STEP) for _ in range(8)]
        results = [call.result() for call in calls]
        assert len(made) == 1
        for result in results[1:]:
            np.testing.assert_array_equal(result.pictures, results[0].pictures)


def test_settings_of_a_classical_method_do_not_say_which():
    with pytest.raises(ValueError, match="Expected the name of a classical method"):
        complete([make_picture()], center_hole(), model="faces-64", method=ClassicalConfig())


def test_block_means_are_those_of_aligned_faces(prior):
    with pytest.raises(ValueError, match="Expected an aligned face where block means are known"):
        complete([make_picture()], center_hole(), model=prior, method=ONE_STEP, blocks=4, faces="detect")


def test_a_wrong_blend_is_refused_whatever_the_method():
    with pytest.raises(ValueError, match="Expected `blend`"):
        complete([make_picture()], center_hole(), method="telea", blend="alpha")


def test_no_module_hides_a_function_of_the_package():
    modules = {module.name for module in pkgutil.iter_modules(completion.__path__)}
    for name in modules:
        importlib.import_module(f"completion.{name}")
    assert not modules & set(completion.__all__)
    assert completion.complete is complete
