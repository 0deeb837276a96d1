"""Connections of strangers: each takes one of the process's files, and says nothing if it likes."""

import asyncio
import resource

from uvicorn.protocols.http.h11_impl import H11Protocol

SILENT_S = 20.0
"""Seconds in which a connection must bring its next request, to its last header."""
FILES = 65_536
"""Open files that a server asks the system for; commonly it may have 1,024, unless it asks."""


class Prompt(H11Protocol):
    """Uvicorn's protocol, which closes a connection on which nobody asks for anything.

    A body's time is limited in `pages/gate.py`, and an answer's not at all.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look."""
        super().connection_made(transport)
        self._seen = self.cycle
        self._look = self.loop.call_later(SILENT_S, self._close_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no longer."""
        self._look.cancel()
        super().connection_lost(exc)

    def _close_if_silent(self) -> None:
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self.cycle is self._seen:
            self.timeout_keep_alive_handler()
            return
        self._seen = self.cycle
        self._look = self.loop.call_later(SILENT_S, self._close_if_silent)


def take_files() -> None:
    """Let this process have as many open files as it may, FILES at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
