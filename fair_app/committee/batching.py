"""Asking in batches: answers within a day, at half the price.

The walk over the mistakes is the collector's own. Here its `ask` finds answers in the ledger and
remembers what is not there; that is handed in together, fetched when the providers have answered,
and the walk begins anew: first rationales and feedback, then the reviews of those rationales. A
batch is a row before it is submitted, so that whatever is killed, it is found again.
"""

import asyncio
import uuid
from collections.abc import Iterator

from db import batches, calls, committee
from db.batches import Batch
from db.calls import Call
from db.store import now, writing
from fair_app.committee.asking import Asking, Member, answer_row, call_row
from fair_app.committee.base import Access, CallFailed, Fault, Reply, Request, TeacherSpec
from fair_app.committee.ledger import call_key
from fair_app.committee.prices import cost, price_of
from fair_app.committee.providers.batches import (
    BatchState,
    BatchTeacher,
    Outcome,
    build_batches,
    has_batches,
)
from fair_app.errors import WorkFailed
from fair_app.jobs.context import JobContext

STAGE = "waiting for batches"
LOOK_EVERY_S = 30.0
PATIENCE = 10
"""Looks in a row that may fail before the job ends; the batches stay at their providers."""

Wanted = tuple[Request, str]
"""A request and its key in the ledger."""


