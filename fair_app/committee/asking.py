"""One call, from the ledger or from a teacher: budget, turn, deadline, retries, record.

A call is a row before it is sent. A finished one is taken from the ledger and never sent again,
whichever project or job asked it; a failed one is asked again by the next run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from db import calls, paces
from db.calls import Call
from db.committee import TeacherRow
from db.store import now
from fair_app.committee.account import Account, Standing
from fair_app.committee.base import PASSING, CallFailed, Fault, Reply, Request, Teacher, TeacherSpec
from fair_app.committee.budget import Budget
from fair_app.committee.ledger import call_key
from fair_app.committee.prices import Price, cost
from fair_app.committee.prompts import prompt_hash
from fair_app.committee.registry import REMOTE
from fair_app.errors import Cancelled
from fair_app.jobs.context import JobContext

ATTEMPTS = 5
"""How often a call is tried when servers, networks or deadlines fail. Waiting for a provider that
says "too many" is not an attempt."""
LOOK_EVERY_S = 1.0
EXPECTED_OUTPUT = 200
"""Tokens of an answer, before anything is known of a teacher's."""
CHARACTERS_A_TOKEN = 4


@dataclass
class Member:
    """A teacher of the project: its row, what answers for it, its account, price and standing."""

    row: TeacherRow
    teacher: Teacher
    account: Account
    price: Price | None
    standing: Standing = field(default_factory=Standing)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def spec(self) -> TeacherSpec:
        """What the teacher is."""
        return self.teacher.spec

    @property
    def out(self) -> str | None:
        """Why this teacher is not asked any more, or None."""
        return self.account.out or self.standing.out

    def cost(self, reply: Reply) -> float | None:
        """What an answer cost, in USD; None when its tokens or its price are not known."""
        if (
            self.price
            and self.price.input_usd_per_million == self.price.output_usd_per_million == 0
        ):
            return 0.0
        return cost(self.price, reply.input_tokens, reply.output_tokens)

    def guess(self, prompt: str) -> tuple[int, float]:
        """Tokens and USD that a call will take, before anything is known of such calls."""
        asked = len(prompt) // CHARACTERS_A_TOKEN
        answer = min(EXPECTED_OUTPUT, self.spec.max_tokens)
        return asked + answer, cost(self.price, asked, answer) or 0.0

    def gap_s(self, tokens: int) -> float:
        """How long this teacher's limits keep the next call away after one of so many tokens."""
        calls_a_minute, tokens_a_minute = (
            self.spec.requests_per_minute,
            self.spec.tokens_per_minute,
        )
        return max(
            60 / calls_a_minute if calls_a_minute else 0.0,
            60 * tokens / tokens_a_minute if tokens_a_minute else 0.0,
        )


class NotSent(Exception):
    """Nothing more is sent: a person cancelled, the cap is reached, or the provider is out."""


