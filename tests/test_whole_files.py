"""Files that are there whole or not at all."""

import errno
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fair_app.access.users import changing
from fair_app.errors import BadInput, WorkFailed
from fair_app.whole_files import (
    disk_full_in_a_sentence,
    is_disk_full,
    whole_file,
    whole_folder,
    write_whole,
)
from tests.full_disk import disk_of


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / ".file.partial").write_bytes(b"what a killed process left, longer than the rest")
    for content in (b"first", b"second"):
        with whole_file(path) as partial:
            partial.write_bytes(content)
            assert not path.exists() or path.read_bytes() == b"first"
    assert path.read_bytes() == b"second"
    with pytest.raises(KeyboardInterrupt), whole_file(path) as partial:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_one_s_own_is_nobody_else_s_from_its_first_byte(tmp_path: Path) -> None:
    path, before = tmp_path / "secrets", os.umask(0)
    path.write_text("an older one, that others may read")
    try:
        with whole_file(path, 0o600) as partial:
            assert stat.S_IMODE(partial.stat().st_mode) == 0o600
            partial.write_text("secret")
        with whole_file(tmp_path / "other") as partial:
            partial.write_text("for all")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o666


def test_on_a_full_disk_the_old_file_stays_and_a_sentence_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with (
        disk_of(1000),
        pytest.raises(WorkFailed, match="mend it"),
        whole_file(path, full="mend it") as partial,
    ):
        partial.write_bytes(bytes(2000))
    with disk_of(1000), pytest.raises(WorkFailed, match=f"The disk of {tmp_path} is full"):
        write_whole({tmp_path / "first": ["1"], path: ["x" * 600, "x" * 600]})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_users_stay_as_they_were_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("# " + "x" * 2000)
    with (
        disk_of(1000),
        pytest.raises(WorkFailed, match=f"The disk of {tmp_path} is full"),
        changing(path),
    ):
        pass
    assert path.read_text() == "# " + "x" * 2000
    assert sorted(file.name for file in tmp_path.iterdir()) == [".users.lock", "users"]


def test_several_files_are_replaced_together_or_not_at_all(tmp_path: Path) -> None:
    one, two = tmp_path / "new" / "one", tmp_path / "two"
    assert write_whole({one: ["1", "½\r\n"], two: []}) == [one, two]
    assert (one.read_bytes(), two.read_bytes()) == (b"1\xc2\xbd\r\n", b"")
    (tmp_path / "taken").mkdir()
    with pytest.raises(BadInput, match=rf"Cannot write {tmp_path} \(a folder has this name\)"):
        write_whole({one: ["2"], tmp_path / "taken": [""]})
    with pytest.raises(BadInput, match=f"Cannot write {two}/below .*folder that can be written"):
        write_whole({two / "below": [""]})
    assert one.read_bytes() == b"1\xc2\xbd\r\n"
    assert len(list(tmp_path.rglob("*"))) == 4
    assert write_whole({}) == []


def test_of_those_who_write_at_once_one_is_whole(tmp_path: Path) -> None:
    path, size = tmp_path / "file", 50_000

    def write(digit: str) -> None:
        write_whole({path: [digit] * size})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, "0123456789" * 3))
    content = path.read_text()
    assert content == content[0] * size
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_only_when_its_block_ends_well(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    (tmp_path / ".made.partial-killed").mkdir()  # what a killed process leaves
    with pytest.raises(RuntimeError), whole_folder(folder) as partial:
        (partial / "file").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []

    with whole_folder(folder) as partial:
        (partial / "file").write_text("whole")
        assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert (folder / "file").read_text() == "whole"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_full_disks_are_told_in_a_sentence(error: Exception) -> None:
    with pytest.raises(WorkFailed, match="disk is full"), disk_full_in_a_sentence():
        raise error


def test_other_errors_pass() -> None:
    with pytest.raises(PermissionError), disk_full_in_a_sentence():
        raise PermissionError(errno.EACCES, "Permission denied")
    assert not is_disk_full(RuntimeError("I/O error (os error 2)"))
