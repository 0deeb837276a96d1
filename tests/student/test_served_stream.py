"""A student behind a server, whose answer comes piece by piece."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import exams, jobs
from db.store import connect
from fair_app.committee.base import CallFailed, Fault
from fair_app.jobs import queue
from fair_app.jobs.context import DEVICE
from fair_app.settings import Settings
from fair_app.student.base import GREEDY, Completion
from fair_app.student.served import ServedStudent
from fair_app.student.sse import Growing
from fair_app.studio import trying
from tests.ports import free_port
from tests.student.lending import asked_before
from tests.student.test_trying import ended, lending, until
from tests.wire.formats import Call, Raw, as_json
from tests.wire.server import Server

KEY = "topsecret-0123456789-abcdefghij"


def event(value: object) -> str:
    return f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n"


def stream_of(
    *texts: str, finish: str | None = "stop", usage: int | None = None, plain: bool = False
) -> str:
    """A whole answer as server-sent events."""
    pieces: list[Any] = [
        {"text": one, "finish_reason": None}
        if plain
        else {"delta": {"content": one}, "finish_reason": None}
        for one in texts
    ]
    pieces.append({"delta": {}, "text": "", "finish_reason": finish})
    events = [event({"choices": [one]}) for one in pieces]
    if usage is not None:
        events.append(event({"choices": [], "usage": {"completion_tokens": usage}}))
    return "".join([": keep open\n\n", *events, event("[DONE]")])


def raw(body: str, manner: Any = "whole") -> Raw:
    return Raw(200, body.encode(), "text/event-stream; charset=utf-8", manner=manner, answer=True)


def grown(server: Server, prompts: Any = "chat") -> list[Completion]:
    student = ServedStudent("m", f"{server.url}/v1", KEY, prompts=prompts, deadline_s=5)

    async def read() -> list[Completion]:
        async with student.connect() as client:
            return [one async for one in student.stream(client, "Hello?", GREEDY)]

    return asyncio.run(read())


@given(st.lists(st.text(min_size=1), max_size=8), st.none() | st.integers(0, 500))
def test_the_pieces_make_the_text(texts: list[str], usage: int | None) -> None:
    growing = Growing(KEY)
    seen = [
        growing.written.text
        for line in stream_of(*texts, usage=usage).split("\n")
        if growing.take(line)
    ]
    whole = "".join(texts).strip()
    assert growing.end() == Completion(whole, len(texts) if usage is None else usage, False)
    assert seen == ["".join(texts[: n + 1]).strip() for n in range(len(texts))]


@given(st.text())
def test_no_line_does_more_than_fail_the_call(line: str) -> None:
    try:
        Growing(KEY).take(f"data: {line}")
    except CallFailed as failed:
        assert KEY not in str(failed)


def test_an_answer_grows_in_either_format() -> None:
    for prompts, plain in (("chat", False), ("plain", True)):
        with Server(lambda _, p=plain: raw(stream_of("Sev", "en", ".", usage=9, plain=p))) as wire:
            found = grown(wire, prompts)
            assert [one.text for one in found] == ["Sev", "Seven", "Seven.", "Seven."]
            assert (found[-1].tokens, found[-1].truncated) == (9, False)
            (call,) = wire.calls
            assert call.body["stream"] is True
            assert call.path == ("/v1/completions" if plain else "/v1/chat/completions")


def test_the_limit_is_seen_and_a_server_that_does_not_stream_is_heard() -> None:
    with Server(lambda _: raw(stream_of("a", "b", finish="length"))) as wire:
        assert grown(wire)[-1] == Completion("ab", 2, truncated=True)
    with Server(reply="All at once.") as wire:
        assert grown(wire) == [Completion("All at once.", 7, truncated=False)]


def test_a_server_that_cannot_count_is_asked_without() -> None:
    def strict(call: Call) -> Raw:
        if "stream_options" in call.body:
            return as_json(400, {"error": {"message": "unknown field stream_options"}})
        return raw(stream_of("Yes"))

    with Server(strict) as wire:
        assert grown(wire)[-1].text == "Yes"
        assert len(wire.calls) == 2


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (raw(stream_of("Half an answ", finish=None)), Fault.NETWORK),
        (raw(stream_of("Half an answer"), "half"), Fault.NETWORK),
        (raw(stream_of("Slow"), "hang"), Fault.TIMEOUT),
        (raw(event({"error": {"message": f"no more, {KEY}", "code": 500}})), Fault.SERVER),
        (as_json(401, {"error": {"message": f"bad key {KEY}"}}), Fault.AUTH),
    ],
)
def test_what_breaks_off_is_a_failed_call_without_the_key(outcome: Raw, kind: Fault) -> None:
    with Server(lambda _: outcome) as wire, pytest.raises(CallFailed) as failed:
        student = ServedStudent("m", f"{wire.url}/v1", KEY, deadline_s=0.5)

        async def read() -> None:
            async with student.connect() as client:
                async for _ in student.stream(client, "Hello?", GREEDY):
                    pass

        asyncio.run(read())
    assert failed.value.kind is kind
    assert KEY not in str(failed.value)


def test_a_served_student_is_asked_beside_a_job_that_computes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = connect(settings.database)
    with Server(lambda _: raw(stream_of("The answer", " is 5.", usage=4))) as wire:
        project = asked_before(settings, "a/model", f"{wire.url}/v1")
        busy = queue.submit(settings, "merge", {"checkpoint": "x", "name": "y"}, project)
        jobs.claim(store, busy, host="elsewhere", pid=1, process_started_at=0.0)
        assert jobs.take_lease(store, DEVICE, busy)
        ask = {"students": ["a/model"], "question": "What is 2 + 3?"}
        asking = trying.ask(settings, project, **ask, owner="ann")
        job = trying.asking(settings, project, asking)[0].job_id
        # Another person's question goes out with that person's keys.
        other = trying.ask(settings, project, **ask, owner="bob")
        assert trying.asking(settings, project, other)[0].job_id != job
        with lending(settings, job):
            (answer,) = ended(settings, project, asking)
            assert (answer.state, answer.text, answer.tokens) == ("done", "The answer is 5.", 4)
            assert jobs.lease_holder(store, DEVICE) == busy
            assert wire.calls[0].body["max_tokens"] == 12
            assert wire.calls[0].prompt.endswith('end with "The answer is" and the number.')


def test_a_stopped_and_a_refused_answer(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    port = free_port()
    project = asked_before(settings, "a/model", f"http://127.0.0.1:{port}/v1")
    asking = trying.ask(settings, project, students=["a/model"], question="Is anybody there?")
    job = trying.asking(settings, project, asking)[0].job_id
    with lending(settings, job):
        (answer,) = ended(settings, project, asking)
        assert answer.state == "failed"
        assert "The student's server failed" in answer.error
        assert answer.error.endswith("see to it, then ask again.")
        with Server(lambda _: raw(stream_of("a" * 2000), "drip")) as wire:
            exam = exams.get(connect(settings.database), project.exam_id)
            connect(settings.database).execute(
                "UPDATE exams SET settings = ? WHERE id = ?",
                [json.dumps(exam.settings | {"server": f"{wire.url}/v1"}), exam.id],
            )
            again = trying.ask(settings, project, students=["a/model"], question="Well?")
            until(lambda: wire.calls)
            began = time.monotonic()
            trying.stop(settings, project, again)
            assert ended(settings, project, again)[0].state == "stopped"
            assert time.monotonic() - began < 30, "the answer takes 100 s"
