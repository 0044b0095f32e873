"""Faces of these tests, and what an evaluation has written."""

import csv
from pathlib import Path

import numpy as np

NAMES = [f"{letter}.png" for letter in "abcde"]


def rows(folder="evaluation", *, without=("seconds",)):
    """The rows of a run's CSV without what differs between two runs."""
    with open(Path(folder, "results.csv"), newline="") as file:
        return [{name: cell for name, cell in row.items() if name not in without} for row in csv.DictReader(file)]


def arrays(folder, name):
    with np.load(Path(folder, f"{name}.npz")) as file:
        return dict(file)
