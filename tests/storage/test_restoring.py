"""Restoring: the newest that is whole, everything in its place, and never over a database."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import app
from db import jobs
from db.backup import fault
from db.store import close, connect
from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.jobs.stopping import resume_stopped
from fair_app.settings import REPOSITORY, Settings
from fair_app.storage.backups import Backups, Made, read_manifest
from fair_app.storage.locks import serving
from fair_app.storage.manifest import database_of, manifest_of, taken_at
from fair_app.storage.places import Folder
from fair_app.storage.restoring import restore, restore_at_start
from fair_app.storage.standing import note, standing
from fair_app.studio.storage import backup_fault, restored_note
from tests.storage.homes import FILES, STATE, filled, found_in, home, project_names, write


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "place")


@pytest.fixture
def lost(tmp_path: Path, place: Folder) -> Settings:
    """A home that had two backups, the second with a newer state, and is gone."""
    settings = filled(home(tmp_path / "old", tmp_path / "place"))
    backups = Backups(settings, place)
    backups.make()
    write(settings, STATE, b"state after step 8")
    backups.make()
    close(settings.database)
    return settings


def new_home(tmp_path: Path) -> Settings:
    return home(tmp_path / "new", tmp_path / "place")


def names(place: Folder) -> list[str]:
    return sorted(one.removesuffix(".json") for one in place.names() if one.endswith(".json"))


def test_a_lost_home_is_there_again(tmp_path: Path, lost: Settings, place: Folder) -> None:
    settings = new_home(tmp_path)
    restored = restore_at_start(settings)
    assert restored is not None
    assert found_in(settings) == {**FILES, STATE: b"state after step 8"}
    assert project_names(settings) == ["maths"]
    assert (restored.skipped, restored.missing, restored.files) == ((), (), len(FILES))
    # what was at work can be resumed, and with FAIR_RESUME is
    (job,) = jobs.in_state(connect(settings.database), "interrupted")
    assert "machine that it ran on is gone" in (job.error or "")
    assert resume_stopped(settings) == [job.id]
    # it is told, and the next backup sends no file again
    said = restored_note(settings)
    assert re.search(r"^Restored on .* UTC from the backup of .* UTC\.", said)
    assert "At most 5 minutes of work was lost." in said
    assert restored_note(settings, time.time() + 8 * 24 * 3600) == ""
    made = Backups(settings, place).make()
    assert made is not None
    assert made.sent_bytes < made.bytes + 4000
    assert not list((tmp_path / "new").glob(".restoring-*"))


def test_there_is_nothing_to_do_without_a_place_or_with_a_database(
    tmp_path: Path, lost: Settings
) -> None:
    assert restore_at_start(home(tmp_path / "new")) is None
    settings = new_home(tmp_path)
    settings.database.parent.mkdir()
    connect(settings.database)
    assert restore_at_start(settings) is None
    assert project_names(settings) == []


def test_an_empty_place_is_the_beginning(tmp_path: Path) -> None:
    settings = home(tmp_path / "new", tmp_path / "nowhere yet")
    assert restore_at_start(settings) is None
    assert not settings.database.exists()


def cut(place: Path, name: str) -> None:
    file = place / database_of(name)
    file.write_bytes(file.read_bytes()[:-4096])


def scramble(place: Path, name: str) -> None:
    """A fault that only the integrity check sees: the checksum is that of the damaged file."""
    from fair_app.storage.files import sha256_of

    file, listing = place / database_of(name), place / manifest_of(name)
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    file.write_bytes(content)
    values = json.loads(listing.read_text())
    values["database"]["sha256"] = sha256_of(file)
    listing.write_text(json.dumps(values))


def no_database(place: Path, name: str) -> None:
    (place / database_of(name)).unlink()


def no_list(place: Path, name: str) -> None:
    (place / manifest_of(name)).unlink()


def bad_list(place: Path, name: str) -> None:
    (place / manifest_of(name)).write_text("{")


def anothers_list(place: Path, name: str) -> None:
    oldest = min(place.glob("*.json"))
    (place / manifest_of(name)).write_text(oldest.read_text())


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (cut, "not as it was written"),
        (scramble, "malformed|page|Tree|disk image|cell"),
        (no_database, "only half of it"),
        (no_list, "only half of it"),
        (bad_list, "cannot be read"),
        (anothers_list, "another backup"),
    ],
)
def test_a_broken_one_is_skipped_and_said(
    tmp_path: Path, lost: Settings, place: Folder, damage, why
) -> None:  # type: ignore[no-untyped-def]
    older, newer = names(place)
    damage(tmp_path / "place", newer)
    settings = new_home(tmp_path)
    restored = restore_at_start(settings)
    assert restored is not None
    assert restored.name == older
    (said,) = restored.skipped
    assert re.search(f"^{newer}: .*({why})", said)
    assert found_in(settings)[STATE] == FILES[STATE]
    assert project_names(settings) == ["maths"]
    assert "Newer ones were broken and left out: " in restored_note(settings)


def test_where_none_is_whole_nothing_begins(
    tmp_path: Path,
    lost: Settings,
    place: Folder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in names(place):
        cut(tmp_path / "place", name)
    settings = new_home(tmp_path)
    with pytest.raises(WorkFailed, match=r"No backup in .* can be restored .* and others"):
        restore_at_start(settings)
    assert not settings.database.exists()
    monkeypatch.setenv("FAIR_BACKUP", settings.backup)
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        assert app.main(["--home", str(settings.home), "--port", "0"]) == 1
    finally:
        signal.signal(signal.SIGTERM, terminated)
    said = capsys.readouterr().err
    assert said.startswith("error: No backup in ")
    assert said.count("\n") == 1
    assert not settings.database.exists()


def test_a_broken_checkpoint_is_left_out_whole_and_said(
    tmp_path: Path, lost: Settings, place: Folder
) -> None:
    newest = read_manifest(place, names(place)[-1])
    (weights,) = [one for one in newest.files if one.path.endswith("adapter_model.safetensors")]
    (tmp_path / "place/objects" / weights.sha256).write_bytes(b"rotten")
    settings = new_home(tmp_path)
    restored = restore_at_start(settings)
    assert restored is not None
    assert restored.missing == ("checkpoints/first",)
    assert not (tmp_path / "new/checkpoints/first").exists()
    assert STATE in found_in(settings)
    assert "checkpoints/first" in restored_note(settings)


def test_a_list_that_names_other_places_of_the_machine_writes_nothing_there(
    tmp_path: Path, lost: Settings, place: Folder
) -> None:
    listing = tmp_path / "place" / manifest_of(names(place)[-1])
    values = json.loads(listing.read_text())
    values["files"][0]["path"] = "bin/evil"
    listing.write_text(json.dumps(values))
    settings = new_home(tmp_path)
    restored = restore_at_start(settings)
    assert restored is not None
    assert restored.missing == ("bin/evil",)
    assert not (tmp_path / "new/bin").exists()


def test_a_database_that_is_here_is_put_aside_only_on_command(
    tmp_path: Path, lost: Settings, place: Folder
) -> None:
    settings = new_home(tmp_path)
    settings.database.parent.mkdir()
    connect(settings.database)
    write(settings, "checkpoints/first/lineage.json", b"of here")
    with pytest.raises(BadInput, match="--replace puts it aside"):
        restore(settings, place)
    with serving(settings), pytest.raises(BadInput, match="stop it first"):
        restore(settings, place, replace=True)
    store, pid = connect(settings.database), os.getpid()
    job_id = jobs.add(store, "merge", {}, None)
    jobs.claim(store, job_id, host=HOST, pid=pid, process_started_at=process_started_at(pid))
    with pytest.raises(BadInput, match=f"Job {job_id} is at work"):
        restore(settings, place, replace=True)
    jobs.end(store, job_id, "cancelled")
    older, newer = names(place)
    restored = restore(settings, place, older, replace=True)
    assert restored is not None
    assert (restored.name, restored.skipped) == (older, ())
    later_s = (taken_at(newer) - taken_at(older)).total_seconds()
    assert restored.minutes == pytest.approx(5 + later_s / 60)
    assert project_names(settings) == ["maths"]
    (aside,) = (tmp_path / "new").glob("fair-before-*.db")
    assert project_names(settings.model_copy(update={"home": tmp_path / "new"})) == ["maths"]
    assert aside.stat().st_size > 0
    # what was trained here stays
    assert found_in(settings)["checkpoints/first/lineage.json"] == b"of here"
    with pytest.raises(BadInput, match="There is no backup 20200101"):
        restore(settings, place, "20200101T000000.000Z", replace=True)


def test_a_broken_database_is_put_aside_as_it_is(
    tmp_path: Path, lost: Settings, place: Folder
) -> None:
    settings = new_home(tmp_path)
    settings.database.parent.mkdir()
    settings.database.write_bytes(b"rotten" * 1000)
    assert restore(settings, place, replace=True) is not None
    assert project_names(settings) == ["maths"]
    (aside,) = (tmp_path / "new").glob("fair-before-*.db")
    assert aside.read_bytes() == b"rotten" * 1000


def test_what_is_left_of_another_database_is_not_read_into_it(
    tmp_path: Path, lost: Settings
) -> None:
    """The file is gone, and its write-ahead log is not."""
    settings = new_home(tmp_path)
    settings.database.parent.mkdir()
    with sqlite3.connect(settings.database) as other:
        other.execute("PRAGMA journal_mode=wal")
        other.execute("CREATE TABLE other (x)")
        other.execute("INSERT INTO other VALUES (1)")
        other.commit()
        log = settings.database.with_name("fair.db-wal")
        content = log.read_bytes()
        assert content
    other.close()
    settings.database.unlink()
    log.write_bytes(content)
    assert restore_at_start(settings) is not None
    assert fault(settings.database) == ""
    assert project_names(settings) == ["maths"]


def test_a_kill_while_restoring_is_begun_again(tmp_path: Path, lost: Settings) -> None:
    settings = new_home(tmp_path)
    code = (
        "import os, shutil, sys\n"
        "from pathlib import Path\n"
        "from fair_app.settings import Settings\n"
        "from fair_app.storage.restoring import restore_at_start\n"
        "moved, left = shutil.move, [2]\n"
        "def dies(*of):\n"
        "    moved(*of); left[0] -= 1\n"
        "    if not left[0]: os.kill(os.getpid(), 9)\n"
        "shutil.move = dies\n"
        "restore_at_start(Settings(home=Path(sys.argv[1]), backup=sys.argv[2]))\n"
    )
    arguments = [sys.executable, "-c", code, str(settings.home), settings.backup]
    assert subprocess.run(arguments, cwd=REPOSITORY, check=False).returncode == -9
    assert not settings.database.exists()
    assert restore_at_start(settings) is not None
    assert found_in(settings) == {**FILES, STATE: b"state after step 8"}
    assert not list((tmp_path / "new").glob(".restoring-*"))


def test_that_no_backup_can_be_made_is_told(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home", tmp_path / "place"))
    assert backup_fault(settings) == ""
    note(settings, failed="The place is full.", failed_at=time.time())
    assert (
        backup_fault(settings)
        == "The last backup could not be made (there is none). The place is full."
    )
    made = Backups(settings, Folder(tmp_path / "place")).make()
    assert isinstance(made, Made)
    assert backup_fault(settings) == ""
    note(settings, failed="The place is full.")
    assert "the newest is of " in backup_fault(settings)
    assert standing(settings).made == made.name
