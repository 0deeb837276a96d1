import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from fair_app.errors import BadInput, WorkFailed
from fair_app.training.checkpoint import save_checkpoint
from fair_app.training.lineage import read_lineage, versions, write_lineage
from fair_app.training.methods import with_adapter
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import TrainingResult, train
from tests.full_disk import disk_of
from tests.training.tiny import questions, tiny_model, tiny_tokenizer

SETTINGS = TrainingSettings(
    epochs=1, batch_size=2, learning_rate=0.05, lora_rank=4, quantization="none"
)
LINEAGE: dict[str, Any] = {
    "base": "smollm2-135m",
    "quantization": "none",
    "settings": SETTINGS.to_dict(),
    "teachers": ["ann", "bob"],
    "versions": versions(),
}


def trained(state: Path, start: Path | None = None) -> tuple[PeftModel, TrainingResult]:
    student = with_adapter(tiny_model(), SETTINGS, start)
    return student, train(student, tiny_tokenizer(), questions(4), SETTINGS, state)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PeftModel]:
    home = tmp_path_factory.mktemp("home")
    student, result = trained(home / "state")
    save_checkpoint(student, result.weights, tiny_tokenizer(), home / "round-1", LINEAGE)
    return home / "round-1", student


def logits(model: torch.nn.Module) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        return model(input_ids=torch.arange(1, 40)[None]).logits


def test_a_checkpoint_loads_as_the_student_that_was_trained(
    checkpoint: tuple[Path, PeftModel],
) -> None:
    folder, student = checkpoint
    loaded = PeftModel.from_pretrained(tiny_model(), folder)

    torch.testing.assert_close(logits(loaded), logits(student))
    assert (logits(tiny_model()) - logits(student)).abs().max() > 0.01


def test_a_checkpoint_has_adapter_tokenizer_and_lineage_and_no_pickle(
    checkpoint: tuple[Path, PeftModel],
) -> None:
    folder, _ = checkpoint
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "adapter_model.safetensors",
        "adapter_config.json",
        "tokenizer.json",
        "lineage.json",
        "README.md",
    }
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".jinja", ".md"}
    assert read_lineage(folder) == LINEAGE
    assert json.loads((folder / "adapter_config.json").read_text())["inference_mode"]
    assert [path.name for path in folder.parent.glob(".*")] == []


def test_a_further_round_goes_on_from_an_adapter(
    checkpoint: tuple[Path, PeftModel], tmp_path: Path
) -> None:
    folder, student = checkpoint
    again = with_adapter(tiny_model(), SETTINGS, folder)
    torch.testing.assert_close(logits(again), logits(student))

    further, result = trained(tmp_path / "state", folder)
    assert (logits(further) - logits(student)).abs().max() > 0.01
    assert result.steps == 2


def test_an_adapter_of_another_model_is_bad_input(
    checkpoint: tuple[Path, PeftModel], tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="does not fit"):
        with_adapter(tiny_model(), SETTINGS, tmp_path)


def test_a_name_that_is_taken_is_bad_input(checkpoint: tuple[Path, PeftModel]) -> None:
    folder, student = checkpoint
    before = (folder / "lineage.json").stat()
    with pytest.raises(BadInput, match="there already"):
        save_checkpoint(student, {}, tiny_tokenizer(), folder, LINEAGE)
    assert (folder / "lineage.json").stat() == before


# too small for the first file, for the tokenizer, for the adapter
@pytest.mark.parametrize("size", [0, 3000, 10_000])
def test_a_full_disk_leaves_nothing_of_a_checkpoint(tmp_path: Path, size: int) -> None:
    student, result = trained(tmp_path / "state")
    for file in tmp_path.iterdir():
        file.unlink()
    with disk_of(size), pytest.raises(WorkFailed, match="disk is full"):
        save_checkpoint(student, result.weights, tiny_tokenizer(), tmp_path / "full", LINEAGE)
    assert list(tmp_path.iterdir()) == []


def test_a_lineage_without_its_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="base"):
        write_lineage(tmp_path, {"quantization": "4bit"})


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_a_lineage_that_cannot_be_read_is_bad_input(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "lineage.json").write_text(content)
    with pytest.raises(BadInput, match=r"lineage\.json"):
        read_lineage(tmp_path)
