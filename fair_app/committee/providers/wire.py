"""What the remote providers share: connections, and what a failed call's response says.

All SDKs run on httpx2 and hand over its responses and faults, so there is one reading of what went
wrong. It goes by the HTTP status and by the words that providers put into their errors, in
whatever shape: `insufficient_quota`, `API_KEY_INVALID`, `model_not_found`.
"""

import json
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from fair_app.committee.base import Access, CallFailed, Fault, TeacherSpec
from fair_app.committee.registry import key_of, key_variable
from fair_app.errors import BadInput

LONGEST_MESSAGE = 300

_STATUS = {
    401: Fault.AUTH,
    402: Fault.QUOTA,
    403: Fault.AUTH,
    404: Fault.MODEL,
    408: Fault.TIMEOUT,
    409: Fault.SERVER,
    425: Fault.SERVER,
    429: Fault.RATE_LIMIT,
}
_WORDS = {
    "insufficient_quota": Fault.QUOTA,
    "billing_hard_limit_reached": Fault.QUOTA,
    "billing_not_active": Fault.QUOTA,
    "invalid_api_key": Fault.AUTH,
    "api_key_invalid": Fault.AUTH,
    "model_not_found": Fault.MODEL,
    "invalid_model": Fault.MODEL,
    "rate_limit_exceeded": Fault.RATE_LIMIT,
    "server_error": Fault.SERVER,
}
_SAYING = {
    re.compile(r"usage limit reached|out of credits|insufficient (?:balance|credit)"): Fault.QUOTA,
    re.compile(r"api key (?:not valid|expired|not found)"): Fault.AUTH,
}
_ADVICE = {
    "temperature": "set temperature = 1 for this teacher in the committee, or another value",
    "max_tokens": "change max_tokens of this teacher in the committee",
    "max_completion_tokens": "change max_tokens of this teacher in the committee",
    "max_output_tokens": "change max_tokens of this teacher in the committee",
    "reasoning_effort": "change or leave out reasoning_effort of this teacher in the committee",
    "thinking": "change or leave out reasoning_effort of this teacher in the committee",
}
_TAG = re.compile(r"<[^<>]*>")
_LOOKS_LIKE_KEY = re.compile(r"\b(?:sk|pk|gsk|xai|hf|r8)[-_][\w*.-]{8,}|\bAIza[\w*.-]{8,}")
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class AnswerShape(BaseModel):
    """What every answer may hold beside what it should: an error, with status 200."""

    error: Any = None


Answer = TypeVar("Answer", bound=AnswerShape)


def key_to_send(spec: TeacherSpec, access: Access) -> str:
    """A remote teacher's key, fit to stand in a header.

    Raises BadInput when it is missing, or holds what no header can: the error that sending it
    would raise shows the key.
    """
    key = key_of(spec, access)
    if not can_be_sent(key):
        raise BadInput(
            f"teacher '{spec.name}': the key in {key_variable(spec)} holds characters that no key "
            "has: copy it again"
        )
    return key


def can_be_sent(key: str) -> bool:
    """Whether a key can stand in a header."""
    return key.isascii() and key.isprintable() and " " not in key


def connections(timeout_s: float) -> httpx2.AsyncClient:
    """The connections to one server: as many as calls are in flight, and no redirects.

    A redirect would be followed with Google's key in a header, wherever it points.
    """
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 15)),
        limits=httpx2.Limits(
            max_connections=None, max_keepalive_connections=256, keepalive_expiry=30
        ),
        follow_redirects=False,
    )


def read(shape: type[Answer], body: str, key: str) -> Answer:
    """Read an answer that came with status 200. Raises CallFailed when it is none.

    Some servers send an error with 200: then it is what that error says, else a bad body.
    """
    try:
        answer = shape.model_validate_json(body)
    except ValidationError:
        answer = None
    if answer is not None and answer.model_fields_set and not answer.error:
        return answer
    told = _parsed(body)
    if isinstance(told, dict) and told.get("error"):
        code = dict(_leaves(told)).get("code", "")
        inside = re.fullmatch("[45][0-9]{2}", code)
        raise failure(int(code) if inside else 200, body, key)
    raise unreadable(body, key)


def refused(response: httpx2.Response, key: str) -> CallFailed:
    """The failure that a response with another status than 200 tells of."""
    return failure(response.status_code, response.text, key, response.headers)


