"""Parts of a job in the very process that waits for them: for tests of what parts come to.

How they are started, waited for and ended in processes of their own is tested in `test_children`.
"""

import os
from collections.abc import Mapping
from contextlib import suppress

import pytest
from pydantic import SecretStr

from db import jobs
from db.store import connect
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.jobs import children, worker
from fair_app.jobs.processes import Process, start_process
from fair_app.settings import Settings


class Here:
    """Stands for the process of a part; it is over before anyone looks."""

    pid = os.getpid()

    def __init__(self, settings: Settings, job_id: int, keys: Mapping[str, SecretStr]) -> None:
        with suppress(BadInput, WorkFailed, Cancelled):  # its row says so
            worker.run_job(settings, job_id, typed_keys=keys)

    def poll(self) -> int:
        return 0


def run_parts_here(monkeypatch: pytest.MonkeyPatch, *but: str) -> None:
    """Run parts in this process from now on, but for those with these keys: saves their imports."""

    def start(settings: Settings, job_id: int, keys: Mapping[str, SecretStr]) -> Here | Process:
        part = jobs.get(connect(settings.database), job_id)
        assert part is not None
        if part.child_key in but:
            return start_process(settings, job_id, keys)
        return Here(settings, job_id, keys)

    monkeypatch.setattr(children, "start_process", start)
