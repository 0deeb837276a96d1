"""What a backup is: a copy of the store, and the files that belong to it, by their content.

A place holds `NAME.json` (this), `NAME.db`, and `objects/SHA256`, which backups share. The first is
written last: a backup without one is half a backup, and counts as none.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from fair_app.errors import BadInput

RECENT, DAILY = 12, 7
"""So many of the newest backups are kept, and the newest of each of so many days."""

NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z")
_FORM = "%Y%m%dT%H%M%S.%f"
_SHA = re.compile(r"[0-9a-f]{64}")

OBJECTS = "objects/"
"""The folder of a place in which the files' contents lie."""


@dataclass(frozen=True)
class Entry:
    """One file of a home: where it lies there (areas: `fair_app.storage.files`), and its content.

    `modified_ns` is its time of change, by which an unchanged file is known without being read.
    """

    path: str
    sha256: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Manifest:
    """One backup. `minutes` is the interval at which they were made; `at_stop`: none came after,
    since the server that made it stopped."""

    name: str
    minutes: float
    at_stop: bool
    database: Entry
    files: tuple[Entry, ...]

    def to_json(self) -> str:
        """As text, for `from_json`."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Read what `to_json` gave. Raises BadInput for anything else.

        A path that leads out of a home is no path of a backup.
        """
        try:
            values = json.loads(text)
            found = cls(
                name=str(values["name"]),
                minutes=float(values["minutes"]),
                at_stop=bool(values["at_stop"]),
                database=_entry(values["database"]),
                files=tuple(_entry(one) for one in values["files"]),
            )
            taken_at(found.name)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadInput("its list of files cannot be read") from error
        return found

    @property
    def objects(self) -> set[str]:
        """The names of the files' contents in a place."""
        return {object_of(one) for one in self.files}

    @property
    def bytes(self) -> int:
        """How large it is, shared contents included."""
        return self.database.size + sum(one.size for one in self.files)


def _entry(values: dict[str, object]) -> Entry:
    entry = Entry(
        str(values["path"]),
        str(values["sha256"]),
        int(str(values["size"])),
        int(str(values["modified_ns"])),
    )
    path = PurePosixPath(entry.path)
    if path.is_absolute() or ".." in path.parts or not path.parts or {"\\", "\0"} & {*entry.path}:
        raise ValueError(entry.path)
    if not _SHA.fullmatch(entry.sha256) or entry.size < 0:
        raise ValueError(entry.sha256)
    return entry


def object_of(entry: Entry) -> str:
    """The name that a file's content has in a place."""
    return f"{OBJECTS}{entry.sha256}"


def database_of(name: str) -> str:
    """The name that a backup's copy of the store has in a place."""
    return f"{name}.db"


def manifest_of(name: str) -> str:
    """The name of a backup's own file in a place."""
    return f"{name}.json"


def name_at(moment: datetime) -> str:
    """The name of a backup made at this moment: names sort as their moments do."""
    return moment.astimezone(UTC).strftime(_FORM)[:-3] + "Z"


def taken_at(name: str) -> datetime:
    """When a backup was made. Raises ValueError for what is no backup's name."""
    if not NAME.fullmatch(name):
        raise ValueError(name)
    return datetime.strptime(name.removesuffix("Z"), _FORM).replace(tzinfo=UTC)


def backups_among(names: Iterable[str]) -> list[str]:
    """The backups among the names of a place's files, the newest first."""
    ends = (one.removesuffix(".json") for one in names if one.endswith(".json"))
    return sorted((one for one in ends if _is_name(one)), reverse=True)


def _is_name(text: str) -> bool:
    try:
        taken_at(text)
    except ValueError:
        return False
    return True


def kept(names: Iterable[str], recent: int = RECENT, daily: int = DAILY) -> set[str]:
    """Which backups are kept: the newest ones, and the newest of each of the newest days.

    Days are those (UTC) on which one was made, so that a long pause costs none.
    """
    ordered = sorted(set(names), reverse=True)
    days: dict[str, str] = {}
    for name in ordered:
        days.setdefault(name[:8], name)
    return {*ordered[:recent], *list(days.values())[:daily]}


def removable(names: Iterable[str], manifests: Iterable[Manifest]) -> set[str]:
    """Of a place's files those that no kept backup needs. `manifests`: all that are kept.

    Only what has the form of a backup's file is ever removed.
    """
    manifests = list(manifests)
    needed = {name for one in manifests for name in one.objects}
    for one in manifests:
        needed |= {manifest_of(one.name), database_of(one.name)}
    return {name for name in names if is_ours(name)} - needed


def is_ours(name: str) -> bool:
    """Whether a file of a place has the form of a backup's."""
    if name.startswith(OBJECTS):
        return bool(_SHA.fullmatch(name.removeprefix(OBJECTS)))
    stem, _, end = name.rpartition(".")
    return end in ("json", "db") and _is_name(stem)
