"""`ablate`: its options, the plan that it prints, and the job that it runs."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from db.projects import Project
from fair_app.cli.evaluating import HOW_DRAWN, HOW_PUT, LONGEST
from fair_app.cli.training import CHOICES, SETTINGS, placeholder
from fair_app.errors import BadInput
from fair_app.evaluation.ablation import MENTORS, Factors
from fair_app.jobs import queue, worker
from fair_app.settings import Settings
from fair_app.student.base import DECODINGS, PROMPT_STYLES
from fair_app.student.registry import QUANTIZATIONS
from fair_app.studio import ablations, projects
from fair_app.studio.teachers import teachers
from fair_app.training.settings import PRESETS, QUICK

Result = dict[str, Any]

FACTORS = ("alpha",)
"""Settings of a run that an ablation changes."""
GIVEN = [
    name
    for name in (*(name for _, name, _, _ in SETTINGS), *(name for _, name, _, _ in CHOICES))
    if name not in FACTORS
]


def add_ablating(add: Callable[..., Any], student: str) -> None:
    """Add the command. `student` says what a REF is."""
    made = add("ablate", ablate)
    made.add_argument("--name", required=True, metavar="NAME", help="checkpoints are NAME-ARM")
    made.add_argument("--threshold", type=numbers, default=(), metavar="X,…", help="0 to 5")
    made.add_argument("--alpha", type=numbers, default=(), metavar="A,…", help="0 to 1")
    made.add_argument("--teachers", action="store_true", help="each teacher alone")
    made.add_argument("--without-feedback", action="store_true", help="rationales only")
    made.add_argument(
        "--random-rationales",
        action="store_true",
        help="as many as peer review accepts, drawn at random",
    )
    made.add_argument("--answer-check", action="store_true", help="with it, and without")
    made.add_argument(
        "--without-decisions", action="store_true", help="as if no person had decided"
    )
    made.add_argument(
        "--with-mentor",
        nargs="?",
        type=mentors,
        const=MENTORS[1:],
        default=(),
        metavar=",".join(MENTORS[1:]),
        help="learning from its rationales, from its soft labels, from both; default: each",
    )
    made.add_argument("--grid", action="store_true", help="every combination, not one at a time")
    made.add_argument("--seeds", type=int, default=1, metavar="K", help="runs of each arm")
    made.add_argument("--keep-rule", action="store_true", help="one teacher: accepted ones only")
    made.add_argument("--student", metavar="REF", help=f"default: the project's; {student}")
    made.add_argument("--preset", choices=list(PRESETS), help=f"default: {QUICK}")
    for option, name, kind, said in SETTINGS:
        if name not in FACTORS:
            metavar = placeholder(name, kind)
            made.add_argument(option, dest=name, type=kind, metavar=metavar, help=said or None)
    for option, name, choices, said in CHOICES:
        made.add_argument(option, dest=name, choices=choices, help=said)
    made.add_argument("--split", default="test", help="that is tested on")
    made.add_argument("--rows", type=Path, metavar="FILE", help="test questions from a file")
    made.add_argument("--limit", type=int, metavar="N", help="the first N test questions")
    made.add_argument("--decoding", choices=list(DECODINGS), default="greedy", help=HOW_DRAWN)
    made.add_argument("--max-new-tokens", type=int, metavar="N", help=LONGEST)
    made.add_argument("--prompts", choices=list(PROMPT_STYLES), default="chat", help=HOW_PUT)
    made.add_argument(
        "--test-quantization", choices=QUANTIZATIONS, default="none", help="of the tested students"
    )
    what = made.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="say what it would take, and stop")
    what.add_argument("--resume", action="store_true", help="go on with the one of this name")


def ablate(settings: Settings, arguments: Namespace) -> Result:
    """What each part of the method does: the student trained without it, or with another value."""
    project = projects.open_project(settings, arguments.project)
    if arguments.resume:
        job = ablations.interrupted_ablation(settings, project, arguments.name)
        queue.resume(settings, job.id)
        return {"ablation": job.id, **worker.run_job(settings, job.id, echo=True)}
    wanted = _wanted(settings, project, arguments)
    if arguments.dry_run:
        return planned(ablations.plan(settings, project, arguments.name, wanted))
    params = ablations.ablation_params(settings, project, name=arguments.name, wanted=wanted)
    return worker.run_now(settings, ablations.KIND, params, project.id)


def planned(made: ablations.Plan) -> Result:
    """A plan as it is printed."""
    return {
        "plan": ablations.plan_in_words(made),
        "warning": made.warning,
        "arms": [asdict(one) for one in made.arms],
        "seeds": made.seeds,
        "runs": made.cost.runs,
        "tests": made.cost.tests,
        "steps": made.cost.steps,
        "test_questions": made.cost.questions,
        "seconds": made.cost.seconds,
        "disk_bytes": made.cost.disk_bytes,
    }


def numbers(words: str) -> tuple[float, ...]:
    """Read `0,0.5,1`."""
    try:
        return tuple(float(word) for word in words.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{words}' is not a list of numbers as 0,0.5,1") from None


def mentors(words: str) -> tuple[str, ...]:
    """Read `rationales,soft`."""
    found = tuple(words.split(","))
    if not set(found) <= set(MENTORS[1:]):
        known = ", ".join(MENTORS[1:])
        raise argparse.ArgumentTypeError(f"'{words}' is not a list of {known}")
    return found


def _wanted(settings: Settings, project: Project, arguments: Namespace) -> ablations.Wanted:
    names = tuple(one.name for one in teachers(settings, project))
    if arguments.teachers and len(names) < 2:
        raise BadInput("A committee of one teacher is that teacher alone: leave out --teachers.")
    return ablations.Wanted(
        factors=Factors(
            thresholds=arguments.threshold,
            alphas=arguments.alpha,
            teachers=names if arguments.teachers else (),
            without_feedback=arguments.without_feedback,
            random_rationales=arguments.random_rationales,
            answer_check=arguments.answer_check,
            without_decisions=arguments.without_decisions,
            mentor=arguments.with_mentor,
        ),
        seeds=arguments.seeds,
        grid=arguments.grid,
        keep_rule=arguments.keep_rule,
        student=arguments.student,
        preset=arguments.preset or QUICK,
        given={
            name: getattr(arguments, name) for name in GIVEN if getattr(arguments, name) is not None
        },
        test={
            "split": arguments.split,
            "rows": arguments.rows,
            "limit": arguments.limit,
            "decoding": arguments.decoding,
            "max_new_tokens": arguments.max_new_tokens,
            "prompts": arguments.prompts,
            "quantization": arguments.test_quantization,
        },
    )
