import json
import os
import tracemalloc

import keras
import numpy as np
import pytest
from keras import ops

from dcgan.training.checkpoint import averaged_weights, restore_checkpoint, save_checkpoint
from dcgan.errors import RunError
from dcgan.config import ModelConfig, TrainConfig
from dcgan.training.dataset import TrainingBatches
from dcgan.training.gan import build_gan, judge
from dcgan.training.losses import discriminator_loss, generator_loss
from dcgan.pictures.values import to_float
from tests.dcgan.helpers import SETTINGS, TOY, make_pictures

on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="differentiates on TensorFlow")


def batches(count=40, **options):
    return TrainingBatches(make_pictures(count), batch_size=8, latent_dim=TOY.latent_dim, **options)


def fit(gan, *, steps=2):
    gan.fit(batches(), epochs=1, steps_per_epoch=steps, shuffle=False, verbose=0)


def changed(before, network):
    """Tell for each weight whether it moved."""
    return [not np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True)]


@on_tensorflow
@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_one_scalar_gives_each_network_its_own_gradient(norm):
    import tensorflow as tf

    model = ModelConfig(size=16, filters=4, latent_dim=8, discriminator_norm=norm)
    gan, twin = build_gan(model, SETTINGS), build_gan(model, SETTINGS)
    batch = batches()[0]
    with tf.GradientTape() as tape:
        loss = gan.compute_loss(batch, y_pred=gan(batch, training=True), training=True)
    together = tape.gradient(loss, [variable.value for variable in gan.trainable_variables])

    # the twin has the same weights; each network is differentiated apart, as in a training loop with two optimizers
    generator, discriminator = twin.generator, twin.discriminator
    state = [ops.copy(variable) for variable in discriminator.non_trainable_variables]
    with tf.GradientTape() as tape:
        fake = generator(batch["latents"], training=True)
        weights = [variable.value for variable in discriminator.trainable_variables]
        # where spectral norm is used the third pass has the state that two passes left
        _, later = discriminator.stateless_call(weights, state, to_float(ops.copy(batch["pictures"])), training=True)
        _, later = discriminator.stateless_call(weights, later, fake, training=True)
        logits, _ = discriminator.stateless_call(weights, later, fake, training=True)
        loss = generator_loss(logits)
    alone = tape.gradient(loss, [variable.value for variable in generator.trainable_variables])
    fixed = np.array(fake)
    with tf.GradientTape() as tape:
        weights = [tf.identity(variable.value) for variable in discriminator.trainable_variables]
        real, later = discriminator.stateless_call(weights, state, to_float(batch["pictures"]), training=True)
        false, _ = discriminator.stateless_call(weights, later, fixed, training=True)
        loss = discriminator_loss(real, false, label_smoothing=SETTINGS.label_smoothing)
    alone += tape.gradient(loss, [variable.value for variable in discriminator.trainable_variables])

    assert len(together) == len(alone) == len(gan.trainable_variables)
    for one, other, variable in zip(together, alone, gan.trainable_variables, strict=True):
        assert np.abs(one).max() > 0, variable.path
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7, err_msg=variable.path)


@pytest.mark.parametrize(
    ("training", "mean", "variance"),
    [
        (True, 0.5 * (0.5 * 0 + 0.5 * 1) + 0.5 * 3, 0.5 * 0.5 * 1),  # the real ones, then the made ones, each once
        (False, 0.0, 1.0),
    ],
)
def test_which_pictures_move_the_statistics(training, mean, variance):
    """The third pass, which judges the made pictures for the generator, leaves the statistics alone."""
    layers = [keras.layers.BatchNormalization(momentum=0.5), keras.layers.Flatten(), keras.layers.Dense(1)]
    discriminator = keras.Sequential([keras.Input((2, 2, 1)), *layers])
    judge(discriminator, ops.ones((4, 2, 2, 1)), 3 * ops.ones((4, 2, 2, 1)), training=training)
    assert layers[0].moving_mean.numpy() == pytest.approx([mean])
    assert layers[0].moving_variance.numpy() == pytest.approx([variance])


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (TOY, SETTINGS),
        (TOY, TrainConfig(batch_size=8, precision="mixed_bfloat16")),
        (ModelConfig(size=16, filters=4, latent_dim=8, discriminator_norm="spectral"), SETTINGS),
        (TOY, TrainConfig(batch_size=8, discriminator_learning_rate=1e-3)),
    ],
    ids=["float32", "mixed", "spectral", "two rates"],
)
def test_training_changes_both_networks(model, settings):
    gan = build_gan(model, settings)
    before = gan.generator.get_weights(), gan.discriminator.get_weights()
    fit(gan)
    assert all(changed(before[0], gan.generator))
    assert all(changed(before[1], gan.discriminator))
    assert all(np.isfinite(weight).all() for weight in gan.get_weights())


