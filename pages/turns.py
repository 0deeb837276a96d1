"""How much one visitor is given at the same time, so that the others are answered too.

It is for who may look and decide: those who started this server's jobs may also fill its queue.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import gradio as gr
from starlette.types import Scope

AT_ONCE = 4
"""Requests of one visitor that are answered at the same time. A browser sends up to six."""
WAITING = 32
"""Requests that may wait for their turn meanwhile."""
QUEUED = 8
"""Events of one visitor that Gradio's queue, which has 64 places for all, takes at a time."""
STREAMS = 200
"""Streams of one visitor that stand open. A browser's page has two at most; many visitors of a link
may share one address."""
TOO_MUCH = "You have asked for much at once: wait for the answers, then ask again."


@dataclass
class _Line:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    asked: int = 0


class Turns:
    """A line a visitor. It belongs to one event loop."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncIterator[bool]:
        """Wait for a turn; false, at once, where too many requests of the visitor wait already."""
        line = self._lines.get(visitor) or _Line()
        if line.asked >= AT_ONCE + WAITING:
            yield False
            return
        self._lines[visitor] = line
        line.asked += 1
        try:
            async with line.free:
                yield True
        finally:
            line.asked -= 1
            if not line.asked:
                del self._lines[visitor]


class Streams:
    """How many streams each visitor has open. It belongs to one event loop."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def opened(self, visitor: str) -> Iterator[bool]:
        """One more while this lasts; false where the visitor has too many."""
        if self._open[visitor] >= STREAMS:
            yield False
            return
        self._open[visitor] += 1
        try:
            yield True
        finally:
            self._open[visitor] -= 1
            if not self._open[visitor]:
                del self._open[visitor]


def whose(name: str | None, scope: Scope) -> str:
    """Whose turn a request takes: an account's, else an address's.

    Many share a link, and many have not signed in: no account's name has a space in it, as theirs.
    """
    if name and " " not in name:
        return name
    address = scope["client"][0] if scope.get("client") else ""
    return f"{name} {address}"


def queued(demo: gr.Blocks, visitor: str) -> int:
    """How many events of a visitor (`whose`) wait in Gradio's queue, or are answered from it."""
    queue = demo._queue
    waiting = [one for line in queue.event_queue_per_concurrency_id.values() for one in line.queue]
    running = [one for batch in queue.active_jobs for one in batch or ()]
    return sum(whose(one.username, one.request.scope) == visitor for one in [*waiting, *running])
