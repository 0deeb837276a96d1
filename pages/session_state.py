"""What the server keeps of each open browser page, without what nothing here reads.

Gradio also keeps a configuration of every component, for its deep links, which are closed here
(`pages/access.py`): a megabyte a page and 60 ms when it is opened, and with each change more.
"""

from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.state_holder import SessionState, StateHolder

CLOSED_STAYS_S = 3600
READ_OF_AN_ANSWER = (
    "allow_custom_value",
    "choices",
    "file_count",
    "max_choices",
    "maximum",
    "minimum",
    "multiselect",
    "precision",
    "type",
)
"""What `preprocess` of Gradio's components reads of them, when a value comes from the browser."""


class LeanState(SessionState):
    """A browser page's components and values, as `SessionState` has them, and nothing besides."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self._as_built = blocks.default_config.blocks
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, tuple[float | None, datetime]] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = CLOSED_STAYS_S

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, gr.State):
            self._state_ttl[key] = (block.time_to_live, datetime.now())
            self.state_data[key] = value
        else:
            if isinstance(value, Block):
                value._id = key  # else Gradio would keep it once more, under its own number
            self.blocks_config.blocks[key] = value

    def is_as_built(self, key: int) -> bool:
        """Whether a component takes what the page was built with."""
        return self.blocks_config.blocks.get(key) is self._as_built.get(key)

    def let_go(self, keys: Iterable[int]) -> None:
        """Forget components made anew that take the same values as the page was built with.

        Gradio makes one for every changed label or text, and needs it for that one answer: some
        four hundred while a page is opened, 2 KB each.
        """
        ours = self.blocks_config.blocks
        for key in keys:
            built, made = self._as_built.get(key), ours.get(key)
            if built and made is not built and _takes(made) == _takes(built):
                ours[key] = built

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


def _takes(block: object) -> list[Any]:
    # `getattr` of an HTML component would look through its templates for a name that it lacks
    own = vars(block)
    return [own.get(name) for name in READ_OF_AN_ANSWER]


class LeanStates(StateHolder):
    """The states of all browser pages."""

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__()
        self.set_blocks(blocks)

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanState(self.blocks)
        return super().__getitem__(session_id)
