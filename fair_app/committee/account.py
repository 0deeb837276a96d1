"""A provider's account as one job sees it: how many calls fit in flight, and whether it is out.

How long to wait is shared by all jobs (`db.paces`); this is what one process learns by itself.
"""

import asyncio
import time
from urllib.parse import urlsplit

from fair_app.committee.base import TeacherSpec
from fair_app.committee.registry import REMOTE, key_variable

STRIKES = 8
"""After so many calls in a row without an answer, a provider or teacher is not asked any more."""
LONGEST_PAUSE_S = 120.0
"""A provider that asks for a longer wait is out; resuming later asks it again."""
FIRST_PAUSE_S = 1.0


def account_name(spec: TeacherSpec) -> str:
    """The name of the account that a teacher is asked through: provider, server, key's variable."""
    if spec.provider not in REMOTE:
        return f"{spec.provider} {spec.model}"
    server = urlsplit(spec.base_url).netloc if spec.base_url else ""
    return " ".join(part for part in (spec.provider, server, key_variable(spec)) if part)


class Standing:
    """Whether an account or a teacher still answers. `out` is the sentence that says why not."""

    def __init__(self) -> None:
        self.out: str | None = None
        self._strikes = 0

    def answered(self) -> None:
        """A call was answered."""
        self._strikes = 0

    def failed(self, reason: str) -> None:
        """A call got no answer, after all that was tried for it."""
        self._strikes += 1
        if self._strikes >= STRIKES and self.out is None:
            self.out = f"{self._strikes} calls in a row were not answered: {reason}"


class Account(Standing):
    """An account's standing, and a window of calls in flight: half as many when it says too many,
    one more for each window of answers (as TCP finds its rate)."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__()
        self.name = name
        self._most = most
        self._limit = float(most)
        self._in_flight = 0
        self._pauses = 0
        self._paused_until = 0.0
        self._changed = asyncio.Condition()

    async def enter(self) -> None:
        """Wait for a place in flight."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._in_flight < int(self._limit))
            self._in_flight += 1

    async def leave(self) -> None:
        """Give a place in flight back."""
        async with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def answered(self) -> None:
        """A call was answered: the account is well, and a little more may be in flight."""
        super().answered()
        self._pauses = 0
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def too_many(self, retry_after: float | None) -> float:
        """The account said too many: the seconds to pause; it is out when that is too long.

        What calls in flight say while it is paused already is the same refusal once more.
        """
        now = time.monotonic()
        if now >= self._paused_until:
            self._pauses += 1
            self._limit = max(1.0, self._limit / 2)
        wait = FIRST_PAUSE_S * 2 ** (self._pauses - 1) if retry_after is None else retry_after
        self._paused_until = max(self._paused_until, now + wait)
        if wait > LONGEST_PAUSE_S:
            said = "it asks to wait" if retry_after is not None else "it refuses calls, the next in"
            self.out = f"{said} {wait:.0f} s"
        return wait
