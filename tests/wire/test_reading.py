"""Reading what comes back, whatever it is: the pure parts of the providers."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.committee.base import CallFailed, Fault, Finish, Reply
from fair_app.committee.providers.chat import read_chat
from fair_app.committee.providers.gemini import read_gemini, split_version, thinking
from fair_app.committee.providers.wire import one_line, refused, retry_after

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NAMES = (
    *("choices", "message", "content", "finish_reason", "refusal", "usage", "prompt_tokens"),
    *("candidates", "parts", "text", "finishReason", "usageMetadata", "promptFeedback"),
    *("type", "error", "code", "detail", "retryDelay"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
READERS = pytest.mark.parametrize("reader", [read_chat, read_gemini])


@READERS
@given(value=JSON)
def test_whatever_json_comes_it_is_a_reply_or_a_failed_call(reader: Any, value: Any) -> None:
    try:
        reply = reader(json.dumps(value), "a-key")
    except CallFailed as failed:
        assert "\n" not in str(failed)
    else:
        assert isinstance(reply, Reply)
        assert reply.finish is not Finish.COMPLETE or reply.text.strip()


@READERS
@given(body=st.text())
def test_whatever_text_comes_it_is_a_bad_body(reader: Any, body: str) -> None:
    with pytest.raises(CallFailed) as failed:
        reader(body, "a-key")
    assert failed.value.kind is Fault.BAD_BODY


@READERS
def test_a_body_nested_without_end_is_a_bad_body(reader: Any) -> None:
    with pytest.raises(CallFailed) as failed:
        reader("[" * 100_000, "a-key")
    assert failed.value.kind is Fault.BAD_BODY


@given(
    status=st.integers(300, 599),
    value=JSON,
    headers=st.dictionaries(st.just("retry-after"), st.text()),
)
def test_whatever_a_refusal_says_it_gets_a_class(
    status: int, value: Any, headers: dict[str, str]
) -> None:
    body = json.dumps(value).encode()
    response = httpx2.Response(status, content=body)
    failed = refused(response, "a-key")
    assert failed.kind in Fault
    assert f"HTTP {status}" in str(failed)
    wait = retry_after(headers)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30"}, 30),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "Thu, 99 Jan 2026 11:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@given(seconds=st.integers(0, 10**8))
def test_every_date_is_read_back(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"retry-after": date}, NOW) == seconds


@given(before=st.text(max_size=400), after=st.text(max_size=400))
def test_a_line_is_short_and_holds_no_key(before: str, after: str) -> None:
    line = one_line(f"{before}topsecret-0123456789{after}", "topsecret-0123456789")
    assert "topsecret" not in line.replace(before, "").replace(after, "")
    assert len(line) <= 300
    assert len(line.splitlines()) <= 1


def test_a_line_hides_keys_of_others_too() -> None:
    line = one_line("Incorrect API key: sk-abcd****wxyz and AIzaSyD-9tSrke72.", "none")
    assert line == "Incorrect API key: [key] and [key]"


@pytest.mark.parametrize(
    ("message", "finish", "expected"),
    [
        ({"content": "a"}, "stop", ("a", Finish.COMPLETE)),
        ({"content": "a"}, None, ("a", Finish.COMPLETE)),
        ({"content": "a"}, "model_length", ("a", Finish.TRUNCATED)),
        ({"content": "a"}, "content_filter", ("a", Finish.BLOCKED)),
        ({"content": None, "tool_calls": []}, "tool_calls", ("", Finish.EMPTY)),
        ({"content": "", "refusal": "I will not."}, "stop", ("I will not.", Finish.BLOCKED)),
        ({"content": None, "reasoning_content": "Hm."}, "stop", ("", Finish.EMPTY)),
        (
            {"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}]},
            "stop",
            ("a", Finish.COMPLETE),
        ),
    ],
)
def test_the_finish_of_a_chat(
    message: dict[str, Any], finish: str | None, expected: tuple[str, Finish]
) -> None:
    body = {"choices": [{"message": message, "finish_reason": finish}]}
    reply = read_chat(json.dumps(body), "a-key")
    assert (reply.text, reply.finish) == expected


def test_a_model_that_stops_with_an_error_may_be_asked_again() -> None:
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": "error"}]}
    with pytest.raises(CallFailed) as failed:
        read_chat(json.dumps(body), "a-key")
    assert failed.value.kind is Fault.SERVER


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", Finish.COMPLETE),
        ("MAX_TOKENS", Finish.TRUNCATED),
        ("RECITATION", Finish.BLOCKED),
        ("OTHER", Finish.BLOCKED),
        ("A_REASON_OF_TOMORROW", Finish.BLOCKED),
        ("MALFORMED_RESPONSE", Finish.EMPTY),
    ],
)
def test_the_finish_of_gemini(reason: str, finish: Finish) -> None:
    parts = [{"text": "Hm.", "thought": True}, {"text": "It is "}, {"text": "5."}]
    body = {"candidates": [{"content": {"parts": parts}, "finishReason": reason}]}
    assert read_gemini(json.dumps(body), "a-key") == Reply("It is 5.", finish)


def test_a_quota_inside_a_status_of_200_is_a_quota() -> None:
    body = {"error": {"message": "No credit.", "code": "insufficient_quota"}}
    with pytest.raises(CallFailed) as failed:
        read_chat(json.dumps(body), "a-key")
    assert failed.value.kind is Fault.QUOTA


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a.b", ("https://a.b", "v1beta")),
        ("https://a.b/v1/", ("https://a.b", "v1")),
        ("https://a.b/gemini/v1alpha", ("https://a.b/gemini", "v1alpha")),
        ("https://a.b/v1beta3", ("https://a.b", "v1beta3")),
        ("https://a.b/vital", ("https://a.b/vital", "v1beta")),
    ],
)
def test_an_address_may_end_in_a_version(url: str, parts: tuple[str, str]) -> None:
    assert split_version(url) == parts


@pytest.mark.parametrize(
    ("model", "effort", "budget", "level"),
    [
        ("gemini-2.5-flash", "none", 0, None),
        ("gemini-2.5-flash", "medium", 8192, None),
        ("models/gemini-2.5-pro", "low", 1024, None),
        ("gemini-3-flash", "none", 0, None),
        ("gemini-3-flash", "minimal", None, "MINIMAL"),
        ("gemini-3-flash", "high", None, "HIGH"),
    ],
)
def test_an_effort_is_a_budget_or_a_level(
    model: str, effort: str, budget: int | None, level: str | None
) -> None:
    config = thinking(model, effort)
    assert config is not None
    assert (config.thinking_budget, config.thinking_level) == (budget, level)


def test_no_effort_leaves_thinking_to_google() -> None:
    assert thinking("gemini-2.5-flash", None) is None
