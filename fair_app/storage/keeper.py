"""The thread that makes backups while a server works, and the last one when it stops."""

import logging
import threading
import time
from contextlib import suppress

from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.storage.backups import Backups
from fair_app.storage.places import place_of
from fair_app.storage.standing import note

logger = logging.getLogger(__name__)


class Keeper:
    """Makes a backup at once and every `backup_minutes`, where something has changed.

    One that fails, for whatever reason, is said in the log and in the home's standing, and tried
    again the next time.
    """

    def __init__(self, settings: Settings, backups: Backups) -> None:
        self._settings, self._backups = settings, backups
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="backups", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Make the last one; no job should be at work any more."""
        self._stop.set()
        self._thread.join()
        self._make(at_stop=True)

    def _watch(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self._make(at_stop=False)
            took = time.monotonic() - began
            self._stop.wait(max(0.0, 60 * self._settings.backup_minutes - took))

    def _make(self, *, at_stop: bool) -> None:
        try:
            self._backups.make(at_stop=at_stop)
        except (BadInput, WorkFailed) as fault:
            logger.warning("no backup was made: %s", fault)
            self._note(str(fault))
        except Exception as fault:
            logger.exception("no backup was made; trying again")
            self._note(f"Unexpected {type(fault).__name__}: the server's log says more.")

    def _note(self, failed: str) -> None:
        with suppress(OSError, WorkFailed):  # a full disk takes no note either; the log has it
            note(self._settings, failed=failed, failed_at=time.time())


def keeper_of(settings: Settings) -> Keeper | None:
    """The keeper of a home's backups; None where no place for them is set. Raises BadInput."""
    if not settings.backup:
        return None
    return Keeper(
        settings, Backups(settings, place_of(settings.backup, mounted=settings.backup_mounted))
    )
