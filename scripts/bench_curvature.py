"""Compare second-order optimisers of the latent search with Adam.

All minimise the contextual loss over z: Adam (`latent` without the perceptual loss), for all pictures in one batch;
L-BFGS-B (Byrd et al. 1995), picture by picture; and Gauss-Newton steps in a trust region (Branch et al. 1999) on the
weighted residuals with a smoothed absolute error, picture by picture. The last two are SciPy's. Print the contextual
loss, the hole PSNR after automatic blending (uint8) and the seconds per picture, which include compilation for SciPy's
methods only.
"""

import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from keras import ops
from scipy import optimize

from completion.completer import Completer
from completion.config import choose_search
from completion.evaluation.faces import make_masks, read_faces
from completion.evaluation.metrics import picture_metrics
from completion.search.adam import Guess, LatentSearch, Problem, start_latents
from dcgan.autodiff import compile_function, value_and_grad
from dcgan.model_file import load_model

STEP = 1e-2  # step of the finite differences
SMOOTH = 0.05  # the loss is quadratic for residuals below this and absolute above

Array = np.ndarray


def minimise_lbfgs(search: LatentSearch, problem: Problem, start: Array, guess: Guess | None, steps: int) -> Array:
    """Return the optimal z of one picture, (latent_dim,)."""
    data = search.prepare(problem, guess)
    function = compile_function(value_and_grad(lambda z, *data: (search.losses(z, *data)[0], ())))

    def evaluate(z: Array) -> tuple[float, Array]:
        (value, _), gradient = function(z[None].astype(np.float32), *data)
        return float(np.asarray(value)[0]), np.asarray(gradient)[0].astype(np.float64)

    bounds = [(-1.0, 1.0)] * len(start)
    return optimize.minimize(
        evaluate, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxfun": steps, "maxiter": steps}
    ).x


def minimise_gauss_newton(
    search: LatentSearch, problem: Problem, start: Array, guess: Guess | None, steps: int
) -> Array:
    """Return the optimal z of one picture, (latent_dim,); finite differences give the Jacobian, in one call."""
    weights = np.sqrt(search.prepare(problem, guess)[1][0])
    count = len(start)

    def residuals(z: Array) -> Array:
        repeated = None
        if guess is not None and guess.offset is not None:
            repeated = Guess(guess.latents, np.repeat(guess.offset, len(z), axis=0))
        drawn = search.generate(z.astype(np.float32), repeated)
        return ((drawn - problem.targets) * weights / np.sqrt(3.0)).reshape(len(z), -1).astype(np.float64)

    def jacobian(z: Array) -> Array:
        away = np.where(z > 0.0, -STEP, STEP)  # towards 0, inside the bounds
        moved = residuals(np.concatenate([z[None] + np.diag(away), z[None]]))
        return ((moved[:count] - moved[count]) / away[:, None]).T

    return optimize.least_squares(
        lambda z: residuals(np.repeat(z[None], count + 1, axis=0))[0],  # constant number of rows: compiled once
        start,
        jac=jacobian,
        bounds=(-1.0, 1.0),
        loss="soft_l1",
        f_scale=SMOOTH * float(np.median(weights[weights > 0.0])),
        max_nfev=steps,
    ).x


def each_alone(minimise: Callable[..., Array], steps: int) -> Callable[..., Array]:
    """Return a search that minimises picture by picture."""

    def run(search: LatentSearch, problem: Problem, starts: Array, guess: Guess | None) -> Array:
        found = []
        for row, start in enumerate(starts):
            own = slice(row, row + 1)
            part = Problem(problem.targets[own], problem.known[own])
            its_guess = None if guess is None else Guess(guess.latents[own], guess.offset[own])
            found.append(minimise(search, part, np.clip(start, -0.999, 0.999), its_guess, steps))
        return np.stack(found).astype(np.float32)

    return run


SEARCHES: dict[str, Callable[..., Array]] = {
    "none": lambda search, problem, starts, guess: starts,
    "Adam, 300 steps": lambda search, problem, starts, guess: search.run(problem, starts, guess=guess).latents,
    "L-BFGS, 60 evaluations": each_alone(minimise_lbfgs, 60),
    "L-BFGS, 300 evaluations": each_alone(minimise_lbfgs, 300),
    "Gauss-Newton, 10 steps": each_alone(minimise_gauss_newton, 10),
    "Gauss-Newton, 30 steps": each_alone(minimise_gauss_newton, 30),
}


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="Aligned faces.")
@click.option("--model", default="faces-64", show_default=True)
@click.option("--count", default=12, show_default=True, help="Faces.")
@click.option("--mask", default="center", show_default=True)
def main(faces: Path, model: str, count: int, mask: str) -> None:
    """Print the table."""
    prior = load_model(model)
    chosen = read_faces(faces, count, size=prior.config.size)
    masks = make_masks(mask, chosen)
    click.echo("| mask | start | search | contextual loss | hole PSNR | seconds a picture |\n|---|---|---|---|---|---|")
    for begin, preset, rate in (("random", "latent", 0.1), ("encoder", "fast", 0.02)):
        config = choose_search(preset, perceptual_weight=0.0, iterations=300, learning_rate=rate)
        completer = Completer(prior, config)
        search = completer.search
        views = [completer.look(picture, hole) for picture, hole in zip(chosen.pictures, masks, strict=True)]
        problem = Problem(np.stack([target for target, _ in views]), np.stack([known for _, known in views]))
        guess = search.guess(problem) if begin == "encoder" else None
        starts = start_latents(count, prior.config.latent_dim) if guess is None else guess.latents
        search.warm_up(count)
        for label, find in SEARCHES.items():
            started = time.perf_counter()
            found = find(search, problem, starts, guess)
            spent = (time.perf_counter() - started) / count
            loss = np.asarray(search.losses(ops.convert_to_tensor(found), *search.prepare(problem, guess))[0])
            rows = zip(chosen.pictures, masks, search.generate(found, guess), strict=True)
            completed = [completer.compose(picture, hole, drawn) for picture, hole, drawn in rows]
            figures = [picture_metrics(*row) for row in zip(chosen.pictures, completed, masks, strict=True)]
            psnr = np.mean([row["hole_psnr"] for row in figures])
            click.echo(f"| {mask} | {begin} | {label} | {loss.mean():.4f} | {psnr:.2f} | {spent:.2f} |")


if __name__ == "__main__":
    main()
