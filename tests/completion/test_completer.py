import dataclasses
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import completion
from completion.completer import Completer, complete
from completion.config import BLEND_NAMES, SearchConfig
from tests.completion.helpers import SIZE, center_hole, make_picture

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
    return completer.complete_batch([picture], [mask], **options).pictures[0]


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
    result = completers[blend].complete_batch([make_picture()], [mask])
    expected = np.clip(np.rint((result.generated[0] + 1) * 127.5), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(result.pictures[0], expected)
    assert result.pictures[0].std() > 0


def test_an_empty_mask_returns_the_picture_untouched(prior):
    pictures, masks = [make_picture(seed=0), make_picture(seed=1)], [center_hole(), np.zeros((SIZE, SIZE), np.bool_)]
    result = complete(pictures, masks, model=prior, config=dataclasses.replace(QUICK, search="hmc", hmc_samples=2))
    np.testing.assert_array_equal(result.pictures[1], pictures[1])
    for name in ("latents", "generated", "contextual", "perceptual", "acceptance"):
        assert not getattr(result, name)[1].any()
    assert result.latents[0].any()


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
    result = complete([picture], center_hole(20, 20), model=grey_model[1], config=QUICK)
    assert result.pictures[0].shape == (20, 20, 1)
    np.testing.assert_array_equal(result.pictures[0][~center_hole(20, 20)], picture[~center_hole(20, 20)])
    with pytest.raises(ValueError, match=r"Expected pictures of shape \(H, W, 1\)\. Received: \(20, 20, 3\)"):
        complete([make_picture(20, 20)], center_hole(20, 20), model=grey_model[1], config=QUICK)


def test_poisson_meets_the_known_pixels(prior):
    y, x = np.mgrid[0:40, 0:40]
    picture = np.repeat((3 * y + 2 * x + 20)[..., None], 3, axis=2).astype(np.uint8)
    seams = {}
    for blend in ("none", "poisson"):
        result = complete([picture], center_hole(40, 40), model=prior, config=ONE_STEP, blend=blend).pictures[0]
        seams[blend] = np.abs(result[10, 10:30].astype(int) - result[9, 10:30]).mean()
    assert seams["poisson"] < 10 < seams["none"]


def test_pictures_of_many_sizes_in_one_call(prior):
    shapes = [(16, 16), (30, 50), (1, 1), (8, 8), (100, 20)]
    pictures = [make_picture(*shape, seed=index) for index, shape in enumerate(shapes)]
    masks = [random_mask(*shape, share=0.5, seed=index) for index, shape in enumerate(shapes)]
    result = complete(pictures, masks, model=prior, config=QUICK)
    assert [picture.shape[:2] for picture in result.pictures] == shapes
    assert result.latents.shape == (5, 8)
    assert result.generated.shape == (5, SIZE, SIZE, 3)
    assert result.acceptance is None


def test_neither_order_nor_batches_change_a_bit(prior):
    pictures = [make_picture(16 + index, 16, seed=index) for index in range(13)]
    masks = [center_hole(16 + index, 16) for index in range(13)]
    whole = complete(pictures, masks, model=prior, config=QUICK, batch_size=4)
    order = np.random.default_rng(0).permutation(13)
    turned = complete([pictures[i] for i in order], [masks[i] for i in order], model=prior, config=QUICK, batch_size=4)
    np.testing.assert_array_equal(turned.latents, whole.latents[order])
    for place, index in enumerate(order):
        assert turned.pictures[place].tobytes() == whole.pictures[index].tobytes()


def test_a_batch_is_its_members_but_for_rounding(prior):
    pictures, masks = [make_picture(seed=index) for index in range(5)], [center_hole()] * 5
    batch = complete(pictures, masks, model=prior, config=SearchConfig(iterations=60))
    for index in range(5):
        single = complete([pictures[index]], center_hole(), model=prior, config=SearchConfig(iterations=60))
        difference = single.pictures[0].astype(int) - batch.pictures[index]
        assert np.abs(difference).max() <= 3


def test_same_seed_same_bytes_and_another_seed_another_result(prior):
    results = [
        complete([make_picture()], center_hole(), model=prior, config=QUICK, seed=seed).pictures[0].tobytes()
        for seed in (3, 3, 4)
    ]
    assert results[0] == results[1] != results[2]


def test_one_mask_serves_all_and_arrays_serve_as_lists(prior):
    pictures = np.stack([make_picture(seed=0), make_picture(seed=1)])
    one = complete(pictures, center_hole(), model=prior, config=QUICK)
    each = complete(list(pictures), np.stack([center_hole(), center_hole()]), model=prior, config=QUICK)
    assert [picture.tobytes() for picture in one.pictures] == [picture.tobytes() for picture in each.pictures]


@pytest.mark.parametrize("search", ["adam", "hmc"])
def test_candidates(prior, search):
    config = SearchConfig(search=search, iterations=5, candidates=3, hmc_samples=4, hmc_leapfrog_steps=3)
    pictures = [make_picture(seed=0), make_picture(seed=1)]
    everything = complete(pictures, center_hole(), model=prior, config=config, keep="all")
    best = complete(pictures, center_hole(), model=prior, config=config)
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
    assert (everything.acceptance is not None) == (search == "hmc")


def test_more_candidates_than_a_batch_holds(prior):
    config = dataclasses.replace(QUICK, candidates=5)
    pictures = [make_picture(seed=0), make_picture(seed=1)]
    result = complete(pictures, center_hole(), model=prior, config=config, keep="all", batch_size=2)
    assert len(result.pictures) == 10
    reference = complete(pictures, center_hole(), model=prior, config=config, keep="all", batch_size=2, seed=0)
    np.testing.assert_array_equal(result.latents, reference.latents)
    assert len(np.unique(result.latents, axis=0)) == 10


def test_progress_and_frames(prior):
    completer = Completer(prior, SearchConfig(iterations=25, candidates=2, search="hmc", hmc_samples=2))
    views = [completer.look(make_picture(seed=seed), center_hole()) for seed in range(3)]
    shares, frames = [], []
    found = completer.find(views, keep="all", rows=4, on_frame=frames.append, on_progress=shares.append)
    assert len(found.latents) == 6
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert [frame.shape for frame in frames] == [(4, SIZE, SIZE, 3)] * 4  # after 0, 10, 20 and 25 steps


def test_model_by_path(model_path, prior):
    by_path = complete([make_picture()], center_hole(), model=model_path, config=QUICK)
    np.testing.assert_array_equal(
        by_path.latents, complete([make_picture()], center_hole(), model=prior, config=QUICK).latents
    )


def test_presets_by_name(prior):
    assert Completer(prior, "amos2016").config.perceptual_weight == 0.1
    with pytest.raises(
        ValueError, match=r"Expected a quality or preset among fast, .*, amos2016, variations\. Received: 'default'"
    ):
        complete([make_picture()], center_hole(), model=prior, config="default")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": make_picture()}, ValueError, "Expected `images` as a sequence of pictures"),
        ({"images": []}, ValueError, "Expected at least one picture"),
        ({"images": [make_picture()] * 2}, ValueError, "Expected a mask for each of 2 pictures. Received: 1"),
        ({"images": [make_picture()[..., :2]]}, ValueError, r"Expected pictures of shape \(H, W, 3\)"),
        ({"images": [make_picture()[..., 0]]}, ValueError, r"Expected pictures of shape \(H, W, 3\)"),
        ({"images": [make_picture() / 255.0]}, TypeError, "Expected pictures of dtype uint8. Received: float64"),
        ({"masks": [center_hole(8, 8)]}, ValueError, r"\(16, 16\)"),
        ({"masks": [center_hole().astype(np.uint8)]}, (TypeError, ValueError), "bool"),
        (
            {"blend": "alpha"},
            ValueError,
            "Expected `blend` to be one of auto, .* none. Received: 'alpha'",
        ),
        ({"keep": "worst"}, ValueError, "Expected `keep` to be 'best' or 'all'. Received: 'worst'"),
        ({"batch_size": 0}, ValueError, "Expected `batch_size` of at least 1"),
        ({"blocks": 5}, ValueError, "Expected `blocks` to divide the model's size 16. Received: blocks=5"),
    ],
)
def test_wrong_arguments(prior, change, error, message):
    arguments = {"images": [make_picture()], "masks": [center_hole()], "model": prior, "config": ONE_STEP, **change}
    with pytest.raises(error, match=message):
        complete(arguments.pop("images"), arguments.pop("masks"), **arguments)


def test_no_module_hides_a_function_of_the_package():
    modules = {module.name for module in pkgutil.iter_modules(completion.__path__)}
    for name in modules:
        importlib.import_module(f"completion.{name}")
    assert not modules & set(completion.__all__)
    assert completion.complete is complete
