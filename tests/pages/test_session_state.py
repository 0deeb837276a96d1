"""What is kept of an open browser page: all that a handler reads, and nothing besides."""

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from starlette.testclient import TestClient

from fair_app.settings import Settings
from pages.session_state import LeanState
from pages.skipping import SkippingBlocks
from pages.web import build
from tests.pages.entering import URL, Browser, begun, handler_of


def laid_out() -> gr.Blocks:
    """A handler that gives another component new choices, and one that reads it."""
    with gr.Blocks() as demo:
        box, count = gr.Dropdown(["a", "b"], value="a"), gr.State(0)
        demo.load(lambda: (gr.Dropdown(choices=["c"], value="c"), 3), None, [box, count])
        box.change(lambda chosen, number: f"{chosen} {number}", [box, count], count)
    return demo


async def after_both(kind: type[SessionState]) -> list[Any]:
    """What the second handler reads after the first, and what is kept of its answer."""
    demo = laid_out()
    state = kind(demo)
    first, second = demo.fns.values()
    assert first.fn is not None and second.fn is not None
    await demo.postprocess_data(first, first.fn(), state)
    read = await demo.preprocess_data(second, ["c", None], state)
    await demo.postprocess_data(second, second.fn(*read), state)
    box, count = second.inputs
    assert box._id in state and count._id in state
    return [read, state[count._id], state[box._id].choices, box.choices]


def test_handlers_read_what_they_read_of_gradio_s_own() -> None:
    lean, own = (asyncio.run(after_both(kind)) for kind in (LeanState, SessionState))
    assert lean == own == [["c", 3], "c 3", [("c", "c")], [("a", "a"), ("b", "b")]]


def test_a_choice_that_was_never_offered_is_still_refused() -> None:
    async def read() -> None:
        demo = laid_out()
        await demo.preprocess_data([*demo.fns.values()][1], ["x", None], LeanState(demo))

    with pytest.raises(gr.Error, match="not in the list of choices"):
        asyncio.run(read())


def test_the_server_keeps_no_configuration_of_an_open_page(tmp_path: Path) -> None:
    app: Any = build(Settings(home=tmp_path))
    with TestClient(app, base_url=URL) as web:
        page = Browser(web)
        index, wired = handler_of(web, "shell.Shell._arrive")
        assert page.call(index, begun(wired))[0] == 200
        states = app.routes[-1].app.state_holder
        kept = states.session_data[page.session]
        assert states.blocks.state_holder is states
        assert isinstance(kept, LeanState)
        assert kept.config_values == {}
        assert states.capacity == 300


def test_a_component_made_anew_is_kept_where_it_takes_other_values_and_no_longer() -> None:
    answers: list[list[Any]] = [
        [gr.Dropdown(choices=["c"], label="one"), gr.Number(label="two"), "plain"],
        [gr.Dropdown(choices=["a", "b"], label="three"), gr.Number(maximum=3), gr.HTML("x")],
        [gr.Dropdown(label="four"), gr.Number(label="five"), gr.HTML(visible=False)],
    ]
    with SkippingBlocks() as demo:
        outputs = [gr.Dropdown(["a", "b"]), gr.Number(), gr.HTML()]
        demo.load(lambda: None, None, outputs)
    (handler,) = demo.fns.values()
    state = LeanState(demo)
    kept = []
    for answer in answers:
        told = asyncio.run(demo.postprocess_data(handler, answer, state))
        assert told[0]["label"] == answer[0].label  # the browser gets what changed all the same
        kept.append([state[one._id] is not one for one in outputs])
    assert kept == [[True, False, False], [False, True, False], [False, True, False]]


def test_a_value_for_a_component_made_anew_is_kept_once() -> None:
    with SkippingBlocks() as demo:
        demo.load(lambda: None, None, [gr.Dropdown(["a"]), gr.HTML()])
    (handler,) = demo.fns.values()
    state = LeanState(demo)
    numbers = set(state.blocks_config.blocks)
    for answer in ([gr.Dropdown(choices=["b"]), "x"], ["b", "y"], ["b", gr.skip()]):
        asyncio.run(demo.postprocess_data(handler, answer, state))
    assert set(state.blocks_config.blocks) == numbers
