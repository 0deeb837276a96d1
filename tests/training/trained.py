"""A short run on the tiny model, as the tests of training ask for it."""

import time
from collections.abc import Callable
from pathlib import Path

import torch

from fair_app.training.examples import TrainingQuestion
from fair_app.training.methods import Trainee, trainee
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, StepMetrics, TrainingResult, train
from fair_app.training.validation import Validation
from tests.training.tiny import questions, tiny_model, tiny_tokenizer

SETTINGS = TrainingSettings(
    epochs=3,
    batch_size=2,
    learning_rate=0.01,
    lora_rank=4,
    lora_alpha=8,
    lora_dropout=0.1,
    quantization="none",
    max_tokens=256,
    tokens_per_pass=200,
)
STEPS = 9  # 5 questions, 2 a step, 3 epochs


def tiny_student(settings: TrainingSettings = SETTINGS) -> Trainee:
    return trainee(tiny_model(), settings)


def run(
    state: Path,
    settings: TrainingSettings = SETTINGS,
    *,
    student: Trainee | None = None,
    asked: list[TrainingQuestion] | None = None,
    validations: list[Validation] | None = None,
    said: list[str] | None = None,
    seen: list[StepMetrics] | None = None,
    after: Callable[[StepMetrics], None] = lambda _: None,
    cancelled: Callable[[], None] = lambda: None,
    resume: bool = False,
    save_every: int = 10,
) -> TrainingResult:
    def on_step(metrics: StepMetrics) -> None:
        if seen is not None:
            seen.append(metrics)
        after(metrics)

    return train(
        student or tiny_student(settings),
        tiny_tokenizer(),
        asked or questions(5),
        settings,
        state,
        reports=Reports(
            on_step,
            validations.append if validations is not None else lambda _: None,
            said.append if said is not None else lambda _: None,
        ),
        cancelled=cancelled,
        resume=resume,
        save_every=save_every,
    )


def run_four_steps(tell: Callable[[int], None], state: Path) -> None:
    """Begin a run that saves every step, tell of each, and stand still after the fourth."""

    def after(metrics: StepMetrics) -> None:
        tell(metrics.step)
        if metrics.step == 4:
            time.sleep(600)

    run(state, after=after, save_every=1)


def assert_same(one: TrainingResult, other: TrainingResult) -> None:
    assert one.steps == other.steps
    assert (one.loss, one.loss_feedback, one.loss_rationale) == (
        other.loss,
        other.loss_feedback,
        other.loss_rationale,
    )
    assert one.weights.keys() == other.weights.keys()
    assert all(torch.equal(weight, other.weights[name]) for name, weight in one.weights.items())
