"""Every fault, finish and parameter of every remote provider, over a socket and through the SDK."""

import asyncio
import gc
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from fair_app.committee.base import CallFailed, Fault, Finish, Reply, Teacher
from fair_app.errors import BadInput
from tests.wire import faults
from tests.wire.asking import KEY, asked, failure, request, teacher
from tests.wire.formats import PROVIDERS, Answer, Call, Raw
from tests.wire.server import Server

Outcome = Callable[[Call], Raw]

EACH_FAULT: list[tuple[str, Outcome, Fault, float | None]] = [
    ("429", faults.rate_limit, Fault.RATE_LIMIT, None),
    ("429 with Retry-After", partial(faults.rate_limit, retry_after="7"), Fault.RATE_LIMIT, 7),
    ("429 with the wait elsewhere", faults.rate_limit_in_details, Fault.RATE_LIMIT, 12),
    ("429 within 200", faults.rate_limit_with_200, Fault.RATE_LIMIT, None),
    ("500", faults.server_error, Fault.SERVER, None),
    ("503", partial(faults.server_error, status=503), Fault.SERVER, None),
    (
        "503 with Retry-After",
        partial(faults.server_error, status=503, retry_after="3"),
        Fault.SERVER,
        3,
    ),
    ("502 in HTML", faults.bad_gateway, Fault.SERVER, None),
    ("bad key", faults.bad_key, Fault.AUTH, None),
    ("forbidden", faults.forbidden, Fault.AUTH, None),
    ("422 about the key", faults.unauthorized_422, Fault.AUTH, None),
    ("no such model", faults.no_model, Fault.MODEL, None),
    ("bad request", faults.bad_request, Fault.REQUEST, None),
    ("redirect", lambda call: Raw(307, headers={"Location": "/x"}), Fault.REQUEST, None),
    ("error with 200", faults.error_with_200, Fault.BAD_BODY, None),
    ("HTML with 200", faults.html_with_200, Fault.BAD_BODY, None),
    ("HTML called JSON", faults.html_called_json, Fault.BAD_BODY, None),
    ("broken JSON", faults.broken_json, Fault.BAD_BODY, None),
    ("other JSON", faults.other_json, Fault.BAD_BODY, None),
    ("no body", lambda call: Raw(200), Fault.BAD_BODY, None),
    (
        "a body that is not gzip",
        lambda call: Raw(200, b"{}", headers={"Content-Encoding": "gzip"}),
        Fault.BAD_BODY,
        None,
    ),
    ("reset", faults.reset, Fault.NETWORK, None),
    ("reset in the middle", faults.half, Fault.NETWORK, None),
]
EACH_FINISH: list[tuple[str, Answer, Finish]] = [
    ("complete", Answer(), Finish.COMPLETE),
    ("cut off", Answer(text="Let us", finish="length"), Finish.TRUNCATED),
    ("cut off while thinking", Answer(text="", finish="length"), Finish.TRUNCATED),
    ("prompt blocked", Answer(blocked="prompt"), Finish.BLOCKED),
    ("output blocked", Answer(blocked="output"), Finish.BLOCKED),
    ("refused", Answer(text="I cannot help.", finish="refusal"), Finish.BLOCKED),
    ("no text", Answer(text=""), Finish.EMPTY),
    ("only spaces", Answer(text=" \n"), Finish.EMPTY),
    ("no choices", Answer(choices=False), Finish.EMPTY),
]


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        yield one


@pytest.mark.parametrize(
    ("outcome", "kind", "wait"), [row[1:] for row in EACH_FAULT], ids=[row[0] for row in EACH_FAULT]
)
def test_a_fault_gets_its_class(
    server: Server, provider: str, outcome: Outcome, kind: Fault, wait: float | None
) -> None:
    server.behaviour = outcome
    failed = failure(teacher(server, provider))
    assert failed.kind is kind, failed
    assert failed.retry_after == wait
    assert len(str(failed).splitlines()) == 1
    assert server.received.total() == 1, "an SDK tried again by itself"


@pytest.mark.parametrize(
    ("answer", "finish"), [row[1:] for row in EACH_FINISH], ids=[row[0] for row in EACH_FINISH]
)
def test_an_answer_gets_its_finish(
    server: Server, provider: str, answer: Answer, finish: Finish
) -> None:
    server.behaviour = lambda call: answer
    reply = asked(teacher(server, provider))
    assert reply.finish is finish
    assert (reply.input_tokens, reply.output_tokens) == (11, 7)
    assert reply.finish is not Finish.COMPLETE or reply.text == answer.text
    assert finish is not Finish.TRUNCATED or reply.text == answer.text


