"""What providers answer when something is wrong, in each one's own words."""

import hashlib
import json
from collections.abc import Callable

from tests.wire.formats import Answer, Call, Raw, as_json, written

GOOGLE = "type.googleapis.com/google.rpc."


def rate_limit(call: Call, retry_after: str | None = None) -> Raw:
    """429: too many requests. `retry_after` is the header's value, seconds or a date."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    if call.provider == "gemini":
        return as_json(
            429, _google(429, "RESOURCE_EXHAUSTED", "Too many.", [_quota("PerMinute")]), headers
        )
    if call.provider == "mistral":
        return as_json(
            429, _mistral("Requests rate limit exceeded", "rate_limited", "1300"), headers
        )
    text = f"Rate limit reached for {call.model} on requests per min (RPM): Limit 3, Used 3."
    return as_json(429, _openai(text, "requests", "rate_limit_exceeded"), headers)


def rate_limit_in_details(call: Call) -> Raw:
    """429 with the wait where each provider puts it beside Retry-After: 12 s."""
    if call.provider == "gemini":
        wait = {"@type": f"{GOOGLE}RetryInfo", "retryDelay": "12s"}
        details = [_quota("PerMinute"), wait]
        return as_json(429, _google(429, "RESOURCE_EXHAUSTED", "Too many.", details))
    limited = rate_limit(call)
    return Raw(429, limited.body, headers={"retry-after-ms": "12000"})


def quota(call: Call) -> Raw:
    """The account has used up what it may."""
    if call.provider == "gemini":
        wait = {"@type": f"{GOOGLE}RetryInfo", "retryDelay": "30s"}
        text = "You exceeded your current quota, please check your plan and billing details."
        details = [_quota("PerDay"), wait]
        return as_json(429, _google(429, "RESOURCE_EXHAUSTED", text, details))
    if call.provider == "mistral":
        return as_json(401, {"message": "Inactive subscription or usage limit reached"})
    text = "You exceeded your current quota, please check your plan and billing details."
    return as_json(429, _openai(text, "insufficient_quota", "insufficient_quota"))


def bad_key(call: Call) -> Raw:
    """The key is wrong. Each echoes it whole, as the worst of servers does."""
    if call.provider == "gemini":
        reason = {"@type": f"{GOOGLE}ErrorInfo", "reason": "API_KEY_INVALID"}
        text = f"API key not valid: {call.key}. Please pass a valid API key."
        return as_json(400, _google(400, "INVALID_ARGUMENT", text, [reason]))
    if call.provider == "mistral":
        return as_json(401, {"message": f"Unauthorized: {call.key}", "request_id": "r-1"})
    text = f"Incorrect API key provided: {call.key}. You can find your API key at …"
    return as_json(401, _openai(text, "invalid_request_error", "invalid_api_key"))


def unauthorized_422(call: Call) -> Raw:
    """422 for a key that the provider's validation does not like."""
    error = {"type": "missing", "loc": ["header", "authorization"], "msg": "Field required"}
    return as_json(422, {"detail": [error]})


def forbidden(call: Call) -> Raw:
    """403: the key is right and may not."""
    if call.provider == "gemini":
        text = "Your API key was reported as leaked. Please use another API key."
        return as_json(403, _google(403, "PERMISSION_DENIED", text))
    return as_json(
        403, _openai("Country, region, or territory not supported", "request_forbidden", "")
    )


def no_model(call: Call) -> Raw:
    """The model does not exist, or no longer."""
    if call.provider == "gemini":
        text = f"models/{call.model} is not found for API version v1beta."
        return as_json(404, _google(404, "NOT_FOUND", text))
    if call.provider == "mistral":
        return as_json(400, _mistral(f"Invalid model: {call.model}", "invalid_model", "1500"))
    text = f"The model `{call.model}` does not exist or you do not have access to it."
    return as_json(404, _openai(text, "invalid_request_error", "model_not_found"))


