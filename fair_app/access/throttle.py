"""How long somebody must wait who gave a wrong password: longer each time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

FREE = 4
"""Wrong passwords without a wait: people mistype."""
REMEMBERED = 10_000
FORGOTTEN_S = 3600.0


@dataclass
class _Tries:
    wrong: int
    last: float


class Throttle:
    """Wrong passwords by address and by name; the wait doubles, up to each kind's longest (s)."""

    def __init__(
        self, longest_s: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest_s, self._clock = longest_s, clock
        self._lock = Lock()
        self._tries = {kind: OrderedDict[str, _Tries]() for kind in longest_s}

    def take(self, keys: Mapping[str, str]) -> float:
        """Begin a try by its keys, one a kind; 0, or the seconds until one may be begun.

        A try that was begun counts as wrong until `right` is said, so that many at once are many;
        one that must wait does not count.
        """
        with self._lock:
            wait = max(self._wait(kind, key) for kind, key in keys.items())
            if wait == 0:
                for kind, key in keys.items():
                    self._count(kind, key)
            return wait

    def right(self, keys: Mapping[str, str]) -> None:
        """Forget the wrong passwords of these keys."""
        with self._lock:
            for kind, key in keys.items():
                self._tries[kind].pop(key, None)

    def _wait(self, kind: str, key: str) -> float:
        found = self._tries[kind].get(key)
        if found is None or found.wrong < FREE:
            return 0.0
        wait = min(2.0 ** min(found.wrong - FREE, 30), self._longest_s[kind])
        return max(0.0, found.last + wait - self._clock())

    def _count(self, kind: str, key: str) -> None:
        tries, now = self._tries[kind], self._clock()
        before = tries.get(key)
        wrong = before.wrong if before and now - before.last < FORGOTTEN_S else 0
        tries[key] = _Tries(wrong + 1, now)
        tries.move_to_end(key)
        if len(tries) > REMEMBERED:
            tries.popitem(last=False)
