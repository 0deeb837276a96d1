"""A cap on what calls cost that holds while many are in flight.

Before a call its expected cost is set aside, after it the actual cost is settled. Setting aside the
most a call could cost would stop far too early: most answers are much shorter than their limit.
"""

import asyncio
from collections import defaultdict
from collections.abc import Hashable

WARN_AT = 0.8
ENOUGH = 0.9
"""Of a cap of which so much is spent, no call is tried whose cost is only guessed."""


class Budget:
    """A cap in USD (None: no cap) and what was spent before. Belongs to one event loop.

    Costs are expected by `kind` (teacher and role): the mean of what such calls cost so far, or a
    guess before the first has been settled.
    """

    def __init__(self, cap: float | None, spent: float = 0.0) -> None:
        self.cap = cap
        self.spent = spent
        self.exhausted = False
        self._reserved = 0.0
        self._under_way = 0
        self._settled: defaultdict[Hashable, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._changed = asyncio.Condition()

    def expected(self, kind: Hashable, guess: float) -> float:
        """What a call of this kind is expected to cost, in USD."""
        count, total = self._settled[kind]
        return total / count if count else guess

    async def reserve(self, kind: Hashable, guess: float) -> float | None:
        """Set a call's expected cost aside and return it; None when the cap leaves no room.

        Waits while calls in flight may still turn out cheaper than expected. Before anything is
        known of a kind, one call of it may go alone, so that a bad guess does not stop all work.
        """
        if self.cap is None:
            return 0.0
        async with self._changed:
            while not self.exhausted:
                expected = self.expected(kind, guess)
                alone = self._under_way == 0
                unknown = not self._settled[kind][0]
                if self.spent + self._reserved + expected <= self.cap or (
                    alone and unknown and self.spent < ENOUGH * self.cap
                ):
                    self._reserved += expected
                    self._under_way += 1
                    return expected
                if alone:
                    self.exhausted = True
                    break
                await self._changed.wait()
            self._changed.notify_all()
            return None

    def commit(self, kind: Hashable, guess: float) -> float | None:
        """Set a call's expected cost aside without waiting; None when there is no room now."""
        if self.cap is None:
            return 0.0
        expected = self.expected(kind, guess)
        if self.spent + self._reserved + expected > self.cap:
            return None
        self._reserved += expected
        self._under_way += 1
        return expected

    async def settle(self, kind: Hashable, reserved: float, actual: float | None) -> None:
        """Put the actual cost in place of what was reserved; None when the call gave no answer."""
        if self.cap is None:
            self.spent += actual or 0.0
            return
        async with self._changed:
            self._under_way -= 1
            # Floating-point residue must not stay behind when nothing is under way.
            self._reserved = self._reserved - reserved if self._under_way else 0.0
            if actual is not None:
                self.spent += actual
                self._settled[kind][0] += 1
                self._settled[kind][1] += actual
            self._changed.notify_all()

    @property
    def nearly_spent(self) -> bool:
        """Whether 80 % of the cap is spent."""
        return self.cap is not None and self.spent >= WARN_AT * self.cap
