"""Measure how well scratches are suggested: precision, recall, what is marked on clean photographs, and seconds.

    python scripts/bench_scratches.py photos --sheets sheets/
    python scripts/bench_scratches.py photos --fit masks/_scratch_weights.py

Lines, spots and creases are drawn on the photographs of a folder and on those that come with scikit-image. Of the
sorted names every second photograph, from the first on, is for fitting, the others are for measuring. Each photograph
is damaged as it is, made grey, and made to look old; and looked at clean, as it is and made to look old. Ten smooth
pictures are for fitting as well.

Precision is the share of the marked pixels that lie at most 2 px from damage; recall the share of the visible damage
(changed by at least 10 grey levels) that lies at most 2 px from a marked pixel, covered the share that is marked
itself; false the share of a clean photograph that is marked.
"""

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import skimage

from completion.encoder.variety import Sample, wear
from dcgan.pictures.files import read_picture
from dcgan.pictures.listing import list_pictures
from dcgan.pictures.saving import save_picture
from masks import dilate
from masks._scratch_pieces import LINE_FEATURES, SPOT_FEATURES, find_pieces
from masks.scratches import CLIP, mark_sure
from masks.table import SURENESS

BUNDLED = (
    *("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png"),
    *("moon.png", "motorcycle_left.png", "rocket.jpg"),
)
FINE = 3  # pixels of the drawing in a pixel of the picture, along each axis
KINDS = {"as it is": True, "grey": True, "old": True, "clean": False, "clean, old": False}  # whether it is damaged
SURENESSES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
MOST_PIXELS = 300_000  # of a photograph here
TOLERANCE_PX, VISIBLE, TRACE = 2, 10, 0.05
UNITS, STEPS, BATCH = 16, 3000, 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A photograph with or without damage.

    Attributes
    ----------
    picture : uint8 array (H, W, 3)
    visible : bool array (H, W)
        Damage that changes the picture.
    drawn : bool array (H, W)
        All damage, faint edges included.
    """

    name: str
    kind: str
    picture: np.ndarray
    visible: np.ndarray
    drawn: np.ndarray


def curve(start: np.ndarray, heading: float, length: float, bend: float, rng: np.random.Generator) -> np.ndarray:
    """Return points of a smooth curve, (60, 2), in pixels."""
    angles = heading + bend * np.linspace(-0.5, 0.5, 60) + np.cumsum(rng.normal(0, 0.02, 60))
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * length / 59
    return start + np.cumsum(steps, axis=0)


def draw_curve(canvas: np.ndarray, points: np.ndarray, width: float) -> None:
    """Draw a curve on a fine canvas."""
    fine = np.rint(points * FINE * 8).astype(np.int32)
    cv2.polylines(canvas, [fine], False, 255, max(1, round(width * FINE)), cv2.LINE_AA, 3)


def draw_spot(canvas: np.ndarray, middle: np.ndarray, radius: float, rng: np.random.Generator) -> None:
    """Draw a blot with corners."""
    count = int(rng.integers(5, 9))
    angles, radii = np.sort(rng.uniform(0, 2 * math.pi, count)), radius * rng.uniform(0.7, 1.2, count)
    points = middle + np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    hull = cv2.convexHull(np.rint(points * FINE * 8).astype(np.int32))
    cv2.fillConvexPoly(canvas, hull, 255, cv2.LINE_AA, 3)


def soften(canvas: np.ndarray, opacity: tuple[float, float], blur: float, rng: np.random.Generator) -> np.ndarray:
    """Return the opacity of what is drawn on a fine canvas, float32 (H, W), varying from place to place."""
    height, width = canvas.shape[0] // FINE, canvas.shape[1] // FINE
    drawn = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    grid = rng.uniform(*opacity, (max(2, height // 40), max(2, width // 40))).astype(np.float32)
    varying = np.clip(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    return cv2.GaussianBlur(drawn, (0, 0), blur) * varying


def draw_damage(shape: tuple[int, int], rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield layers of damage: opacity, float32 (H, W), and colour, (3,).

    Scratches are 1 to 4 px wide in a picture of up to a megapixel, and 8% to 90% of its side long; spots have a radius
    of 1 to 4.5 px; a crease, of which there are 0 to 2, crosses the whole picture, with a shadow along it.
    """
    height, width = shape
    side = math.sqrt(height * width)
    unit = max(1.0, side / 1000)
    size = np.array([width, height], float)
    for value, opacity in ((240, (0.75, 1.0)), (240, (0.35, 0.8)), (18, (0.75, 1.0)), (18, (0.35, 0.8))):
        canvas = np.zeros((height * FINE, width * FINE), np.uint8)
        for _ in range(rng.integers(1, 4)):
            length = side * math.exp(rng.uniform(math.log(0.08), math.log(0.9)))
            heading = rng.choice([math.pi / 2, 0.0, rng.uniform(0, math.pi)], p=[0.4, 0.1, 0.5])
            heading += rng.normal(0, 0.1) + rng.choice([0, math.pi])
            points = curve(rng.uniform(0, 1, 2) * size, heading, length, rng.normal(0, 0.3), rng)
            draw_curve(canvas, points, rng.uniform(1, 4) * unit)
        for _ in range(rng.integers(1, 6)):
            draw_spot(canvas, rng.uniform(0, 1, 2) * size, rng.uniform(1, 4.5) * unit, rng)
        color = value + rng.uniform(-16, 16) + rng.uniform(-6, 6, 3)
        yield soften(canvas, opacity, rng.uniform(0.2, 0.9) * unit, rng), np.clip(color, 0, 255)
    for _ in range(rng.integers(0, 3)):
        canvas, shadow = (np.zeros((height * FINE, width * FINE), np.uint8) for _ in range(2))
        across = rng.random() < 0.5
        start = size * ([-0.05, rng.uniform(0.15, 0.85)] if across else [rng.uniform(0.15, 0.85), -0.05])
        heading = (0.0 if across else math.pi / 2) + rng.normal(0, 0.05)
        points = curve(start, heading, 1.1 * (width if across else height), rng.normal(0, 0.05), rng)
        thickness = rng.uniform(2.5, 5) * unit
        draw_curve(canvas, points, thickness)
        draw_curve(shadow, points + 0.9 * thickness * np.array([0, 1] if across else [1, 0]), 0.7 * thickness)
        yield soften(shadow, (0.15, 0.45), 0.8 * unit, rng), np.full(3, 20.0)
        yield soften(canvas, (0.4, 0.95), 0.7 * unit, rng), rng.uniform(215, 250) + rng.uniform(-8, 8, 3)


