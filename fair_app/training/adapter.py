"""The LoRA adapter: put onto a student, and saved as a checkpoint folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import save
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fair_app.errors import BadInput, WorkFailed
from fair_app.training.files import whole_folder
from fair_app.training.lineage import write_lineage
from fair_app.training.settings import TrainingSettings

ADAPTER_FILE = "adapter_model.safetensors"


def with_adapter(
    model: PreTrainedModel, settings: TrainingSettings, start: Path | None = None
) -> PeftModel:
    """Freeze a base student and add a LoRA adapter (arXiv 2106.09685), which alone is trained.

    Works on plain and on 4-bit weights (QLoRA, arXiv 2305.14314). The adapter computes in the
    model's own dtype: `AdapterOptimizer` keeps its float32 weights. `start` is the folder of an
    adapter of the same base to go on from, as a further round does; it keeps its own rank.

    Raises BadInput when `start` does not fit, WorkFailed for 4-bit weights that were rearranged for
    generation on a processor: bitsandbytes' kernel for those passes no gradient on.
    """
    if any(
        getattr(getattr(parameter, "quant_state", None), "packing_format_for_cpu", False)
        for parameter in model.parameters()
    ):
        raise WorkFailed("This student has answered questions already: load it anew to train it.")
    if start is not None:
        student = _continued(model, start)
    else:
        torch.manual_seed(settings.seed)
        student = get_peft_model(
            model,
            LoraConfig(
                r=settings.lora_rank,
                lora_alpha=settings.lora_alpha,
                lora_dropout=settings.lora_dropout,
                target_modules=settings.lora_target,
                task_type="CAUSAL_LM",
            ),
            autocast_adapter_dtype=False,
        )
    for parameter in student.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(model.dtype)
    if settings.checkpointing:
        model.activation_checkpointing_enable()
    return student


def _continued(model: PreTrainedModel, start: Path) -> PeftModel:
    try:
        return PeftModel.from_pretrained(
            model, start, is_trainable=True, autocast_adapter_dtype=False
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BadInput(f"The adapter in {start} does not fit this student.") from error


def save_checkpoint(
    student: PeftModel,
    weights: dict[str, torch.Tensor],
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    lineage: dict[str, Any],
    extra: Sequence[Path] = (),
) -> None:
    """Write adapter, tokenizer and lineage to a folder, which appears when all of it is there.

    `extra` are files to be copied beside them, such as the examples that were learned from.
    `weights` are the adapter's float32 weights by parameter name (`TrainingResult.weights`).
    Raises BadInput when the folder is there already, WorkFailed when the disk is full.
    """
    config = student.peft_config["default"]
    with whole_folder(folder) as partial:
        config.inference_mode = True
        config.save_pretrained(str(partial))
        tokenizer.save_pretrained(partial)
        write_lineage(partial, lineage)
        for file in extra:
            shutil.copy(file, partial)
        adapter = get_peft_model_state_dict(student, state_dict=weights)
        (partial / ADAPTER_FILE).write_bytes(save(adapter, metadata={"format": "pt"}))