def test_a_used_up_quota_is_no_rate_limit(server: Server, provider: str) -> None:
    server.behaviour = faults.quota
    failed = failure(teacher(server, provider))
    assert failed.kind is Fault.QUOTA
    assert "usage limit" in str(failed) or "quota" in str(failed)


def test_a_hanging_server_is_a_timeout(server: Server, provider: str) -> None:
    server.behaviour = faults.hang
    failed = failure(teacher(server, provider, timeout_s=0.2))
    assert failed.kind is Fault.TIMEOUT
    assert "within 0.2 s" in str(failed)


def test_a_dripping_body_ends_at_the_callers_deadline(server: Server, provider: str) -> None:
    """A timeout a read never ends it: the collector's deadline does, and the connection closes."""
    server.behaviour = faults.drip
    one = teacher(server, provider, timeout_s=0.5)

    async def ask() -> None:
        try:
            async with asyncio.timeout(0.7):
                await one.ask(request())
        finally:
            await one.close()

    with pytest.raises(TimeoutError):
        asyncio.run(ask())


def test_nobody_at_the_address_is_a_network_fault(server: Server, provider: str) -> None:
    one = teacher(server, provider, base_url="http://127.0.0.1:9/v1")
    failed = failure(one)
    assert failed.kind is Fault.NETWORK
    assert "127.0.0.1:9" in str(failed)


def test_a_fault_that_passes_leaves_the_teacher_usable(server: Server, provider: str) -> None:
    server.behaviour = lambda call: faults.rate_limit(call, "1") if call.asked == 1 else None
    one = teacher(server, provider)

    async def twice() -> Reply:
        with pytest.raises(CallFailed):
            await one.ask(request())
        reply = await one.ask(request())
        await one.close()
        return reply

    assert asyncio.run(twice()).finish is Finish.COMPLETE
    assert server.statuses == {429: 1, 200: 1}


def test_thoughts_are_no_text_but_are_paid(server: Server, provider: str) -> None:
    server.behaviour = lambda call: Answer(text="It is 5.", reasoning="Hm …", thought_tokens=100)
    reply = asked(teacher(server, provider))
    assert reply == Reply("It is 5.", Finish.COMPLETE, 11, 107)


def test_an_answer_without_token_counts_is_an_answer(server: Server, provider: str) -> None:
    server.behaviour = lambda call: Answer(text="It is 5.", usage=False)
    assert asked(teacher(server, provider)) == Reply("It is 5.", Finish.COMPLETE, None, None)


def test_the_prompt_is_one_message_and_arrives_as_it_is(server: Server, provider: str) -> None:
    prompt = 'What {is} $5 "+" 3?\n\tGrüße, 数学 \U0001f600 %s \\n'
    asked(teacher(server, provider), prompt)
    (call,) = server.calls
    assert (call.prompt, call.key) == (prompt, KEY)
    assert len(call.body["contents" if provider == "gemini" else "messages"]) == 1


def test_the_parameters_arrive(server: Server, provider: str) -> None:
    asked(teacher(server, provider, temperature=0.25, max_tokens=77, reasoning_effort="low"))
    (call,) = server.calls
    if provider == "gemini":
        assert call.body["generationConfig"] == {
            "temperature": 0.25,
            "maxOutputTokens": 77,
            "thinkingConfig": {"thinking_level": "LOW"},
        }
    else:
        sent = {name: value for name, value in call.body.items() if name != "messages"}
        assert sent == {
            "model": call.model,
            "temperature": 0.25,
            "max_tokens": 77,
            "reasoning_effort": "low",
        }


def test_no_reasoning_effort_is_sent_unless_it_is_set(server: Server, provider: str) -> None:
    asked(teacher(server, provider))
    (call,) = server.calls
    assert "reasoning_effort" not in call.body
    assert "thinkingConfig" not in call.body.get("generationConfig", {})


def test_an_unfit_parameter_says_what_to_change(server: Server, provider: str) -> None:
    server.behaviour = faults.bad_request
    assert "set temperature = 1 for this teacher in the committee" in str(
        failure(teacher(server, provider))
    )


