"""Files that are there whole or not at all, whatever ends the process or fills the disk.

They are written under another name and out to the disk, and then renamed.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from fair_app.errors import BadInput, WorkFailed

PARTIAL = ".partial"
"""How the name of a file ends that is not whole yet."""
DISK_FULL = "The disk is full: free some space, then resume; nothing that was saved is lost."
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SQLITE_FULL = "database or disk is full"


@contextmanager
def whole_file(path: Path, mode: int | None = None, full: str = DISK_FULL) -> Iterator[Path]:
    """A temporary file to write, which takes the place of `path` when the block ends well.

    `mode`: the permissions that it has before anything is written into it; None: the writer's.
    One process at a time may write a file: what a killed one left is written anew. Raises
    WorkFailed, saying `full`, when the disk is full; what was there before stays.
    """
    partial = path.with_name(f".{path.name}{PARTIAL}")
    with disk_full_in_a_sentence(full), _replacing({path: partial}):
        partial.unlink(missing_ok=True)
        if mode is not None:
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield partial


def write_whole(contents: Mapping[Path, Iterable[str]]) -> list[Path]:
    """Write each file's pieces of text (UTF-8, line ends untouched) and return the paths.

    Folders are made where missing. Files of the same names are replaced, but only after every new
    one is written out; when that fails they stand as they were, and nothing else is left behind.
    Several processes may do so at once: the last one's stay. Raises BadInput when a place cannot be
    written to, WorkFailed when the disk is full.
    """
    partials = {path: path.with_name(f".{uuid4().hex}{PARTIAL}") for path in contents}
    where = (os.path.commonpath(contents) if contents else "") or "."
    try:
        with disk_full_in_a_sentence(disk_full_at(where)), _replacing(partials):
            for path, pieces in contents.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    raise IsADirectoryError(None, "a folder has this name", str(path))
                with partials[path].open("x", encoding="utf-8", newline="") as file:
                    file.writelines(pieces)
    except OSError as error:
        raise BadInput(
            f"Cannot write {where} ({error.strerror}): give a folder that can be written to."
        ) from error
    return list(contents)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill, which gets its name when the block ends without an error.

    What a killed process left of the same folder is removed. Raises BadInput when the folder is
    there already, WorkFailed when the disk is full.
    """
    if folder.exists():
        raise BadInput(f"{folder} is there already: choose another name.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}{PARTIAL}-"
    for leftover in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        with disk_full_in_a_sentence():
            yield partial
            partial.chmod(0o755)  # mkdtemp makes folders that only their owner can read
            for file in partial.iterdir():
                file.chmod(0o644)
                _write_out(file)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial)
        raise


@contextmanager
def disk_full_in_a_sentence(sentence: str = DISK_FULL) -> Iterator[None]:
    """Turn a full disk into WorkFailed; other errors pass."""
    try:
        yield
    except Exception as error:
        if is_disk_full(error):
            raise WorkFailed(sentence) from error
        raise


def is_disk_full(fault: Exception) -> bool:
    """Whether a fault says that there is no space left.

    SQLite says it in words, and libraries written in Rust name the number in their text.
    """
    if isinstance(fault, OSError) and fault.errno in _FULL:
        return True
    words = (_SQLITE_FULL, *(f"(os error {full})" for full in _FULL))
    return any(one in str(fault) for one in words)


def disk_full_at(place: Path | str) -> str:
    """The sentence about a full disk that a person chose to write to."""
    return f"The disk of {place} is full: free some space there."


@contextmanager
def _replacing(partials: Mapping[Path, Path]) -> Iterator[None]:
    """Give files what was written under other names, all or none; that is removed else."""
    try:
        yield
        for partial in partials.values():
            _write_out(partial)
        for path, partial in partials.items():
            partial.replace(path)
    finally:
        for partial in partials.values():
            with suppress(OSError):
                partial.unlink()


def _write_out(file: Path) -> None:
    """See to it that a file is on the disk, not only in memory."""
    with file.open("rb") as written:
        os.fsync(written.fileno())
