"""Stopping the jobs of this machine with their server, and going on with them at its next start.

Where the server's end takes everything with it (a container), they are asked to stop at their next
safe point, as a cancel asks, but end as interrupted.
"""

import os
import signal
import time
from contextlib import suppress

from sqlite_utils import Database

from db import jobs
from db.jobs import Job
from db.store import connect
from fair_app.jobs.kinds import LENDING
from fair_app.jobs.orphans import HOST, is_alive, mark_orphans
from fair_app.jobs.worker import STOPPED
from fair_app.settings import Settings

STOP_S = 20.0
"""How long running jobs have before they are killed."""
SAFE_POINT_S = 14.0
"""After so much of it, one that has not come to a safe point is interrupted where it is."""
LOOK_EVERY_S = 0.1
ATTEMPTS = 5
"""A job that was begun so often is not gone on with unasked: it may be what ends the machine."""


def stop_jobs(settings: Settings, *, stop_s: float = STOP_S, safe_s: float = SAFE_POINT_S) -> int:
    """Stop the running jobs of this machine, each to be resumed; return how many there were.

    Returns when their processes are done or killed, after `stop_s` seconds at most.
    """
    store = connect(settings.database)
    began = time.monotonic()
    stopped: set[int] = set()
    interrupted: set[int] = set()
    while running := _running_here(store):
        passed = time.monotonic() - began
        for job in running:
            if job.id not in stopped:
                jobs.request_stop(store, job.id)
                stopped.add(job.id)
            if passed > stop_s:
                _signal(job, signal.SIGKILL)
                jobs.end(store, job.id, "interrupted", error=STOPPED)
            elif passed > safe_s and job.id not in interrupted:
                _signal(job, signal.SIGTERM)
                interrupted.add(job.id)
        time.sleep(LOOK_EVERY_S)
    return len(stopped)


def resume_stopped(settings: Settings) -> list[int]:
    """Queue again what a server's or a machine's end interrupted, and return these jobs.

    Not what a person stopped, nor what was begun too often; a lent model waits until somebody asks.
    """
    store = connect(settings.database)
    orphans = mark_orphans(store)
    found = [
        job
        for job in jobs.in_state(store, "interrupted")
        if (job.stop_requested or job.id in orphans)
        and not job.cancel_requested
        and job.parent_id is None
        and job.kind != LENDING
        and job.attempt < ATTEMPTS
    ]
    return [job.id for job in found if jobs.requeue(store, job.id, job.owner)]


def _running_here(store: Database) -> list[Job]:
    """Running jobs of other processes of this machine that are alive."""
    return [
        job
        for job in jobs.in_state(store, "running")
        if job.host == HOST and job.pid != os.getpid() and is_alive(job)
    ]


def _signal(job: Job, number: signal.Signals) -> None:
    assert job.pid is not None
    with suppress(ProcessLookupError):
        os.kill(job.pid, number)
