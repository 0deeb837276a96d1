"""A training run before it begins: can its student be trained so, and where are its texts from."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from db import committee, decisions, mentors, provenance
from db.projects import Project
from db.store import connect
from fair_app.committee.base import Role
from fair_app.committee.prompts import Prompts
from fair_app.curation.acceptance import MENTOR
from fair_app.curation.training_set import WITH_MENTOR, Selection
from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.student.check import look_up, this_machine
from fair_app.student.registry import StudentRef
from fair_app.training.dividing import check_accelerate, check_method
from fair_app.training.examples import TrainingQuestion, examples_hash
from fair_app.training.frozen import EXAMPLES, read_examples
from fair_app.training.lineage import read_lineage_file
from fair_app.training.memory import check_fits
from fair_app.training.preferences import STAGE
from fair_app.training.settings import ALL_LINEAR, TrainingSettings, chosen_settings
from fair_app.training.shape import rough_shape, shape_of

Texts = TypeVar("Texts")
Chosen = TypeVar("Chosen")
ORIGIN = (
    "project",
    "task",
    "exam",
    "teacher",
    "keep_rule",
    "rationales",
    "with_feedback",
    "teachers",
    "prompts",
    "threshold",
    "rule",
    "decisions",
    "ledger",
    "ablation",
    "round",
)
"""What a lineage says of where its texts are from."""


def checked_settings(
    ref: StudentRef, preset: str, given: Mapping[str, Any], parts: int = 1
) -> TrainingSettings:
    """A preset with what is given in its place, checked against the student and the machine.

    The adapter of a checkpoint goes on upon the weights that it was trained on. `parts`: among how
    many processes the student's weights are divided.
    Raises BadInput when a setting makes no sense, when the student lacks a target module, or when
    the machine cannot hold the run; it says what would fit.
    """
    settings = chosen_settings(preset, given)
    if ref.adapter is not None and settings.method != "full":
        if given.get("quantization") not in (None, ref.trained_on):
            raise BadInput(
                f"{ref.ref} was trained with quantization {ref.trained_on} and goes on with it: "
                "choose that, or leave it out."
            )
        settings = replace(settings, quantization=ref.trained_on)
    check_run(ref, settings, parts)
    return settings


def check_run(ref: StudentRef, settings: TrainingSettings, parts: int = 1) -> None:
    """Raise BadInput when a student lacks a target module, or the machine cannot hold the run.

    Of a student of the hub that is not on this machine only the size is known; where the hub cannot
    be asked, nothing is, and the run itself will tell.
    """
    check_method(settings.method, parts)
    shape = shape_of(ref)
    if shape is None and ref.base_kind == "hub":
        try:
            parameters = look_up(ref.source).parameters
        except WorkFailed:
            return
        shape = rough_shape(parameters) if parameters else None
        settings = replace(settings, lora_target=ALL_LINEAR)
    if shape is not None:
        check_fits(ref.base, shape, settings, this_machine(), parts)


def launch_of(processes: int | None, config: str | None) -> dict[str, Any] | None:
    """How a run's job starts its processes with accelerate; None for the job's own process alone.

    `config` is a file that `accelerate config` wrote. Raises BadInput for a number that is none,
    a file that is not there or asks for what is not done here, or both at once.
    """
    if config:
        if processes not in (None, 1):
            raise BadInput("The accelerate file says how many processes: leave out the number.")
        if not Path(config).is_file():
            raise BadInput(f"There is no accelerate file {config}: write one (accelerate config).")
        check_accelerate(Path(config))
        return {"config": str(Path(config).resolve())}
    if processes is not None and processes < 1:
        raise BadInput(f"{processes} processes cannot train: give 1 or more.")
    return {"processes": processes} if processes and processes > 1 else None


def origin(
    settings: Settings,
    project: Project,
    selection: Selection,
) -> dict[str, Any]:
    """Where the texts of a run are from, as its lineage says it (but for what was decided)."""
    store = connect(settings.database)
    prompts = Prompts(committee.templates(store, project.id))
    by_mentor = selection.teacher in (WITH_MENTOR, MENTOR)
    mentor = mentors.of_project(store, project.id) if by_mentor else None
    return {
        "project": project.name,
        "task": project.task,
        "exam": project.exam_id,
        **asdict(selection),
        "teachers": [
            {"name": one.name, "simulated": one.simulated, "spec": one.spec}
            for one in [*committee.teachers(store, project.id), *([mentor] if mentor else [])]
        ],
        "prompts": {role.value: prompts.hash(role) for role in Role},
    }


def origin_again(known: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a run that is made again: its texts are handed to it ready-made."""
    return {**{key: known[key] for key in ORIGIN if key in known}, "ready_made": True}


