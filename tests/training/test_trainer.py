"""The loop of a run on the tiny model: what it learns, reports and refuses."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fair_app.errors import BadInput
from fair_app.training.examples import Text
from fair_app.training.methods import Trainee, trainee, with_adapter
from fair_app.training.optimizer import learning_rate_at
from fair_app.training.trainer import StepMetrics
from tests.training.tiny import questions, tiny_model
from tests.training.trained import SETTINGS, run, tiny_student


def test_training_lowers_both_losses_and_reports_every_step(tmp_path: Path) -> None:
    seen: list[StepMetrics] = []
    result = run(tmp_path / "state", replace(SETTINGS, epochs=20, lora_dropout=0.0), seen=seen)

    assert [metrics.step for metrics in seen] == list(range(1, 61))
    assert [metrics.epoch for metrics in seen[:7]] == [1, 1, 1, 2, 2, 2, 3]
    assert {metrics.total_steps for metrics in seen} == {60}
    first = seen[0]
    assert first.loss_feedback is not None
    assert first.loss_rationale is not None
    assert first.loss == pytest.approx(0.5 * first.loss_feedback + 0.5 * first.loss_rationale)
    assert first.tokens_per_second > 0
    assert result.loss == pytest.approx(sum(metrics.loss for metrics in seen[-3:]) / 3)
    assert result.loss_feedback is not None
    assert result.loss_rationale is not None
    assert result.loss_feedback < 0.6 * first.loss_feedback
    assert result.loss_rationale < 0.6 * first.loss_rationale
    assert (result.examples, result.steps, result.left_out) == (5, 60, 0)


def test_only_the_adapter_is_trained(tmp_path: Path) -> None:
    student = tiny_student()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    run(tmp_path / "state", student=student)
    changed = {
        name for name, value in student.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed
    assert all("lora_" in name for name in changed)


def test_checkpointing_trains_the_same_adapter(tmp_path: Path) -> None:
    settings = replace(SETTINGS, lora_dropout=0.0)
    result = run(tmp_path / "plain", settings)
    other = run(tmp_path / "checkpointed", replace(settings, checkpointing=True))
    for name, weight in result.weights.items():
        torch.testing.assert_close(other.weights[name], weight, rtol=1e-4, atol=1e-5)


def test_accumulation_in_passes_changes_nothing(tmp_path: Path) -> None:
    settings = replace(SETTINGS, lora_dropout=0.0)
    results = [
        run(tmp_path / f"{tokens}", replace(settings, tokens_per_pass=tokens))
        for tokens in (1, 10_000)
    ]
    assert results[0].loss == pytest.approx(results[1].loss, rel=1e-4)


def test_max_steps_ends_a_run_early(tmp_path: Path) -> None:
    assert run(tmp_path / "state", replace(SETTINGS, max_steps=2)).steps == 2


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_both_losses_are_told_where_one_weighs_nothing(tmp_path: Path, alpha: float) -> None:
    result = run(tmp_path / "state", replace(SETTINGS, alpha=alpha, max_steps=1))
    weighed = result.loss_feedback if alpha else result.loss_rationale
    assert result.loss == pytest.approx(weighed)
    assert result.loss_feedback != result.loss_rationale
    assert None not in (result.loss_feedback, result.loss_rationale)


def test_a_limit_below_the_longest_question_is_bad_input(tmp_path: Path) -> None:
    longest = len("[What is 5 + 25?]>")
    with pytest.raises(BadInput, match=f"takes {longest} tokens.*more than {longest}"):
        run(tmp_path / "state", replace(SETTINGS, max_tokens=longest))


def test_nothing_that_fits_is_bad_input(tmp_path: Path) -> None:
    long = Text("eve", "very " * 60)
    asked = [replace(one, rationales=(long,), feedback=(long,)) for one in questions(5)]
    with pytest.raises(BadInput, match="nothing to learn from"):
        run(tmp_path / "state", asked=asked)


def sure_student() -> Trainee:
    """One that says the end token whatever stands before it, and can be no surer."""
    model = tiny_model()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.fill_(1.0)
        model.lm_head.weight.zero_()
        model.lm_head.weight[0] = 100.0
    return trainee(model, SETTINGS)


def test_a_student_that_has_nothing_to_learn_is_told_of_once(tmp_path: Path) -> None:
    nothing = (Text("ann", ""),)  # the end token alone is learned
    asked = [replace(one, rationales=nothing, feedback=nothing) for one in questions(5)]
    said: list[str] = []
    seen: list[StepMetrics] = []
    run(tmp_path / "state", student=sure_student(), asked=asked, said=said, seen=seen)
    assert {(one.loss, one.gradient_norm) for one in seen} == {(0.0, 0.0)}
    assert [one for one in said if one.startswith("step 1: all losses and the gradient are 0")]
    assert sum("learns nothing more" in one for one in said) == 1
    said.clear()
    run(tmp_path / "other", said=said)
    assert not any("learns nothing" in one for one in said)


def test_bfloat16_students_keep_a_float32_adapter(tmp_path: Path) -> None:
    settings = replace(SETTINGS, learning_rate=1e-5, schedule="constant")
    student = with_adapter(tiny_model().bfloat16(), settings)
    before = {
        name: parameter.detach().float()
        for name, parameter in student.named_parameters()
        if parameter.requires_grad
    }
    weights = run(tmp_path / "state", settings, student=student).weights
    for name, weight in weights.items():
        # nine steps of about 1e-5: lost in bfloat16 beside weights near 0.1
        assert weight.dtype == torch.float32
        assert 0 < (weight - before[name]).abs().max() < 2e-4


def test_learning_rates() -> None:
    linear = replace(SETTINGS, learning_rate=0.1)
    cosine = replace(linear, schedule="cosine")
    warm = replace(linear, schedule="constant_with_warmup", warmup=0.2)
    rates = [learning_rate_at(step, 100, linear) for step in range(100)]
    assert rates[0] < rates[4]
    assert max(rates) == pytest.approx(0.1, rel=0.06)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 < rates[-1] < 0.002
    constant = replace(linear, schedule="constant")
    assert {learning_rate_at(step, 100, constant) for step in range(100)} == {0.1}
    assert learning_rate_at(0, 1, linear) == 0.1
    assert learning_rate_at(0, 100, cosine) == pytest.approx(0.02)
    assert learning_rate_at(50, 100, cosine) == pytest.approx(0.05)
    assert learning_rate_at(25, 100, cosine) == pytest.approx(0.1 * (2 + 2**0.5) / 4)
    assert [learning_rate_at(step, 100, warm) for step in (0, 19, 99)] == pytest.approx(
        [0.005, 0.1, 0.1]
    )
