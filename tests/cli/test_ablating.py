"""`ablate` from the command line: planned, run on a tiny model, and what it prints."""

from pathlib import Path

import pytest

from db import jobs
from db.store import connect
from fair_app.settings import Settings
from fair_app.training.lineage import read_lineage
from tests.browser.taught import taught
from tests.cli.lines import run
from tests.jobs.here import run_parts_here
from tests.training.tiny import tiny_folder


def test_an_ablation_of_two_arms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    run_parts_here(monkeypatch, "test abl-threshold-0")
    tiny_folder(tmp_path / "tiny")
    project = taught(settings)
    asked = [
        *("ablate", "--home", tmp_path, "--project", project.name, "--name", "abl"),
        *("--student", tmp_path / "tiny", "--threshold", "0,3", "--max-steps", 1),
        *("--quantization", "none", "--lora-rank", 2, "--max-tokens", 600),
        *("--limit", 8, "--max-new-tokens", 4),
    ]
    code, plan, err = run(capsys, *asked, "--dry-run")
    assert code == 0, err
    assert (plan["runs"], plan["tests"], plan["steps"], plan["test_questions"]) == (2, 3, 2, 8)
    assert [one["rationales"] for one in plan["arms"]] == [7, 13]
    assert plan["seconds"] is None
    assert jobs.listed(connect(settings.database)) == []

    code, found, err = run(capsys, *asked)
    assert code == 0, err
    assert "test abl-threshold-0: answering, 8 of 8" in err
    base, other = found["arms"]
    assert (base["arm"], other["arm"]) == ("the project's setting", "threshold 0")
    assert (base["checkpoint"], other["checkpoint"]) == ("abl-base", "abl-threshold-0")
    for row in (base, other):
        assert (row["state"], row["steps"], row["n"]) == ("done", 1, 8)
        low, high = row["ci95"]
        assert low <= row["accuracy"] <= high
        assert row["difference"]["p_value"] <= row["difference"]["p_holm"] <= 1
    assert base["difference_to_setting"] is None
    assert other["difference_to_setting"] is not None
    assert found["student"]["n"] == 8
    assert [one["seeds"] for one in found["means"]] == [1, 1]
    assert (found["leaked"]["of"], found["leaked"]["exact"], found["warning"]) == (8, 0, None)
    lineage = read_lineage(settings.checkpoints / "abl-threshold-0")
    assert (lineage["threshold"], lineage["ablation"]["name"]) == (0.0, "abl")
    parts = [job for job in jobs.listed(connect(settings.database)) if job.parent_id]
    assert len(parts) == 5
    assert {job.state for job in parts} == {"succeeded"}
    # now its time is known
    assert run(capsys, *asked, "--dry-run")[1]["seconds"] > 0

    for more, complaint in (
        ([], "'abl-base' is taken"),
        (["--resume"], "No ablation 'abl' was interrupted"),
        (["--threshold", "none"], "not a list of numbers"),
    ):
        code, _, err = run(capsys, *asked, *more)
        assert code == 2
        assert complaint in err
