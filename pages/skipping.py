"""Blocks that spend nothing on what a handler leaves as it is, and little on what it changes.

Gradio takes a skipped output for a change to nothing, and makes the component of every output anew
in the visitor's session, about half a millisecond each, in the one thread that serves everybody.
The handlers that show a page have all outputs of the app, more than two hundred, and change dozens;
most changes are a text or whether it is seen, and are the same for the next visitor.
"""

from copy import copy
from functools import lru_cache
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block, convert_component_dict_to_list, postprocess_update_dict
from gradio.processing_utils import async_move_files_to_cache
from gradio.state_holder import SessionState
from gradio.utils import delete_none, is_prop_update

from pages.session_state import READ_OF_AN_ANSWER, LeanState

SKIPPED = gr.skip()
MOST_MADE = 2048


class SkippingBlocks(gr.Blocks):
    """`gr.Blocks` whose handlers cost what they change."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._made_anew = lru_cache(MOST_MADE)(_made_anew)

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: Any, state: SessionState | None
    ) -> list[Any]:
        """What a handler answered, for the browser: as `gr.Blocks` makes it."""
        outputs = list(block_fn.outputs)
        if isinstance(predictions, dict) and predictions and not _is_skipped(predictions):
            predictions = convert_component_dict_to_list(outputs, predictions)
        if len(outputs) == 1:
            predictions = [predictions]  # of one output, Gradio takes the bare value
        elif _is_skipped(predictions):
            predictions = [SKIPPED] * len(outputs)
        if not isinstance(predictions, list | tuple) or len(predictions) != len(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        found: list[Any] = [None if one.stateful else SKIPPED for one in outputs]
        left = []
        for place, one in enumerate(predictions):
            if _is_skipped(one):
                continue
            quick = self._quick(block_fn, outputs[place], one, state)
            if quick is None:
                left.append(place)
            else:
                found[place] = await async_move_files_to_cache(
                    quick, outputs[place], postprocess=True
                )
        if left:
            smaller = copy(block_fn)
            smaller.outputs = [outputs[place] for place in left]
            given = [predictions[place] for place in left]
            answer = await super().postprocess_data(
                smaller, given if len(given) > 1 else given[0], state
            )
            for place, value in zip(left, answer, strict=True):
                found[place] = value
            if isinstance(state, LeanState):
                state.let_go(one._id for one in smaller.outputs)
        return found

    def _quick(
        self, block_fn: BlockFunction, block: Block, answer: Any, state: SessionState | None
    ) -> dict[str, Any] | None:
        """A change for the browser by a component made for somebody before; None: not that kind."""
        if not isinstance(state, LeanState) or not state.is_as_built(block._id):
            return None
        if isinstance(answer, Block):
            changes = {**answer.constructor_args, "__type__": "update"}
        elif is_prop_update(answer):
            changes = delete_none(dict(answer), skip_value=True)
        else:
            return None
        shown = {one: changes[one] for one in changes if one not in ("value", "__type__")}
        if not shown.keys().isdisjoint(READ_OF_AN_ANSWER):
            return None
        try:
            made = self._made_anew(block, tuple(shown.items()))
        except TypeError:  # a list among them: no key to find it again by
            return None
        return postprocess_update_dict(made, changes, block_fn.postprocess)


def _made_anew(block: Block, changes: tuple[tuple[str, Any], ...]) -> Block:
    given = {**block.constructor_args, **dict(changes), "render": False}
    given.pop("value", None)
    return block.__class__(**given)


def _is_skipped(answer: Any) -> bool:
    return isinstance(answer, dict) and answer == SKIPPED
