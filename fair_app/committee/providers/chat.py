"""The chat completions format: OpenAI's, Mistral's, and every compatible server's.

The SDK sends, and the answer is read here from its raw body. The SDKs' own reading turns an HTML
page into a `str`, an error with status 200 into an answer without choices, and (Mistral's) a
missing token count into the loss of the text.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI
from pydantic import BaseModel

from fair_app.committee.base import CallFailed, Fault, Finish, Reply, Request, TeacherSpec
from fair_app.committee.providers.batches import Outcome
from fair_app.committee.providers.wire import (
    AnswerShape,
    asked_at,
    connections,
    failure,
    one_line,
    read,
    refused,
    unreachable,
)
from fair_app.errors import BadInput

OPENAI = "https://api.openai.com/v1"


class _Part(BaseModel):
    type: str = ""
    text: str | None = None


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(AnswerShape):
    choices: list[_Choice]
    usage: _Usage | None = None


def read_chat(body: str, key: str) -> Reply:
    """Read the body of a chat completion. Thoughts that stand beside the text are left out, and
    count as output tokens. Raises CallFailed when the body is no answer."""
    answer = read(_Completion, body, key)
    usage = answer.usage or _Usage()
    text, finish = "", Finish.EMPTY
    if answer.choices:
        text, finish = _text_and_finish(answer.choices[0])
    return Reply(text, finish, usage.prompt_tokens, usage.completion_tokens)


def _text_and_finish(choice: _Choice) -> tuple[str, Finish]:
    content = choice.message.content or ""
    if isinstance(content, list):
        content = "".join(part.text or "" for part in content if part.type == "text")
    match choice.finish_reason:
        case "error":
            raise CallFailed(Fault.SERVER, "the model stopped with an error")
        case "content_filter":
            return content, Finish.BLOCKED
        case _ if choice.message.refusal:
            return content or choice.message.refusal, Finish.BLOCKED
        case "length" | "model_length":
            return content, Finish.TRUNCATED
    return content, Finish.COMPLETE if content.strip() else Finish.EMPTY


def as_lines(values: Iterable[dict[str, Any]]) -> bytes:
    """A batch's file of requests: a JSON object a line."""
    return "".join(f"{json.dumps(value)}\n" for value in values).encode()


def read_lines(content: str, key: str) -> list[Outcome]:
    """Read a batch's file of results. Raises CallFailed when a line of it is none."""
    try:
        return [_read_line(json.loads(line), key) for line in content.split("\n") if line.strip()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = one_line(content, key)
        raise CallFailed(Fault.BAD_BODY, f"not a file of results: {said}") from None


def _read_line(line: dict[str, Any], key: str) -> Outcome:
    name, response = str(line["custom_id"]), line.get("response")
    if not response:
        error = line.get("error") or {}
        kind = Fault.TIMEOUT if "expired" in str(error.get("code")) else Fault.SERVER
        return name, CallFailed(kind, one_line(str(error.get("message") or "no answer"), key))
    body = json.dumps(response["body"])
    if (status := int(response["status_code"])) != 200:
        return name, failure(status, body, key)
    try:
        return name, read_chat(body, key)
    except CallFailed as failed:
        return name, failed


def chat_body(spec: TeacherSpec, request: Request, cap: str = "max_tokens") -> dict[str, Any]:
    """What is sent for a request: the prompt as one message. `cap` names the limit of tokens."""
    body = {
        "model": spec.model,
        "messages": [{"role": "user", "content": request.prompt}],
        "temperature": spec.temperature,
        cap: spec.max_tokens,
    }
    return body | ({"reasoning_effort": spec.reasoning_effort} if spec.reasoning_effort else {})


def sdk(base_url: str, key: str, http: httpx2.AsyncClient) -> AsyncOpenAI:
    """OpenAI's client for a server, trying once. Raises httpx2.InvalidURL.

    Address and key are given in so many words, also as a header: else OPENAI_BASE_URL,
    OPENAI_API_KEY or OPENAI_CUSTOM_HEADERS would choose them.
    """
    client = AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        default_headers={"Authorization": f"Bearer {key}"},
        timeout=http.timeout,
        max_retries=0,
        http_client=http,
    )
    if base_url != OPENAI:
        # OPENAI_ORG_ID and OPENAI_PROJECT_ID are no business of another server.
        client.organization = client.project = None
    return client


@contextmanager
def sdk_failures(where: str, timeout_s: float, key: str) -> Iterator[None]:
    """Turn what the SDK raises into CallFailed. Not "from error": the text of an error holds the
    server's words, and they may hold the key."""
    try:
        yield
    except APIStatusError as error:
        raise refused(error.response, key) from None
    except APIConnectionError as error:
        raise unreachable(error.__cause__ or error, where, timeout_s, key) from None


def cap_name(base_url: str) -> str:
    """What a server calls the limit of tokens: OpenAI's models that think take it only under the
    new name, other servers know only the old."""
    return "max_completion_tokens" if base_url == OPENAI else "max_tokens"


class ChatTeacher:
    """A teacher behind a server that speaks chat completions."""

    def __init__(self, spec: TeacherSpec, key: str, base_url: str) -> None:
        self.spec = spec
        self._key = key
        self._cap = cap_name(base_url)
        self._http = connections(spec.timeout_s)
        try:
            self._client = sdk(base_url, key, self._http)
        except httpx2.InvalidURL:
            raise BadInput(
                f"teacher '{spec.name}': base_url {base_url} is not the address of a server: give http://host:port/v1"
            ) from None

    def body(self, request: Request) -> dict[str, Any]:
        """What is sent for a request."""
        return chat_body(self.spec, request, self._cap)

    async def ask(self, request: Request) -> Reply:
        """Answer one request, trying once. Raises CallFailed."""
        with self._failures():
            chat = self._client.chat.completions.with_raw_response
            answer = await chat.create(**self.body(request))
        return read_chat(answer.text, self._key)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def _failures(self) -> AbstractContextManager[None]:
        return sdk_failures(asked_at(self.spec), self.spec.timeout_s, self._key)
