import subprocess
import sys

import numpy as np
import pytest

from completion import complete
from completion.config import METHODS, EncoderConfig
from completion.encoder import network_input
from completion.search.encoder import EncoderAnswerer
from completion.search.encoder_input import encoder_input
from completion.search.observation import Observations, observe
from completion.search.weights import contextual_weights
from dcgan.encoder import decode
from dcgan.errors import ModelFileError
from dcgan.faces.placement import Placement
from dcgan.inference import CompletionNetwork
from masks import make_mask
from tests.completion.helpers import SIZE, center_hole, make_picture
from tests.completion.search.helpers import observe_all

FAST = METHODS["fast"]
WHOLE = Placement.whole((SIZE, SIZE), SIZE)


@pytest.fixture(scope="module")
def answerer(encoded):
    return EncoderAnswerer(encoded, FAST)


def test_the_encoder_sees_nothing_of_the_hole(answerer):
    observations = Observations.stack(observe_all(3))
    hidden = observations.targets.copy()
    hidden[:, center_hole()] = 0.7
    one, other = (answerer.encode(each) for each in (observations, Observations(hidden, observations.known)))
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


def test_the_encoder_sees_block_means_and_no_more(answerer):
    picture, mask, part = make_picture(), np.ones((SIZE, SIZE), np.bool_), SIZE // 4
    shuffled, brighter = picture.copy(), picture.copy()
    shuffled[:part, :part] = shuffled[:part, :part][::-1, ::-1]  # the block's mean stays
    brighter[:part, :part] = np.minimum(brighter[:part, :part].astype(int) + 38, 255)
    latents = [
        answerer.encode(Observations.stack([observe(each, mask, WHOLE, blocks=4)]))[0]
        for each in (picture, shuffled, brighter)
    ]
    assert np.allclose(latents[0], latents[1], atol=1e-5)
    assert not np.allclose(latents[0], latents[2], atol=1e-5)


def test_an_answer_is_what_the_generator_draws_with_the_offset(encoded, answerer):
    observations = Observations.stack(observe_all(3))
    known = observations.known[..., None]
    seen = network_input.encoder_input(observations.targets, known, np.zeros_like(observations.targets))
    latents, *offsets = (np.asarray(part) for part in encoded.encoder(seen, training=False))
    assert offsets[0].any()
    answers = answerer.answer(observations)
    assert np.allclose(answers.latents, latents, atol=1e-5)
    drawn = np.asarray(decode(encoded.generator, encoded.config, latents, offsets=offsets))
    assert np.allclose(answers.generated, drawn, atol=1e-5)
    assert not np.allclose(answers.generated, np.asarray(decode(encoded.generator, encoded.config, latents)), atol=1e-3)
    difference = np.abs(answers.generated - observations.targets).mean(axis=3)
    weights = np.stack([contextual_weights(each)[0] for each in observations.known])
    assert answers.contextual == pytest.approx((difference * weights).sum(axis=(1, 2)), abs=1e-5)
    assert answers.perceptual is None
    assert np.array_equal(answers.score, answers.contextual)


@pytest.mark.parametrize("method", ["fast", "balanced"])
def test_no_training_framework_is_imported(encoded_path, method):
    code = f"""
import sys, numpy as np
from completion import complete
from masks import make_mask
picture = np.random.default_rng(0).integers(0, 256, ({SIZE}, {SIZE}, 3), dtype=np.uint8)
result = complete([picture], make_mask("center", ({SIZE}, {SIZE})), model={str(encoded_path)!r}, method={method!r})
print(sorted(name for name in ("keras", "tensorflow", "jax") if name in sys.modules), result.pictures[0].shape)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == f"[] ({SIZE}, {SIZE}, 3)\n"


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (8, 8), (12, 12), (28, 28), (64, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_input_is_that_of_training(shape, channels):
    rng = np.random.default_rng(3)
    known = np.where(rng.random(shape) < 0.5, rng.choice([1.0, 0.5], shape), 0.0).astype(np.float32)
    target = rng.uniform(-1.0, 1.0, (*shape, channels)).astype(np.float32)
    ours = encoder_input(target, known)
    zeros = np.zeros((1, *target.shape), np.float32)
    theirs = np.asarray(network_input.encoder_input(target[None], known[None, ..., None], zeros))[0]
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    nothing = np.zeros(shape, np.float32)
    ours = encoder_input(target, nothing, blocks=1)
    theirs = np.asarray(network_input.encoder_input(target[None], nothing[None, ..., None], target[None]))[0]
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_wide_holes_are_not_looked_at_again(encoded, monkeypatch):
    counts = []
    network = CompletionNetwork.__call__
    monkeypatch.setattr(
        CompletionNetwork, "__call__", lambda self, masked: counts.append(len(masked)) or network(self, masked)
    )
    narrow = np.zeros((SIZE, SIZE), np.bool_)
    narrow[5, 5] = True
    for mask, calls in ((make_mask("left", (SIZE, SIZE)), 1), (center_hole(), 1), (narrow, 4)):
        counts.clear()
        complete([make_picture()], mask, model=encoded, method="balanced")
        assert len(counts) == calls
    counts.clear()
    complete([make_picture()], make_mask("center", (SIZE, SIZE)), model=encoded, method="best")
    assert len(counts) == 10


def test_a_batch_is_its_members(encoded):
    pictures = [make_picture(seed=seed) for seed in range(3)]
    together = complete(pictures, center_hole(), model=encoded, method="fast", batch_size=8)
    for index, picture in enumerate(pictures):
        alone = complete([picture], center_hole(), model=encoded, method="fast")
        assert np.abs(alone.generated[0] - together.generated[index]).max() < 1e-4
        known = ~center_hole()
        assert np.array_equal(together.pictures[index][known], picture[known])


@pytest.mark.parametrize("name", ["full", "lowres", "random"])
@pytest.mark.parametrize("method", ["fast", "balanced"])
def test_any_mask(encoded, name, method):
    blocks = 4 if name == "lowres" else 0
    result = complete([make_picture()], make_mask(name, (SIZE, SIZE)), model=encoded, method=method, blocks=blocks)
    assert np.isfinite(result.generated).all()
    assert result.generated.any()


def test_of_block_means_there_is_nothing_to_augment(encoded, answerer):
    observations = Observations.stack(observe_all(2, blocks=4))
    several = EncoderAnswerer(encoded, EncoderConfig(augmentations=4)).answer(observations)
    assert np.array_equal(several.generated, answerer.answer(observations).generated)


def test_a_model_without_an_encoder_is_refused(prior):
    with pytest.raises(
        ModelFileError, match="expected a model with an encoder, this one has none; dcgan-train-encoder"
    ):
        EncoderAnswerer(prior, FAST)
    with pytest.raises(ModelFileError, match="expected a model with an encoder, this one has none"):
        complete([make_picture()], center_hole(), model=prior, method="fast")


@pytest.mark.parametrize("method", [EncoderConfig(augmentations=4), "best"])
def test_augmentations_fit_the_known_pixels_no_worse(encoded, method):
    pictures = [make_picture(seed=seed) for seed in range(3)]
    fast, averaged = (complete(pictures, center_hole(), model=encoded, method=name) for name in ("fast", method))
    assert (averaged.contextual <= fast.contextual + 0.01).all()
    assert averaged.contextual.mean() < fast.contextual.mean()
