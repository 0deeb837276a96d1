"""What the body of a job has at hand: parameters, progress, metrics, log, cancel, the device."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr
from sqlite_utils import Database

from db import jobs
from db.projects import Project
from db.projects import get as get_project
from db.store import connect
from fair_app.errors import Cancelled
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings

DEVICE = "device"
"""The one lease: the GPU where there is one, else the processor."""

REPORT_EVERY_S = 0.3
PACED_SHARE = 0.1


class JobContext:
    """One attempt at one job. All methods write rows; `echo` also prints to standard error.

    `keys` are the providers' keys that the job may use, by the name of their variable; they stand
    in this process's memory only.
    """

    def __init__(
        self,
        settings: Settings,
        job: jobs.Job,
        *,
        echo: bool = False,
        keys: Mapping[str, SecretStr] | None = None,
    ) -> None:
        self.settings = settings
        self.job = job
        self.keys = keys or {}
        self._echo = echo
        self._reported_at = 0.0
        self._stage = ""
        self._stage_since = 0.0
        self._stage_done = 0

    @property
    def store(self) -> Database:
        """The store, opened for the calling thread."""
        return connect(self.settings.database)

    @property
    def params(self) -> dict[str, Any]:
        """What the job was asked to do."""
        return self.job.params

    @property
    def project(self) -> Project:
        """The project that the job works for."""
        assert self.job.project_id is not None
        return get_project(self.store, self.job.project_id)

    def progress(
        self,
        stage: str,
        done: int,
        total: int,
        usual_s: float | None = None,
        left_s: float | None = None,
    ) -> None:
        """Say how far the work is; the time left follows from the pace since the stage began.

        Until that can be told, it follows from `usual_s`, the seconds that one of `total` has
        taken before; where that is not known either, nothing is said. Who knows better how many
        seconds are left says so with `left_s`.
        """
        moment = time.monotonic()
        if stage != self._stage:
            self._stage, self._stage_since, self._stage_done = stage, moment, done
        elif done < total and moment - self._reported_at < REPORT_EVERY_S:
            return
        self._reported_at = moment
        gained = done - self._stage_done
        # The first of a batch arrive late and together: they say nothing of the pace yet.
        paced = gained >= max(1, PACED_SHARE * total)
        pace = (moment - self._stage_since) / gained if paced else usual_s
        eta = pace * (total - done) if pace is not None else None
        eta = eta if left_s is None else left_s
        jobs.report(self.store, self.job.id, stage=stage, done=done, total=total, eta_s=eta)
        if self._echo:
            left = f", {eta:.0f} s left" if eta else ""
            print(f"{stage}: {done} of {total}{left}", file=sys.stderr, flush=True)

    def log(self, line: str) -> None:
        """Add a line to the job's log."""
        jobs.add_log(self.store, self.job.id, line)
        if self._echo:
            print(line, file=sys.stderr, flush=True)

    def metrics(self, step: int, values: dict[str, float]) -> None:
        """Write the metrics of one step."""
        jobs.add_metrics(self.store, self.job.id, step, values)

    def check_cancelled(self) -> None:
        """Raise Cancelled when a person stopped the job, or the server did with itself.

        Call it where nothing is half done.
        """
        if jobs.must_stop(self.store, self.job.id):
            raise Cancelled

    @contextmanager
    def device(self) -> Iterator[None]:
        """Hold the device; while another job has it, wait and say so."""
        waited_for = None
        while not jobs.take_lease(self.store, DEVICE, self.job.id):
            self.check_cancelled()
            holder = jobs.lease_holder(self.store, DEVICE)
            if holder is not None and holder != waited_for:
                waited_for = holder
                self.log(f"waiting: job {holder} holds the device")
                self.progress(f"waiting for job {holder}", 0, 0)
            mark_orphans(self.store)
            time.sleep(0.5)
        try:
            yield
        finally:
            jobs.give_lease_back(self.store, self.job.id)
