"""Several processes with a mentor train as one does, and share the work of storing."""

from pathlib import Path

import pytest

from fair_app.training import soft_store
from tests.training.soft_launched import SHARD, run, run_in_small_files
from tests.training.tiny import tiny_folder, tiny_model, tiny_tokenizer
from tests.training.together import together


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    tiny_folder(folder / "student")
    tiny_model(1).bfloat16().save_pretrained(folder / "mentor")
    tiny_tokenizer().save_pretrained(folder / "mentor")
    return folder


def test_two_processes_have_the_losses_of_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_store, "SHARD", SHARD)
    one = run(home, "stored")
    two = together(2, run_in_small_files, home, "stored")
    assert (one["processes"], two["processes"]) == (1, 2)
    assert one["files"] == two["files"] > 3
    # the mentor's bfloat16 rounds differently with what stands beside a text
    for ours, theirs in zip(two["losses"], one["losses"], strict=True):
        assert len(ours) == 4
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert two["held"] == pytest.approx(one["held"], rel=1e-3)
    assert two["weights"] == pytest.approx(one["weights"], rel=1e-3)
