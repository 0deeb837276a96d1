"""Training runs: what one would learn from, checking what is asked for, the checkpoints made."""

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from db import checkpoints, committee, decisions, exams, jobs
from db.checkpoints import Checkpoint
from db.projects import Project
from db.store import connect
from fair_app.curation.training_set import FeedbackRow, training_set
from fair_app.errors import BadInput
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.student.registry import parse_ref
from fair_app.studio.exams import server_of
from fair_app.studio.review import COMPLETE, curated
from fair_app.tasks.registry import task_of
from fair_app.training.examples import Text, TrainingQuestion, examples_hash
from fair_app.training.frozen import freeze, work_folder
from fair_app.training.settings import TrainingSettings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MIXED = "mixed"


@dataclass(frozen=True)
class Preview:
    """What a run would learn from: questions, and texts by teacher."""

    questions: int
    rationales: dict[str, int]
    feedback: dict[str, int]


def training_questions(
    settings: Settings, project: Project, teacher: str = MIXED, keep_rule: bool = False
) -> list[TrainingQuestion]:
    """The curated training set with prompts. Raises BadInput when it is empty."""
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet: run the exam first.")
    store = connect(settings.database)
    found = curated(settings, project)
    rows = training_set(
        found.rows,
        found.verdicts(project.threshold),
        [
            FeedbackRow(one.question_id, one.teacher, one.text)
            for one in committee.feedback(store, project.exam_id)
            if one.finish == COMPLETE and one.text
        ],
        teacher=teacher,
        keep_rule=keep_rule,
    )
    task = task_of(project)
    answers = {row.question_id: row for row in exams.answers(store, project.exam_id, "wrong")}
    return [
        TrainingQuestion(
            question_id=row.question_id,
            prompt=task.prompt(as_question(answers[row.question_id])),
            student_answer=answers[row.question_id].text or "",
            rationales=tuple(Text(name, text) for name, text in row.rationales),
            feedback=tuple(Text(name, text) for name, text in row.feedback),
        )
        for row in rows
    ]


def training_preview(settings: Settings, project: Project, teacher: str = MIXED) -> Preview:
    """Count what a run would learn from. Raises BadInput when there is nothing."""
    questions = training_questions(settings, project, teacher)
    return Preview(
        len(questions),
        dict(Counter(text.teacher for one in questions for text in one.rationales)),
        dict(Counter(text.teacher for one in questions for text in one.feedback)),
    )


def train_params(
    settings: Settings,
    project: Project,
    *,
    name: str,
    student: str | None = None,
    teacher: str = MIXED,
    keep_rule: bool = False,
    settings_given: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Freeze the training set of a run and return the parameters of its job, checked.

    What is not given (None) keeps its default.
    Raises BadInput for a name that is taken or unfit, settings out of range, an unknown student or
    teacher, and a training set without a question.
    """
    if not NAME.fullmatch(name):
        raise BadInput(
            f"'{name}' cannot be a checkpoint's name: use up to 64 letters, digits, dots, dashes "
            "and underscores."
        )
    if _is_taken(settings, name):
        raise BadInput(
            f"The name '{name}' is taken by a checkpoint or by a run that can be resumed: choose "
            "another name."
        )
    given = {key: value for key, value in (settings_given or {}).items() if value is not None}
    chosen = TrainingSettings(**given)
    if student is None and server_of(settings, project, project.student):
        raise BadInput(
            f"{project.student} was asked behind a server: name the student to train (--student), "
            "a hub id or a folder with its weights."
        )
    ref = parse_ref(student or project.student, settings.checkpoints, settings.models)
    questions = training_questions(settings, project, teacher, keep_rule)
    freeze(questions, work_folder(settings.checkpoints, name))
    return {
        "name": name,
        "student": ref.base,
        "teacher": teacher,
        "keep_rule": keep_rule,
        "threshold": project.threshold,
        "decisions": decisions.revision(connect(settings.database), project.id),
        "data_sha256": examples_hash(questions),
        "settings": asdict(chosen),
    }


def free_name(settings: Settings, wanted: str) -> str:
    """A checkpoint's name that is not taken: the wanted one, or with a number behind it."""
    name, number = wanted, 2
    while _is_taken(settings, name):
        name, number = f"{wanted}-{number}", number + 1
    return name


def trained(settings: Settings, project: Project) -> list[Checkpoint]:
    """A project's checkpoints, the newest first."""
    return checkpoints.of_project(connect(settings.database), project.id)


def interrupted_run(settings: Settings, project: Project, name: str) -> jobs.Job:
    """The unfinished training job that makes this checkpoint. Raises BadInput when none is."""
    store = connect(settings.database)
    mark_orphans(store)
    for job in jobs.listed(store, project.id):
        if job.kind == "train" and job.params["name"] == name and job.state in jobs.RESUMABLE:
            return job
    raise BadInput(f"No training of '{name}' was interrupted: start it without --resume.")


def _is_taken(settings: Settings, name: str) -> bool:
    """Whether a checkpoint, or a run that can still be resumed, has this name."""
    store = connect(settings.database)
    return (
        checkpoints.by_name(store, name) is not None
        or (settings.checkpoints / name).exists()
        or any(
            job.kind == "train" and job.params["name"] == name
            for job in jobs.in_state(store, "queued", "running", *jobs.RESUMABLE)
        )
    )
