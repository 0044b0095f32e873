import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from completion.folder.inputs import list_inputs
from completion.folder.list_file import read_list
from dcgan.errors import FaceCompletionError
from tests.completion.helpers import contents, records, write_pictures


def described(pictures):
    return [(str(each.path), each.relative, str(each.root), each.own) for each in pictures]


def test_a_list_names_the_pictures_as_arguments_would(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, ["a/b.png", "a/c/d.png", "a/ä b.png"])
    (tmp_path / "list.txt").write_bytes("a/b.png\r\n\na/c/../c/d.png\na/b.png\na/ä b.png".encode())
    pictures, count = read_list(tmp_path / "list.txt")
    assert count == 4
    expected = described(list_inputs(["a/b.png", "a/c/../c/d.png", "a/ä b.png"]))
    assert described(pictures) == expected
    assert [each.relative for each in pictures] == ["b.png", "c/d.png", "ä b.png"]


def test_urls_and_files_that_are_not_there(tmp_path):
    (tmp_path / "urls.txt").write_text("s3://bucket/in/1/a.jpg\ns3://bucket/in//2/b.jpg\ns3://bucket/in/1/c.d/e.jpg\n")
    pictures, _ = read_list(tmp_path / "urls.txt")
    assert [each.relative for each in pictures] == ["1/a.jpg", "2/b.jpg", "1/c.d/e.jpg"]
    assert str(pictures[0].path) == "s3:/bucket/in/1/a.jpg"
    (tmp_path / "one.txt").write_text("/nowhere/a.jpg")
    assert described(read_list(tmp_path / "one.txt")[0]) == [("/nowhere/a.jpg", "a.jpg", "/nowhere", "a.jpg")]


def test_shards_of_a_list_are_disjoint_and_keep_names_together(tmp_path):
    lines = [f"/pictures/{number % 7}/{number:03}.{suffix}" for number in range(100) for suffix in ("jpg", "png")]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    whole, count = read_list(tmp_path / "list.txt")
    assert count == 200
    shards = [read_list(tmp_path / "list.txt", shard=(index, 3)) for index in (1, 2, 3)]
    assert [count for _, count in shards] == [200] * 3
    assert sorted(sum((described(found) for found, _ in shards), [])) == sorted(described(whole))  # noqa: RUF017
    stems = [{each.relative[:-4] for each in found} for found, _ in shards]
    assert sum(map(len, stems)) == 100
    assert min(map(len, stems)) > 20


def test_a_parquet_file(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra: ray)")
    parquet = pytest.importorskip("pyarrow.parquet")
    paths = [f"/pictures/{number}.png" for number in range(5)]
    texts = pyarrow.array(["x"] * 5)
    parquet.write_table(pyarrow.table({"path": paths, "text": texts}), tmp_path / "a.parquet")
    parquet.write_table(pyarrow.table({"file": pyarrow.array(paths, pyarrow.large_string())}), tmp_path / "b.parquet")
    parquet.write_table(pyarrow.table({"file": paths, "text": texts}), tmp_path / "c.parquet")
    (tmp_path / "d.parquet").write_bytes(b"PAR1 no")
    for name in ("a", "b"):
        assert [str(each.path) for each in read_list(tmp_path / f"{name}.parquet")[0]] == paths
    with pytest.raises(FaceCompletionError, match=r'expected a column "path" of text\. Received: file, text'):
        read_list(tmp_path / "c.parquet")
    with pytest.raises(FaceCompletionError, match=r"d\.parquet: expected a Parquet file: "):
        read_list(tmp_path / "d.parquet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n\n", "expected paths of pictures, found none"),
        (b"s3://a/b.png\n/c/d.png\n", "expected paths, or URLs of one kind. Received: both"),
        (b"a.png\n\0\n", "line 2: expected a path a line"),
        (b"a" * 9000, "line 1: expected a path a line"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, message):
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(FaceCompletionError, match=message):
        read_list(tmp_path / "list.txt")


def test_the_command_takes_a_list_with_the_local_engine(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "in", ["a.png", "b/c.png", "d.png"])
    (tmp_path / "list.txt").write_text("in/a.png\nin/b/c.png\nin/gone.png\n")
    result = run("--method", "telea", "--list", "list.txt", code=1)
    assert "failed: in/gone.png: " in result.stderr
    assert list(contents(tmp_path / "completed")) == ["a.png", "b/c.png"]
    for index in (1, 2):
        words = ["--method", "telea", "--list", "list.txt", "--shard", f"{index}/2", "--output", "shards", "--spread"]
        assert CliRunner().invoke(complete_command, words).exit_code in (0, 1)  # one of them has gone.png
    made = contents(tmp_path / "shards")
    assert sorted(name[4:] for name in made) == ["a.png", "b/c.png"]
    assert {len(name.split("/")[0]) for name in made} == {3}
    names = [path.name for path in (tmp_path / "shards").glob("manifest-*.jsonl")]  # of an empty shard there is none
    lines = [line for name in names for line in records(tmp_path / "shards", name)]
    assert sorted(line["input"] for line in lines) == ["in/a.png", "in/b/c.png", "in/gone.png"]
    (tmp_path / "urls.txt").write_text("s3://a/b.png")
    assert "URLs go with --engine ray" in run("--list", "urls.txt", code=2).stderr
