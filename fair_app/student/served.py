"""A student behind any server that speaks OpenAI's format: vLLM, SGLang, TGI, llama.cpp, …

Many requests are in flight at once, since such a server makes its own batches. They begin few and
become one more with every answer that comes quickly: a server that answers one at a time is not
asked for what it cannot give before the deadline, a fast one is kept busy after some round trips.
"""

import asyncio
import hashlib
import queue
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import httpx2
from openai import AsyncOpenAI
from pydantic import BaseModel
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from fair_app.committee.base import PASSING, CallFailed, Fault, Finish, Reply
from fair_app.committee.providers.chat import cap_name, read_chat, sdk, sdk_failures
from fair_app.committee.providers.wire import (
    AnswerShape,
    can_be_sent,
    connections,
    read,
    unreachable,
)
from fair_app.errors import BadInput, WorkFailed
from fair_app.student.base import Completion, Decoding, PromptStyle, never_cancelled
from fair_app.student.registry import SERVER_KEY
from fair_app.student.sse import Growing

DEADLINE_S = 600.0
"""The most that one call may take, from its sending to the last byte of its answer."""
FIRST_IN_FLIGHT = 16
MOST_IN_FLIGHT = 256
UNHURRIED = 0.1
"""More is put in flight while an answer takes less than this share of the deadline."""
ATTEMPTS = 5
LONGEST_WAIT_S = 60.0
LOOK_EVERY_S = 0.2
COUNTED = {"stream_options": {"include_usage": True}}
"""What makes a stream end with the number of its tokens. Not every server knows it."""

Outcome = tuple[int, Completion] | Exception | None
"""An answer, what ended the asking early, or None at its end."""


