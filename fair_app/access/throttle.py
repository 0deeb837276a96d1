"""How long somebody must wait who gave a wrong password: longer each time."""

import time
from collections import OrderedDict
from collections.abc import Callable
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
    """Wrong passwords by address, or by name; the wait doubles, up to `longest_s` seconds."""

    def __init__(self, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest_s, self._clock = longest_s, clock
        self._lock = Lock()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until this address or name may try again; 0 where it may."""
        with self._lock:
            return self._wait(key)

    def take(self, key: str) -> None:
        """Begin a try: it counts as wrong until `right` is said, so that many at once are many."""
        with self._lock:
            now = self._clock()
            before = self._tries.get(key)
            wrong = before.wrong if before and now - before.last < FORGOTTEN_S else 0
            self._tries[key] = _Tries(wrong + 1, now)
            self._tries.move_to_end(key)
            if len(self._tries) > REMEMBERED:
                self._tries.popitem(last=False)

    def right(self, key: str) -> None:
        """Forget the wrong passwords of an address or a name."""
        with self._lock:
            self._tries.pop(key, None)

    def _wait(self, key: str) -> float:
        found = self._tries.get(key)
        if found is None or found.wrong < FREE:
            return 0.0
        wait = min(2.0 ** min(found.wrong - FREE, 30), self._longest_s)
        return max(0.0, found.last + wait - self._clock())
