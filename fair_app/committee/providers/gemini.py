"""Gemini, through Google's google-genai.

Source of the format: https://ai.google.dev/api/generate-content
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import httpx2
from google import genai
from google.genai import errors, types
from google.genai.client import DebugConfig
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from fair_app.committee.base import Access, Finish, Reply, Request, TeacherSpec
from fair_app.committee.providers.wire import (
    AnswerShape,
    asked_at,
    connections,
    key_to_send,
    read,
    refused,
    unreachable,
    unreadable,
)
from fair_app.errors import BadInput

GOOGLE = "https://generativelanguage.googleapis.com"
VERSION = "v1beta"
THOUGHT_TOKENS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""The thinking budget that Google's own OpenAI-compatible server gives an effort."""

_FINISH = {
    None: Finish.COMPLETE,
    "STOP": Finish.COMPLETE,
    "MAX_TOKENS": Finish.TRUNCATED,
    "CONTINUATION": Finish.TRUNCATED,
    "MALFORMED_RESPONSE": Finish.EMPTY,
    "MALFORMED_FUNCTION_CALL": Finish.EMPTY,
    "UNEXPECTED_TOOL_CALL": Finish.EMPTY,
    "TOO_MANY_TOOL_CALLS": Finish.EMPTY,
}
"""All other reasons (SAFETY, RECITATION, SPII, new ones) are Google's refusals: blocked."""


class _Google(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Part(_Google):
    text: str | None = None
    thought: bool | None = None


class _Content(_Google):
    parts: list[_Part] | None = None


class _Candidate(_Google):
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(_Google):
    block_reason: str | None = None


class _Usage(_Google):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class _Generated(AnswerShape, _Google):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None


def read_gemini(body: str, key: str) -> Reply:
    """Read the body of a generateContent response; thoughts are no text, but billed output.

    Raises CallFailed when the body is no answer.
    """
    answer = read(_Generated, body, key)
    text, finish = "", Finish.EMPTY
    if answer.candidates:
        text, finish = _text_and_finish(answer.candidates[0])
    if answer.prompt_feedback and answer.prompt_feedback.block_reason:
        finish = Finish.BLOCKED
    usage = answer.usage_metadata
    if usage is None:
        return Reply(text, finish)
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Reply(text, finish, usage.prompt_token_count, output)


class GeminiTeacher:
    """A teacher behind Gemini's API.

    Everything that google-genai would take from the environment is given: the address, its
    version, the key, the transport, and that it is neither Vertex nor a recording.
    """

    def __init__(self, spec: TeacherSpec, key: str) -> None:
        self.spec = spec
        self._key = key
        self._http = connections(spec.timeout_s)
        self._config = _config(spec)
        base_url, version = split_version(spec.base_url or GOOGLE)
        try:
            httpx2.URL(base_url)
        except httpx2.InvalidURL:
            raise BadInput(
                f"teacher '{spec.name}': base_url {base_url} is not the address of a server: give https://host"
            ) from None
        # Kept whole, not only its async half: a client that nobody holds closes itself.
        self._client = genai.Client(
            vertexai=False,
            api_key=key,
            debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
            http_options=types.HttpOptions(
                base_url=base_url,
                api_version=version,
                timeout=max(1, int(spec.timeout_s * 1000)),
                httpx_async_client=self._http,
            ),
        )

    async def ask(self, request: Request) -> Reply:
        """Answer one request, trying once. Raises CallFailed."""
        with self._failures():
            answer = await self._client.aio.models.generate_content(
                model=self.spec.model, contents=request.prompt, config=self._config
            )
        raw = answer.sdk_http_response
        return read_gemini((raw and raw.body) or "", self._key)

    async def close(self) -> None:
        """Close all connections."""
        self._client.close()
        await self._http.aclose()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what the SDK raises into CallFailed. Not "from error": the text of an error holds
        the server's words, and they may hold the key."""
        try:
            yield
        except errors.APIError as error:
            raise refused(cast(httpx2.Response, error.response), self._key) from None
        except httpx2.HTTPError as error:
            raise unreachable(error, asked_at(self.spec), self.spec.timeout_s, self._key) from None
        except json.JSONDecodeError as error:
            raise unreadable(error.doc, self._key) from None


def build(spec: TeacherSpec, access: Access) -> GeminiTeacher:
    """A teacher at Google or at `spec.base_url`, with or without the API's version at its end.

    Raises BadInput when its key is missing or its address is none.
    """
    return GeminiTeacher(spec, key_to_send(spec, access))


def split_version(url: str) -> tuple[str, str]:
    """An address without the API's version at its end, and that version or the usual one."""
    found = re.fullmatch(r"(?P<base>.*)/(?P<version>v\d+(?:alpha|beta)?\d*)", url.rstrip("/"))
    return (found["base"], found["version"]) if found else (url.rstrip("/"), VERSION)


def thinking(model: str, effort: str | None) -> types.ThinkingConfig | None:
    """How much a model may think: as a level, or as tokens for the models of generation 2, which
    know no levels, and for none, which is no level. None leaves it to Google.

    Source: https://ai.google.dev/gemini-api/docs/thinking and /openai.
    """
    if effort is None:
        return None
    if effort == "none" or model.removeprefix("models/").startswith("gemini-2"):
        return types.ThinkingConfig(thinking_budget=THOUGHT_TOKENS[effort])
    return types.ThinkingConfig(thinking_level=types.ThinkingLevel(effort.upper()))


def _config(spec: TeacherSpec) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        temperature=spec.temperature,
        max_output_tokens=spec.max_tokens,
        thinking_config=thinking(spec.model, spec.reasoning_effort),
        # One call is one request, and the answer is read from its raw body.
        automatic_continuation=False,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        should_return_http_response=True,
    )


def _text_and_finish(candidate: _Candidate) -> tuple[str, Finish]:
    parts = (candidate.content and candidate.content.parts) or []
    text = "".join(part.text or "" for part in parts if not part.thought)
    finish = _FINISH.get(candidate.finish_reason, Finish.BLOCKED)
    return text, Finish.EMPTY if finish is Finish.COMPLETE and not text.strip() else finish
