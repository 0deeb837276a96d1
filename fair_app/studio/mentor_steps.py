"""A project's mentor step by step: a model is chosen, trained, tested, writes, and is learned from.

What the mentor is and has written stands in `fair_app.studio.mentor`; here are its jobs.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from db import jobs
from db.jobs import Job
from db.projects import Project
from db.store import connect
from fair_app.curation.acceptance import MENTOR
from fair_app.curation.training_set import ACCEPTED, MIXED, RIGHT, WITH_MENTOR, Chosen
from fair_app.errors import BadInput
from fair_app.jobs.orphans import mark_orphans
from fair_app.jobs.queue import ACTIVE
from fair_app.report.markup import count, percent
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.board import board
from fair_app.studio.evaluations import summary
from fair_app.studio.exams import exam_params
from fair_app.studio.mentor import MentorStanding, choose_mentor, mentor_of
from fair_app.studio.mentor_kd import IMPORTED
from fair_app.studio.training import train_params, trained
from fair_app.training.settings import QUICK

NAME = "mentor"
PURPOSE = "mentor"
"""What the lineage of a mentor's training says that it was for."""
OPEN = "open"
TEST_QUESTIONS = 150
CHOICES: tuple[tuple[str, Chosen], ...] = (
    ("Rationales with a right answer", RIGHT),
    ("Accepted rationales", ACCEPTED),
)
"""What a mentor may be trained on."""


@dataclass(frozen=True)
class Step:
    """One of the five steps. `state` is done, now (at work), next, later, or aside (not for this
    mentor).

    `value` and `note` say what came of it, or what is missing; `go` is the page where that is made.
    """

    name: str
    state: str
    value: str
    note: str
    go: str = ""


@dataclass(frozen=True)
class Course:
    """All five steps, and the newest job of each that has one, by the step's name."""

    steps: tuple[Step, ...]
    jobs: dict[str, Job]
    mentor: MentorStanding | None


def training_params(
    settings: Settings,
    project: Project,
    *,
    model: str | None,
    rationales: Chosen,
    name: str,
    preset: str = QUICK,
    epochs: int | None = None,
) -> dict[str, Any]:
    """The parameters of a mentor's training: the committee's rationales alone, without feedback.

    `model` is a REF, and without one the project's student. Raises BadInput as `train_params` does.
    """
    given = {"alpha": 0.0} if epochs is None else {"alpha": 0.0, "epochs": epochs}
    return train_params(
        settings,
        project,
        name=name,
        student=model,
        teacher=MIXED,
        rationales=rationales,
        preset=preset,
        settings_given=given,
        told={"purpose": PURPOSE},
    )


def mentor_test_params(
    settings: Settings, project: Project, ref: str, limit: int | None
) -> dict[str, Any]:
    """Make a model the project's mentor, and the parameters of its test on the held-out part.

    Raises BadInput for a REF that names nothing, and as `exam_params` does.
    """
    if not ref:
        raise BadInput("Say which model is to be the mentor: train one, or give a REF.")
    params = exam_params(settings, student=ref, task=project.task, split="test", limit=limit)
    choose_mentor(settings, project, ref)
    return params


def questions_to_test(settings: Settings, project: Project) -> int:
    """How many questions the project's student was tested on last: a mentor is on the same."""
    for one in summary(settings, project):
        if one.exam.student == project.student and one.column == project.task and one.questions:
            return one.questions
    return TEST_QUESTIONS


def candidates(settings: Settings, project: Project, present: MentorStanding | None) -> list[str]:
    """Who may be the mentor: the present one, what was trained for it, and other checkpoints."""
    refs = [f"{CHECKPOINT}{one.name}" for one in trained(settings, project)]
    meant = [f"{CHECKPOINT}{name}" for name in _names_trained(settings, project)]
    first = [present.ref] if present and not present.ref.startswith(IMPORTED) else []
    return list(dict.fromkeys([*first, *(one for one in meant if one in refs), *refs]))


def course(settings: Settings, project: Project) -> Course:
    """How far a project's mentor is."""
    store = connect(settings.database)
    mark_orphans(store)
    mentor = mentor_of(settings, project)
    found = {
        "train": _newest(store, project, "train", lambda job: _made(job, mentor)),
        "test": _newest(
            store,
            project,
            "evaluate",
            lambda job: mentor is not None and job.params.get("student") == mentor.ref,
        ),
        "augment": _newest(store, project, "augment", lambda _: True),
        "distil": _newest(store, project, "train", learns_from_mentor),
    }
    own = {name: job for name, job in found.items() if job is not None}
    return Course(steps(settings, project, mentor, own), own, mentor)


