"""The training page's own logic: presets into fields, fields into settings, metrics into curves."""

from pathlib import Path

import gradio as gr
import pytest

from db import jobs
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio.projects import create_project
from fair_app.training.settings import PRESETS, QUICK, chosen_settings
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
