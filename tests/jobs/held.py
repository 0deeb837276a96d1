"""The device in another job's hands: what needs it waits, and need not be caught in time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from db import jobs
from db.store import connect
from fair_app.jobs.context import DEVICE
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.settings import Settings


@contextmanager
def device_held(settings: Settings) -> Iterator[None]:
    """A job of this process holds the device meanwhile."""
    store, pid = connect(settings.database), os.getpid()
    holder = jobs.add(store, "merge", {"name": "holder"}, None)
    jobs.claim(store, holder, host=HOST, pid=pid, process_started_at=process_started_at(pid))
    assert jobs.take_lease(store, DEVICE, holder)
    try:
        yield
    finally:
        jobs.end(store, holder, "cancelled")
