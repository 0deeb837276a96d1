"""`train`, `runs` and `merge`: their options, and what they call."""

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from db.projects import Project
from fair_app.curation.training_set import ACCEPTED, CHOSEN
from fair_app.errors import BadInput
from fair_app.jobs import queue, worker
from fair_app.settings import Settings
from fair_app.student.registry import QUANTIZATIONS
from fair_app.studio import projects, training, training_preview
from fair_app.studio import runs as compared_runs
from fair_app.training.settings import (
    BALANCES,
    METHODS,
    PRESETS,
    QUICK,
    SAMPLINGS,
    SCHEDULES,
    SOFT_LABELS,
    SOFT_SCALINGS,
)

Result = dict[str, Any]

SETTINGS: tuple[tuple[str, str, type, str], ...] = (
    ("--alpha", "alpha", float, "weight of the feedback loss, 0 to 1"),
    ("--epochs", "epochs", int, "how often every question is learned from"),
    ("--max-steps", "max_steps", int, "optimizer steps at most; default: all of the epochs"),
    ("--lr", "learning_rate", float, "learning rate"),
    ("--warmup", "warmup", float, "share of the steps in which it rises"),
    ("--batch-size", "batch_size", int, "questions an optimizer step"),
    ("--max-tokens", "max_tokens", int, "of a prompt with its answer"),
    ("--seed", "seed", int, "of the draws and of the adapter's first weights"),
    ("--mentor", "mentor", str, "REF of a model whose soft labels are learned with"),
    ("--lambda", "soft_weight", float, "share of the mentor's divergence; default with one: 0.3"),
    ("--tau", "tau", float, "temperature of the soft labels; default: 2"),
    ("--lora-rank", "lora_rank", int, "of an adapter's two matrices"),
    ("--lora-alpha", "lora_alpha", int, "the adapter's scale, which is divided by its rank"),
    ("--lora-dropout", "lora_dropout", float, "share of its inputs left out at random"),
    ("--lora-target", "lora_target", str, "all-linear, or modules with commas between"),
    ("--validation-share", "validation_share", float, "of the questions, held out"),
    ("--validate-every", "validate_every", int, "steps; default: ten times a run"),
    ("--patience", "patience", int, "stop after so many validations without a better one"),
    ("--memory-gb", "memory_gb", float, "what the run may take"),
    ("--tokens-per-pass", "tokens_per_pass", int, "default: what fits; changes no loss"),
)
CHOICES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("--method", "method", METHODS, "an adapter of this kind, or all weights"),
    ("--quantization", "quantization", QUANTIZATIONS, "of the weights below an adapter"),
    ("--schedule", "schedule", SCHEDULES, "of the learning rate"),
    ("--sampling", "sampling", SAMPLINGS, "texts are drawn anew in each epoch, or once"),
    ("--balance", "balance", BALANCES, "teachers: each is drawn as often as the others"),
    ("--soft-scaling", "soft_scaling", SOFT_SCALINGS, "usual: the divergence times tau squared"),
    ("--soft-labels", "soft_labels", SOFT_LABELS, "computed in every step, or before the first"),
)
GIVEN = [name for _, name, _, _ in SETTINGS] + [name for _, name, _, _ in CHOICES]


def placeholder(name: str, kind: type) -> str:
    """What stands for a setting's value in a command's help."""
    return "REF" if name == "mentor" else {int: "N", float: "R", str: "NAMES"}[kind]


