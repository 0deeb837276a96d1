"""Batches at OpenAI: a file of requests, a batch, a file of answers and one of errors.

Source: https://platform.openai.com/docs/guides/batch
"""

from collections.abc import Sequence

from pydantic import BaseModel

from fair_app.committee.base import Access, Request, TeacherSpec
from fair_app.committee.providers.batches import BatchState, Outcome, State
from fair_app.committee.providers.chat import OPENAI, ChatTeacher, as_lines, read_lines
from fair_app.committee.providers.wire import AnswerShape, key_to_send, one_line, read

_STATES: dict[str, State] = {
    "completed": "done",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}


class _File(AnswerShape):
    id: str


class _Error(BaseModel):
    message: str | None = None


class _Errors(BaseModel):
    data: list[_Error] | None = None


class _Counts(BaseModel):
    total: int
    completed: int
    failed: int


class _Batch(AnswerShape):
    id: str
    status: str
    metadata: dict[str, str] | None = None
    errors: _Errors | None = None
    request_counts: _Counts | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None


class _Page(AnswerShape):
    data: list[_Batch]


class OpenAIBatches(ChatTeacher):
    """A teacher at OpenAI that is asked in batches.

    The SDK's answers are read raw here too: an HTML page would be a `str` to it, and an error with
    status 200 a batch without an id.
    """

    most_items = 50_000
    most_bytes = 150_000_000

    async def submit(self, items: Sequence[tuple[str, Request]], label: str = "") -> str:
        """Hand in requests, each with an id of the caller's; gives OpenAI's batch id."""
        lines = as_lines(
            {
                "custom_id": name,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": self.body(request),
            }
            for name, request in items
        )
        with self._failures():
            answer = await self._client.files.with_raw_response.create(
                file=("batch.jsonl", lines), purpose="batch"
            )
            file = read(_File, answer.text, self._key)
            created = await self._client.batches.with_raw_response.create(
                input_file_id=file.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={"label": label},
            )
        return read(_Batch, created.text, self._key).id

    async def find(self, label: str) -> str | None:
        """The newest batch that was submitted under a label, of the latest hundred."""
        with self._failures():
            answer = await self._client.batches.with_raw_response.list(limit=100)
        batches = read(_Page, answer.text, self._key).data
        found = (batch.id for batch in batches if (batch.metadata or {}).get("label") == label)
        return next(found, None)

    async def poll(self, batch_id: str) -> BatchState:
        """Where a batch stands."""
        batch = await self._batch(batch_id)
        errors = (batch.errors and batch.errors.data) or []
        message = one_line(errors[0].message or "", self._key) if errors else ""
        state, counts = _STATES.get(batch.status, "running"), batch.request_counts
        if counts is None:
            return BatchState(state, message)
        return BatchState(state, message, counts.total, counts.completed, counts.failed)

    async def results(self, batch_id: str) -> list[Outcome]:
        """What became of the items of a batch that has ended."""
        batch = await self._batch(batch_id)
        outcomes: list[Outcome] = []
        for file in (batch.output_file_id, batch.error_file_id):
            if file:
                with self._failures():
                    content = await self._client.files.content(file)
                outcomes += read_lines(content.text, self._key)
        return outcomes

    async def cancel(self, batch_id: str) -> None:
        """Stop a batch."""
        with self._failures():
            answer = await self._client.batches.with_raw_response.cancel(batch_id)
        read(_Batch, answer.text, self._key)

    async def _batch(self, batch_id: str) -> _Batch:
        with self._failures():
            answer = await self._client.batches.with_raw_response.retrieve(batch_id)
        return read(_Batch, answer.text, self._key)


def build(spec: TeacherSpec, access: Access) -> OpenAIBatches:
    """A teacher at OpenAI, or at a server with its batches, asked in batches.

    Raises BadInput when its key is missing or its address is none.
    """
    base_url = (spec.base_url or OPENAI).rstrip("/")
    return OpenAIBatches(spec, key_to_send(spec, access), base_url)
