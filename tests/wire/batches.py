"""The three batch interfaces, from the server's side: files, jobs and their results."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote

from tests.wire.formats import Call, HttpRequest, Provider, Raw, as_json

Ask = Callable[[Provider, str, dict[str, Any], HttpRequest], Raw]

STATES = {
    "openai": {"running": "in_progress", "done": "completed"},
    "mistral": {
        "running": "RUNNING",
        "done": "SUCCESS",
        "failed": "FAILED",
        "expired": "TIMEOUT_EXCEEDED",
        "cancelled": "CANCELLED",
    },
    "gemini": {"done": "BATCH_STATE_SUCCEEDED"},
}
RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 500: 13, 503: 14}


@dataclass
class Job:
    """One batch: its label, the outcome of each of its items, and how often it was polled."""

    name: str
    label: str
    outcomes: list[tuple[str, Raw]]
    polls: int = 0
    state: str = "running"
    files: dict[str, str | None] = field(default_factory=dict)


class Batches:
    """All batches of a server. A job runs for `polls_until_end` polls and ends as `end` says; if it
    ends otherwise than done, the results are those of the first half of its items. `broken` is a
    fault of the interface itself."""

    def __init__(self, ask: Ask) -> None:
        self.polls_until_end = 1
        self.broken: Callable[[Call], Raw] | None = None
        self.end = "done"
        self.files: dict[str, bytes] = {}
        self.jobs: dict[str, Job] = {}
        self._ask = ask
        self._numbers = count(1)

    def respond(self, request: HttpRequest) -> Raw | None:
        """The response to a request of a batch interface, None for all others."""
        routes: list[tuple[str, str, Callable[..., Raw]]] = [
            ("POST", r"/v1/files", self._upload),
            ("GET", r"/v1/files/(?P<name>[^/]+)/content", self._download),
            ("POST", r"/v1/batches", self._create_openai),
            ("POST", r"/v1/batch/jobs", self._create_mistral),
            ("POST", r"/models/(?P<model>[^/:]+):batchGenerateContent", self._create_gemini),
            ("GET", r"/(?:v1|v1beta)/(?:batch/jobs|batches)", self._list),
            ("GET", r"/(?:v1|v1beta)/(?:batch/jobs|batches)/(?P<name>[^/:]+)", self._poll),
            (
                "POST",
                r"/(?:v1|v1beta)/(?:batch/jobs|batches)/(?P<name>[^/:]+)[/:]cancel",
                self._cancel,
            ),
        ]
        for method, pattern, answer in routes:
            if method == request.method and (found := re.search(f"{pattern}$", request.path)):
                if self.broken:
                    return self.broken(_nobodys_call(request))
                return answer(request, **found.groupdict())
        return None

    def _upload(self, request: HttpRequest) -> Raw:
        boundary = request.headers["content-type"].split("boundary=")[1].encode()
        (part,) = [
            part
            for part in request.body.split(b"--" + boundary)
            if b'name="file"' in part.partition(b"\r\n\r\n")[0]
        ]
        name = self._keep(part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))
        return as_json(200, _file(name, len(self.files[name])))

    def _download(self, request: HttpRequest, name: str) -> Raw:
        if name not in self.files:
            return as_json(404, {"error": {"message": f"no file {name}"}})
        return Raw(200, self.files[name], "application/octet-stream")

    def _create_openai(self, request: HttpRequest) -> Raw:
        body = json.loads(request.body)
        assert body["endpoint"] == "/v1/chat/completions"
        assert body["completion_window"] == "24h"
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        assert {(line["method"], line["url"]) for line in lines} == {("POST", body["endpoint"])}
        items = [(line["custom_id"], line["body"]["model"], line["body"]) for line in lines]
        return self._create("openai", body.get("metadata", {}).get("label", ""), items, request)

    def _create_mistral(self, request: HttpRequest) -> Raw:
        body = json.loads(request.body)
        assert body["endpoint"] == "/v1/chat/completions"
        lines = [json.loads(line) for line in self.files[body["input_files"][0]].splitlines()]
        items = [(line["custom_id"], body["model"], line["body"]) for line in lines]
        return self._create("mistral", body.get("metadata", {}).get("label", ""), items, request)

    def _create_gemini(self, request: HttpRequest, model: str) -> Raw:
        batch = json.loads(request.body)["batch"]
        inside = batch["inputConfig"]["requests"]["requests"]
        items = [(one["metadata"]["custom_id"], unquote(model), one["request"]) for one in inside]
        return self._create("gemini", batch.get("displayName", ""), items, request)

    def _create(
        self,
        provider: Provider,
        label: str,
        items: list[tuple[str, str, dict[str, Any]]],
        request: HttpRequest,
    ) -> Raw:
        outcomes = [
            (name, self._ask(provider, model, body, request)) for name, model, body in items
        ]
        job = Job(f"job-{next(self._numbers)}", label, outcomes)
        self.jobs[job.name] = job
        return as_json(200, self._written(provider, job))

    def _list(self, request: HttpRequest) -> Raw:
        provider = _provider(request)
        name = {"openai": "data", "mistral": "data", "gemini": "operations"}[provider]
        jobs = [self._written(provider, job) for job in reversed(self.jobs.values())]
        return as_json(200, {name: jobs, "object": "list", "total": len(jobs), "has_more": False})

    def _poll(self, request: HttpRequest, name: str) -> Raw:
        if name not in self.jobs:
            return as_json(404, {"error": {"message": f"no batch {name}", "code": 404}})
        job = self.jobs[name]
        job.polls += 1
        if job.state == "running" and job.polls > self.polls_until_end:
            self._finish(_provider(request), job, self.end)
        return as_json(200, self._written(_provider(request), job))

    def _cancel(self, request: HttpRequest, name: str) -> Raw:
        self._finish(_provider(request), self.jobs[name], "cancelled")
        return as_json(200, self._written(_provider(request), self.jobs[name]))

    def _finish(self, provider: Provider, job: Job, state: str) -> None:
        job.state = state
        kept = len(job.outcomes) if state == "done" else len(job.outcomes) // 2
        job.outcomes, lost = job.outcomes[:kept], job.outcomes[kept:]
        if provider == "gemini":
            return
        right = [_line(name, one) for name, one in job.outcomes if one.status == 200]
        wrong = [_line(name, one) for name, one in job.outcomes if one.status != 200]
        if state == "expired":
            error = {"code": "batch_expired", "message": "This request could not be executed."}
            wrong += [json.dumps({"custom_id": name, "error": error}) for name, _ in lost]
        for kind, lines in (("output", right), ("error", wrong)):
            job.files[kind] = self._keep("\n".join(lines).encode()) if lines else None

    def _keep(self, content: bytes) -> str:
        name = f"file-{next(self._numbers)}"
        self.files[name] = content
        return name

    def _written(self, provider: Provider, job: Job) -> dict[str, Any]:
        return {"openai": _openai, "mistral": _mistral, "gemini": _gemini}[provider](job)


def _nobodys_call(request: HttpRequest) -> Call:
    """A call for a fault to answer, where no model is asked."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    key = request.headers.get("x-goog-api-key", bearer)
    return Call(_provider(request), "", "", key, 1, request.path, request.headers, {})


