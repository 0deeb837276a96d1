"""Batches at every remote provider, over a socket and through the SDK that has them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.committee.base import CallFailed, Fault, Finish, Reply
from fair_app.committee.providers.batches import BatchState, BatchTeacher, build_batches
from fair_app.committee.providers.chat import read_lines
from fair_app.errors import BadInput
from tests.wire import faults
from tests.wire.asking import KEY, batch_teacher, described, request
from tests.wire.formats import PROVIDERS, Answer, Call, Raw
from tests.wire.server import Server

Value = TypeVar("Value")
ITEMS = [(f"item-{number}", request(f"sum {number}")) for number in range(6)]


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        yield one


def done(teacher: BatchTeacher, work: Callable[[BatchTeacher], Awaitable[Value]]) -> Value:
    """What some work with a teacher gives; the teacher is closed again."""

    async def work_and_close() -> Value:
        try:
            return await work(teacher)
        finally:
            await teacher.close()

    return asyncio.run(work_and_close())


def one_of_each(call: Call) -> Answer | Raw | None:
    """An outcome by prompt: cut off, blocked, refused by the server, rate-limited, two answers."""
    return {
        "sum 0": lambda: Answer("Let us", finish="length"),
        "sum 1": lambda: Answer(blocked="output"),
        "sum 2": lambda: faults.bad_request(call),
        "sum 3": lambda: faults.rate_limit(call),
        "sum 4": lambda: Answer("4.", reasoning="Hm …", thought_tokens=9),
        "sum 5": lambda: Answer("5.", usage=False),
    }[call.prompt]()


def test_a_batch_survives_the_process_that_submitted_it(server: Server, provider: str) -> None:
    batch = done(batch_teacher(server, provider), lambda one: one.submit(ITEMS, "round 1"))

    async def come_back(one: BatchTeacher) -> list[BatchState]:
        assert await one.find("round 1") == batch
        assert await one.find("round 2") is None
        return [await one.poll(batch), await one.poll(batch)]

    states = done(batch_teacher(server, provider), come_back)
    assert [state.state for state in states] == ["running", "done"]
    if provider != "gemini":
        assert states[1] == BatchState("done", "", total=6, answered=6, failed=0)
    outcomes = dict(done(batch_teacher(server, provider), lambda one: one.results(batch)))
    assert set(outcomes) == {name for name, _ in ITEMS}
    assert {one.finish for one in outcomes.values() if isinstance(one, Reply)} == {Finish.COMPLETE}
    assert server.received.total() == len(ITEMS)


def test_every_item_has_its_own_outcome(server: Server, provider: str) -> None:
    server.behaviour = one_of_each
    server.batches.polls_until_end = 0

    async def work(one: BatchTeacher) -> dict[str, Reply | CallFailed]:
        batch = await one.submit(ITEMS)
        assert (await one.poll(batch)).state == "done"
        return dict(await one.results(batch))

    outcomes = done(batch_teacher(server, provider), work)
    failed = {name: one.kind for name, one in outcomes.items() if isinstance(one, CallFailed)}
    assert failed == {"item-2": Fault.REQUEST, "item-3": Fault.RATE_LIMIT}
    assert outcomes["item-0"] == Reply("Let us", Finish.TRUNCATED, 11, 7)
    assert outcomes["item-1"] == Reply("", Finish.BLOCKED, 11, 7)
    assert outcomes["item-4"] == Reply("4.", Finish.COMPLETE, 11, 16)
    assert outcomes["item-5"] == Reply("5.", Finish.COMPLETE)
    assert "temperature" in str(outcomes["item-2"])


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_a_batch_may_end_otherwise(server: Server, provider: str, end: str) -> None:
    server.batches.polls_until_end, server.batches.end = 0, end

    async def work(one: BatchTeacher) -> tuple[BatchState, dict[str, Reply | CallFailed]]:
        batch = await one.submit(ITEMS)
        return await one.poll(batch), dict(await one.results(batch))

    state, outcomes = done(batch_teacher(server, provider), work)
    assert state.state == end
    assert bool(state.message) == (end == "failed")
    if provider == "gemini":  # Google keeps the answers of a batch only if it ends well.
        assert not outcomes
        return
    answered = {name for name, one in outcomes.items() if isinstance(one, Reply)}
    assert answered == {"item-0", "item-1", "item-2"}
    if end == "expired":
        assert {one.kind for one in outcomes.values() if isinstance(one, CallFailed)} == {
            Fault.TIMEOUT
        }


def test_a_batch_can_be_cancelled(server: Server, provider: str) -> None:
    async def work(one: BatchTeacher) -> BatchState:
        batch = await one.submit(ITEMS)
        await one.cancel(batch)
        return await one.poll(batch)

    assert done(batch_teacher(server, provider), work).state == "cancelled"


def test_a_batch_asks_what_a_call_asks(server: Server, provider: str) -> None:
    fields = {"temperature": 0.25, "max_tokens": 77, "reasoning_effort": "low"}
    done(batch_teacher(server, provider, **fields), lambda one: one.submit(ITEMS[:1]))
    (call,) = server.calls
    assert (call.prompt, call.key) == ("sum 0", KEY)
    sent = call.body["generationConfig"] if provider == "gemini" else call.body
    assert sent["temperature"] == 0.25
    assert sent["maxOutputTokens" if provider == "gemini" else "max_tokens"] == 77
    if provider == "gemini":
        assert sent["thinkingConfig"] == {"thinking_level": "LOW"}
    else:
        assert sent["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("method", "outcome", "kind"),
    [
        (method, outcome, kind)
        for method in ("submit", "find", "poll", "results", "cancel")
        for outcome, kind in (
            (faults.bad_key, Fault.AUTH),
            (faults.server_error, Fault.SERVER),
            (faults.reset, Fault.NETWORK),
            (faults.html_with_200, Fault.BAD_BODY),
            (faults.html_called_json, Fault.BAD_BODY),
            (faults.broken_json, Fault.BAD_BODY),
        )
        # Google's SDK reads no body that answers a cancel.
        if (method, kind) != ("cancel", Fault.BAD_BODY)
    ],
)
def test_a_fault_of_the_batch_interface_is_a_failed_call(
    server: Server,
    provider: str,
    method: str,
    outcome: Callable[[Call], Raw],
    kind: Fault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.batches.broken = outcome
    argument = {"submit": ITEMS, "find": "a label"}.get(method, _name(provider, "job-1"))
    with pytest.raises(CallFailed) as failed:
        done(batch_teacher(server, provider), lambda one: getattr(one, method)(argument))
    assert failed.value.kind is kind
    assert KEY not in f"{failed.value}{caplog.text}"


def test_an_unknown_batch_is_said_to_be_unknown(server: Server, provider: str) -> None:
    with pytest.raises(CallFailed, match="no batch job-9"):
        done(batch_teacher(server, provider), lambda one: one.poll(_name(provider, "job-9")))


@pytest.mark.parametrize("method", ["submit", "poll", "results"])
def test_an_error_with_200_is_no_batch(server: Server, provider: str, method: str) -> None:
    server.batches.broken = faults.error_with_200
    argument = ITEMS if method == "submit" else _name(provider, "job-1")
    with pytest.raises(CallFailed) as failed:
        done(batch_teacher(server, provider), lambda one: getattr(one, method)(argument))
    assert failed.value.kind is Fault.BAD_BODY


def _name(provider: str, job: str) -> str:
    return f"batches/{job}" if provider == "gemini" else job


def test_a_provider_without_batches_is_one_sentence(server: Server) -> None:
    spec, access = described(server, "openai")
    with pytest.raises(BadInput, match="offline has no batches: use one of openai"):
        build_batches(spec.model_copy(update={"provider": "offline"}), access)


@given(st.text())
def test_whatever_file_comes_back_it_is_read_or_a_bad_body(content: str) -> None:
    try:
        assert read_lines(content, "a-key") == []
    except CallFailed as failed:
        assert failed.kind is Fault.BAD_BODY
