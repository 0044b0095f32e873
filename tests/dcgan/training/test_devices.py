import math
import os
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from dcgan.cli import train_command
from dcgan.devices_options import Devices
from dcgan.errors import OptionError, RunError
from dcgan.training import devices as module
from dcgan.training.agreement import check_agreement
from dcgan.training.callbacks import DivergedError, StepCounter, StopOnDivergence
from dcgan.training.dataset import TrainingBatches, Updates
from dcgan.training.devices import check_devices, data_parallel, joined
from dcgan.config import RunConfig, TrainConfig
from dcgan.training.team import Team, join_team
from tests.dcgan.helpers import TOY, free_port, make_pictures, needs_jax, one_line

ENVIRONMENT = ("SLURM_", "OMPI_", "KUBERNETES_", "JAX_COORDINATOR", "JOB_COMPLETION_INDEX")
SLURM = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_NODELIST": "node[003-006],node9",
    "SLURM_NTASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
}


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    for name in os.environ:
        if name.startswith(ENVIRONMENT):
            monkeypatch.delenv(name)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"processes": 2}, "Expected `coordinator` with `processes`. Received: processes=2"),
            ({"process_id": 0}, "Expected `coordinator` with `process_id`. Received: process_id=0"),
            ({"coordinator": "node1"}, "Expected `coordinator` of the form HOST:PORT, or auto. Received: "),
            ({"coordinator": "node1:99999"}, "Expected `coordinator` of the form HOST:PORT"),
            ({"coordinator": "http://node1:9"}, "Expected `coordinator` of the form HOST:PORT"),
            ({"coordinator": "a:1", "processes": 0}, "Expected `processes` from 1 to 4096. Received: processes=0"),
            (
                {"coordinator": "a:1", "processes": 2, "process_id": 2},
                "Expected `process_id` from 0 to 1, below the number of processes. Received: process_id=2",
            ),
            ({"join_seconds": 0.0}, "Expected `join_seconds` above 0, at most 86400. Received: join_seconds=0.0"),
            ({"devices": -1}, "Expected `devices` from 1 to 1024, or all. Received: devices=-1"),
        ],
    )
    def test_what_does_not_fit(self, options, message):
        with pytest.raises(OptionError) as error:
            Devices(**options)
        assert one_line(error).startswith(message)

    def test_what_fits(self):
        for coordinator in ("node1:5000", "10.0.0.1:1", "[fe80::1%eth0]:65535", "auto"):
            assert Devices(coordinator=coordinator, processes=2).coordinator == coordinator

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--devices", "0"], "expected a number from 1 to 1024, or all; received 0"),
            (["--devices", "some"], "expected a number from 1 to 1024, or all; received some"),
            (["--processes", "2"], "Expected --coordinator with --processes. Received: --processes 2"),
            (
                ["--coordinator", "x"],
                "Expected --coordinator of the form HOST:PORT, or auto. Received: --coordinator 'x'",
            ),
            (["--coordinator", "x:1", "--dry-run"], "Expected one process with --dry-run. Received: --coordinator x:1"),
        ],
    )
    def test_of_the_command(self, tmp_path, words, message):
        np.save(tmp_path / "toys.npy", make_pictures(8))
        words = ["--dataset", str(tmp_path / "toys.npy"), "--run-dir", str(tmp_path / "run"), *words]
        result = CliRunner().invoke(train_command, words)
        assert result.exit_code == 2, result.output
        assert message in result.stderr.splitlines()[-1]
        assert not (tmp_path / "run").exists()


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="what TensorFlow cannot do")
class TestTensorFlow:
    @pytest.mark.parametrize(
        ("words", "received"),
        [
            (["--devices", "2"], "--devices 2"),
            (["--devices", "all"], "--devices all"),
            (["--coordinator", "a:1"], "--coordinator a:1"),
        ],
    )
    def test_the_command_says_which_option_needs_jax(self, tmp_path, words, received):
        np.save(tmp_path / "toys.npy", make_pictures(8))
        words = ["--dataset", str(tmp_path / "toys.npy"), "--run-dir", str(tmp_path / "run"), *words]
        result = CliRunner().invoke(train_command, words)
        assert result.exit_code == 2, result.output
        assert result.stderr.splitlines()[-1] == (
            f"Error: Expected Keras on JAX with {words[4]}: set KERAS_BACKEND=jax, after pip install '.[jax]'; "
            f"tensorflow trains on one device. Received: {received}"
        )
        assert not (tmp_path / "run").exists()

    def test_one_device_is_what_it_has(self):
        check_devices(Devices(devices=1))
        with data_parallel(7, 1):
            assert keras.distribution.distribution() is None


