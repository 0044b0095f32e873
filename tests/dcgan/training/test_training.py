import csv
import dataclasses
import errno
import json
import math
import os
import shutil

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dcgan import model_file
from dcgan.training import train as training
from dcgan.training.callbacks import StepCounter, StopOnDivergence, last_losses
from dcgan.training.checkpoint import averaged_weights, restore_checkpoint
from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.errors import DatasetError, RunError
from dcgan.model_file import Prior, load_model
from dcgan.pictures.files import read_picture
from dcgan.sampling import draw_latents
from dcgan.training.gan import build_gan
from dcgan.training.run_folder import locked_run
from tests.dcgan.helpers import RUN, SETTINGS, TOY, cached, leave_behind, make_pictures, one_line

TOTAL = 20  # steps: 4 passes of 5 steps, 2 in an interval


def train(data, folder, *, model=TOY, settings=SETTINGS, run=RUN, **options):
    return training.train(data, folder, model=model, settings=settings, run=run, progress=False, **options)


def rows(folder):
    with (folder / "losses.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def difference(one, other):
    """Return the largest difference between two runs' checkpoints."""
    a, b = (load_file(folder / "checkpoint.safetensors") for folder in (one, other))
    assert a.keys() == b.keys()
    return max(float(np.abs(a[name].astype(np.float64) - b[name]).max()) for name in a)


def epochs(count):
    return dataclasses.replace(SETTINGS, epochs=count)


@pytest.fixture
def copy(finished, tmp_path):
    """Return a copy of the finished run's folder."""
    return shutil.copytree(finished[0], tmp_path / "copy")


def test_files_of_a_run(finished):
    folder, lines = finished
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    events = [name for name in files if name.startswith("tensorboard")]
    assert len(events) == 1
    assert sorted(set(files) - set(events)) == [
        ".dcgan.json",
        ".lock",
        "checkpoint.safetensors",
        "config.json",
        "losses.csv",
        "model.safetensors",
        os.path.join("samples", "step-0000010.png"),
        os.path.join("samples", "step-0000020.png"),
    ]
    assert [line.split(":")[0] for line in lines] == ["step 10, epoch 2.0/4", "step 20, epoch 4.0/4"]
    grid = read_picture(folder / "samples" / "step-0000020.png")
    assert grid.shape == (8 * 18 + 2, 8 * 18 + 2, 3)


def test_config_of_a_run(finished):
    found = json.loads((finished[0] / "config.json").read_text())
    assert found["model"] == TOY.to_dict()
    assert found["train"] == SETTINGS.to_dict()
    assert found["dataset"] == {"names": ["toy"], "pictures": 40, "key": "key"}


def test_model_of_a_run(finished, prior):
    assert prior.config == TOY
    assert prior.info["dataset"]["pictures"] == 40
    assert prior.info["train"]["epochs"] == 4
    assert prior.info["last"]["step"] == TOTAL
    assert prior.info["last"]["epochs"] == 4.0
    assert prior.info["written_by"].startswith("dcgan ")
    logged = last_losses(finished[0] / "losses.csv")
    for name, value in logged.items():
        assert prior.info["last"][name] == pytest.approx(value, abs=1e-4)


def test_the_averaged_weights_are_exported(finished, prior):
    """To half precision; the raw weights, which the run itself goes on from, are others."""
    gan = build_gan(TOY, SETTINGS)
    restore_checkpoint(finished[0] / "checkpoint.safetensors", gan)
    networks = (prior.generator, gan.generator), (prior.discriminator, gan.discriminator)
    for (exported, trained), averaged in zip(networks, averaged_weights(gan), strict=True):
        for variable, average, raw in zip(exported.weights, averaged, trained.get_weights(), strict=True):
            if variable.trainable:
                np.testing.assert_allclose(variable.numpy(), average, rtol=1e-3, atol=1e-7, err_msg=variable.path)
                assert not np.allclose(variable.numpy(), raw, rtol=1e-3, atol=1e-6), variable.path


def test_the_exported_statistics_are_those_of_the_averaged_weights(prior):
    """With latents it has not settled on, every BatchNorm gets what it takes for mean 0 and variance 1."""
    norms = [layer for layer in prior.generator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = keras.Model(prior.generator.input, [norm.input for norm in norms])
    latents = draw_latents(512, TOY.latent_dim, seed=9)
    for norm, values in zip(norms, before(latents, training=False), strict=True):
        mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
        pixels = np.array(values).reshape(-1, len(mean))
        assert np.abs((pixels.mean(axis=0) - mean) / np.sqrt(variance)).max() < 0.15, norm.name
        assert np.abs(np.log(pixels.var(axis=0) / variance)).max() < 0.15, norm.name


def test_losses_of_a_run(finished):
    log = rows(finished[0])
    assert ",".join(log[0]) == (
        "step,epoch,discriminator_loss,generator_loss,real_probability,fake_probability,pictures_per_second"
    )
    assert [int(row["step"]) for row in log] == list(range(2, TOTAL + 1, 2))
    assert [float(row["epoch"]) for row in log] == [pytest.approx(step / 5) for step in range(2, TOTAL + 1, 2)]
    assert all(math.isfinite(float(value)) for row in log for value in row.values())


def test_same_seed_same_bytes(finished, data, tmp_path):
    """Exports on the way, and their number, change nothing of what is learnt."""
    train(data, tmp_path, run=dataclasses.replace(RUN, sample_steps=4), dataset_names=["toy"])
    assert difference(finished[0], tmp_path) == 0.0
    assert (tmp_path / "model.safetensors").read_bytes() == (finished[0] / "model.safetensors").read_bytes()


def test_a_resumed_run_equals_an_unbroken_one(finished, data, tmp_path, monkeypatch):
    """From the middle of a pass, and down to the last bit."""

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(training, "estimate_generator_batch_norm", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path, run=dataclasses.replace(RUN, sample_steps=6), dataset_names=["toy"])
    assert [int(row["step"]) for row in rows(tmp_path)] == [2, 4, 6]
    (tmp_path / "samples").mkdir(exist_ok=True)
    leftovers = [leave_behind(tmp_path / name) for name in ("model.safetensors", "samples/step-0000006.png")]
    others = [leave_behind(tmp_path / "mine"), tmp_path / "mine.tmp"]
    others[1].touch()
    with (tmp_path / "losses.csv").open("a") as file:
        file.write("8,1.6,0.1,0.1,0.1,0.1,1.0\r\n10,2.0")  # written after the checkpoint, the second not to its end
    lines = []
    train(data, tmp_path, dataset_names=["toy"], report=lines.append)
    assert lines[0] == "going on from step 4 (epoch 0.8)"  # what is due at a step comes before its checkpoint
    assert difference(finished[0], tmp_path) == 0.0
    for name in ("model.safetensors", os.path.join("samples", "step-0000020.png")):
        assert (tmp_path / name).read_bytes() == (finished[0] / name).read_bytes()
    for column in ("step", "discriminator_loss", "generator_loss"):
        assert [row[column] for row in rows(tmp_path)] == [row[column] for row in rows(finished[0])]
    assert not any(path.exists() for path in leftovers)
    assert all(path.exists() for path in others)


def test_more_epochs_and_other_intervals(copy, data):
    train(data, copy, settings=epochs(5), run=dataclasses.replace(RUN, interval_steps=1))
    assert [int(row["step"]) for row in rows(copy)] == [*range(2, 21, 2), 21, 22, 23, 24, 25]
    last = load_model(copy / "model.safetensors").info["last"]
    assert (last["step"], last["epochs"]) == (25, 5.0)


def test_a_finished_run_is_exported_again(copy, data, prior):
    for name in ("model.safetensors", os.path.join("samples", "step-0000020.png")):
        (copy / name).unlink()
    train(data, copy, settings=epochs(3), dataset_names=["toy"])
    again = load_model(copy / "model.safetensors")
    assert again.info["last"]["step"] == TOTAL
    assert again.info["last"].keys() == prior.info["last"].keys() - {"loss"}
    assert all(
        np.array_equal(a, b) for a, b in zip(prior.generator.get_weights(), again.generator.get_weights(), strict=True)
    )
    assert (copy / "samples" / "step-0000020.png").exists()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"settings": dataclasses.replace(SETTINGS, seed=1)}, "train.seed was 0, now 1"),
        ({"settings": dataclasses.replace(SETTINGS, learning_rate=1e-3)}, "train.learning_rate was 0.0002, now 0.001"),
        ({"model": ModelConfig(size=16, filters=5, latent_dim=8)}, "model.filters was 4, now 5"),
    ],
)
def test_other_settings_are_refused(finished, data, change, name):
    before = (finished[0] / "config.json").read_bytes()
    with pytest.raises(RunError) as error:
        train(data, finished[0], **change)
    message = f"holds a run with other settings ({name}); choose another folder, or start over with --overwrite"
    assert one_line(error) == f"{finished[0]}: {message}"
    assert (finished[0] / "config.json").read_bytes() == before


