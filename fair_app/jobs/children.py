"""Jobs that belong together: a parent that starts its parts, each in a process of its own.

A part is a job like any other, with a row, a log and a result; but it never waits in the queue: its
parent starts it, waits for it, and when the parent is resumed goes on with it. The parent holds no
device, so that its parts can.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlite_utils import Database

from db import jobs
from db.jobs import Job
from db.store import connect
from fair_app.errors import Cancelled, WorkFailed
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import HOST, is_alive, mark_orphans
from fair_app.jobs.processes import GRACE_S, Process, end_with_process, start_process
from fair_app.keys import not_in_environment
from fair_app.settings import Settings

LOOK_EVERY_S = 0.2
PART_GRACE_S = 0.75 * GRACE_S
"""How long a part has to obey a cancel: its parent must be there still to end it."""

Params = Callable[[], dict[str, Any]]
Watch = Callable[[Job], None]


def run_child(
    job: JobContext, key: str, kind: str, make_params: Params, *, watch: Watch | None = None
) -> dict[str, Any]:
    """The result of the part of `job` that is called `key`: as it was stored, else from a run now.

    A part that an earlier attempt of the parent left at work is waited for; one that failed or was
    stopped is resumed. `make_params` is called only where there is no such part yet. `watch` gets
    the part's row again and again while it is at work.

    Raises WorkFailed with the part's sentence when it fails, and Cancelled when a person stopped
    the parent or the part; a stop of this process stops the part too.
    """
    store = job.store
    mark_orphans(store)
    job.check_cancelled()
    child = _child(job, key, kind, make_params)
    if child.state == "running" and (child.cancel_requested or child.stop_requested):
        # Stopped with an earlier attempt of the parent, and not yet at a safe point.
        child = _ended(job, child, None, watch)
    if child.state in jobs.RESUMABLE:
        jobs.requeue(store, child.id, job.job.owner)
        child = _known(store, child.id)
    if child.state not in jobs.ENDED:
        process = None
        if child.state == "queued":
            process = start_process(job.settings, child.id, not_in_environment(job.keys))
        child = _ended(job, child, process, watch)
    job.check_cancelled()
    if child.state == "cancelled":
        raise Cancelled
    if child.state != "succeeded":
        raise WorkFailed(f"{key}: {child.error}")
    return child.result or {}


def children_of(settings: Settings, job_id: int) -> list[Job]:
    """The parts of a job that were begun so far, the oldest first."""
    return jobs.children(connect(settings.database), job_id)


def _child(job: JobContext, key: str, kind: str, make_params: Params) -> Job:
    found = jobs.child(job.store, job.job.id, key)
    if found is not None:
        return found
    return _known(job.store, jobs.add_child(job.store, job.job, key, kind, make_params()))


def _ended(job: JobContext, child: Job, process: Process | None, watch: Watch | None) -> Job:
    """Wait until a part has ended, and return its row.

    A cancel of its parent is passed on to it, and a part that does not obey one is killed.
    """
    store, attempt = job.store, child.attempt
    cancelled_since = None
    try:
        while True:
            if process is not None:
                end_with_process(store, child.id, process, attempt)
            mark_orphans(store)
            child = _known(store, child.id)
            if child.state in jobs.ENDED:
                return child
            if child.state == "queued" and (process is None or process.poll() is not None):
                # Its process is gone, and it is nobody's: the next attempt begins it again.
                jobs.end(store, child.id, "interrupted", error="Its process did not begin.")
                continue
            if watch is not None:
                watch(child)
            if jobs.cancel_requested(store, job.job.id):
                jobs.request_cancel(store, child.id)
            elif jobs.stop_requested(store, job.job.id):
                jobs.request_stop(store, child.id)
            if jobs.cancel_requested(store, child.id):
                cancelled_since = cancelled_since or time.monotonic()
                if time.monotonic() - cancelled_since > PART_GRACE_S:
                    _signal(child, signal.SIGKILL)
                    jobs.end(store, child.id, "cancelled", error="It did not stop by itself.")
            time.sleep(LOOK_EVERY_S)
    except BaseException:
        # It leads a process session of its own: what stops this process does not reach it.
        if process is not None:
            process.terminate()  # also before it has claimed its job
        else:
            _signal(_known(store, child.id), signal.SIGTERM)
        raise
    finally:
        if process is not None:
            process.poll()  # so that no zombie of it is left


def _signal(child: Job, number: signal.Signals) -> None:
    """Send a signal to the process of a part, if it has one here that is alive."""
    if child.state == "running" and child.pid and child.host == HOST and is_alive(child):
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)


def _known(store: Database, job_id: int) -> Job:
    child = jobs.get(store, job_id)
    assert child is not None
    return child
