"""The training loop: epochs of drawn pairs, one dual loss a step, a state to resume from."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.base import never_cancelled
from fair_app.student.generation import render_prompt
from fair_app.training.attention import is_packable
from fair_app.training.examples import Pair, TrainingQuestion, draw_pairs, examples_hash
from fair_app.training.loss import step_loss
from fair_app.training.optimizer import AdapterOptimizer, learning_rate_at
from fair_app.training.packing import ExamplePool, StepBatch, make_step
from fair_app.training.settings import TrainingSettings
from fair_app.training.state import Progress, load_state, save_state


@dataclass(frozen=True)
class StepMetrics:
    """One optimizer step. `step` and `epoch` count from 1; `tokens` counts prompts too."""

    step: int
    total_steps: int
    epoch: int
    loss: float
    loss_feedback: float | None
    loss_rationale: float | None
    learning_rate: float
    gradient_norm: float
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """The pace of this step."""
        return self.tokens / self.seconds


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to. The losses are means over the last epoch's steps.

    `examples` counts the questions learned from; `shortened` the texts whose prompt lost its start
    to fit, `left_out` those too long to be learned whole. `weights` is the adapter in float32.
    """

    steps: int
    loss: float
    loss_feedback: float | None
    loss_rationale: float | None
    examples: int
    shortened: int
    left_out: int
    seconds: float
    weights: dict[str, torch.Tensor]


def train(
    student: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[TrainingQuestion],
    settings: TrainingSettings,
    state: Path,
    *,
    on_step: Callable[[StepMetrics], None] = lambda _: None,
    cancelled: Callable[[], None] = never_cancelled,
    resume: bool = False,
    save_every: int = 10,
) -> TrainingResult:
    """Train the adapter of `student` (see `with_adapter`) with the dual loss.

    `state` is a file that is replaced every `save_every` steps, when the run is cancelled and when
    it ends. With `resume` a run goes on from it as if it had never stopped; otherwise it starts
    anew. `cancelled` is called before every forward pass and raises Cancelled to stop.

    Raises BadInput when there is nothing to learn from or the state is another run's, WorkFailed
    when the loss is no longer a number or the disk is full; the state saved last is kept.
    """
    lessons = _Lessons(student, tokenizer, questions, settings)
    optimizer = AdapterOptimizer(student)
    progress = Progress(_fingerprint(questions, settings, optimizer))
    if resume and (found := load_state(state, progress.fingerprint)) is not None:
        progress, tensors = found
        optimizer.load(tensors)
    else:
        state.unlink(missing_ok=True)
    saved = progress.step
    student.train()
    try:
        while progress.step < lessons.total_steps:
            progress, metrics = _one_step(student, lessons, optimizer, progress, cancelled)
            if progress.step % save_every == 0 or progress.step == lessons.total_steps:
                save_state(state, progress, optimizer.state())
                saved = progress.step
            on_step(metrics)
    except Cancelled:
        if progress.step > saved:
            save_state(state, progress, optimizer.state())
        raise
    last_epoch = progress.losses[-lessons.steps_per_epoch :]
    total, feedback, rationale = (_mean(losses) for losses in zip(*last_epoch, strict=True))
    assert total is not None
    return TrainingResult(
        steps=progress.step,
        loss=total,
        loss_feedback=feedback,
        loss_rationale=rationale,
        examples=len(lessons.questions),
        shortened=lessons.pool.shortened,
        left_out=lessons.pool.left_out,
        seconds=progress.seconds,
        weights=optimizer.weights(),
    )


class _Lessons:
    """Which examples each step of a run learns from; depends on nothing but the run's inputs."""

    def __init__(
        self,
        student: PeftModel,
        tokenizer: PreTrainedTokenizerBase,
        questions: Sequence[TrainingQuestion],
        settings: TrainingSettings,
    ) -> None:
        self.pool = ExamplePool(tokenizer, render_prompt, questions, settings.max_tokens)
        self.questions = [
            question for question in self.pool.questions if question.rationales or question.feedback
        ]
        if not self.questions:
            raise BadInput(
                "There is nothing to learn from: accept rationales, or allow more tokens a text."
            )
        self.settings = settings
        self.steps_per_epoch = math.ceil(len(self.questions) / settings.batch_size)
        self.total_steps = settings.epochs * self.steps_per_epoch
        if settings.max_steps is not None:
            self.total_steps = min(self.total_steps, settings.max_steps)
        self._alone = not is_packable(student.get_base_model())
        self._drawn: tuple[int, list[Pair]] = (-1, [])

    def batch(self, step: int) -> StepBatch:
        """The packed examples of a step, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._drawn[0] != epoch:
            self._drawn = (
                epoch,
                draw_pairs(self.questions, epoch, self.settings.seed, self.settings.sampling),
            )
        size = self.settings.batch_size
        pairs = self._drawn[1][place * size : (place + 1) * size]
        return make_step(
            self.pool.examples(pairs),
            self.settings.alpha,
            self.settings.tokens_per_pass,
            alone=self._alone,
        )


def _one_step(
    student: PeftModel,
    lessons: _Lessons,
    optimizer: AdapterOptimizer,
    before: Progress,
    cancelled: Callable[[], None],
) -> tuple[Progress, StepMetrics]:
    began = time.perf_counter()
    settings = lessons.settings
    batch = lessons.batch(before.step)
    torch.manual_seed(settings.seed + before.step)  # of dropout: a resumed run draws the same
    loss = step_loss(student.get_base_model(), batch, cancelled)
    rate = learning_rate_at(before.step, lessons.total_steps, settings)
    norm = optimizer.step(rate, settings.max_gradient_norm)
    if not (math.isfinite(loss.total) and math.isfinite(norm)):
        raise WorkFailed(
            f"The loss is no longer a number in step {before.step + 1}: "
            f"train with a learning rate below {settings.learning_rate:g}."
        )
    seconds = time.perf_counter() - began
    progress = replace(
        before,
        step=before.step + 1,
        seconds=before.seconds + seconds,
        losses=[*before.losses, (loss.total, loss.feedback, loss.rationale)],
    )
    return progress, StepMetrics(
        step=progress.step,
        total_steps=lessons.total_steps,
        epoch=before.step // lessons.steps_per_epoch + 1,
        loss=loss.total,
        loss_feedback=loss.feedback,
        loss_rationale=loss.rationale,
        learning_rate=rate,
        gradient_norm=norm,
        tokens=batch.tokens,
        seconds=seconds,
    )


def _fingerprint(
    questions: Sequence[TrainingQuestion], settings: TrainingSettings, optimizer: AdapterOptimizer
) -> str:
    """SHA-256 of all that decides how a run goes, but for the base student itself."""
    content = [
        settings.to_dict(),
        examples_hash(questions),
        [(name, list(weight.shape)) for name, weight in optimizer.weights().items()],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _mean(losses: Sequence[float | None]) -> float | None:
    """The mean over the steps that have this loss, None where none has."""
    present = [loss for loss in losses if loss is not None]
    return fmean(present) if present else None
