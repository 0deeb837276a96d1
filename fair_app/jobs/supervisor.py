"""The supervisor: starts queued jobs, each in a process of its own, and buries the dead.

Workers are leaders of their own process sessions: they outlive the server that started them, and
the next server finds them at work.
"""

import contextlib
import logging
import sqlite3
import subprocess
import sys
import threading
import time

from sqlite_utils import Database

from db import jobs
from db.store import connect
from fair_app.jobs.kinds import needs_device
from fair_app.jobs.orphans import mark_orphans
from fair_app.keys import TypedKeys, as_pipe
from fair_app.settings import REPOSITORY, Settings

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
GRACE_S = 20.0
"""How long a cancelled job has to reach a safe point before it is killed."""


class Supervisor:
    """One thread that looks at the queue. Several servers on one home do not disturb each other."""

    def __init__(self, settings: Settings, typed_keys: TypedKeys | None = None) -> None:
        self._settings = settings
        self._typed_keys = typed_keys or TypedKeys()
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._cancelled_since: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin to look at the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking. Running jobs go on."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                self.look(connect(self._settings.database))
            except sqlite3.OperationalError:
                # A locked database or a full disk passes; the queue must be looked at again then.
                logger.exception("the queue could not be read; trying again")

    def look(self, store: Database) -> None:
        """One round: reap, mark orphans, kill what ignores a cancel, start what may start."""
        self._reap(store)
        mark_orphans(store)
        self._kill_cancelled(store)
        running = jobs.in_state(store, "running")
        device_is_free = not any(needs_device(job.kind, job.params) for job in running)
        for job in jobs.waiting(store):
            needs_it = needs_device(job.kind, job.params)
            if job.id in self._children or (needs_it and not device_is_free):
                continue
            self._children[job.id] = self._spawn(job)
            device_is_free = device_is_free and not needs_it

    def _spawn(self, job: jobs.Job) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "fair_app.jobs.worker", str(job.id)]
        if self._settings.home:
            command += ["--home", str(self._settings.home.resolve())]
        self._settings.logs.mkdir(parents=True, exist_ok=True)
        with (self._settings.logs / f"job-{job.id}.log").open("ab") as output:
            child = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Through a pipe: neither a command line nor an environment shows what its owner typed.
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
            pipe.write(as_pipe(self._typed_keys.of(job.owner)))
        return child

    def _reap(self, store: Database) -> None:
        for job_id, child in list(self._children.items()):
            code = child.poll()
            if code is None:
                continue
            del self._children[job_id]
            job = jobs.get(store, job_id)
            if job and (job.pid == child.pid or (job.state == "queued" and code != 0)):
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                jobs.end(
                    store,
                    job_id,
                    "interrupted",
                    error=f"Its process ended ({how}); resume it to go on from the last step.",
                )

    def _kill_cancelled(self, store: Database) -> None:
        for job_id, child in self._children.items():
            if not jobs.cancel_requested(store, job_id):
                self._cancelled_since.pop(job_id, None)
            elif (
                time.monotonic() - self._cancelled_since.setdefault(job_id, time.monotonic())
                > GRACE_S
            ):
                child.kill()
                jobs.end(store, job_id, "cancelled", error="It did not stop by itself.")
