"""Files that are there whole or not at all, whatever ends the process or fills the disk."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fair_app.errors import BadInput, WorkFailed

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file to write, which takes the place of `path` when the block ends well.

    Raises WorkFailed when the disk is full; what was there before stays.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with disk_full_in_a_sentence():
            yield partial
            with partial.open("rb") as written:
                os.fsync(written.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill, which gets its name when the block ends without an error.

    What a killed process left of the same folder is removed. Raises BadInput when the folder is
    there already, WorkFailed when the disk is full.
    """
    if folder.exists():
        raise BadInput(f"{folder} is there already: choose another name.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}.partial-"
    for leftover in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        with disk_full_in_a_sentence():
            yield partial
            partial.chmod(0o755)  # mkdtemp makes folders that only their owner can read
            for file in partial.iterdir():
                file.chmod(0o644)
                with file.open("rb") as written:
                    os.fsync(written.fileno())
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial)
        raise


@contextmanager
def disk_full_in_a_sentence() -> Iterator[None]:
    """Turn a full disk into WorkFailed; other errors pass.

    Libraries written in Rust raise errors of their own, which name the number in their text.
    """
    try:
        yield
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in _FULL or any(f"(os error {full})" in str(error) for full in _FULL):
            raise WorkFailed(
                "The disk is full: free some space and resume; what was saved last is kept."
            ) from error
        raise
