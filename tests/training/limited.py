"""Runs on the tiny model that may take little memory, for a process of their own."""

from collections.abc import Sequence
from pathlib import Path

from fair_app.errors import WorkFailed
from fair_app.student.check import GB
from fair_app.training import attention
from fair_app.training.methods import trainee
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, train
from tests.training.tiny import questions, tiny_model, tiny_tokenizer

LimitedRun = tuple[list[float], list[str]]
"""The losses of a run, and its log."""


def limited_runs(folder: Path, limits: Sequence[float | None]) -> list[LimitedRun]:
    """A run for each limit, in GB beside what the process has; None: without one.

    The lowest must come first: what one has freed is there for the next.
    """
    return [_run(folder / str(number), more) for number, more in enumerate(limits)]


def _run(state: Path, more: float | None) -> LimitedRun:
    settings = TrainingSettings(
        epochs=1,
        max_steps=2,
        batch_size=20,
        learning_rate=0.01,
        lora_rank=4,
        quantization="none",
        max_tokens=2000,
        tokens_per_pass=100_000,
        memory_gb=data_bytes() / GB + more if more else None,
    )
    losses: list[float] = []
    said: list[str] = []
    reports = Reports(lambda step: losses.append(step.loss), say=said.append)
    student = trainee(tiny_model(), settings)
    try:
        train(student, tiny_tokenizer(), questions(40), settings, state, reports=reports)
    except WorkFailed as fault:
        said.append(f"failed: {fault}")
    return losses, said


def budgeted(state: Path, more: float) -> tuple[int, list[str]]:
    """The tokens a pass that a run finds for itself, and its log: with so many GB beside what the
    process has."""
    attention.SHORT = 0  # the products' buffers, made once, are larger than this model's passes
    settings = TrainingSettings(
        epochs=1,
        max_steps=1,
        batch_size=20,
        lora_rank=4,
        quantization="none",
        max_tokens=2000,
        memory_gb=data_bytes() / GB + more,
    )
    said: list[str] = []
    result = train(
        trainee(tiny_model(), settings),
        tiny_tokenizer(),
        questions(40),
        settings,
        state,
        reports=Reports(say=said.append),
    )
    return result.room.tokens_per_pass, said


def data_bytes() -> int:
    """What RLIMIT_DATA counts of this process (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if "VmData" in line)
