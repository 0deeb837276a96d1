"""A teacher that is a local transformers model: what is asked at the same time becomes one batch.

Neither importing this module nor building a teacher needs torch, so that a page can check a
committee with it; the model is loaded at the first question.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fair_app.committee import thoughts
from fair_app.committee.base import Access, CallFailed, Fault, Finish, Reply, Request, TeacherSpec
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.base import Completion, Decoding
from fair_app.student.registry import StudentRef, parse_ref

if TYPE_CHECKING:
    from fair_app.student.generation import TransformersStudent

GATHER_S = 0.05
"""How long the first to ask waits for company before its batch begins."""
LOOK_EVERY_S = 0.2


_ONE_AT_A_TIME = threading.Lock()
"""Models that write at the same time share one device: each is faster in its turn."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request, and the future of whoever waits for its answer."""

    request: Request
    answer: asyncio.Future[Reply]


class LocalTeacher:
    """Asks a model in this process; see `fair_app.committee.base.Teacher`.

    Requests gather while a batch is being written, and each is answered as soon as its own answer
    is finished. A model that cannot be used fails all that wait and all that come; a cancel
    reaches all that wait.
    """

    def __init__(self, spec: TeacherSpec, access: Access, ref: StudentRef) -> None:
        self.spec = spec
        self._access = access
        self._model = _Model(spec, ref, self._look)
        self._waiting: list[_Asked] = []
        self._work: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"teacher-{spec.name}")
        self._closing = threading.Event()
        self._unusable: str | None = None

    async def ask(self, request: Request) -> Reply:
        """Answer one request, in a batch with what else is asked. Raises CallFailed, Cancelled."""
        if self._unusable:
            raise CallFailed(Fault.MODEL, self._unusable)
        loop = asyncio.get_running_loop()
        asked = _Asked(request, loop.create_future())
        self._waiting.append(asked)
        if self._work is None or self._work.done():
            self._work = loop.create_task(self._answer_all())
        return await asked.answer

    async def close(self) -> None:
        """Stop at the next token, give the model's memory back and end the thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._model.free)
        self._thread.shutdown()

    async def _answer_all(self) -> None:
        """Batch after batch, until nobody waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(GATHER_S)
            # Whoever was cancelled meanwhile takes no room.
            batch = [asked for asked in self._waiting if not asked.answer.done()]
            self._waiting = []
            try:
                await loop.run_in_executor(self._thread, self._answer, batch, loop)
            except (BadInput, WorkFailed) as error:
                self._unusable = str(error)
                self._fail(batch, CallFailed(Fault.MODEL, self._unusable))
            except Exception as error:  # Cancelled, or a fault: for all that wait to raise
                self._fail(batch, error)

    def _fail(self, batch: list[_Asked], error: Exception) -> None:
        for asked in [*batch, *self._waiting]:
            _settle(asked.answer, error)
        self._waiting = []

    def _answer(self, batch: list[_Asked], loop: asyncio.AbstractEventLoop) -> None:
        """Runs in the teacher's thread."""
        while not _ONE_AT_A_TIME.acquire(timeout=LOOK_EVERY_S):
            self._look()
        try:
            for index, outcome in self._model.answer([asked.request for asked in batch]):
                loop.call_soon_threadsafe(_settle, batch[index].answer, outcome)
        finally:
            _ONE_AT_A_TIME.release()

    def _look(self) -> None:
        """Raises Cancelled when a person stopped the work or the teacher is being closed."""
        if self._closing.is_set():
            raise Cancelled
        self._access.cancelled()


def build(spec: TeacherSpec, access: Access) -> LocalTeacher:
    """The teacher whose model `spec.model` names, as a student REF; nothing is loaded yet.

    Raises BadInput when the REF names nothing, or the spec has what only a server can use.
    """
    for field in ("base_url", "api_key_env", "reasoning_effort"):
        if getattr(spec, field) is not None:
            raise BadInput(
                f"teacher '{spec.name}': a local model takes no {field}: leave it out, or use "
                "provider openai for a model behind a server"
            )
    try:
        ref = parse_ref(spec.model, access.settings.checkpoints, access.settings.models)
    except BadInput as error:
        raise BadInput(f"teacher '{spec.name}': {error}") from None
    return LocalTeacher(spec, access, ref)


