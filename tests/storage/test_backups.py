"""Backups into a folder: what they hold, what they send, which stay; written to the while."""

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from db import backup as stores
from db.store import connect
from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import REPOSITORY
from fair_app.storage import files
from fair_app.storage.backups import Backups, read_manifest
from fair_app.storage.manifest import backups_among, database_of, manifest_of
from fair_app.storage.places import Folder, place_of
from fair_app.storage.standing import standing
from tests.storage.homes import FILES, STATE, filled, found_in, home, write


def test_a_backup_holds_the_store_and_the_files_that_are_whole(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    place = Folder(tmp_path / "place")
    made = Backups(settings, place).make()
    assert made is not None
    assert made.files == len(FILES)
    found = read_manifest(place, made.name)
    assert {one.path for one in found.files} == set(FILES)
    for one in found.files:
        assert (tmp_path / "place/objects" / one.sha256).read_bytes() == FILES[one.path]
    copy = tmp_path / "place" / database_of(made.name)
    assert stores.fault(copy) == ""
    with sqlite3.connect(copy) as store:
        assert store.execute("SELECT name FROM projects").fetchall() == [("maths",)]
    assert standing(settings).made == made.name
    assert [path.name for path in (tmp_path / "home").glob(".backup-*")] == []


def test_only_what_is_new_is_sent_and_nothing_where_nothing_changed(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    place = Folder(tmp_path / "place")
    backups = Backups(settings, place)
    first = backups.make()
    assert first is not None
    assert backups.make() is None
    assert Backups(settings, place).make() is None  # another process sees it as well
    write(settings, STATE, b"state after step 8")
    second = Backups(settings, place).make()
    assert second is not None
    sent = second.sent_bytes - second.bytes
    # the new state's content and the list of files, and not what was there
    assert second.bytes - first.bytes == 0
    assert sent < 4000 - len(b"weights" * 100)
    objects = {path.read_bytes() for path in (tmp_path / "place/objects").iterdir()}
    assert objects == {*FILES.values(), b"state after step 8"}
    # the last of a server says that it is
    at_stop = backups.make(at_stop=True)
    assert at_stop is not None
    assert read_manifest(place, at_stop.name).at_stop
    assert backups.make(at_stop=True) is None


def test_an_unchanged_file_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = filled(home(tmp_path / "home"))
    Backups(settings, Folder(tmp_path / "place")).make()
    read = []
    digest = files.sha256_of
    monkeypatch.setattr(files, "sha256_of", lambda file: read.append(file) or digest(file))
    write(settings, "uploads/more.csv", b"new")
    Backups(settings, Folder(tmp_path / "place")).make()
    assert len(read) == 1


def test_it_is_consistent_while_others_write(tmp_path: Path) -> None:
    """Rows come in pairs, each pair in one transaction: no copy has half a pair."""
    settings = filled(home(tmp_path / "home"))
    connect(settings.database).execute("CREATE TABLE pairs (side TEXT, number INTEGER)")
    code = (
        "import sqlite3, sys, itertools\n"
        "store = sqlite3.connect(sys.argv[1], timeout=30)\n"
        "for number in itertools.count():\n"
        "    with store:\n"
        "        store.executemany('INSERT INTO pairs VALUES (?, ?)',\n"
        "            [(side, number) for side in ('left', 'right') for _ in range(50)])\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(settings.database)])
    counts = []
    try:
        place = Folder(tmp_path / "place")
        backups = Backups(settings, place)
        for _ in range(8):
            made = backups.make()
            if made is None:
                continue
            copy = tmp_path / "place" / database_of(made.name)
            assert stores.fault(copy) == ""
            with sqlite3.connect(copy) as store:
                sides = dict(store.execute("SELECT side, count(*) FROM pairs GROUP BY side"))
            assert sides.get("left", 0) == sides.get("right", 0)
            counts.append(sides.get("left", 0))
    finally:
        writer.kill()
        writer.wait()
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_a_state_that_is_replaced_meanwhile_is_backed_up_whole(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    place = Folder(tmp_path / "place")
    stop = threading.Event()
    write(settings, STATE, b"step 0 " * 20_000)

    def keep_replacing() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            write(settings, STATE, f"step {step} ".encode() * 20_000)

    writer = threading.Thread(target=keep_replacing)
    writer.start()
    try:
        backups = Backups(settings, place)
        for _ in range(10):
            made = backups.make()
            assert made is not None
            (state,) = [one for one in read_manifest(place, made.name).files if one.path == STATE]
            content = (tmp_path / "place/objects" / state.sha256).read_bytes()
            assert len(set(content.split(b" ")[1::2])) == 1
    finally:
        stop.set()
        writer.join()


def test_the_state_of_a_run_that_is_done_is_left_out(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    write(settings, "checkpoints/second/lineage.json", b"{}")
    made = Backups(settings, Folder(tmp_path / "place")).make()
    assert made is not None
    paths = {one.path for one in read_manifest(Folder(tmp_path / "place"), made.name).files}
    assert paths == {*FILES, "checkpoints/second/lineage.json"} - {STATE}


def test_old_backups_go_and_what_only_they_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fair_app.storage import backups as module

    monkeypatch.setattr(module, "kept", lambda names: set(sorted(names)[-3:]))
    settings = filled(home(tmp_path / "home"))
    place = Folder(tmp_path / "place")
    (tmp_path / "place").mkdir()
    (tmp_path / "place/notes.txt").write_text("a person's")
    backups = Backups(settings, place)
    for step in range(6):
        write(settings, STATE, f"step {step}".encode())
        backups.make()
    assert len(backups_among(place.names())) == 3
    contents = {path.read_bytes() for path in (tmp_path / "place/objects").iterdir()}
    assert {b"step 3", b"step 4", b"step 5"} <= contents
    assert not {b"step 0", b"step 2"} & contents
    assert FILES["uploads/rows.jsonl"] in contents
    assert (tmp_path / "place/notes.txt").exists()
    assert len([name for name in place.names() if name.endswith(".db")]) == 3


def test_a_list_of_files_that_cannot_be_read_is_no_backup(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    place = Folder(tmp_path / "place")
    made = Backups(settings, place).make()
    assert made is not None
    (tmp_path / "place" / manifest_of(made.name)).write_bytes(b"\xff{")
    again = Backups(settings, place).make()
    assert again is not None
    assert backups_among(place.names()) == [again.name]


def test_a_kill_in_the_middle_leaves_half_a_backup_which_the_next_removes(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    code = (
        "import os, shutil, sys\n"
        "from pathlib import Path\n"
        "from fair_app.settings import Settings\n"
        "from fair_app.storage.backups import Backups\n"
        "from fair_app.storage.places import Folder\n"
        "copied = shutil.copyfile\n"
        "def dies(source, target):\n"
        "    copied(source, target)\n"
        "    if '.db' in Path(target).name: os.kill(os.getpid(), 9)\n"
        "shutil.copyfile = dies\n"
        "Backups(Settings(home=Path(sys.argv[1])), Folder(Path(sys.argv[2]))).make()\n"
    )
    arguments = [sys.executable, "-c", code, str(settings.home), str(tmp_path / "place")]
    assert subprocess.run(arguments, cwd=REPOSITORY, check=False).returncode == -9
    place = Folder(tmp_path / "place")
    assert backups_among(place.names()) == []
    assert any("partial" in path.name for path in (tmp_path / "place").iterdir())
    made = Backups(settings, place).make()
    assert made is not None
    assert not any("partial" in path.name for path in (tmp_path / "place").rglob("*"))
    assert found_in(settings)  # the home itself is as it was


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("hf://datasets/only", "names no data set"),
        ("hf://datasets/a/b/c", "names no data set"),
        ("s3://bucket/x", "is no place for backups"),
        ("  ", "is no place for backups"),
    ],
)
def test_what_is_no_place_is_said(where: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        place_of(where)


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is a file"):
        place_of(str(tmp_path / "file"))
    settings = filled(home(tmp_path / "home"))
    with pytest.raises(WorkFailed, match="place of the backups cannot be used"):
        Backups(settings, Folder(tmp_path / "file" / "below")).make()


def test_a_damaged_standing_is_written_anew(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    file = settings.database.with_name("backups.json")
    for text in ("", "[]", "{}", json.dumps({"restored": {"name": 1}})):
        file.write_text(text)
        assert standing(settings).made == ""
    made = Backups(settings, Folder(tmp_path / "place")).make()
    assert made is not None
    assert standing(settings).made == made.name