def test_other_pictures_are_refused(finished):
    with pytest.raises(RunError, match=r"dataset\.pictures was 40, now 41"):
        train(cached(make_pictures(41)), finished[0])


def test_overwrite_starts_over(copy, data):
    (copy / "notes.txt").write_text("mine")
    train(data, copy, settings=dataclasses.replace(epochs(1), seed=1), overwrite=True)
    assert [int(row["step"]) for row in rows(copy)] == [2, 4, 6]
    assert os.listdir(copy / "samples") == ["step-0000006.png"]
    assert json.loads((copy / "config.json").read_text())["train"]["seed"] == 1
    assert (copy / "notes.txt").read_text() == "mine"


def test_starting_from_a_models_weights(prior, data, tmp_path):
    still = TrainConfig(epochs=1, batch_size=8, learning_rate=1e-12, ema_momentum=0.0)
    started = load_model(train(data, tmp_path, settings=still, start_from=prior))
    for old, new in ((prior.generator, started.generator), (prior.discriminator, started.discriminator)):
        for one, other in zip(old.trainable_variables, new.trainable_variables, strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3, atol=1e-6, err_msg=one.path)


def test_a_run_that_goes_on_has_its_own_weights(finished, copy, data, prior):
    prior = Prior(prior.config, {})  # whose weights must not be looked at
    train(data, copy, dataset_names=["toy"], start_from=prior)
    assert difference(finished[0], copy) == 0.0


