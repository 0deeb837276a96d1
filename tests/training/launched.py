"""A run on the tiny model, in one process or in one of several."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from fair_app.errors import Cancelled
from fair_app.training.methods import Trainee, causal_model, trainee
from fair_app.training.processes import joined
from fair_app.training.settings import TrainingSettings
from fair_app.training.sharding import PROCESSOR, divide, in_turn, mesh_of
from fair_app.training.trainer import Reports, StepMetrics, train
from fair_app.training.validation import Validation
from tests.training.tiny import questions, tiny_model, tiny_tokenizer


def in_4_bits(folder: str) -> PreTrainedModel:
    """A saved model as NF4 weights that compute in float32."""
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        ),
    )


def told(state: Path, settings: TrainingSettings, stop: int | None = None) -> dict[str, Any] | None:
    """Train in this process, and in those launched with it; what the first one tells.

    It is cancelled after `stop` steps, where that is given.
    """
    seen: list[StepMetrics] = []
    held: list[Validation] = []

    def cancelled() -> None:
        if stop is not None and len(seen) >= stop:
            raise Cancelled

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if settings.quantization == "4bit":
            # once they are joined, transformers saves in the first process alone
            tiny_model().save_pretrained(folder)
        processes = stack.enter_context(joined())
        with in_turn(processes):
            plain = settings.quantization == "none"
            student = trainee(tiny_model() if plain else in_4_bits(folder), settings)
        whole = _frozen(student)
        if processes.sharding is not None:
            divide(student, processes.sharding, mesh_of(processes, PROCESSOR), PROCESSOR)
        share = _frozen(student) / max(1, whole)
        try:
            result = train(
                student,
                tiny_tokenizer(),
                questions(5),
                settings,
                state,
                reports=Reports(seen.append, held.append),
                cancelled=cancelled,
                resume=True,
                processes=processes,
            )
            weights = float(sum(weight.double().abs().sum() for weight in result.weights.values()))
        except Cancelled:
            weights = None
        if not processes.is_first:
            return None
        return {
            "processes": processes.size,
            "losses": [[one.loss, one.loss_feedback, one.loss_rationale] for one in seen],
            "held": [one.total for one in held],
            "weights": weights,
            "share": share,
        }


def _frozen(student: Trainee) -> int:
    """How many numbers of a student's frozen layers this process holds."""
    layers = causal_model(student).model.layers
    frozen = [one for one in layers.parameters() if not one.requires_grad]
    return sum((one.to_local() if isinstance(one, DTensor) else one).numel() for one in frozen)
