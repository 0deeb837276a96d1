"""Batches at OpenAI: a file of requests, a batch, a file of answers and one of errors.

Source: https://platform.openai.com/docs/guides/batch
"""

from collections.abc import Sequence

from openai.types import Batch

from fair_app.committee.base import Access, CallFailed, Fault, Request, TeacherSpec
from fair_app.committee.providers.batches import BatchState, Outcome, State
from fair_app.committee.providers.chat import OPENAI, ChatTeacher, as_lines, read_lines
from fair_app.committee.providers.wire import key_to_send, one_line

_STATES: dict[str, State] = {
    "completed": "done",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}


class OpenAIBatches(ChatTeacher):
    """A teacher at OpenAI that is asked in batches."""

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
            file = await self._client.files.create(file=("batch.jsonl", lines), purpose="batch")
            self._holds(file, "id")
            batch = await self._client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={"label": label},
            )
            self._holds(batch, "id")
        return batch.id

    async def find(self, label: str) -> str | None:
        """The newest batch that was submitted under a label, of the latest hundred."""
        with self._failures():
            page = await self._client.batches.list(limit=100)
        self._holds(page, "data")
        found = (batch.id for batch in page.data if (batch.metadata or {}).get("label") == label)
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
            batch = await self._client.batches.cancel(batch_id)
        self._holds(batch, "status")

    async def _batch(self, batch_id: str) -> Batch:
        with self._failures():
            batch = await self._client.batches.retrieve(batch_id)
        self._holds(batch, "status")
        return batch

    def _holds(self, value: object, field: str) -> None:
        """Make sure that an answer is one: the SDK gives an HTML page back as a `str`, and an error
        with status 200 as an object without its fields."""
        if getattr(value, field, None) is None:
            said = one_line(str(value), self._key)
            raise CallFailed(Fault.BAD_BODY, f"an answer without {field}: {said}")


def build(spec: TeacherSpec, access: Access) -> OpenAIBatches:
    """A teacher at OpenAI, or at a server with its batches, asked in batches.

    Raises BadInput when its key is missing or its address is none.
    """
    base_url = (spec.base_url or OPENAI).rstrip("/")
    return OpenAIBatches(spec, key_to_send(spec, access), base_url)
