"""A job whose accelerate file divides the student: from a project's texts to a checkpoint."""

from pathlib import Path

import pytest
import yaml

from db import jobs
from db.store import connect
from fair_app.errors import BadInput
from fair_app.jobs.worker import run_now
from fair_app.settings import Settings
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.studio.training import train_params
from fair_app.training.lineage import read_lineage
from tests.browser.taught import taught
from tests.training.tiny import tiny_folder

DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "accelerate" / "fsdp.yaml"


def test_a_job_divides_the_weights_as_its_file_says(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    folder = tiny_folder(tmp_path / "home" / "tiny")
    project = taught(settings)
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(DOCUMENTED.read_text()), "num_processes": 2}))
    asked = {
        "name": "divided",
        "student": str(folder),
        "accelerate": str(file),
    }
    small = {"max_steps": 1, "batch_size": 2, "max_tokens": 600, "lora_rank": 2}
    with pytest.raises(BadInput, match="method full freezes none"):
        train_params(settings, project, **asked, settings_given={**small, "method": "full"})

    params = train_params(settings, project, **asked, settings_given=small)
    assert params["settings"]["quantization"] == "4bit"
    result = run_now(settings, "train", params, project.id)

    assert result["steps"] == 1
    lineage = read_lineage(settings.checkpoints / "divided")
    assert lineage["student"]["kernels"]["weights"] == "divided among 2 processes (FSDP2)"
    job = jobs.listed(connect(settings.database), project.id)[0]
    log = [line.line for line in jobs.log_tail(connect(settings.database), job.id)]
    assert "2 processes train together" in log
    ref = parse_ref("checkpoint:divided", settings.checkpoints, settings.models)
    assert ref.trained_on == "4bit"
    assert load(ref).description["base_quantization"] == "4bit"
