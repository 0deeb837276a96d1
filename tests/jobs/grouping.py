"""A job with parts, in a process of its own: `python -m tests.jobs.grouping HOME ID`.

Its parts are the committee's (rule-based teachers, no model).
"""

import signal
import sys
from pathlib import Path
from typing import Any

from db import jobs
from db.store import connect
from fair_app.errors import Cancelled, WorkFailed
from fair_app.jobs import kinds, worker
from fair_app.jobs.children import run_child
from fair_app.jobs.context import JobContext
from fair_app.settings import Settings

kinds.KINDS["group"] = kinds.Kind("Group", "tests.jobs.grouping:run", computes=False)


def run(job: JobContext) -> dict[str, Any]:
    """Run the parts that the parameters name, one after another."""
    came = {}
    for key, params in job.params.items():
        job.log(f"part {key}")
        came[key] = run_child(job, key, "collect", lambda params=params: params)
    return came


def add(settings: Settings, params: dict[str, Any], project_id: int, owner: str = "") -> int:
    """Make a job with these parts."""
    return jobs.add(connect(settings.database), "group", params, project_id, owner)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, worker._terminate)
    try:
        worker.run_job(Settings(home=Path(sys.argv[1])), int(sys.argv[2]))
    except (Cancelled, WorkFailed, worker.Terminated):
        raise SystemExit(3) from None
