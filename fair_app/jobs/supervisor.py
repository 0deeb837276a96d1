"""The supervisor: starts queued jobs, each in a process of its own, and buries the dead.

Workers are leaders of their own process sessions: they outlive the server that started them, and
the next server finds them at work.
"""

import logging
import sqlite3
import threading
import time

from sqlite_utils import Database

from db import jobs
from db.store import connect
from fair_app.jobs.kinds import needs_device
from fair_app.jobs.orphans import mark_orphans
from fair_app.jobs.processes import GRACE_S, Process, end_with_process, start_process
from fair_app.keys import TypedKeys
from fair_app.settings import Settings

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
SILENCE_S = 90.0
"""The supervisor counts as dead after so long without a look; a locked database takes 30 s."""
CLAIM_S = 10.0
"""How long a process that was started has to take its job before nobody waits for that."""


class Supervisor:
    """One thread that looks at the queue. Several servers on one home do not disturb each other."""

    def __init__(self, settings: Settings, typed_keys: TypedKeys | None = None) -> None:
        self._settings = settings
        self._typed_keys = typed_keys or TypedKeys()
        self._processes: dict[int, tuple[Process, int]] = {}
        """By job: the process that was started for it, and the job's attempt before that."""
        self._cancelled_since: dict[int, float] = {}
        self._stop = threading.Event()
        self._looked_at = time.monotonic()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin to look at the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking. Running jobs go on, those whose process has just been started included."""
        self._stop.set()
        self._thread.join()
        deadline = time.monotonic() + CLAIM_S
        while time.monotonic() < deadline and self._is_starting():
            time.sleep(LOOK_EVERY_S / 10)

    def is_alive(self) -> bool:
        """Whether it still looks at the queue."""
        return self._thread.is_alive() and time.monotonic() - self._looked_at < SILENCE_S

    def _is_starting(self) -> bool:
        """Whether a process that was started has not taken its job yet."""
        store = connect(self._settings.database)
        begun = [one for one, (process, _) in self._processes.items() if process.poll() is None]
        return any(job.id in begun for job in jobs.in_state(store, "queued"))

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            self._looked_at = time.monotonic()
            try:
                self.look(connect(self._settings.database))
            except (sqlite3.OperationalError, OSError):
                # A locked database, a full disk or a machine with too many processes passes; the
                # queue must be looked at again then.
                logger.exception("the queue could not be looked at; trying again")

    def look(self, store: Database) -> None:
        """One round: reap, mark orphans, kill what ignores a cancel, start what may start."""
        self._reap(store)
        mark_orphans(store)
        self._kill_cancelled(store)
        running = jobs.in_state(store, "running")
        device_is_free = not any(needs_device(job.kind, job.params) for job in running)
        for job in jobs.waiting(store):
            needs_it = needs_device(job.kind, job.params)
            if job.id in self._processes or (needs_it and not device_is_free):
                continue
            keys = self._typed_keys.of(job.owner)
            process = start_process(self._settings, job.id, keys)
            self._processes[job.id] = process, job.attempt
            device_is_free = device_is_free and not needs_it

    def _reap(self, store: Database) -> None:
        for job_id, (process, attempt) in list(self._processes.items()):
            if process.poll() is not None:
                del self._processes[job_id]
                end_with_process(store, job_id, process, attempt)

    def _kill_cancelled(self, store: Database) -> None:
        for job_id, (process, _) in self._processes.items():
            if not jobs.cancel_requested(store, job_id):
                self._cancelled_since.pop(job_id, None)
            elif (
                time.monotonic() - self._cancelled_since.setdefault(job_id, time.monotonic())
                > GRACE_S
            ):
                process.kill()
                jobs.end(store, job_id, "cancelled", error="It did not stop by itself.")
