"""Where backups are kept: a folder, which may be a mounted bucket, or a data set of the hub."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from fair_app.errors import BadInput, WorkFailed
from fair_app.storage.manifest import OBJECTS, is_ours
from fair_app.whole_files import PARTIAL, disk_full_at, is_disk_full, whole_file

Files = Sequence[tuple[str, Path]]
"""Names in a place, and the local files whose contents they get."""


class Place(Protocol):
    """Somewhere that outlives the machine. Names are relative, with `/` between their parts.

    Every method raises WorkFailed, in one sentence, when the place cannot be reached, or a disk
    that it writes to is full.
    """

    @property
    def shown(self) -> str:
        """What a person calls it."""
        ...

    def names(self) -> set[str]:
        """The files that are there, whole."""
        ...

    def fetch(self, name: str, target: Path) -> None:
        """Write the content of a file to the new local file `target`."""
        ...

    def change(self, add: Files, remove: Iterable[str]) -> None:
        """Add files in this order, the last of which makes the others count; then remove some."""
        ...


class Folder:
    """A folder of this machine, of another disk, or of a bucket that is mounted here.

    What it lies in must be there. With `mounted` it must lie on a mount: what has the form of an
    empty place may be where a bucket is to be mounted, and goes with this machine.
    """

    def __init__(self, folder: Path, *, mounted: bool = False) -> None:
        self._folder, self._mounted = folder, mounted

    @property
    def shown(self) -> str:
        """The folder."""
        return str(self._folder)

    def names(self) -> set[str]:
        """The whole files in it and among its contents; none where there is no such folder yet."""
        with self._reached():
            return {name for name in self._files() if not name.endswith(PARTIAL)}

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file of it."""
        with self._reached(writes=target.parent):
            shutil.copyfile(self._folder / PurePosixPath(name), target)

    def change(self, add: Files, remove: Iterable[str]) -> None:
        """Copy each file, whole or not at all; what a kill left of one is removed."""
        with self._reached():
            for name, source in add:
                target = self._folder / PurePosixPath(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with whole_file(target, full=disk_full_at(self._folder)) as partial:
                    shutil.copyfile(source, partial)
            for name in remove:
                (self._folder / PurePosixPath(name)).unlink(missing_ok=True)
            for name in [one for one in self._files() if is_left_over(one)]:
                (self._folder / name).unlink(missing_ok=True)

    def _files(self) -> Iterator[str]:
        for inside in ("", OBJECTS):
            with contextlib.suppress(FileNotFoundError), os.scandir(self._folder / inside) as found:
                yield from (inside + one.name for one in found if one.is_file())

    @contextlib.contextmanager
    def _reached(self, writes: Path | None = None) -> Iterator[None]:
        """Say what is wrong with this folder, or with the local one that `writes` names."""
        try:
            self._check_mounted()
            yield
        except OSError as error:
            if is_disk_full(error):
                raise WorkFailed(disk_full_at(writes or self._folder)) from error
            raise WorkFailed(
                f"The place of the backups cannot be used ({self._folder}: "
                f"{error.strerror or error})."
            ) from error

    def _check_mounted(self) -> None:
        if not self._folder.parent.is_dir():
            raise WorkFailed(
                f"The place of the backups cannot be used: there is no {self._folder.parent}. Make "
                "it, or mount what the backups are to lie on."
            )
        if self._mounted and not lies_on_a_mount(self._folder, MOUNTS.read_text("utf-8")):
            raise WorkFailed(
                f"Nothing is mounted at {self._folder}, so backups there would be lost with this "
                "machine: mount a bucket or a disk, or set FAIR_BACKUP_MOUNTED=0."
            )


def is_left_over(name: str) -> bool:
    """Whether a file of a place is what a kill left of a backup's, by its name there."""
    folder, _, own = name.rpartition("/")
    whole = own.removeprefix(".").removesuffix(PARTIAL)
    return own.endswith(PARTIAL) and is_ours(f"{folder}/{whole}" if folder else whole)


MOUNTS = Path("/proc/self/mountinfo")


def lies_on_a_mount(folder: Path, mountinfo: str) -> bool:
    """Whether a folder is, or lies in, a mount other than the root's.

    `mountinfo`: the text of /proc/self/mountinfo (proc(5)), whose fifth field is where something
    is mounted, spaces and such as `\\040`.
    """
    points = (fields[4] for line in mountinfo.splitlines() if len(fields := line.split(" ")) > 4)
    named = (re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), one) for one in points)
    return any(one != "/" and folder.is_relative_to(one) for one in named)


HUB = "hf://datasets/"


def place_of(where: str, *, mounted: bool = False) -> Place:
    """The place that a setting or an option names: a folder, or hf://datasets/OWNER/NAME.

    `mounted`: a folder must lie on a mount. Raises BadInput for what is neither.
    """
    text = where.strip()
    if text.startswith(HUB):
        owner, _, name = text.removeprefix(HUB).strip("/").partition("/")
        if not owner or not name or "/" in name:
            raise BadInput(f"'{text}' names no data set: write {HUB}OWNER/NAME.")
        from fair_app.storage.hub import HubDataset

        return HubDataset(f"{owner}/{name}")
    if not text or "://" in text:
        raise BadInput(f"'{text}' is no place for backups: give a folder, or {HUB}OWNER/NAME.")
    folder = Path(text).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file: give a folder for the backups.")
    return Folder(folder, mounted=mounted)
