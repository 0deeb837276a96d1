"""The body of the committee's work: all missing calls, each through the ledger.

For every mistake each teacher writes a rationale and feedback; as soon as a rationale is there, the
other teachers review it (arXiv 2410.03663, section 3.2). What is written already is left alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from db import calls, committee, exams, mentors
from db.calls import Call
from db.committee import RationaleRow
from db.exams import AnswerRow
from fair_app.committee.account import Account, account_name
from fair_app.committee.asking import Asking, Member
from fair_app.committee.base import Access, Finish, Request, Role, TeacherSpec
from fair_app.committee.batching import Batching
from fair_app.committee.budget import Budget
from fair_app.committee.prices import price_of
from fair_app.committee.prompts import Prompts
from fair_app.committee.registry import build
from fair_app.committee.scores import read_score
from fair_app.committee.thoughts import without_thoughts
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.jobs.context import JobContext
from fair_app.stored_questions import as_question
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task_of

Ask = Callable[[Member, Request], Awaitable[Call | None]]
"""Gives the finished call for a request, or None."""
STAGE = "asking the teachers"
BACKLOG = 256
"""Reviews that may wait for one teacher before the others write on: so memory stays flat."""


def run(job: JobContext) -> dict[str, Any]:
    """Collect what the project's committee has not written yet about its mistakes.

    Parameters: concurrency (calls in flight), budget_usd (what all calls of the project may cost),
    batch (whether providers that have batches are asked in them), review_mentor (whether the
    mentor's rationales are reviewed too), and where it is not the project's exam whose mistakes are
    taught, exam.
    Result: calls, cached, failed, left, attempts, input_tokens, output_tokens, rationales,
    feedback, reviews, cost_usd, unpriced, stopped_by_budget, out (teacher to reason).
    """
    project = job.project
    exam_id = job.params.get("exam") or project.exam_id
    if exam_id is None:
        raise BadInput(f"{project.name} has no exam yet: run the exam first.")
    with job.device() if _computes(job) else nullcontext():
        collector = asyncio.run(_collect(job, exam_id))
    tallies = calls.tally_of_job(job.store, job.job.id)
    total = {
        name: sum(getattr(one, name) for one in tallies)
        for name in (
            *("sent", "done", "failed", "attempts"),
            *("input_tokens", "output_tokens", "cost_usd", "unpriced"),
        )
    }
    if total["failed"] and not total["done"] and not collector.asking.cached:
        worst = calls.failures(job.store, project.id)[0]
        raise WorkFailed(f"No call gave an answer: {worst.teacher}: {worst.message}")
    if collector.asking.cached:
        job.log(f"{collector.asking.cached:,} answers stood in the ledger already, at no cost")
    return {
        "calls": total.pop("sent") + total.pop("done") + total["failed"],
        "cached": collector.asking.cached,
        **total,
        "left": sum(one.calls for one in collector.missing()),
        **committee.counts(job.store, project.id, exam_id),
        "stopped_by_budget": collector.asking.budget.exhausted,
        "out": {one.row.name: one.out for one in collector.members if one.out},
    }


def _computes(job: JobContext) -> bool:
    """Whether a teacher is a model of this machine, so that the job needs the device."""
    members = committee.teachers(job.store, job.project.id)
    return any(row.spec.get("provider") == "local" for row in members)


async def _collect(job: JobContext, exam_id: int) -> "Collector":
    """Build the teachers, ask for all that is missing, close them."""
    collector = Collector(job, exam_id)
    batching = Batching(job, collector.access, collector.asking)
    try:
        await batching.fetch(wait=job.params.get("batch", False))
        if not job.params.get("batch", False):
            await collector.collect(collector.asking.ask)
        else:
            while True:
                await collector.collect(batching.ask)
                if not batching.wants_more:
                    break
                await batching.submit()
                await batching.fetch()
    finally:
        for member in collector.members:
            await member.teacher.close()
    if collector.asking.cancelled:
        raise Cancelled
    return collector


class Collector:
    """One pass over the mistakes of an exam."""

    def __init__(self, job: JobContext, exam_id: int) -> None:
        project = job.project
        self._job = job
        self._store = job.store
        self._exam_id = exam_id
        self._task = task_of(project)
        self._prompts = Prompts(committee.templates(self._store, project.id))
        self._concurrency = job.params["concurrency"]
        self._review_mentor = job.params.get("review_mentor", False)
        cap = job.params.get("budget_usd")
        self.access = Access(job.settings, job.keys, job.check_cancelled)
        self.members = self._build_members()
        if cap is not None and (unknown := [one for one in self.members if one.price is None]):
            raise BadInput(
                f"Nobody knows what {unknown[0].row.name} ({unknown[0].spec.model}) costs, so that "
                "a budget cannot hold: give its price in the committee, or ask without a budget."
            )
        self.asking = Asking(
            job, Budget(cap, calls.spent(self._store, project.id)), self._concurrency
        )
        self._mistakes = exams.answer_ids(self._store, exam_id, "wrong")
        self._backlogs = {one.row.id: asyncio.Semaphore(BACKLOG) for one in self.members}
        self._total = len(self._mistakes) * len(self.members) * (len(self.members) + 1)
        if self._review_mentor:
            self._total += len(self.members) * self._mentors_rationales()
        self._done = 0

    def _build_members(self) -> list[Member]:
        rows = [
            row
            for row in committee.teachers(self._store, self._job.project.id)
            if row.origin == "committee"
        ]
        if not rows:
            raise BadInput("The committee has no teacher that can be asked: choose its teachers.")
        accounts: dict[str, Account] = {}
        members = []
        for row in rows:
            spec = TeacherSpec.model_validate(row.spec)
            name = account_name(spec)
            account = accounts.setdefault(name, Account(name, self._concurrency))
            members.append(Member(row, build(spec, self.access), account, price_of(spec)))
        return members

    def missing(self) -> list[committee.Missing]:
        """What the committee has still to be asked."""
        return committee.missing(
            self._store,
            self._job.project.id,
            self._exam_id,
            review_mentor=self._review_mentor,
        )

    def _mentors_rationales(self) -> int:
        mentor = mentors.of_project(self._store, self._job.project.id)
        return mentors.written(self._store, mentor.id, self._exam_id) if mentor else 0

    async def collect(self, ask: Ask) -> None:
        """Let every teacher walk through the mistakes at its own pace, asking with `ask`."""
        self._ask = ask
        self._done = self._total - sum(one.calls for one in self.missing())
        self._advance(0)
        try:
            async with asyncio.TaskGroup() as group:
                for member in self.members:
                    mistakes = iter(self._mistakes)
                    for _ in range(self._concurrency):
                        group.create_task(self._write(member, mistakes, group))
                if self._review_mentor:
                    group.create_task(self._have_mentor_reviewed(group))
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None

    async def _write(
        self, author: Member, mistakes: Iterator[int], group: asyncio.TaskGroup
    ) -> None:
        """A teacher's rationales and feedback, one mistake after the other."""
        for answer_id in mistakes:
            if self.asking.stopping or author.out:
                return
            mistake = exams.answer(self._store, answer_id)
            assert mistake is not None
            rationale, has_feedback = committee.written_by(
                self._store, author.row.id, mistake.question_id, mistake.id
            )
            feedback = None if has_feedback else self._give_feedback(mistake, author)
            await asyncio.gather(
                self._have_reviewed(mistake, author, rationale, group), *[feedback] * bool(feedback)
            )
            # A pass over what is written never waits: let the other tasks have their turn.
            await asyncio.sleep(0)

    async def _have_reviewed(
        self,
        mistake: AnswerRow,
        author: Member,
        rationale: RationaleRow | None,
        group: asyncio.TaskGroup,
    ) -> None:
        """Write the rationale where it is missing, and set its missing reviews going."""
        rationale = rationale or await self._write_rationale(mistake, author)
        if rationale is not None and rationale.finish == Finish.COMPLETE:
            await self._set_reviews_going(mistake, rationale, group)

    async def _have_mentor_reviewed(self, group: asyncio.TaskGroup) -> None:
        """Set the missing reviews of the mentor's rationales going."""
        for answer_id in self._mistakes:
            mistake = exams.answer(self._store, answer_id)
            assert mistake is not None
            for rationale in mentors.rationales_on(
                self._store, self._job.project.id, mistake.question_id
            ):
                if self.asking.stopping:
                    return
                await self._set_reviews_going(mistake, rationale, group)
            await asyncio.sleep(0)

    async def _set_reviews_going(
        self, mistake: AnswerRow, rationale: RationaleRow, group: asyncio.TaskGroup
    ) -> None:
        written = committee.reviewers_of(self._store, rationale.id)
        for reviewer in self.members:
            its_own = reviewer.row.id == rationale.teacher_id
            if its_own or reviewer.row.id in written or reviewer.out:
                continue
            backlog = self._backlogs[reviewer.row.id]
            await backlog.acquire()
            review = group.create_task(self._review(mistake, rationale, reviewer))
            review.add_done_callback(partial(_release, backlog))

    async def _write_rationale(self, mistake: AnswerRow, author: Member) -> RationaleRow | None:
        question = as_question(mistake)
        prompt = self._prompts.rationale(self._task.prompt(question))
        call = await self._ask(author, self._request(Role.RATIONALE, prompt, question))
        if call is None:
            return None
        text, finish = _answer(call)
        grade = self._task.grade(text or "", question)
        rationale_id = committee.add_rationale(
            self._store,
            {
                "question_id": mistake.question_id,
                "teacher_id": author.row.id,
                "call_id": call.id,
                "text": text,
                "finish": finish,
                "prediction": grade.prediction,
                "correct": int(grade.correct),
                "prompt": self._prompts.hash(Role.RATIONALE),
            },
        )
        self._advance()
        return committee.rationale(self._store, rationale_id)

    async def _give_feedback(self, mistake: AnswerRow, teacher: Member) -> None:
        question, answer = as_question(mistake), mistake.text or ""
        prompt = self._prompts.feedback(question, answer)
        request = self._request(Role.FEEDBACK, prompt, question, student_answer=answer)
        call = await self._ask(teacher, request)
        if call is None:
            return
        text, finish = _answer(call)
        committee.add_feedback(
            self._store,
            {
                "answer_id": mistake.id,
                "teacher_id": teacher.row.id,
                "call_id": call.id,
                "text": text,
                "finish": finish,
                "prompt": self._prompts.hash(Role.FEEDBACK),
            },
        )
        self._advance()

    async def _review(self, mistake: AnswerRow, rationale: RationaleRow, reviewer: Member) -> None:
        """Ask for a score; where none can be read, ask once more, and then there is none."""
        question, text = as_question(mistake), rationale.text or ""
        first = self._request(
            Role.REVIEW,
            self._prompts.review(question, text),
            question,
            rationale=text,
            author=rationale.teacher,
        )
        call = await self._ask(reviewer, first)
        if call and call.finish == Finish.COMPLETE and _score(call) is None:
            call = await self._ask(reviewer, replace(first, again=1))
        if call is None:
            return
        committee.add_review(
            self._store,
            {
                "rationale_id": rationale.id,
                "reviewer_id": reviewer.row.id,
                "call_id": call.id,
                "text": call.text,
                "score": _score(call),
                "prompt": self._prompts.hash(Role.REVIEW),
            },
        )
        self._advance()

    def _request(self, role: Role, prompt: str, question: Question, **more: Any) -> Request:
        return Request(role, prompt, self._task.name, question, **more)

    def _advance(self, calls_ended: int = 1) -> None:
        self._done += calls_ended
        self._job.progress(STAGE, self._done, self._total)


def _answer(call: Call) -> tuple[str | None, str | None]:
    """What a call says without thoughts, and how it ended; thoughts alone are no answer."""
    if call.text is None or call.finish != Finish.COMPLETE:
        return call.text, call.finish
    text, has_answer = without_thoughts(call.text)
    return text, Finish.COMPLETE.value if has_answer else Finish.EMPTY.value


def _score(call: Call) -> int | None:
    """A complete review's score; what is cut off or blocked has none."""
    return read_score(call.text or "") if call.finish == Finish.COMPLETE else None


def _release(backlog: asyncio.Semaphore, review: "asyncio.Task[None]") -> None:
    backlog.release()
