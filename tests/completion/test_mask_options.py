"""The options that say what is missing, also with masks that these tests add to the table."""

import collections
import importlib.util
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from completion.mask_options import mask_options, read_mask_options
from masks import MaskSpec, make_mask
from masks.table import BOX, MASKS, MaskOption, NamedMask
from tests.completion.helpers import make_picture, read, records, write_pictures

GAP = MaskOption("line_gap", int, default=3, minimum=2, help="distance of the lines, in pixels")


def read_choice(*arguments):
    """Parse arguments with a command that has these options alone."""
    choices = []

    @click.command()
    @mask_options
    def command(**options):
        choices.append(read_mask_options(options))

    command.main([str(argument) for argument in arguments], standalone_mode=False)
    return choices[0]


@pytest.fixture
def dummy(monkeypatch):
    """Add a mask to the table, and return complete-images as it is built from this table."""

    def lines_mask(shape, *, line_gap):
        mask = np.ones(shape, bool)
        mask[:, ::line_gap] = False
        return mask

    monkeypatch.setattr("masks.shapes.lines_mask", lines_mask, raising=False)
    monkeypatch.setitem(MASKS, "dummy", NamedMask("shapes.lines_mask", options=(GAP,)))
    home = importlib.util.find_spec("completion.cli")
    module = importlib.util.module_from_spec(home)
    home.loader.exec_module(module)
    return module.complete_command


def test_complete_images_has_a_mask_that_was_added_to_the_table(dummy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(".", ["a.png"])
    original = make_picture(seed=0)
    for options, gap in (([], 3), (["--line-gap", "5"], 5)):
        arguments = ["a.png", "--method", "biharmonic", "--mask", "dummy", *options, "--overwrite"]
        result = CliRunner().invoke(dummy, arguments)
        assert result.exit_code == 0, result.output
        known = np.arange(16) % gap == 0
        assert records("completed")[-1]["missing"] == round(1 - known.mean(), 4)
        completed = read("completed/a.png")
        np.testing.assert_array_equal(completed[:, known], original[:, known])
        assert (completed[:, ~known] != original[:, ~known]).mean() > 0.5
        np.testing.assert_array_equal(make_mask(MaskSpec("dummy", line_gap=gap), (1, 16))[0], ~known)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mask", "dummy", "--line-gap", "1"], "Expected --line-gap to be a whole number of at least 2."),
        (["--mask", "dummy", "--line-gap", "1.5"], "Invalid value for '--line-gap': '1.5' is not a valid integer."),
        (["--mask", "dummy", "--step", "3"], "--step goes with --mask grid."),
        (["--mask", "grid", "--line-gap", "3"], "--line-gap goes with --mask dummy."),
        (["--line-gap", "3"], "--line-gap goes with --mask dummy."),
        (["--line-gap", "3", "--mask-from-alpha"], "--line-gap goes with --mask dummy."),
    ],
)
def test_options_of_an_added_mask_are_checked(dummy, tmp_path, options, message):
    write_pictures(tmp_path, ["a.png"])
    result = CliRunner().invoke(dummy, [str(tmp_path / "a.png"), *options])
    assert result.exit_code == 2
    assert message in result.stderr


def test_help_shows_an_added_mask_and_its_option(dummy):
    words = " ".join(CliRunner().invoke(dummy, ["--help"]).output.split())
    assert "|scratches|dummy]" in words
    assert "--line-gap INTEGER dummy: distance of the lines, in pixels. [default: 3]" in words


def test_masks_may_share_an_option(monkeypatch):
    monkeypatch.setitem(MASKS, "rows", NamedMask("shapes.rows_mask", options=(GAP,)))
    monkeypatch.setitem(MASKS, "columns", NamedMask("shapes.columns_mask", options=(GAP,)))
    for name in ("rows", "columns"):
        assert read_choice("--mask", name, "--line-gap", 4).spec == MaskSpec(name, line_gap=4)
    with pytest.raises(click.UsageError, match=r"--line-gap goes with --mask rows or columns\."):
        read_choice("--line-gap", 4)


def test_an_option_without_a_default_must_be_given(monkeypatch):
    radius = MaskOption("radius", float, minimum=0, help="radius of the disc, in pixels")
    monkeypatch.setitem(MASKS, "disc", NamedMask("shapes.disc_mask", options=(radius,)))
    assert read_choice("--mask", "disc", "--radius", 2).spec.options == {"radius": 2.0}
    assert read_choice("--mask", "left").spec.name == "left"
    with pytest.raises(click.UsageError, match=r"--mask disc needs --radius\."):
        read_choice("--mask", "disc")


def test_another_mask_in_a_box(monkeypatch):
    monkeypatch.setitem(MASKS, "ellipse", NamedMask("shapes.ellipse_mask", options=BOX, box_help="its box"))
    choice = read_choice("--ellipse", "1,2,3,4")
    assert (choice.source, choice.spec) == ("--mask", MaskSpec("ellipse", x=1, y=2, width=3, height=4))
    assert read_choice("--rectangle", "1,2,3,4").spec.name == "rectangle"
    for arguments, message in (
        (
            ("--rectangle", "1,2,3,4", "--ellipse", "1,2,3,4"),
            "--ellipse goes with --mask ellipse, received --mask rect",
        ),
        (
            ("--mask", "ellipse", "--rectangle", "1,2,3,4"),
            "--rectangle goes with --mask rectangle, received --mask ell",
        ),
        (("--mask", "ellipse"), r"--mask ellipse needs --ellipse x,y,width,height\."),
    ):
        with pytest.raises(click.UsageError, match=message):
            read_choice(*arguments)


def test_nothing_given_is_the_default_mask():
    choice = read_choice()
    assert (choice.source, choice.spec) == ("", MaskSpec())
    assert (choice.file, choice.folder, choice.color) == (None, None, None)
    assert (choice.alpha, choice.color_tolerance) == (False, None)


@pytest.mark.parametrize(
    ("arguments", "source", "field", "value"),
    [
        (["--mask", "left"], "--mask", "spec", MaskSpec("left")),
        (["--mask", "random", "--fraction", "0.3"], "--mask", "spec", MaskSpec("random", fraction=0.3)),
        (["--scale", "0.3"], "", "spec", MaskSpec(scale=0.3)),
        (["--invert-mask", "--dilate", "2"], "", "spec", MaskSpec(invert=True, dilate_px=2)),
        (["--mask-file", __file__], "--mask-file", "file", Path(__file__)),
        (["--mask-dir", Path(__file__).parent], "--mask-dir", "folder", Path(__file__).parent),
        (["--mask-from-alpha"], "--mask-from-alpha", "alpha", True),
        (["--mask-color", "#f0f"], "--mask-color", "color", (255, 0, 255)),
        (["--mask-color", "1,2,3", "--mask-color-tolerance", "9"], "--mask-color", "color_tolerance", 9),
        (["--mask-from-alpha", "--dilate", "2"], "--mask-from-alpha", "spec", MaskSpec(dilate_px=2)),
    ],
)
def test_sources(arguments, source, field, value):
    choice = read_choice(*arguments)
    assert choice.source == source
    assert getattr(choice, field) == value


def test_no_two_options_of_complete_images_have_one_name():
    for spellings in (
        [spelling for param in complete_command.params for spelling in (*param.opts, *param.secondary_opts)],
        [param.name for param in complete_command.params],
    ):
        assert [name for name, count in collections.Counter(spellings).items() if count > 1] == []