def make_case(name: str, picture: np.ndarray, kind: str, seed: tuple[int, ...]) -> Case:
    """Return a photograph in one of the ways of KINDS."""
    rng = np.random.default_rng(seed)
    if kind == "grey":
        picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    elif kind.endswith("old"):
        picture = wear(Sample.whole(picture), rng).seen
    values, drawn = picture.astype(np.float32), np.zeros(picture.shape[:2], np.float32)
    if KINDS[kind]:
        for opacity, color in draw_damage(picture.shape[:2], rng):
            values += (np.asarray(color, np.float32) - values) * opacity[..., None]
            drawn = np.maximum(drawn, opacity)
    damaged = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    changed = np.abs(damaged.astype(np.int16) - picture).max(axis=2)
    return Case(name, kind, damaged, (drawn > 0.2) & (changed >= VISIBLE), drawn > TRACE)


def read_photographs(folder: Path) -> dict[str, np.ndarray]:
    """Return the photographs by name, in the order of their names; large ones reduced."""
    bundled = Path(skimage.__file__).parent / "data"
    pictures = {}
    for path in sorted([*list_pictures(folder), *(bundled / name for name in BUNDLED)], key=lambda path: path.name):
        picture = np.asarray(read_picture(path))
        scale = math.sqrt(MOST_PIXELS / (picture.shape[0] * picture.shape[1]))
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pictures[path.name] = picture
    return pictures


def smooth_grounds() -> Iterator[tuple[str, np.ndarray]]:
    """Yield pictures without any content, with little noise: studio backgrounds, skies."""
    rng = np.random.default_rng(5)
    for number in range(10):
        corners = rng.uniform(20, 235) + rng.uniform(-50, 50, (2, 2, 1)) + rng.uniform(-30, 30, 3) * (number % 2)
        values = cv2.resize(corners.astype(np.float32), (300, 300), interpolation=cv2.INTER_LINEAR)
        noise = rng.normal(0, rng.uniform(0, 5), (300, 300, 1 + 2 * (number % 2)))
        yield f"smooth {number}", np.clip(np.rint(values + noise), 0, 255).astype(np.uint8)


