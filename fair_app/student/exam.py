"""The body of an exam and of an evaluation: the student answers, each answer is graded and saved.

One code for both (the reference asks its exam and its test differently; here they cannot differ).
A run that was cut off goes on with the questions that have no answer yet. With several seeds it is
one job, and in the store an evaluation a seed.
"""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from db import exams, projects
from db.evaluations import outcomes
from db.exams import AnswerRow, Exam, SampleRow
from db.store import writing
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import clustered, wilson
from fair_app.jobs.context import JobContext
from fair_app.stored_questions import as_question, store_questions
from fair_app.student.asked import asked_so, pace_of
from fair_app.student.at_work import student_at_work
from fair_app.student.base import Completion, Decoding, Student
from fair_app.student.fingerprint import fingerprint
from fair_app.student.registry import SERVER_KEY, parse_ref
from fair_app.student.voting import ballots, vote
from fair_app.tasks.base import Task
from fair_app.tasks.custom import TaskSpec
from fair_app.tasks.registry import task as task_named
from fair_app.tasks.registry import task_of

SETTLED = 64
"""From so many answers on, seconds a question hardly depend on how many were asked."""
PURPOSES = {"exam": "exam", "evaluate": "evaluation"}


def run(job: JobContext) -> dict[str, Any]:
    """Put every unanswered question of the exam that the job's parameters describe.

    Parameters: those of `fair_app.studio.exams.exam_params`. Result: exam, questions, correct,
    mistakes, accuracy, ci95, seconds, tokens_per_second, and with samples the mean agreement. With
    several seeds exam is the first seed's, correct, mistakes, accuracy and agreement are means, and
    exams and seeds have each one's.
    """
    task = _task(job)
    exam_ids = _prepare(job, task)
    missing = sum(len(exams.unanswered(job.store, exam_id)) for exam_id in exam_ids)
    if missing:
        with _student(job, exams.get(job.store, exam_ids[0]), missing) as student:
            for exam_id in exam_ids:
                # Another job may have answered them while this one waited for the device.
                if waiting := exams.unanswered(job.store, exam_id):
                    exam = exams.get(job.store, exam_id)
                    others = [other for other in exam_ids if other != exam_id]
                    _Answering(job, task, exam, waiting, others).run(student)
    return _result(job, exam_ids)


def _task(job: JobContext) -> Task:
    """The task to ask: read as the job says, else as its project reads it."""
    spec, name = job.params.get("task_spec"), job.params["task"]
    if spec is None and name == job.project.task:
        return task_of(job.project)
    return task_named(name, TaskSpec.model_validate(spec) if spec else None)


@contextmanager
def _student(job: JobContext, exam: Exam, questions: int) -> Iterator[Student]:
    """The student of an exam. One of this machine holds the device; one behind a server does not.

    Each is imported when it is needed: the one needs torch, the other an SDK.
    """
    settings = exam.settings
    if settings["server"]:
        from fair_app.student.served import ServedStudent

        key = job.keys.get(SERVER_KEY, SecretStr("")).get_secret_value().strip()
        yield ServedStudent(exam.student, settings["server"], key, prompts=settings["prompts"])
        return
    counts = exams.counts(job.store, exam.id)
    with student_at_work(
        job,
        exam.student,
        settings["quantization"],
        settings["prompts"],
        questions * settings["samples"],
        (counts.answered, counts.questions),
    ) as student:
        yield student


def _prepare(job: JobContext, task: Task) -> list[int]:
    """Find the exam with these settings that these questions repeat or go on with, or create it.

    One for each seed, in their order.
    """
    params, project = job.params, job.project
    rows = Path(params["rows"]) if params["rows"] else None
    job.progress("reading the questions", 0, 0)
    asked = task.load(params["split"], rows, params["limit"])
    if not asked:
        raise BadInput(
            f"The {params['split']} split of {task.name} has no question to ask: choose "
            "another split, or give the questions as a file (--rows)."
        )
    source = task.origin(params["split"], rows)
    prompts = [task.prompt(question) for question in asked]
    settings = {**asked_so(params), "put": _hash(prompts), **_own_reading(job), **_files(job)}
    decoding, samples = settings["decoding"], params["samples"]
    first = decoding["seed"]
    # The samples of a question are drawn with seeds that follow on each other.
    seeds = range(first, first + samples * params.get("seeds", 1), samples)
    every = [{**settings, "decoding": {**decoding, "seed": seed}} for seed in seeds]
    with writing(job.store):
        ids = store_questions(job.store, project.id, task.name, params["split"], asked)
        exam_ids = [_find_or_add(job, task.name, one, prompts, ids, source) for one in every]
        if job.job.kind == "exam":
            projects.set_exam(job.store, project.id, exam_ids[0], params["student"])
    return exam_ids


