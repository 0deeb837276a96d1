"""How a run comes by its mentor's soft labels: computed in every step, or stored before the first.

Which of the two, and whose they are, stands in a file of the run's work folder: a run that is
resumed has the soft labels that it began with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedTokenizerBase

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.check import Machine, size, this_machine
from fair_app.student.generation import prompt_renderer
from fair_app.student.loading import has_encoder, load_tokenizer
from fair_app.student.registry import StudentRef, parse_ref
from fair_app.training.examples import TrainingQuestion
from fair_app.training.mentor_cost import way_of
from fair_app.training.mentor_model import Mentor, load_mentor, weights_hash
from fair_app.training.packing import Example
from fair_app.training.pool import ExamplePool
from fair_app.training.processes import ALONE, Processes
from fair_app.training.settings import HIDDEN, ONLINE, TOP_K, TrainingSettings
from fair_app.training.soft_labels import SoftLabels, Source
from fair_app.training.soft_store import distinct
from fair_app.training.storing import (
    agreed,
    most_bytes,
    read_record,
    same_weights,
    stored,
    write_record,
)
from fair_app.training.telling import Telling
from fair_app.training.vocabulary import NO_ENCODER, check_same, vocabulary_of


@dataclass(frozen=True)
class Speech:
    """What student and mentor have in common: the student's tokenizer, and how many tokens.

    `hidden` is the mentor's hidden size.
    """

    tokenizer: PreTrainedTokenizerBase
    vocabulary: int
    hidden: int
    same_template: bool


def soft_labels(
    home: Settings,
    student: StudentRef,
    settings: TrainingSettings,
    questions: Sequence[TrainingQuestion],
    work: Path,
    telling: Telling,
    processes: Processes = ALONE,
) -> SoftLabels | None:
    """The soft labels that a run's settings ask for; None where they ask for none.

    `work` is the run's work folder. The mentor is loaded, and stays so where it is to compute in
    every step. Storing goes on where it was cut off.

    Raises BadInput for a mentor that is not there, speaks of other tokens or has changed since the
    run began, Cancelled, and WorkFailed when memory or disk do not suffice.
    """
    if not settings.has_soft_labels:
        return None
    mentor = mentor_of(home, settings)
    speech = common_speech(student, mentor)
    if not speech.same_template:
        telling.say(f"{mentor.ref} reads the student's prompts, which its own template words else")
    record = agreed(processes, read_record(work))
    if record is None:
        how = _way(settings, student, mentor, processes)
        record = {"mentor": mentor.ref, "how": how, "tau": settings.tau}
    source: Source
    if record["how"] == ONLINE:
        record, source = _online(mentor, speech, settings, record, processes)
        telling.say(f"soft labels: {mentor.ref} computes them in every step")
    else:
        pool = ExamplePool(
            speech.tokenizer, prompt_renderer(has_encoder=False), questions, settings.max_tokens
        )
        examples = distinct(taught(pool.every()))
        record, source = stored(
            mentor, speech.vocabulary, settings, examples, work, record, processes, telling
        )
    if processes.is_first:
        write_record(work, record)
    return SoftLabels(settings.soft_weight, settings.soft_factor, source, record)


def mentor_of(home: Settings, settings: TrainingSettings) -> StudentRef:
    """The mentor that the settings name. Raises BadInput when it is not there."""
    assert settings.mentor is not None
    return parse_ref(settings.mentor, home.checkpoints, home.models)


def common_speech(student: StudentRef, mentor: StudentRef) -> Speech:
    """What is common to a student and its mentor, without their weights.

    Heads may have more rows than there are tokens: those count for nothing. Raises BadInput when
    the two speak of other tokens, or one of them has an encoder.
    """
    if has_encoder(student) or has_encoder(mentor):
        raise BadInput(NO_ENCODER)
    ours, theirs = load_tokenizer(student), load_tokenizer(mentor)
    vocabulary = vocabulary_of(ours)
    check_same(vocabulary, vocabulary_of(theirs))
    own, other = (
        AutoConfig.from_pretrained(one.source).get_text_config() for one in (student, mentor)
    )
    return Speech(
        ours,
        min(vocabulary.size, own.vocab_size, other.vocab_size),
        other.hidden_size,
        str(ours.chat_template) == str(theirs.chat_template),
    )


def beforehand(
    student: StudentRef,
    mentor: StudentRef,
    settings: TrainingSettings,
    speech: Speech,
    examples: Sequence[Example],
) -> str:
    """How a run of one process will come by its soft labels, in a sentence, from files alone."""
    how = _way(settings, student, mentor, ALONE)
    if how == ONLINE:
        return (
            "The mentor computes its soft labels in every step, beside the student: none are "
            "stored."
        )
    tokens = sum(one.response_length for one in distinct(taught(examples)))

    def at_most(form: str) -> str:
        return size(most_bytes(form, tokens, speech.hidden, speech.vocabulary))

    forms = {
        HIDDEN: f"as its hidden states with its head they take {at_most(HIDDEN)}",
        TOP_K: f"as its likeliest tokens at most {at_most(TOP_K)}",
    }
    said = forms.get(how, f"{forms[HIDDEN]}, {forms[TOP_K]}; the smaller is taken")
    return (
        f"The mentor's soft labels of {tokens:,} tokens are stored before the first step, and go "
        f"with the run: {said}."
    )


def taught(examples: Sequence[Example]) -> list[Example]:
    """Those that a mentor has soft labels for."""
    return [one for one in examples if one.part == "rationale"]


def _way(
    settings: TrainingSettings, student: StudentRef, mentor: StudentRef, processes: Processes
) -> str:
    """How soft labels are come by, by all processes alike."""
    machine = this_machine()
    if not torch.cuda.is_available():  # the processes share its memory
        machine = Machine(
            machine.name, machine.memory_bytes // processes.size, machine.disk_free_bytes
        )
    parts = processes.size if processes.sharding else 1
    how = way_of(student, mentor, settings, machine, parts)
    return processes.from_first(how.encode()).decode()


def _online(
    ref: StudentRef,
    speech: Speech,
    settings: TrainingSettings,
    record: dict[str, Any],
    processes: Processes,
) -> tuple[dict[str, Any], Source]:
    model = load_mentor(ref)
    record = same_weights(record, weights_hash(model) if processes.is_first else "")
    return record, Mentor(model, speech.vocabulary, settings.tau)
