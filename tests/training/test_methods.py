"""What each method trains of a student, and that it learns."""

from dataclasses import replace
from pathlib import Path

import pytest

from fair_app.errors import BadInput, Cancelled
from fair_app.training.trainer import StepMetrics
from tests.training.trained import SETTINGS, assert_same, run, tiny_student


@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "full"])
def test_every_method_learns_and_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, method: str
) -> None:
    settings = replace(SETTINGS, method=method, learning_rate=0.003)  # type: ignore[arg-type]
    seen: list[StepMetrics] = []
    whole = run(tmp_path / "whole", settings, seen=seen)
    assert seen[-1].loss < seen[0].loss
    assert seen[0].memory > 0

    left = 5

    def cancelled() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(tmp_path / "state", settings, cancelled=cancelled)
    assert_same(run(tmp_path / "state", settings, resume=True), whole)


def test_methods_differ_in_what_they_train() -> None:
    trained = {
        method: {
            name.rpartition(".default")[0].rpartition(".")[2]
            for name, parameter in tiny_student(
                replace(SETTINGS, method=method)  # type: ignore[arg-type]
            ).named_parameters()
            if parameter.requires_grad
        }
        for method in ("lora", "rslora", "dora")
    }
    assert trained["lora"] == trained["rslora"] == {"lora_A", "lora_B"}
    assert trained["dora"] == {"lora_A", "lora_B", "lora_magnitude_vector"}
    full = tiny_student(replace(SETTINGS, method="full"))
    assert all(parameter.requires_grad for parameter in full.parameters())


def test_rank_stabilised_adapters_scale_by_the_root_of_their_rank() -> None:
    for method, scaling in (("lora", 8 / 4), ("rslora", 8 / 4**0.5)):
        student = tiny_student(replace(SETTINGS, method=method))  # type: ignore[arg-type]
        layer = student.get_base_model().model.layers[0].self_attn.q_proj
        assert layer.scaling["default"] == pytest.approx(scaling)


def test_an_adapter_goes_to_the_modules_that_are_named() -> None:
    student = tiny_student(replace(SETTINGS, lora_target="q_proj, mlp.down_proj"))
    adapted = {name.split(".lora_")[0] for name, _ in student.named_parameters() if "lora_" in name}
    assert {name.rpartition(".")[2] for name in adapted} == {"q_proj", "down_proj"}


def test_a_module_that_the_student_lacks_is_bad_input_that_says_which_it_has() -> None:
    with pytest.raises(BadInput, match=r"no module c_attn: it has .*q_proj.*down_proj"):
        tiny_student(replace(SETTINGS, lora_target="q_proj,c_attn"))
