"""The committee of a project: who is in it, what is missing, what that will take."""

from dataclasses import dataclass
from typing import Any

from db import committee, exams
from db.committee import TeacherRow
from db.projects import Project
from db.store import connect
from fair_app.committee.base import TeacherSpec
from fair_app.committee.ledger import spec_hash
from fair_app.committee.registry import build
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.tasks.registry import task as task_named

OFFLINE = "offline"
CONCURRENCY = 16
EXPECTED_TOKENS = 150
"""What a rationale, a piece of feedback or a review takes on average."""


@dataclass(frozen=True)
class Quote:
    """What is missing, before anything is sent. `tokens` is an estimate; costs are in USD."""

    mistakes: int
    teachers: int
    calls: int
    done: int
    tokens: int
    cost_usd: float


def set_committee(settings: Settings, project: Project, specs: list[TeacherSpec]) -> None:
    """Make these the project's teachers. Raises BadInput when one of them cannot be built."""
    for spec in specs:
        build(spec)
    committee.set_committee(
        connect(settings.database),
        project.id,
        [
            {
                "name": spec.name,
                "origin": "committee",
                "simulated": int(spec.provider == OFFLINE),
                "spec": spec.model_dump(mode="json"),
                "spec_hash": spec_hash(spec),
            }
            for spec in specs
        ],
    )


def teachers(settings: Settings, project: Project) -> list[TeacherRow]:
    """The active committee in its order."""
    return committee.teachers(connect(settings.database), project.id)


def quote(settings: Settings, project: Project) -> Quote:
    """How many calls the present mistakes take (2n + n(n-1) each), and how many are done.

    Imported teachers are not asked; a committee of them alone takes no call.
    """
    store = connect(settings.database)
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet: run the exam first.")
    members = [row for row in committee.teachers(store, project.id) if row.origin == "committee"]
    wrong = exams.answers(store, project.exam_id, "wrong")
    ids = [row.question_id for row in wrong]
    rationales = len(committee.rationales(store, project.id, ids))
    feedback = len(committee.feedback(store, project.exam_id, ids))
    reviews = len(committee.reviews(store, project.id, ids))
    each = len(wrong) * len(members)
    # Characters of an average question and answer; a token is about four of English text.
    asked = sum(len(row.question) + len(row.gold_text) for row in wrong) / max(1, len(wrong))
    answered = sum(len(row.text or "") for row in wrong) / max(1, len(wrong))
    tokens = (
        (each - rationales) * (asked / 4 + EXPECTED_TOKENS)
        + (each - feedback) * ((asked + answered) / 4 + EXPECTED_TOKENS)
        + (each * (len(members) - 1) - reviews) * (asked / 4 + 2 * EXPECTED_TOKENS)
    )
    done = rationales + feedback + reviews
    if not members:
        return Quote(len(wrong), 0, 0, done, 0, 0.0)
    calls = each * (len(members) + 1) - done
    return Quote(len(wrong), len(members), calls, done, round(tokens), 0.0)


def collect_params(
    settings: Settings, project: Project, concurrency: int = CONCURRENCY
) -> dict[str, Any]:
    """The parameters of a committee job. Raises BadInput when it could not begin."""
    if concurrency < 1:
        raise BadInput("--concurrency is the number of calls in flight: give 1 or more.")
    found = quote(settings, project)
    if found.teachers == 0:
        raise BadInput("The committee has no teacher that can be asked: choose its teachers.")
    if found.mistakes == 0:
        raise BadInput("The exam has no mistake to teach: ask the student more questions first.")
    members = teachers(settings, project)
    if all(row.simulated for row in members) and not task_named(project.task).has_derivations:
        raise BadInput(
            f"The offline teachers work on gold solutions with equations, and {project.task} has "
            "none: give a committee of other teachers, or import recorded answers."
        )
    return {"concurrency": concurrency}