class _Model:
    """The blocking half: a model that is loaded when it is needed. For one thread at a time.

    `look` is called between steps and raises Cancelled.
    """

    def __init__(self, spec: TeacherSpec, ref: StudentRef, look: Callable[[], None]) -> None:
        self._spec = spec
        self._ref = ref
        self._look = look
        self._student: TransformersStudent | None = None

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply | CallFailed]]:
        """Yield `(index, reply)` as answers finish, each once; a prompt too long is a failure.

        Raises BadInput and WorkFailed when the model cannot be used, and what `look` raises.
        """
        self._look()
        student = self._student = self._student or self._load()
        fitting: dict[int, _Prompt] = {}
        for index, request in enumerate(requests):
            prompt = _prompt(student, request)
            if failure := self._too_long(student, prompt):
                yield index, failure
            else:
                fitting[index] = prompt
        # What is asked again needs other random numbers, and so a batch of its own.
        for again in sorted({requests[index].again for index in fitting}):
            chosen = [index for index in fitting if requests[index].again == again]
            answers = student.answer(
                [requests[index].prompt for index in chosen],
                decoding(self._spec, again),
                self._look,
            )
            for place, completion in answers:
                prompt = fitting[chosen[place]]
                yield chosen[place], as_reply(completion, prompt.tokens, prompt.opens_thoughts)

    def free(self) -> None:
        """Forget the model."""
        if self._student is None:
            return
        from fair_app.student.out_of_memory import free_what_is_left_over

        self._student = None
        free_what_is_left_over()

    def _load(self) -> "TransformersStudent":
        from fair_app.student.generation import TransformersStudent
        from fair_app.student.loading import load

        return TransformersStudent(load(self._ref))

    def _too_long(self, student: "TransformersStudent", prompt: "_Prompt") -> CallFailed | None:
        """The failure of this request alone: the student would refuse the whole batch for it."""
        context = getattr(student.model.config.get_text_config(), "max_position_embeddings", None)
        if not context or prompt.tokens + self._spec.max_tokens <= context:
            return None
        return CallFailed(
            Fault.REQUEST,
            f"a prompt of {prompt.tokens} tokens and {self._spec.max_tokens} for the answer do not "
            f"fit into the context of {self._spec.model}, {context}: give it a smaller max_tokens",
        )


@dataclass(frozen=True)
class _Prompt:
    """How long a request is for the model, and whether its chat template opens the thoughts."""

    tokens: int
    opens_thoughts: bool


def _prompt(student: "TransformersStudent", request: Request) -> _Prompt:
    from fair_app.student.encoder_decoder import is_encoder_decoder
    from fair_app.student.generation import prompt_renderer

    render = prompt_renderer(has_encoder=is_encoder_decoder(student.model))
    text = render(student.tokenizer, request.prompt)
    tokens = student.tokenizer.encode(text, add_special_tokens=False)
    return _Prompt(len(tokens), text.rstrip().endswith(thoughts.BEGIN))


def decoding(spec: TeacherSpec, again: int) -> Decoding:
    """How a teacher's answers are drawn: from all tokens, or greedily at temperature 0.

    The seed follows from the teacher's name and how often the same was asked before: a run that
    was interrupted draws what it would have drawn, two teachers with one model differ, and asking
    again is another draw.
    """
    seed = hashlib.sha256(f"{spec.name}\0{again}".encode()).digest()
    return Decoding(
        "teacher",
        temperature=spec.temperature,
        top_p=1.0,
        max_new_tokens=spec.max_tokens,
        seed=int.from_bytes(seed[:4], "big"),
    )


def as_reply(completion: Completion, input_tokens: int, opens_thoughts: bool) -> Reply:
    """An answer without the thoughts before it; they stay counted among its tokens.

    Thoughts that do not end are no answer: they are kept as text, to be seen, but are truncated
    or empty.
    """
    text, has_answer = thoughts.without_thoughts(completion.text, opened=opens_thoughts)
    finish = Finish.COMPLETE if has_answer else Finish.EMPTY
    if completion.truncated:
        finish = Finish.TRUNCATED
    return Reply(text, finish, input_tokens, completion.tokens)


def _settle(answer: asyncio.Future[Reply], outcome: Reply | Exception) -> None:
    """Give an outcome to whoever still waits for it."""
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
