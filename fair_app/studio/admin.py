"""What the server of a home has and does: its disk, its memory, its device, backups, the audit."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from db import audit, jobs
from db.access import Noted
from db.jobs import Job
from db.store import connect
from fair_app.jobs.context import DEVICE
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.storage.manifest import taken_at
from fair_app.storage.places import HUB
from fair_app.storage.standing import standing
from fair_app.studio.export_all import exports

PAGE = 50
"""Lines of the audit on a page."""
GROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container may have."""
NVIDIA = "--query-gpu=name,memory.used,memory.total"


@dataclass(frozen=True)
class Disk:
    """Bytes that a home takes, by kind, and those of its disk.

    `kinds` has backups only where they lie on the same disk.
    """

    kinds: dict[str, int]
    free: int
    size: int


@dataclass(frozen=True)
class Memory:
    """The memory of the processor or of a GPU, in bytes."""

    name: str
    used: int
    size: int


@dataclass(frozen=True)
class BackupsStand:
    """How backups stand: where they go ("": nowhere), when the newest was made and the next is due
    (seconds since 1970, None where that is not known), and what was wrong the last time."""

    place: str
    made: float | None
    due: float | None
    fault: str


def disk(settings: Settings) -> Disk:
    """Look how large everything is that a home has."""
    home = settings.database.parent
    kinds = {
        "Database": sum(size_of(file) for file in home.glob("fair*.db*")),
        "Models": size_of(settings.models),
        "Checkpoints": size_of(settings.checkpoints),
        "Uploads": size_of(settings.uploads),
        "Logs": size_of(settings.logs),
        "Exports": size_of(exports(settings)),
    }
    backups = _backups_here(settings)
    if backups is not None:
        kinds["Backups"] = size_of(backups)
    usage = shutil.disk_usage(home)
    return Disk(kinds, usage.free, usage.total)


def memories() -> list[Memory]:
    """The processor's memory, or what the container may have of it, and that of each GPU."""
    found = psutil.virtual_memory()
    size, used = int(found.total), int(found.total - found.available)
    limit, taken = _number(GROUP / "memory.max"), _number(GROUP / "memory.current")
    if limit is not None and taken is not None and limit < size:
        size, used = limit, max(0, taken - _cached())
    return [Memory("Processor", used, size), *_gpus()]


def parsed_gpus(said: str) -> list[Memory]:
    """The GPUs in what `nvidia-smi` says: a line each, `name, used, size` in MiB.

    One whose numbers it does not know (`[N/A]`) is left out.
    """
    found = []
    for line in said.splitlines():
        name, *numbers = (part.strip() for part in line.rsplit(",", 2))
        if len(numbers) == 2 and all(one.isascii() and one.isdigit() for one in numbers):
            used, size = (int(one) * 2**20 for one in numbers)
            found.append(Memory(name, used, size))
    return found


def holder(settings: Settings) -> Job | None:
    """The job that holds the device, or None."""
    store = connect(settings.database)
    mark_orphans(store)
    held_by = jobs.lease_holder(store, DEVICE)
    return None if held_by is None else jobs.get(store, held_by)


def at_work(settings: Settings) -> list[Job]:
    """The running jobs of all projects, the oldest first; a job's parts are not told apart."""
    store = connect(settings.database)
    mark_orphans(store)
    return [job for job in jobs.in_state(store, "running") if job.parent_id is None]


def backups_stand(settings: Settings) -> BackupsStand:
    """How the backups of this home stand."""
    if not settings.backup:
        return BackupsStand("", None, None, "")
    found = standing(settings)
    looked = max(found.looked_at, found.failed_at)
    return BackupsStand(
        place=found.place or settings.backup,
        made=taken_at(found.made).timestamp() if found.made else None,
        due=looked + 60 * settings.backup_minutes if looked else None,
        fault=found.failed,
    )


def noted(settings: Settings, who: str = "", page: int = 1) -> tuple[list[Noted], int]:
    """A page of the audit, the newest line first, and how many lines there are in all.

    With `who` only of those whose name has this in it, whatever its capitals.
    """
    store = connect(settings.database)
    lines = audit.noted_by(store, who.strip(), PAGE, PAGE * max(0, page - 1))
    return lines, audit.count(store, who.strip())


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; what goes meanwhile has none."""
    try:
        if not path.is_dir():
            return path.stat().st_size if path.exists() else 0
        return sum(
            size_of(one) if one.is_dir() else one.lstat().st_size
            for one in path.iterdir()
            if not (one.is_symlink() and one.is_dir())
        )
    except FileNotFoundError:
        return 0


def _backups_here(settings: Settings) -> Path | None:
    """The folder of the backups, where it takes room of the home's disk."""
    if not settings.backup or settings.backup.startswith(HUB):
        return None
    folder = Path(settings.backup).expanduser()
    if not folder.is_dir() or folder.stat().st_dev != settings.database.parent.stat().st_dev:
        return None
    return folder


def _number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _cached() -> int:
    """Bytes of files that the container's memory keeps for as long as nobody needs the room."""
    try:
        lines = (GROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = dict(line.split() for line in lines)
    return int(found.get("inactive_file", 0))


def _gpus() -> list[Memory]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, NVIDIA, "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []  # a tool without a driver
    return parsed_gpus(said)
