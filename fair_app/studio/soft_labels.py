"""Whether a mentor's soft labels can be learned from here: found out from files, before a run."""

from dataclasses import replace
from pathlib import Path

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.check import Machine, size, this_machine
from fair_app.student.registry import StudentRef, parse_ref
from fair_app.training.memory import least_need, memory_of, mentor_need
from fair_app.training.mentor_cost import head_fits
from fair_app.training.settings import HIDDEN, ONLINE, TrainingSettings
from fair_app.training.shape import folder_of, shape_of
from fair_app.training.vocabulary import NO_ENCODER, check_no_conflict, vocabulary_in


def with_mentor(
    home: Settings, student: StudentRef, settings: TrainingSettings, parts: int = 1
) -> TrainingSettings:
    """The settings with the mentor's REF as a lineage has it, checked against student and machine.

    What lies on another machine yet is checked by the run itself. Without a mentor the settings
    are returned as they are. `parts`: among how many processes the student's weights are divided.
    Raises BadInput for a mentor that is not there, speaks of other tokens
    than the student, has an encoder, or does not fit into memory.
    """
    if not settings.mentor:
        return settings
    mentor = parse_ref(settings.mentor, home.checkpoints, home.models)
    known = mentor.ref if mentor.kind == "checkpoint" else mentor.base
    settings = replace(settings, mentor=known)
    if settings.has_soft_labels:
        _check_tokens(student, mentor)
        _check_memory(student, mentor, settings, this_machine(), parts)
    return settings


def _check_tokens(student: StudentRef, mentor: StudentRef) -> None:
    folders: list[Path | None] = [folder_of(one) for one in (student, mentor)]
    found = [vocabulary_in(folder) if folder else None for folder in folders]
    if found[0] is not None and found[1] is not None:
        check_no_conflict(found[0], found[1])


def _check_memory(
    student: StudentRef,
    mentor: StudentRef,
    settings: TrainingSettings,
    machine: Machine,
    parts: int,
) -> None:
    ours, theirs = shape_of(student), shape_of(mentor)
    if theirs is None:
        return
    if theirs.has_encoder or (ours is not None and ours.has_encoder):
        raise BadInput(NO_ENCODER)
    memory = memory_of(settings, machine)
    need = mentor_need(theirs, mentor.trained_on, machine)
    if need > memory:
        raise BadInput(
            f"The mentor {mentor.ref} takes about {size(need)} of memory, more than the "
            f"{size(memory)} there are: take a smaller one, or learn from its rationales alone "
            "(lambda 0)."
        )
    if settings.soft_labels == HIDDEN and not head_fits(student, mentor, settings, machine, parts):
        raise BadInput(
            f"The head of {mentor.ref} has no room in memory beside the student: store its "
            "likeliest tokens (--soft-labels top-k)."
        )
    if ours is not None and settings.soft_labels == ONLINE:
        both = need + least_need(ours, settings, parts)
        if both > memory:
            raise BadInput(
                f"Student and mentor at once take about {size(both)} of memory, more than the "
                f"{size(memory)} there are: store the soft labels first (--soft-labels stored)."
            )
