"""Batches at Mistral, through its own SDK: a file of requests, a job, files of results.

Source: https://docs.mistral.ai/capabilities/batch
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx2
from mistralai.client import Mistral
from mistralai.client.errors import MistralError
from mistralai.client.models import BatchJob

from fair_app.committee.base import Access, Request, TeacherSpec
from fair_app.committee.providers.batches import BatchState, Outcome, State
from fair_app.committee.providers.chat import as_lines, chat_body, read_lines
from fair_app.committee.providers.mistral import server_of
from fair_app.committee.providers.wire import (
    asked_at,
    connections,
    failure,
    key_to_send,
    one_line,
    unreachable,
)

_STATES: dict[str, State] = {
    "SUCCESS": "done",
    "FAILED": "failed",
    "TIMEOUT_EXCEEDED": "expired",
    "CANCELLED": "cancelled",
}


class MistralBatches:
    """A teacher at Mistral that is asked in batches."""

    most_items = 1_000_000
    most_bytes = 400_000_000

    def __init__(self, spec: TeacherSpec, key: str) -> None:
        self.spec = spec
        self._key = key
        self._http = connections(spec.timeout_s)
        self._never_used = httpx2.Client()  # Else the SDK makes one that nobody closes.
        self._client = Mistral(
            api_key=key,
            server_url=server_of(spec),
            async_client=self._http,
            client=self._never_used,
            timeout_ms=max(1, int(spec.timeout_s * 1000)),
        )

    async def submit(self, items: Sequence[tuple[str, Request]], label: str = "") -> str:
        """Hand in requests, each with an id of the caller's; gives Mistral's job id."""
        lines = as_lines(
            {"custom_id": name, "body": chat_body(self.spec, request)} for name, request in items
        )
        with self._failures():
            file = await self._client.files.upload_async(
                file={"file_name": "batch.jsonl", "content": lines}, purpose="batch"
            )
            job = await self._client.batch.jobs.create_async(
                endpoint="/v1/chat/completions",
                input_files=[file.id],
                model=self.spec.model,
                metadata={"label": label},
            )
        return job.id

    async def find(self, label: str) -> str | None:
        """The newest batch that was submitted under a label, of the latest hundred."""
        with self._failures():
            page = await self._client.batch.jobs.list_async(page_size=100)
        jobs = page.data or []
        return next((job.id for job in jobs if (job.metadata or {}).get("label") == label), None)

    async def poll(self, batch_id: str) -> BatchState:
        """Where a batch stands."""
        job = await self._job(batch_id)
        message = one_line(job.errors[0].message, self._key) if job.errors else ""
        return BatchState(
            _STATES.get(job.status, "running"),
            message,
            job.total_requests,
            job.succeeded_requests,
            job.failed_requests,
        )

    async def results(self, batch_id: str) -> list[Outcome]:
        """What became of the items of a batch that has ended."""
        job = await self._job(batch_id)
        outcomes: list[Outcome] = []
        for file in (job.output_file, job.error_file):
            if file:
                with self._failures():
                    content = await self._client.files.download_async(file_id=file)
                    await content.aread()
                outcomes += read_lines(content.text, self._key)
        return outcomes

    async def cancel(self, batch_id: str) -> None:
        """Stop a batch."""
        with self._failures():
            await self._client.batch.jobs.cancel_async(job_id=batch_id)

    async def close(self) -> None:
        """Close all connections."""
        self._never_used.close()
        await self._http.aclose()

    async def _job(self, batch_id: str) -> BatchJob:
        with self._failures():
            return await self._client.batch.jobs.get_async(job_id=batch_id)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what the SDK raises into CallFailed; its own texts may hold the key."""
        try:
            yield
        except MistralError as error:
            raise failure(error.status_code, error.body, self._key, error.headers) from None
        except httpx2.HTTPError as error:
            raise unreachable(error, asked_at(self.spec), self.spec.timeout_s, self._key) from None


def build(spec: TeacherSpec, access: Access) -> MistralBatches:
    """A teacher at Mistral, or at a server with its batches, asked in batches.

    Raises BadInput when its key is missing.
    """
    return MistralBatches(spec, key_to_send(spec, access))
