"""The body of an exam and of an evaluation: the student answers, each answer is graded and saved.

One code for both (the reference asks its exam and its test differently; here they cannot differ).
A run that was cut off goes on with the questions that have no answer yet.
"""

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from db import exams, projects
from db.exams import AnswerRow
from db.store import writing
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import wilson
from fair_app.jobs.context import JobContext
from fair_app.stored_questions import as_question, store_questions
from fair_app.student.base import DECODINGS, Completion, Decoding
from fair_app.student.generation import TransformersStudent
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.tasks.base import Task
from fair_app.tasks.registry import task as task_named

PURPOSES = {"exam": "exam", "evaluate": "evaluation"}


def run(job: JobContext) -> dict[str, Any]:
    """Put every unanswered question of the exam that the job's parameters describe.

    Parameters: student, task, split, rows, limit, decoding, max_new_tokens, quantization.
    Result: exam, questions, correct, mistakes, accuracy, ci95, seconds, tokens_per_second.
    """
    task = task_named(job.params["task"])
    exam_id = _prepare(job, task)
    waiting = exams.unanswered(job.store, exam_id)
    if waiting:
        with job.device():
            _answer(job, task, exams.get(job.store, exam_id), waiting)
    return _result(job, exam_id)


def _prepare(job: JobContext, task: Task) -> int:
    """Find the exam with these very settings and questions, or create it."""
    params, project = job.params, job.project
    rows = Path(params["rows"]) if params["rows"] else None
    job.progress("reading the questions", 0, 0)
    asked = task.load(params["split"], rows, params["limit"])
    if not asked:
        raise BadInput(f"The {params['split']} split of {task.name} has no question to ask.")
    decoding = asdict(DECODINGS[params["decoding"]])
    if params["max_new_tokens"]:
        decoding["max_new_tokens"] = params["max_new_tokens"]
    prompts = json.dumps([task.prompt(question) for question in asked])
    settings = {
        "decoding": decoding,
        "quantization": params["quantization"],
        "prompts": hashlib.sha256(prompts.encode()).hexdigest()[:16],
    }
    wanted = (params["student"], task.name, params["split"], settings)
    purpose = PURPOSES[job.job.kind]
    with writing(job.store):
        ids = store_questions(job.store, project.id, task.name, params["split"], asked)
        exam_id = next(
            (
                exam.id
                for exam in exams.of_project(job.store, project.id, purpose)
                if (exam.student, exam.task, exam.split, exam.settings) == wanted
                and exams.question_ids(job.store, exam.id) == ids
            ),
            None,
        ) or exams.add(
            job.store,
            project.id,
            purpose=purpose,
            student=params["student"],
            task=task.name,
            split=params["split"],
            settings=settings,
            question_ids=ids,
        )
        if purpose == "exam":
            projects.set_exam(job.store, project.id, exam_id, params["student"])
    return exam_id


def _answer(job: JobContext, task: Task, exam: exams.Exam, waiting: list[AnswerRow]) -> None:
    before = exams.counts(job.store, exam.id)
    job.progress("loading the student", before.answered, before.questions)
    ref = parse_ref(exam.student, job.settings.checkpoints, job.settings.models)
    student = TransformersStudent(load(ref, exam.settings["quantization"]))
    exams.describe(job.store, exam.id, student.description)
    job.log(f"{exam.student}: {len(waiting)} questions to answer")
    answered, correct = before.answered, before.correct
    prompts = [task.prompt(as_question(row)) for row in waiting]
    job.progress("answering", answered, before.questions)
    since = time.monotonic()
    decoding = Decoding(**exam.settings["decoding"])
    for index, completion in student.answer(prompts, decoding, job.check_cancelled):
        with writing(job.store):
            right = _save(job, task, waiting[index], completion)
            exams.add_seconds(job.store, exam.id, time.monotonic() - since)
        since = time.monotonic()
        answered, correct = answered + 1, correct + right
        job.metrics(answered, {"accuracy": correct / answered})
        job.progress("answering", answered, before.questions)


def _save(job: JobContext, task: Task, row: AnswerRow, completion: Completion) -> bool:
    grade = task.grade(completion.text, as_question(row))
    start, end = grade.span or (None, None)
    exams.save_answer(
        job.store,
        row.id,
        {
            "text": completion.text,
            "tokens": completion.tokens,
            "truncated": int(completion.truncated),
            "prediction": grade.prediction,
            "span_start": start,
            "span_end": end,
            "rule": grade.rule,
            "correct": int(grade.correct),
        },
    )
    return grade.correct


def _result(job: JobContext, exam_id: int) -> dict[str, Any]:
    counts = exams.counts(job.store, exam_id)
    seconds = exams.get(job.store, exam_id).seconds
    return {
        "exam": exam_id,
        "questions": counts.questions,
        "correct": counts.correct,
        "mistakes": counts.questions - counts.correct,
        "accuracy": counts.correct / counts.questions,
        "ci95": list(wilson(counts.correct, counts.questions)),
        "seconds": round(seconds, 2),
        "tokens_per_second": round(counts.tokens / seconds, 1) if seconds else 0.0,
    }
