"""What the training benchmark learns from: pairs of a published run, or made up by the rules."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from fair_app.training.examples import Text, TrainingQuestion

REPOSITORY = Path(__file__).resolve().parents[1]


def questions(count: int) -> list[TrainingQuestion]:
    """The first of the published SVAMP run where its files are found, else generated ones."""
    return published(count) if published_folder() else generated(count)


def published_folder() -> Path | None:
    """The folder of the published SVAMP run, where there is one."""
    shared = os.environ.get("FAIR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data"
    folder = Path(shared) / "fair-svamp"
    return folder if folder.is_dir() else None


def published(count: int) -> list[TrainingQuestion]:
    """The first mistakes of the published run that have an accepted rationale."""
    folder = published_folder()
    assert folder is not None
    rationales, feedback = (
        json.loads((folder / f"Llama-2-7b-chat-hf_svamp_{part}_round0.json").read_text("utf-8"))
        for part in ("rationale", "feedback")
    )
    accepted = [
        (row, notes)
        for row, notes in zip(rationales, feedback, strict=True)
        if row["correct_rationale"]
    ]
    return [
        TrainingQuestion(
            question_id=row["id"],
            prompt=row["question"],
            student_answer=row["student_wrong_pred"],
            rationales=tuple(Text("accepted", text) for text in row["correct_rationale"]),
            feedback=tuple(
                Text(key, text) for key, text in notes.items() if key.endswith("_feedback")
            ),
        )
        for row, notes in accepted[:count]
    ]


def generated(count: int) -> list[TrainingQuestion]:
    """Generated problems, each answered wrong by one, with the offline committee's texts."""
    from fair_app.committee.base import Access, Request, Role
    from fair_app.committee.committee_file import default_committee
    from fair_app.committee.registry import build
    from fair_app.settings import Settings
    from fair_app.tasks.registry import task as task_named

    task = task_named("arithmetic")
    teachers = [build(spec, Access(Settings())) for spec in default_committee()]

    def texts(role: Role, question: Any, answer: str) -> tuple[Text, ...]:
        request = Request(role, "", task.name, question, student_answer=answer)
        return tuple(
            Text(teacher.spec.name, asyncio.run(teacher.ask(request)).text) for teacher in teachers
        )

    made = []
    for number, question in enumerate(task.load("train", limit=count)):
        answer = f"The answer is {int(question.gold_answer) + 1}."
        made.append(
            TrainingQuestion(
                question_id=number,
                prompt=task.prompt(question),
                student_answer=answer,
                rationales=texts(Role.RATIONALE, question, answer),
                feedback=texts(Role.FEEDBACK, question, answer),
            )
        )
    return made
