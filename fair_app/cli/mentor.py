"""`mentor` and `augment`: their options, and what they call."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from db.projects import Project
from fair_app.errors import BadInput
from fair_app.jobs import queue, worker
from fair_app.settings import Settings
from fair_app.studio import mentor as mentors
from fair_app.studio import projects

Result = dict[str, Any]


def add_mentor(add: Callable[..., Any], student: str) -> None:
    """Add the commands. `student` says what a REF is."""
    chosen = add("mentor", mentor)
    chosen.add_argument("--student", metavar="REF", help=f"the mentor from now on: {student}")
    made = add("augment", augment)
    made.add_argument("--k", type=int, metavar="N", help=f"a question; default: {mentors.SAMPLES}")
    made.add_argument(
        "--temperature", type=float, metavar="R", help=f"default: {mentors.TEMPERATURE}"
    )
    made.add_argument("--top-p", type=float, metavar="R", help=f"default: {mentors.TOP_P:g}")
    made.add_argument("--seed", type=int, metavar="N", help=f"default: {mentors.SEED}")
    made.add_argument("--limit", type=int, metavar="N", help="the first N mistakes alone")
    made.add_argument("--max-new-tokens", type=int, metavar="N", help="default: the exam's")
    made.add_argument("--resume", action="store_true", help="go on with an augmentation")


def mentor(settings: Settings, arguments: Namespace) -> Result:
    """The project's mentor: choose it, and see how far it is."""
    project = projects.open_project(settings, arguments.project)
    if arguments.student is not None:
        mentors.choose_mentor(settings, project, arguments.student)
    found = mentors.mentor_of(settings, project)
    if found is None:
        raise BadInput(f"{project.name} has no mentor: choose one with --student REF.")
    return {
        "student": found.ref,
        "evaluated": None
        if found.evaluation is None
        else {
            "evaluation": found.evaluation,
            "accuracy": found.accuracy,
            "n": found.n,
            "ci95": list(found.ci95 or ()),
            "student_accuracy": found.student_accuracy,
        },
        "k": found.k,
        "questions": found.questions,
        "samples": found.samples,
        "right": found.right,
        "kept": found.kept,
        "rationales": found.rationales,
        "warning": found.warning,
    }


def augment(settings: Settings, arguments: Namespace) -> Result:
    """The mentor writes further rationales of each mistake; right and new ones are kept."""
    project = projects.open_project(settings, arguments.project)
    given = {name: getattr(arguments, name) for name in GIVEN}
    given = {name: value for name, value in given.items() if value is not None}
    if arguments.resume:
        if given:
            raise BadInput("--resume goes on as it was begun: leave out the other options.")
        return _resumed(settings, project)
    params = mentors.augment_params(settings, project, **given)
    return worker.run_now(settings, "augment", params, project.id)


GIVEN = ("k", "temperature", "top_p", "seed", "limit", "max_new_tokens")
"""The options of `augment_params`."""


def _resumed(settings: Settings, project: Project) -> Result:
    job = mentors.interrupted_augmentation(settings, project)
    queue.resume(settings, job.id)
    return worker.run_job(settings, job.id, echo=True)
