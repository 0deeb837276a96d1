"""Which page a person asked for last: an earlier answer may come after a later one."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from threading import Lock

import gradio as gr

REMEMBERED = 1000
"""Open browser pages; the longest unused are forgotten, and then take whatever comes."""


class Visits:
    """The latest visit of each open browser page."""

    def __init__(self) -> None:
        self._numbers = count()
        self._latest: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._lock = Lock()

    def begin(self, request: gr.Request, tab: str) -> Callable[[], bool]:
        """Note a visit to a tab; what is returned says whether it is still the latest one."""
        browser_page = request.session_hash or ""
        with self._lock:
            number = next(self._numbers)
            self._latest[browser_page] = number, tab
            self._latest.move_to_end(browser_page)
            if len(self._latest) > REMEMBERED:
                self._latest.popitem(last=False)
        return lambda: self._latest.get(browser_page, (number, tab))[0] == number

    def stay(self, request: gr.Request, tab: str) -> None:
        """Note that a tab is on the screen: a visit to another one is no longer wanted.

        One to a place on this tab is: Gradio says so of a tab also by itself, a moment later.
        """
        _, wanted = self._latest.get(request.session_hash or "", (0, tab))
        if wanted != tab:
            self.begin(request, tab)
