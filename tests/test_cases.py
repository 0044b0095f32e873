"""Some of the cases of scripts/try_cases.py, and what the program does with those that are wrong."""

import dataclasses
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.scripts import imported

TRIED = [  # groups and names that need neither a model nor a search for faces
    (2, "three labels"),
    (4, "floats and integers"),
    (7, "many formats"),
    (7, "links"),
    (8, "icc/wide.png"),
    (10, "two photographs"),
    (12, "forms of a mask's name"),
    (13, "two frames"),
]


@pytest.fixture(scope="module")
def program():
    with imported("try_cases") as module:
        yield module


@pytest.fixture(scope="module")
def inputs(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    program.make_inputs(folder)
    return folder


def case_named(program, group, name):
    (case,) = (case for case in program.CASES if (case.group, case.name) == (group, name))
    return case


@pytest.mark.parametrize(("group", "name"), TRIED)
def test_cases(program, inputs, group, name):
    assert program.run_case(case_named(program, group, name), inputs) == []


def test_a_run_with_other_settings(program, inputs):
    resumed = [case for case in program.CASES if case.group == 14]
    assert [program.run_case(case, inputs) for case in resumed] == [[]] * 3


def test_every_group_has_cases_with_folders_of_their_own(program):
    assert {case.group for case in program.CASES} == set(program.GROUPS) == set(range(1, 15))
    outputs = [case.output for case in program.CASES if not case.results]
    assert len(set(outputs)) == len(outputs)


def test_what_is_said_wrongly_is_found(program, inputs):
    case = dataclasses.replace(case_named(program, 8, "icc/wide.png"), results="wrong")
    expected = {"notes": 1, "says": ("2 completed",)}
    wrong = program.run_case(dataclasses.replace(case, **expected), inputs)
    assert [line.split(", received")[0] for line in wrong] == ["expected the words '2 completed'", "expected 1 notes"]
    (wrong,) = program.run_case(case, inputs)  # the result exists
    assert wrong.startswith("expected exit code 0, received 1: ")


def check_on(check, inputs, picture, change, folder):
    """Return what a check finds in a copy of an input that was changed."""
    with Image.open(inputs / picture) as image:
        pixels = np.array(image.convert("RGB"))
    change(pixels)
    Image.fromarray(pixels).save(folder / f"{picture.split('/')[-1].split('.')[0]}.png")
    return list(check(inputs, folder))


def test_holes_that_are_not_filled_and_known_pixels_that_change_are_found(program, inputs, tmp_path):
    check = program.check_fill("face.png", "hole.png")
    with Image.open(inputs / "hole.png") as mask:
        hole = np.array(mask) > 0

    def filled(pixels):
        pixels[hole] ^= 8

    assert check_on(check, inputs, "face.png", filled, tmp_path) == []
    (unfilled,) = check_on(check, inputs, "face.png", lambda pixels: None, tmp_path)
    assert unfilled == "expected a hole that is filled, received 0% of it"

    def spilled(pixels):
        filled(pixels)
        pixels[0, 0] ^= 8

    (known,) = check_on(check, inputs, "face.png", spilled, tmp_path)
    assert known == "expected known pixels as they were, received 1 others"


def test_colour_in_grey_and_sepia_scans_is_found(program, inputs, tmp_path):
    for path in (inputs / "grey").iterdir():
        shutil.copy(path, tmp_path)

        def red(pixels):
            pixels[32:96, 32:96, 0] ^= 32

        check_on(lambda *_: (), inputs, f"grey/{path.name}", red, tmp_path)
    found = list(program.check_tones(inputs, tmp_path))
    assert len(found) == 6
    assert sum("expected grey" in line for line in found) == 4
    assert sum("expected the colours of sepia" in line for line in found) == 2


def test_key_colours_profiles_and_second_frames_are_found(program, inputs, tmp_path):
    (magenta,) = check_on(program.check_key_colour("soft.png"), inputs, "key/soft.png", lambda pixels: None, tmp_path)
    assert magenta == "expected no magenta, received 255 levels of it"
    check = program.check_attached("icc/wide.png", "algorithmicallyEnhanced")
    assert [line.split(",")[0] for line in check_on(check, inputs, "icc/wide.png", lambda pixels: None, tmp_path)] == [
        "expected the icc_profile of the input",
        "expected the dpi of the input",
        "expected algorithmicallyEnhanced in the XMP data",
    ]
    for kind in ("gif", "webp", "tif", "mpo"):
        with Image.open(inputs / f"formats/frames.{kind}") as image:
            image.seek(1)
            image.convert("RGB").save(tmp_path / f"frames.{kind}.png")
    assert len(list(program.check_frames(inputs, tmp_path))) == 4


def test_the_program(program, tmp_path, monkeypatch):
    case = case_named(program, 10, "two photographs")
    monkeypatch.setattr(program, "CASES", (case, dataclasses.replace(case, code=0, name="wrong")))
    result = CliRunner().invoke(program.main, ["--keep", str(tmp_path / "kept")])
    first, second, *_, last = result.stdout.splitlines()
    assert result.exit_code == 1
    assert first == "right 10 one box for several photographs: two photographs"
    assert second.startswith("WRONG 10 one box for several photographs: wrong; expected exit code 0, received 2: ")
    assert last.startswith("1 right, 1 wrong, ")
    again = CliRunner().invoke(program.main, ["--keep", str(tmp_path / "kept")])
    assert again.exit_code == 2
    assert "expected an empty folder" in again.stderr