class Asking:
    """Asks teachers for one job, with at most `concurrency` calls in flight."""

    def __init__(self, job: JobContext, budget: Budget, concurrency: int) -> None:
        self.cached = 0
        self.cancelled = False
        self.budget = budget
        self._job = job
        self._store = job.store
        self._in_flight = asyncio.Semaphore(concurrency)
        self._warned = budget.nearly_spent
        self._said: set[str] = set()

    @property
    def stopping(self) -> bool:
        """Whether nothing more is sent to anybody."""
        return self.cancelled or self.budget.exhausted

    async def ask(self, member: Member, request: Request) -> Call | None:
        """The finished call for a request; None when it failed or was not sent."""
        key = call_key(member.spec, request)
        known = calls.by_key(self._store, key)
        if known and calls.waits_in_batch(self._store, known):
            self._say("Some calls wait in batches; they are fetched when those have ended.")
            return None
        while known and calls.is_being_asked(self._store, known, self._job.job.id):
            # Another job waits for this very answer: it is paid for once.
            await self._sleep(LOOK_EVERY_S)
            if self.stopping:
                return None
            known = calls.by_key(self._store, key)
        if known and known.state == "done":
            self.cached += 1
            return known
        tokens, usd = member.guess(request.prompt)
        kind = (member.row.name, request.role)
        reserved = None if self.stopping or member.out else await self.budget.reserve(kind, usd)
        if reserved is None:
            return None
        call = None
        try:
            call = await self._send(member, request, key, tokens)
        finally:
            await self.budget.settle(kind, reserved, (call.cost_usd or 0.0) if call else None)
        if self.budget.nearly_spent and not self._warned:
            self._warned = True
            self._job.log(f"{self.budget.spent:.4f} of {self.budget.cap:g} USD are spent (80 %)")
        return call

    async def _send(self, member: Member, request: Request, key: str, tokens: int) -> Call | None:
        """Send until there is an answer or no hope of one."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda fault: self._may_pass(fault, member)),
            wait=wait_random_exponential(multiplier=0.5, max=20),
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, member, request, key, tokens)
        except NotSent:
            return None
        except CallFailed as failure:
            self._judge(member, request, failure)
            return None

    async def _attempt(self, member: Member, request: Request, key: str, tokens: int) -> Call:
        """One try, after as many refusals as the provider's limits give. Raises CallFailed."""
        while True:
            async with self._slot(member, tokens):
                try:
                    return await self._exchange(member, request, key, tokens)
                except CallFailed as failure:
                    if failure.kind is not Fault.RATE_LIMIT and failure.retry_after is None:
                        raise
                    self._pause(member, failure)
                    if failure.kind is not Fault.RATE_LIMIT or member.out or self.stopping:
                        raise

    async def _exchange(self, member: Member, request: Request, key: str, tokens: int) -> Call:
        """Write the call's row, send it, write what came. No await between answer and row."""
        spec = member.spec
        call_id = calls.send(self._store, call_row(member, request, key, self._job.job.id))
        try:
            reply = await self._within_deadline(member, request)
        except CallFailed as failure:
            calls.fail(self._store, call_id, failure.kind.value, str(failure))
            raise
        except Cancelled:
            # A local model breaks off between two steps: its row stays as sent, to be sent again.
            self.cancelled = True
            raise NotSent from None
        member.account.answered()
        member.standing.answered()
        if reply.output_tokens is not None and spec.tokens_per_minute:
            took = (reply.input_tokens or 0) + reply.output_tokens
            surplus = member.gap_s(took) - member.gap_s(tokens)
            paces.delay(self._store, _pace_name(member), surplus)
        calls.finish(self._store, call_id, answer_row(reply, member.cost(reply)))
        answered = calls.by_key(self._store, key)
        assert answered is not None
        return answered

    async def _within_deadline(self, member: Member, request: Request) -> Reply:
        """A body that drips passes every timeout of a read: the whole call has one deadline."""
        seconds = member.spec.timeout_s if member.spec.provider in REMOTE else None
        try:
            async with asyncio.timeout(seconds):
                return await member.teacher.ask(request)
        except TimeoutError:
            raise CallFailed(Fault.TIMEOUT, f"no answer within {seconds:g} s") from None

    @asynccontextmanager
    async def _slot(self, member: Member, tokens: int) -> AsyncIterator[None]:
        """A place in flight, at a moment that all limits allow. Raises NotSent."""
        # One task a teacher waits for the moment; the others stand in line behind it.
        async with member.turn:
            while True:
                await member.account.enter()
                await self._in_flight.acquire()
                self._look()
                if self.stopping or member.out:
                    await self._leave(member)
                    raise NotSent
                wait = paces.take(
                    self._store, member.account.name, _pace_name(member), member.gap_s(tokens)
                )
                if wait == 0.0:
                    break
                await self._leave(member)
                await self._sleep(wait)
        try:
            yield
        finally:
            await self._leave(member)

    async def _leave(self, member: Member) -> None:
        self._in_flight.release()
        await member.account.leave()

    def _pause(self, member: Member, failure: CallFailed) -> None:
        wait = member.account.too_many(failure.retry_after)
        paces.pause(self._store, member.account.name, now() + wait, failure.kind.value)

    def _may_pass(self, fault: BaseException, member: Member) -> bool:
        return (
            isinstance(fault, CallFailed)
            and fault.kind in PASSING
            and member.out is None
            and not self.stopping
        )

    def _judge(self, member: Member, request: Request, failure: CallFailed) -> None:
        """What a failed call says about its provider and its teacher; new reasons are logged."""
        match failure.kind:
            case Fault.AUTH | Fault.QUOTA:
                member.account.out = member.account.out or str(failure)
            case Fault.MODEL:
                member.standing.out = str(failure)
            case kind if kind in PASSING:
                member.account.failed(str(failure))
            case _:
                member.standing.failed(str(failure))
        self._say(f"{member.row.name}, {request.role}: {failure} ({failure.kind})")
        if member.out:
            self._say(f"{member.row.name} is not asked any more: {member.out}")

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._job.log(line)

    def _look(self) -> None:
        """See whether a person cancelled: nothing more is sent then, what is in flight ends."""
        try:
            self._job.check_cancelled()
        except Cancelled:
            self.cancelled = True

    async def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until there is nothing more to send."""
        until = now() + seconds
        while not self.stopping and (left := until - now()) > 0:
            await asyncio.sleep(min(left, LOOK_EVERY_S))
            self._look()


def call_row(member: Member, request: Request, key: str, job_id: int) -> dict[str, Any]:
    """A call about to be sent, as the ledger has it."""
    return {
        "key": key,
        "job_id": job_id,
        "teacher": member.row.name,
        "provider": member.spec.provider,
        "model": member.spec.model,
        "role": request.role.value,
        "prompt": request.prompt,
        "prompt_hash": prompt_hash(request.prompt),
        "origin": "simulated" if member.row.simulated else "asked",
    }


def answer_row(reply: Reply, cost_usd: float | None) -> dict[str, Any]:
    """What came back, as the ledger has it."""
    return {
        "text": reply.text,
        "finish": reply.finish.value,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cost_usd": cost_usd,
    }


def _pace_name(member: Member) -> str:
    return f"{member.account.name} / {member.spec.model}"
