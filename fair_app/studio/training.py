"""Training runs: what one would learn from, checking what is asked for, the checkpoints made."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db import checkpoints, jobs
from db.checkpoints import Checkpoint
from db.projects import Project
from db.store import connect, reading
from fair_app.curation.training_set import (
    ACCEPTED,
    ALL_CURATED,
    CHOSEN,
    MIXED,
    Chosen,
    Selection,
    training_set,
)
from fair_app.errors import BadInput
from fair_app.evaluation.rounds import checkpoint_of
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT, StudentRef, parse_ref
from fair_app.studio.exams import server_of
from fair_app.studio.review import rule_of
from fair_app.studio.soft_labels import with_mentor
from fair_app.studio.training_material import material
from fair_app.studio.training_start import (
    check_run,
    checked_settings,
    curated_origin,
    from_lineage,
    launch_of,
    origin_again,
)
from fair_app.training.dividing import shares
from fair_app.training.examples import TrainingQuestion, examples_hash
from fair_app.training.frozen import freeze, work_folder
from fair_app.training.settings import QUICK, chosen_settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Preview:
    """What a run would learn from: questions, and texts by teacher."""

    questions: int
    rationales: dict[str, int]
    feedback: dict[str, int]


def training_questions(
    settings: Settings,
    project: Project,
    selection: Selection = ALL_CURATED,
) -> list[TrainingQuestion]:
    """The curated training set with prompts.

    Raises BadInput when it is empty.
    """
    found = material(settings, project)
    return found.examples(
        training_set(
            found.board.rows,
            found.texts,
            rule_of(project),
            found.feedback,
            found.board.states,
            selection,
        )
    )


def training_preview(
    settings: Settings,
    project: Project,
    selection: Selection = ALL_CURATED,
) -> Preview:
    """Count what a run would learn from. Raises BadInput when there is nothing."""
    questions = training_questions(settings, project, selection)
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
    rationales: Chosen = ACCEPTED,
    preset: str = QUICK,
    settings_given: dict[str, Any] | None = None,
    processes: int | None = None,
    accelerate: str | None = None,
    questions: Sequence[TrainingQuestion] | None = None,
    told: Mapping[str, Any] | None = None,
    reserved: bool = False,
) -> dict[str, Any]:
    """Freeze the training set of a run and return the parameters of its job, checked.

    What is not given (None) keeps the preset's. A checkpoint goes on from what it has learned.
    With more than one of `processes`, or a file of settings for it, accelerate starts the run.
    `teacher`, `keep_rule` and `rationales` choose the texts (`Selection`); at alpha 0 questions
    without feedback are among them. `questions` are learned from instead of the curated ones;
    `told` is what the lineage says of them beside, or instead of, what it says of those.
    `reserved`: the name is kept for this run by the job that it is a part of.
    Raises BadInput for a name that is taken or unfit, settings out of range, an unknown student or
    teacher, a student that cannot be trained so here, a mentor that cannot give it soft labels, and
    a training set without a question.
    """
    if not reserved:
        check_name(settings, name)
    if rationales not in CHOSEN:
        raise BadInput(f"There are no '{rationales}' rationales: choose {' or '.join(CHOSEN)}.")
    launch = launch_of(processes, accelerate)
    given = settings_given or {}
    chosen_settings(preset, given)
    ref = student_to_train(settings, project, student)
    parts = shares(launch)
    chosen = with_mentor(settings, ref, checked_settings(ref, preset, given, parts), parts)
    # Where no feedback is learned from, no question needs any.
    with_feedback = chosen.alpha > 0 or questions is not None
    selection = Selection(teacher, keep_rule, rationales, with_feedback)
    goes_on = ref.adapter is not None and chosen.method != "full"
    store = connect(settings.database)
    with reading(store):  # the lineage speaks of the moment that the texts are of
        source = {
            **curated_origin(settings, project, selection),
            "ready_made": questions is not None,
        }
        if questions is None:
            questions = training_questions(settings, project, selection)
    freeze(questions, work_folder(settings.checkpoints, name))
    return {
        "name": name,
        "student": ref.base if goes_on else ref.ref if ref.kind == "checkpoint" else ref.base,
        "start": ref.ref if goes_on else None,
        "launch": launch,
        "origin": {**source, **(told or {})},
        "data_sha256": examples_hash(questions),
        "settings": chosen.to_dict(),
    }


def student_to_train(settings: Settings, project: Project, student: str | None) -> StudentRef:
    """The student that is named, or the project's. Raises BadInput when it has no weights here."""
    if student is None and server_of(settings, project, project.student):
        raise BadInput(
            f"{project.student} was asked behind a server: name the student to train (--student), "
            "a hub id or a folder with its weights."
        )
    return parse_ref(student or project.student, settings.checkpoints, settings.models)


