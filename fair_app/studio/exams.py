"""Exams and evaluations: checking what is asked for, and reading what came of it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db import exams
from db.exams import AnswerRow, Exam, ExamCounts, SampleRow
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import wilson
from fair_app.settings import Settings
from fair_app.student.base import DECODINGS, PROMPT_STYLES
from fair_app.student.registry import QUANTIZATIONS, parse_ref, server_address
from fair_app.student.voting import ballots, vote
from fair_app.studio.tasks import task_of_exam
from fair_app.tasks.custom import TaskSpec
from fair_app.tasks.registry import task as task_named


@dataclass(frozen=True)
class Voted:
    """The samples of a question, and the one that the vote chose.

    `votes` are by what was read: as the first sample with it has it ("" where nothing could be
    read, which is no vote), the most first.
    """

    samples: list[SampleRow]
    chosen: int
    votes: list[tuple[str, int]]


@dataclass(frozen=True)
class Standing:
    """An exam or evaluation with its accuracy so far and the 95 % Wilson interval of it."""

    exam: Exam
    counts: ExamCounts
    accuracy: float | None
    ci95: tuple[float, float] | None


def exam_params(
    settings: Settings,
    *,
    student: str,
    task: str,
    split: str,
    rows: str | Path | None = None,
    limit: int | None = None,
    decoding: str = "greedy",
    max_new_tokens: int | None = None,
    quantization: str = "none",
    server: str | None = None,
    samples: int = 1,
    seeds: int = 1,
    prompts: str = "chat",
    task_spec: TaskSpec | None = None,
) -> dict[str, Any]:
    """The parameters of an exam or evaluation job, checked. Raises BadInput.

    With `server`, the address of an OpenAI-compatible one, `student` is the model's name there.
    `samples` are answers to a question, of which the majority counts; `seeds` are evaluations of
    the same items, each drawn with a seed of its own. `prompts`: `PROMPT_STYLES`.

    A task of one's own is read with `task_spec`, and without it as its project says.
    """
    if task_spec is not None:
        task_named(task, task_spec)
    if server:
        server = server_address(server)
        if not student.strip():
            raise BadInput("Give the name that the student has on the server.")
        if quantization != "none":
            raise BadInput("The server chooses its model's weights: leave the quantization out.")
    else:
        parse_ref(student, settings.checkpoints, settings.models)
    if prompts not in PROMPT_STYLES:
        raise BadInput(f"There are no '{prompts}' prompts: choose {' or '.join(PROMPT_STYLES)}.")
    if decoding not in DECODINGS:
        raise BadInput(f"There is no decoding '{decoding}': choose {' or '.join(DECODINGS)}.")
    if samples < 1:
        raise BadInput("The number of samples must be 1 or more.")
    if samples > 1 and DECODINGS[decoding].temperature == 0:
        raise BadInput(
            f"{samples} samples need a decoding that samples: greedy answers are all the same, so "
            "choose the paper's decoding."
        )
    if seeds < 1:
        raise BadInput("The number of seeds must be 1 or more.")
    if seeds > 1 and DECODINGS[decoding].temperature == 0:
        raise BadInput(
            f"{seeds} seeds need a decoding that samples: greedy answers are all the same, so "
            "choose the paper's decoding."
        )
    if quantization not in QUANTIZATIONS:
        raise BadInput(f"There is no quantization '{quantization}': choose none or 4bit.")
    if limit is not None and limit < 1:
        raise BadInput("The number of questions must be 1 or more.")
    if max_new_tokens is not None and max_new_tokens < 1:
        raise BadInput("The limit of new tokens must be 1 or more.")
    if rows and not Path(rows).is_file():
        raise BadInput(f"There is no file {rows}: give the path of the rows.")
    return {
        "student": student,
        "task": task,
        "task_spec": task_spec.model_dump() if task_spec else None,
        "split": split,
        "rows": str(Path(rows).resolve()) if rows else None,
        "limit": limit,
        "decoding": decoding,
        "max_new_tokens": max_new_tokens,
        "quantization": quantization,
        "server": server or None,
        "samples": samples,
        "seeds": seeds,
        "prompts": prompts,
    }


def server_of(settings: Settings, project: Project, student: str) -> str | None:
    """The address of the server behind which a student was last asked in a project, or None.

    The project's exam says so for its own student; for others their newest evaluation.
    """
    store = connect(settings.database)
    own = [exams.get(store, project.exam_id)] if project.exam_id is not None else []
    tests = exams.of_project(store, project.id, "evaluation")
    asked = next((exam for exam in [*own, *tests] if exam.student == student), None)
    return asked.settings.get("server") if asked else None


def score(settings: Settings, exam_id: int) -> Standing:
    """How an exam or evaluation stands."""
    store = connect(settings.database)
    counts = exams.counts(store, exam_id)
    graded = counts.answered
    return Standing(
        exams.get(store, exam_id),
        counts,
        counts.correct / graded if graded else None,
        wilson(counts.correct, graded) if graded else None,
    )


def answers(
    settings: Settings,
    exam_id: int,
    which: str = "all",
    limit: int = 50,
    offset: int = 0,
    search: str = "",
) -> tuple[list[AnswerRow], int]:
    """A page of answers, and how many the filter lets through and hold the searched text."""
    store = connect(settings.database)
    return (
        exams.answers(store, exam_id, which, limit, offset, search),
        exams.count_answers(store, exam_id, which, search),
    )


def samples_of(settings: Settings, project: Project, answer_id: int) -> Voted | None:
    """The samples behind an answer of a project, or None where it has none."""
    store = connect(settings.database)
    answer = exams.answer(store, answer_id)
    samples = exams.samples(store, answer_id)
    if answer is None or answer.text is None or not samples:
        return None
    exam = exams.get(store, answer.exam_id)
    if exam.project_id != project.id:
        return None
    grader = task_of_exam(project, exam).grader
    voted_for = ballots([sample.prediction for sample in samples], grader)
    first: dict[str, str] = {}
    for ballot, sample in zip(voted_for, samples, strict=True):
        first.setdefault(ballot, sample.prediction)
    votes = [(first[ballot], number) for ballot, number in Counter(voted_for).most_common()]
    return Voted(samples, vote(voted_for).sample, votes)
