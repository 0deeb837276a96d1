"""Which files of a home are backed up, and how they are held still while that is done.

Every file of a home is written under another name first and replaced as a whole: a second link to
it keeps its content, whatever takes its place.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from fair_app.settings import Settings
from fair_app.storage.manifest import Entry
from fair_app.student.offline import OFFLINE_STUDENT

TRAINING = ".training"
"""How the folder of a run that is not done ends (`fair_app.training.frozen.work_folder`)."""
LEFT_OUT = (".partial", ".next", ".gguf")
"""What is not whole yet; and GGUF files, large ones that a checkpoint is written as again."""
CHUNK = 1 << 20

Known = Mapping[tuple[str, int, int], str]
"""SHA-256 by path, size and time of change."""


def areas(settings: Settings) -> dict[str, Path]:
    """The folders of a home whose files are backed up, by the first part of their paths."""
    return {
        "checkpoints": settings.checkpoints,
        "models": settings.models,
        "uploads": settings.uploads,
    }


def place_in_home(settings: Settings, path: str) -> Path | None:
    """Where a backed-up file lies in a home; None for a path of no area."""
    area, *rest = PurePosixPath(path).parts
    root = areas(settings).get(area)
    return root.joinpath(*rest) if root and rest else None


def unit_of(path: str) -> str:
    """What a backed-up file is a part of, and is restored with or not at all: a checkpoint, the
    states of a run, a model, an upload."""
    return "/".join(PurePosixPath(path).parts[:2])


def is_state(path: str) -> bool:
    """Whether a file is of a run that is not done: such a one is replaced again and again."""
    return any(part.endswith(TRAINING) for part in PurePosixPath(path).parts[:-1])


def listed(settings: Settings) -> list[tuple[str, Path]]:
    """The files to back up, in an order that may be read in while runs go on.

    Left out: what is not whole yet, links, and what is made again (the offline student, GGUF).
    """
    return sorted(
        (f"{area}/{file.relative_to(root).as_posix()}", file)
        for area, root in areas(settings).items()
        for file in _files(root, is_area=True)
    )


def _files(folder: Path, *, is_area: bool = False) -> Iterator[Path]:
    try:
        inside = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for one in inside:
        if one.is_symlink():
            continue
        if one.is_dir():
            hidden = one.name.startswith(".") and not one.name.endswith(TRAINING)
            if not hidden and not (is_area and one.name == OFFLINE_STUDENT):
                yield from _files(Path(one.path))
        elif not one.name.startswith(".") and not one.name.endswith(LEFT_OUT):
            yield Path(one.path)


def held(files: Iterable[tuple[str, Path]], folder: Path, known: Known) -> dict[Entry, Path]:
    """Files as they are now, with a path each at which that content stays.

    One whose time and size are `known` is not read. A file that is gone meanwhile is left out.
    """
    links = []
    for number, (path, file) in enumerate(files):
        link = folder / str(number)
        with suppress(FileNotFoundError):
            _link(file, link)
            links.append((path, link))
    found = {}
    for path, link in links:
        status = link.stat()
        size, modified = status.st_size, status.st_mtime_ns
        sha256 = known.get((path, size, modified)) or sha256_of(link)
        found[Entry(path, sha256, size, modified)] = link
    return found


def _link(file: Path, link: Path) -> None:
    try:
        os.link(file, link)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without links
        shutil.copy2(file, link)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
