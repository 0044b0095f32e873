"""Try inputs that neighbouring programs misread, and see whether each is understood, noted or refused.

    python scripts/try_cases.py

The small inputs of `cases_made.py` go through complete-images and dcgan-align: masks of many kinds, grey scans, turned
photographs, files of several frames and others. The exit code, the notes, words of what is said and the pictures
that are written (see `cases_checked.py`) are compared with what is right. One line is printed for each case.
"""

import dataclasses
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from cases_checked import (
    Check,
    check_frames,
    check_attached,
    check_brightness,
    check_fill,
    check_key_colour,
    check_record,
    check_tones,
    check_turned,
    check_written,
)
from cases_made import EXAMPLES, LONG_NAMES, NAMES, make_inputs

__all__ = ["CASES", "Case", "run_case"]

PHOTOGRAPHS = EXAMPLES / "photographs"
Arguments = tuple[str | Path, ...]
Words = tuple[str, ...]
CENTER = ("--method", "telea", "--mask", "center")


@dataclasses.dataclass(frozen=True)
class Case:
    """A command, and what is right.

    Parameters
    ----------
    group : int
        The number of the kind of case, see `GROUPS`.
    name : str
        What is special about the input.
    arguments : tuple of str or Path
        The options and inputs, relative to the folder of the inputs. The folder of the results is added.
    code : int, optional
        The exit code.
    notes : int, optional
        The number of lines that begin with "note: ".
    says : tuple of str, optional
        Words that are said, on stdout or stderr.
    checks : tuple of callable, optional
        What holds for the files that are written.
    program : str, optional
        The command.
    results : str, optional
        Name of the folder of the results, for cases that share one. Default: a folder of its own.
    """

    group: int
    name: str
    arguments: Arguments
    code: int = 0
    notes: int = 0
    says: Words = ()
    checks: tuple[Check, ...] = ()
    program: str = "complete-images"
    results: str = ""

    @property
    def output(self) -> str:
        """The folder of the results, relative to that of the inputs."""
        return f"results/{self.results or re.sub('[^a-z0-9]+', '-', f'{self.group} {self.name}'.lower())}"


GROUPS = {
    1: "near-monochrome pictures",
    2: "what a mask file means",
    3: "mask of another shape",
    4: "ranges of deep files",
    5: "a face on a badge",
    6: "a photograph without --faces",
    7: "what is left out",
    8: "what is attached to the pixels",
    9: "a turned face",
    10: "one box for several photographs",
    11: "key colours and soft masks",
    12: "names",
    13: "several frames",
    14: "old results and new settings",
}


def _mask_cases() -> Iterator[Case]:
    """Yield the cases of one hole that is drawn in the ways of many programs."""
    command, checks = ("--method", "auto", "--mask-file"), (check_fill("face.png", "hole.png"),)
    for name in (
        "values_0_1",
        "values_0_255_in_16_bits",
        "one_bit",
        "palette",
        "palette_of_labels",
        "red",
        "red_on_clear",
        "white_on_clear_black",
        "white_on_clear_white",
    ):
        said: Words = ("taken as an aligned face",)
        yield Case(2, name, (*command, f"masks/{name}.png", "face.png"), says=said, checks=checks)
    for name in ("hole_cut_out_of_black", "hole_cut_out_of_photograph"):
        said = ("which were taken as missing", "--invert-mask")
        yield Case(2, name, (*command, f"masks/{name}.png", "face.png"), notes=1, says=said, checks=checks)
    said, checks = ("soft edges", "--mask-threshold"), (check_fill("face.png", "hole.png", rim_px=4),)
    yield Case(2, "jpeg", (*command, "masks/jpeg.jpg", "face.png"), notes=1, says=said, checks=checks)
    said = ("hides 90% of it", "--invert-mask")
    yield Case(2, "inverted", (*command, "masks/inverted.png", "face.png"), notes=1, says=said)
    said = ("Expected a mask of two colours. Received: 3 colours", "--mask-threshold")
    yield Case(2, "three labels", (*command, "masks/three_labels.png", "face.png"), code=1, says=said)
    said = ("failed: face.png", "hides nothing")
    yield Case(2, "empty", (*command, "masks/empty.png", "face.png"), code=1, says=said)


def _shape_cases() -> Iterator[Case]:
    """Yield the cases of masks whose sides are or are not those of a phone's photograph."""

    def arguments(mask: str) -> tuple[str, ...]:
        return ("--faces", "--mask-file", f"phone/{mask}.png", "phone/phone.jpg")

    yield Case(3, "as the picture is shown", arguments("mask_upright"), says=("1 completed",))
    said = ("its mask was turned", "orientation tag")
    yield Case(3, "as the picture is stored", arguments("mask_as_stored"), notes=1, says=said)
    said = ("failed: phone/phone.jpg", "proportions, 358x512. Received: 1000x100")
    other, checks = arguments("mask_of_another_shape"), (check_written(),)
    yield Case(3, "other proportions", other, code=1, says=said, checks=checks)


