"""A run of the method's reference implementation (arXiv 2410.03663), read and written exactly.

A run is up to three lists in JSON, one row a mistake, each repeating the fields of the mistake:
what the student answered wrong, the teachers' feedback on it, and their rationales with the scores
of the peers (in committee order, without the author) and the texts that were accepted.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fair_app.curation.acceptance import DEFAULT_THRESHOLD, is_above
from fair_app.errors import BadInput
from fair_app.exchange.reference_file import (
    ACCEPTED,
    FEEDBACK,
    MISTAKE_FIELDS,
    OPTIONAL_FIELDS,
    RATIONALE,
    ReferenceFile,
    ReferenceMistake,
    ReferenceRationale,
    Scalar,
)
from fair_app.whole_files import write_whole

__all__ = [
    "ReferenceMistake",
    "ReferenceRationale",
    "ReferenceRun",
    "Scalar",
    "accepted_texts",
    "file_names",
    "read_run",
    "write_run",
    "write_wrong_predictions",
]

# The reference's training finds the task in a file's name, and spells these two its own way.
TASK_SPELLING = {"strategyqa": "strategyQA", "logiqa": "logiQA"}
ONE_RUN = "Give files of one run."


@dataclass(frozen=True)
class ReferenceRun:
    """The three files as one value; every list has one entry a mistake.

    `teachers` is the committee in its order. `feedback` and `rationales` are by teacher, and empty
    when there is no such file. `accepted` is `correct_rationale`: the texts that may be learnt
    from, None where the file does not tell.
    """

    mistakes: list[ReferenceMistake]
    teachers: list[str] = field(default_factory=list)
    feedback: dict[str, list[str | None]] = field(default_factory=dict)
    rationales: dict[str, list[ReferenceRationale]] = field(default_factory=dict)
    accepted: list[list[str | None]] | None = None


def read_run(
    mistakes_path: Path | None = None,
    feedback_path: Path | None = None,
    rationale_path: Path | None = None,
) -> ReferenceRun:
    """Read a run from any of its three files; each repeats the mistakes, so one is enough.

    Raises BadInput when no file is given, when one is missing, is not a JSON list of rows, or has
    a field missing or of the wrong shape (the row and the field are named), and when the files do
    not belong together (the first difference is named).
    """
    files = {
        path: ReferenceFile(path) for path in (mistakes_path, feedback_path, rationale_path) if path
    }
    if not files:
        raise BadInput("Give at least one of the mistakes, feedback and rationale files.")
    first, *others = files.values()
    mistakes = first.mistakes()
    for other in others:
        _check_same_mistakes(first, mistakes, other)
    feedback = files[feedback_path].feedback() if feedback_path else {}
    rationales = files[rationale_path].rationales() if rationale_path else {}
    if feedback and rationales and feedback.keys() != rationales.keys():
        raise BadInput(
            f"The files do not belong together: the feedback is by {list(feedback)}, "
            f"the rationales are by {list(rationales)}. "
            f"{ONE_RUN}"
        )
    return ReferenceRun(
        mistakes=mistakes,
        teachers=list(rationales or feedback),
        feedback=feedback,
        rationales=rationales,
        accepted=files[rationale_path].accepted() if rationale_path else None,
    )


def accepted_texts(
    run: ReferenceRun, threshold: float = DEFAULT_THRESHOLD
) -> list[list[str | None]]:
    """The `correct_rationale` lists that the acceptance rule gives, in committee order.

    A failed call is never accepted, whatever its scores.
    """
    columns = [run.rationales[teacher] for teacher in run.teachers if run.rationales]
    return [
        [
            entry.text
            for entry in entries
            if entry.text is not None and is_above(entry.scores, threshold)
        ]
        for entries in zip(*columns, strict=True)
    ]


def file_names(model: str, task: str, round: int) -> dict[str, str]:
    """The names of a run's files, by `false`, `feedback` and `rationale`.

    Of a hub id or a folder only the last part is used, as in the reference.
    """
    stem = f"{_file_name(model)}_{TASK_SPELLING.get(task, _file_name(task))}"
    return {kind: f"{stem}_{kind}_round{round}.json" for kind in ("false", "feedback", "rationale")}


def write_run(run: ReferenceRun, folder: Path, model: str, task: str, round: int) -> list[Path]:
    """Write the run's files into a folder, all or none, and return their paths.

    The feedback and rationale files are written when the run has them. `correct_rationale` is
    `run.accepted`, and what the rule accepts at the default threshold where that is None. The
    layout is the published run's, byte for byte. Raises BadInput when a teacher is named `correct`,
    ValueError for a run whose lists do not fit together, and as `write_whole` does.
    """
    _check_whole(run)
    names = file_names(model, task, round)
    rows = [_row(mistake) for mistake in run.mistakes]
    contents = {folder / names["false"]: _json(rows, indent=None)}
    columns: dict[str, Sequence[Any]]
    if run.feedback:
        columns = {teacher + FEEDBACK: run.feedback[teacher] for teacher in run.teachers}
        contents[folder / names["feedback"]] = _json(_with_columns(rows, columns), indent=4)
    if run.rationales:
        columns = {
            teacher + RATIONALE: [[entry.text, *entry.scores] for entry in run.rationales[teacher]]
            for teacher in run.teachers
        }
        columns[ACCEPTED] = accepted_texts(run) if run.accepted is None else run.accepted
        contents[folder / names["rationale"]] = _json(_with_columns(rows, columns), indent=4)
    return write_whole(contents)


def write_wrong_predictions(
    wrong: Sequence[ReferenceMistake], folder: Path, checkpoint: str
) -> Path:
    """Write a test's wrong predictions as `<checkpoint>_test.json` and return its path.

    Raises as `write_whole` does.
    """
    path = folder / f"{_file_name(checkpoint)}_test.json"
    write_whole({path: _json([_row(mistake) for mistake in wrong], indent=4)})
    return path


def _check_same_mistakes(
    first: ReferenceFile, mistakes: Sequence[ReferenceMistake], other: ReferenceFile
) -> None:
    """Raise BadInput, naming the first difference, unless a file is about these mistakes."""
    apart = f"{first.path.name} and {other.path.name} do not belong together:"
    theirs = other.mistakes()
    for number, (one, two) in enumerate(zip(mistakes, theirs, strict=False), 1):
        for name in MISTAKE_FIELDS:
            if getattr(one, name) != getattr(two, name):
                about = f"the ids {one.id!r} and {two.id!r}" if name == "id" else f"'{name}'"
                raise BadInput(
                    f"{apart} row {number} (id {one.id!r}) differs in {about}. {ONE_RUN}"
                )
    if len(mistakes) != len(theirs):
        raise BadInput(f"{apart} they have {len(mistakes)} and {len(theirs)} rows. {ONE_RUN}")


def _check_whole(run: ReferenceRun) -> None:
    """Raise unless each teacher of the run has an entry for each mistake, and each peer a score."""
    if run.rationales and "correct" in run.teachers:
        raise BadInput(
            "A teacher named 'correct' cannot be exported, since the reference's rationale files "
            "use that name for the accepted texts: rename the teacher."
        )
    for column in (run.feedback, run.rationales):
        if column and column.keys() != set(run.teachers):
            raise ValueError(f"the run's teachers are {run.teachers}, not {list(column)}")
    lists: list[Sequence[object]] = [*run.feedback.values(), *run.rationales.values()]
    if run.accepted is not None:
        lists.append(run.accepted)
    if any(len(entries) != len(run.mistakes) for entries in lists):
        raise ValueError(f"every list of the run must have {len(run.mistakes)} entries")
    peers = len(run.teachers) - 1
    if any(len(entry.scores) != peers for own in run.rationales.values() for entry in own):
        raise ValueError(f"every rationale must have {peers} scores, None where there is none")


def _row(mistake: ReferenceMistake) -> dict[str, Any]:
    values = {name: getattr(mistake, name) for name in MISTAKE_FIELDS}
    return {
        name: value
        for name, value in values.items()
        if value is not None or name not in OPTIONAL_FIELDS
    }


def _with_columns(
    rows: Sequence[dict[str, Any]], columns: Mapping[str, Sequence[Any]]
) -> list[dict[str, Any]]:
    return [
        row | {name: entries[index] for name, entries in columns.items()}
        for index, row in enumerate(rows)
    ]


def _json(rows: Sequence[Any], indent: int | None) -> Iterator[str]:
    """The text that the reference's `json.dump` writes, in pieces."""
    return json.JSONEncoder(indent=indent, allow_nan=False).iterencode(rows)


def _file_name(name: str) -> str:
    """The last part of a hub id or path, with what no file name should hold replaced."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return re.sub(r"[^\w.-]", "-", last).lstrip(".") or "student"
