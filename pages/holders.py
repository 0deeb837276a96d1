"""Whose the open browser pages are: Gradio keeps what a page shows under the page's hash alone."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import gradio as gr

HASHES = 10_000
"""Open browser pages whose holder is known; the longest unused are forgotten."""
PAGES = 100
"""Those of one visitor. What Gradio keeps of them stays in memory, and it keeps 300 of all."""
LONGEST = 64
"""Characters of a hash; Gradio's own have a dozen."""


class Holders:
    """Who holds which page. `forget` is called with one that its visitor has too many of."""

    def __init__(self, forget: Callable[[str], None]) -> None:
        self._forget = forget
        self._holders: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._pages: dict[str, OrderedDict[str, None]] = {}
        self._lock = Lock()

    def holds(self, page: str, holder: str, visitor: str) -> bool:
        """Whether a page is this holder's (a browser), or nobody's yet: then it is from now on.

        `visitor` is in whose name it is counted (`pages.turns.whose`).
        """
        if len(page) > LONGEST:
            return False
        with self._lock:
            known, counted = self._holders.setdefault(page, (holder, visitor))
            if known != holder:
                return False
            self._holders.move_to_end(page)
            own = self._pages.setdefault(counted, OrderedDict())
            own[page] = None
            own.move_to_end(page)
            if len(own) > PAGES:
                self._drop(next(iter(own)))
            if len(self._holders) > HASHES:
                self._drop(next(iter(self._holders)))
        return True

    def _drop(self, page: str) -> None:
        _, counted = self._holders.pop(page)
        own = self._pages[counted]
        del own[page]
        if not own:
            del self._pages[counted]
        self._forget(page)


def forget(demo: gr.Blocks, page: str) -> None:
    """Give back the memory that Gradio has of a page: its state, and answers nobody came for."""
    demo.state_holder.session_data.pop(page, None)
    demo.state_holder.time_last_used.pop(page, None)
    demo._queue.pending_messages_per_session.pop(page, None)
    demo._queue.pending_event_ids_session.pop(page, None)
