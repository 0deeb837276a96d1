"""Writing files so that a reader sees all of them or none: temporary names first, then renames."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import uuid4

from fair_app.errors import BadInput


def write_whole(contents: Mapping[Path, Iterable[str]]) -> list[Path]:
    """Write each file's pieces of text (UTF-8, line ends untouched) and return the paths.

    Folders are made where missing. Files of the same names are replaced, but only after every new
    one is written out; when that fails they stand as they were, and nothing else is left behind.
    Raises BadInput when a place cannot be written to.
    """
    temporary = {path: path.with_name(f".{uuid4().hex}.partial") for path in contents}
    try:
        for path, pieces in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(None, "a folder has this name", str(path))
            with temporary[path].open("x", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
        for path in contents:
            temporary[path].replace(path)
    except OSError as error:
        raise BadInput(
            f"Cannot write {', '.join(map(str, contents))} ({error.strerror}): "
            "give a folder that can be written to."
        ) from error
    finally:
        for partial in temporary.values():
            if partial.is_file():
                partial.unlink()
    return list(contents)