def steps(
    settings: Settings, project: Project, mentor: MentorStanding | None, own: dict[str, Job]
) -> tuple[Step, ...]:
    """The five steps in their order, by the newest job of each."""
    texts = _texts(settings, project) if mentor is None else 0
    found = [
        _choose(mentor, own, texts),
        _train(mentor, own),
        _test(mentor),
        _augment(mentor),
        _distil(own),
    ]
    active = {name for name, job in own.items() if job.state in ACTIVE}
    first = next((step.name for step in found if step.state == OPEN), "")
    return tuple(replace(step, state=_state(step, active, first)) for step in found)


def is_mentors_training(job: Job) -> bool:
    """Whether a training was meant to make a mentor."""
    return (job.params.get("origin") or {}).get("purpose") == PURPOSE


def _made(job: Job, mentor: MentorStanding | None) -> bool:
    """Whether a training made the mentor, or was meant to make the next one."""
    own = mentor is not None and f"{CHECKPOINT}{job.params['name']}" == mentor.ref
    return own or is_mentors_training(job)


def learns_from_mentor(job: Job) -> bool:
    """Whether a training learns from the mentor's rationales or from its soft labels."""
    by = (job.params.get("origin") or {}).get("teacher") in (WITH_MENTOR, MENTOR)
    return by or bool((job.params.get("settings") or {}).get("soft_weight"))


def _state(step: Step, active: Collection[str], first: str) -> str:
    if step.name in active:
        return "now"
    if step.state != OPEN:
        return step.state
    return "next" if step.name == first else "later"


def _choose(mentor: MentorStanding | None, own: dict[str, Job], texts: int) -> Step:
    if mentor is not None:
        return Step("choose", "done", mentor.ref, "")
    if "train" in own:
        return Step("choose", "done", str(own["train"].params["student"]), "")
    if not texts:
        note = "It learns from the committee’s rationales: there is none yet."
        return Step("choose", OPEN, "", note, "committee")
    note = f"{count(texts, 'rationale')} with a right answer to learn from."
    return Step("choose", OPEN, "", note)


def _train(mentor: MentorStanding | None, own: dict[str, Job]) -> Step:
    job = own.get("train")
    if job is not None and job.state == "succeeded":
        return Step("train", "done", str(job.params["name"]), "")
    if mentor is not None:
        return Step("train", "aside", "", "The mentor was not trained here.")
    return Step("train", OPEN, "", "")


def _test(mentor: MentorStanding | None) -> Step:
    if mentor is not None and mentor.ref.startswith(IMPORTED):
        return Step("test", "aside", "", "Only what it wrote is here: it cannot be tested.")
    if mentor is None or mentor.accuracy is None:
        return Step("test", OPEN, "", "")
    low, high = mentor.ci95 or (0.0, 1.0)
    least, most = f"{100 * low:.0f}", f"{100 * high:.0f}"
    note = f"{least} to {most} %, of {mentor.n:,} held-out questions."
    if mentor.student_accuracy is not None:
        note = (
            f"{least} to {most} %, of {mentor.n:,} held-out questions; the student has "
            f"{percent(mentor.student_accuracy)} of the same."
        )
    return Step("test", "done", percent(mentor.accuracy), note)


def _augment(mentor: MentorStanding | None) -> Step:
    if mentor is None or not mentor.samples:
        return Step("augment", OPEN, "", "")
    note = (
        f"{mentor.right:,} of {count(mentor.samples, 'answer')} to "
        f"{count(mentor.questions, 'mistake')} were right; the same text counts once."
    )
    return Step("augment", "done", f"{mentor.kept:,} kept", note)


def _distil(own: dict[str, Job]) -> Step:
    job = own.get("distil")
    if job is not None and job.state == "succeeded":
        return Step("distil", "done", str(job.params["name"]), "")
    return Step("distil", OPEN, "", "")


def _texts(settings: Settings, project: Project) -> int:
    """How many right rationales of the committee there are."""
    if project.exam_id is None:
        return 0
    rows = board(settings, project).rows
    return sum(row.final_correct is True and not row.by_mentor for row in rows)


def _names_trained(settings: Settings, project: Project) -> list[str]:
    store = connect(settings.database)
    return [
        str(job.params["name"])
        for job in jobs.of_kind(store, project.id, "train")
        if is_mentors_training(job) and job.state == "succeeded"
    ]


def _newest(
    store: Database, project: Project, kind: str, fits: Callable[[Job], bool]
) -> Job | None:
    """The newest job of a kind that fits; parts of others are theirs."""
    found = jobs.of_kind(store, project.id, kind)
    return next((job for job in found if job.parent_id is None and fits(job)), None)
