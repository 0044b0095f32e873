import csv
import dataclasses

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.graph_pb2 import GraphDef

from dcgan.config import RunConfig, TrainConfig
from dcgan.errors import DatasetError, OptionError, RunError
from dcgan.model_file import load_model
from dcgan.training import train as training
from dcgan.training.callbacks import DivergedError, StepCounter, StopOnDivergence
from dcgan.training.dataset import Chosen
from dcgan.training.features import RandomFeatures
from dcgan.training.gan import build_gan
from dcgan.training.monitor import Distances, learning_rates
from tests.dcgan.helpers import RUN, SETTINGS, TOY, cached, make_pictures


def events_in(folder):
    """Read TensorBoard's records: length, checksum, event, checksum."""
    found = []
    for path in sorted(folder.glob("tensorboard/events*")):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


class TestRun:
    @pytest.fixture(scope="class")
    def measured(self, tmp_path_factory):
        folder, lines = tmp_path_factory.mktemp("runs") / "measured", []
        settings = dataclasses.replace(SETTINGS, held_out=12)
        run = dataclasses.replace(RUN, measure_epochs=1, keep="best")
        training.train(
            cached(make_pictures(40)),
            folder,
            model=TOY,
            settings=settings,
            run=run,
            report=lines.append,
            progress=False,
        )
        return folder, lines

    def test_tensorboard_has_all_of_it(self, measured):
        events = events_in(measured[0])
        tags = {value.tag for event in events for value in event.summary.value}
        assert tags >= {
            *("discriminator_loss", "generator_loss", "pictures_per_second", "samples", "learning_rate/all"),
            *("discriminator/real", "discriminator/fake", "probe/fake_gradient", "probe/spread", "distance/kid"),
        }
        graphs = [GraphDef.FromString(event.graph_def) for event in events if event.graph_def]
        names = {node.name for node in graphs[0].node}
        assert {"generator/project", "discriminator/down0"} <= names

    def test_distances(self, measured):
        folder, lines = measured
        rows = list(csv.DictReader((folder / "distances.csv").read_text().splitlines()))
        assert [row["epoch"] for row in rows] == ["1.000", "2.000", "3.000", "4.000"]
        assert all(float(row["kid_low"]) <= float(row["kid"]) <= float(row["kid_high"]) for row in rows)
        assert sum(line.startswith("distance of 12 samples to pictures held out: kernel ") for line in lines) == 4

    def test_the_best_is_kept(self, measured):
        folder, lines = measured
        assert (folder / "model.safetensors").read_bytes() == (folder / "best.safetensors").read_bytes()
        rows = list(csv.DictReader((folder / "distances.csv").read_text().splitlines()))
        best = min(rows, key=lambda row: float(row["kid"]))
        assert load_model(folder / "model.safetensors").info["last"]["step"] == int(best["step"])
        assert lines[-1] == "model.safetensors is the best that was measured; see distances.csv"

    def test_pictures_that_are_held_out_are_not_trained_on(self):
        pictures = make_pictures(20)
        trained, held_out = training._split(pictures, dataclasses.replace(SETTINGS, held_out=8))
        rows = [each.tobytes() for part in (trained[np.arange(12)], held_out) for each in part]
        assert sorted(rows) == sorted(each.tobytes() for each in pictures)
        with pytest.raises(DatasetError, match="8 pictures besides the 18 that are held out, found 20 in all"):
            training._split(pictures, dataclasses.replace(SETTINGS, held_out=18))

    def test_a_divergence_goes_back_with_half_the_rate(self, tmp_path, monkeypatch):
        """The loss runs away once, at step 6; the run goes on from step 4 and ends."""
        from dcgan.training import callbacks

        data, lines, real = cached(make_pictures(40)), [], callbacks.StopOnDivergence.on_epoch_end
        left = [6]

        def once(self, epoch, logs=None):
            if left and self.counter.step_after(epoch) == left[0]:
                left.pop()
                logs = {**logs, "generator_loss": 1e9}
            real(self, epoch, logs)

        monkeypatch.setattr(callbacks.StopOnDivergence, "on_epoch_end", once)
        training.train(data, tmp_path, model=TOY, settings=SETTINGS, run=RUN, report=lines.append, progress=False)
        assert "the training diverged by step 6: goes on from step 4 with half the learning rate" in lines
        assert '"sign": "divergence"' in (tmp_path / "health.jsonl").read_text()
        rates = [
            value.simple_value
            for event in events_in(tmp_path)
            for value in event.summary.value
            if value.tag.startswith("learning_rate")
        ]
        assert rates[-1] == pytest.approx(SETTINGS.learning_rate / 2.0)

    def test_a_training_that_always_diverges_ends_with_advice(self, tmp_path):
        settings = dataclasses.replace(SETTINGS, learning_rate=1e30)
        with pytest.raises(RunError, match=r"three times again with half the learning rate each time; start"):
            training.train(cached(make_pictures(40)), tmp_path, model=TOY, settings=settings, run=RUN, progress=False)
        assert len((tmp_path / "health.jsonl").read_text().splitlines()) == 3

    def test_weights_that_run_away_are_a_divergence_too(self):
        """BatchNorm's running means may do so while the losses stay small; no model file could hold them."""
        gan = build_gan(TOY, TrainConfig())
        stop = StopOnDivergence(StepCounter(interval=1, intervals=1, first_step=0, steps_per_pass=1, batch_size=8))
        stop.set_model(gan)
        stop.on_epoch_end(0, {"loss": 1.0})
        gan.discriminator.get_layer("norm1").moving_mean.assign(np.full(8, 1e5))
        with pytest.raises(DivergedError, match="diverged by step 1"):
            stop.on_epoch_end(0, {"loss": 1.0})


