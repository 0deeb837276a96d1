"""The training page's own logic: presets into fields, fields into settings, metrics into curves."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from db import jobs
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio.projects import create_project
from fair_app.training.settings import PRESETS, QUICK, TrainingSettings, chosen_settings
from pages.components.training_curves import training_curves
from pages.components.training_fields import PRESET_TITLES, TrainingFields


@pytest.fixture(scope="module")
def fields() -> TrainingFields:
    with gr.Blocks():
        made = TrainingFields()
        made.main()
        made.more()
    return made


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_in_the_fields_is_the_run_of_that_preset(
    fields: TrainingFields, preset: str
) -> None:
    assert preset in PRESET_TITLES
    found = chosen_settings(QUICK, fields.given(fields.filled(preset)))
    assert found == PRESETS[preset]


def test_an_emptied_field_is_not_set(fields: TrainingFields) -> None:
    values = dict(zip(fields.names, fields.filled("balanced"), strict=True))
    values |= {"patience": None, "epochs": 3.0, "lora_target": "q_proj", "max_steps": 0}
    found = chosen_settings(QUICK, fields.given([values[name] for name in fields.names]))
    assert (found.patience, found.epochs, found.lora_target) == (None, 3, "q_proj")
    assert found.max_steps is None
    assert isinstance(found.epochs, int)


def test_soft_labels_are_asked_for_by_naming_a_mentor() -> None:
    with gr.Blocks():
        made = TrainingFields()
        made.main()
        made.soft()
        made.more()
    shown = dict(zip(made.names, (one.value for one in made.components), strict=True))
    assert (shown["mentor"], shown["soft_weight"], shown["tau"]) == (None, 0.3, 2.0)

    def asked(**changed: Any) -> TrainingSettings:
        values = {**shown, **changed}
        return chosen_settings(QUICK, made.given([values[name] for name in made.names]))

    assert asked() == PRESETS[QUICK]
    assert asked(mentor="  ", soft_weight=0.8) == PRESETS[QUICK]
    found = asked(mentor=" checkpoint:big ", soft_weight=0.8, tau=1.5)
    assert (found.mentor, found.soft_weight, found.tau) == ("checkpoint:big", 0.8, 1.5)
    # a preset says nothing of a mentor: what was chosen stays
    filled = dict(zip(made.names, made.filled("paper"), strict=True))
    assert filled["mentor"] == filled["soft_weight"] == filled["tau"] == gr.skip()


def test_the_divergence_from_a_mentor_has_a_curve_of_its_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    project = create_project(settings, "made", "arithmetic", "smollm2-135m")
    store = connect(settings.database)
    job = jobs.add(store, "train", {"name": "x"}, project.id)
    for step in range(3):
        jobs.add_metrics(store, job, step, {"loss": 3.0, "loss_rationale": 2.0})
    assert "Soft" not in training_curves(settings, project)
    for step in range(3):
        jobs.add_metrics(store, job, step, {"loss_soft": 0.25})
    assert "Soft <b>0.25</b>" in training_curves(settings, project)


def test_curves_of_the_newest_run(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    project = create_project(settings, "made", "arithmetic", "smollm2-135m")
    assert training_curves(settings, project) == ""
    store = connect(settings.database)
    job = jobs.add(store, "train", {"name": "x"}, project.id)
    for step in range(4):
        held = {"validation_loss": 2.0, "validation_feedback": 1.0, "validation_rationale": 3.0}
        values = {"loss": 3.0, "learning_rate": 1e-5, "tokens_per_second": 1234.0, "memory_gb": 4.2}
        jobs.add_metrics(store, job, step, values if step else {**values, **held})
        if step == 0:
            assert "Held-out losses" not in training_curves(settings, project)
        jobs.add_metrics(store, job, step, held)
    drawn = training_curves(settings, project)
    assert drawn.count("<figure") == 3
    assert "<b>1e-05</b>" in drawn
    assert "1,234" in drawn
    assert "4.2 GB" in drawn
