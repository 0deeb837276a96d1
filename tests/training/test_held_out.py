"""Held-out questions: their losses, and runs that stop early by them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fair_app.errors import Cancelled
from fair_app.training.examples import draw_pairs
from fair_app.training.trainer import StepMetrics
from fair_app.training.validation import Validation, split
from tests.training.test_loss import plain
from tests.training.tiny import pool, questions
from tests.training.trained import SETTINGS, assert_same, run, tiny_student

HELD = replace(SETTINGS, validation_share=0.4, validate_every=1, lora_dropout=0.0)


def test_held_out_questions_are_not_learned_from_and_their_losses_are_told(tmp_path: Path) -> None:
    validations: list[Validation] = []
    result = run(tmp_path / "state", HELD, validations=validations)

    assert (result.examples, result.held_out) == (3, 2)
    assert [one.step for one in validations] == [0, 1, 2, 3, 4, 5, 6]
    first = validations[0]
    assert first.feedback is not None
    assert first.rationale is not None
    assert first.total == pytest.approx(0.5 * first.feedback + 0.5 * first.rationale)
    assert result.validations == validations
    assert result.best_step is None

    # the same questions, in the dropout-free mode of evaluation, by the formula itself
    kept, held = split(questions(5), 0.4, HELD.seed)
    student = tiny_student(HELD)
    student.eval()
    drawn = draw_pairs(held, 0, HELD.seed)
    examples = [one for pair in pool(held, 256).examples(drawn) for one in pair]
    assert first.total == pytest.approx(
        plain(student.get_base_model(), examples, 0.5).item(), rel=1e-5
    )
    assert_same(run(tmp_path / "kept", replace(HELD, validation_share=0.0), asked=kept), result)


@pytest.mark.parametrize("passes", [2, 4, 5, 9])
def test_a_run_that_validates_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, passes: int
) -> None:
    settings = replace(HELD, patience=20, lora_dropout=0.1)
    whole = run(tmp_path / "whole", settings)
    left = passes

    def cancelled() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cancelled

    seen: list[StepMetrics] = []
    with pytest.raises(Cancelled):
        run(tmp_path / "state", settings, seen=seen, cancelled=cancelled)
    again = run(tmp_path / "state", settings, seen=seen, resume=True)

    assert [metrics.step for metrics in seen] == list(range(1, 7))
    assert_same(again, whole)
    assert again.validations == whole.validations


def test_a_run_stops_early_and_keeps_its_best_weights(tmp_path: Path) -> None:
    settings = replace(HELD, epochs=40, learning_rate=0.05, schedule="constant", patience=3)
    result = run(tmp_path / "state", settings)

    losses = [one.total for one in result.validations]
    best = losses.index(min(losses))
    assert 0 < best < 77
    assert result.best_step == best
    assert result.steps == best + 3
    shorter = replace(settings, max_steps=best, patience=None)
    weights = run(tmp_path / "shorter", shorter).weights
    assert all(torch.equal(weight, result.weights[name]) for name, weight in weights.items())
    assert_same(run(tmp_path / "state", settings, resume=True), result)
