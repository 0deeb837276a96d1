"""Jobs whose process is gone: found by process id and start time, never by guessing."""

import socket

import psutil
from sqlite_utils import Database

from db import jobs
from db.store import now

HOST = socket.gethostname()
SILENCE_S = 120.0
"""A job of another host, whose processes cannot be seen from here, counts as dead after this."""


def process_started_at(pid: int) -> float:
    """When a living process started (seconds since 1970). Raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:
        raise psutil.NoSuchProcess(pid)
    return float(process.create_time())


def is_alive(job: jobs.Job) -> bool:
    """Whether the process that claimed this running job still works on it."""
    if job.host != HOST:
        return job.heartbeat_at is not None and now() - job.heartbeat_at < SILENCE_S
    if job.pid is None or job.process_started_at is None:
        return False
    try:
        return abs(process_started_at(job.pid) - job.process_started_at) < 1.0
    except psutil.NoSuchProcess:
        return False


def mark_orphans(store: Database) -> list[int]:
    """End running jobs whose process is gone as interrupted; return their ids."""
    orphans = [job.id for job in jobs.in_state(store, "running") if not is_alive(job)]
    for job_id in orphans:
        jobs.end(
            store,
            job_id,
            "interrupted",
            error="Its process ended without a word; resume it to go on from the last step.",
        )
    return orphans
