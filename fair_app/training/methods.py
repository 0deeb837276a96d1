"""What of a student is trained: an adapter as PEFT has them, or all weights."""

from pathlib import Path
from typing import TypeAlias

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from fair_app.errors import BadInput, WorkFailed
from fair_app.student.encoder_decoder import is_encoder_decoder
from fair_app.student.out_of_memory import adapter_must_fit
from fair_app.training.settings import TrainingSettings
from fair_app.training.shape import check_targets

Trainee: TypeAlias = PreTrainedModel | PeftModel
KERNEL_FOR_GENERATION = "support_avx512bf16_for_cpu"
"""Whether a 4-bit layer of bitsandbytes rearranges its weights when it is evaluated."""


def trainee(
    model: PreTrainedModel, settings: TrainingSettings, start: Path | None = None
) -> Trainee:
    """Make a loaded student trainable by the method that the settings name.

    Raises BadInput when a target module is missing or `start` does not fit (see `with_adapter`).
    """
    if settings.method == "full":
        return with_all_weights(model, settings)
    return with_adapter(model, settings, start)


def causal_model(student: Trainee) -> PreTrainedModel:
    """The language model itself; with an adapter, the one that holds its layers."""
    return student.get_base_model() if isinstance(student, PeftModel) else student


def with_all_weights(model: PreTrainedModel, settings: TrainingSettings) -> PreTrainedModel:
    """Train every weight of a student. Raises BadInput when they are quantized."""
    if any(not parameter.is_floating_point() for parameter in model.parameters()):
        raise BadInput("All weights can be tuned only where they are plain: take another student.")
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    if settings.checkpointing:
        model.activation_checkpointing_enable()
    return model


def with_adapter(
    model: PreTrainedModel, settings: TrainingSettings, start: Path | None = None
) -> PeftModel:
    """Freeze a base student and add an adapter, which alone is trained.

    Works on plain and on 4-bit weights (QLoRA, arXiv 2305.14314). The adapter computes in the
    model's own dtype: `MasterAdamW` keeps its float32 weights. `start` is the folder of an
    adapter of the same base to go on from, as a further round does; it keeps its own rank.

    Raises BadInput when `start` does not fit or a target module is missing, WorkFailed for 4-bit
    weights that were rearranged for generation on a processor: bitsandbytes' kernel for those
    passes no gradient on.
    """
    if any(
        getattr(getattr(parameter, "quant_state", None), "packing_format_for_cpu", False)
        for parameter in model.parameters()
    ):
        raise WorkFailed("This student has answered questions already: load it anew to train it.")
    for module in model.modules():
        # else held-out questions would be answered with weights rearranged in that way
        if hasattr(module, KERNEL_FOR_GENERATION):
            setattr(module, KERNEL_FOR_GENERATION, False)
    student = _continued(model, start) if start else _begun(model, settings)
    for parameter in student.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(model.dtype)
    if settings.checkpointing:
        model.activation_checkpointing_enable()
    return student


def _begun(model: PreTrainedModel, settings: TrainingSettings) -> PeftModel:
    targets = settings.targets
    if not isinstance(targets, str):
        takes_one = torch.nn.Linear | torch.nn.Embedding | Conv1D
        check_targets(
            targets,
            [name for name, module in model.named_modules() if isinstance(module, takes_one)],
        )
    torch.manual_seed(settings.seed)
    return get_peft_model(
        model,
        LoraConfig(
            r=settings.lora_rank,
            lora_alpha=settings.lora_alpha,
            lora_dropout=settings.lora_dropout,
            target_modules=targets,
            use_rslora=settings.method == "rslora",
            use_dora=settings.method == "dora",
            task_type="SEQ_2_SEQ_LM" if is_encoder_decoder(model) else "CAUSAL_LM",
        ),
        autocast_adapter_dtype=False,
    )


def _continued(model: PreTrainedModel, start: Path) -> PeftModel:
    with adapter_must_fit(start):
        return PeftModel.from_pretrained(
            model, start, is_trainable=True, autocast_adapter_dtype=False
        )
