import errno
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan.errors import FaceCompletionError, RunError
from dcgan.pictures import records
from dcgan.pictures.records import (
    JsonLines,
    changed_settings,
    locked,
    read_json_lines,
    remove_leftovers,
    remove_leftovers_in,
    write_whole,
)
from tests.dcgan.helpers import leave_behind, one_line

FULL = Path("/dev/full")
BUSY = "another process is at work here"


class TestLocked:
    def test_one_process_at_a_time(self, tmp_path):
        folder = tmp_path / "new" / "folder"
        with locked(folder, busy=BUSY):
            for _ in range(2):
                with pytest.raises(RunError) as error, locked(folder, busy=BUSY, error=RunError):
                    pytest.fail("two have the lock")
                assert one_line(error) == f"{folder}: {BUSY}"
        with locked(folder, busy=BUSY):  # what failed has let go of it
            pass

    def test_locks_of_different_names_are_independent(self, tmp_path):
        with locked(tmp_path, busy=BUSY, name=".a.lock"), locked(tmp_path, busy=BUSY, name=".b.lock"):
            assert {path.name for path in tmp_path.iterdir()} == {".a.lock", ".b.lock"}

    def test_what_the_system_refuses_is_a_named_error(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(FaceCompletionError) as error, locked(tmp_path / "file", busy=BUSY):
            pytest.fail("a file is no folder")
        assert one_line(error) == f"{tmp_path / 'file'}: cannot write: File exists"

        def use():
            with locked(tmp_path, busy=BUSY, cannot="cannot write the run", error=RunError):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.raises(RunError) as error:
            use()
        assert one_line(error) == f"{tmp_path}: cannot write the run: No space left on device"
        with locked(tmp_path, busy=BUSY):
            pass

    def test_an_error_about_a_file_elsewhere_is_no_error_of_writing(self, tmp_path):
        def use(path):
            with locked(tmp_path / "out", busy=BUSY):
                path.read_bytes()

        for path, expected in (
            (tmp_path / "model", f"{tmp_path / 'model'}: No such file or directory"),
            (tmp_path / "out" / "a", f"{tmp_path / 'out'}: cannot write: No such file or directory"),
        ):
            with pytest.raises(FaceCompletionError) as error:
                use(path)
            assert one_line(error) == expected

    def test_a_file_of_others_in_the_place_of_the_lock(self, tmp_path):
        lock, target = tmp_path / ".lock", tmp_path / "target"
        lock.write_bytes(b"theirs")
        for _ in range(2):
            with pytest.raises(FaceCompletionError) as error, locked(tmp_path, busy=BUSY):
                pytest.fail("has the lock")
            assert one_line(error) == f"{lock}: expected the empty file of a lock; choose another folder"
            assert lock.read_bytes() == b"theirs"
            lock.replace(target)
            lock.symlink_to(target)

    def test_other_errors_pass(self, tmp_path):
        with pytest.raises(KeyError), locked(tmp_path, busy=BUSY):
            raise KeyError
        with locked(tmp_path, busy=BUSY):
            pass


class TestWriteWhole:
    def test_an_exception_leaves_the_target_as_it_was(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("old")

        def interrupted():
            with write_whole(path) as file:
                file.write(b"new")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["a.txt"]

    def test_nothing_is_seen_before_the_end(self, tmp_path):
        with write_whole(tmp_path / "a.txt") as file:
            file.write(b"new")
            assert not (tmp_path / "a.txt").exists()
        assert (tmp_path / "a.txt").read_text() == "new"

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
    def test_permissions_are_those_of_any_new_file(self, tmp_path):
        (tmp_path / "plain").touch()
        with write_whole(tmp_path / "whole"):
            pass
        plain, whole = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "whole"))
        assert whole == plain

    def test_the_longest_name_that_the_system_allows(self, tmp_path):
        for name in ("a" * 251 + ".png", "\U0001f600" * 62 + ".png"):
            with write_whole(tmp_path / name) as file:
                file.write(b"x")
            assert (tmp_path / name).exists()