def test_too_few_pictures_to_compare_with(tmp_path):
    with pytest.raises(OptionError, match="`held_out` of 0, or of at least 4"):
        TrainConfig(held_out=3)
    settings = dataclasses.replace(SETTINGS, batch_size=2)
    with pytest.raises(DatasetError, match="at least 4 pictures to compare samples with, found 3"):
        training.train(
            cached(make_pictures(3)),
            tmp_path / "run",
            model=TOY,
            settings=settings,
            run=dataclasses.replace(RUN, measure_epochs=1),
        )
    assert not (tmp_path / "run").exists()


def test_a_damaged_row_of_distances_is_dropped(tmp_path):
    (tmp_path / "distances.csv").write_text("step,epoch\nabc,1,2,3,4,5\n5,1,2,x,4,5\n5,1,2,0.5,0.4,0.6\n")
    distances = Distances(tmp_path, make_pictures(8), make_pictures, events=None, first_step=9)
    assert distances._rows == [["5", "1", "2", "0.5", "0.4", "0.6"]]


def test_the_best_needs_measurements():
    with pytest.raises(OptionError, match="`measure_epochs` above 0 with `keep` best"):
        RunConfig(keep="best")


def test_a_rehearsal_touches_no_run_folder(tmp_path):
    folder = tmp_path / "run"
    lines = training.rehearse(cached(make_pictures(40)), folder, model=TOY, settings=SETTINGS, run=RUN)
    assert [line.split(":")[0] for line in lines] == ["weights", "time", "memory", "disk", "would be written"]
    assert "for 4 passes of 5 steps" in lines[1]
    assert lines[3].endswith(" MB times 2")  # grids of 20 steps, one at each tenth
    measured = dataclasses.replace(RUN, measure_epochs=1, snapshot_epochs=2)
    lines = training.rehearse(cached(make_pictures(40)), folder, model=TOY, settings=SETTINGS, run=measured)
    assert lines[3].endswith(" MB times 4")
    assert lines[-1].endswith("snapshots/, distances.csv, best.safetensors")
    other = load_model("faces-64")
    with pytest.raises(OptionError, match="Expected"):
        training.rehearse(cached(make_pictures(40)), folder, model=TOY, settings=SETTINGS, run=RUN, start_from=other)
    assert not folder.exists()


def test_learning_rates_of_two_optimizers():
    settings = TrainConfig(learning_rate=1e-3, discriminator_learning_rate=4e-3)
    assert learning_rates(build_gan(TOY, settings)) == pytest.approx({"generator": 1e-3, "discriminator": 4e-3})
    assert learning_rates(build_gan(TOY, TrainConfig(learning_rate=1e-3))) == pytest.approx({"all": 1e-3})


def test_distances_go_on_from_a_step(tmp_path):
    class Events:
        def add_scalar(self, *args):
            pass

    pictures = make_pictures(16)
    (tmp_path / "model.safetensors").write_bytes(b"first")
    noise = np.random.default_rng(0).integers(0, 256, pictures.shape, dtype=np.uint8)
    samples = iter([make_pictures(16, seed=1), noise])
    distances = Distances(tmp_path, pictures, lambda count: next(samples)[:count], events=Events())
    distances.measure(10, 1.0)
    (tmp_path / "model.safetensors").write_bytes(b"second")
    distances.measure(20, 2.0)
    again = Distances(tmp_path, pictures, lambda count: pictures[:count], events=Events(), first_step=15)
    assert (tmp_path / "best.safetensors").read_bytes() == b"first"
    (tmp_path / "model.safetensors").write_bytes(b"third")
    again.measure(20, 2.0)
    assert (tmp_path / "best.safetensors").read_bytes() == b"third"
    steps = [row["step"] for row in csv.DictReader((tmp_path / "distances.csv").read_text().splitlines())]
    assert steps == ["10", "20"]


class TestFeatures:
    def test_they_are_the_same_each_time(self):
        pictures = make_pictures(3)
        np.testing.assert_array_equal(RandomFeatures(16, 3)(pictures), RandomFeatures(16, 3)(pictures))
        assert RandomFeatures(16, 3)(pictures).shape == (3, 256)

    @pytest.mark.parametrize(("size", "channels"), [(28, 1), (8, 3), (96, 3)])
    def test_they_rank_noise_behind_damage_behind_pictures(self, size, channels):
        from dcgan.distances import kernel_distance

        describe = RandomFeatures(size, channels)
        real, other = (make_pictures(400, size=size, channels=channels, seed=seed) for seed in (0, 1))
        rng = np.random.default_rng(2)
        damaged = np.clip(other + rng.normal(0.0, 60.0, other.shape), 0, 255).astype(np.uint8)
        noise = rng.integers(0, 256, other.shape, dtype=np.uint8)
        same, near, far = (kernel_distance(describe(real), describe(each)) for each in (other, damaged, noise))
        assert same.high < near.low < near.high < far.low


def test_chosen_rows():
    pictures = make_pictures(6)
    chosen = Chosen(pictures, np.array([1, 4, 5]))
    assert len(chosen) == 3
    np.testing.assert_array_equal(chosen[np.array([0, 2])], pictures[[1, 5]])
