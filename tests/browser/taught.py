"""A project whose committee has done its work, built through the store without a model."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from db import calls, committee, exams, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio.projects import create_project
from fair_app.tasks.base import Question

TEACHERS = ("ada", "blaise", "carl")
# A row a question, a pair a teacher: what the two others gave its rationale. Means of 5, 3, 3;
# 3.5, 1, none; 4.5, 4 (83 does not count), 2; 1.5, 3.5, 3; 5, 5, none.
SCORES: tuple[tuple[tuple[Any, Any], ...], ...] = (
    ((5, 5), (3, 3), (4, 2)),
    ((4, 3), (1, 1), (None, None)),
    ((5, 4), (83, 4), (2, 2)),
    ((1, 2), (3, 4), (5, 1)),
    ((5, 5), (5, 5), (0, None)),
)
NAMES = count(1)


def taught(
    settings: Settings, text: str = "", finishes: Mapping[tuple[int, int], str] | None = None
) -> Project:
    """A project with five mistakes on which three teachers have done their work.

    `text` stands in whatever a model or a file wrote. `finishes` has the rationales that are not
    complete, by question and teacher: they have no reviews.
    """
    project = create_project(settings, f"made {next(NAMES)}", "arithmetic", "smollm2-135m")
    store = connect(settings.database)
    with writing(store):
        committee.set_committee(
            store,
            project.id,
            [
                {
                    "name": name,
                    "origin": "committee",
                    "simulated": int(name == "ada"),
                    "spec": {"name": name, "provider": "offline", "model": "terse"},
                    "spec_hash": "",
                }
                for name in TEACHERS
            ],
        )
        exam_id = sat_exam(settings, project, text)
        projects.set_exam(store, project.id, exam_id, "smollm2-135m")
        call = calls.add_imported(
            store,
            {
                "key": project.name,
                "teacher": "ada",
                "provider": "p",
                "model": "m",
                "role": "rationale",
            },
        )
        for place, answer in enumerate(exams.answers(store, exam_id, "wrong")):
            for author in committee.teachers(store, project.id):
                finish = (finishes or {}).get((place, author.position), "complete")
                about = (answer.id, answer.question_id, place)
                _work(settings, project, about, author, call, text, finish)
    return projects.get(store, project.id)


def sat_exam(settings: Settings, project: Project, text: str) -> int:
    """An exam of five questions, all of them answered wrong; return its id."""
    store = connect(settings.database)
    questions = [
        Question(f"What is {n} + {n}? {text}", str(2 * n), f"{n}+{n}=<<{n}+{n}={2 * n}>>{2 * n}")
        for n in range(1, len(SCORES) + 1)
    ]
    exam_id = exams.add(
        store,
        project.id,
        purpose="exam",
        student="smollm2-135m",
        task=project.task,
        split="train",
        settings={},
        question_ids=store_questions(store, project.id, project.task, "train", questions),
    )
    for row in exams.unanswered(store, exam_id):
        exams.save_answer(
            store,
            row.id,
            {
                # 𝟙 counts twice in JavaScript: the mark must stand right all the same.
                "text": f"𝟙 The answer is 99. {text}",
                "prediction": "99",
                "rule": "answer is",
                "span_start": 16,
                "span_end": 18,
                "correct": 0,
                "tokens": 8,
                "truncated": 0,
            },
        )
    return exam_id


def _work(
    settings: Settings,
    project: Project,
    about: tuple[int, int, int],
    author: committee.TeacherRow,
    call: int,
    text: str,
    finish: str,
) -> None:
    store = connect(settings.database)
    answer_id, question_id, place = about
    rationale_id = committee.add_rationale(
        store,
        {
            "question_id": question_id,
            "teacher_id": author.id,
            "call_id": call,
            "text": f"{author.name} explains question {place + 1}. {text}",
            "finish": finish,
            "prediction": str(place),
            "correct": int(author.position != place),
        },
    )
    committee.add_feedback(
        store,
        {
            "answer_id": answer_id,
            "teacher_id": author.id,
            "call_id": call,
            "text": f"{author.name} corrects question {place + 1}. {text}",
            "finish": "complete",
        },
    )
    if finish != "complete":
        return
    peers = [one for one in committee.teachers(store, project.id) if one.id != author.id]
    for peer, score in zip(peers, SCORES[place][author.position], strict=True):
        committee.add_review(
            store,
            {
                "rationale_id": rationale_id,
                "reviewer_id": peer.id,
                "call_id": call,
                "text": f"{peer.name} reviews {author.name}. {text}",
                "score": score,
            },
        )
