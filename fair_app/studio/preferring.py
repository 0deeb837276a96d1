"""Preference runs (DPO), the second stage of a checkpoint: what one learns from, and its job."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from db.projects import Project
from db.store import connect, reading
from fair_app.curation.training_set import Selection, training_set
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT, StudentRef, parse_ref
from fair_app.studio.review import rule_of
from fair_app.studio.training import check_name
from fair_app.studio.training_material import material
from fair_app.studio.training_start import (
    check_run,
    curated_origin,
    origin_again,
    run_of_lineage,
)
from fair_app.training.frozen import work_folder
from fair_app.training.lineage import read_lineage_file
from fair_app.training.preferences import (
    NO_ENCODER,
    PREFERENCES,
    SETTINGS,
    Preference,
    PreferenceSettings,
    freeze_preferences,
    preferences,
    preferences_hash,
    read_preferences,
)
from fair_app.training.settings import TrainingSettings
from fair_app.training.shape import shape_of


def project_preferences(settings: Settings, project: Project) -> list[Preference]:
    """Every accepted rationale against the student's wrong answer. Raises BadInput for none."""
    found = material(settings, project)
    rows = training_set(
        found.board.rows,
        found.texts,
        rule_of(project),
        found.feedback,
        found.board.states,
        Selection(with_feedback=False),
    )
    unended = {one.question_id for one in found.answers.values() if one.truncated}
    return preferences(found.examples(rows), unended)


def prefer_params(
    settings: Settings,
    project: Project,
    *,
    checkpoint: str,
    name: str,
    settings_given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Freeze the preferences of a run and return the parameters of its job, checked.

    An adapter goes on, and its copy is the reference; a whole model gets an adapter, and is the
    reference itself. What is not given (None) has its default.
    Raises BadInput where trl is missing, for a name that is taken or unfit, settings out of range,
    no such checkpoint, one that cannot be trained here, and where there is nothing to prefer.
    """
    check_installed()
    check_name(settings, name)
    if not checkpoint:
        raise BadInput("Say which checkpoint goes on: `train` makes the first.")
    given = {key: value for key, value in (settings_given or {}).items() if value is not None}
    if unknown := given.keys() - set(SETTINGS):
        raise BadInput(
            f"There is no preference setting {', '.join(sorted(unknown))}: there are "
            f"{', '.join(SETTINGS)}."
        )
    chosen = PreferenceSettings(**given)
    ref = parse_ref(
        f"{CHECKPOINT}{checkpoint.removeprefix(CHECKPOINT)}",
        settings.checkpoints,
        settings.models,
    )
    _check_fits(ref, chosen)
    store = connect(settings.database)
    with reading(store):  # the lineage speaks of the moment that the texts are of
        source = curated_origin(settings, project, Selection(keep_rule=True))
        found = project_preferences(settings, project)
    freeze_preferences(found, work_folder(settings.checkpoints, name))
    return {
        "name": name,
        "student": ref.base,
        "start": ref.ref if ref.adapter else None,
        "quantization": ref.trained_on,
        "method": _method(ref),
        "origin": source,
        "data_sha256": preferences_hash(found),
        "settings": asdict(chosen),
    }


def prefer_again_params(settings: Settings, *, name: str, lineage: Path) -> dict[str, Any]:
    """Freeze the preferences beside a lineage and return the parameters of the same run.

    Raises BadInput as `prefer_params`, and for a lineage or preferences that cannot be used.
    """
    check_installed()
    check_name(settings, name)
    known, found, chosen = run_of_lineage(
        lineage, "prefer", PREFERENCES, read_preferences, preferences_hash, PreferenceSettings
    )
    start = known.get("start")
    ref = parse_ref(str(start or known.get("base")), settings.checkpoints, settings.models)
    _check_fits(ref, chosen)
    freeze_preferences(found, work_folder(settings.checkpoints, name))
    return {
        "name": name,
        "student": known["base"],
        "start": start,
        "quantization": known["quantization"],
        "method": known.get("method", "lora"),
        "origin": origin_again(known),
        "data_sha256": known["data_sha256"],
        "settings": asdict(chosen),
        "again": {"versions": known.get("versions"), "losses": known.get("losses")},
    }


def check_installed() -> None:
    """Raise BadInput where TRL, an optional dependency, is not installed."""
    if find_spec("trl") is None:
        raise BadInput(
            "Preferences are learned with TRL, which is not installed: "
            "`pip install -r requirements-dpo.txt`."
        )


def _check_fits(ref: StudentRef, chosen: PreferenceSettings) -> None:
    """Raise BadInput for a student with an encoder, and when the machine cannot hold the run: both
    sides of a pass at once."""
    shape = shape_of(ref)
    if shape is not None and shape.has_encoder:
        raise BadInput(NO_ENCODER)
    needed = TrainingSettings(
        quantization=ref.trained_on,
        max_tokens=2 * chosen.pass_size * chosen.max_tokens,
    )
    check_run(ref, needed)


def _method(ref: StudentRef) -> str:
    """The method of the adapter that goes on; a new one is a LoRA."""
    if ref.adapter is None:
        return "lora"
    known = read_lineage_file(ref.adapter)
    return str((known.get("settings") or {}).get("method") or known.get("method") or "lora")