def train_again_params(settings: Settings, *, name: str, lineage: Path) -> dict[str, Any]:
    """Freeze the examples that a lineage names and return the parameters of the same run.

    Raises BadInput for a name that is taken or unfit, a lineage or examples that cannot be used,
    and a student that is not there or cannot be trained so here.
    """
    check_name(settings, name)
    known, questions, chosen = from_lineage(lineage)
    start = known.get("start")
    ref = parse_ref(str(start or known.get("base")), settings.checkpoints, settings.models)
    check_run(ref, chosen, shares(None))
    chosen = with_mentor(settings, ref, chosen, shares(None))
    freeze(questions, work_folder(settings.checkpoints, name))
    return {
        "name": name,
        "student": known["base"],
        "start": start,
        "origin": origin_again(known),
        "data_sha256": known["data_sha256"],
        "settings": chosen.to_dict(),
        "again": {name: known.get(name) for name in ("versions", "losses", "mentor")},
    }


def merge_params(settings: Settings, checkpoint: str, name: str) -> dict[str, Any]:
    """The parameters of a job that merges a checkpoint's adapter into its base's weights.

    Raises BadInput for a checkpoint that is not there or has no adapter, and for a name that is
    taken or unfit.
    """
    origin = checkpoint.removeprefix(CHECKPOINT)
    ref = parse_ref(f"{CHECKPOINT}{origin}", settings.checkpoints, settings.models)
    if ref.adapter is None:
        raise BadInput(f"{origin} is a whole model already: use it as it is.")
    check_name(settings, name)
    return {"checkpoint": origin, "name": name}


def check_name(settings: Settings, name: str) -> None:
    """Raise BadInput when a checkpoint cannot have this name, or it is taken."""
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


def free_name(settings: Settings, wanted: str) -> str:
    """A checkpoint's name that is not taken: the wanted one, or with a number behind it."""
    name, number = wanted, 2
    while _is_taken(settings, name):
        name, number = f"{wanted}-{number}", number + 1
    return name


def trained(settings: Settings, project: Project) -> list[Checkpoint]:
    """A project's checkpoints, the newest first."""
    return checkpoints.of_project(connect(settings.database), project.id)


def is_whole(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is a whole model, not an adapter."""
    lineage = checkpoint.lineage
    return "merged_from" in lineage or (lineage.get("settings") or {}).get("method") == "full"


def interrupted_run(
    settings: Settings, project: Project, name: str, kind: str = "train"
) -> jobs.Job:
    """The unfinished job that makes this checkpoint. Raises BadInput when none is."""
    store = connect(settings.database)
    mark_orphans(store)
    for job in jobs.of_kind(store, project.id, kind):
        if job.params["name"] == name and job.resumable:
            return job
    raise BadInput(f"No training of '{name}' was interrupted: start it without --resume.")


def names_made(job: jobs.Job) -> list[str]:
    """The names of the checkpoints that a job makes, so far as it says them before it begins."""
    if job.kind == "ablation":
        return list(job.params["runs"])
    if job.kind == "rounds":
        return [checkpoint_of(job.params["name"], one + 1) for one in range(job.params["rounds"])]
    return [job.params["name"]] if job.kind in ("train", "merge", "prefer") else []


def _is_taken(settings: Settings, name: str) -> bool:
    """Whether a checkpoint, or a run that can still be resumed, has this name."""
    store = connect(settings.database)
    return (
        checkpoints.by_name(store, name) is not None
        or (settings.checkpoints / name).exists()
        or any(
            name in names_made(job) and not _gave_up(settings, job, name)
            for job in jobs.in_state(store, "queued", "running", *jobs.RESUMABLE)
        )
    )


def _gave_up(settings: Settings, job: jobs.Job, name: str) -> bool:
    """Whether a person gave a job up, or a run could not begin: nothing of it is gone on with."""
    if job.given_up:
        return True
    begun = work_folder(settings.checkpoints, name).exists()
    return job.kind in ("train", "prefer") and job.state == "failed" and not begun
