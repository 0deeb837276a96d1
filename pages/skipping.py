"""Blocks that spend nothing on what a handler leaves as it is.

Gradio takes a skipped output for a change to nothing and makes its component anew in the visitor's
session, about half a millisecond each. The handlers that show a page have all outputs of the app,
more than two hundred, and change some dozen.
"""

from copy import copy
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import convert_component_dict_to_list
from gradio.state_holder import SessionState

from pages.session_state import LeanState

SKIPPED = gr.skip()


class SkippingBlocks(gr.Blocks):
    """`gr.Blocks` whose handlers cost what they change."""

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: Any, state: SessionState | None
    ) -> list[Any]:
        """What a handler answered, for the browser: as `gr.Blocks` makes it."""
        answer = await self._changed(block_fn, predictions, state)
        if isinstance(state, LeanState):
            state.let_go(one._id for one in block_fn.outputs)
        return answer

    async def _changed(
        self, block_fn: BlockFunction, predictions: Any, state: SessionState | None
    ) -> list[Any]:
        outputs = list(block_fn.outputs)
        if isinstance(predictions, dict) and predictions and predictions != SKIPPED:
            predictions = convert_component_dict_to_list(outputs, predictions)
        if not isinstance(predictions, list | tuple) or len(predictions) != len(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        changed = [place for place, one in enumerate(predictions) if not _is_skipped(one)]
        found: list[Any] = [None if one.stateful else SKIPPED for one in outputs]
        if changed:
            smaller = copy(block_fn)
            smaller.outputs = [outputs[place] for place in changed]
            given = [predictions[place] for place in changed]
            # of one output, Gradio wants the bare value
            answer = await super().postprocess_data(
                smaller, given if len(given) > 1 else given[0], state
            )
            for place, value in zip(changed, answer, strict=True):
                found[place] = value
        return found


def _is_skipped(answer: Any) -> bool:
    return isinstance(answer, dict) and answer == SKIPPED
