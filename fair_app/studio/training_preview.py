"""The examples of a run as its student will see them, before it starts."""

import hashlib
import json
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from db.projects import Project
from fair_app.curation.training_set import ACCEPTED, Chosen, Selection
from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import REPOSITORY, Settings
from fair_app.student.registry import StudentRef
from fair_app.studio.training import MIXED, student_to_train, training_questions
from fair_app.training.examples import TrainingQuestion, examples_hash
from fair_app.training.settings import QUICK, TrainingSettings, chosen_settings

FOLDER = ".previews"
KEPT = 8
"""Previews that are kept; the oldest goes first."""
LONGEST_S = 300
"""A tokenizer may have to be fetched from the hub first."""
BAD_INPUT = 2
"""The exit code with which the process says that what was asked for makes no sense."""
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Totals:
    """A run before it starts; tokens and texts as `training.preview.preview` counts them."""

    questions: int
    held_out: int
    texts: int
    tokens: int
    learned: int
    longest: int
    shortened: int
    cut: int
    left_out: int
    steps: int
    note: str


@dataclass(frozen=True)
class Side:
    """One text with its prompt, both as their tokens say them. Only the response is learned, and
    only where its part `counts` in the loss."""

    teacher: str
    prompt: str
    response: str
    prompt_tokens: int
    response_tokens: int
    cut: int
    counts: bool


@dataclass(frozen=True)
class Shown:
    """What a question brings to the first epoch; None where it has no such text."""

    question_id: int
    feedback: Side | None
    rationale: Side | None


@dataclass(frozen=True)
class Preview:
    """The totals, and some examples from number `first` (counted from 1) on."""

    totals: Totals
    first: int
    examples: list[Shown]


def example_preview(
    settings: Settings,
    project: Project,
    *,
    student: str | None = None,
    teacher: str = MIXED,
    keep_rule: bool = False,
    rationales: Chosen = ACCEPTED,
    preset: str = QUICK,
    settings_given: dict[str, Any] | None = None,
    first: int = 1,
    count: int = 1,
) -> Preview:
    """Some examples of the run that is asked for, as it would have them. Trains nothing.

    They are found out in a process of their own and kept by what moves them. Raises BadInput as
    the run would, WorkFailed when the tokenizer cannot be reached.
    """
    chosen = chosen_settings(preset, settings_given or {})
    ref = student_to_train(settings, project, student)
    selection = Selection(teacher, keep_rule, rationales, with_feedback=chosen.alpha > 0)
    questions = training_questions(settings, project, selection)
    file = settings.checkpoints / FOLDER / f"{_key(ref, questions, chosen)}.jsonl"
    with _one_at_a_time:
        if not file.is_file():
            _make(settings, ref, questions, chosen, file)
    with file.open(encoding="utf-8") as lines:
        totals = Totals(**json.loads(next(lines)))
        first = min(max(first, 1), totals.questions)
        wanted = islice(lines, first - 1, first - 1 + count)
        return Preview(totals, first, [_shown(json.loads(line)) for line in wanted])


def _key(ref: StudentRef, questions: list[TrainingQuestion], chosen: TrainingSettings) -> str:
    """What moves a preview, as a file's name."""
    own = chosen.to_dict()
    moving = ("max_tokens", "max_steps", "epochs", "batch_size", "validation_share")
    drawing = ("seed", "sampling", "balance")
    softening = ("mentor", "soft_weight", "soft_labels")
    counting = {"feedback": chosen.alpha > 0, "rationale": chosen.alpha < 1}
    files = sorted(Path(ref.source).glob("*token*")) + sorted(Path(ref.source).glob("*.jinja"))
    content = [
        ref.source,
        [(file.name, file.stat().st_mtime_ns) for file in files],
        examples_hash(questions),
        {name: own.get(name) for name in (*moving, *drawing, *softening)},
        counting,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _make(
    settings: Settings,
    ref: StudentRef,
    questions: list[TrainingQuestion],
    chosen: TrainingSettings,
    file: Path,
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    asked = {
        "student": ref.ref,
        "examples": [asdict(one) for one in questions],
        "settings": chosen.to_dict(),
    }
    command = [sys.executable, "-m", "fair_app.training.preview", str(file.resolve())]
    if settings.home:
        command += ["--home", str(settings.home.resolve())]
    try:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkFailed("The preview took too long, perhaps for the hub: try again.") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it ended without a word"]
        raise (BadInput if done.returncode == BAD_INPUT else WorkFailed)(said[0])
    kept = sorted(file.parent.glob("*.jsonl"), key=lambda one: one.stat().st_mtime)
    for old in kept[:-KEPT]:
        old.unlink(missing_ok=True)


def _shown(line: dict[str, Any]) -> Shown:
    feedback, rationale = (
        Side(**line[part]) if line[part] else None for part in ("feedback", "rationale")
    )
    return Shown(line["question_id"], feedback, rationale)
