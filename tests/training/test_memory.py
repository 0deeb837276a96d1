"""What a run needs of memory, and what is said when that is too much."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.student.check import GB, Machine
from fair_app.training.memory import Room, check_fits, least_need, tighter
from fair_app.training.settings import PAPER, QUICK_LOOK, TrainingSettings
from fair_app.training.shape import ModelShape, read_shape, rough_shape
from tests.training.tiny import tiny_model

SEVEN_BILLION = rough_shape(6_738_415_616)
LAPTOP = Machine("", 16 * GB, 100 * GB)
CARD = Machine("NVIDIA H200", 141 * GB, 100 * GB)


@pytest.fixture(scope="module")
def tiny_shape(tmp_path_factory: pytest.TempPathFactory) -> ModelShape:
    folder = tmp_path_factory.mktemp("model")
    tiny_model().save_pretrained(folder)
    return read_shape(folder)


def test_a_shape_is_read_from_the_heads_of_the_files(tiny_shape: ModelShape) -> None:
    model = tiny_model()
    assert tiny_shape.parameters == model.num_parameters()
    assert (tiny_shape.hidden, tiny_shape.layers, tiny_shape.vocabulary) == (32, 2, 257)
    assert tiny_shape.linear["model.layers.1.self_attn.k_proj"] == (16, 32)
    assert len(tiny_shape.linear) == 2 * 7
    assert set(tiny_shape.module_names) == {
        *("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    }


def test_target_modules_are_found_before_anything_is_loaded(tiny_shape: ModelShape) -> None:
    found = tiny_shape.targeted(["q_proj", "mlp.up_proj"])
    assert sorted(found) == [(32, 32)] * 2 + [(48, 32)] * 2
    with pytest.raises(BadInput, match=r"no module c_attn, proj: it has .*q_proj"):
        tiny_shape.targeted(["q_proj", "c_attn", "proj"])


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0[]"])
def test_files_that_are_no_model_are_bad_input(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(BadInput, match="does not hold a model"):
        read_shape(tmp_path)


def test_a_7_billion_model_needs_what_the_field_says_it_does() -> None:
    """Full fine-tuning takes 16 to 21 bytes a weight; QLoRA of 7 billion weights fits 10 GB."""
    full = least_need(SEVEN_BILLION, PAPER)
    assert 16 * 6.7 < full / GB < 21 * 6.7
    assert 4 < least_need(SEVEN_BILLION, QUICK_LOOK) / GB < 10
    plain = least_need(SEVEN_BILLION, replace(QUICK_LOOK, quantization="none"))
    assert 14 < plain / GB < 20


@pytest.mark.parametrize(
    ("settings", "machine", "says"),
    [
        (PAPER, LAPTOP, "an adapter on 4-bit weights"),
        (PAPER, Machine("", 24 * GB, GB), "use a LoRA adapter"),
        (replace(QUICK_LOOK, quantization="none"), LAPTOP, "an adapter on 4-bit weights"),
        (QUICK_LOOK, Machine("", 4 * GB, GB), r"at most about \d\.\d billion parameters, in 4"),
        (QUICK_LOOK, Machine("", GB, GB), "nothing can be trained in so little"),
        (replace(PAPER, memory_gb=20.0), CARD, "20.0 GB of the memory limit.*LoRA adapter"),
    ],
)
def test_what_a_machine_cannot_hold_is_said_with_what_would_fit(
    settings: TrainingSettings, machine: Machine, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        check_fits("llama", SEVEN_BILLION, settings, machine)


def test_what_fits_is_not_refused(tiny_shape: ModelShape) -> None:
    check_fits("llama", SEVEN_BILLION, QUICK_LOOK, LAPTOP)
    check_fits("llama", SEVEN_BILLION, PAPER, CARD)
    check_fits("tiny", tiny_shape, PAPER, Machine("", 2 * GB, GB))


def test_what_one_gpu_cannot_hold_may_be_divided_among_several() -> None:
    seventy, card = rough_shape(70 * GB), Machine("NVIDIA L4", 24 * GB, 500 * GB)
    with pytest.raises(BadInput, match=r"more than the 24\.0 GB"):
        check_fits("llama", seventy, QUICK_LOOK, card)
    check_fits("llama", seventy, QUICK_LOOK, card, parts=8)
    needs = [least_need(seventy, QUICK_LOOK, parts) for parts in (1, 4, 8, 64)]
    assert needs == sorted(needs, reverse=True)


def test_what_is_proposed_does_fit() -> None:
    for billions in (1, 3, 7, 13, 30, 70):
        shape = rough_shape(billions * GB)
        for memory in (8, 16, 24, 40, 80):
            machine = Machine("", memory * GB, GB)
            try:
                check_fits("it", shape, PAPER, machine)
            except BadInput as fault:
                if "LoRA adapter" in str(fault):
                    check_fits("it", shape, replace(PAPER, method="lora"), machine)
                elif "4-bit weights (" in str(fault):
                    settings = replace(PAPER, method="lora", quantization="4bit")
                    check_fits("it", shape, settings, machine)


@given(st.integers(1, 1 << 20), st.booleans())
def test_rooms_get_tighter_until_nothing_is_left(tokens: int, checkpointing: bool) -> None:
    rooms = [Room(tokens, checkpointing)]
    while (room := tighter(rooms[-1])) is not None:
        rooms.append(room)
    assert len(rooms) < 25
    assert rooms[-1].checkpointing
    assert rooms[-1].tokens_per_pass <= max(64, min(tokens, 64))
    for one, other in pairwise(rooms):
        assert other.tokens_per_pass <= one.tokens_per_pass
        assert other != one
        assert not (one.checkpointing and not other.checkpointing)
