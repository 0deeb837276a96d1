"""A bundle that unpacks into more than it says: it is refused before it fills the memory."""

import hashlib
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from fair_app.errors import BadInput
from fair_app.exchange.bundle import LARGEST, MANIFEST, _signed, manifest, read

MB = 2**20
BOMB = 300 * MB


def packed(folder: Path, listed: str, name: str, size: int) -> Path:
    """A zip of a few hundred kilobytes, of which one file unpacks into `size` zeros."""
    file = folder / "bundle.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, listed)
        with archive.open(name, "w", force_zip64=True) as inner:
            for _ in range(size // MB):
                inner.write(bytes(MB))
    assert file.stat().st_size < MB
    return file


def most_taken(file: Path) -> int:
    """The most bytes that reading it takes; it must be refused."""
    tracemalloc.start()
    try:
        with pytest.raises(BadInput):
            read(file)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_file_that_is_longer_than_it_says_is_read_no_further(tmp_path: Path) -> None:
    file = packed(tmp_path, manifest({"a.json": "{}"}), "a.json", 64 * MB)
    assert most_taken(file) < 16 * MB


def test_a_bundle_that_says_it_is_huge_is_not_read(tmp_path: Path) -> None:
    entry = {"bytes": LARGEST + 1, "sha256": hashlib.sha256(b"").hexdigest()}
    listed = _signed({"format": "fair-studio bundle 1", "files": {"a.json": entry}})
    assert most_taken(packed(tmp_path, listed, "a.json", 8 * MB)) < 16 * MB


def test_a_manifest_that_is_a_bomb_is_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(MANIFEST, "w", force_zip64=True) as inner,
    ):
        for _ in range(BOMB // MB):
            inner.write(b" " * MB)
    assert most_taken(file) < 256 * MB