class TestLeftovers:
    def test_those_of_these_files_are_removed(self, tmp_path):
        own = [leave_behind(tmp_path / name) for name in ("a.png", "a.png", "a\n.png", os.fsdecode(b"\xff.png"))]
        others = [leave_behind(tmp_path / name) for name in ("b.png", "a.png.png", "b.a.png")]
        others += [tmp_path / ".a.png.tmp", tmp_path / "a.png", tmp_path / ".a.png.0123456789ABCDEF.tmp"]
        for path in others:
            path.touch()
        names = ["a.png", "a\n.png", os.fsdecode(b"\xff.png")]
        remove_leftovers([*(tmp_path / name for name in names), tmp_path / "nowhere" / "c.png"])
        assert not any(path.exists() for path in own)
        assert all(path.exists() for path in others)

    def test_those_of_a_long_name_are_removed_when_they_are_old(self, tmp_path):
        path = tmp_path / f"{'x' * 200}.png"
        new, old = leave_behind(path), leave_behind(path)
        os.utime(old, (0, 0))
        remove_leftovers([path])
        assert new.exists()
        assert not old.exists()

    def test_those_of_a_whole_folder(self, tmp_path):
        (tmp_path / "below").mkdir()
        own = [leave_behind(tmp_path / name) for name in ("a.png", f"{'x' * 200}.png")]
        others = [leave_behind(tmp_path / "below" / "a.png"), tmp_path / "a.png", tmp_path / ".a.tmp"]
        for path in others:
            path.touch()
        (tmp_path / ".b.png.0123456789abcdef.tmp").mkdir()  # not a file, so not of write_whole
        remove_leftovers_in(tmp_path)
        remove_leftovers_in(tmp_path / "nowhere")
        assert not any(path.exists() for path in own)
        assert all(path.exists() for path in others)

    def test_old_ones_alone_without_a_lock(self, tmp_path):
        new, old = leave_behind(tmp_path / "a.png"), leave_behind(tmp_path / "a.png")
        os.utime(old, (0, 0))
        remove_leftovers_in(tmp_path, stale_only=True)
        assert new.exists()
        assert not old.exists()

    def test_two_that_clean_at_once(self, tmp_path, monkeypatch):
        path = tmp_path / f"{'x' * 200}.png"
        leave_behind(path)
        found = records._temporary_files(tmp_path)
        remove_leftovers_in(tmp_path)
        monkeypatch.setattr(records, "_temporary_files", lambda folder: found)
        remove_leftovers([path])
        remove_leftovers_in(tmp_path)
        assert os.listdir(tmp_path) == []