def test_logs_are_means_of_the_four_figures():
    gan = build_gan(TOY, SETTINGS)
    logs = gan.train_on_batch(batches()[0], return_dict=True)
    assert logs["loss"] == pytest.approx(logs["discriminator_loss"] + logs["generator_loss"], rel=1e-5)
    assert 0 < logs["real_probability"] < 1
    assert 0 < logs["fake_probability"] < 1


def test_rates_are_each_networks_own():
    slow, fast = 1e-6, 1e-2
    gan = build_gan(TOY, TrainConfig(batch_size=8, learning_rate=slow, discriminator_learning_rate=fast))
    before = [variable.numpy() for variable in gan.trainable_variables]
    fit(gan, steps=1)
    for old, variable in zip(before, gan.trainable_variables, strict=True):
        moved = np.abs(variable.numpy() - old).max()  # Adam's first step is its rate
        rate = fast if any(variable is other for other in gan.discriminator.trainable_variables) else slow
        assert moved == pytest.approx(rate, rel=0.15), variable.path


@pytest.mark.parametrize("rate", [None, 1e-3])
def test_average_of_the_weights(rate):
    gan = build_gan(TOY, TrainConfig(batch_size=8, ema_momentum=0.5, discriminator_learning_rate=rate))
    history = []
    for step in range(3):
        gan.train_on_batch(batches()[step])
        history.append((gan.generator.get_weights(), gan.discriminator.get_weights()))
    raw = [variable.numpy() for variable in gan.trainable_variables]
    averaged = averaged_weights(gan)
    for variable, values in zip(gan.trainable_variables, raw, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)  # the run itself goes on from the raw weights
    for network in range(2):
        states = [step[network] for step in history]
        for index, average in enumerate(averaged[network]):
            first, second, third = (state[index] for state in states)
            if (gan.generator, gan.discriminator)[network].weights[index].trainable:
                expected = 0.25 * first + 0.25 * second + 0.5 * third  # starts from the weights of the first step
                np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-7)
            else:
                np.testing.assert_array_equal(average, third)


def test_without_averaging_the_raw_weights_are_exported():
    gan = build_gan(TOY, TrainConfig(batch_size=8, ema_momentum=0.0))
    fit(gan)
    for network, weights in zip((gan.generator, gan.discriminator), averaged_weights(gan), strict=True):
        assert not any(changed(weights, network))


@pytest.mark.parametrize("rate", [None, 1e-3])
def test_checkpoint_holds_the_whole_state(tmp_path, rate):
    settings = TrainConfig(batch_size=8, discriminator_learning_rate=rate)
    gan, other = build_gan(TOY, settings), build_gan(TOY, settings)
    fit(gan)
    save_checkpoint(tmp_path / "state", gan, step=2)
    assert restore_checkpoint(tmp_path / "state", other) == 2
    for one in (gan, other):
        one.train_on_batch(batches()[2])
    for one, two in zip(gan.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=one.path)


def test_a_checkpoint_is_refused_by_its_header(tmp_path):
    """No tensor is read, however large it is: 256 MB here, which lie nowhere."""
    gan, path = build_gan(TOY, SETTINGS), tmp_path / "state"
    count = 2**26
    tensors = {"other": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
    header = json.dumps({"__metadata__": {"step": "2"}} | tensors).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, path.stat().st_size + 4 * count)
    tracemalloc.start()
    try:
        with pytest.raises(RunError, match="belongs to other networks"):
            restore_checkpoint(path, gan)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_a_checkpoint_with_an_endless_header(tmp_path):
    path = tmp_path / "state"
    path.write_bytes((2**40).to_bytes(8, "little"))
    with pytest.raises(RunError, match=r"the checkpoint is damaged \(.*no length of a header, of at most"):
        restore_checkpoint(path, build_gan(TOY, SETTINGS))


@on_tensorflow
def test_no_weight_is_read_after_it_was_written():
    """TensorFlow's graph optimizer once let the generator's judge see weights from after the step, now and then."""
    import tensorflow as tf

    gan = build_gan(TOY, SETTINGS)
    batch = {name: tf.constant(values) for name, values in batches()[0].items()}
    graph = tf.function(lambda: gan.train_step((batch,))).get_concrete_function().graph
    handles = {id(variable.value.handle) for variable in gan.discriminator.trainable_variables}
    captured = [inner.op.name for outer, inner in graph.captures if id(outer) in handles]
    assert len(captured) == len(handles)
    for name in captured:
        users = [op for op in graph.get_operations() if op.type == "ReadVariableOp" and op.inputs[0].op.name == name]
        before_update = [op for op in users if not op.control_inputs]
        assert len(before_update) == 1, name
