"""A trained student as a folder: adapter or whole model, tokenizer, lineage and model card."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import save
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fair_app.training.card import CARD_FILE, model_card
from fair_app.training.lineage import write_lineage
from fair_app.training.methods import Trainee
from fair_app.whole_files import whole_folder

ADAPTER_FILE = "adapter_model.safetensors"


def save_checkpoint(
    student: Trainee,
    weights: dict[str, torch.Tensor],
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    lineage: dict[str, Any],
    extra: Sequence[Path] = (),
) -> None:
    """Write a student to a folder, which appears when all of it is there.

    `weights` are the trained float32 weights by parameter name (`TrainingResult.weights`): an
    adapter is kept in float32, a whole model in the dtype that it computes with. `extra` are files
    to be copied beside them, such as the examples that were learned from.
    Raises BadInput when the folder is there already, WorkFailed when the disk is full.
    """
    with whole_folder(folder) as partial:
        if isinstance(student, PeftModel):
            _save_adapter(student, weights, partial)
        else:
            _save_model(student, weights, partial)
        tokenizer.save_pretrained(partial)
        write_lineage(partial, lineage)
        (partial / CARD_FILE).write_text(model_card(folder.name, lineage), encoding="utf-8")
        for file in extra:
            shutil.copy(file, partial)


def _save_adapter(student: PeftModel, weights: dict[str, torch.Tensor], folder: Path) -> None:
    config = student.peft_config["default"]
    config.inference_mode = True
    config.save_pretrained(str(folder))
    adapter = get_peft_model_state_dict(student, state_dict=weights)
    (folder / ADAPTER_FILE).write_bytes(save(adapter, metadata={"format": "pt"}))


def _save_model(student: PreTrainedModel, weights: dict[str, torch.Tensor], folder: Path) -> None:
    for name, parameter in student.named_parameters():
        if name in weights:
            parameter.data.copy_(weights[name])
    student.save_pretrained(folder)