class ServedStudent:
    """A model that a server answers for; see `fair_app.student.base.Student`.

    `chat` prompts go to /chat/completions, where the server puts the model's chat template around
    them; `plain` ones to /completions, which adds nothing but a beginning token.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        key: str = "",
        *,
        prompts: PromptStyle = "chat",
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Raises BadInput for a key that cannot be sent."""
        if not can_be_sent(key):
            raise BadInput(
                f"The key in {SERVER_KEY} holds characters that no key has: copy it again."
            )
        self._model, self._base_url, self._key = model, base_url, key or "none"
        self._plain = prompts == "plain"
        self._deadline_s = deadline_s
        self.description: dict[str, object] = {
            "student": model,
            "server": base_url,
            "endpoint": "/completions" if self._plain else "/chat/completions",
            "in_flight": MOST_IN_FLIGHT,
            "openai": version("openai"),
        }

    def answer(
        self,
        prompts: Sequence[str],
        decoding: Decoding,
        cancelled: Callable[[], None] = never_cancelled,
        seeds: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Completion]]:
        """Yield `(index into prompts, completion)` as answers come.

        A sampled answer's seed follows from the decoding's (or its own of `seeds`), the prompt and
        how many equal prompts with that seed come before it. Whether a server draws the same with
        the same seed is its own affair.

        When a call fails for good nothing more is sent, and what is in flight is waited for; but
        the refusal of one question leaves only that one out, unless the first are all refused.
        Raises then BadInput (no such model, a bad key, a refused request) or WorkFailed, and what
        `cancelled` raises.
        """
        self.description["sent"] = self._settings(decoding)
        asking = _Asking(self, self._bodies(prompts, decoding, seeds))
        asking.start()
        try:
            while True:
                cancelled()
                with suppress(queue.Empty):
                    outcome = asking.outcomes.get(timeout=LOOK_EVERY_S)
                    if outcome is None:
                        return
                    if isinstance(outcome, Exception):
                        raise outcome
                    yield outcome
        finally:
            asking.stop()

    def _settings(self, decoding: Decoding) -> dict[str, Any]:
        """What is sent with every prompt, but for the seed. Greedy needs no more than its
        temperature, and servers differ in what else they take with it."""
        sent = {
            "temperature": decoding.temperature,
            cap_name(self._base_url): decoding.max_new_tokens,
        }
        return sent | ({"top_p": decoding.top_p} if decoding.temperature else {})

    def _bodies(
        self, prompts: Sequence[str], decoding: Decoding, seeds: Sequence[int] | None
    ) -> list[dict[str, Any]]:
        settings = self._settings(decoding)
        seen: Counter[tuple[str, int]] = Counter()
        bodies = []
        for index, prompt in enumerate(prompts):
            put = (
                {"prompt": f"{prompt}\n"}
                if self._plain
                else {"messages": [{"role": "user", "content": prompt}]}
            )
            seed = seeds[index] if seeds is not None else decoding.seed
            drawn = {}
            if decoding.temperature:
                drawn["seed"] = _seed(seed, prompt, seen[prompt, seed])
                seen[prompt, seed] += 1
            bodies.append({"model": self._model, **put, **settings, **drawn})
        return bodies

    async def call(self, client: AsyncOpenAI, body: dict[str, Any]) -> Reply:
        """Ask once. Raises CallFailed."""
        # A body that drips passes every timeout of a read: the whole call has one deadline.
        try:
            async with asyncio.timeout(self._deadline_s):
                with sdk_failures(self.where, self._deadline_s, self._key):
                    if self._plain:
                        answer = await client.completions.with_raw_response.create(**body)
                    else:
                        answer = await client.chat.completions.with_raw_response.create(**body)
        except TimeoutError:
            raise CallFailed(
                Fault.TIMEOUT, f"no answer of {self.where} within {self._deadline_s:g} s"
            ) from None
        return (read_completion if self._plain else read_chat)(answer.text, self._key)

    async def stream(
        self, client: AsyncOpenAI, prompt: str, decoding: Decoding
    ) -> AsyncIterator[Completion]:
        """Yield one answer as it grows; the last is the whole of it. Raises CallFailed.

        A server that does not count its tokens is taken to send one at a time; one that cannot send
        piece by piece is heard when its answer is whole.
        """
        (body,) = self._bodies([prompt], decoding, None)
        try:
            async for written in self._stream(client, body | COUNTED):
                yield written
        except CallFailed as failed:
            if failed.kind is not Fault.REQUEST or "stream_options" not in failed.said:
                raise
            async for written in self._stream(client, body):
                yield written

    async def _stream(self, client: AsyncOpenAI, body: dict[str, Any]) -> AsyncIterator[Completion]:
        created = client.completions if self._plain else client.chat.completions
        try:
            async with asyncio.timeout(self._deadline_s):
                with sdk_failures(self.where, self._deadline_s, self._key):
                    async with created.with_streaming_response.create(
                        **body, stream=True
                    ) as answer:
                        if "event-stream" not in answer.headers.get("content-type", ""):
                            whole = read_completion if self._plain else read_chat
                            yield _completion(whole(await answer.text(), self._key))
                            return
                        growing = Growing(self._key)
                        async for line in answer.iter_lines():
                            if growing.take(line):
                                yield growing.written
                        yield growing.end()
        except TimeoutError:
            raise CallFailed(
                Fault.TIMEOUT, f"no answer of {self.where} within {self._deadline_s:g} s"
            ) from None
        except httpx2.HTTPError as error:  # the SDK lets through what ends an answer midway
            raise unreachable(error, self.where, self._deadline_s, self._key) from None

    def connect(self) -> AsyncOpenAI:
        """A client of its own for one round of asking."""
        return sdk(self._base_url, self._key, connections(self._deadline_s))

    @property
    def unhurried_s(self) -> float:
        """An answer that takes less leaves room for more in flight."""
        return UNHURRIED * self._deadline_s

    @property
    def where(self) -> str:
        """The server's host and port."""
        return httpx2.URL(self._base_url).netloc.decode()

    def sentence(
        self,
        failed: CallFailed,
        answered: bool,
        then: str = "resume; what was answered is saved",
    ) -> Exception:
        """What a person is told about a call that failed for good, and is to do `then`."""
        said = failed.said.rstrip(".")
        match failed.kind:
            case Fault.MODEL:
                return BadInput(
                    f"The server at {self._base_url} has no model '{self._model}', or its address "
                    f"ends differently: check --student and --server ({said})."
                )
            case Fault.AUTH:
                return BadInput(
                    f"The server at {self._base_url} wants another key: set {SERVER_KEY} ({said})."
                )
            case Fault.REQUEST:
                whom = "one of the questions" if answered else "what it is asked"
                return BadInput(
                    f"The server at {self._base_url} refuses {whom} ({said}): change what it "
                    "names, then ask again."
                )
        return WorkFailed(f"The student's server failed ({said}): see to it, then {then}.")