def _provider(request: HttpRequest) -> Provider:
    if request.path.startswith("/mistral/"):
        return "mistral"
    return "gemini" if request.path.startswith("/gemini/") else "openai"


def _file(name: str, size: int) -> dict[str, object]:
    return {
        "id": name,
        "object": "file",
        "bytes": size,
        "created_at": 1_700_000_000,
        "filename": "batch.jsonl",
        "purpose": "batch",
        "sample_type": "batch_request",
        "source": "upload",
        "status": "processed",
    }


def _line(name: str, outcome: Raw) -> str:
    response = {"status_code": outcome.status, "body": json.loads(outcome.body)}
    return json.dumps({"id": "r", "custom_id": name, "response": response, "error": None})


def _openai(job: Job) -> dict[str, Any]:
    failed = sum(one.status != 200 for _, one in job.outcomes)
    ended = job.state != "running"
    job_body: dict[str, Any] = {
        "id": job.name,
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "created_at": 1_700_000_000,
        "input_file_id": "file-0",
        "status": STATES["openai"].get(job.state, job.state),
        "metadata": {"label": job.label},
        "output_file_id": job.files.get("output"),
        "error_file_id": job.files.get("error"),
        "request_counts": {
            "total": len(job.outcomes),
            "completed": len(job.outcomes) - failed if ended else 0,
            "failed": failed if ended else 0,
        },
    }
    if job.state == "failed":
        job_body["errors"] = {"object": "list", "data": [{"message": "Line 2 is not JSON."}]}
    return job_body


def _mistral(job: Job) -> dict[str, Any]:
    counts = _openai(job)["request_counts"]
    return {
        "id": job.name,
        "object": "batch",
        "input_files": ["file-0"],
        "endpoint": "/v1/chat/completions",
        "errors": [{"message": "Line 2 is not JSON."}] if job.state == "failed" else [],
        "status": STATES["mistral"][job.state],
        "created_at": 1_700_000_000,
        "metadata": {"label": job.label},
        "output_file": job.files.get("output"),
        "error_file": job.files.get("error"),
        "total_requests": counts["total"],
        "completed_requests": counts["completed"] + counts["failed"],
        "succeeded_requests": counts["completed"],
        "failed_requests": counts["failed"],
    }


def _gemini(job: Job) -> dict[str, Any]:
    state = STATES["gemini"].get(job.state, f"BATCH_STATE_{job.state.upper()}")
    metadata: dict[str, Any] = {"displayName": job.label, "state": state}
    if job.state == "done":
        results = [_inlined(name, outcome) for name, outcome in job.outcomes]
        metadata["output"] = {"inlinedResponses": {"inlinedResponses": results}}
    return {"name": f"batches/{job.name}", "metadata": metadata}


def _inlined(name: str, outcome: Raw) -> dict[str, Any]:
    body = json.loads(outcome.body)
    if outcome.status == 200:
        return {"metadata": {"custom_id": name}, "response": body}
    error = {"code": RPC_CODES[outcome.status], "message": body["error"]["message"]}
    return {"metadata": {"custom_id": name}, "error": error}
