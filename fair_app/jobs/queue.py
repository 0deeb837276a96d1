"""The queue as pages and commands use it: submit, look, cancel, resume."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db import jobs
from db.jobs import Job, LogLine
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.jobs.kinds import KINDS
from fair_app.jobs.orphans import is_alive, mark_orphans
from fair_app.settings import Settings

ACTIVE = ("queued", "running")
RESUMABLE = jobs.RESUMABLE


@dataclass(frozen=True)
class JobView:
    """A job with the last lines of its log."""

    job: Job
    title: str
    log: list[LogLine]


def submit(
    settings: Settings, kind: str, params: dict[str, Any], project: Project, owner: str = ""
) -> int:
    """Queue a job and return its id. `owner`: the person whose typed keys it may use.

    Raises BadInput while one of its kind is under way.
    """
    store = connect(settings.database)
    mark_orphans(store)
    latest = jobs.latest(store, project.id, kind)
    if latest and latest.state in ACTIVE:
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
    """A project's newest job of a kind, with the end of its log."""
    store = connect(settings.database)
    mark_orphans(store)
    job = jobs.latest(store, project.id, kind)
    return JobView(job, KINDS[kind].title, jobs.log_tail(store, job.id)) if job else None


def metrics(
    settings: Settings, job_id: int, names: Iterable[str]
) -> dict[str, list[tuple[int, float]]]:
    """Metrics of a job by name, as (step, value)."""
    return jobs.metrics(connect(settings.database), job_id, names)


def next_queued(settings: Settings) -> Job | None:
    """The job that has waited longest, or None."""
    waiting = jobs.in_state(connect(settings.database), "queued")
    return waiting[0] if waiting else None


def cancel(settings: Settings, job_id: int) -> None:
    """Stop a job: at once if it waits, at its next safe point if it runs.

    Raises BadInput when there is no such job or it has ended.
    """
    store = connect(settings.database)
    job = _known(store, job_id)
    if job.state == "queued" or (job.state == "running" and not is_alive(job)):
        jobs.end(store, job_id, "cancelled")
    elif job.state == "running":
        jobs.request_cancel(store, job_id)
    else:
        raise BadInput(f"Job {job_id} has already ended ({job.state}): there is nothing to cancel.")


def resume(settings: Settings, job_id: int, owner: str = "") -> None:
    """Queue a failed, cancelled or interrupted job again: it goes on from its last step.

    It belongs to who resumes it: nobody spends with keys that another typed.
    Raises BadInput when there is no such job or it is not resumable.
    """
    store = connect(settings.database)
    mark_orphans(store)
    job = _known(store, job_id)
    if not jobs.requeue(store, job_id, owner):
        raise BadInput(
            f"Job {job_id} is {job.state}: only a failed, cancelled or interrupted job is resumed."
        )


def _known(store: Database, job_id: int) -> jobs.Job:
    job = jobs.get(store, job_id)
    if job is None:
        raise BadInput(f"There is no job {job_id}: `jobs list` shows the jobs.")
    return job