@pytest.mark.parametrize(
    "outcome",
    [
        faults.bad_key,
        faults.bad_request,
        lambda call: Raw(500, f"<p>{call.headers}</p>".encode(), "text/html"),
        lambda call: Raw(200, str(call.headers).encode()),
        lambda call: faults.as_json(200, {"error": {"message": f"key {call.key}"}}),
        faults.reset,
    ],
)
def test_the_key_is_nowhere(
    server: Server, provider: str, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.behaviour = outcome
    one = teacher(server, provider)
    failed = failure(one)
    told = [str(failed), repr(failed), "".join(traceback.format_exception(failed)), caplog.text]
    assert not [text for text in [*told, repr(one), str(one)] if KEY in text]
    assert len(str(failed)) < 500


def test_the_environment_chooses_neither_address_nor_key(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as right, Server() as wrong:
        for name in ("OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "MISTRAL_BASE_URL"):
            monkeypatch.setenv(name, f"{wrong.url}/v1")
        for name in ("OPENAI", "GOOGLE", "GEMINI", "MISTRAL"):
            monkeypatch.setenv(f"{name}_API_KEY", "another-key")
        monkeypatch.setenv("OPENAI_ADMIN_KEY", "another-key")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer another-key")
        monkeypatch.setenv("OPENAI_ORG_ID", "an-organization")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "a-project")
        monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project")
        monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
        monkeypatch.setenv("GOOGLE_GENAI_CLIENT_MODE", "replay")
        assert asked(teacher(right, provider)).finish is Finish.COMPLETE
        (call,) = right.calls
        assert call.key == KEY
        assert (
            call.path
            == {
                "openai": "/openai/v1/chat/completions",
                "gemini": f"/gemini/v1beta/models/{call.model}:generateContent",
                "mistral": "/mistral/v1/chat/completions",
            }[provider]
        )
        assert not {"openai-organization", "openai-project"} & set(call.headers)
        assert not wrong.calls


def test_a_server_of_ones_own_is_asked_without_a_key(
    server: Server, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "another-key")
    monkeypatch.setenv("GEMINI_API_KEY", "another-key")
    assert asked(teacher(server, provider, api_key_env=None)).finish is Finish.COMPLETE
    assert server.calls[0].key == "none"
    server.behaviour = faults.unauthorized_422
    failed = failure(teacher(server, provider, api_key_env=None))
    assert (failed.kind, "api_key_env" in str(failed)) == (Fault.AUTH, True)


@pytest.mark.parametrize(
    ("provider", "end", "version"),
    [
        ("openai", "/v1", "v1"),
        ("openai", "/v1/", "v1"),
        ("mistral", "", "v1"),
        ("mistral", "/", "v1"),
        ("mistral", "/v1/", "v1"),
        ("gemini", "/", "v1beta"),
        ("gemini", "/v1beta", "v1beta"),
        ("gemini", "/v1/", "v1"),
    ],
)
def test_an_address_may_end_as_people_write_it(
    server: Server, provider: str, end: str, version: str
) -> None:
    asked(teacher(server, provider, base_url=f"{server.url}/{provider}{end}"))
    assert server.calls[0].path.startswith(f"/{provider}/{version}/")


def test_64_calls_at_once(server: Server, provider: str) -> None:
    server.holds = lambda _: server.received.total() < 64
    one = teacher(server, provider)

    async def many() -> tuple[list[Reply], int]:
        replies = await asyncio.gather(*(one.ask(request(f"sum {n}")) for n in range(64)))
        connections = server.connections
        await one.close()
        return replies, connections

    replies, connections = asyncio.run(many())
    assert {reply.finish for reply in replies} == {Finish.COMPLETE}
    assert len(server.answered) == server.answered.total() == 64
    assert connections == 64, "the calls waited for each other"


def test_closing_leaves_nothing_open(server: Server, provider: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)

        async def ask_and_close(one: Teacher) -> None:
            await asyncio.gather(*(one.ask(request(f"sum {n}")) for n in range(8)))
            assert server.connections == 8
            await one.close()
            for _ in range(100):
                if not server.connections:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(f"{server.connections} connections are still open")

        asyncio.run(ask_and_close(teacher(server, provider)))
        gc.collect()


def test_a_key_that_no_header_can_hold_is_refused_before_it_is_shown(
    server: Server, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.wire.asking.KEY", "top\nsecret-0123456789")
    with pytest.raises(BadInput) as refused:
        teacher(server, provider)
    assert "WIRE_KEY" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_missing_key_is_one_sentence(provider: str, server: Server) -> None:
    with pytest.raises(BadInput, match="set the environment variable OTHER_KEY"):
        teacher(server, provider, api_key_env="OTHER_KEY")


@pytest.mark.parametrize("address", ["http://[::1", "http://a b:x/v1"])
def test_an_address_that_is_none_is_one_sentence(
    server: Server, provider: str, address: str
) -> None:
    with pytest.raises(BadInput, match="is not the address of a server"):
        teacher(server, provider, base_url=address)


def test_openai_itself_is_given_the_cap_under_its_new_name(server: Server) -> None:
    one: Any = teacher(server, "openai", base_url=None)
    assert one.body(request())["max_completion_tokens"] == 512
    assert "max_tokens" not in one.body(request())
