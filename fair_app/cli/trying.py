"""`try`: its options, and what it calls."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from db import trials
from db.projects import Project
from db.store import connect
from fair_app.cli.evaluating import HOW_DRAWN
from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.student.base import DECODINGS
from fair_app.studio import projects, trying
from fair_app.studio.training import trained

Result = dict[str, Any]


def add_trying(add: Callable[..., Any], student: str) -> None:
    """Add the command. `student` says what a REF is."""
    made = add("try", try_it)
    made.add_argument(
        "--student",
        action="append",
        metavar="REF",
        help=f"once or twice; default: the project's and its newest checkpoint; {student}",
    )
    made.add_argument("--decoding", choices=list(DECODINGS), default="greedy", help=HOW_DRAWN)
    made.add_argument("--max-new-tokens", type=int, metavar="N", help="default: as in the exam")
    made.add_argument("question", metavar="QUESTION", help="in one argument, so in quotes")


def try_it(settings: Settings, arguments: Namespace) -> Result:
    """One question to one or two students, as the exam would put it."""
    project = projects.open_project(settings, arguments.project)
    rows = trying.asked_rows(
        settings,
        project,
        arguments.student or _base_and_newest(settings, project),
        arguments.question,
        decoding=arguments.decoding,
        max_new_tokens=arguments.max_new_tokens,
    )
    written: dict[str, Result] = {}
    for server in dict.fromkeys(row["server"] for row in rows):
        asked = [row for row in rows if row["server"] == server]
        done = worker.run_now(settings, "try", trying.lend_params(server, asked), project.id)
        store = connect(settings.database)
        for trial_id in done["trials"]:
            trial = trials.get(store, trial_id)
            assert trial is not None
            written[trial.student] = _answer(trial)
    answers = [written[row["student"]] for row in rows]
    if all(one["state"] == "failed" for one in answers):
        raise WorkFailed(" ".join(dict.fromkeys(one["error"] for one in answers)))
    return {"question": arguments.question, "answers": answers}


def _base_and_newest(settings: Settings, project: Project) -> list[str]:
    made = trained(settings, project)
    if not made:
        raise BadInput(
            f"Project '{project.name}' has no checkpoint yet: train one, or name a --student."
        )
    return [project.student, f"checkpoint:{made[0].name}"]


def _answer(trial: trials.Trial) -> Result:
    return {
        "student": trial.student,
        "state": trial.state,
        "text": trial.text,
        "tokens": trial.tokens,
        "seconds": round(trial.seconds, 3),
        "tokens_per_second": round(trial.tokens / trial.seconds, 1) if trial.seconds else None,
        "truncated": trial.truncated,
        "error": trial.error,
    }
