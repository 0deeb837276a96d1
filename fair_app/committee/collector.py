"""The body of the committee's work: all missing calls, through the ledger.

For every mistake each teacher writes a rationale and feedback; as soon as a rationale is there, the
other teachers review it (arXiv 2410.03663, section 3.2). A call is a row before it is sent; a
finished one is taken from the ledger and not sent again; a failed one is retried by the next run.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from db import calls, committee, exams
from db.exams import AnswerRow
from fair_app.committee import prompts
from fair_app.committee.base import CallFailed, Request, Role, Teacher, TeacherSpec
from fair_app.committee.ledger import call_key
from fair_app.committee.registry import build
from fair_app.committee.scores import read_score
from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs.context import JobContext
from fair_app.stored_questions import as_question
from fair_app.tasks.base import Question, Task
from fair_app.tasks.registry import task as task_named

COMPLETE = "complete"


@dataclass(frozen=True)
class Member:
    """A teacher of the project: its row and what answers for it."""

    row: committee.TeacherRow
    teacher: Teacher


def run(job: JobContext) -> dict[str, Any]:
    """Collect what the project's committee has not written yet about its mistakes.

    Parameters: concurrency (calls in flight).
    Result: calls, cached, failed, rationales, feedback, reviews, cost_usd, stopped_by_budget,
    failures (teacher, role, kind, message, count).
    """
    project = job.project
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet: run the exam first.")
    collector = Collector(job, task_named(project.task), project.exam_id)
    asyncio.run(collector.collect())
    if collector.sent and collector.sent == collector.failed:
        raise WorkFailed(f"No call gave an answer: {collector.failures.most_common(1)[0][0][3]}")
    return {
        "calls": collector.sent,
        "cached": collector.cached,
        "failed": collector.failed,
        **committee.counts(job.store, project.id, project.exam_id),
        "cost_usd": 0.0,
        "stopped_by_budget": False,
        "failures": [
            {"teacher": teacher, "role": role, "kind": kind, "message": message, "count": count}
            for (teacher, role, kind, message), count in collector.failures.most_common()
        ],
    }


class Collector:
    """One pass over the mistakes of an exam."""

    def __init__(self, job: JobContext, task: Task, exam_id: int) -> None:
        self.sent = self.cached = self.failed = 0
        self.failures: Counter[tuple[str, str, str, str]] = Counter()
        self._job = job
        self._task = task
        self._store = job.store
        self._members = [
            Member(row, build(TeacherSpec.model_validate(row.spec)))
            for row in committee.teachers(self._store, job.project.id)
            if row.origin == "committee"
        ]
        if not self._members:
            raise BadInput("The committee has no teacher that can be asked: choose its teachers.")
        self._mistakes = exams.answers(self._store, exam_id, "wrong")
        project_id = job.project.id
        self._rationales = {
            (one.question_id, one.teacher_id): one
            for one in committee.rationales(self._store, project_id)
        }
        self._feedback = {
            (one.answer_id, one.teacher_id) for one in committee.feedback(self._store, exam_id)
        }
        self._reviews = {
            (one.rationale_id, one.reviewer_id)
            for one in committee.reviews(self._store, project_id)
        }
        self._in_flight = asyncio.Semaphore(job.params["concurrency"])
        self._done = len(self._feedback) + len(self._rationales) + len(self._reviews)
        teachers = len(self._members)
        self._total = len(self._mistakes) * (2 * teachers + teachers * (teachers - 1))

    async def collect(self) -> None:
        """Take mistakes from one queue into as many lanes as calls may be in flight."""
        queue = iter(self._mistakes)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._job.params["concurrency"]):
                    group.create_task(self._lane(queue))
        except ExceptionGroup as faults:
            # Every lane is told of a cancel or a fault; one of them is the reason.
            raise faults.exceptions[0] from None
        self._job.progress("asking the teachers", self._total, self._total)

    async def _lane(self, queue: Iterator[AnswerRow]) -> None:
        for mistake in queue:
            self._job.check_cancelled()
            await asyncio.gather(
                *(self._rationale_and_reviews(mistake, author) for author in self._members),
                *(self._give_feedback(mistake, teacher) for teacher in self._members),
            )
            # A pass over the ledger never waits: let the other lanes have their turn.
            await asyncio.sleep(0)

    async def _rationale_and_reviews(self, mistake: AnswerRow, author: Member) -> None:
        rationale = self._rationales.get((mistake.question_id, author.row.id))
        if rationale is None:
            rationale = await self._write_rationale(mistake, author)
        if rationale is None or rationale.finish != COMPLETE:
            return
        reviewers = [member for member in self._members if member.row.id != author.row.id]
        await asyncio.gather(
            *(
                self._review(mistake, author, rationale, reviewer)
                for reviewer in reviewers
                if (rationale.id, reviewer.row.id) not in self._reviews
            )
        )

    async def _write_rationale(
        self, mistake: AnswerRow, author: Member
    ) -> committee.RationaleRow | None:
        question = as_question(mistake)
        prompt = prompts.rationale_prompt(self._task.prompt(question))
        call = await self._ask(author, self._request(Role.RATIONALE, prompt, question))
        if call is None:
            return None
        grade = self._task.grade(call.text or "", question)
        rationale_id = committee.add_rationale(
            self._store,
            {
                "question_id": mistake.question_id,
                "teacher_id": author.row.id,
                "call_id": call.id,
                "text": call.text,
                "finish": call.finish,
                "prediction": grade.prediction,
                "correct": int(grade.correct),
            },
        )
        return committee.rationale(self._store, rationale_id)

    async def _give_feedback(self, mistake: AnswerRow, teacher: Member) -> None:
        if (mistake.id, teacher.row.id) in self._feedback:
            return
        question = as_question(mistake)
        answer = mistake.text or ""
        request = self._request(
            Role.FEEDBACK,
            prompts.feedback_prompt(question, answer),
            question,
            student_answer=answer,
        )
        if call := await self._ask(teacher, request):
            committee.add_feedback(
                self._store,
                {
                    "answer_id": mistake.id,
                    "teacher_id": teacher.row.id,
                    "call_id": call.id,
                    "text": call.text,
                    "finish": call.finish,
                },
            )

    async def _review(
        self,
        mistake: AnswerRow,
        author: Member,
        rationale: committee.RationaleRow,
        reviewer: Member,
    ) -> None:
        question = as_question(mistake)
        text = rationale.text or ""
        request = self._request(
            Role.REVIEW,
            prompts.review_prompt(question, text),
            question,
            rationale=text,
            author=author.row.name,
        )
        if call := await self._ask(reviewer, request):
            committee.add_review(
                self._store,
                {
                    "rationale_id": rationale.id,
                    "reviewer_id": reviewer.row.id,
                    "call_id": call.id,
                    "text": call.text,
                    "score": read_score(call.text or "") if call.finish == COMPLETE else None,
                },
            )

    def _request(self, role: Role, prompt: str, question: Question, **more: str) -> Request:
        return Request(role, prompt, self._task.name, question, **more)

    async def _ask(self, member: Member, request: Request) -> calls.Call | None:
        """The finished call for a request, from the ledger or from the teacher; None if it failed.

        No await stands between this call's answer and the row that its caller writes from it; a
        process killed in between finds the finished call in the ledger again.
        """
        key = call_key(member.teacher.spec, request)
        known = calls.by_key(self._store, key)
        if known is not None and known.state == "done":
            self.cached += 1
            self._advance()
            return known
        async with self._in_flight:
            self._job.check_cancelled()
            call_id = calls.send(
                self._store,
                {
                    "key": key,
                    "provider": member.teacher.spec.provider,
                    "model": member.teacher.spec.model,
                    "role": request.role.value,
                    "prompt": request.prompt,
                    "prompt_hash": prompts.prompt_hash(request.prompt),
                    "origin": "simulated" if member.row.simulated else "asked",
                },
            )
            self.sent += 1
            try:
                reply = await member.teacher.ask(request)
            except CallFailed as failure:
                self._note_failure(member, request, call_id, failure)
                return None
        calls.finish(
            self._store,
            call_id,
            {
                "text": reply.text,
                "finish": reply.finish,
                "input_tokens": reply.input_tokens,
                "output_tokens": reply.output_tokens,
                "cost_usd": 0.0 if reply.simulated else None,
            },
        )
        self._advance()
        return calls.by_key(self._store, key)

    def _note_failure(
        self, member: Member, request: Request, call_id: int, failure: CallFailed
    ) -> None:
        calls.fail(self._store, call_id, failure.kind, str(failure))
        self.failed += 1
        reason = (member.row.name, request.role.value, failure.kind, str(failure))
        if not self.failures[reason]:
            self._job.log(f"{member.row.name}, {request.role}: {failure} ({failure.kind})")
        self.failures[reason] += 1
        self._advance()

    def _advance(self) -> None:
        self._done += 1
        self._job.progress("asking the teachers", min(self._done, self._total), self._total)
