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
from transformers import PreTrainedTokenizerBase

from fair_app.errors import Cancelled, WorkFailed
from fair_app.student.base import never_cancelled
from fair_app.student.encoder_decoder import is_encoder_decoder
from fair_app.training import validation
from fair_app.training.attention import is_packable
from fair_app.training.examples import TrainingQuestion, examples_hash
from fair_app.training.lessons import Lessons
from fair_app.training.limits import memory_in_use
from fair_app.training.loss import StepLoss, step_loss
from fair_app.training.memory import Room
from fair_app.training.methods import Trainee, causal_model
from fair_app.training.optimizer import MasterAdamW, learning_rate_at
from fair_app.training.packing import StepBatch
from fair_app.training.passes import Passes
from fair_app.training.processes import ALONE, Processes
from fair_app.training.settings import TrainingSettings
from fair_app.training.soft_labels import SoftLabels
from fair_app.training.state import Progress, StateFiles
from fair_app.training.validation import Validation

Losses = tuple[float | None, ...]
"""Of a step: the whole, feedback, rationale; with a mentor also the divergence from it."""


@dataclass(frozen=True)
class StepMetrics:
    """One optimizer step. `step` and `epoch` count from 1; `tokens` counts prompts too.

    `memory` is in bytes, of this process or of its GPU.
    """

    step: int
    total_steps: int
    epoch: int
    loss: float
    loss_feedback: float | None
    loss_rationale: float | None
    loss_soft: float | None
    learning_rate: float
    gradient_norm: float
    tokens: int
    seconds: float
    memory: int

    @property
    def tokens_per_second(self) -> float:
        """The pace of this step."""
        return self.tokens / self.seconds

    @property
    def teaches_nothing(self) -> bool:
        """Whether nothing moves: no loss of any part, and no gradient."""
        parts = (self.loss_feedback, self.loss_rationale, self.loss_soft)
        return not (self.loss or self.gradient_norm or any(parts))


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to. The losses are means over the last epoch's steps, `losses` all of them.

    `examples` counts the questions learned from, `held_out` those that only validated; `shortened`
    the texts whose prompt lost its start to fit, `left_out` those too long to be learned whole.
    `best_step` is the step whose weights count where the run could stop early, else None.
    `weights` is what was trained, in float32.
    """

    steps: int
    loss: float
    loss_feedback: float | None
    loss_rationale: float | None
    loss_soft: float | None
    losses: list[Losses]
    validations: list[Validation]
    best_step: int | None
    examples: int
    held_out: int
    shortened: int
    left_out: int
    seconds: float
    room: Room
    weights: dict[str, torch.Tensor]


class Diverged(WorkFailed):
    """The loss is no longer a number. `result` is the last good state; None where nothing was."""

    def __init__(self, sentence: str, result: TrainingResult | None) -> None:
        super().__init__(sentence)
        self.result = result


@dataclass(frozen=True)
class Reports:
    """What is told while a run goes on: steps, validations, and sentences for the log."""

    step: Callable[[StepMetrics], None] = lambda _: None
    validation: Callable[[Validation], None] = lambda _: None
    say: Callable[[str], None] = lambda _: None


def train(
    student: Trainee,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[TrainingQuestion],
    settings: TrainingSettings,
    state: Path,
    *,
    reports: Reports | None = None,
    cancelled: Callable[[], None] = never_cancelled,
    resume: bool = False,
    save_every: int | None = None,
    processes: Processes = ALONE,
    soft: SoftLabels | None = None,
) -> TrainingResult:
    """Train `student` (see `methods.trainee`) with the dual loss, and a mentor's soft labels.

    `state` is a file that is replaced every `save_every` steps (None: as often as is cheap), when
    the run is cancelled and when it ends. With `resume` a run goes on from it as if it had never
    stopped; otherwise it starts anew. `cancelled` is called before every forward pass and raises
    Cancelled to stop. Of several `processes` only the first saves, reports and can be cancelled.

    How much of a step is computed at once is found before the first (see `passes`). When memory
    runs out, the step is tried again in smaller passes: its loss stays the same.

    Raises BadInput when there is nothing to learn from or the state is another run's, Diverged
    when the loss is no longer a number, WorkFailed when the disk is full or one sequence does not
    fit into memory; the state saved last is kept.
    """
    model = causal_model(student)
    lessons = Lessons(
        tokenizer,
        questions,
        settings,
        processes,
        alone=not is_packable(model),
        has_encoder=is_encoder_decoder(model),
    )
    files = StateFiles(state, save_every)
    run = _Run(student, lessons, settings, files, reports or Reports(), cancelled, processes, soft)
    student.train()
    run.begin(resume)
    try:
        run.validate()
        while not run.is_over():
            metrics = run.step()
            try:
                run.validate()
                run.save()
            finally:
                run.report(metrics)
    except Cancelled:
        run.save(always=True)
        raise
    run.save(always=True)
    return run.result()


class _Run:
    """One run under way: what it learns from, its weights, and how far it is."""

    def __init__(
        self,
        student: Trainee,
        lessons: Lessons,
        settings: TrainingSettings,
        files: StateFiles,
        reports: Reports,
        cancelled: Callable[[], None],
        processes: Processes,
        soft: SoftLabels | None,
    ) -> None:
        self._student, self._model = student, causal_model(student)
        self._lessons, self._settings, self._files = lessons, settings, files
        self._reports, self._cancelled, self._processes = reports, cancelled, processes
        self._soft = soft
        self._is_told = False
        self._optimizer = MasterAdamW(student)
        self._passes = Passes(
            self._model, self._optimizer, settings, processes, self._reports.say, soft
        )
        self._fingerprint = _fingerprint(lessons, settings, self._optimizer, soft)
        self._progress = Progress(self._fingerprint)

    def begin(self, resume: bool) -> None:
        """Start anew, or go on from the saved state; all processes from the same."""
        if self._processes.is_first:
            if not resume:
                self._files.clear()
            elif (found := self._files.load(self._fingerprint)) is not None:
                self._progress, tensors = found
                self._optimizer.load(tensors)
            else:
                kept = self._files.kept_room(self._fingerprint)
                self._progress = replace(self._progress, room=kept)
        sent = self._processes.from_first(self._progress.to_json().encode())
        self._progress = Progress.from_json(sent.decode())
        self._optimizer.synchronise(self._processes)
        if self._progress.room is not None:
            self._passes.use(self._progress.room)
            return
        self._passes.find(self._lessons.fullest, self._between_passes)
        self._progress = replace(self._progress, room=self._passes.room)
        if self._processes.is_first:
            self._files.keep_room(self._progress)

    def is_over(self) -> bool:
        """Whether all steps are taken, or the held-out questions say that it is enough."""
        progress = self._progress
        return progress.step >= self._lessons.total_steps or validation.is_enough(
            progress.validations, self._settings.patience
        )

    def step(self) -> StepMetrics:
        """Take one optimizer step."""
        began = time.perf_counter()
        before, settings = self._progress, self._settings
        self._obey()

        def attempt(room: Room) -> tuple[StepLoss, StepBatch]:
            batch = self._lessons.batch(before.step, room)
            # of dropout: a resumed run draws the same, each process its own
            torch.manual_seed(settings.seed + before.step + 1_000_003 * self._processes.rank)
            return step_loss(self._model, batch, self._between_passes, soft=self._soft), batch

        own, batch = self._passes.within_memory(attempt)
        loss = own.over(self._processes)
        self._processes.add_up(self._optimizer.gradients())
        rate = learning_rate_at(before.step, self._lessons.total_steps, settings)
        norm = self._optimizer.step(rate, settings.max_gradient_norm)
        if not (math.isfinite(loss.total) and math.isfinite(norm)):
            raise self._diverged(before.step, math.isfinite(loss.total))
        seconds = time.perf_counter() - began
        self._progress = replace(
            self._progress,
            room=self._passes.room,
            step=before.step + 1,
            seconds=before.seconds + seconds,
            losses=[*before.losses, self._row(loss)],
        )
        return StepMetrics(
            step=self._progress.step,
            total_steps=self._lessons.total_steps,
            epoch=before.step // self._lessons.steps_per_epoch + 1,
            loss=loss.total,
            loss_feedback=loss.feedback,
            loss_rationale=loss.rationale,
            loss_soft=loss.soft,
            learning_rate=rate,
            gradient_norm=norm,
            tokens=batch.tokens,
            seconds=seconds,
            memory=memory_in_use(),
        )

    def validate(self) -> None:
        """Take the held-out losses where they are due, and keep the best weights."""
        progress, lessons = self._progress, self._lessons
        done = [one.step for one in progress.validations]
        is_last = progress.step >= lessons.total_steps
        due = is_last or progress.step % lessons.validate_every == 0
        if not lessons.held_out or not due or progress.step in done:
            return
        began = time.perf_counter()

        def attempt(room: Room) -> StepLoss:
            batch = lessons.validation(room)
            return step_loss(self._model, batch, self._between_passes, learn=False, soft=self._soft)

        self._student.eval()
        try:
            loss = self._passes.within_memory(attempt).over(self._processes)
        finally:
            self._student.train()
        found = Validation(progress.step, loss.total, loss.feedback, loss.rationale, loss.soft)
        validations = [*progress.validations, found]
        keep = self._settings.patience is not None and self._processes.is_first
        if keep and validation.best(validations) == found:
            self._files.save_best(progress.step, self._optimizer.weights())
        self._progress = replace(
            self._progress,
            validations=validations,
            seconds=progress.seconds + time.perf_counter() - began,
        )
        self._reports.validation(found)

    def save(self, *, always: bool = False) -> None:
        """Save the state where it is due. Only the first process does."""
        keeps = self._processes.is_first and self._progress.step > 0
        if keeps and (always or self._files.is_due(self._progress)):
            self._files.save(self._progress, self._optimizer.state())

    def report(self, metrics: StepMetrics) -> None:
        """Tell of a step; once, that there is nothing left to learn."""
        self._reports.step(metrics)
        if metrics.teaches_nothing and not self._is_told:
            self._is_told = True
            self._reports.say(
                f"step {metrics.step}: all losses and the gradient are 0: the student is as sure "
                "of these texts as can be, and learns nothing more from them"
            )

    def result(self) -> TrainingResult:
        """What the run came to, with the best weights where it looked for them."""
        best = None
        if self._settings.patience is not None:
            best = validation.best(self._progress.validations)
            if best is not None and self._processes.is_first:
                self._optimizer.use(self._files.best(best.step) or self._optimizer.weights())
        progress = self._progress
        last_epoch = progress.losses[-self._lessons.steps_per_epoch :]
        total, *parts = (_mean(losses) for losses in zip(*last_epoch, strict=True))
        feedback, rationale, *soft = parts
        assert total is not None
        return TrainingResult(
            steps=progress.step,
            loss=total,
            loss_feedback=feedback,
            loss_rationale=rationale,
            loss_soft=soft[0] if soft else None,
            losses=progress.losses,
            validations=progress.validations,
            best_step=best.step if best else None,
            examples=len(self._lessons.questions),
            held_out=len(self._lessons.held_out),
            shortened=self._lessons.pool.shortened,
            left_out=self._lessons.pool.left_out,
            seconds=progress.seconds,
            room=progress.room or self._passes.room,
            weights=self._optimizer.weights(),
        )

    def _row(self, loss: StepLoss) -> Losses:
        """A step's losses as they are kept: without a mentor as they always were."""
        soft = () if self._soft is None else (loss.soft,)
        return (loss.total, loss.feedback, loss.rationale, *soft)

    def _between_passes(self) -> None:
        if self._processes.size == 1:
            self._cancelled()

    def _obey(self) -> None:
        """Let all processes stop at the same step when the first is cancelled."""
        if self._processes.size > 1:
            self._processes.obey(self._cancelled)

    def _diverged(self, step: int, loss_is_a_number: bool) -> Diverged:
        """What to raise when the step after `step` failed, with the last good state.

        Weights are good when they gave a loss that is a number.
        """
        good = step if loss_is_a_number else step - 1
        found = self._files.last_good(self._fingerprint, good) if self._processes.is_first else None
        result = None
        if found is not None:
            self._progress, tensors = found
            self._optimizer.load(tensors)
            result = self.result()
        return Diverged(
            f"The loss is no longer a number in step {step + 1}: "
            f"train with a learning rate below {self._settings.learning_rate:g}.",
            result,
        )


def _fingerprint(
    lessons: Lessons,
    settings: TrainingSettings,
    optimizer: MasterAdamW,
    soft: SoftLabels | None,
) -> str:
    """SHA-256 of all that decides how a run goes, but for the base student itself."""
    content = [
        settings.to_dict(),
        examples_hash([*lessons.questions, *lessons.held_out]),
        [(name, list(weight.shape)) for name, weight in optimizer.weights().items()],
        *([soft.told] if soft else []),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _mean(losses: Sequence[float | None]) -> float | None:
    """The mean over the steps that have this loss, None where none has."""
    present = [loss for loss in losses if loss is not None]
    return fmean(present) if present else None