def failure(
    status: int, body: str, key: str, headers: Mapping[str, str] = MappingProxyType({})
) -> CallFailed:
    """The failure that a status and a body tell of; a status of 200 is a bad body."""
    told = list(_leaves(_parsed(body)))
    words = {value for name, value in told if name not in ("message", "msg")}
    said = next((value for name, value in told if name in ("message", "msg", "detail")), "")
    said = said or next((value for name, value in told if name == "error"), "")
    message = one_line(said or body, key)
    kind = _kind(status, {word.lower() for word in words}, message.lower(), body)
    wait = retry_after(headers)
    for name, value in told:
        if name == "retryDelay" and wait is None and (found := _DURATION.fullmatch(value)):
            wait = float(found[1])
    text = f"HTTP {status}: {message or 'no further word'}"
    advice = ""
    if kind is Fault.REQUEST:
        advice = _advice(status, words, message)
    if kind is Fault.MODEL:
        advice = " (check this teacher's model in the committee, and base_url if it has one)"
    if kind is Fault.AUTH and key == "none":
        advice = " (name the variable with this server's key in api_key_env)"
    return CallFailed(kind, text, wait, advice)


def asked_at(spec: TeacherSpec) -> str:
    """Who is asked for a teacher: the address of its server, or the provider."""
    return httpx2.URL(spec.base_url).netloc.decode() if spec.base_url else spec.provider


def unreachable(error: BaseException, where: str, timeout_s: float, key: str) -> CallFailed:
    """The failure behind a fault of the transport, httpx2's own or what an SDK makes of it."""
    text = one_line(str(error) or type(error).__name__, key)
    if isinstance(error, httpx2.TimeoutException):
        return CallFailed(Fault.TIMEOUT, f"no answer of {where} within {timeout_s:g} s")
    if isinstance(error, httpx2.DecodingError):
        return CallFailed(Fault.BAD_BODY, f"the answer of {where} cannot be decoded: {text}")
    return CallFailed(Fault.NETWORK, f"the connection to {where} failed: {text}")


def unreadable(body: str, key: str) -> CallFailed:
    """The failure of a body that is no answer."""
    said = one_line(body, key)
    return CallFailed(Fault.BAD_BODY, f"not an answer: {said or 'an empty body'}")


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds that `Retry-After` (seconds or a date) or `retry-after-ms` asks to wait.

    None when there is none, or it cannot be read. Source: RFC 9110, section 10.2.3.
    """
    if (wait := _number(headers.get("retry-after-ms"))) is not None:
        return wait / 1000
    value = headers.get("retry-after")
    if value is None or (wait := _number(value)) is not None:
        return wait
    try:
        date = parsedate_to_datetime(value)
        # A date without a zone is read as UTC, which HTTP's dates always are.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def one_line(text: str, key: str) -> str:
    """A text from outside, on one line of at most 300 characters, without tags and without keys."""
    text = text.replace(key, "[key]") if key != "none" else text
    text = _LOOKS_LIKE_KEY.sub("[key]", " ".join(_TAG.sub(" ", text).split()))
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def _kind(status: int, words: set[str], message: str, body: str) -> Fault:
    for word, kind in _WORDS.items():
        if word in words:
            return kind
    for saying, kind in _SAYING.items():
        if saying.search(message):
            return kind
    # Google's daily limit comes as 429 too, with a delay of seconds that does not help.
    if status == 429 and any("perday" in word for word in words):
        return Fault.QUOTA
    # FastAPI's word for a missing or malformed header.
    if status == 422 and re.search(r"authorization|api.?key", body, re.I):
        return Fault.AUTH
    if status in _STATUS:
        return _STATUS[status]
    if status == 200:
        return Fault.BAD_BODY
    return Fault.SERVER if status >= 500 else Fault.REQUEST


def _advice(status: int, words: set[str], message: str) -> str:
    """What to change in the committee after this refusal, or nothing."""
    if status < 400:
        return " (the server sends the call elsewhere: give the address it names as base_url)"
    for name, advice in _ADVICE.items():
        if name in words or re.search(rf"\b{name}\b", message):
            return f" ({advice})"
    return ""


def _parsed(body: str) -> Any:
    """A body as JSON, or None: error pages are often something else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Every named text and number of a JSON value, the outermost first; an item of a list has the
    list's name."""
    todo = deque([("", value)])
    while todo:
        name, value = todo.popleft()
        if isinstance(value, dict):
            todo.extend(value.items())
        elif isinstance(value, list):
            todo.extend((name, item) for item in value)
        elif value is not None and value != "":
            yield name, str(value)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
