"""Restoring a home from the newest backup that is whole."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from db import backup as stores
from db import jobs
from db.store import close, connect
from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.storage.backups import read_manifest
from fair_app.storage.files import place_in_home, sha256_of, unit_of
from fair_app.storage.locks import alone, backing_up
from fair_app.storage.manifest import (
    Entry,
    Manifest,
    backups_among,
    database_of,
    manifest_of,
    object_of,
    taken_at,
)
from fair_app.storage.places import Place, place_of
from fair_app.storage.standing import Restored, note

LEFT = ".restoring-"
GONE = "The machine that it ran on is gone; resume it to go on from what was backed up last."


def restore_at_start(settings: Settings) -> Restored | None:
    """Restore a home without a database from where its backups are; None where there is nothing to
    do or none was ever made.

    Raises WorkFailed when the place cannot be reached or no backup in it is whole: a server that
    began anew then would soon have its empty home as the newest backup.
    """
    if not settings.backup or settings.database.exists():
        return None
    return restore(settings, place_of(settings.backup, mounted=settings.backup_mounted))


def restore(
    settings: Settings, place: Place, only: str | None = None, *, replace: bool = False
) -> Restored | None:
    """Restore the newest backup that is whole, or `only` this one; None from an empty place.

    A broken one is skipped and said. The database gets its name last: what a kill leaves is begun
    again. Checkpoints that are here stay as they are.

    Raises BadInput where a database is here already (unless `replace`: it is put aside, under
    another name), where a server or a job works on this home, or where there is no such backup;
    WorkFailed as `restore_at_start` does, and when the disk is full.
    """
    home = settings.database.parent
    try:
        with alone(settings), backing_up(settings):
            if settings.database.exists() and not replace:
                raise BadInput(
                    f"There is a database already ({settings.database}): --replace puts it aside."
                )
            _check_idle(settings)
            for leftover in home.glob(f"{LEFT}*"):
                shutil.rmtree(leftover)
            with tempfile.TemporaryDirectory(prefix=LEFT, dir=home) as folder:
                return _restore(settings, place, only, Path(folder))
    except (OSError, sqlite3.Error) as error:
        raise WorkFailed(
            f"{home} cannot be restored ({error}): see that this user may write there, and that "
            "the disk has room."
        ) from error


def _check_idle(settings: Settings) -> None:
    """Raise BadInput while a job works on the database that is here; a broken one knows of none."""
    if settings.database.exists() and not stores.fault(settings.database):
        store = connect(settings.database)
        mark_orphans(store)
        if at_work := jobs.in_state(store, "running"):
            raise BadInput(f"Job {at_work[0].id} is at work on this home: cancel it first.")


def backups_in(place: Place) -> list[str]:
    """The names of the backups in a place, the newest first, whole or not."""
    return backups_among(place.names())


def _restore(settings: Settings, place: Place, only: str | None, folder: Path) -> Restored | None:
    names = place.names()
    there = sorted({*backups_among(names), *_halves(names)}, reverse=True)
    if only is not None and only not in there:
        raise BadInput(f"There is no backup {only} in {place.shown}: `restore --list` names them.")
    skipped: list[str] = []
    for name in there if only is None else [only]:
        found, why = _whole(place, name, names, folder)
        if found is None:
            skipped.append(f"{name}: {why}")
            continue
        files, missing = _fetch_files(settings, place, found, names, folder / "whole")
        _place_files(settings, files, folder / "whole")
        _place_store(settings, folder / "store")
        restored = Restored(
            name,
            place.shown,
            time.time(),
            found.minutes + (taken_at(there[0]) - taken_at(name)).total_seconds() / 60,
            found.at_stop and name == there[0],
            sum(files.values()),
            tuple(skipped),
            tuple(missing),
        )
        note(settings, place=place.shown, made=name, failed="", failed_at=0.0, restored=restored)
        return restored
    if skipped:
        raise WorkFailed(
            f"No backup in {place.shown} can be restored ({skipped[0]}"
            f"{', and others' if len(skipped) > 1 else ''}): mend that place, or name an empty one "
            "to begin anew."
        )
    return None


def _halves(names: set[str]) -> set[str]:
    """Backups of which the store is there, and not the list of files that comes last."""
    stores_there = {name.removesuffix(".db") for name in names if name.endswith(".db")}
    return set(backups_among(f"{name}.json" for name in stores_there)) - set(backups_among(names))


def _whole(place: Place, name: str, names: set[str], folder: Path) -> tuple[Manifest | None, str]:
    """A backup whose store is whole, which then lies in the folder; else what is wrong with it."""
    copy = folder / "store"
    copy.unlink(missing_ok=True)
    if not {manifest_of(name), database_of(name)} <= names:
        return None, "only half of it is there"
    try:
        found = read_manifest(place, name)
    except BadInput as error:
        return None, str(error)
    place.fetch(database_of(name), copy)
    if sha256_of(copy) != found.database.sha256:
        return None, "its database is not as it was written"
    if fault := stores.fault(copy):
        return None, fault
    return found, ""


def _fetch_files(
    settings: Settings, place: Place, found: Manifest, names: set[str], whole: Path
) -> tuple[dict[str, int], list[str]]:
    """Fetch what is not here yet, unit by unit: a checkpoint, the state of a run, an upload.

    Gives the number of files of each unit that is whole, and the names of the others.
    """
    units: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in found.files:
        units[unit_of(entry.path)].append(entry)
    fetched, missing = {}, []
    for unit, entries in units.items():
        target = place_in_home(settings, unit)
        if target is None:
            missing.append(unit)
        elif not target.exists():
            if all(_is_fetched(place, one, names, whole / one.path) for one in entries):
                fetched[unit] = len(entries)
            else:
                missing.append(unit)
    return fetched, missing


def _is_fetched(place: Place, entry: Entry, names: set[str], file: Path) -> bool:
    if object_of(entry) not in names:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    place.fetch(object_of(entry), file)
    os.utime(file, ns=(entry.modified_ns, entry.modified_ns))  # so that it is known again
    return sha256_of(file) == entry.sha256


def _place_files(settings: Settings, units: Iterable[str], whole: Path) -> None:
    """Give what was fetched its place, a unit at once."""
    for unit in units:
        target = place_in_home(settings, unit)
        assert target is not None
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(whole / unit, target)


def _place_store(settings: Settings, copy: Path) -> None:
    """Let the store begin where it was left, and give it its place; what is there is put aside."""
    store = connect(copy)
    for job in jobs.in_state(store, "running"):
        jobs.request_stop(store, job.id)
        jobs.end(store, job.id, "interrupted", error=GONE)
    close(copy)
    here = settings.database
    if here.exists():
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        _put_aside(here, here.with_name(f"{here.stem}-before-{moment}.db"))
    for end in ("", "-wal", "-shm"):  # what is left of another database must not be read into this
        here.with_name(f"{here.name}{end}").unlink(missing_ok=True)
    copy.rename(here)


def _put_aside(here: Path, aside: Path) -> None:
    """Keep a store under another name: a whole one as one file, a broken one as it is."""
    if stores.fault(here):
        shutil.copyfile(here, aside)
    else:
        stores.copy(here, aside)
    close(here)
