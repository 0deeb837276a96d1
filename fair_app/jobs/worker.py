"""Running one job to its end, in this process: `python -m fair_app.jobs.worker ID` or a command."""

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import SecretStr
from sqlite_utils import Database

from db import jobs
from db.store import connect, writing
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.jobs import kinds
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import HOST, mark_orphans, process_started_at
from fair_app.keys import from_pipe, usable
from fair_app.settings import Settings, read_settings
from fair_app.whole_files import DISK_FULL, is_disk_full

HEARTBEAT_S = 2.0
STOPPED = "It was stopped with the server; resume it to go on."


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM). As an interrupt it comes through asyncio's groups."""


def run_now(
    settings: Settings, kind: str, params: dict[str, Any], project_id: int | None
) -> dict[str, Any]:
    """Make a job and run it in this process, as the command line does; return its result.

    It is never seen waiting, so that no supervisor takes it. Raises as `run_job` does.
    """
    store = connect(settings.database)
    mark_orphans(store)
    with writing(store):
        job_id = jobs.add(store, kind, params, project_id)
        _claim(store, job_id)
    return _work(settings, job_id, usable(), echo=True)


def run_job(
    settings: Settings,
    job_id: int,
    *,
    echo: bool = False,
    typed_keys: Mapping[str, SecretStr] | None = None,
) -> dict[str, Any]:
    """Claim a queued job, do its work here and write how it ended; return its result.

    The job may use the keys of the environment and those that its owner typed.
    Raises what ended it otherwise: BadInput, WorkFailed, Cancelled, KeyboardInterrupt or a fault.
    """
    if not _claim(connect(settings.database), job_id):
        raise WorkFailed(f"Job {job_id} is not waiting to be run.")
    return _work(settings, job_id, usable(typed_keys), echo=echo)


def _claim(store: Database, job_id: int) -> bool:
    pid = os.getpid()
    return jobs.claim(store, job_id, host=HOST, pid=pid, process_started_at=process_started_at(pid))


def _work(
    settings: Settings, job_id: int, keys: Mapping[str, SecretStr], *, echo: bool
) -> dict[str, Any]:
    store = connect(settings.database)
    job = jobs.get(store, job_id)
    assert job is not None
    context = JobContext(settings, job, echo=echo, keys=keys)
    ended = threading.Event()
    threading.Thread(target=_beat, args=(settings, job_id, ended), daemon=True).start()
    try:
        result = kinds.body(job.kind)(context)
    except Cancelled:
        if jobs.cancel_requested(store, job_id) or not jobs.stop_requested(store, job_id):
            jobs.end(store, job_id, "cancelled")
        else:
            jobs.end(store, job_id, "interrupted", error=STOPPED)
        raise
    except KeyboardInterrupt:
        store.rollback()  # it may have come in the middle of a write
        jobs.end(store, job_id, "interrupted", error="It was stopped; resume it to go on.")
        raise
    except Exception as fault:
        if not isinstance(fault, BadInput | WorkFailed):
            context.log(traceback.format_exc())
        jobs.end(store, job_id, "failed", error=sentence(fault))
        if is_disk_full(fault):
            raise WorkFailed(DISK_FULL) from fault
        raise
    finally:
        ended.set()
    jobs.end(store, job_id, "succeeded", result=result)
    return result


def sentence(fault: Exception) -> str:
    """What a person is told about why work ended."""
    if isinstance(fault, BadInput | WorkFailed):
        return str(fault)
    if is_disk_full(fault):
        return DISK_FULL
    return f"Unexpected {type(fault).__name__}: {fault}"


def _beat(settings: Settings, job_id: int, ended: threading.Event) -> None:
    store = connect(settings.database)
    while not ended.wait(HEARTBEAT_S):
        jobs.heartbeat(store, job_id)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def main() -> int:
    """Run one job for the supervisor; the exit code says how it went, the rows say why."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=int)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    settings = read_settings(arguments.home)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        run_job(settings, arguments.job, typed_keys=from_pipe(sys.stdin.buffer.read()))
    except (BadInput, WorkFailed):
        return 1
    except (Cancelled, KeyboardInterrupt):
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
