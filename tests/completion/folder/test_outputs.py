import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from completion.config import FORMS
from completion.folder.inputs import InputPicture, take_shard
from completion.folder.manifest import open_manifest, read_record
from completion.folder.outputs import candidate_paths, name_outputs

OUT = Path("out")
NAMES = st.sampled_from(
    ["a.png", "a.jpg", "A.jpg", "a.PNG", "a.jpeg", "a.tif", "x/a.jpg", "b", "b.webp", "b.gif", "sheet.jpg"]
)


def names(*relatives, **options):
    inputs = [InputPicture(Path("in", name), name, Path("in")) for name in relatives]
    outputs = name_outputs(inputs, OUT, **options)
    return [output.paths[0].relative_to(OUT).as_posix() for output in outputs.values()]


@pytest.mark.parametrize(
    ("relatives", "expected"),
    [
        (["a.png", "b.jpg", "c.PNG", "x/a", "d.png.jpg"], ["a.png", "b.png", "c.png", "x/a.png", "d.png.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png"]),
        (["a.jpg", "a.jpeg"], ["a.jpg.png", "a.jpeg.png"]),
        (["a.jpg", "A.tif"], ["a.jpg.png", "A.tif.png"]),  # one file, where case does not count
        (["a.jpg", "x/a.png"], ["a.png", "x/a.png"]),
        (["a.jpg", "a.jpg.png"], ["a.png", "a.jpg.png"]),
        (["a.jpg", "a.png", "a.jpg.png"], ["a.jpg.png.png", "a.png", "a.jpg.png"]),
        (["scan.2020", "a.b.jpg", ".png"], ["scan.2020.png", "a.b.png", ".png"]),
        (["sheet.jpg", "sheet-1-of-2.gif"], ["sheet.jpg.png", "sheet-1-of-2.gif.png"]),
    ],
)
def test_names_of_png_results(relatives, expected):
    assert names(*relatives) == expected


def test_names_of_results_in_other_formats():
    relatives = ["a.jpeg", "b.JPG", "c.png", "d.tif", "e.gif", "f"]
    assert names(*relatives, form="same") == ["a.jpeg", "b.JPG", "c.png", "d.tif", "e.png", "f.png"]
    assert names(*relatives, form="jpeg") == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"]
    assert names("a.png", "a.webp", form="webp") == ["a.png.webp", "a.webp"]


def test_a_format_that_is_not_written_is_said():
    inputs = [InputPicture(Path(name), name, Path()) for name in ("a.gif", "b", "c.jpg")]
    notes = [output.notes for output in name_outputs(inputs, OUT, form="same").values()]
    assert notes == [
        ("no .gif is written: a PNG instead",),
        ("no file without a suffix is written: a PNG instead",),
        (),
    ]


@given(relatives=st.lists(NAMES, unique=True), form=st.sampled_from(sorted(FORMS)), shards=st.integers(1, 3))
def test_no_two_results_have_one_name_and_every_shard_agrees(relatives, form, shards):
    found = names(*relatives, form=form)
    assert len(set(found)) == len(found)
    if len({name.casefold() for name in relatives}) == len(relatives):
        assert len({name.casefold() for name in found}) == len(found)
    inputs = [InputPicture(Path("in", name), name, Path("in")) for name in relatives]
    whole = name_outputs(inputs, OUT, form=form)
    for index in range(1, shards + 1):  # the others have written theirs already
        others = [source for source in inputs if source not in take_shard(inputs, (index, shards))]
        recorded = {source.relative: whole[source].paths[0].relative_to(OUT).as_posix() for source in others}
        assert name_outputs(inputs, OUT, form=form, recorded=recorded, own=recorded.values()) == whole


def test_names_of_candidates():
    (output,) = name_outputs([InputPicture(Path("a.jpg"), "a.jpg", Path())], OUT, candidates=2).values()
    assert output.paths == (OUT / "a.candidate-1.png", OUT / "a.candidate-2.png")


def test_a_picture_keeps_the_name_of_an_earlier_run():
    assert names("a.jpg", "a.tif", recorded={"a.jpg": "a.png"}) == ["a.png", "a.tif.png"]
    assert names("a.jpg", recorded={"a.jpg": "a.jpg.png"}) == ["a.jpg.png"]
    assert names("a.png", recorded={"a.jpg": "a.png"}) == ["a.png.png"]
    assert names("a.jpg", recorded={"a.jpg": "a.png"}, form="webp") == ["a.webp"]


def test_an_output_of_version_0_1_that_was_not_recorded():
    assert names("a.jpg", "b.jpg", own=["a.jpg.png"]) == ["a.jpg.png", "b.png"]
    assert names("a.jpg", own=["a.jpg.png", "a.png"]) == ["a.png"]
    assert names("a.jpg", "a.jpg.png", own=["a.jpg.png"]) == ["a.png", "a.jpg.png"]
    inputs = [InputPicture(Path("a.jpg"), "a.jpg", Path())]
    (output,) = name_outputs(inputs, OUT, candidates=2, own=["a.jpg.candidate-1.png"]).values()
    assert output.paths == tuple(candidate_paths(OUT / "a.jpg.png", 2))


@pytest.mark.parametrize("candidates", [1, 100])
@pytest.mark.parametrize("stem", ["b" * 251, "\u7167" * 83, "\udcff" * 251])
def test_long_names_are_cut_to_what_the_file_system_takes(stem, candidates, tmp_path):
    inputs = [InputPicture(tmp_path / name, name, tmp_path) for name in (f"{stem}.jpg", f"{stem}.tif", f"{stem}.png")]
    outputs = name_outputs(inputs, tmp_path / "out", candidates=candidates)
    assert outputs == name_outputs(inputs, tmp_path / "out", candidates=candidates)
    paths = [path for output in outputs.values() for path in output.paths]
    assert len(set(paths)) == 3 * candidates
    assert max(len(os.fsencode(path.name)) for path in paths) <= 255
    first = outputs[inputs[0]]
    assert first.notes == (f"the name is too long for the folder: written as {name_of(first, candidates)}",)
    assert (outputs[inputs[2]].notes == ()) == (candidates == 1)


def name_of(output, candidates):
    """Return the name without the number of the candidate."""
    return output.paths[0].name.replace(".candidate-1", "") if candidates > 1 else output.paths[0].name


def test_what_earlier_runs_recorded(tmp_path):
    fields = {"status": "completed", "seed": 0, "model_sha256": None}
    with open_manifest(tmp_path / "manifest.jsonl") as manifest:
        (tmp_path / "x").mkdir()
        for name in ("x/a.png", "b.candidate-1.png", "b.candidate-2.png"):
            manifest.claim(tmp_path / name)
            (tmp_path / name).touch()
        manifest.append({"input": "/in/x/a.jpg", "output": str(tmp_path / "x" / "a.png"), **fields})
        both = [str(tmp_path / f"b.candidate-{number}.png") for number in (1, 2)]
        manifest.append({"input": "b.tif", "output": both, **fields})
        manifest.append({"input": "c.tif", "output": None, **fields})
    assert read_record(tmp_path).names == {"x/a.jpg": "x/a.png", "b.tif": "b.png"}
    assert read_record(tmp_path / "nowhere").names == {}