def _own_reading(job: JobContext) -> dict[str, Any]:
    """How a task of one's own was read and graded, where its project does not say so."""
    spec = job.params.get("task_spec")
    return {} if spec in (None, job.project.task_spec) else {"task_spec": spec}


def _files(job: JobContext) -> dict[str, str]:
    """What the student's files are, where its REF does not say so: with others it is another one,
    whose answers are not those of before. Raises BadInput when one cannot be read."""
    params, home = job.params, job.settings
    if params["server"]:
        return {}
    found = fingerprint(parse_ref(params["student"], home.checkpoints, home.models))
    return {"fingerprint": found} if found else {}


def _find_or_add(
    job: JobContext,
    task: str,
    settings: dict[str, Any],
    prompts: list[str],
    ids: list[int],
    source: dict[str, str],
) -> int:
    params, project, purpose = job.params, job.project, PURPOSES[job.job.kind]
    wanted = (params["student"], task, params["split"])
    for exam in exams.of_project(job.store, project.id, purpose):
        if (exam.student, exam.task, exam.split) != wanted:
            continue
        known = exams.question_ids(job.store, exam.id)
        same = {**settings, "put": _hash(prompts[: len(known)])}
        if (exam.settings, known) == (same, ids[: len(known)]):
            # What is answered stays; further questions come behind.
            exams.extend(job.store, exam.id, ids[len(known) :], settings)
            return exam.id
    return exams.add(
        job.store,
        project.id,
        purpose=purpose,
        student=params["student"],
        task=task,
        split=params["split"],
        settings=settings,
        question_ids=ids,
        source=source,
    )


def _hash(prompts: list[str]) -> str:
    """What all questions of an exam are put as, in short."""
    return hashlib.sha256(json.dumps(prompts).encode()).hexdigest()[:16]


class _Answering:
    """One run through the questions of an exam that are still to be answered.

    With several samples a question each has a seed of its own, which follows from its number: what
    is asked after an interruption is drawn as it would have been. A sample is saved when it comes,
    and the question is answered when all of its samples are there. Progress counts the answers of
    all seeds, those of `others` too.
    """

    def __init__(
        self,
        job: JobContext,
        task: Task,
        exam: Exam,
        waiting: list[AnswerRow],
        others: Sequence[int] = (),
    ) -> None:
        self._job, self._task, self._exam, self._waiting = job, task, exam, waiting
        self._decoding = Decoding(**exam.settings["decoding"])
        counted = [exams.counts(job.store, one) for one in (exam.id, *others)]
        self._questions = sum(one.questions for one in counted)
        self._answered = sum(one.answered for one in counted)
        self._correct = sum(one.correct for one in counted)
        self._samples: dict[int, dict[int, SampleRow]] = defaultdict(dict)
        for sample in exams.samples_to_vote_on(job.store, exam.id):
            self._samples[sample.answer_id][sample.number] = sample

    def run(self, student: Student) -> None:
        """Ask, grade and save, until every question is answered."""
        job, each = self._job, self._exam.settings["samples"]
        asked = [
            (row, number)
            for row in self._waiting
            for number in range(each)
            if number not in self._samples[row.id]
        ]
        usual = self._usual_seconds(student)
        self._describe(student)
        drawn = f", seed {self._decoding.seed}" if self._decoding.temperature else ""
        job.log(f"{self._exam.student}: {len(self._waiting)} questions to answer{drawn}")
        job.progress("answering", self._answered, self._questions, usual)
        since = time.monotonic()
        answers = student.answer(
            [self._task.prompt(as_question(row)) for row, _ in asked],
            self._decoding,
            job.check_cancelled,
            [self._decoding.seed + number for _, number in asked],
        )
        for index, completion in answers:
            row, number = asked[index]
            with writing(job.store):
                graded = (
                    self._save(row, completion)
                    if each == 1
                    else self._save_sample(row, number, completion, each)
                )
                exams.add_seconds(job.store, self._exam.id, time.monotonic() - since)
            since = time.monotonic()
            self._describe(student)
            if graded is not None:
                self._answered, self._correct = self._answered + 1, self._correct + graded
                job.metrics(self._answered, {"accuracy": self._correct / self._answered})
                job.progress("answering", self._answered, self._questions, usual)

    def _usual_seconds(self, student: Student) -> float | None:
        """Seconds a question when this student last sat this task in the same way, here.

        None where it did not, or answered too few questions to tell.
        """
        enough = min(SETTLED, len(self._waiting))
        wanted = _paced_by(self._exam.settings, student.description)
        for exam, answered in exams.sat_by(self._job.store, self._exam.student, self._exam.task):
            alike = _paced_by(exam.settings, exam.description) == wanted
            if alike and answered >= enough and exam.seconds:
                return exam.seconds / answered
        return None

    def _describe(self, student: Student) -> None:
        """Store what moves answers, again when it changes: a batch that memory made smaller."""
        if student.description != self._exam.description:
            described = dict(student.description)
            exams.describe(self._job.store, self._exam.id, described)
            self._exam = exams.get(self._job.store, self._exam.id)

    def _save_sample(
        self, row: AnswerRow, number: int, completion: Completion, each: int
    ) -> bool | None:
        """Save a sample; with the last, the voted answer too. Whether that is right, or None."""
        sample = SampleRow(
            row.id,
            number,
            completion.text,
            self._task.grade(completion.text, as_question(row)).prediction,
            completion.tokens,
            completion.truncated,
        )
        exams.add_sample(self._job.store, sample)
        self._samples[row.id][number] = sample
        if len(self._samples[row.id]) < each:
            return None
        samples = self._samples.pop(row.id)
        predictions = [samples[place].prediction for place in range(each)]
        voted = vote(ballots(predictions, self._task.grader))
        chosen = samples[voted.sample]
        return self._save(
            row, Completion(chosen.text, chosen.tokens, chosen.truncated), voted.agreement
        )

    def _save(self, row: AnswerRow, completion: Completion, agreement: float | None = None) -> bool:
        grade = self._task.grade(completion.text, as_question(row))
        start, end = grade.span or (None, None)
        exams.save_answer(
            self._job.store,
            row.id,
            {
                "text": completion.text,
                "tokens": completion.tokens,
                "truncated": int(completion.truncated),
                "agreement": agreement,
                "prediction": grade.prediction,
                "span_start": start,
                "span_end": end,
                "rule": grade.rule,
                "correct": int(grade.correct),
            },
        )
        return grade.correct


