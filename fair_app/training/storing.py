"""Storing a mentor's soft labels before a run's first step: in which form, and file by file.

The form stands in the run's record from the moment that it is chosen: a run that is resumed goes on
with it.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from fair_app.errors import BadInput, WorkFailed
from fair_app.student.base import never_cancelled
from fair_app.student.check import GB, size, this_machine
from fair_app.student.loading import device
from fair_app.student.out_of_memory import free_what_is_left_over
from fair_app.student.registry import StudentRef
from fair_app.training.memory import READ_AT_ONCE
from fair_app.training.mentor_head import is_plain
from fair_app.training.mentor_model import Mentor, load_mentor, weights_hash
from fair_app.training.packing import Example
from fair_app.training.processes import Processes
from fair_app.training.settings import HIDDEN, STORED, TOP_K, TrainingSettings
from fair_app.training.soft_store import HiddenStore, Store, hidden_bytes
from fair_app.training.soft_top_k import Kept, TopKStore, enough, kept_of, top_k_bytes
from fair_app.training.telling import Telling
from fair_app.whole_files import whole_file

FOLDER, RECORD = "soft-labels", "soft-labels.json"
READ_ON_A_GPU = 8192
"""Tokens a pass where nothing is learned; on a processor `READ_AT_ONCE`."""
BFLOAT16_BYTES = 2
Record = dict[str, Any]


def stored(
    ref: StudentRef,
    vocabulary: int,
    settings: TrainingSettings,
    examples: Sequence[Example],
    work: Path,
    record: Record,
    processes: Processes,
    telling: Telling,
) -> tuple[Record, Store]:
    """The soft labels of distinct `examples`, on disk in the form that the record's `how` asks for.

    What is there of them stays; of several processes each makes its share of the rest. Returns the
    record with the form and what was found out by choosing it. Raises BadInput when the mentor has
    other weights than the record knows, or a head that cannot be kept where it must be, Cancelled,
    and WorkFailed when memory or disk do not suffice.
    """

    def store_of(found: Record) -> Store:
        return _store(found, work / FOLDER, examples, vocabulary, settings.tau)

    missing = store_of(record).missing() if _is_chosen(record) else None
    if agreed(processes, missing) != []:
        telling.progress("loading the mentor", 0, 0)
        model = load_mentor(ref)
        record = same_weights(record, weights_hash(model) if processes.is_first else "")
        mentor = Mentor(model, vocabulary, settings.tau)
        if not _is_chosen(record):
            if processes.is_first:
                kept = None
                if record["how"] != HIDDEN:
                    safe = _safe(processes, telling)
                    kept = enough(mentor, examples, settings.seed, _at_once(), safe)
                record = _chosen(mentor, ref, record, examples, kept, work, telling)
                write_record(work, record)
            record = agreed(processes, record)
        _make(store_of(record), mentor, settings, record["tokens"], processes, telling)
        del model, mentor
        free_what_is_left_over()
    store = store_of(record)
    if any(processes.added_up([len(store.missing())])):
        raise WorkFailed(
            f"Not every process sees the soft labels stored in {work / FOLDER}: put --home where "
            "all do, or compute them in every step (--soft-labels online)."
        )
    return record, store


def most_bytes(how: str, tokens: int, width: int, vocabulary: int) -> int:
    """What soft labels take on disk at most, before a mentor of this hidden size is loaded.

    `how` is one of the ways of storing; the smaller of two is no larger than either.
    """
    hidden = hidden_bytes(tokens, width, vocabulary, BFLOAT16_BYTES)
    top_k = top_k_bytes(tokens, kept_of(vocabulary, vocabulary), vocabulary)
    return {HIDDEN: hidden, TOP_K: top_k}.get(how, min(hidden, top_k))


def same_weights(record: Record, found: str) -> Record:
    """The record with the hash of the mentor's weights; BadInput where it has another one."""
    known = record.get("weights_sha256")
    if known and found and known != found:
        raise BadInput(
            "The mentor's weights are not those that this run began with: start a new one."
        )
    return {**record, "weights_sha256": known or found}


def agreed(processes: Processes, value: Any) -> Any:
    """What the first process has."""
    return json.loads(processes.from_first(json.dumps(value).encode()))


def read_record(work: Path) -> Record | None:
    """How the run of a work folder comes by its soft labels; None before that is known."""
    file = work / RECORD
    if not file.is_file():
        return None
    found: Record = json.loads(file.read_text(encoding="utf-8"))
    return found