class Batching:
    """Asks providers that have batches in batches, and the other teachers directly."""

    def __init__(self, job: JobContext, access: Access, direct: Asking) -> None:
        self.direct = direct
        self._job = job
        self._access = access
        self._store = job.store
        self._wanted: dict[int, tuple[Member, list[Wanted]]] = {}
        self._tried: set[str] = set()
        self._reserved: dict[int, tuple[tuple[str, str], float]] = {}
        self._look_every_s = job.params.get("look_every_s", LOOK_EVERY_S)

    @property
    def stopping(self) -> bool:
        """Whether nothing more is sent to anybody."""
        return self.direct.stopping

    @property
    def wants_more(self) -> bool:
        """Whether the last walk found something to be handed in."""
        return bool(self._wanted) and not self.stopping

    async def ask(self, member: Member, request: Request) -> Call | None:
        """The finished call for a request; None when it is still to be handed in or fetched."""
        if not has_batches(member.spec):
            return await self.direct.ask(member, request)
        key = call_key(member.spec, request)
        known = calls.by_key(self._store, key)
        if known and known.state == "done":
            self.direct.cached += key not in self._tried
            return known
        if key not in self._tried and not (known and calls.waits_in_batch(self._store, known)):
            self._wanted.setdefault(member.row.id, (member, []))[1].append((request, key))
        return None

    async def submit(self) -> None:
        """Hand in what the last walk found, as far as the budget goes."""
        wanted, self._wanted = self._wanted, {}
        for member, items in wanted.values():
            if member.out or self.stopping:
                continue
            teacher = build_batches(member.spec, self._access)
            try:
                for chunk in _chunks(items, teacher):
                    await self._submit(member, teacher, chunk)
            finally:
                await teacher.close()

    async def fetch(self, *, wait: bool = True) -> None:
        """Write what the providers have answered; wait until no batch of the project is open.

        Without `wait`, look once. Raises WorkFailed when the providers cannot be asked for long.
        """
        failed_looks = 0
        while waiting := batches.still_open(self._store, self._job.project.id):
            done = total = 0
            for batch in waiting:
                try:
                    state = await self._look(batch)
                except CallFailed as failure:
                    failed_looks += 1
                    self._job.log(f"batch {batch.label}: {failure} ({failure.kind})")
                    if failed_looks >= PATIENCE or failure.kind is Fault.AUTH:
                        raise WorkFailed(
                            f"A batch cannot be fetched: {failure}. It stays at its provider; "
                            "resume fetches it."
                        ) from None
                    continue
                failed_looks = 0
                total += state.total or 0
                done += (state.answered or 0) + (state.failed or 0)
            if not wait:
                return
            self._job.progress(STAGE, done, total)
            if batches.still_open(self._store, self._job.project.id):
                await self._sleep(self._look_every_s)

    async def _submit(self, member: Member, teacher: BatchTeacher, items: list[Wanted]) -> None:
        """Write a batch and its calls, hand it in, keep the provider's name for it."""
        affordable = []
        for request, key in items:
            if (reserved := self._commit(member, request)) is None:
                break
            affordable.append((request, key, reserved))
        if not affordable:
            self.direct.budget.exhausted = True
            return
        label = f"fair-{uuid.uuid4().hex}"
        named = []
        with writing(self._store):
            batch_id = batches.add(self._store, self._job.project.id, member.row.id, label)
            for request, key, reserved in affordable:
                row = call_row(member, request, key, self._job.job.id)
                call_id = calls.send(self._store, {**row, "batch_id": batch_id})
                named.append((str(call_id), request))
                self._tried.add(key)
                self._reserved[call_id] = _kind(member, request), reserved
        try:
            remote_id = await teacher.submit(named, label)
        except CallFailed as failure:
            member.standing.out = f"its batch was refused: {failure}"
            self._job.log(f"{member.row.name}: {member.standing.out} ({failure.kind})")
            await self._give_up(batch_id, failure.kind, str(failure))
            return
        batches.set_remote_id(self._store, batch_id, remote_id)
        self._job.log(f"{member.row.name}: {len(named):,} calls handed in as {remote_id}")

    def _commit(self, member: Member, request: Request) -> float | None:
        """Set half of a direct call's cost aside; None when the budget has no room for it."""
        _, usd = member.guess(request.prompt)
        return self.direct.budget.commit(_kind(member, request), 0.5 * usd)

    async def _look(self, batch: Batch) -> BatchState:
        """Ask its provider for a batch; write what is there once it has ended."""
        spec = self._spec(batch)
        teacher = build_batches(spec, self._access)
        try:
            if batch.remote_id is None:
                # A process died between handing it in and keeping its name.
                remote_id = await teacher.find(batch.label)
                if remote_id is None:
                    await self._give_up(batch.id, Fault.NETWORK, "it was not handed in")
                    return BatchState("failed")
                batches.set_remote_id(self._store, batch.id, remote_id)
            else:
                remote_id = batch.remote_id
            state = await teacher.poll(remote_id)
            if state.state != "running":
                results = await teacher.results(remote_id) if state.state != "failed" else []
                await self._write(batch, spec, results)
                message = state.message or f"the batch {state.state} before this was answered"
                await self._give_up(batch.id, Fault.SERVER, message)
            return state
        finally:
            await teacher.close()

    async def _write(self, batch: Batch, spec: TeacherSpec, results: list[Outcome]) -> None:
        """Write what became of a batch's calls, all of it or nothing."""
        price = price_of(spec, batch=True)
        waiting = set(batches.call_ids(self._store, batch.id))
        costs: list[tuple[int, float | None]] = []
        with writing(self._store):
            for name, outcome in results:
                if not name.isdecimal() or int(name) not in waiting:
                    continue
                if isinstance(outcome, Reply):
                    usd = cost(price, outcome.input_tokens, outcome.output_tokens)
                    calls.finish(self._store, int(name), answer_row(outcome, usd))
                    costs.append((int(name), usd))
                else:
                    calls.fail(self._store, int(name), outcome.kind.value, str(outcome))
                    costs.append((int(name), None))
        for call_id, usd in costs:
            await self._settle(call_id, usd)

    async def _give_up(self, batch_id: int, kind: Fault, message: str) -> None:
        """End a batch; its calls without an answer failed for this reason."""
        unanswered = batches.call_ids(self._store, batch_id)
        with writing(self._store):
            for call_id in unanswered:
                calls.fail(self._store, call_id, kind.value, message)
            batches.end(self._store, batch_id, message if unanswered else "")
        for call_id in unanswered:
            await self._settle(call_id, None)

    async def _settle(self, call_id: int, usd: float | None) -> None:
        if call_id in self._reserved:
            kind, reserved = self._reserved.pop(call_id)
            await self.direct.budget.settle(kind, reserved, usd)
        else:
            # It was handed in before this process began.
            self.direct.budget.spent += usd or 0.0

    def _spec(self, batch: Batch) -> TeacherSpec:
        row = committee.teacher(self._store, batch.teacher_id)
        return TeacherSpec.model_validate(row.spec)

    async def _sleep(self, seconds: float) -> None:
        """Wait; a cancel leaves the batches at their providers, and resuming fetches them."""
        until = now() + seconds
        while (left := until - now()) > 0:
            self._job.check_cancelled()
            await asyncio.sleep(min(left, 0.5))


def _kind(member: Member, request: Request) -> tuple[str, str]:
    return member.row.name, request.role.value


def _chunks(items: list[Wanted], teacher: BatchTeacher) -> Iterator[list[Wanted]]:
    """Requests in as many batches as the provider's limits ask for."""
    chunk: list[Wanted] = []
    size = 0
    for item in items:
        length = len(item[0].prompt.encode("utf-8", "replace"))
        if chunk and (len(chunk) == teacher.most_items or size + length > teacher.most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += length
    if chunk:
        yield chunk