class TestJsonLines:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "record.jsonl"

    def test_records_are_appended_and_visible_at_once(self, path):
        with JsonLines(path) as record:
            record.append({"input": "a", "loss": 0.5})
            assert read_json_lines(path) == [{"input": "a", "loss": 0.5}]
        with JsonLines(path) as record:
            record.append({"input": "b"})
        assert [line["input"] for line in read_json_lines(path)] == ["a", "b"]

    @pytest.mark.parametrize("rest", [b'{"inp', b'{"' + b"x" * 100_000, b'{"input": "c"}', b"\0\0"])
    def test_a_line_that_was_left_unfinished_is_dropped(self, path, rest):
        path.write_bytes(b'{"input": "a"}\n' + rest)
        assert read_json_lines(path) == [{"input": "a"}]
        with JsonLines(path) as record:
            record.append({"input": "b"})
        assert [json.loads(line)["input"] for line in path.read_text().splitlines()] == ["a", "b"]
        path.write_bytes(rest)
        with JsonLines(path) as record:
            record.append({"input": "b"})
        assert [json.loads(line)["input"] for line in path.read_text().splitlines()] == ["b"]

    @given(kept=st.integers(0, 30), rest=st.integers(0, 30))
    def test_the_last_line_break_is_found_wherever_it_is(self, tmp_path_factory, kept, rest):
        path = tmp_path_factory.mktemp("lines") / "record.jsonl"
        whole = b'{"a": 1' + b" " * kept + b"}\n" if kept else b""
        path.write_bytes(whole + (b'{"' + b"y" * rest)[:rest])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records, "BLOCK_BYTES", 7)
            with JsonLines(path):
                pass
        assert path.read_bytes() == whole

    @pytest.mark.parametrize(
        "content", [b"x", b'{"a": 1}', b"[1]\n", b"{}\n", b'{"b": 1, "a": 1}\n', b'{"a": 1}\n\n{"a": 1}\n', b"{'"]
    )
    def test_a_file_of_others_is_neither_cut_nor_appended_to(self, path, content):
        path.write_bytes(content)
        with pytest.raises(FaceCompletionError) as error:
            JsonLines(path, fields=["a", "b"])
        assert "choose another folder, or move this file" in one_line(error)
        assert path.read_bytes() == content

    def test_a_link_is_not_followed(self, path):
        path.symlink_to(path.with_name("target"))
        path.with_name("target").write_bytes(b'{"a": 1}')
        for start in (None, []):
            with pytest.raises(FaceCompletionError, match="expected no link here"):
                JsonLines(path, fields=["a"], start=start)
        assert path.read_bytes() == b'{"a": 1}'
        assert path.is_symlink()

    def test_every_file_name_can_be_recorded(self, path):
        names = ["Jürgen\n.png", os.fsdecode(b"a\xff.png"), "\U0001f600", "a\u2028b\u2029c\x85d\x1ce"]
        with JsonLines(path) as record:
            for name in names:
                record.append({"input": name})
        assert [line["input"] for line in read_json_lines(path)] == names
        lines = path.read_text(encoding="utf-8").splitlines()  # which breaks at U+2028 as well
        assert [json.loads(line)["input"] for line in lines] == names
        assert "Jürgen" in lines[0]

    def test_reading_ends_at_the_first_damaged_line(self, path):
        for damaged in (b"{", b"[1]", b"1", b"", b"\0\0", b'{"a": "\xff"}'):
            path.write_bytes(b'{"a": 1}\n{"a": 2}\n' + damaged + b'\n{"a": 3}\n')
            assert read_json_lines(path) == [{"a": 1}, {"a": 2}]
        assert read_json_lines(path.with_name("nowhere")) == []

    def test_starting_from_other_records(self, path):
        path.write_bytes(b'{"a": 1}\n{\n{"a": 3}\n')
        with JsonLines(path, start=read_json_lines(path)) as record:
            record.append({"a": 2})
        assert read_json_lines(path) == [{"a": 1}, {"a": 2}]
        with JsonLines(path, start=[]):
            assert path.read_bytes() == b""

    def test_numbers_that_json_does_not_have(self, path):
        with JsonLines(path) as record, pytest.raises(ValueError, match="not JSON compliant"):
            record.append({"loss": float("nan")})
        assert path.read_bytes() == b""

    def test_a_file_that_cannot_be_opened(self, path):
        path.mkdir()
        for start in (None, [{"a": 1}]):
            with pytest.raises(FaceCompletionError) as error:
                JsonLines(path, start=start)
            assert one_line(error) == f"{path}: cannot write: Is a directory"
        assert os.listdir(path.parent) == [path.name]

    @pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
    def test_a_full_disk(self):
        with pytest.raises(FaceCompletionError) as error, JsonLines(FULL) as record:
            record.append({"a": 1})
        assert one_line(error) == "/dev/full: cannot write: No space left on device"

    def test_a_write_that_the_system_cuts_short_is_continued(self, path, monkeypatch):
        with JsonLines(path) as record:
            file = record._file

            class Short:
                def write(self, data):
                    return file.write(data[:3])

            monkeypatch.setattr(record, "_file", Short())
            record.append({"input": "a long name"})
            monkeypatch.undo()
        assert read_json_lines(path) == [{"input": "a long name"}]


def test_settings_that_changed():
    old = {"size": 64, "seed": 0, "gone": 1}
    assert changed_settings(old, {"size": 64, "seed": 0}) == []
    assert changed_settings(old, {"size": 96, "new": "x"}) == ["size was 64, now 96", "new was None, now 'x'"]
