import json

import pytest

from completion.folder import parts
from completion.folder.parts import PARTS, PartWriter, compact_parts, has_parts, iterate_parts
from completion.folder.urls import as_path
from dcgan.errors import FaceCompletionError

pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra: ray)")


def line(number, **fields):
    return {"input": f"in/{number}.png", "output": f"out/{number}.png", "status": "completed", "seed": 0} | fields


@pytest.fixture(params=["folder", "url"])
def place(request, tmp_path):
    return tmp_path if request.param == "folder" else as_path(f"file://{tmp_path}")


def write(place, lines, **options):
    with PartWriter(place, **options) as writer:
        for each in lines:
            writer.append(each)


def test_lines_come_back_as_they_were(place, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_ROWS", 2)
    lines = [{"settings": {"seed": 0}}, line(1, notes=("a",), missing=0.25), line(2, output=["x", "y"], mode="aligned")]
    lines += [line(3, output=None, status="failed", error="broken"), line("\udcff")]
    assert not has_parts(place)
    write(place, lines)
    assert [path.name for path in sorted((tmp_path / PARTS).iterdir())] == [f"part-00000{n}.parquet" for n in (1, 2, 3)]
    assert list(iterate_parts(place)) == json.loads(json.dumps(lines))
    write(place, [line(4)])  # a later run goes on counting
    assert [each["input"] for each in iterate_parts(place) if "input" in each][-1] == "in/4.png"


def test_columns_can_be_asked_by_any_reader_of_parquet(tmp_path):
    import pyarrow.dataset

    write(tmp_path, [line(1, seconds=0.5, method="telea"), line(2, status="failed", output=None, error="broken")])
    table = pyarrow.dataset.dataset(tmp_path / PARTS).to_table()
    assert table.column("status").to_pylist() == ["completed", "failed"]
    assert table.column("output").to_pylist() == [["out/1.png"], None]
    assert table.column("seconds").to_pylist() == [0.5, None]


def test_many_parts_are_joined_and_those_of_other_shards_left(place, tmp_path):
    for number in range(4):
        write(place, [line(number)])
    write(place, [line(9)], shard=(1, 2))
    before = list(iterate_parts(place))
    assert compact_parts(place, beyond=4) == 0
    assert compact_parts(place, beyond=3) == 4
    assert len(list((tmp_path / PARTS).iterdir())) == 2
    assert sorted(map(str, iterate_parts(place))) == sorted(map(str, before))


def test_what_is_no_part_is_refused(place, tmp_path):
    write(place, [line(1)])
    (tmp_path / PARTS / "part-000002.parquet").write_bytes(b"PAR1")
    with pytest.raises(FaceCompletionError, match=r"part-000002\.parquet: expected a part of a manifest"):
        list(iterate_parts(place))


def test_a_link_in_the_place_of_the_parts_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / PARTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FaceCompletionError, match="expected no link here"):
        PartWriter(tmp_path)
