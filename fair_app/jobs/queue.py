"""The queue as pages and commands use it: submit, look, reorder, cancel, resume."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from db import jobs
from db.jobs import Job, LogLine
from db.projects import Project
from db.store import connect, now, writing
from fair_app.errors import BadInput
from fair_app.jobs.kinds import KINDS
from fair_app.jobs.orphans import is_alive, mark_orphans
from fair_app.settings import Settings

ACTIVE = ("queued", "running")
RESUMABLE = jobs.RESUMABLE


@dataclass(frozen=True)
class JobView:
    """A job with the last lines of its log, as they were at a moment (seconds since 1970)."""

    job: Job
    title: str
    log: list[LogLine]
    read_at: float = field(default_factory=now)


def submit(
    settings: Settings, kind: str, params: dict[str, Any], project: Project, owner: str = ""
) -> int:
    """Queue a job and return its id. `owner`: the person whose typed keys it may use.

    Raises BadInput while one of its kind is under way, unless several of it may wait.
    """
    store = connect(settings.database)
    mark_orphans(store)
    latest = jobs.latest(store, project.id, kind)
    if latest and latest.state in ACTIVE and not KINDS[kind].several:
        raise BadInput(
            f"{KINDS[kind].title} job {latest.id} is still {latest.state}: wait for it, or cancel "
            "it."
        )
    return jobs.add(store, kind, params, project.id, owner)


def listed(settings: Settings, project: Project | None = None, limit: int = 100) -> list[Job]:
    """Jobs, the newest first. Those whose process died are marked interrupted first."""
    store = connect(settings.database)
    mark_orphans(store)
    return jobs.listed(store, project.id if project else None, limit)


def latest(settings: Settings, project: Project, kind: str) -> JobView | None:
    """A project's job of a kind that is at work, else its newest, with the end of its log."""
    store = connect(settings.database)
    mark_orphans(store)
    job = jobs.latest(store, project.id, kind)
    return view_of(settings, job) if job else None


def view_of(settings: Settings, job: Job) -> JobView:
    """A job with the end of its log."""
    log = jobs.log_tail(connect(settings.database), job.id)
    return JobView(job, KINDS[job.kind].title, log)


def metrics(
    settings: Settings, job_id: int, names: Iterable[str]
) -> dict[str, list[tuple[int, float]]]:
    """Metrics of a job by name, as (step, value)."""
    return jobs.metrics(connect(settings.database), job_id, names)


def next_queued(settings: Settings) -> Job | None:
    """The job whose turn it is, or None."""
    return next(iter(waiting(settings)), None)


def waiting(settings: Settings) -> list[Job]:
    """The jobs of all projects that wait for the device or for a process, the next one first."""
    return jobs.waiting(connect(settings.database))


def move(settings: Settings, job_id: int, by: int) -> None:
    """Let a waiting job change places with the one before it (`by` -1) or behind it (1).

    Raises BadInput when it does not wait. At the end of the queue it stays where it is.
    """
    store = connect(settings.database)
    with writing(store):
        order = [job.id for job in jobs.waiting(store)]
        place = _place(order, job_id) + by
        if 0 <= place < len(order):
            jobs.swap(store, job_id, order[place])


def take_out(settings: Settings, job_id: int) -> None:
    """Cancel a job before its turn. Raises BadInput when it does not wait."""
    store = connect(settings.database)
    with writing(store):
        _place([job.id for job in jobs.waiting(store)], job_id)
        jobs.end(store, job_id, "cancelled")


def cancel(settings: Settings, job_id: int) -> None:
    """Stop a job: at once if it waits, at its next safe point if it runs.

    Raises BadInput when there is no such job or it has ended.
    """
    store = connect(settings.database)
    job = _known(store, job_id)
    if job.state not in ACTIVE:
        raise BadInput(f"Job {job_id} has already ended ({job.state}): there is nothing to cancel.")
    for one in (job, *jobs.children(store, job_id)):
        if one.state == "queued" or (one.state == "running" and not is_alive(one)):
            jobs.end(store, one.id, "cancelled")
        elif one.state == "running":
            jobs.request_cancel(store, one.id)


def resume(settings: Settings, job_id: int, owner: str = "") -> None:
    """Queue a failed, cancelled or interrupted job again: it goes on from its last step.

    It belongs to who resumes it: nobody spends with keys that another typed.
    Raises BadInput when there is no such job, it is not resumable, or it is a part of another.
    """
    store = connect(settings.database)
    mark_orphans(store)
    job = _known(store, job_id)
    if job.parent_id is not None:
        raise BadInput(f"Job {job_id} is a part of job {job.parent_id}: resume that one.")
    if job.given_up:
        raise BadInput(f"Job {job_id} was given up: start a new one.")
    if not jobs.requeue(store, job_id, owner):
        raise BadInput(
            f"Job {job_id} is {job.state}: only a failed, cancelled or interrupted job is resumed."
        )


def _place(order: list[int], job_id: int) -> int:
    if job_id not in order:
        raise BadInput(f"Job {job_id} is not waiting any more: only waiting jobs have an order.")
    return order.index(job_id)


def _known(store: Database, job_id: int) -> jobs.Job:
    job = jobs.get(store, job_id)
    if job is None:
        raise BadInput(f"There is no job {job_id}: `jobs list` shows the jobs.")
    return job
