"""What a handler skips is left alone, in the browser's answer and in the session."""

import asyncio
from functools import wraps
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from pages.session_state import LeanState
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


@pytest.mark.parametrize("answer", ["all skipped", "each skipped"])
def test_nothing_is_made_anew_where_all_is_skipped(answer: str) -> None:
    demo, outputs = laid_out(SkippingBlocks, ANSWERS[answer])
    state = LeanState(demo)
    (handler,) = demo.fns.values()
    assert handler.fn is not None
    asyncio.run(demo.postprocess_data(handler, handler.fn(), state))
    assert all(state.is_as_built(one._id) for one in outputs if not one.stateful)


def test_too_few_answers_are_told() -> None:
    demo, _ = laid_out(SkippingBlocks, lambda made: ["x"])
    with pytest.raises(ValueError, match="didn't return enough"):
        asyncio.run(answered(demo))


CHANGES: list[tuple[Any, dict[str, Any]]] = [
    (gr.HTML, {"value": "<b>x</b>"}),
    (gr.HTML, {"value": "", "visible": False, "elem_classes": ["one", "two"]}),
    (gr.HTML, {"value": {"a": 1}, "visible": True, "title": "a property of its own"}),
    (gr.Textbox, {"value": "x", "label": "A label", "placeholder": "type", "interactive": False}),
    (gr.Textbox, {"value": None, "info": "told", "lines": 3}),
    (gr.Number, {"value": 2.5, "visible": False}),
    (gr.Number, {"value": 2.5, "precision": 0, "maximum": 4}),
    (gr.Dropdown, {"value": "b", "choices": ["a", "b"], "label": "Which"}),
    (gr.Dropdown, {"value": None, "interactive": True}),
    (gr.Checkbox, {"value": True, "label": "Is it?"}),
    (gr.CheckboxGroup, {"value": ["a"], "choices": ["a"]}),
    (gr.Slider, {"value": 3, "minimum": 1, "maximum": 7, "step": 2}),
    (gr.Button, {"value": "Go", "variant": "primary", "interactive": False}),
    (gr.Timer, {"active": False}),
    (gr.Timer, {"value": 5, "active": True}),
    (gr.Accordion, {"open": True, "label": "More"}),
    (gr.Column, {"visible": False}),
    (gr.Tabs, {"selected": "two"}),
]


@pytest.mark.parametrize("is_component", [True, False], ids=["component", "gr.update"])
@pytest.mark.parametrize("kind, change", CHANGES)
def test_a_change_is_told_as_gradio_tells_it_at_first_and_again(
    kind: Any, change: dict[str, Any], is_component: bool
) -> None:
    async def told(blocks: type[gr.Blocks], state_of: type[SessionState]) -> list[Any]:
        with blocks() as demo:
            if kind in (gr.Accordion, gr.Column, gr.Tabs):
                with kind() as changing:
                    pass
            else:
                changing = kind()
            demo.load(lambda: None, None, [changing, gr.State()])
        (handler,) = demo.fns.values()
        found = []
        for state in (state_of(demo), state_of(demo)):
            for _ in range(2):
                answer = kind(**change) if is_component else gr.update(**change)
                found += await demo.postprocess_data(handler, [answer, gr.skip()], state)
        return found

    as_gradio = asyncio.run(told(gr.Blocks, SessionState))
    assert asyncio.run(told(SkippingBlocks, LeanState)) == as_gradio


@pytest.mark.parametrize("value", [["a"], [], None])
def test_a_list_for_one_output_is_its_value(value: Any) -> None:
    async def told(blocks: type[gr.Blocks], state_of: type[SessionState]) -> list[Any]:
        with blocks() as demo:
            demo.load(lambda: value, None, gr.CheckboxGroup(["a", "b"]))
        (handler,) = demo.fns.values()
        return await demo.postprocess_data(handler, value, state_of(demo))

    assert asyncio.run(told(SkippingBlocks, LeanState)) == asyncio.run(
        told(gr.Blocks, SessionState)
    )


def test_what_changes_for_one_visitor_as_for_another_is_made_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, make = [], gr.HTML.__init__

    @wraps(make)
    def counted(*given: Any, **named: Any) -> None:
        made.append(named)
        make(*given, **named)

    async def answer(state: LeanState, value: str) -> Any:
        update = gr.update(value=value, visible=False)
        return await demo.postprocess_data(handler, [update, gr.skip()], state)

    monkeypatch.setattr(gr.HTML, "__init__", counted)
    with SkippingBlocks() as demo:
        demo.load(lambda: None, None, [gr.HTML(), gr.State()])
    (handler,) = demo.fns.values()
    answers = [asyncio.run(answer(LeanState(demo), value)) for value in ("x", "y", "z")]
    assert [one[0]["value"] for one in answers] == ["x", "y", "z"]
    assert len(made) == 2
