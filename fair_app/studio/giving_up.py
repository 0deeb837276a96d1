"""Giving up a job that ended before it was done: nobody goes on with it, and its names are free."""

import shutil

from sqlite_utils import Database

from db import jobs
from db.store import connect, writing
from fair_app.errors import BadInput
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.studio.training import names_made
from fair_app.training.frozen import work_folder

MAKERS = ("train", "prefer", "merge", "ablation", "rounds")
"""The kinds of job that make checkpoints."""


def may_give_up(job: jobs.Job) -> bool:
    """Whether a job that can be resumed keeps the names of checkpoints that it has not made."""
    return job.resumable and job.parent_id is None and job.kind in MAKERS


def give_up(settings: Settings, job_id: int) -> list[str]:
    """Give a job up for good, with its parts; return the names that nothing keeps any more.

    The checkpoints that it made stay; what it needed for those that it did not make is removed.
    Raises BadInput when there is no such job, when it is at work, done, given up already or a part
    of another one, when a part of it is at work, and when it keeps no name.
    """
    store = connect(settings.database)
    mark_orphans(store)
    with writing(store):
        _check(store, job_id)
        for part in jobs.children(store, job_id):
            if part.state == "queued":  # it was made, and its parent ended before it began
                jobs.end(store, part.id, "cancelled")
        jobs.give_up(store, job_id)
        job = jobs.get(store, job_id)
        assert job is not None
        kept = {
            name
            for other in jobs.in_state(store, "queued", "running", *jobs.RESUMABLE)
            if not other.given_up
            for name in names_made(other)
        }
        freed = [
            name
            for name in names_made(job)
            if name not in kept and not (settings.checkpoints / name).exists()
        ]
        # Before anyone can see that the names are free: another run would keep its texts there.
        for name in freed:
            shutil.rmtree(work_folder(settings.checkpoints, name), ignore_errors=True)
    return freed


def _check(store: Database, job_id: int) -> None:
    job = jobs.get(store, job_id)
    if job is None:
        raise BadInput(f"There is no job {job_id}: `jobs list` shows the jobs.")
    if job.parent_id is not None:
        raise BadInput(f"Job {job_id} is a part of job {job.parent_id}: give that one up.")
    if job.given_up:
        raise BadInput(f"Job {job_id} was given up already.")
    if not job.resumable:
        raise BadInput(
            f"Job {job_id} is {job.state}: only a failed, cancelled or interrupted job is given up."
        )
    if job.kind not in MAKERS:
        raise BadInput(f"Job {job_id} keeps no checkpoint's name: there is nothing to give up.")
    for part in jobs.children(store, job_id):
        if part.state == "running":
            raise BadInput(f"Part {part.id} of job {job_id} is still running: cancel it before.")