@needs_jax
class TestEnvironment:
    def test_slurm(self, monkeypatch):
        for name, value in SLURM.items():
            monkeypatch.setenv(name, value)
        place = module._find_place(Devices(coordinator="auto"))
        assert place.coordinator.rpartition(":")[0] == "node003"
        assert place[1:] == (8, 5, [1])
        assert module._find_place(Devices(coordinator="auto", devices=0)).local_devices is None  # all that it sees

    def test_the_options_go_before_the_environment(self, monkeypatch):
        for name, value in SLURM.items():
            monkeypatch.setenv(name, value)
        options = Devices(coordinator="other:1", processes=2, process_id=1)
        assert module._find_place(options) == ("other:1", 2, 1, None)

    def test_a_pod_of_an_indexed_job(self, monkeypatch):
        monkeypatch.setenv("JOB_COMPLETION_INDEX", "3")
        assert module._find_place(Devices(coordinator="train-0.train:1", processes=4)).process_id == 3
        monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "train-0.train:1")
        assert module._find_place(Devices(coordinator="auto", processes=4)).coordinator == "train-0.train:1"

    def test_an_index_that_no_process_has(self, monkeypatch):
        monkeypatch.setenv("JOB_COMPLETION_INDEX", "4")
        with pytest.raises(OptionError, match="`process_id` from 0 to 3"):
            module._find_place(Devices(coordinator="a:1", processes=4))

    def test_an_environment_that_says_nothing(self):
        with pytest.raises(OptionError) as error:
            module._find_place(Devices(coordinator="auto"))
        assert one_line(error) == (
            "Expected `coordinator`, `processes`, `process_id`, or an environment of SLURM, Open MPI or Kubernetes "
            "that says it. Received: coordinator=auto"
        )


class TestJoined:
    def test_without_a_coordinator_there_is_one_process(self):
        with joined(Devices()) as team:
            assert (team.number, team.count) == (0, 1)

    def test_one_process_needs_no_others(self, monkeypatch):
        monkeypatch.setattr(module, "check_devices", lambda devices: None)
        monkeypatch.setattr(module, "_stop_engine", lambda: None)
        with joined(Devices(coordinator=f"localhost:{free_port()}", processes=1, process_id=0)) as team:
            assert team.count == 1

    def test_what_is_raised_within_is_raised(self, monkeypatch):
        monkeypatch.setattr(module, "check_devices", lambda devices: None)
        options = Devices(coordinator=f"localhost:{free_port()}", processes=1, process_id=0)
        with pytest.raises(RunError, match="the disk is full"), joined(options):
            raise RunError("the disk is full")


class TestAgreement:
    """Process 0 compares what the others tell it."""

    class Two(Team):
        def __init__(self, other):
            super().__init__(0, 2)
            self.other = other

        def gather(self, value):
            return [value, self.other(dict(value))]

    def check(self, other):
        settings = {"model": TOY, "settings": TrainConfig(batch_size=8), "run": RunConfig()}
        check_agreement(self.Two(other), make_pictures(8), **settings)

    def test_the_same(self):
        self.check(lambda told: told)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            (
                "batch_size",
                16,
                "Expected the same batch_size in all processes. Received: 8 in process 0, 16 in process 1",
            ),
            ("model filters", 8, "Expected the same model filters in all processes. Received: 4 in process 0, 8 in"),
            ("pictures", "0" * 16, "Expected the same pictures in all processes. Received: "),
            ("version of jax", "0.1", "Expected the same version of jax in all processes. Received: "),
        ],
    )
    def test_what_differs_is_named(self, name, value, message):
        with pytest.raises(OptionError) as error:
            self.check(lambda told: told | {name: value})
        assert one_line(error).startswith(message)


def test_process_0_decides_for_all_whether_a_training_diverged():
    """The others go back with it, whatever they see; and do not where it does not."""
    address = f"localhost:{free_port()}"
    counter = StepCounter(interval=5, intervals=4, first_step=0, steps_per_pass=5, batch_size=8)

    def look(number, losses):
        team = join_team(address, number, 2, seconds=60.0)
        team.start(None)
        raised = []
        for epoch, loss in enumerate(losses):
            try:
                StopOnDivergence(counter, team).on_epoch_end(epoch, {"loss": loss})
            except DivergedError as error:
                raised.append(error.step)
        team.share()  # leaves after the other has heard it
        team.leave()
        return raised

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(look, 0, [1.0, math.nan, 1.0])
        second = pool.submit(look, 1, [math.nan, 1.0, 1.0])
        assert (first.result(60.0), second.result(60.0)) == ([10], [10])


def test_parts_of_batches_make_the_whole_batches():
    options = {"batch_size": 8, "latent_dim": 3, "seed": 5, "draws": 2, "updates": Updates(generator_steps=2)}
    whole = TrainingBatches(make_pictures(20), **options)
    parts = [TrainingBatches(make_pictures(20), **options, part=part, parts=4) for part in range(4)]
    for step in (0, 3):
        made = [part[step] for part in parts]
        assert {len(values) for batch in made for values in batch.values()} == {2}
        for name, values in whole[step].items():
            np.testing.assert_array_equal(np.concatenate([batch[name] for batch in made]), values)
    assert parts[1].steps_per_pass == whole.steps_per_pass == 2
