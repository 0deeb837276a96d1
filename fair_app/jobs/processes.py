"""Starting the process of a job, as the supervisor and a job with parts do, and telling its end."""

import contextlib
import subprocess
import sys
from collections.abc import Mapping

from pydantic import SecretStr
from sqlite_utils import Database

from db import jobs
from fair_app.keys import as_pipe
from fair_app.settings import REPOSITORY, Settings

Process = subprocess.Popen[bytes]

GRACE_S = 20.0
"""How long a cancelled job has to reach a safe point before it is killed."""


def start_process(settings: Settings, job_id: int, keys: Mapping[str, SecretStr]) -> Process:
    """Start the process that claims a queued job and works on it; `keys` go through a pipe.

    It leads a process session of its own: it outlives who started it.
    """
    command = [sys.executable, "-m", "fair_app.jobs.worker", str(job_id)]
    if settings.home:
        command += ["--home", str(settings.home.resolve())]
    settings.logs.mkdir(parents=True, exist_ok=True)
    with (settings.logs / f"job-{job_id}.log").open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Through a pipe: neither a command line nor an environment shows what a person typed.
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(as_pipe(keys))
    return process


def end_with_process(store: Database, job_id: int, process: Process, attempt: int) -> None:
    """Mark a job interrupted whose process has ended without saying how.

    `attempt` is the job's when the process was started. A job that was claimed since then and waits
    again was resumed: this process has no more to do with it.
    """
    code = process.poll()
    if code is None:
        return
    job = jobs.get(store, job_id)
    if job is None:
        return
    never_began = job.state == "queued" and job.attempt == attempt and code != 0
    if job.pid == process.pid or never_began:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        error = f"Its process ended ({how}); resume it to go on from the last step."
        jobs.end(store, job_id, "interrupted", error=error)
