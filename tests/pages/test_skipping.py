"""What a handler skips is left alone, in the browser's answer and in the session."""

import asyncio
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from pages.skipping import SkippingBlocks


def laid_out(kind: type[gr.Blocks], answer: Any) -> tuple[gr.Blocks, list[gr.blocks.Block]]:
    """A layout of four outputs, one of which is hidden by the server alone, and its one handler."""
    with kind() as demo:
        outputs = [gr.Textbox("a"), gr.HTML("b"), gr.State("c"), gr.Number(4)]
        demo.load(lambda: answer(outputs) if callable(answer) else answer, None, outputs)
    return demo, outputs


NOTHING = {"props": {"__type__": "update"}, "__type__": "update"}
ANSWERS = {
    "all skipped": gr.skip(),
    "none": lambda made: ["x", "y", "z", 5],
    "some by place": lambda made: [gr.skip(), "y", gr.skip(), gr.Number(visible=False)],
    "one by place": lambda made: [gr.skip(), "y", gr.skip(), gr.skip()],
    "by component": lambda made: {made[0]: gr.Textbox(value="x", label="of it"), made[2]: "z"},
    "one by component": lambda made: {made[3]: 7},
    "each skipped": lambda made: [gr.skip()] * 4,
    "nothing, which empties": lambda made: [None, gr.skip(), None, None],
}


async def answered(demo: gr.Blocks) -> tuple[list[Any], list[Any]]:
    state = SessionState(demo)
    (handler,) = demo.fns.values()
    assert handler.fn is not None
    data = await demo.postprocess_data(handler, handler.fn(), state)
    # an HTML component that is left alone has this form, which also changes nothing
    data = [{"__type__": "update"} if one == NOTHING else one for one in data]
    kept = [state[one._id] for one in handler.outputs if one.stateful]
    return data, kept


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_the_browser_and_the_session_get_what_gradio_gives_them(answer: Any) -> None:
    as_gradio = asyncio.run(answered(laid_out(gr.Blocks, answer)[0]))
    assert asyncio.run(answered(laid_out(SkippingBlocks, answer)[0])) == as_gradio


def test_what_is_skipped_is_not_made_anew() -> None:
    demo, outputs = laid_out(SkippingBlocks, ANSWERS["some by place"])
    state = SessionState(demo)
    (handler,) = demo.fns.values()
    assert handler.fn is not None
    asyncio.run(demo.postprocess_data(handler, handler.fn(), state))
    assert state[outputs[0]._id] is outputs[0]
    assert state[outputs[3]._id] is not outputs[3]


def test_too_few_answers_are_told() -> None:
    demo, _ = laid_out(SkippingBlocks, lambda made: ["x"])
    with pytest.raises(ValueError, match="didn't return enough"):
        asyncio.run(answered(demo))
