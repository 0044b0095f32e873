"""Keras callbacks that watch a DCGAN's training: TensorBoard, advice on its health, and distances to real pictures."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from dcgan.distances import KernelDistance, frechet_distance, kernel_distance
from dcgan.pictures.records import write_whole
from dcgan.training.features import RandomFeatures
from dcgan.training.health import Health
from dcgan.training.probe import Probe

__all__ = ["Distances", "Watch", "add_networks", "learning_rates"]

Draw = Callable[[int], npt.NDArray[np.uint8]]
Events = Any  # tensorboardX.SummaryWriter
Report = Callable[[str], None]

DISTANCES = ("step", "epoch", "frechet", "kid", "kid_low", "kid_high")


class Watch:
    """Looks at a training at each sample grid: figures and histograms to TensorBoard, advice to the user.

    Parameters
    ----------
    probe : Probe
    health : Health
    events : tensorboardX.SummaryWriter
    report : callable
        Called with a line of advice.
    """

    def __init__(self, probe: Probe, health: Health, *, events: Events, report: Report) -> None:
        self._probe, self._health, self._events, self._report = probe, health, events, report

    def look(self, step: int, model: keras.Model, grid: npt.NDArray[np.uint8]) -> None:
        """Measure, log and advise after a training step whose sample grid is given, (H, W, C)."""
        figures = self._probe()
        for name, value in figures.scalars().items():
            self._events.add_scalar(f"probe/{name}", value, step)
        for name, rate in learning_rates(model).items():
            self._events.add_scalar(f"learning_rate/{name}", rate, step)
        for name in ("real_logits", "fake_logits"):
            probabilities = 1.0 / (1.0 + np.exp(-np.clip(getattr(figures, name), -60.0, 60.0)))
            self._events.add_histogram(f"discriminator/{name.removesuffix('_logits')}", probabilities, step)
        self._events.add_image("samples", grid, step, dataformats="HWC")
        for line in self._health.look(step, figures):
            self._report(line)


def learning_rates(model: keras.Model) -> dict[str, float]:
    """Return the learning rates of a model's optimizer: of one for both networks, or of each."""
    values = [
        float(keras.ops.convert_to_numpy(each)) for each in model.optimizer.variables if each.name == "learning_rate"
    ]
    values = [value for value in values if value > 0.0]  # an optimizer of optimizers has one of 0
    names = ["generator", "discriminator"] if len(values) == 2 else ["all"]
    return dict(zip(names, values, strict=False))


def add_networks(events: Events, networks: dict[str, keras.Model]) -> None:
    """Write the layers of networks, each a chain, as TensorBoard's graph."""
    from tensorboardX.proto.attr_value_pb2 import AttrValue
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.versions_pb2 import VersionDef

    nodes = []
    for name, network in networks.items():
        before: list[str] = []
        for layer in network.layers:
            own = f"{name}/{layer.name}"
            shape = AttrValue(s=str(getattr(layer.output, "shape", "")).encode())
            nodes.append(NodeDef(name=own, op=type(layer).__name__, input=before, attr={"shape": shape}))
            before = [own]
    events.file_writer.add_onnx_graph(GraphDef(node=nodes, versions=VersionDef(producer=22)))


@dataclasses.dataclass(frozen=True)
class Measured:
    """The distance of samples to real pictures at one step."""

    step: int
    frechet: float
    kernel: KernelDistance


class Distances:
    """Measures how far samples are from real pictures, and keeps the best model.

    Parameters
    ----------
    folder : Path
        The run folder, for distances.csv and best.safetensors.
    real : uint8 array (N, H, W, C)
        Pictures to compare with.
    draw : callable
        From a number to as many samples of the model that was exported last, uint8 (N, H, W, C).
    events : tensorboardX.SummaryWriter
    first_step : int
        From which the run goes on; later rows are dropped.
    """

    def __init__(
        self, folder: Path, real: npt.NDArray[np.uint8], draw: Draw, *, events: Events, first_step: int = 0
    ) -> None:
        self._folder, self._draw, self._events = folder, draw, events
        self._describe = RandomFeatures(real.shape[1], real.shape[3])
        self._count = len(real)
        self._real = self._describe(real)
        path = folder / "distances.csv"
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []
        self._rows = [row for row in rows[1:] if _is_row(row) and int(row[0]) <= first_step]

    def measure(self, step: int, epoch: float) -> Measured:
        """Measure the exported model, write a row, and keep a copy of the model where it is the best so far."""
        made = self._describe(self._draw(self._count))
        kernel = kernel_distance(self._real, made)
        found = Measured(step, frechet_distance(self._real, made), kernel)
        is_best = all(kernel.mean < float(row[DISTANCES.index("kid")]) for row in self._rows)
        values = (found.frechet, kernel.mean, kernel.low, kernel.high)
        self._rows.append([str(step), f"{epoch:.3f}", *(f"{value:.6f}" for value in values)])
        with write_whole(self._folder / "distances.csv") as file:
            file.write("".join(",".join(row) + "\r\n" for row in [list(DISTANCES), *self._rows]).encode())
        for name, value in zip(DISTANCES[2:4], values, strict=False):
            self._events.add_scalar(f"distance/{name}", value, step)
        if is_best:
            with write_whole(self._folder / "best.safetensors") as file:
                file.write((self._folder / "model.safetensors").read_bytes())
        return found


def _is_row(row: list[str]) -> bool:
    """Tell whether a row of distances.csv is whole."""
    try:
        return len(row) == len(DISTANCES) and row[0].isdecimal() and bool([float(each) for each in row])
    except ValueError:
        return False