def _photograph_cases() -> Iterator[Case]:
    """Yield the cases of photographs in which a face is a guess, or is turned, or is said to be somewhere."""
    astronaut = PHOTOGRAPHS / "astronaut.jpg"
    arguments: Arguments = ("--faces", "--mask-file", "badge/hole.png", astronaut)
    said: Words = ("the hole touches none of the faces found", "score 1.", "telea fills it", "--face-box")
    yield Case(5, "beside a sure face", arguments, notes=1, says=said, checks=(check_record(faces=0, beyond=1.0),))
    arguments = ("--mask-file", PHOTOGRAPHS / "masks" / "mouth.png", astronaut)
    said = ("taken as a photograph", "--aligned", "is a guess", "--min-score")
    yield Case(6, "a hidden mouth", arguments, notes=1, says=said, checks=(check_record(faces=1, beyond=0.0),))
    for degrees, turn in ((45, "45 degrees clockwise"), (90, "90 degrees clockwise"), (180, "180 degrees")):
        arguments = ("--faces", "--mask-file", f"turned/mask_{degrees}.png", f"turned/by_{degrees}.jpg")
        said = (f"found with the photograph turned by {turn}", "--landmarks-file")
        yield Case(9, f"by {degrees} degrees", arguments, notes=1, says=said, checks=(check_turned(degrees),))
    arguments = ("--face-box", "145,274,187,187", "--mask-file", "turned/mask_180.png", "turned/by_180.jpg")
    said = ("the face at 145,274,187,187", "turned by 180 degrees")
    yield Case(9, "by 180 degrees, in a box", arguments, notes=1, says=said, checks=(check_turned(180),))
    options = ("--face-box", "180,139,187,187", "--rectangle", "230,240,60,60")
    arguments = (*options, PHOTOGRAPHS / "two.jpg", PHOTOGRAPHS / "old.jpg")
    said = ("--face-box is a place in one photograph, received 2 pictures", "--landmarks-file")
    yield Case(10, "two photographs", arguments, code=2, says=said, checks=(check_written(),))


def _format_cases() -> Iterator[Case]:
    """Yield the cases of formats, linked folders, frames and what is attached to the pixels."""
    deep = tuple(f"formats/{name}.tif" for name in ("float_0_to_1", "float_0_to_255", "int32_0_to_255"))
    said: Words = ("values of 0 to 1 are read", "values of 0 to 255 are read", "do not exceed 255 are read as 0 to 255")
    yield Case(4, "floats and integers", (*CENTER, *deep), notes=3, says=said, checks=(check_brightness,))
    said = ("1 file without a picture's suffix", "first of 2 frames", "CMYK are guessed", "22 completed (8 with notes)")
    yield Case(7, "many formats", (*CENTER, "formats"), notes=8, says=said)
    left_out = "1 link to a folder that is read without it"
    said, checks = ("2 completed", left_out), (check_written("one.png", "kids/kid.png"),)
    yield Case(7, "links", (*CENTER, "--recursive", "links"), says=said, checks=checks)
    said, checks = ("2 aligned", left_out), (check_written("one.png", "kids--kid.png"),)
    yield Case(7, "links, aligned", ("--workers", "1", "links"), says=said, checks=checks, program="dcgan-align")
    frames = tuple(f"formats/frames.{kind}" for kind in ("gif", "webp", "tif", "mpo"))
    said = tuple(f"{frame}: first of 2 frames" for frame in frames)
    yield Case(13, "two frames", (*CENTER, *frames), notes=4, says=said, checks=(check_frames,))
    for picture in ("icc/wide.png", "formats/icc.png", "formats/icc.jpg"):
        checks = (check_attached(picture, "algorithmicallyEnhanced"),)
        yield Case(8, picture, (*CENTER, picture), says=("1 completed",), checks=checks)
    checks = (check_attached("icc/wide.png", "compositeWithTrainedAlgorithmicMedia"),)
    yield Case(8, "filled by a model", ("--mask", "center", "icc/wide.png"), says=("1 completed",), checks=checks)


def _name_cases() -> Iterator[Case]:
    """Yield the cases of masks' names, and of names that are nearly or really too long."""
    arguments: Arguments = ("--method", "telea", "--mask-dir", "names_masks", "names")
    said: Words = ("4 completed", "case_mask.png, in other letter case")
    checks = (check_written(*map(_as_png, NAMES)),)
    yield Case(12, "forms of a mask's name", arguments, notes=1, says=said, checks=checks)
    said = ("none named one_mask, one-mask", "one_mask001", "4 files are the masks of none of the pictures")
    arguments, checks = ("--mask-dir", "names_masks", "links/one.jpg"), (check_written(),)
    yield Case(12, "no mask of its name", arguments, code=1, says=said, checks=checks)
    checks = (check_written(*map(_as_png, LONG_NAMES)),)
    yield Case(12, "the longest names", (*CENTER, "long"), says=("2 completed",), checks=checks)
    said = ("2 completed", "the name is too long for the folder: written as bbb")
    yield Case(12, "a name that grows", (*CENTER, "--format", "webp", "long"), notes=1, says=said)


