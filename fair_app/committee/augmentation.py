"""The body of an augmentation: the mentor writes further rationales of the exam's mistakes.

It is asked several times as the student was asked, each time with a seed of its own. An answer
stands in the ledger and is counted from the moment that it is there; when all of a question are,
the right and new ones become the mentor's rationales. So a run that was cut off asks for what is
missing alone, and neither repeats nor loses a rationale.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from db import calls, committee, exams, mentors
from db.calls import Call
from db.exams import AnswerRow
from db.store import writing
from fair_app.committee.base import Finish, Role
from fair_app.committee.ledger import present_mentor, sample_key
from fair_app.committee.prompts import prompt_hash
from fair_app.committee.thoughts import without_thoughts
from fair_app.curation.acceptance import MENTOR
from fair_app.curation.augmentation import outcomes
from fair_app.jobs.context import JobContext
from fair_app.stored_questions import as_question
from fair_app.student.at_work import student_at_work
from fair_app.student.base import Completion, Decoding
from fair_app.student.registry import parse_ref
from fair_app.tasks.registry import task_of

STAGE = "the mentor writes"


def run(job: JobContext) -> dict[str, Any]:
    """Let the mentor write what is missing of `k` answers a mistake.

    Parameters: those of `fair_app.studio.mentor.augment_params`. Result: student, k, questions,
    samples, right, kept, wrong, duplicates, incomplete (of this run's settings, those from before
    among them), cached (taken from the ledger), rationales (all of the mentor's so far), seconds,
    warning.
    """
    return _Augmentation(job).run()


@dataclass(frozen=True)
class _Wanted:
    """One answer that is to be there: to which mistake, which of the k, under which key."""

    mistake: AnswerRow
    number: int
    prompt: str
    seed: int
    key: str


class _Augmentation:
    """One pass over the mistakes of an exam."""

    def __init__(self, job: JobContext) -> None:
        params = job.params
        self._job, self._store, self._task = job, job.store, task_of(job.project)
        self._mentor: int = params["mentor"]
        self._model: str = params["student"]
        found = parse_ref(self._model, job.settings.checkpoints, job.settings.models)
        chosen = committee.teacher(job.store, self._mentor).spec_hash
        self._key = present_mentor(chosen, self._model, found)
        self._decoding = Decoding(**params["decoding"])
        mistakes = exams.answers(job.store, params["exam"], "wrong", params["limit"] or -1)
        self._wanted = [one for mistake in mistakes for one in self._wanted_of(mistake)]
        self._questions = len(mistakes)
        self._left: dict[int, set[str]] = defaultdict(set)
        self._done = 0
        self._cached = 0

    def run(self) -> dict[str, Any]:
        """Take from the ledger what is there, ask for the rest, say what came of it."""
        job, since = self._job, time.monotonic()
        if job.params["warning"]:
            job.log(job.params["warning"])
        there = mentors.asked(
            self._store, self._mentor, {one.mistake.question_id for one in self._wanted}
        )
        missing = [one for one in self._wanted if _place(one) not in there]
        self._done = len(self._wanted) - len(missing)
        for one in missing:
            self._left[one.mistake.question_id].add(one.key)
        # A run for more answers may have been given up: what there is of them is settled too.
        whole = {one.mistake.question_id for one in self._wanted} - self._left.keys()
        with writing(self._store):
            for question_id in sorted(whole):
                self._settle(question_id)
        # The same question may be there twice, and is asked once.
        alike: dict[str, list[_Wanted]] = defaultdict(list)
        for one in missing:
            alike[one.key].append(one)
        for key in list(alike):
            known = calls.by_key(self._store, key)
            if known is not None and known.state == "done":
                self._cached += 1
                self._save(alike.pop(key), known)
        if alike:
            self._ask(list(alike.values()))
        return self._result(time.monotonic() - since)

    def _wanted_of(self, mistake: AnswerRow) -> Iterator[_Wanted]:
        question, params = as_question(mistake), self._job.params
        prompt = self._task.prompt(question)
        for number in range(params["k"]):
            decoding = replace(self._decoding, seed=self._decoding.seed + number)
            key = sample_key(self._key, decoding, params["prompts"], prompt, question.gold_text)
            yield _Wanted(mistake, number, prompt, decoding.seed, key)

    def _ask(self, asked: list[list[_Wanted]]) -> None:
        job, params = self._job, self._job.params
        total = len(self._wanted)
        with student_at_work(
            job,
            self._model,
            params["quantization"],
            params["prompts"],
            len(asked),
            (self._done, total),
        ) as student:
            job.log(f"{self._model}: {len(asked):,} answers to {self._questions:,} mistakes")
            job.progress(STAGE, self._done, total)
            answers = student.answer(
                [own[0].prompt for own in asked],
                self._decoding,
                job.check_cancelled,
                [own[0].seed for own in asked],
            )
            for index, completion in answers:
                with writing(self._store):
                    self._save(asked[index], self._entered(asked[index][0], completion))
                job.progress(STAGE, self._done, total)

    def _entered(self, one: _Wanted, completion: Completion) -> Call:
        """An answer of this machine in the ledger: nobody was paid for it."""
        finish = Finish.TRUNCATED if completion.truncated else Finish.COMPLETE
        if not completion.text.strip():
            finish = Finish.EMPTY
        call_id = calls.send(
            self._store,
            {
                "key": one.key,
                "job_id": self._job.job.id,
                "teacher": MENTOR,
                "provider": MENTOR,
                "model": self._model,
                "role": Role.RATIONALE.value,
                "prompt": one.prompt,
                "prompt_hash": prompt_hash(one.prompt),
                "origin": "asked",
            },
        )
        calls.finish(
            self._store,
            call_id,
            {
                "text": completion.text,
                "finish": finish.value,
                "output_tokens": completion.tokens,
                "cost_usd": 0.0,
            },
        )
        call = calls.by_key(self._store, one.key)
        assert call is not None
        return call

    def _save(self, alike: list[_Wanted], call: Call) -> None:
        """Count an answer; with the last of its question, keep those that are worth it."""
        text, complete = _answer(call.text), call.finish == Finish.COMPLETE
        with writing(self._store):
            for one in alike:
                mistake = one.mistake
                grade = self._task.grade(text, as_question(mistake))
                mentors.add_sample(
                    self._store,
                    {
                        "teacher_id": self._mentor,
                        "question_id": mistake.question_id,
                        "call_id": call.id,
                        "number": one.number,
                        "prediction": grade.prediction,
                        "correct": int(grade.correct and complete and bool(text)),
                    },
                )
                self._left[mistake.question_id].discard(one.key)
                if not self._left[mistake.question_id]:
                    self._settle(mistake.question_id)
        self._done += len(alike)

    def _settle(self, question_id: int) -> None:
        samples = [
            replace(one, text=_answer(one.text))
            for one in mentors.unsettled(self._store, self._mentor, question_id)
        ]
        known = mentors.texts_on(self._store, self._job.project.id, question_id)
        for sample, outcome in zip(samples, outcomes(samples, known), strict=True):
            mentors.settle(self._store, sample, self._mentor, outcome, sample.text or "")

    def _result(self, seconds: float) -> dict[str, Any]:
        found = mentors.came_of(self._store, self._mentor, [one.key for one in self._wanted])
        total = mentors.tally(self._store, self._mentor)
        if not committee.teacher(self._store, self._mentor).active:
            self._job.log("Another mentor was chosen meanwhile: these rationales are not shown.")
        return {
            "student": self._model,
            "k": self._job.params["k"],
            "questions": self._questions,
            "samples": len(self._wanted),
            "right": found.right,
            "kept": found.kept,
            "wrong": found.wrong,
            "duplicates": found.duplicates,
            "incomplete": found.incomplete,
            "cached": self._cached,
            "rationales": total.kept,
            "seconds": round(seconds, 2),
            "warning": self._job.params["warning"],
        }


def _answer(text: str | None) -> str:
    """What a mentor's answer says without thoughts; thoughts alone say nothing."""
    said, is_answer = without_thoughts(text or "")
    return said if is_answer else ""


def _place(one: _Wanted) -> tuple[int, str]:
    return one.mistake.question_id, one.key
