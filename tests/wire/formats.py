"""The three wire formats, from the server's side: a call is read, an answer is written."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Provider = Literal["openai", "gemini", "mistral"]
PROVIDERS: tuple[Provider, ...] = ("openai", "gemini", "mistral")

MODEL_NAMES = {"openai": "gpt-of-the-wire", "gemini": "gemini-of-the-wire", "mistral": "m-wire"}


class HttpRequest(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Call:
    """One request that reached the server. `asked` counts how often this model got this prompt,
    this time included; `key` is what stood in the header that the provider reads."""

    provider: Provider
    model: str
    prompt: str
    key: str
    asked: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a model says. `blocked` is "", "prompt" or "output"; `reasoning` are thoughts that the
    provider sends beside the text, `thought_tokens` are billed as output."""

    text: str = "Let us see. 2 + 3 = 5. The answer is 5."
    finish: Literal["stop", "length", "refusal"] = "stop"
    blocked: Literal["", "prompt", "output"] = ""
    reasoning: str = ""
    input_tokens: int = 11
    output_tokens: int = 7
    thought_tokens: int = 0
    usage: bool = True
    choices: bool = True


@dataclass(frozen=True)
class Raw:
    """An HTTP response as it stands. `manner` says how it leaves: whole; dripping, a byte every
    50 ms; never; half, then a reset; or a reset in its place."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    manner: Literal["whole", "drip", "hang", "half", "reset"] = "whole"
    answer: bool = False


def as_json(status: int, body: object, headers: dict[str, str] | None = None) -> Raw:
    """A JSON response."""
    return Raw(status, json.dumps(body).encode(), headers=headers or {})


def prompt_of(provider: Provider, body: dict[str, Any]) -> str:
    """The text of the last message of a request, or the prompt of a text completion."""
    if "prompt" in body:
        return str(body["prompt"])
    if provider == "gemini":
        return "".join(part.get("text", "") for part in body["contents"][-1]["parts"])
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def written(call: Call, answer: Answer) -> Raw:
    """An answer as the provider writes it."""
    body = answer_body(call.provider, call.model, answer)
    if "prompt" in call.body:
        body = _as_text_completion(body)
    return Raw(200, json.dumps(body).encode(), answer=True)


def answer_body(provider: Provider, model: str, answer: Answer) -> dict[str, Any]:
    """The body of an answer, before it is made bytes."""
    if provider == "gemini":
        return _gemini(model, answer)
    return _chat(provider, model, answer)


def _chat(provider: Provider, model: str, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    finish: str = answer.finish
    if answer.blocked:
        message["content"], finish = None, "content_filter"
    if answer.finish == "refusal":
        message["content"], finish = None, "stop"
        message["refusal"] = answer.text
    if answer.reasoning and provider == "mistral":
        message["content"] = [
            {"type": "thinking", "thinking": [{"type": "text", "text": answer.reasoning}]},
            {"type": "text", "text": answer.text},
        ]
    elif answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    if not answer.choices:
        body["choices"] = []
    if answer.usage:
        output = answer.output_tokens + answer.thought_tokens
        body["usage"] = {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": output,
            "total_tokens": answer.input_tokens + output,
        }
    return body


def _as_text_completion(chat: dict[str, Any]) -> dict[str, Any]:
    """A chat completion as /completions writes it."""
    choices = [
        {"index": 0, "text": one["message"]["content"], "finish_reason": one["finish_reason"]}
        for one in chat["choices"]
    ]
    return chat | {"object": "text_completion", "choices": choices}


def _gemini(model: str, answer: Answer) -> dict[str, Any]:
    finish = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "PROHIBITED_CONTENT"}
    parts = [{"text": answer.text}]
    if answer.reasoning:
        parts.insert(0, {"text": answer.reasoning, "thought": True})  # type: ignore[dict-item]
    candidate: dict[str, Any] = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": finish[answer.finish],
        "index": 0,
    }
    if answer.finish == "refusal":
        del candidate["content"]
    if answer.blocked == "output":
        candidate = {"finishReason": "SAFETY", "index": 0}
    body: dict[str, Any] = {"candidates": [candidate], "modelVersion": model}
    if answer.blocked == "prompt":
        body["candidates"] = []
        body["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    if not answer.choices:
        body["candidates"] = []
    if answer.usage:
        body["usageMetadata"] = {
            "promptTokenCount": answer.input_tokens,
            "candidatesTokenCount": answer.output_tokens,
            "totalTokenCount": answer.input_tokens + answer.output_tokens + answer.thought_tokens,
        }
        if answer.thought_tokens:
            body["usageMetadata"]["thoughtsTokenCount"] = answer.thought_tokens
    return body
