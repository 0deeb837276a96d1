"""Backups into a folder: what they hold, what they send, which stay; written to the while."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from db import backup as stores
from db.store import connect
from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import REPOSITORY
from fair_app.storage import files
from fair_app.storage.backups import Backups, Made, read_manifest
from fair_app.storage.keeper import Keeper, keeper_of
from fair_app.storage.manifest import backups_among, database_of, manifest_of
from fair_app.storage.places import Folder, Place, place_of
from fair_app.storage.standing import standing
from fair_app.studio.storage import backup_fault
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
    # and the first of the next one that more may come
    again = backups.make()
    assert again is not None
    assert not read_manifest(place, again.name).at_stop
    assert backups.make() is None


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
    counts: list[int] = []
    try:
        place = Folder(tmp_path / "place")
        backups = Backups(settings, place)
        for _ in range(5):
            while lefts(settings.database) <= max(counts, default=0):
                assert writer.poll() is None, "nobody writes"
                time.sleep(0.01)
            made = backups.make()
            assert made is not None
            copy = tmp_path / "place" / database_of(made.name)
            assert stores.fault(copy) == ""
            with sqlite3.connect(copy) as store:
                sides = dict(store.execute("SELECT side, count(*) FROM pairs GROUP BY side"))
            assert sides.get("left", 0) == sides.get("right", 0)
            counts.append(sides.get("left", 0))
    finally:
        writer.kill()
        writer.wait()
    assert counts == sorted(set(counts))


def lefts(database: Path) -> int:
    """How many halves of pairs stand on the left."""
    with sqlite3.connect(database, timeout=30) as store:
        sql = "SELECT count(*) FROM pairs WHERE side = 'left'"
        return int(store.execute(sql).fetchone()[0])


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
        for _ in range(6):
            made = backups.make()
            assert made is not None
            (state,) = [one for one in read_manifest(place, made.name).files if one.path == STATE]
            content = (tmp_path / "place/objects" / state.sha256).read_bytes()
            assert len(set(content.split(b" ")[1::2])) == 1
    finally:
        stop.set()
        writer.join()


def test_the_state_of_a_run_that_is_done_is_left_out(tmp_path: Path) -> None:
    settings, place = filled(home(tmp_path / "home")), Folder(tmp_path / "place")
    write(settings, "models/second/config.json", b"of a model that has the run's name")
    assert STATE in paths_of(Backups(settings, place).make(), place)
    write(settings, "checkpoints/second/lineage.json", b"{}")
    found = paths_of(Backups(settings, place).make(), place)
    more = {"models/second/config.json", "checkpoints/second/lineage.json"}
    assert found == {*FILES, *more} - {STATE}


def paths_of(made: Made | None, place: Place) -> set[str]:
    assert made is not None
    return {one.path for one in read_manifest(place, made.name).files}


def test_a_run_that_begins_meanwhile_has_its_texts_with_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, place = filled(home(tmp_path / "home")), Folder(tmp_path / "place")
    texts, copied = "checkpoints/.third.training/examples.json", stores.copy

    def begin_and_copy(source: Path, target: Path) -> None:
        write(settings, texts, b"[]")
        write(settings, STATE, b"later than what was held")
        copied(source, target)

    monkeypatch.setattr(stores, "copy", begin_and_copy)
    made = Backups(settings, place).make()
    assert paths_of(made, place) == {*FILES, texts}
    assert made is not None
    (state,) = [one for one in read_manifest(place, made.name).files if one.path == STATE]
    assert (tmp_path / "place/objects" / state.sha256).read_bytes() == FILES[STATE]


def test_one_that_cannot_be_fetched_for_once_is_not_taken_for_broken(tmp_path: Path) -> None:
    class Shaky(Folder):
        fails = 1

        def fetch(self, name: str, target: Path) -> None:
            if self.fails:
                self.fails -= 1
                raise WorkFailed("The connection was lost.")
            super().fetch(name, target)

    settings, place = filled(home(tmp_path / "home")), Folder(tmp_path / "place")
    first = Backups(settings, place).make()
    assert first is not None
    write(settings, STATE, b"state after step 8")
    backups = Backups(settings, Shaky(tmp_path / "place"))
    with pytest.raises(WorkFailed, match="connection was lost"):
        backups.make()
    second = backups.make()
    assert second is not None
    assert backups_among(place.names()) == [second.name, first.name]
    assert paths_of(first, place) == set(FILES)


def test_the_newest_is_the_last_though_a_clock_was_ahead(tmp_path: Path) -> None:
    settings, place = filled(home(tmp_path / "home")), Folder(tmp_path / "place")
    made, ahead = Backups(settings, place).make(), "20990101T000000.000Z"
    assert made is not None
    for end in ("db", "json"):
        (tmp_path / f"place/{made.name}.{end}").rename(tmp_path / f"place/{ahead}.{end}")
    listing = tmp_path / "place" / manifest_of(ahead)
    listing.write_text(listing.read_text().replace(made.name, ahead))
    write(settings, STATE, b"state after step 8")
    last = Backups(settings, place).make()
    assert last is not None
    assert backups_among(place.names()) == [last.name, ahead]


def test_by_hand_and_by_the_server_at_once(tmp_path: Path) -> None:
    settings, place = filled(home(tmp_path / "home")), Folder(tmp_path / "place")
    begun = threading.Barrier(2)

    def make(name: str) -> list[Made | None]:
        backups = Backups(settings, place)
        begun.wait()
        made = []
        for step in range(4):
            write(settings, f"uploads/{name}-{step}", f"{name} {step}".encode())
            made.append(backups.make())
        return made

    with ThreadPoolExecutor() as pool:
        made = [one for found in pool.map(make, ["hand", "server"]) for one in found]
    assert len(backups_among(place.names())) == sum(one is not None for one in made) >= 4
    newest = read_manifest(place, backups_among(place.names())[0])
    assert newest.objects <= place.names()
    assert len(newest.files) == len(FILES) + 8
    assert standing(settings).failed == ""


def test_the_keeper_goes_on_whatever_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Folder):
        def names(self) -> set[str]:
            raise ValueError("something nobody thought of")

    settings = filled(home(tmp_path / "home", tmp_path / "place"))
    Keeper(settings, Backups(settings, Odd(tmp_path / "place")))._make(at_stop=False)
    assert "Unexpected ValueError" in backup_fault(settings)
    assert "something nobody thought of" in caplog.text
    # not even a note can be taken, as on a full disk
    keeper, noted = keeper_of(settings), settings.database.with_name("backups.json")
    assert keeper is not None
    noted.unlink()
    noted.mkdir()
    keeper._make(at_stop=False)
    noted.rmdir()
    write(settings, STATE, b"state after step 8")
    keeper._make(at_stop=False)
    assert standing(settings).made
    assert backup_fault(settings) == ""


def test_the_disk_that_is_full_is_named(tmp_path: Path) -> None:
    place, full = Folder(tmp_path / "place"), tmp_path / "home"
    full.mkdir()
    (full / "copy").symlink_to("/dev/full")
    (tmp_path / "source").write_bytes(b"x" * 5000)
    place.change([("20261121T172814.123Z.db", tmp_path / "source")], [])
    with pytest.raises(WorkFailed, match=f"The disk of {full} is full"):
        place.fetch("20261121T172814.123Z.db", full / "copy")


def test_old_backups_go_and_what_only_they_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fair_app.storage import backups as module

    monkeypatch.setattr(module, "kept", lambda names: set(sorted(names)[-3:]))
    settings = filled(home(tmp_path / "home"))
    place = Folder(tmp_path / "place")
    (tmp_path / "place").mkdir()
    persons = [tmp_path / "place" / name for name in ("notes.txt", "film.partial", ".x.partial")]
    for file in persons:
        file.write_text("a person's")
    backups = Backups(settings, place)
    for step in range(6):
        write(settings, STATE, f"step {step}".encode())
        backups.make()
    assert len(backups_among(place.names())) == 3
    contents = {path.read_bytes() for path in (tmp_path / "place/objects").iterdir()}
    assert {b"step 3", b"step 4", b"step 5"} <= contents
    assert not {b"step 0", b"step 2"} & contents
    assert FILES["uploads/rows.jsonl"] in contents
    assert all(file.exists() for file in persons)
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
    assert len(list((tmp_path / "home").glob(".backup-*"))) == 1
    made = Backups(settings, place).make()
    assert made is not None
    assert not any("partial" in path.name for path in (tmp_path / "place").rglob("*"))
    assert not list((tmp_path / "home").glob(".backup-*"))
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
