"""A bundle: a folder, or a zip of it, whose manifest has the checksum of every file in it.

What is read is what was written, or nothing: a file that is missing, cut off or changed is told.
"""

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput
from fair_app.whole_files import write_whole

MANIFEST = "manifest.json"
FORMAT = "fair-studio bundle 1"
LARGEST = 4 * 1024**3
"""Bytes of a bundle's files together."""
LARGEST_MANIFEST = 64 * 1024**2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What reading a zip raises that is cut off, changed, or made in a way that Python cannot read."""


def manifest(files: Mapping[str, str]) -> str:
    """The manifest of files (UTF-8 texts by their names in the bundle), itself with a checksum."""
    content = {
        "format": FORMAT,
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in ((name, text.encode()) for name, text in sorted(files.items()))
        },
    }
    return _signed(content)


def write_folder(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write a bundle into a folder and return the files' paths, the manifest last.

    All files are written out before the first takes its place. Raises as `write_whole` does.
    """
    contents = {folder / name: [text] for name, text in files.items()}
    return write_whole({**contents, folder / MANIFEST: [manifest(files)]})


def as_zip(files: Mapping[str, str]) -> bytes:
    """A bundle as a zip. The same files are the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**files, MANIFEST: manifest(files)}.items():
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def read(place: Path) -> dict[str, bytes]:
    """Read a bundle's files by their names, without the manifest, all of them checked.

    Raises BadInput when there is no bundle at the place, and when a file of it is missing, cut off
    or changed; it names the first.
    """
    if place.is_dir():
        return _read(place, place.name)
    if not place.is_file():
        raise BadInput(
            f"There is no bundle {place}: give the folder that `export --format bundle` wrote, or "
            "a zip of it."
        )
    try:
        with zipfile.ZipFile(place) as archive:
            return _read(_root(archive), place.name)
    except BadInput:
        raise
    except _UNREADABLE as error:
        raise BadInput(
            f"{place.name} cannot be read as a zip; it was cut off or changed: get it again."
        ) from error


def _root(archive: zipfile.ZipFile) -> zipfile.Path:
    """Where the manifest lies: at the top, or in a folder that was packed as a whole."""
    names = [name for name in archive.namelist() if name.split("/")[-1] == MANIFEST]
    top = min(names, key=lambda name: name.count("/"), default=MANIFEST)
    return zipfile.Path(archive, top.removesuffix(MANIFEST))


def _read(root: Path | zipfile.Path, called: str) -> dict[str, bytes]:
    listed = _listed(root, called)
    if sum(size for size, _ in listed.values()) > LARGEST:
        raise BadInput(
            f"The bundle {called} is larger than {LARGEST / 1024**3:.0f} GB, the most that is read "
            "here: give that of a smaller project."
        )
    files = {}
    for name, (size, checksum) in listed.items():
        data = _data(root / name, size + 1)
        if data is None:
            raise BadInput(f"{name} is missing in the bundle {called}: get the whole bundle again.")
        if len(data) < size:
            raise BadInput(
                f"{name} in the bundle {called} was cut off: {len(data):,} of {size:,} bytes are "
                "there. Get it again."
            )
        if len(data) > size or hashlib.sha256(data).hexdigest() != checksum:
            raise BadInput(
                f"{name} in the bundle {called} was changed since it was written: its checksum is "
                "not the manifest's. Get it again."
            )
        files[name] = data
    return files


def _listed(root: Path | zipfile.Path, called: str) -> dict[str, tuple[int, str]]:
    """The size and checksum of each file, as the manifest has them."""
    data = _data(root / MANIFEST, LARGEST_MANIFEST)
    if data is None:
        raise BadInput(
            f"{called} has no {MANIFEST}, so it is no bundle: give what `export --format bundle` "
            "wrote."
        )
    try:
        content = json.loads(data)
        form = content["format"]
        whole = _signed({"format": form, "files": content["files"]}).encode() == data
        listed = {name: (one["bytes"], one["sha256"]) for name, one in content["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole, listed, form = False, {}, FORMAT
    if not whole or not all(map(_is_entry, listed.items())):
        raise BadInput(
            f"The {MANIFEST} of the bundle {called} was cut off or changed: get the bundle again."
        )
    if form != FORMAT:
        raise BadInput(
            f"The bundle {called} is a '{form}', and this version reads a '{FORMAT}': replay it "
            "with the version that wrote it."
        )
    return listed


def _is_entry(entry: tuple[Any, tuple[Any, Any]]) -> bool:
    name, (size, checksum) = entry
    named = _NAME.fullmatch(name) is not None and name != MANIFEST
    return named and type(size) is int and size >= 0 and isinstance(checksum, str)


def _data(file: Path | zipfile.Path, most: int) -> bytes | None:
    """At most so many bytes of a file; None when there is none."""
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        return opened.read(most)


def _signed(content: Mapping[str, Any]) -> str:
    checksum = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "sha256": checksum}, indent=1) + "\n"
