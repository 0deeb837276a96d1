"""Batches at Gemini: the requests go in one body and the answers come with the job.

Source: https://ai.google.dev/gemini-api/docs/batch-mode
"""

from collections.abc import Sequence

from google.genai import types

from fair_app.committee.base import Access, CallFailed, Fault, Request, TeacherSpec
from fair_app.committee.providers.batches import BatchState, Outcome, State
from fair_app.committee.providers.gemini import GeminiTeacher, read_gemini
from fair_app.committee.providers.wire import failure, key_to_send, one_line

_STATES: dict[str, State] = {
    "JOB_STATE_SUCCEEDED": "done",
    "JOB_STATE_PARTIALLY_SUCCEEDED": "done",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_EXPIRED": "expired",
    "JOB_STATE_CANCELLED": "cancelled",
}
_STATUS = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 13: 500, 14: 503, 16: 401}
"""The HTTP status of an error's code in google.rpc.Code."""


class GeminiBatches(GeminiTeacher):
    """A teacher at Gemini that is asked in batches."""

    most_items = 10_000
    most_bytes = 15_000_000

    async def submit(self, items: Sequence[tuple[str, Request]], label: str = "") -> str:
        """Hand in requests, each with an id of the caller's; gives Google's name of the job."""
        config = self._config.model_copy(update={"should_return_http_response": None})
        requests = [
            types.InlinedRequest(
                contents=request.prompt, metadata={"custom_id": name}, config=config
            )
            for name, request in items
        ]
        with self._failures():
            job = await self._client.aio.batches.create(
                model=self.spec.model,
                src=requests,
                config=types.CreateBatchJobConfig(display_name=label or None),
            )
        return self._name(job)

    async def find(self, label: str) -> str | None:
        """The newest batch that was submitted under a label, of the latest hundred."""
        with self._failures():
            page = await self._client.aio.batches.list(
                config=types.ListBatchJobsConfig(page_size=100)
            )
        return next((job.name for job in page.page if job.display_name == label), None)

    async def poll(self, batch_id: str) -> BatchState:
        """Where a batch stands. Google gives no counts, and its SDK drops the job's error."""
        job = await self._job(batch_id)
        state = _STATES.get(job.state.value if job.state else "", "running")
        message = "Google gives no reason" if state == "failed" else ""
        return BatchState(state, message)

    async def results(self, batch_id: str) -> list[Outcome]:
        """What became of the items of a batch that has ended."""
        job = await self._job(batch_id)
        responses = (job.dest and job.dest.inlined_responses) or []
        return [self._outcome(response) for response in responses]

    async def cancel(self, batch_id: str) -> None:
        """Stop a batch. The SDK reads no answer to this: only `poll` says whether it has ended."""
        with self._failures():
            await self._client.aio.batches.cancel(name=batch_id)

    async def _job(self, batch_id: str) -> types.BatchJob:
        with self._failures():
            job = await self._client.aio.batches.get(name=batch_id)
        self._name(job)
        return job

    def _name(self, job: types.BatchJob) -> str:
        if not job.name:
            raise CallFailed(Fault.BAD_BODY, "not a batch: the answer has no name")
        return job.name

    def _outcome(self, response: types.InlinedResponse) -> Outcome:
        name = (response.metadata or {}).get("custom_id", "")
        if response.response is None:
            error = response.error or types.JobError()
            said = one_line(error.message or "no answer", self._key)
            return name, failure(_STATUS.get(error.code or 0, 500), said, self._key)
        try:
            body = response.response.model_dump_json(by_alias=True, exclude_none=True)
            return name, read_gemini(body, self._key)
        except CallFailed as failed:
            return name, failed


def build(spec: TeacherSpec, access: Access) -> GeminiBatches:
    """A teacher at Gemini that is asked in batches.

    Raises BadInput when its key is missing or its address is none.
    """
    return GeminiBatches(spec, key_to_send(spec, access))
