"""Several processes with a mentor train as one does, and share the work of storing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fair_app.training import soft_store
from tests.training.soft_launched import run
from tests.training.test_processes import REPOSITORY
from tests.training.tiny import tiny_folder, tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    tiny_folder(folder / "student")
    tiny_model(1).bfloat16().save_pretrained(folder / "mentor")
    tiny_tokenizer().save_pretrained(folder / "mentor")
    return folder


def by_two(home: Path, how: str) -> Any:
    """What the first of two processes tells."""
    command = [
        *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"),
        *("--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),
        *("-m", "tests.training.soft_launched", str(home), how),
    ]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
    return json.loads(line)


def test_two_processes_have_the_losses_of_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_store, "SHARD", 60)
    one, two = run(home, "stored"), by_two(home, "stored")
    assert (one["processes"], two["processes"]) == (1, 2)
    assert one["files"] == two["files"] > 3
    # the mentor's bfloat16 rounds differently with what stands beside a text
    for ours, theirs in zip(two["losses"], one["losses"], strict=True):
        assert len(ours) == 4
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert two["held"] == pytest.approx(one["held"], rel=1e-3)
    assert two["weights"] == pytest.approx(one["weights"], rel=1e-3)
