"""`evaluate`, `compare` and `matrix`; and how questions are put, which `exam` has in common."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.student.base import DECODINGS, GREEDY, PAPER, PROMPT_STYLES
from fair_app.student.registry import QUANTIZATIONS
from fair_app.studio import comparing, evaluations, exams, projects
from fair_app.studio.comparing import Compared
from fair_app.studio.leakage import counted
from fair_app.studio.matrix import matrix as matrix_of
from fair_app.studio.tasks import own_tasks
from fair_app.tasks.custom import TaskSpec, make_spec
from fair_app.tasks.grading import GRADERS
from fair_app.tasks.registry import task as task_named
from fair_app.tasks.registry import task_names

Result = dict[str, Any]

HOW_DRAWN = "how answers are drawn; paper: temperature 0.3, top-p 0.9"
HOW_PUT = "in the model's chat template, or as plain text as the reference does"
LONGEST = f"the longest answer; default: {GREEDY.max_new_tokens}, paper: {PAPER.max_new_tokens}"


def add_evaluating(add: Callable[..., Any], student: str, task: str) -> None:
    """Add the commands. `student` and `task` say what a REF and a T are."""
    tested = add("evaluate", evaluate)
    tested.add_argument("--student", required=True, metavar="REF", help=student)
    tested.add_argument("--task", metavar="T", help=f"default: the project's; {task}")
    add_questions(tested, split="test")
    tested.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="K",
        help="evaluations of the same items, each drawn with a seed of its own",
    )
    _without_leaked(tested)

    compared = add("compare", compare)
    compared.add_argument(
        "first",
        metavar="A",
        help="an evaluation's number, several seeds as 12+13, or a student: its newest evaluation "
        "with all seeds",
    )
    compared.add_argument("others", metavar="B", nargs="+", help="each is compared with A")
    _without_leaked(compared)

    add("matrix", matrix)


def add_questions(parser: argparse.ArgumentParser, split: str) -> None:
    """Add the options that say which questions are asked, and how."""
    parser.add_argument(
        "--rows", type=Path, metavar="FILE", help="a local file: jsonl, json, csv or parquet"
    )
    parser.add_argument(
        "--map",
        metavar="question=COLUMN,answer=COLUMN",
        help="the columns of a task of your own; also options (one column or A|B|C|D), context, "
        "id, type",
    )
    parser.add_argument("--grader", choices=GRADERS, help="how its answers are graded")
    parser.add_argument("--split", default=split, help="of the task's questions")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N questions")
    parser.add_argument("--decoding", choices=list(DECODINGS), default="greedy", help=HOW_DRAWN)
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help=LONGEST)
    parser.add_argument(
        "--quantization", choices=QUANTIZATIONS, default="none", help="of the student's weights"
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        help="an OpenAI-compatible server; REF is then the model's name there",
    )
    parser.add_argument(
        "--samples",
        type=int,
        default=1,
        metavar="K",
        help="answers a question; the majority wins",
    )
    parser.add_argument("--prompts", choices=list(PROMPT_STYLES), default="chat", help=HOW_PUT)


def evaluate(settings: Settings, arguments: Namespace) -> Result:
    """A student answers the test questions."""
    project = projects.open_project(settings, arguments.project)
    name, spec = arguments.task or project.task, task_spec(arguments)
    if spec is None and name != project.task and name not in task_names():
        spec = own_tasks(settings, project).get(name)
        task_named(name, spec)
    params = exam_params(settings, arguments, name, spec, seeds=arguments.seeds)
    result = worker.run_now(settings, "evaluate", params, project.id)
    ids = result.pop("exams", [result["exam"]])
    told = {
        "evaluation": result.pop("exam"),
        **({"evaluations": ids} if len(ids) > 1 else {}),
        "n": result.pop("questions"),
        **result,
    }
    exam = evaluations.find_evaluation(settings, project, str(told["evaluation"]))
    leaked = evaluations.leakage(settings, project, exam)
    told["leaked"] = counted(leaked)
    if arguments.without_leaked and len(leaked.items) < leaked.n:
        told["without_leaked"] = evaluations.without(settings, ids, leaked.items)
    elif arguments.without_leaked:  # the test is done, and that is no fault of it
        told["without_leaked"] = {"n": 0, "note": evaluations.NOTHING_LEFT}
    return told


def compare(settings: Settings, arguments: Namespace) -> Result:
    """Two or more evaluations of the same items, with McNemar's exact test."""
    project = projects.open_project(settings, arguments.project)
    asked = [arguments.first, *arguments.others]
    sides = comparing.find_comparable(settings, project, asked)
    found = comparing.comparison(settings, project, sides, without_leaked=arguments.without_leaked)
    if len(found) == 1:
        return _compared(found[0])
    return {
        "first": sides[0][0],
        "correction": "Holm",
        "compared": [{**_compared(one), "p_holm": one.p_holm} for one in found],
    }


def matrix(settings: Settings, arguments: Namespace) -> Result:
    """The project's students by the tasks that they were tested on."""
    project = projects.open_project(settings, arguments.project)
    found = matrix_of(settings, project)
    return {
        "learned": found.learned,
        "tasks": [{"task": name, "way": found.ways[name]} for name in found.tasks],
        "cells": [
            {"student": student, "task": name, **asdict(found.cells[student, name])}
            for student in found.students
            for name in found.tasks
            if (student, name) in found.cells
        ],
    }


def task_spec(arguments: Namespace) -> TaskSpec | None:
    """How to read a task of one's own, where --map and --grader say so. Raises BadInput."""
    if arguments.map is None and arguments.grader is None:
        return None
    if arguments.map is None or arguments.grader is None:
        raise BadInput("A task of your own needs both --map and --grader.")
    return make_spec(arguments.map, arguments.grader)


def exam_params(
    settings: Settings, arguments: Namespace, task: str, spec: TaskSpec | None, seeds: int = 1
) -> dict[str, Any]:
    """The parameters of an exam or evaluation job, from the options of `add_questions`."""
    return exams.exam_params(
        settings,
        student=arguments.student,
        task=task,
        split=arguments.split,
        rows=arguments.rows,
        limit=arguments.limit,
        decoding=arguments.decoding,
        max_new_tokens=arguments.max_new_tokens,
        quantization=arguments.quantization,
        server=arguments.server,
        samples=arguments.samples,
        seeds=seeds,
        prompts=arguments.prompts,
        task_spec=spec,
    )


def _without_leaked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--without-leaked",
        action="store_true",
        help="leave out test items that stand in what was learned from",
    )


def _compared(one: Compared) -> Result:
    return {
        "first": one.first.id,
        "second": one.second.id,
        **_seeds(one),
        "n": one.n,
        **asdict(one.changes),
        "difference": one.difference,
        "ci95": list(one.ci95),
        "left_out": len(one.left_out),
        "by_type": [[asdict(part) for part in way] for way in one.by_type],
        "by_length": [asdict(part) for part in one.by_length],
    }


def _seeds(one: Compared) -> Result:
    """Of several seeds their evaluations, and the accuracy over them on each side."""
    if not one.pooled:
        return {}
    return {"seeds": [list(side) for side in one.sides], "accuracy": [one.before, one.after]}