def test_a_model_of_another_configuration_is_no_start(prior, data, tmp_path):
    with pytest.raises(ValueError, match="to start from") as error:
        train(data, tmp_path, model=ModelConfig(size=16, filters=5, latent_dim=8), start_from=prior)
    one_line(error)
    assert os.listdir(tmp_path) == []


def test_one_process_at_a_time(finished, data):
    before = sorted(path for path in finished[0].rglob("*"))
    with locked_run(finished[0]):
        for overwrite in (False, True):
            with pytest.raises(RunError) as error:
                train(data, finished[0], overwrite=overwrite)
            assert one_line(error) == f"{finished[0]}: another process is training in this folder"
    assert sorted(path for path in finished[0].rglob("*")) == before
    with locked_run(finished[0]):  # what failed has let go of it
        pass


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: b"nothing of the kind", lambda data: data[:-9]])
def test_damaged_checkpoints(copy, data, damage):
    path = copy / "checkpoint.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match="the checkpoint is damaged") as error:
        train(data, copy)
    one_line(error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("generator/003"), "first difference: generator/003"),
        (lambda tensors: tensors.update({"generator/999": np.zeros(1)}), "first difference: generator/999"),
        (lambda tensors: tensors.update({"generator/003": np.zeros(99)}), "first difference: generator/003"),
    ],
)
def test_checkpoints_of_other_networks(copy, data, change, message):
    tensors = load_file(copy / "checkpoint.safetensors")
    change(tensors)
    save_file(tensors, copy / "checkpoint.safetensors", {"step": "2"})
    with pytest.raises(RunError, match=message):
        train(data, copy)


