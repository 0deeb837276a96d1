"""What a mentor costs a run: memory beside the student, and time, by both sizes. No torch."""

from dataclasses import dataclass
from math import prod

from fair_app.student.check import BYTES_PER_PARAMETER, Machine
from fair_app.student.registry import StudentRef
from fair_app.training.memory import least_need, memory_of, mentor_need
from fair_app.training.settings import AUTO, ONLINE, STORED, TOP_K, TrainingSettings
from fair_app.training.shape import ModelShape, shape_of

LEARNED = 0.6
RATIONALES = 0.35
"""Shares of a step's tokens: those that are learned, and so pass a head; those of rationales with
their prompts. They are the published SVAMP run's: a prompt for feedback has the student's answer in
it, and is longer."""
WITH_ADAPTER, WITH_ALL = 2, 3
"""How many forward passes a token takes that is learned from: backwards the work of a forward pass
is done once for what flows through, and once for the gradients of weights that are trained."""


@dataclass(frozen=True)
class Load:
    """A mentor's work, in what its student's training takes for a token.

    `step` comes to every token of a run, `making` to every one of all rationales with their
    prompts, which are read before the first step.
    """

    step: float = 0.0
    making: float = 0.0


def load_of(
    student: ModelShape | None, mentor: ModelShape | None, settings: TrainingSettings, how: str
) -> Load | None:
    """The work of a mentor whose soft labels are come by as `how` says.

    By the multiplications alone, so roughly; None where a model's size is not known. Which of two
    forms takes less of the disk is not known beforehand: the slower one is counted.
    """
    if student is None or mentor is None:
        return None
    times = WITH_ALL if settings.method == "full" else WITH_ADAPTER
    trained = times * (_layers(student) + LEARNED * _head(student))
    layers, head = _layers(mentor), LEARNED * _head(mentor)
    if how == ONLINE:
        return Load(step=RATIONALES * (layers + head) / trained)
    if how == TOP_K:
        return Load(making=(layers + head) / trained)
    return Load(step=RATIONALES * head / trained, making=layers / trained)


def way_of(
    student: StudentRef,
    mentor: StudentRef,
    settings: TrainingSettings,
    machine: Machine,
    parts: int = 1,
) -> str:
    """How a run on a machine comes by its soft labels: as its settings say, or as it fits.

    `parts` as in `fits_beside`. Hidden states are not stored of themselves where their head has no
    room beside the student.
    """
    how = settings.soft_labels
    if how == AUTO:
        how = ONLINE if fits_beside(student, mentor, settings, machine, parts) else STORED
    if how == STORED and not head_fits(student, mentor, settings, machine, parts):
        how = TOP_K
    return how


def head_fits(
    student: StudentRef,
    mentor: StudentRef,
    settings: TrainingSettings,
    machine: Machine,
    parts: int = 1,
) -> bool:
    """Whether a machine holds a mentor's head beside the student, roughly; True where nothing is
    known of one of them."""
    ours, theirs = shape_of(student), shape_of(mentor)
    if ours is None or theirs is None:
        return True
    need = least_need(ours, settings, parts) + BYTES_PER_PARAMETER["none"] * _head(theirs)
    return need <= memory_of(settings, machine)


def fits_beside(
    student: StudentRef,
    mentor: StudentRef,
    settings: TrainingSettings,
    machine: Machine,
    parts: int = 1,
) -> bool | None:
    """Whether a machine holds student and mentor at once, roughly; None where that is not known.

    `parts`: among how many processes the student's weights are divided.
    """
    ours, theirs = shape_of(student), shape_of(mentor)
    if ours is None or theirs is None:
        return None
    need = least_need(ours, settings, parts) + mentor_need(theirs, mentor.trained_on, machine)
    return need <= memory_of(settings, machine)


def _layers(shape: ModelShape) -> float:
    """The multiplications of a token in a model's layers."""
    return sum(map(prod, shape.linear.values()))


def _head(shape: ModelShape) -> float:
    """Those in its head."""
    return shape.hidden * shape.vocabulary
