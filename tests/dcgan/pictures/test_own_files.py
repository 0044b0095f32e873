import os
import re

import pytest

from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.pictures.own_files import OwnFiles, check_list, list_path, listed_files, refuse_others
from dcgan.pictures.records import read_json_lines
from tests.dcgan.helpers import one_line

RECORDS = re.compile(r"record(-[0-9])?\.jsonl")


@pytest.fixture
def record(tmp_path):
    return tmp_path / "record.jsonl"


def test_a_file_is_listed_before_it_is_written_and_once(record):
    names = ["b.png", "x/a.png", os.fsdecode(b"\xff.png")]
    for _ in range(2):
        with OwnFiles(record, known=["a.png"]) as own:
            for name in names:
                own.claim(name)
    assert [line["file"] for line in read_json_lines(list_path(record))] == ["a.png", *names]
    assert listed_files(record.parent, RECORDS) == own.names == {"a.png", *names}


def test_what_is_not_listed_is_refused(record):
    with OwnFiles(record) as own:
        own.claim("a.png")
        for name in ("a.png", "b.png"):
            (record.parent / name).touch()
        own.claim("a.png")
        with pytest.raises(ImageFileError, match=r"b\.png: exists, and this program has not written it"):
            own.claim("b.png")
    assert own.names == {"a.png"}


def test_links_are_refused_even_where_they_are_listed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("link", "link/a.png"):
        with pytest.raises(FaceCompletionError) as error:
            refuse_others(tmp_path, [name], own=[name])
        message = f"{tmp_path / 'link'}: expected no link here; choose another folder, or move the link"
        assert one_line(error) == message


def test_lists_of_several_records(tmp_path):
    for name in ("record.jsonl", "record-1.jsonl", "other.jsonl"):
        with OwnFiles(tmp_path / name) as own:
            own.claim(f"{name}.png")
    assert listed_files(tmp_path, RECORDS) == {"record.jsonl.png", "record-1.jsonl.png"}
    assert listed_files(tmp_path / "nowhere", RECORDS) == set()


def test_a_list_of_others_is_refused(record):
    list_path(record).write_bytes(b'{"path": "a.png"}\n')
    with pytest.raises(FaceCompletionError, match="line 1: expected a record of file"):
        OwnFiles(record)
    assert list_path(record).read_bytes() == b'{"path": "a.png"}\n'


def test_an_empty_list_is_ours_in_a_folder_with_our_mark_alone(record):
    check_list(record, marked=False)
    list_path(record).touch()
    check_list(record, marked=True)
    with pytest.raises(FaceCompletionError, match="expected a list of files; choose another folder"):
        check_list(record, marked=False)
