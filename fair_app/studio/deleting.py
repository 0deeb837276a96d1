"""Deleting a project with everything: its rows at once, and then what it has on the disk.

What is on the disk is remembered in the same transaction, so that a crash behind it loses nothing:
`finish` goes on, when the server starts or by the same command. In the end the database itself is
written anew, since deleted rows stand in its file until others are written over them.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlite_utils import Database

from db import access, checkpoints, deleting, jobs
from db.deleting import Holding, Removal
from db.projects import Project
from db.store import connect, writing
from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs.kinds import KINDS
from fair_app.jobs.orphans import mark_orphans
from fair_app.report.markup import count
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.admin import size_of
from fair_app.studio.projects import open_project
from fair_app.studio.training import names_made
from fair_app.studio.training_preview import FOLDER as PREVIEWS
from fair_app.training.frozen import work_folder

CHECKPOINTS, UPLOADS, LOGS = "checkpoints", "uploads", "logs"
LARGE = 500 * 10**6
"""Bytes of a database that is not written anew while jobs work: the slowest machine takes seconds
for 100 MB, and after 30 s who wants to write gives up."""
ASIDE = ".deleted-"
"""How the name of what is being removed begins: neither a run nor a backup looks at it."""


@dataclass(frozen=True)
class Deleted:
    """A project that was deleted: what it held, the names of its checkpoints, and how many calls
    went out of the ledger with it."""

    project: str
    held: Holding
    checkpoints: list[str]
    calls: int


def would_go(settings: Settings, project: Project) -> tuple[Holding, int]:
    """What goes with a project, and how many bytes its checkpoints have."""
    store = connect(settings.database)
    folders = [settings.checkpoints / one.name for one in checkpoints.of_project(store, project.id)]
    return deleting.holding(store, project.id), sum(map(size_of, folders))


def delete(
    settings: Settings, name: str, typed: str, by: str, *, with_calls: bool = False
) -> Deleted:
    """Delete the project with this name, which was typed again, and note who did.

    What its teachers were asked and answered stays in the ledger, and `with_calls` only what other
    projects use. Raises BadInput where the typed name is another one, while a job
    of it waits or runs, and where another project needs a checkpoint of it; WorkFailed when the
    project is gone and something of it cannot be removed from the disk.
    """
    project = open_project(settings, name)
    if typed.strip() != project.name:
        raise BadInput(f"To delete {project.name} for good, type its name: {project.name}.")
    store = connect(settings.database)
    mark_orphans(store)
    with deleting.checked_at_the_end(store):
        _check(store, project)
        held = deleting.holding(store, project.id)
        made = [one.name for one in checkpoints.of_project(store, project.id)]
        own = jobs.listed(store, project.id, limit=-1)
        left = [
            *((CHECKPOINTS, one) for one in {*made, *_names(own)}),
            *((UPLOADS, one) for one in _uploads(settings, store, project)),
            *((LOGS, _log_of(one.id)) for one in own),
            (CHECKPOINTS, PREVIEWS),  # of all projects: they are made again when asked for
        ]
        asked = deleting.calls_of(store, project.id) if with_calls else []
        deleting.delete(store, project.id)
        calls = deleting.forget_calls(store, asked)
        for area, what in left:
            deleting.add_removal(store, project.name, area, what)
        access.note(store, by, "deleted a project", project.name, _in_words(held, calls))
    finish(settings)
    return Deleted(project.name, held, sorted(made), calls)


def finish(settings: Settings) -> list[str]:
    """Remove from the disk what deleted projects have left there; the names of these projects.

    What another project has taken the name of since is its own, and stays. Raises WorkFailed where
    something cannot be removed: the next time goes on with it.
    """
    store = connect(settings.database)
    left = deleting.removals(store)
    try:
        with writing(store):
            kept = _kept(store, left)
            for one in left:
                if (one.area, one.name) not in kept:
                    _put_aside(_paths(settings, one))
        _remove_aside(settings)
    except OSError as fault:
        raise WorkFailed(
            f"{fault.filename} is of a deleted project and cannot be removed "
            f"({fault.strerror}): make it writable, and start the server again."
        ) from fault
    if left:
        _wipe(settings, store, left)
    return sorted({one.project for one in left})


def unfinished(settings: Settings) -> str:
    """What there still is of deleted projects, as a sentence; "" where they are gone."""
    left = deleting.removals(connect(settings.database))
    if not left:
        return ""
    names = ", ".join(sorted({one.project for one in left}))
    there = (path for one in left for path in _paths(settings, one) if _is_there(path))
    if path := next(there, None) or next(_aside(settings), None):
        return (
            f"{path} is of a deleted project ({names}) and still there: make it writable, and "
            "start the server again."
        )
    return _unwiped(settings, names)


def _wipe(settings: Settings, store: Database, left: Iterable[Removal]) -> None:
    try:
        if settings.database.stat().st_size > LARGE and jobs.in_state(store, "running"):
            raise sqlite3.OperationalError("jobs at work would have to wait too long")
        deleting.wipe(store)
        deleting.forget_removals(store, left)
    except sqlite3.OperationalError as fault:
        raise WorkFailed(_unwiped(settings, str(fault))) from fault


def _unwiped(settings: Settings, about: str) -> str:
    return (
        f"What a deleted project held is still in unused parts of {settings.database} ({about}): "
        "see that no job is at work and the disk has room for it twice, and start the server again."
    )


def _check(store: Database, project: Project) -> None:
    for job in jobs.listed(store, project.id, limit=-1):
        if job.state in ("queued", "running"):
            raise BadInput(
                f"{KINDS[job.kind].title} job {job.id} of {project.name} is {job.state}: cancel it "
                "and wait for its end before you delete the project."
            )
    refs = [f"{CHECKPOINT}{one.name}" for one in checkpoints.of_project(store, project.id)]
    if others := deleting.built_on(store, project.id, refs):
        raise BadInput(
            f"{', '.join(others)} builds on a checkpoint of {project.name}: delete that first, or "
            "give it another student or teacher."
        )


def _names(own: Iterable[jobs.Job]) -> set[str]:
    return {name for job in own for name in names_made(job)}


def _uploads(settings: Settings, store: Database, project: Project) -> list[str]:
    """The files that were uploaded for this project alone, by the folder of each."""
    if not settings.uploads.is_dir():
        return []
    return [
        folder.name
        for folder in settings.uploads.iterdir()
        if deleting.named_by(store, folder.name) == {project.id}
    ]


def _log_of(job_id: int) -> str:
    return f"job-{job_id}.log"


def _kept(store: Database, left: Iterable[Removal]) -> set[tuple[str, str]]:
    """What is somebody's now: checkpoints, runs that may go on, logs, files uploaded again."""
    known = jobs.listed(store, limit=-1)
    going_on = [job for job in known if job.state != "succeeded" and not job.given_up]
    names = deleting.checkpoint_names(store) | _names(going_on)
    logs = {(LOGS, _log_of(job.id)) for job in known}
    uploads = {one.name for one in left if one.area == UPLOADS}
    asked = {(UPLOADS, name) for name in uploads if deleting.named_by(store, name)}
    return {*((CHECKPOINTS, name) for name in names), *logs, *asked}


