"""Frozen weights divided among two launched processes (FSDP2): the losses of one process."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fair_app.errors import BadInput, WorkFailed
from fair_app.training.dividing import Sharding
from fair_app.training.in_step import idle, in_step
from fair_app.training.loss import step_loss
from fair_app.training.memory import Room
from fair_app.training.methods import trainee
from fair_app.training.optimizer import MasterAdamW
from fair_app.training.packing import StepBatch
from fair_app.training.passes import Passes
from fair_app.training.processes import ALONE, Processes
from fair_app.training.settings import TrainingSettings
from fair_app.training.sharding import layers_of
from tests.training.launched import in_4_bits
from tests.training.test_processes import SETTINGS, assert_same, launched
from tests.training.tiny import tiny_model


def test_4_bit_weights_are_divided_and_one_process_can_end_what_two_began(tmp_path: Path) -> None:
    changed: dict[str, Any] = {"quantization": "4bit", "epochs": 2}
    alone = launched(1, tmp_path / "alone", **changed)
    state = tmp_path / "state"
    before = launched(2, state, stop=2, sharded=True, **changed)
    assert before["processes"] == 2
    assert before["share"] == pytest.approx(0.5, abs=0.01)  # of the layers' frozen weights
    after = launched(1, state, **changed)
    assert after["share"] == 1
    together = {**after, **{key: before[key] + after[key] for key in ("losses", "held")}}
    assert_same(together, alone)


def test_processes_without_a_pass_of_their_own_stay_in_step(tmp_path: Path) -> None:
    """With a question a step the second has none, and with alpha 1 some passes learn nothing."""
    changed: dict[str, Any] = {
        "method": "dora",
        "alpha": 1.0,
        "batch_size": 1,
        "epochs": 1,
        "tokens_per_pass": 20,
        "checkpointing": True,
    }
    alone = launched(1, tmp_path / "alone", **changed)
    two = launched(2, tmp_path / "state", sharded=True, **changed)
    assert two["share"] == pytest.approx(0.5, abs=0.01)
    assert_same(two, alone)


def test_a_pass_that_keeps_in_step_counts_for_nothing() -> None:
    settings = TrainingSettings(**SETTINGS)
    student = trainee(tiny_model(), settings)
    batch = StepBatch((idle(weighs=True), idle(weighs=False)), 0, 0, 0)
    loss = step_loss(student.get_base_model(), batch)
    assert (loss.total, loss.feedback, loss.rationale) == (0, None, None)
    gradients = [one.grad for one in student.parameters() if one.requires_grad]
    assert all(one is not None and not one.any() for one in gradients)
    assert in_step(batch, ALONE) is batch


def test_memory_that_runs_out_in_a_pass_of_all_is_not_tried_again_by_one() -> None:
    settings = TrainingSettings(**{**SETTINGS, "tokens_per_pass": None})
    student = trainee(tiny_model(), settings)
    said: list[str] = []
    passes = Passes(
        student.get_base_model(),
        MasterAdamW(student),
        settings,
        Processes(sharding=Sharding()),
        said.append,
    )
    tried: list[Room] = []

    def attempt(room: Room) -> StepBatch:
        tried.append(room)
        raise torch.OutOfMemoryError

    passes.find(attempt, lambda: None)
    assert tried == []
    assert len(said) == 1
    assert said[0].startswith("passes of up to")
    with pytest.raises(WorkFailed, match="not enough memory"):
        passes.within_memory(attempt)
    assert tried == [passes.room]


def test_layers_are_found_by_their_class_or_refused() -> None:
    assert len(layers_of(tiny_model(), Sharding())) == 2
    assert len(layers_of(tiny_model(), Sharding(("LlamaMLP",)))) == 2
    with pytest.raises(BadInput, match="no layers GPT2Block that FSDP could divide"):
        layers_of(tiny_model(), Sharding(("GPT2Block",)))


def test_validating_leaves_4_bit_weights_as_they_can_be_learned_from(tmp_path: Path) -> None:
    """Evaluated on a processor, bitsandbytes' layers would be rearranged for generation, and pass
    no gradient on."""
    tiny_model().save_pretrained(tmp_path)
    student = trainee(in_4_bits(str(tmp_path)), TrainingSettings(lora_rank=4))
    before = {name: one.clone() for name, one in student.named_parameters()}
    with torch.no_grad():
        student.eval()(input_ids=torch.ones(1, 3, dtype=torch.long))
    for name, one in student.named_parameters():
        assert torch.equal(one, before[name]), name
        assert not getattr(getattr(one, "quant_state", None), "packing_format_for_cpu", False)