def curated_origin(
    settings: Settings,
    project: Project,
    selection: Selection,
) -> dict[str, Any]:
    """Where the texts of a run are from, and by which rule and decisions they were chosen.

    It speaks of one moment together with the texts where both are read in one `reading`.
    """
    return {
        **origin(settings, project, selection),
        "threshold": project.threshold,
        "rule": project.rule,
        "decisions": decisions.revision(connect(settings.database), project.id),
        "ledger": extent(settings, project),
    }


def extent(settings: Settings, project: Project) -> dict[str, Any]:
    """How far what a run learns from goes: the committee by its ids with the mentor's behind them,
    and the last ids of their texts and of the decisions.

    By them the training set can be made again, whatever is added to the ledger (`replay`).
    """
    store = connect(settings.database)
    mentor = mentors.of_project(store, project.id)
    authors = [*committee.teachers(store, project.id), *([mentor] if mentor else [])]
    return {
        "teachers": [one.id for one in authors],
        **asdict(provenance.extent(store, project.id)),
        "decisions": decisions.revision(store, project.id),
    }


def _in_its_passes(settings: TrainingSettings, result: Mapping[str, Any]) -> TrainingSettings:
    """With what fitted then: in bfloat16 other passes round differently; and with soft labels that
    are come by as they were."""
    if "soft_labels" in result:
        settings = replace(settings, soft_labels=result["soft_labels"])
    if "tokens_per_pass" not in result:
        return settings
    return replace(
        settings,
        tokens_per_pass=result["tokens_per_pass"],
        checkpointing=result.get("checkpointing", settings.checkpointing),
    )


def from_lineage(file: Path) -> tuple[dict[str, Any], list[TrainingQuestion], TrainingSettings]:
    """Read a lineage, the examples beside it, and the settings of the run that it tells of.

    Raises BadInput as `run_of_lineage` does.
    """
    lineage, questions, chosen = run_of_lineage(
        file, "train", EXAMPLES, read_examples, examples_hash, TrainingSettings
    )
    return lineage, questions, _in_its_passes(chosen, lineage.get("result") or {})


def run_of_lineage(
    file: Path,
    command: Literal["train", "prefer"],
    texts_file: str,
    read: Callable[[Path], Texts],
    sha256: Callable[[Texts], str],
    settings: Callable[..., Chosen],
) -> tuple[dict[str, Any], Texts, Chosen]:
    """What a run of a command is made again from: lineage, the texts beside it, its settings.

    `file` is a `lineage.json` or its checkpoint's folder. Raises BadInput when something is
    missing, another command made it, or the texts are not those that the lineage names.
    """
    lineage = read_lineage_file(file)
    folder = file if file.is_dir() else file.parent
    if "merged_from" in lineage:
        raise BadInput(f"{folder.name} was merged, not trained: give the lineage of its origin.")
    made_by = "prefer" if lineage.get("stage") == STAGE else "train"
    if made_by != command:
        raise BadInput(
            f"{folder.name} was made by `{made_by}`: `{made_by} --from-lineage` reads it."
        )
    texts = read(folder)
    if sha256(texts) != lineage.get("data_sha256"):
        raise BadInput(
            f"The {texts_file} beside {file.name} is not the one of this lineage: give the folder "
            "of the checkpoint as it was saved."
        )
    try:
        chosen = settings(**lineage["settings"])
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"{file} does not hold the settings of a run of `{command}`: give a checkpoint's "
            "folder as it was saved."
        ) from error
    return lineage, texts, chosen
