"""What ends a run early, provoked for real: memory, the disk, a loss that is no number."""

import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from db import jobs
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs import queue
from fair_app.jobs.worker import run_job, run_now
from fair_app.settings import Settings
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.examples import draw_pairs
from fair_app.training.lineage import read_lineage
from fair_app.training.loss import step_loss
from fair_app.training.methods import trainee
from fair_app.training.packing import make_step
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Diverged, Reports, StepMetrics, train
from tests.browser.taught import taught
from tests.training.limited import LimitedRun, limited_runs
from tests.training.tiny import pool, questions, tiny_model, tiny_tokenizer
from tests.training.tiny_home import asked_for, tiny_home
from tests.training.together import together


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> list[LimitedRun]:
    """Runs that may take 2 and 60 MB more than their process has, and one that may take all."""
    return together(1, limited_runs, tmp_path_factory.mktemp("limited"), (0.002, 0.06, None))


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts all memory on Linux only")
def test_out_of_memory_is_tried_again_in_smaller_passes_with_the_same_loss(
    limited: list[LimitedRun],
) -> None:
    _, (losses, said), (whole, nothing_said) = limited

    assert nothing_said == []
    assert said
    assert all("out of memory: tried again with" in line for line in said)
    assert "20 questions still, and the same loss" in said[0]
    assert losses == pytest.approx(whole, rel=1e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts all memory on Linux only")
def test_memory_that_is_too_little_for_anything_ends_the_run_with_a_sentence(
    limited: list[LimitedRun],
) -> None:
    losses, said = limited[0]
    assert losses == []
    assert said[-1].startswith("failed: There is not enough memory for this run")
    assert len(said) > 3


WILD = TrainingSettings(
    epochs=6,
    batch_size=2,
    learning_rate=1e18,
    warmup=0.9,
    lora_rank=4,
    quantization="none",
)


def test_a_wild_learning_rate_ends_with_the_last_good_state(tmp_path: Path) -> None:
    seen: list[StepMetrics] = []
    student = trainee(tiny_model(), WILD)
    with pytest.raises(Diverged, match=r"no longer a number in step \d+.*below 1e\+18") as stopped:
        train(
            student,
            tiny_tokenizer(),
            questions(5),
            WILD,
            tmp_path / "state",
            reports=Reports(seen.append),
            save_every=1,
        )
    result = stopped.value.result
    assert result is not None
    # what the last step left gave no number, or no gradient that was one
    assert 1 <= result.steps <= len(seen)
    assert [one[0] for one in result.losses] == [one.loss for one in seen[: result.steps]]
    found = pool(questions(5))
    pairs = found.examples(draw_pairs(found.questions, 0, WILD.seed)[2 * result.steps :][:2])
    after = step_loss(student.get_base_model(), make_step(pairs, 0.5, 10_000), learn=False)
    assert math.isfinite(after.total)


def test_where_the_first_step_already_fails_nothing_is_kept(tmp_path: Path) -> None:
    settings = replace(WILD, learning_rate=1e30)
    with pytest.raises(Diverged, match="step 2") as stopped:
        train(
            trainee(tiny_model(), settings),
            tiny_tokenizer(),
            questions(5),
            settings,
            tmp_path / "state",
        )
    assert stopped.value.result is None


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_home(tmp_path)


def params(settings: Settings, project: Project, name: str, **changed: Any) -> dict[str, Any]:
    small = {"epochs": 6, "batch_size": 1, "learning_rate": 0.01, "lora_rank": 4}
    return asked_for(settings, project, name, {**small, "max_tokens": 600, **changed})


def test_a_job_whose_loss_is_no_number_says_so_and_leaves_a_checkpoint(settings: Settings) -> None:
    project = taught(settings)
    asked = params(settings, project, "wild", learning_rate=1e18, warmup=0.9)
    with pytest.raises(WorkFailed, match=r"no longer a number.*after step \d+ is kept as wild"):
        run_now(settings, "train", asked, project.id)

    job = jobs.listed(connect(settings.database), project.id)[0]
    assert job.state == "failed"
    assert job.error is not None
    assert job.error.startswith("The loss is no longer a number in step ")
    lineage = read_lineage(settings.checkpoints / "wild")
    assert lineage["result"]["stopped"] == job.error
    model = load(parse_ref("checkpoint:wild", settings.checkpoints, settings.models)).model
    assert all(weight.isfinite().all() for weight in model.parameters())
    # resuming cannot help, and says the same
    queue.resume(settings, job.id)
    with pytest.raises(WorkFailed, match="no longer a number"):
        run_job(settings, job.id)
    with pytest.raises(BadInput, match="taken"):
        params(settings, project, "wild")


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of so many bytes, in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("a file system cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_job_on_a_full_disk_goes_on_when_there_is_room_again(settings: Settings) -> None:
    project = taught(settings)
    whole = run_now(settings, "train", params(settings, project, "whole"), project.id)
    losses = read_lineage(settings.checkpoints / "whole")["losses"]
    shutil.rmtree(settings.checkpoints)

    with small_disk(settings.checkpoints, 1_000_000):
        asked = params(settings, project, "full")
        filler = settings.checkpoints / "filler"
        free = shutil.disk_usage(settings.checkpoints).free
        filler.write_bytes(b"\0" * (free - 150_000))  # room for a state, not for two
        with pytest.raises(WorkFailed, match="disk is full"):
            run_now(settings, "train", asked, project.id)
        job = jobs.listed(connect(settings.database), project.id)[0]
        assert job.state == "failed"
        assert [path.name for path in settings.checkpoints.iterdir() if path != filler] == [
            ".full.training"
        ]
        filler.unlink()
        queue.resume(settings, job.id)
        again = run_job(settings, job.id)
        assert read_lineage(settings.checkpoints / "full")["losses"] == losses
    assert again["loss"] == whole["loss"]
    assert torch.tensor(losses).isfinite().all()
