"""A bundle on disk: what was written is read, or the first file that is not is named."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.exchange.bundle import MANIFEST, as_zip, manifest, read, write_folder

FILES = {
    "report.md": "# ½ report\r\n\u2028",
    "ledger/answers.jsonl": '{"id": 1}\n' * 40,
    "checkpoints/a.b-1/lineage.json": "{}\n",
    "empty.json": "",
}
BYTES = {name: text.encode() for name, text in FILES.items()}
AGAIN = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(FILES, tmp_path / "bundle")
    return tmp_path / "bundle"


def test_what_was_written_is_read_from_the_folder_and_from_a_zip(folder: Path) -> None:
    assert read(folder) == BYTES
    packed = folder.parent / "bundle.zip"
    packed.write_bytes(as_zip(FILES))
    assert read(packed) == BYTES
    assert as_zip(FILES) == packed.read_bytes()


def test_a_folder_that_somebody_packed_is_read_too(folder: Path) -> None:
    packed = folder.parent / "mine.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    assert read(packed) == BYTES


def test_what_lies_beside_the_files_is_passed_over(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"\0")
    assert read(folder) == BYTES


def test_nothing_is_written_where_one_file_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("in the way")
    with pytest.raises(BadInput, match="folder that can be written to"):
        write_folder(FILES, tmp_path)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["ledger"]


def places(folder: Path) -> list[tuple[Path, int]]:
    """Every byte of every file of the bundle."""
    return [
        (file, place)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for place in range(file.stat().st_size)
    ]


@AGAIN
@given(data=st.data())
def test_any_changed_byte_is_told(folder: Path, data: st.DataObject) -> None:
    file, place = data.draw(st.sampled_from(places(folder)))
    before = file.read_bytes()
    changed = bytes([before[place] ^ data.draw(st.integers(1, 255))])
    try:
        file.write_bytes(before[:place] + changed + before[place + 1 :])
        with pytest.raises(BadInput, match="changed") as told:
            read(folder)
        assert file.name in str(told.value)
    finally:
        file.write_bytes(before)


@AGAIN
@given(data=st.data())
def test_any_file_cut_off_is_told(folder: Path, data: st.DataObject) -> None:
    file, place = data.draw(st.sampled_from(places(folder)))
    before = file.read_bytes()
    try:
        file.write_bytes(before[:place])
        with pytest.raises(BadInput, match="cut off") as told:
            read(folder)
        assert file.name in str(told.value)
    finally:
        file.write_bytes(before)


def test_a_file_that_grew_or_is_gone_is_told(folder: Path) -> None:
    (folder / "empty.json").write_text(" ")
    with pytest.raises(BadInput, match=r"empty\.json in the bundle bundle was changed"):
        read(folder)
    (folder / "empty.json").unlink()
    with pytest.raises(BadInput, match=r"empty\.json is missing"):
        read(folder)


@AGAIN
@given(data=st.data())
def test_a_zip_that_was_cut_off_or_changed_never_gives_anything_else(
    tmp_path: Path, data: st.DataObject
) -> None:
    whole = as_zip(FILES)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        part = whole[:place]
    else:
        part = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
    packed = tmp_path / "part.zip"
    packed.write_bytes(part)
    try:
        assert read(packed) == BYTES  # a byte that no file depends on, such as a date
    except BadInput as fault:
        assert "." in str(fault)


@pytest.mark.parametrize("where", ["nowhere", "a folder", "a file"])
def test_what_is_no_bundle_is_told(tmp_path: Path, where: str) -> None:
    place = {"nowhere": tmp_path / "x", "a folder": tmp_path, "a file": tmp_path / "f"}[where]
    (tmp_path / "f").write_bytes(b"PK\x03\x04 and nothing else")
    with pytest.raises(BadInput, match=r"bundle|zip"):
        read(place)


def signed(content: dict[str, object]) -> str:
    """A manifest that is whole, whatever it says."""
    unsigned = json.dumps(content, sort_keys=True).encode()
    return json.dumps({**content, "sha256": hashlib.sha256(unsigned).hexdigest()}, indent=1) + "\n"


def hostile_manifests() -> Iterator[str]:
    form = json.loads(manifest(FILES))["format"]
    entry = {"bytes": 1, "sha256": hashlib.sha256(b"s").hexdigest()}  # what the secret is
    for name in ("../secret", "/etc/passwd", "a/../../b", "a\\b", "", ".hidden", MANIFEST, "a//b"):
        yield signed({"format": form, "files": {name: entry}})
    for broken in ({"bytes": -1, "sha256": ""}, {"bytes": True, "sha256": ""}, {"bytes": 1}, 3):
        yield signed({"format": form, "files": {"a": broken}})
    yield signed({"format": form, "files": []})
    yield signed({"format": "another", "files": {}})
    yield signed({"format": form, "files": {"a": {"bytes": 2**60, "sha256": ""}}})
    yield "[" * 100_000
    yield "3"


@pytest.mark.parametrize("number", range(len(list(hostile_manifests()))))
def test_a_manifest_that_was_made_up_reads_nothing(tmp_path: Path, number: int) -> None:
    (tmp_path / "secret").write_text("s")
    inside = tmp_path / "bundle"
    inside.mkdir()
    (inside / MANIFEST).write_text(list(hostile_manifests())[number])
    with pytest.raises(BadInput) as told:
        read(inside)
    assert str(told.value).count(". ") <= 1


def test_a_zip_that_grows_when_it_is_read_is_stopped_by_its_manifest(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", "0" * 50_000_000)
        archive.writestr(MANIFEST, manifest({"a.json": "0"}))
    (tmp_path / "b.zip").write_bytes(packed.getvalue())
    with pytest.raises(BadInput, match=r"a\.json in the bundle b\.zip was changed"):
        read(tmp_path / "b.zip")