def _paths(settings: Settings, one: Removal) -> list[Path]:
    if one.area == CHECKPOINTS:
        return [settings.checkpoints / one.name, work_folder(settings.checkpoints, one.name)]
    return [(settings.uploads if one.area == UPLOADS else settings.logs) / one.name]


def _is_there(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError:  # nor can it be looked at
        return True


def _put_aside(paths: Iterable[Path]) -> None:
    """Rename what is there: to remove it takes longer than others can be kept waiting."""
    for path in paths:
        if path.exists() or path.is_symlink():
            path.rename(path.with_name(f"{ASIDE}{uuid4().hex}"))


def _aside(settings: Settings) -> Iterator[Path]:
    for area in (settings.checkpoints, settings.uploads, settings.logs):
        yield from area.glob(f"{ASIDE}*")


def _remove_aside(settings: Settings) -> None:
    for path in list(_aside(settings)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onerror=_unless_gone)
        else:
            path.unlink(missing_ok=True)


def _unless_gone(_call: object, _path: str, fault: tuple[Any, BaseException, Any]) -> None:
    """Two who delete at once remove the same files."""
    if not isinstance(fault[1], FileNotFoundError):
        raise fault[1]


def _in_words(held: Holding, calls: int) -> str:
    parts = {
        "exam": held.exams,
        "evaluation": held.evaluations,
        "answer": held.answers,
        "decision": held.decisions,
        "checkpoint": held.checkpoints,
        "call": calls,
    }
    return ", ".join(count(number, what) for what, number in parts.items() if number)