def bad_request(call: Call) -> Raw:
    """400: a parameter that this model does not take."""
    text = "Unsupported value: 'temperature' does not support 0.8 with this model."
    if call.provider == "gemini":
        return as_json(400, _google(400, "INVALID_ARGUMENT", text))
    if call.provider == "mistral":
        error = {"type": "less_than_equal", "loc": ["body", "temperature"], "msg": text}
        return as_json(422, {"detail": [error]})
    body = _openai(text, "invalid_request_error", "unsupported_value")
    body["error"]["param"] = "temperature"
    return as_json(400, body)


def server_error(call: Call, status: int = 500, retry_after: str | None = None) -> Raw:
    """500, 503 and the like."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    if call.provider == "gemini":
        name = "UNAVAILABLE" if status == 503 else "INTERNAL"
        return as_json(status, _google(status, name, "The model is overloaded."), headers)
    if call.provider == "mistral":
        return as_json(status, _mistral("Service unavailable.", "internal", "3000"), headers)
    return as_json(status, _openai("The server had an error.", "server_error", None), headers)


def bad_gateway(call: Call) -> Raw:
    """502 by something between, in HTML."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    return Raw(502, page, "text/html")


def error_with_200(call: Call) -> Raw:
    """An error object under a status that says all is well."""
    return as_json(200, {"error": {"message": "upstream gave up", "type": "proxy"}})


def rate_limit_with_200(call: Call) -> Raw:
    """The same, as routers write it: the real status stands inside."""
    return as_json(200, {"error": {"message": "Rate limit exceeded", "code": 429}})


def html_with_200(call: Call) -> Raw:
    """A login page in place of an answer."""
    return Raw(200, b"<!doctype html><html><title>Sign in</title></html>", "text/html")


def html_called_json(call: Call) -> Raw:
    """The same, with the content type of an answer."""
    return Raw(200, b"<!doctype html><html><title>Sign in</title></html>")


def broken_json(call: Call) -> Raw:
    """An answer that stops in the middle of its JSON."""
    return Raw(200, written(call, Answer()).body[:-20])


def other_json(call: Call) -> Raw:
    """JSON that is no answer."""
    return as_json(200, {"hello": "world"})


def hang(call: Call) -> Raw:
    """No answer, ever."""
    return Raw(manner="hang")


def drip(call: Call) -> Raw:
    """An answer that comes a byte at a time."""
    return Raw(200, written(call, Answer()).body, manner="drip")


def reset(call: Call) -> Raw:
    """The connection is reset in place of an answer."""
    return Raw(manner="reset")


def half(call: Call) -> Raw:
    """The connection is reset in the middle of an answer."""
    return Raw(200, written(call, Answer()).body, manner="half")


PASSING_FAULTS: tuple[Callable[[Call], Raw], ...] = (
    lambda call: rate_limit(call, "0"),
    server_error,
    lambda call: server_error(call, 503),
    bad_gateway,
    reset,
    half,
)
"""Faults after which the same call may succeed at once: what a flaky network is made of."""


def flaky(call: Call, share: float, seed: int = 0) -> Raw | None:
    """A passing fault for `share` of all calls, None for the others.

    Which ones is a hash of the seed, the model, the prompt and how often it was asked: the same in
    every run, and never for ever.
    """
    name = json.dumps([seed, call.model, call.prompt, call.asked]).encode()
    draw = int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
    if draw / 2**64 >= share:
        return None
    return PASSING_FAULTS[draw % len(PASSING_FAULTS)](call)


def _openai(message: str, kind: str, code: str | None) -> dict[str, dict[str, object]]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _mistral(message: str, kind: str, code: str) -> dict[str, object]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def _google(
    code: int, status: str, message: str, details: list[dict[str, object]] | None = None
) -> dict[str, object]:
    error: dict[str, object] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = details
    return {"error": error}


def _quota(window: str) -> dict[str, object]:
    violation = {"quotaId": f"GenerateRequests{window}PerProjectPerModel-FreeTier"}
    return {"@type": f"{GOOGLE}QuotaFailure", "violations": [violation]}