def gather(pictures: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return features, share that is damage and area of all lines, and of all spots, for fitting."""
    rows: list[list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = [[], []]
    for number, (name, picture) in enumerate([*pictures.items(), *smooth_grounds()]):
        for draw, kind in enumerate([*KINDS, "as it is"]):
            case = make_case(name, picture, kind, (1, number, draw))
            near = dilate(case.visible, 1).ravel()
            for found, pieces in zip(rows, find_pieces(case.picture), strict=True):
                areas = np.bincount(pieces.owners, minlength=len(pieces.features))
                hits = np.bincount(pieces.owners, near[pieces.pixels], minlength=len(areas)) / np.maximum(areas, 1)
                found.append((pieces.features, hits, areas))
    return [tuple(np.concatenate(columns) for columns in zip(*found, strict=True)) for found in rows]


def fit(features: np.ndarray, damaged: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the network of `masks.scratches.score_pieces`, fitted with Adam to the logistic loss."""
    rng = np.random.default_rng(0)
    means, spreads = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs, width = np.clip((features - means) / spreads, -CLIP, CLIP), features.shape[1]
    values = [
        rng.normal(0, width**-0.5, (width, UNITS)),
        np.zeros(UNITS),
        rng.normal(0, UNITS**-0.5, UNITS),
        np.zeros(1),
    ]
    moments = [(np.zeros_like(value), np.zeros_like(value)) for value in values]
    shares = np.cumsum(weights) / weights.sum()
    for step in range(1, STEPS + 1):
        rows = np.searchsorted(shares, rng.random(BATCH)).clip(max=len(inputs) - 1)
        batch = inputs[rows] + rng.normal(0, 0.1, (BATCH, width))
        units = np.tanh(batch @ values[0] + values[1])
        error = (1 / (1 + np.exp(-(units @ values[2] + values[3]))) - damaged[rows]) / BATCH
        back = np.outer(error, values[2]) * (1 - units**2)
        gradients = [
            batch.T @ back + 2e-4 * values[0],
            back.sum(axis=0),
            units.T @ error + 2e-4 * values[2],
            error.sum(keepdims=True),
        ]
        rate = 0.01 * min(1.0, 2 * (1 - step / (STEPS + 1)))
        for value, gradient, (first, second) in zip(values, gradients, moments, strict=True):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            value -= rate * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    names = ("first", "first_bias", "second", "second_bias")
    return {"means": means, "spreads": spreads, **dict(zip(names, values, strict=True))}


def weights_module(networks: dict[str, dict[str, np.ndarray]]) -> str:
    """Return the text of a module with fitted networks."""
    text = [
        '"""How sure it is that a piece is damage: fitted numbers, written by `scripts/bench_scratches.py --fit`."""',
        "",
        "import dataclasses",
        "",
        "import numpy as np",
        "import numpy.typing as npt",
        "",
        '__all__ = ["LINE_WEIGHTS", "SPOT_WEIGHTS", "ScoreWeights"]',
        "",
        "",
        "@dataclasses.dataclass(frozen=True, eq=False)",
        "class ScoreWeights:",
        '    """A network of one hidden layer with F inputs, as text: rows of numbers."""',
        "",
        "    means: npt.NDArray[np.float64]  # (F,)",
        "    spreads: npt.NDArray[np.float64]  # (F,)",
        f"    first: npt.NDArray[np.float64]  # (F, {UNITS})",
        f"    first_bias: npt.NDArray[np.float64]  # ({UNITS},)",
        f"    second: npt.NDArray[np.float64]  # ({UNITS},)",
        "    second_bias: float",
        "",
        "",
        "def _numbers(text: str) -> npt.NDArray[np.float64]:",
        '    """Return the numbers of a text; several lines are the rows of a matrix."""',
        "    rows = [[float(number) for number in line.split()] for line in text.strip().splitlines()]",
        "    return np.array(rows[0] if len(rows) == 1 else rows)",
        "",
    ]
    for name, network in networks.items():
        text += ["", f"{name} = ScoreWeights("]
        for key, value in network.items():
            if key == "second_bias":
                text.append(f"    {key}={float(value[0]):.3f},")
                continue
            lines = [" ".join(f"{number:.3f}" for number in row) for row in np.atleast_2d(value)]
            if len(lines) == 1 and len(lines[0]) < 95:
                text.append(f'    {key}=_numbers("{lines[0]}"),')
            else:
                quotes = '"' * 3
                text += [f"    {key}=_numbers(", f"        {quotes}", *lines, f"        {quotes}", "    ),"]
        text.append(")")
    return "\n".join(text) + "\n"


@dataclasses.dataclass
class Count:
    """Pixels counted over some cases."""

    marked: int = 0
    right: int = 0
    visible: int = 0
    found: int = 0
    covered: int = 0
    clean: list[float] = dataclasses.field(default_factory=list)

    def add(self, case: Case, mask: np.ndarray) -> None:
        """Count one case."""
        if not KINDS[case.kind]:
            self.clean.append(float(mask.mean()))
            return
        self.marked += int(mask.sum())
        self.right += int((mask & dilate(case.drawn, TOLERANCE_PX)).sum())
        self.visible += int(case.visible.sum())
        self.found += int((case.visible & dilate(mask, TOLERANCE_PX)).sum())
        self.covered += int((case.visible & mask).sum())

    def row(self) -> str:
        """Return precision, recall, covered, and the mean and the largest false share."""
        shares = [
            self.right / max(1, self.marked),
            self.found / max(1, self.visible),
            self.covered / max(1, self.visible),
        ]
        clean = self.clean or [0.0]
        return " | ".join([*(f"{share:.2f}" for share in shares), f"{np.mean(clean):.2%}", f"{max(clean):.2%}"])


def overlay(case: Case, mask: np.ndarray) -> np.ndarray:
    """Return a darkened case: green is right, red is wrong, blue was missed."""
    shown = case.picture // 2
    near = dilate(case.drawn, TOLERANCE_PX)
    shown[mask & near], shown[mask & ~near] = (0, 255, 0), (255, 0, 0)
    shown[case.visible & ~dilate(mask, TOLERANCE_PX)] = (0, 128, 255)
    return shown


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--fit", "weights_path", type=click.Path(path_type=Path), help="Fit, and write the numbers here; then end."
)
@click.option(
    "--sureness", type=click.FloatRange(0, 1), default=SURENESS, show_default=True, help="Of the table by picture."
)
@click.option("--sheets", type=click.Path(file_okay=False, path_type=Path), help="Folder for overlays.")
def main(folder: Path, weights_path: Path | None, sureness: float, sheets: Path | None) -> None:
    """Measure the suggestion of scratches, or fit it."""
    pictures = read_photographs(folder)
    for_fitting = dict(list(pictures.items())[::2])
    if weights_path is not None:
        lines, spots = gather(for_fitting)
        networks = {}
        for name, names, (features, hits, areas) in (
            ("LINE_WEIGHTS", LINE_FEATURES, lines),
            ("SPOT_WEIGHTS", SPOT_FEATURES, spots),
        ):
            click.echo(f"{name}: {len(features):,} pieces, {(hits > 0.5).mean():.1%} damage, {len(names)} features")
            networks[name] = fit(features, hits > 0.5, areas**0.8)
        weights_path.write_text(weights_module(networks))
        return
    table = {half: {sure: Count() for sure in SURENESSES} for half in ("fitted", "others")}
    click.echo(
        "| photograph | precision | recall | covered | false, mean | false, most | s |\n|---|---|---|---|---|---|---|"
    )
    for number, (name, picture) in enumerate(pictures.items()):
        own, seconds = Count(), []
        for draw, kind in enumerate(KINDS):
            case = make_case(name, picture, kind, (2, number, draw))
            started = time.perf_counter()
            found, shape = find_pieces(case.picture), case.visible.shape
            mask = mark_sure(found, shape, sureness=sureness)
            seconds.append(time.perf_counter() - started)
            for sure, count in table["fitted" if name in for_fitting else "others"].items():
                count.add(case, mark_sure(found, shape, sureness=sure))
            own.add(case, mask)
            if sheets is not None:
                sheets.mkdir(parents=True, exist_ok=True)
                save_picture(
                    sheets / f"{Path(name).stem}-{kind.replace(', ', '-').replace(' ', '-')}.png", overlay(case, mask)
                )
        half = "" if name in for_fitting else " *"
        click.echo(f"| {name}{half} | {own.row()} | {np.median(seconds):.1f} |")
    columns = ("photographs", "sureness", "precision", "recall", "covered", "false, mean", "false, most")
    click.echo(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for half, counts in table.items():
        for sure, count in counts.items():
            click.echo(f"| {half} | {sure} | {count.row()} |")


if __name__ == "__main__":
    main()
