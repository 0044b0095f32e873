import os
import socket
import stat

import pytest

from dcgan.pictures.reading import open_regular

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")


def refusal(path):
    with pytest.raises(OSError, match="expected") as error:
        open_regular(path)
    assert error.value.filename == str(path)
    return error.value.strerror


def test_regular_files_and_links_to_them(tmp_path):
    (tmp_path / "a").write_bytes(b"text")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for name in "ab":
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"text"


def test_what_is_no_regular_file(tmp_path, alarm):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        assert refusal(tmp_path / "socket") == "expected a regular file, found a socket"
    assert refusal(tmp_path / "pipe") == refusal(tmp_path / "link") == "expected a regular file, found a pipe"
    assert refusal("/dev/zero") == "expected a regular file, found a device"


def test_a_pipe_that_takes_a_files_place(tmp_path, monkeypatch, alarm):
    """Between the look at the file and its opening."""
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    before = os.stat(tmp_path / "file")
    assert stat.S_ISREG(before.st_mode)
    monkeypatch.setattr("dcgan.pictures.reading.os.stat", lambda path: before)
    assert refusal(tmp_path / "pipe") == "expected a regular file, found a pipe"


def test_paths_that_lead_to_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