def _paced_by(settings: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    """What a pace depends on: how an exam asks, and what runs it but for its batch size."""
    return {**pace_of(settings), "description": {**description, "batch_size": None, "sent": None}}


def _result(job: JobContext, exam_ids: list[int]) -> dict[str, Any]:
    results = [_result_of(job, exam_id) for exam_id in exam_ids]
    if len(results) == 1:
        return results[0]
    runs = [outcomes(job.store, exam_id) for exam_id in exam_ids]
    found = clustered([[bool(run[question]) for question in runs[0]] for run in runs])
    questions = results[0]["questions"]
    seconds = sum(one["seconds"] for one in results)
    speeds = [one["seconds"] * one["tokens_per_second"] for one in results]
    agreed = [one["agreement"] for one in results if "agreement" in one]
    return {
        **results[0],
        **({"agreement": round(sum(agreed) / len(agreed), 4)} if agreed else {}),
        "exams": exam_ids,
        "correct": round(found.mean * questions, 4),
        "mistakes": round((1 - found.mean) * questions, 4),
        "accuracy": found.mean,
        "ci95": [found.low, found.high],
        "seconds": round(seconds, 2),
        "tokens_per_second": round(sum(speeds) / seconds, 1) if seconds else 0.0,
        "seeds": [
            {
                "seed": exams.get(job.store, one["exam"]).settings["decoding"]["seed"],
                **{key: one[key] for key in ("exam", "correct", "accuracy", "ci95")},
            }
            for one in results
        ],
    }


def _result_of(job: JobContext, exam_id: int) -> dict[str, Any]:
    counts = exams.counts(job.store, exam_id)
    seconds = exams.get(job.store, exam_id).seconds
    agreed = {} if counts.agreement is None else {"agreement": round(counts.agreement, 4)}
    return {
        "exam": exam_id,
        "questions": counts.questions,
        "correct": counts.correct,
        "mistakes": counts.questions - counts.correct,
        "accuracy": counts.correct / counts.questions,
        "ci95": list(wilson(counts.correct, counts.questions)),
        "seconds": round(seconds, 2),
        "tokens_per_second": round(counts.tokens / seconds, 1) if seconds else 0.0,
        **agreed,
    }
