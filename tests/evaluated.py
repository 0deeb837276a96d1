"""A project whose students have been tested, built through the store without a model."""

import random
from collections.abc import Sequence
from itertools import count

from db import exams
from db.projects import Project
from db.store import connect, writing
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio.projects import create_project
from fair_app.tasks.base import Question

NAMES = count(1)
STUDENTS = ("smollm2-135m", "checkpoint:first", "checkpoint:second")


def evaluated(
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
            add_evaluation(
                settings, project, student, task, n, (place + 1) / (len(students) + 1), text
            )
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
    store = connect(settings.database)
    draw = random.Random(f"{student} {task} {seed}")
    decoding = {"name": "greedy", "temperature": 0.0, "max_new_tokens": 64, "seed": 731}
    if seed is not None:
        decoding |= {"name": "paper", "temperature": 0.3, "seed": seed}
    with writing(store):
        ids = store_questions(
            store, project.id, task, "test", [_question(i, text) for i in range(n)]
        )
        exam_id = exams.add(
            store,
            project.id,
            purpose="evaluation",
            student=student,
            task=task,
            split="test",
            settings={"decoding": decoding, "samples": 1, "prompts": "chat", "put": f"{task} {n}"},
            question_ids=ids,
        )
        for place, row in enumerate(exams.unanswered(store, exam_id)):
            right = draw.random() < share
            read = str(2 * (place + 1) + (not right))
            said = (
                f"{student} adds {place + 1} + {place + 1} = {read}. {text}\nThe answer is {read}."
            )
            start = len(said) - len(read) - 1
            exams.save_answer(
                store,
                row.id,
                {
                    "text": said,
                    "prediction": read,
                    "rule": "answer is",
                    "span_start": start,
                    "span_end": start + len(read),
                    "correct": int(right),
                    "tokens": 12,
                    "truncated": 0,
                },
            )
    return exam_id


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