def add_training(add: Callable[..., Any], student: str) -> None:
    """Add the commands. `student` says what a REF is."""
    made = add("train", train)
    made.add_argument("--name", metavar="NAME", help="the checkpoint's name")
    made.add_argument("--preset", choices=list(PRESETS), help=f"default: {QUICK}")
    made.add_argument("--student", metavar="REF", help=f"default: the project's; {student}")
    made.add_argument("--teacher", metavar="mixed|mixed+mentor|mentor|NAME", help="default: mixed")
    made.add_argument(
        "--rationales",
        choices=CHOSEN,
        help="accepted ones (default), or all whose final answer is right",
    )
    made.add_argument("--keep-rule", action="store_true", help="one teacher: accepted ones only")
    for option, name, kind, said in SETTINGS:
        made.add_argument(
            option, dest=name, type=kind, metavar=placeholder(name, kind), help=said or None
        )
    for option, name, choices, said in CHOICES:
        made.add_argument(option, dest=name, choices=choices, help=said)
    made.add_argument("--processes", type=int, metavar="N", help="of this machine; one a GPU")
    made.add_argument("--accelerate", metavar="FILE", help="as `accelerate config` wrote it")
    made.add_argument(
        "--preview", type=int, metavar="N", help="show N examples as the student sees them; no run"
    )
    made.add_argument("--resume", action="store_true", help="go on with the run of this name")
    made.add_argument(
        "--from-lineage",
        type=Path,
        metavar="FILE",
        help="the same run again: a lineage.json with its examples beside it",
    )
    add("runs", runs)
    merged = add("merge", merge)
    merged.add_argument("checkpoint", metavar="CHECKPOINT", help="a trained adapter's name")
    merged.add_argument("--name", metavar="NAME", help="default: CHECKPOINT-merged")


def train(settings: Settings, arguments: Namespace) -> Result:
    """The dual loss on the curated training set: an adapter, or all weights."""
    if int(os.environ.get("RANK", "0")) > 0:
        _follow(settings)
    project = projects.open_project(settings, arguments.project)
    if arguments.preview is not None:
        return _previewed(settings, project, arguments)
    if arguments.name is None:
        raise BadInput("Say what the checkpoint is to be called: --name NAME.")
    if arguments.resume:
        return _resumed(settings, project, arguments.name)
    given = {name: getattr(arguments, name) for name in GIVEN}
    if arguments.from_lineage:
        others = {"preset", "student", "teacher", "rationales"}
        if any(getattr(arguments, name) is not None for name in (*GIVEN, *others)):
            raise BadInput(
                "--from-lineage makes the same run again: leave out its settings, student and "
                "teacher."
            )
        params = training.train_again_params(
            settings, name=arguments.name, lineage=arguments.from_lineage
        )
    else:
        params = training.train_params(
            settings,
            project,
            name=arguments.name,
            student=arguments.student,
            teacher=arguments.teacher or training.MIXED,
            keep_rule=arguments.keep_rule,
            rationales=arguments.rationales or ACCEPTED,
            preset=arguments.preset or QUICK,
            settings_given=given,
            processes=arguments.processes,
            accelerate=arguments.accelerate,
        )
    return worker.run_now(settings, "train", params, project.id)


def runs(settings: Settings, arguments: Namespace) -> Result:
    """The training runs beside each other: what differs, losses, accuracy."""
    project = projects.open_project(settings, arguments.project)
    found = compared_runs.runs(settings, project)
    return {
        "runs": [asdict(one) for one in found],
        "differs": compared_runs.differences(found),
    }


def merge(settings: Settings, arguments: Namespace) -> Result:
    """A trained adapter merged into its base: a whole model as a checkpoint of its own."""
    project = projects.open_project(settings, arguments.project)
    name = arguments.name or f"{arguments.checkpoint}-merged"
    params = training.merge_params(settings, arguments.checkpoint, name)
    return worker.run_now(settings, "merge", params, project.id)


def _previewed(settings: Settings, project: Project, arguments: Namespace) -> Result:
    if arguments.resume or arguments.from_lineage:
        raise BadInput("--preview shows a new run: leave out --resume and --from-lineage.")
    if arguments.preview < 1:
        raise BadInput("--preview is a number of examples: give at least 1.")
    found = training_preview.example_preview(
        settings,
        project,
        student=arguments.student,
        teacher=arguments.teacher or training.MIXED,
        keep_rule=arguments.keep_rule,
        rationales=arguments.rationales or ACCEPTED,
        preset=arguments.preset or QUICK,
        settings_given={name: getattr(arguments, name) for name in GIVEN},
        count=arguments.preview,
    )
    return {**asdict(found.totals), "examples": [asdict(one) for one in found.examples]}


def _resumed(settings: Settings, project: Project, name: str) -> Result:
    job = training.interrupted_run(settings, project, name)
    queue.resume(settings, job.id)
    return worker.run_job(settings, job.id, echo=True)


def _follow(settings: Settings) -> None:
    """Train along with the first of several launched processes, which alone reports; then end."""
    from fair_app.training.run import follow

    follow(settings)
    raise SystemExit(0)