def write_record(work: Path, record: Record) -> None:
    """Write the record of a run's work folder: whole or not at all."""
    with whole_file(work / RECORD) as partial:
        partial.write_text(json.dumps(record), encoding="utf-8")


def _make(
    store: Store,
    mentor: Mentor,
    settings: TrainingSettings,
    tokens: int,
    processes: Processes,
    telling: Telling,
) -> None:
    """Make what is missing of a store of so many response tokens, each process its share."""
    names, files = agreed(processes, store.missing()), len(store.names)
    memory_gb = settings.memory_gb or this_machine().memory_bytes / GB
    for start in range(0, len(names), processes.size):
        processes.obey(telling.cancelled)
        done = tokens * (files - len(names) + start) // files
        telling.progress("storing the mentor's soft labels", done, tokens)
        for name in names[start + processes.rank :][:1]:
            store.make(mentor, name, _at_once(), memory_gb, _safe(processes, telling))


def _at_once() -> int:
    return READ_ON_A_GPU if torch.cuda.is_available() else READ_AT_ONCE


def _safe(processes: Processes, telling: Telling) -> Callable[[], None]:
    """What may stop in the middle of a file: of several processes none may alone."""
    return telling.cancelled if processes.size == 1 else never_cancelled


def _is_chosen(record: Record) -> bool:
    return "kept" in record or "width" in record


def _store(
    record: Record, folder: Path, examples: Sequence[Example], vocabulary: int, tau: float
) -> Store:
    if "kept" in record:
        return TopKStore(folder, examples, record["kept"], vocabulary, tau)
    number = getattr(torch, record["number"]).itemsize
    return HiddenStore(folder, examples, record["width"], vocabulary, tau, number, device())


def _chosen(
    mentor: Mentor,
    ref: StudentRef,
    record: Record,
    examples: Sequence[Example],
    kept: Kept | None,
    work: Path,
    telling: Telling,
) -> Record:
    """The record with the form: what was asked for, else the one that takes less of the disk.

    What both take is told before the first file is made. Raises BadInput where the head must be
    kept and cannot be, WorkFailed when the disk has too little room.
    """
    how, head = record["how"], mentor.model.get_output_embeddings()
    vocabulary, tokens = mentor.head.vocabulary, sum(one.response_length for one in examples)
    hidden = top_k = None
    if is_plain(mentor.model):
        width, number = head.weight.shape[1], head.weight.dtype
        hidden = hidden_bytes(tokens, width, vocabulary, number.itemsize)
    elif how == HIDDEN:
        raise BadInput(
            f"The head of {ref.ref} cannot be kept without the rest of it: store its likeliest "
            "tokens (--soft-labels top-k)."
        )
    if kept is not None:
        top_k = top_k_bytes(tokens, kept.count, vocabulary)
    if how == STORED:
        fewer = hidden is None or (top_k is not None and top_k < hidden)
        how = TOP_K if fewer else HIDDEN
    telling.say(_said(how, tokens, vocabulary, hidden, top_k, kept))
    needed = hidden if how == HIDDEN else top_k
    assert needed is not None
    _check_disk(work, needed)
    if how == HIDDEN:
        form = {"width": width, "number": str(number).removeprefix("torch.")}
    else:
        assert kept is not None
        form = {"kept": kept.count, "mass": kept.mass}
    return {**record, "how": how, **form, "tokens": tokens}


def _said(
    how: str, tokens: int, vocabulary: int, hidden: int | None, top_k: int | None, kept: Kept | None
) -> str:
    """The form in which they are stored and what it takes, then what the other would take."""
    forms = []
    if hidden is not None:
        forms.append((HIDDEN, "the mentor's hidden states with its head", hidden))
    if top_k is not None and kept is not None:
        which = "all" if kept.count == vocabulary else f"the {kept.count:,} likeliest of"
        masses = f"{which} {vocabulary:,} tokens with {kept.mass:.1%} of the mentor's mass"
        forms.append((TOP_K, masses, top_k))
    ((_, own, taken), *others) = sorted(forms, key=lambda one: one[0] != how)
    beside = "".join(f" ({other} would take {size(more)})" for _, other, more in others)
    return (
        f"soft labels of {tokens:,} places are stored as {own}: {size(taken)} of disk while the "
        f"run lasts{beside}"
    )


def _check_disk(work: Path, needed: int) -> None:
    free = shutil.disk_usage(work).free
    if needed > free:
        raise WorkFailed(
            f"The mentor's soft labels take {size(needed)}, more than the {size(free)} that the "
            "disk has free: free some and resume, or start a run that computes them in every step "
            "(--soft-labels online)."
        )