def _as_png(name: str) -> str:
    """Return the name of a result."""
    return f"{name}.png"


def _other_cases() -> Iterator[Case]:
    """Yield the cases of tones, key colours and resumed runs."""
    yield Case(1, "grey and sepia", ("--mask", "center", "grey"), says=("6 completed",), checks=(check_tones,))
    arguments: Arguments = ("--mask-color", "#ff00ff", "key/key.jpg")
    said: Words = ("within 32 of #ff00ff", "4 px more", "--mask-color-tolerance")
    yield Case(11, "magenta in a JPEG", arguments, notes=1, says=said, checks=(check_key_colour("key.jpg"),))
    arguments = ("--mask-file", "key/soft_mask.png", "key/soft.png")
    said = ("soft edges, which count as missing", "--mask-threshold")
    yield Case(11, "a soft mask", arguments, notes=1, says=said, checks=(check_key_colour("soft.png"),))

    def resumed(name: str, *options: str, **expected: Any) -> Case:
        """Return a case that works in the one folder, whose only result is to stay that of the first."""
        checks = (check_fill("face.png", "left.png"), check_written("face.png"))
        return Case(14, name, ("--method", "telea", *options, "face.png"), checks=checks, results="resumed", **expected)

    yield resumed("the first run", "--mask", "left", says=("1 completed",))
    said = ("completed with other settings (mask was 'left', now 'top')", "--overwrite")
    yield resumed("another mask", "--mask", "top", "--skip-existing", code=1, says=said)
    yield resumed("the same mask", "--mask", "left", "--skip-existing", says=("0 completed, 1 existing",))


def _all_cases() -> list[Case]:
    """Return all cases, by group."""
    parts = (_mask_cases, _shape_cases, _photograph_cases, _format_cases, _name_cases, _other_cases)
    return sorted((case for part in parts for case in part()), key=lambda case: case.group)


CASES = tuple(_all_cases())


def run_case(case: Case, inputs: Path, *, seconds: float = 300.0) -> list[str]:
    """Run a case's command and return what is wrong, a line for each.

    Parameters
    ----------
    case : Case
        The case.
    inputs : Path
        The folder of the inputs, see `make_inputs`; results are written below it.
    seconds : float, optional
        Time that the command may take.

    Returns
    -------
    list of str
        What was expected and what was received instead; empty where all is right.
    """
    output = ("--output", case.output) if case.program == "complete-images" else (case.output,)
    command = [str(Path(sys.executable).with_name(case.program)), *map(str, case.arguments), *output]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=inputs, check=False)
    except subprocess.TimeoutExpired:
        return [f"expected an end within {seconds:.0f} s, received none"]
    wrong = list(_wrongly_said(case, done))
    if not wrong:  # without results there is nothing to check
        wrong = [line for check in case.checks for line in check(inputs, inputs / case.output)]
    return wrong


def _wrongly_said(case: Case, done: subprocess.CompletedProcess[str]) -> Iterator[str]:
    """Yield what is wrong with the exit code and the words of a command."""
    said = unicodedata.normalize("NFC", f"{done.stdout}\n{done.stderr}")
    if done.returncode != case.code:
        yield f"expected exit code {case.code}, received {done.returncode}: {said.strip()}"
        return
    if "Traceback" in said:
        yield f"expected no traceback, received {said.strip()}"
    for words in case.says:
        if words not in said:
            yield f"expected the words {words!r}, received {said.strip()!r}"
    notes = sum(line.startswith("note: ") for line in said.splitlines())
    if notes != case.notes:
        yield f"expected {case.notes} notes, received {notes}: {said.strip()!r}"


def _try_all(cases: Sequence[Case], inputs: Path) -> int:
    """Run cases, print a line for each, and return how many of them are wrong."""
    failures = 0
    for case in cases:
        wrong = run_case(case, inputs)
        failures += bool(wrong)
        verdict = "WRONG" if wrong else "right"
        click.echo(f"{verdict} {case.group:2} {GROUPS[case.group]}: {'; '.join([case.name.replace('_', ' '), *wrong])}")
    return failures


@click.command()
@click.option("--group", "groups", type=click.IntRange(1, len(GROUPS)), multiple=True, help="Try only this group.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Empty folder for inputs and results. Default: temporary."
)
def main(groups: tuple[int, ...], keep: Path | None) -> None:
    """Try every case and print whether it is right; exit code 1 where one is wrong."""
    if keep and keep.is_dir() and any(keep.iterdir()):
        raise click.BadParameter(f"expected an empty folder, received {keep}", param_hint="--keep")
    started = time.perf_counter()
    cases = [case for case in CASES if not groups or case.group in groups]
    with tempfile.TemporaryDirectory() as temporary:
        inputs = (keep or Path(temporary)).resolve()
        make_inputs(inputs)
        failures = _try_all(cases, inputs)
    click.echo(f"{len(cases) - failures} right, {failures} wrong, {time.perf_counter() - started:.0f} s")
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