class _Completed(BaseModel):
    text: str | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _TextCompletion(AnswerShape):
    choices: list[_Completed]
    usage: _Usage | None = None


def read_completion(body: str, key: str) -> Reply:
    """Read the body of a text completion. Raises CallFailed when it is none."""
    answer = read(_TextCompletion, body, key)
    if not answer.choices:
        return Reply("", Finish.EMPTY)
    first, usage = answer.choices[0], answer.usage or _Usage()
    text = first.text or ""
    finish = Finish.COMPLETE if text.strip() else Finish.EMPTY
    if first.finish_reason == "length":
        finish = Finish.TRUNCATED
    return Reply(text, finish, usage.prompt_tokens, usage.completion_tokens)


@dataclass
class _Asking:
    """One round of asking, in a thread with an event loop of its own.

    `outcomes` are answers as they come, and at the end None, or what ended it early.
    """

    student: ServedStudent
    bodies: list[dict[str, Any]]
    outcomes: "queue.SimpleQueue[Outcome]" = field(default_factory=queue.SimpleQueue)
    _lanes: int = 0
    _answered: int = 0
    _refused: int = 0
    _failure: CallFailed | None = None
    _refusal: CallFailed | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._waiting = deque(range(len(self.bodies)))
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._ask_all())
        self._thread = threading.Thread(target=self._run, name="served-student", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Drop what is in flight, and end the thread."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        end: Exception | None = None
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass  # by `stop`: nobody waits for more
        except Exception as error:
            end = error
        # The SDK and the look-up of addresses work in threads of the loop.
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self.outcomes.put(end)

    async def _ask_all(self) -> None:
        self._client = self.student.connect()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(FIRST_IN_FLIGHT, len(self.bodies))):
                    self._open_lane(group)
        finally:
            await self._client.close()
        if failed := self._failure or self._refusal:
            raise self.student.sentence(failed, answered=self._answered > 0)

    def _open_lane(self, group: asyncio.TaskGroup) -> None:
        self._lanes += 1
        group.create_task(self._lane(group))

    async def _lane(self, group: asyncio.TaskGroup) -> None:
        """Ask one question after another, as long as there are any and nothing has failed."""
        while self._waiting and self._failure is None:
            index = self._waiting.popleft()
            began = self._loop.time()
            try:
                reply = await self._persist(self.bodies[index])
            except CallFailed as failed:
                self._refused += failed.kind is Fault.REQUEST
                if failed.kind is Fault.REQUEST and (
                    self._answered or self._refused < FIRST_IN_FLIGHT
                ):
                    self._refusal = failed
                else:
                    self._failure = self._failure or failed
                continue
            self._answered += 1
            self.outcomes.put((index, _completion(reply)))
            quick = self._loop.time() - began < self.student.unhurried_s
            if quick and self._waiting and self._lanes < MOST_IN_FLIGHT:
                self._open_lane(group)

    async def _persist(self, body: dict[str, Any]) -> Reply:
        """Ask, and again after faults that may pass. Raises CallFailed."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(self._may_pass),
            wait=_wait,
            stop=stop_after_attempt(ATTEMPTS),
            reraise=True,
        )
        return await retrying(self.student.call, self._client, body)

    def _may_pass(self, fault: BaseException) -> bool:
        return isinstance(fault, CallFailed) and fault.kind in PASSING and self._failure is None


def _completion(reply: Reply) -> Completion:
    return Completion(
        reply.text.strip(), reply.output_tokens or 0, reply.finish is Finish.TRUNCATED
    )


_BACK_OFF = wait_random_exponential(multiplier=0.5, max=20)


def _wait(state: RetryCallState) -> float:
    """Seconds until the next attempt: as long as the server asks for, within reason."""
    fault = state.outcome.exception() if state.outcome else None
    if isinstance(fault, CallFailed) and fault.retry_after is not None:
        return min(fault.retry_after, LONGEST_WAIT_S)
    return float(_BACK_OFF(state))


def _seed(seed: int, prompt: str, occurrence: int) -> int:
    """31 bits, which every server takes."""
    digest = hashlib.sha256(f"{seed}\0{occurrence}\0{prompt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