def test_folders_that_cannot_be_used(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="file: cannot write the run") as error:
        train(data, tmp_path / "file")
    one_line(error)


def test_too_few_pictures_leave_no_run_behind(tmp_path):
    with pytest.raises(DatasetError, match="expected at least one batch of 8 pictures, found 7"):
        train(cached(make_pictures(7)), tmp_path)
    assert os.listdir(tmp_path) == []


def test_full_disk_while_training(data, tmp_path, monkeypatch):
    def full(path, *args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("dcgan.training.callbacks.save_checkpoint", full)
    with pytest.raises(RunError, match="cannot write the run: No space left on device"):
        train(data, tmp_path)


def test_a_run_that_diverges_stops_before_the_checkpoint(tmp_path, data):
    settings = dataclasses.replace(SETTINGS, learning_rate=1e30)
    with pytest.raises(
        RunError, match=r"the training diverged by step \d+: a loss or a weight is no number any more or far too "
    ):
        train(data, tmp_path, settings=settings)
    for path in tmp_path.glob("checkpoint.safetensors"):
        assert all(np.isfinite(values).all() for values in load_file(path).values())


def test_divergence_is_found_in_any_figure():
    counter = StepCounter(interval=2, intervals=5, first_step=4, steps_per_pass=5, batch_size=8)
    logs = {"discriminator_loss": 1.0, "generator_loss": 2.0, "real_probability": 0.5, "fake_probability": 0.5}
    StopOnDivergence(counter).on_epoch_end(0, logs)
    with pytest.raises(RunError, match="diverged by step 6"):
        StopOnDivergence(counter).on_epoch_end(0, logs | {"generator_loss": math.nan})


def test_counting_steps():
    counter = StepCounter(interval=2, intervals=5, first_step=4, steps_per_pass=5, batch_size=8)
    assert [counter.step_after(epoch) for epoch in range(5)] == [6, 8, 10, 12, 14]
    assert counter.total_steps == 14


def test_snapshots(data, tmp_path, monkeypatch):
    saved = []
    original = model_file.save_model

    def save(path, *args, **options):
        saved.append(path.name)
        original(path, *args, **options)

    monkeypatch.setattr(training, "save_model", save)
    run = RunConfig(interval_steps=5, checkpoint_seconds=60, sample_steps=10, snapshot_epochs=1)
    train(data, tmp_path, settings=epochs(2), run=run)
    assert sorted(os.listdir(tmp_path / "snapshots")) == ["step-0000005.safetensors", "step-0000010.safetensors"]
    last = (tmp_path / "snapshots" / "step-0000010.safetensors").read_bytes()
    assert last == (tmp_path / "model.safetensors").read_bytes()
    assert len(saved) == 2  # the last grid and the last snapshot share an export


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (TOY, TrainConfig(epochs=1, batch_size=8, precision="mixed_bfloat16")),
        (
            ModelConfig(size=12, channels=1, filters=2, latent_dim=3, kernel_size=3, discriminator_norm="spectral"),
            TrainConfig(epochs=1, batch_size=8, discriminator_learning_rate=1e-4, ema_momentum=0.0, flip=False),
        ),
    ],
    ids=["mixed precision", "spectral grey"],
)
def test_other_kinds_of_training(tmp_path, model, settings):
    pictures = make_pictures(24, size=model.size, channels=model.channels)
    path = train(cached(pictures), tmp_path, model=model, settings=settings)
    prior = load_model(path)
    assert prior.config == model
    assert prior.info["train"]["precision"] == settings.precision
