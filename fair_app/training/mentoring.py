"""How a run comes by its mentor's soft labels: computed in every step, or stored before the first.

Which of the two, and whose they are, stands in a file of the run's work folder: a run that is
resumed has the soft labels that it began with.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedTokenizerBase

from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.student.base import never_cancelled
from fair_app.student.check import GB, Machine, size, this_machine
from fair_app.student.generation import prompt_renderer
from fair_app.student.loading import has_encoder, load_tokenizer
from fair_app.student.out_of_memory import free_what_is_left_over
from fair_app.student.registry import StudentRef, parse_ref
from fair_app.training.examples import TrainingQuestion
from fair_app.training.files import whole_file
from fair_app.training.memory import READ_AT_ONCE, least_need, memory_of, mentor_need
from fair_app.training.mentor_model import Mentor, load_mentor, weights_hash
from fair_app.training.packing import Example
from fair_app.training.pool import ExamplePool
from fair_app.training.processes import ALONE, Processes
from fair_app.training.settings import TrainingSettings
from fair_app.training.shape import shape_of
from fair_app.training.soft_labels import SoftLabels, Source
from fair_app.training.soft_store import Kept, Store, bytes_of, distinct, enough, most_bytes
from fair_app.training.vocabulary import NO_ENCODER, check_same, vocabulary_of

FOLDER, RECORD = "soft-labels", "soft-labels.json"
READ_ON_A_GPU = 8192
"""Tokens a pass where nothing is learned; on a processor `READ_AT_ONCE`."""


@dataclass(frozen=True)
class Telling:
    """Who is told what goes on, and asked whether to go on."""

    say: Callable[[str], None] = lambda _: None
    progress: Callable[[str, int, int], None] = lambda *_: None
    cancelled: Callable[[], None] = never_cancelled


@dataclass(frozen=True)
class Speech:
    """What student and mentor have in common: the student's tokenizer, and how many tokens."""

    tokenizer: PreTrainedTokenizerBase
    vocabulary: int
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
    record = _agreed(processes, _read(work))
    if record is None:
        how = _way(settings, student, mentor, processes)
        record = {"mentor": mentor.ref, "how": how, "tau": settings.tau}
    if record["how"] == "online":
        record, source = _online(mentor, speech, settings, record, processes)
        telling.say(f"soft labels: {mentor.ref} computes them in every step")
    else:
        record, source = _stored(
            mentor, speech, settings, questions, work, record, processes, telling
        )
    if processes.is_first:
        _write(work, record)
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
    configs = (AutoConfig.from_pretrained(one.source) for one in (student, mentor))
    rows = (config.get_text_config().vocab_size for config in configs)
    return Speech(
        ours, min(vocabulary.size, *rows), str(ours.chat_template) == str(theirs.chat_template)
    )


def beforehand(
    student: StudentRef,
    mentor: StudentRef,
    settings: TrainingSettings,
    speech: Speech,
    examples: Sequence[Example],
) -> str:
    """How a run of one process will come by its soft labels, in a sentence, from files alone."""
    if _way(settings, student, mentor, ALONE) == "online":
        return (
            "The mentor computes its soft labels in every step, beside the student: none are "
            "stored."
        )
    tokens = sum(one.response_length for one in distinct(taught(examples)))
    return (
        f"The mentor's soft labels of {tokens:,} tokens are stored before the first step and take "
        f"at most {size(most_bytes(tokens, speech.vocabulary))} of disk while the run lasts."
    )


def taught(examples: Sequence[Example]) -> list[Example]:
    """Those that a mentor has soft labels for."""
    return [one for one in examples if one.part == "rationale"]


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


def _way(
    settings: TrainingSettings, student: StudentRef, mentor: StudentRef, processes: Processes
) -> str:
    """How soft labels are come by, by all processes alike: as the settings say, or as they fit."""
    how = settings.soft_labels
    if how == "auto":
        machine = this_machine()
        if not torch.cuda.is_available():  # the processes share its memory
            machine = Machine(
                machine.name, machine.memory_bytes // processes.size, machine.disk_free_bytes
            )
        parts = processes.size if processes.sharding else 1
        fits = fits_beside(student, mentor, settings, machine, parts)
        how = "online" if fits else "stored"
    return processes.from_first(how.encode()).decode()


