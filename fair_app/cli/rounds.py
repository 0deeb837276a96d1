"""`rounds`: its options, and what it calls."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fair_app.cli.training import CHOICES, GIVEN, SETTINGS, placeholder
from fair_app.curation.training_set import MIXED
from fair_app.errors import BadInput
from fair_app.evaluation.rounds import FROM_ADAPTER, WAYS
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.studio import projects
from fair_app.studio.collecting import CONCURRENCY
from fair_app.studio.rounds import KIND, NAME, TEST_QUESTIONS, rounds_params
from fair_app.studio.rounds_plan import rounds_plan
from fair_app.training.settings import PRESETS, QUICK

Result = dict[str, Any]


def add_rounds(add: Callable[..., Any], student: str) -> None:
    """Add the command. `student` says what a REF is."""
    made = add("rounds", rounds)
    made.add_argument("--rounds", type=int, required=True, metavar="K", help="at most so many")
    made.add_argument(
        "--train",
        choices=WAYS,
        default=FROM_ADAPTER,
        help=f"on the new mistakes from the last checkpoint, or on all from the first student; "
        f"default: {FROM_ADAPTER}",
    )
    made.add_argument(
        "--stop-below",
        type=float,
        metavar="GAIN",
        help="stop after a round that gains no more than so many points on the test",
    )
    made.add_argument("--exam-limit", type=int, metavar="N", help="default: the exam's questions")
    made.add_argument(
        "--test-limit",
        type=int,
        metavar="N",
        help=f"default: as the newest test, else {TEST_QUESTIONS}",
    )
    made.add_argument("--test-rows", type=Path, metavar="FILE", help="default: as the newest test")
    made.add_argument(
        "--budget",
        type=float,
        metavar="USD",
        help="stop before the project's calls have cost more in all; default: its cap",
    )
    made.add_argument(
        "--concurrency", type=int, default=CONCURRENCY, metavar="N", help="calls in flight at most"
    )
    made.add_argument(
        "--dry-run", action="store_true", help="say what it would take, as far as known, and stop"
    )
    made.add_argument(
        "--name", metavar="NAME", help=f"checkpoints are NAME-1, NAME-2, …; default: {NAME}"
    )
    made.add_argument("--student", metavar="REF", help=f"who begins; {student}")
    made.add_argument("--preset", choices=list(PRESETS), help=f"default: {QUICK}")
    made.add_argument("--teacher", metavar="mixed|NAME", help="default: mixed")
    made.add_argument("--keep-rule", action="store_true", help="one teacher: accepted ones only")
    for option, name, kind, said in SETTINGS:
        metavar = placeholder(name, kind)
        made.add_argument(option, dest=name, type=kind, metavar=metavar, help=said or None)
    for option, name, choices, said in CHOICES:
        made.add_argument(option, dest=name, choices=choices, help=said)
    made.add_argument("--processes", type=int, metavar="N", help="of this machine; one a GPU")
    made.add_argument("--accelerate", metavar="FILE", help="as `accelerate config` wrote it")


def rounds(settings: Settings, arguments: Namespace) -> Result:
    """The distilled student sits the exam again, its new mistakes are taught: again and again."""
    project = projects.open_project(settings, arguments.project)
    if arguments.budget is not None and not arguments.budget > 0:
        raise BadInput("--budget is an amount in USD: give more than 0.")
    params = rounds_params(
        settings,
        project,
        rounds=arguments.rounds,
        train=arguments.train,
        stop_below=arguments.stop_below,
        exam_limit=arguments.exam_limit,
        test_limit=arguments.test_limit,
        test_rows=arguments.test_rows,
        budget_usd=arguments.budget,
        concurrency=arguments.concurrency,
        name=arguments.name,
        student=arguments.student,
        teacher=arguments.teacher or MIXED,
        keep_rule=arguments.keep_rule,
        preset=arguments.preset or QUICK,
        settings_given={name: getattr(arguments, name) for name in GIVEN},
        processes=arguments.processes,
        accelerate=arguments.accelerate,
    )
    if arguments.dry_run:
        return rounds_plan(settings, project, params).to_dict()
    return worker.run_now(settings, KIND, params, project.id)
