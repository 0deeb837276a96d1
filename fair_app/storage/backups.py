"""Making a backup: the store as it is at one moment, and what is new of the files."""

import shutil
import sqlite3
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from db import backup as stores
from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.storage import manifest
from fair_app.storage.files import TRAINING, held, is_state, listed, sha256_of, unit_of
from fair_app.storage.locks import backing_up
from fair_app.storage.manifest import Entry, Manifest, backups_among, kept, removable
from fair_app.storage.places import Place
from fair_app.storage.standing import note, standing

STAGING = ".backup-"
"""How the folder begins, beside the database, in which a backup is put together."""


@dataclass(frozen=True)
class Made:
    """A backup that was made: what it holds, what of it had to be sent, in bytes, and how many
    older ones went."""

    name: str
    place: str
    files: int
    bytes: int
    sent_bytes: int
    removed: int


class Backups:
    """The backups of one home in one place; the old ones among them go, see `manifest.kept`."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings, self._place = settings, place
        self._read: dict[str, Manifest | None] = {}

    def make(self, *, at_stop: bool = False, anew: bool = False) -> Made | None:
        """Make one; None where nothing has changed since the newest.

        `at_stop`: nothing comes after it. The first of a server that works again is made although
        nothing has changed, so that the newest does not say so any more. `anew`: where the backups
        that were there are gone, that was on purpose.

        Runs and writers go on meanwhile. The states of runs are taken before the store, so that its
        curves have every step that they have; whole checkpoints, and the states of runs that were
        begun meanwhile, after it, so that it names none that is missing. Raises WorkFailed when the
        place cannot be reached or the home cannot be read.
        """
        home = self._settings.database.parent
        try:
            with backing_up(self._settings):
                for leftover in home.glob(f"{STAGING}*"):  # of one that was killed
                    shutil.rmtree(leftover)
                with tempfile.TemporaryDirectory(prefix=STAGING, dir=home) as staging:
                    made = self._make(Path(staging), at_stop, anew)
            newest = {"place": self._place.shown, "made": made.name} if made else {}
            note(self._settings, **newest, failed="", failed_at=0.0, looked_at=time.time())
        except (OSError, sqlite3.Error) as error:
            raise WorkFailed(
                f"{home} cannot be backed up ({error}): see that this user may read and write "
                "there, and that the disk has room."
            ) from error
        return made

    def _make(self, staging: Path, at_stop: bool, anew: bool) -> Made | None:
        names = self._place.names()
        if not anew:
            self._check_known(names)
        older = self._manifests(names)
        newest = older[0] if older else None
        database, files = self._snapshot(staging, newest)
        moment = datetime.now(UTC)
        if newest:  # of another machine, it may be, whose clock was ahead
            moment = max(moment, manifest.taken_at(newest.name) + timedelta(milliseconds=1))
        now = Manifest(
            manifest.name_at(moment),
            self._settings.backup_minutes,
            at_stop,
            next(iter(database)),
            tuple(files),
        )
        if newest and _content(newest) == _content(now) and at_stop == newest.at_stop:
            return None
        listing = staging / "manifest"
        listing.write_text(now.to_json(), encoding="utf-8")
        contents = {manifest.object_of(entry): path for entry, path in files.items()}
        add = [
            *((name, path) for name, path in sorted(contents.items()) if name not in names),
            (manifest.database_of(now.name), database[now.database]),
            (manifest.manifest_of(now.name), listing),
        ]
        stay = kept(one.name for one in [now, *older])
        remove = removable(names, [one for one in [now, *older] if one.name in stay])
        sent = sum(path.stat().st_size for _, path in add)
        self._place.change(add, remove)
        self._read[now.name] = now
        return Made(
            now.name,
            self._place.shown,
            len(now.files),
            now.bytes,
            sent,
            sum(name.endswith(".json") for name in remove),
        )

    def _check_known(self, names: set[str]) -> None:
        """Raise WorkFailed where this home's backups were, and none is: it is not mounted."""
        known = standing(self._settings)
        if known.made and known.place == self._place.shown and not backups_among(names):
            raise WorkFailed(
                f"{known.place} has no backup any more, and {known.made} was made there: mount it "
                "again, or name another place in FAIR_BACKUP; if it was emptied on purpose, "
                "`python -m fair_app backup --anew` begins there again."
            )

    def _snapshot(
        self, staging: Path, newest: Manifest | None
    ) -> tuple[dict[Entry, Path], dict[Entry, Path]]:
        """The store and the files as they are now, held still."""
        known = {
            (one.path, one.size, one.modified_ns): one.sha256
            for one in (newest.files if newest else ())
        }
        folders = [staging / name for name in ("states", "files")]
        for folder in folders:
            folder.mkdir()
        of_runs = [one for one in listed(self._settings) if is_state(one[0])]
        states = held(of_runs, folders[0], known)
        copy = staging / "store"
        stores.copy(self._settings.database, copy)
        begun = {unit_of(path) for path, _ in of_runs}
        whole = [
            one
            for one in listed(self._settings)
            if not is_state(one[0]) or unit_of(one[0]) not in begun
        ]
        files = held(whole, folders[1], known)
        done = {unit_of(one.path) for one in files}
        files |= {one: path for one, path in states.items() if _made_of(one.path) not in done}
        entry = Entry(self._settings.database.name, sha256_of(copy), copy.stat().st_size, 0)
        return {entry: copy}, files

    def _manifests(self, names: set[str]) -> list[Manifest]:
        """The backups that are there, the newest first; one that cannot be read is none."""
        for name in backups_among(names):
            if name not in self._read:
                self._read[name] = self._readable(name)
        return [one for name in backups_among(names) if (one := self._read[name]) is not None]

    def _readable(self, name: str) -> Manifest | None:
        with suppress(BadInput):
            return read_manifest(self._place, name)
        return None


def read_manifest(place: Place, name: str) -> Manifest:
    """What a backup says it holds. Raises BadInput where that cannot be read, and WorkFailed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "manifest"
        place.fetch(manifest.manifest_of(name), file)
        try:
            found = Manifest.from_json(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise BadInput("its list of files cannot be read") from error
    if found.name != name:
        raise BadInput("its list of files is another backup’s")
    return found


def _content(of: Manifest) -> tuple[str, frozenset[tuple[str, str]]]:
    return of.database.sha256, frozenset((one.path, one.sha256) for one in of.files)


def _made_of(path: str) -> str:
    """The checkpoint that a run's state is on its way to."""
    area, run, *_ = PurePosixPath(path).parts
    return f"{area}/{run.removeprefix('.').removesuffix(TRAINING)}"
