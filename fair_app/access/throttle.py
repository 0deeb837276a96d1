"""How long somebody must wait who gave a wrong password: longer each time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Condition
from typing import TypeVar

FREE = 4
"""Wrong passwords without a wait: people mistype."""
REMEMBERED = 10_000
FORGOTTEN_S = 3600.0

Proof = TypeVar("Proof")


class MustWait(Exception):
    """Too many passwords were wrong: another may be tried after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


@dataclass
class _Tries:
    wrong: int = 0
    last: float = 0.0
    begun: int = 0
    """Those whose outcome is not known yet."""


class Throttle:
    """Wrong passwords by address and by name; the wait doubles, up to each kind's longest (s)."""

    def __init__(
        self, longest_s: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest_s, self._clock = longest_s, clock
        self._decided = Condition()
        self._tries = {kind: OrderedDict[str, _Tries]() for kind in longest_s}

    def tried(self, keys: Mapping[str, str], attempt: Callable[[], Proof | None]) -> Proof | None:
        """What an attempt by these keys, one a kind, proves; None for a wrong one.

        Where those under way, if all of them were wrong, would make it one too many, it waits for
        their outcome: many at once are many, and a class that signs in at the same minute from one
        address is let in. Raises MustWait, and tries nothing, where it comes too soon.
        """
        with self._decided:
            self._decided.wait_for(lambda: self._wait(keys) > 0 or not self._is_open(keys))
            if wait := self._wait(keys):
                raise MustWait(wait)
            for kind, key in keys.items():
                self._of(kind, key).begun += 1
        proof = None
        try:
            proof = attempt()
        finally:
            self._end(keys, is_right=proof is not None)
        return proof

    def _end(self, keys: Mapping[str, str], *, is_right: bool) -> None:
        with self._decided:
            for kind, key in keys.items():
                tries = self._of(kind, key)
                tries.begun = max(0, tries.begun - 1)
                if is_right:
                    tries.wrong = 0
                else:
                    tries.wrong, tries.last = tries.wrong + 1, self._clock()
            self._decided.notify_all()

    def _wait(self, keys: Mapping[str, str]) -> float:
        """The seconds until one may be tried."""
        return max(self._wait_for(kind, self._tries[kind].get(key)) for kind, key in keys.items())

    def _wait_for(self, kind: str, tries: _Tries | None) -> float:
        if tries is None or tries.wrong < FREE:
            return 0.0
        wait = min(2.0 ** min(tries.wrong - FREE, 30), self._longest_s[kind])
        return max(0.0, tries.last + wait - self._clock())

    def _is_open(self, keys: Mapping[str, str]) -> bool:
        """Whether what is under way may still use up what is free."""
        every = [self._tries[kind].get(key, _Tries()) for kind, key in keys.items()]
        return any(tries.begun and tries.wrong + tries.begun >= FREE for tries in every)

    def _of(self, kind: str, key: str) -> _Tries:
        tries = self._tries[kind]
        found = tries.setdefault(key, _Tries())
        if found.wrong and self._clock() - found.last >= FORGOTTEN_S:
            found.wrong = 0
        tries.move_to_end(key)
        if len(tries) > REMEMBERED:
            tries.popitem(last=False)
        return found
