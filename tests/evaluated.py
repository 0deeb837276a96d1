"""Evaluations for tests, written through the store as a job would leave them, without a model."""

import random
from collections.abc import Sequence
from itertools import count
from typing import Any

from db import exams
from db.exams import Exam
from db.projects import Project
from db.store import connect, writing
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio.projects import create_project
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task as task_named

NAMES = count(1)
STUDENTS = ("smollm2-135m", "checkpoint:first", "checkpoint:second")
GREEDY: dict[str, Any] = {"name": "greedy", "temperature": 0.0, "max_new_tokens": 256, "seed": 731}


def sampled(seed: int) -> dict[str, Any]:
    """The paper's decoding with a seed."""
    return {"name": "paper", "temperature": 0.3, "max_new_tokens": 512, "seed": seed}


def evaluated(
    settings: Settings,
    project: Project,
    student: str,
    right: Sequence[bool | None],
    *,
    task: str = "arithmetic",
    split: str = "test",
    questions: Sequence[Question] | None = None,
    decoding: dict[str, Any] | None = None,
    text: str = "",
) -> Exam:
    """An evaluation with these grades, in order; None: not answered yet. `text` stands in what the
    student wrote."""
    store = connect(settings.database)
    asked = questions or task_named(task).load(split, limit=len(right))
    with writing(store):
        exam_id = exams.add(
            store,
            project.id,
            purpose="evaluation",
            student=student,
            task=task,
            split=split,
            settings={
                "decoding": decoding or GREEDY,
                "samples": 1,
                "prompts": "chat",
                "put": f"{task} {len(right)}",
            },
            question_ids=store_questions(store, project.id, task, split, asked),
        )
        for row, correct in zip(exams.unanswered(store, exam_id), right, strict=True):
            if correct is not None:
                exams.save_answer(
                    store, row.id, _answer(student, asked[row.position], correct, text)
                )
    return exams.get(store, exam_id)


def project_tested(
    settings: Settings,
    students: Sequence[str] = STUDENTS,
    tasks: Sequence[str] = ("arithmetic", "gsm8k"),
    n: int = 12,
    text: str = "",
) -> Project:
    """A project with a finished test of each student on each task, the later student the better.

    `text` stands in whatever a model or a file wrote. Every third question is of the second kind,
    and every fourth is longer than the others.
    """
    project = create_project(settings, f"evaluated {next(NAMES)}", "arithmetic", students[0])
    for task in tasks:
        for place, student in enumerate(students):
            share = (place + 1) / (len(students) + 1)
            add_evaluation(settings, project, student, task, n, share, text)
    return project


def add_evaluation(
    settings: Settings,
    project: Project,
    student: str,
    task: str,
    n: int,
    share: float,
    text: str = "",
    seed: int | None = None,
) -> int:
    """Add an evaluation of which a share is right, always the same one for the same arguments."""
    draw = random.Random(f"{student} {task} {seed}")
    return evaluated(
        settings,
        project,
        student,
        [draw.random() < share for _ in range(n)],
        task=task,
        questions=[_question(place, text) for place in range(n)],
        decoding=sampled(seed) if seed is not None else GREEDY,
        text=text,
    ).id


def _answer(student: str, question: Question, correct: bool, text: str) -> dict[str, Any]:
    read = question.gold_answer if correct else f"{question.gold_answer}0"
    said = f"{student} reckons. {text}\nThe answer is {read}."
    start = len(said) - len(read) - 1
    return {
        "text": said,
        "prediction": read,
        "rule": "answer is",
        "span_start": start,
        "span_end": start + len(read),
        "correct": int(correct),
        "tokens": 12,
        "truncated": 0,
    }


def _question(place: int, text: str) -> Question:
    story = "On a market day in spring, with many people about, " if place % 4 == 0 else ""
    value = place + 1
    return Question(
        f"{story}what is {value} + {value}? {text}",
        str(2 * value),
        f"{value}+{value}=<<{value}+{value}={2 * value}>>{2 * value}",
        source_id=place,
        kind="shopping" if place % 3 == 2 else "garden",
    )