def _online(
    ref: StudentRef,
    speech: Speech,
    settings: TrainingSettings,
    record: dict[str, Any],
    processes: Processes,
) -> tuple[dict[str, Any], Source]:
    model = load_mentor(ref)
    record = _same_weights(record, weights_hash(model) if processes.is_first else "")
    return record, Mentor(model, speech.vocabulary, settings.tau)


def _stored(
    ref: StudentRef,
    speech: Speech,
    settings: TrainingSettings,
    questions: Sequence[TrainingQuestion],
    work: Path,
    record: dict[str, Any],
    processes: Processes,
    telling: Telling,
) -> tuple[dict[str, Any], Source]:
    pool = ExamplePool(
        speech.tokenizer, prompt_renderer(has_encoder=False), questions, settings.max_tokens
    )
    examples = distinct(taught(pool.every()))
    tokens = sum(one.response_length for one in examples)
    at_once = READ_ON_A_GPU if torch.cuda.is_available() else READ_AT_ONCE

    def store_of(found: dict[str, Any]) -> Store:
        return Store(work / FOLDER, examples, found["kept"], speech.vocabulary, settings.tau)

    missing = store_of(record).missing() if "kept" in record else None
    if _agreed(processes, missing) != []:
        telling.progress("loading the mentor", 0, 0)
        model = load_mentor(ref)
        record = _same_weights(record, weights_hash(model) if processes.is_first else "")
        mentor = Mentor(model, speech.vocabulary, settings.tau)
        if "kept" not in record:
            if processes.is_first:
                found = enough(mentor, examples, settings.seed, at_once)
                record = {**record, "kept": found.count, "mass": found.mass, "tokens": tokens}
                telling.say(_said(found, tokens, speech.vocabulary))
                _check_disk(work, bytes_of(tokens, found.count, speech.vocabulary))
                _write(work, record)
            record = _agreed(processes, record)
        store = store_of(record)
        numbers = _agreed(processes, store.missing())
        memory_gb = settings.memory_gb or this_machine().memory_bytes / GB
        done = 0
        for start in range(0, len(numbers), processes.size):
            processes.obey(telling.cancelled)
            telling.progress("storing the mentor's soft labels", done, tokens)
            for number in numbers[start + processes.rank :][:1]:
                store.make(mentor, number, at_once, memory_gb)
            done = tokens * (start + processes.size) // max(1, len(numbers))
        del model, mentor
        free_what_is_left_over()
    store = store_of(record)
    if any(processes.added_up([len(store.missing())])):
        raise WorkFailed(
            f"Not every process sees the soft labels stored in {work / FOLDER}: put --home where "
            "all do, or compute them in every step (--soft-labels online)."
        )
    return record, store


def _said(found: Kept, tokens: int, vocabulary: int) -> str:
    which = "all" if found.count == vocabulary else f"the {found.count:,} likeliest of"
    return (
        f"soft labels: {which} {vocabulary:,} tokens are stored for each of {tokens:,} places, "
        f"with {found.mass:.1%} of the mentor's mass: "
        f"{size(bytes_of(tokens, found.count, vocabulary))} of disk while the run lasts"
    )


def _check_disk(work: Path, needed: int) -> None:
    free = shutil.disk_usage(work).free
    if needed > free:
        raise WorkFailed(
            f"The mentor's soft labels take {size(needed)}, more than the {size(free)} that the "
            "disk has free: free some and resume, or start a run that computes them in every step "
            "(--soft-labels online)."
        )


def _same_weights(record: dict[str, Any], found: str) -> dict[str, Any]:
    """The record with the hash of the mentor's weights; BadInput where it has another one."""
    known = record.get("weights_sha256")
    if known and found and known != found:
        raise BadInput(
            "The mentor's weights are not those that this run began with: start a new one."
        )
    return {**record, "weights_sha256": known or found}


def _agreed(processes: Processes, value: Any) -> Any:
    """What the first process has."""
    return json.loads(processes.from_first(json.dumps(value).encode()))


def _read(work: Path) -> dict[str, Any] | None:
    file = work / RECORD
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _write(work: Path, record: dict[str, Any]) -> None:
    with whole_file(work / RECORD) as partial:
        partial.write_text(json.dumps(record), encoding="utf-8")
