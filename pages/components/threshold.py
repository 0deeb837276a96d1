"""The acceptance rule: a dial whose consequences follow it in the browser."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.curation.acceptance import Rule, check_rule
from fair_app.curation.board import Board
from fair_app.curation.what_if import Suggestion, Summary
from fair_app.errors import BadInput
from pages.languages import said_of

HERE = Path(__file__).parent
CSS = (HERE / "threshold.css").read_text(encoding="utf-8")
SCRIPTS = ("rule.js", "threshold_counts.js", "threshold_words.js", "threshold.js")


def threshold_dial() -> gr.HTML:
    """Lay out the dial. Its value is what `shipped` returns.

    Events: `commit` when a control is released (`event.rule`, `event.serial`), answered by the prop
    `saved` with what `saved` or `refused` returns; `suggest` (`event.at_least`, `event.rule`,
    `event.serial`), answered by the prop `suggestion` with what `suggested` or `refused` returns;
    and `reload` when what it holds turned out to be old, answered by a new value.
    """
    return gr.HTML(
        {},
        html_template=(HERE / "threshold.html").read_text(encoding="utf-8"),
        js_on_load="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
        apply_default_css=False,
        elem_id="threshold",
        saved=None,
        suggestion=None,
    )


def shipped(
    board: Board, rule: Rule, seconds_per_token: float | None, epochs: int
) -> dict[str, Any]:
    """All that decides the counts, small enough to send once: a cell a column a question.

    - `teachers`: the authors; `peers`: how many of them score a teacher's rationale.
    - `columns`: of each column of a card the place of its author; the mentor has as many columns as
      it wrote of a question at most.
    - `questions`: the ids of the mistakes, comma-separated.
    - `cells`: places in `kinds`, question by question; blank for no complete rationale.
    - `kinds`: what the rule looks at: place of the author, plain mean, adjusted mean, how many
      scores count, final answer, whether the author is the mentor. The means are as Python computed
      them, so that the browser compares the very numbers that the rule compares.
    - `tokens`: the length of each cell's rationale; `reads`: of each question, what an epoch reads
      beside it (prompt and feedback), blank where no feedback is to learn from.
    - `decided`: a character a cell: 1 or 0 where a person decided, else a dot.
    """
    width = len(board.columns)
    place_of = {author: place for place, author in enumerate(board.authors)}
    cells = [""] * (len(board.questions) * width)
    tokens = list(cells)
    decided = ["."] * len(cells)
    kinds: dict[tuple[Any, ...], int] = {}
    for row in board.rows:
        cell = board.positions[row.question_id] * width + board.column_of[row.id]
        kind = (
            *(place_of[row.teacher], row.mean, row.adjusted, len(row.counted)),
            *(row.final_correct, row.by_mentor),
        )
        cells[cell] = str(kinds.setdefault(kind, len(kinds)))
        tokens[cell] = str(row.tokens)
        state = board.state_of(row.id)
        if state is not None and state.accepted is not None:
            decided[cell] = str(int(state.accepted))
    return {
        "teachers": board.authors,
        "peers": len(board.teachers) - 1,
        "columns": [place_of[author] for author in board.columns],
        "questions": ",".join(map(str, board.questions)),
        "cells": ",".join(cells),
        "kinds": [list(kind) for kind in kinds],
        "tokens": ",".join(tokens),
        "reads": ",".join(_read_beside(board, question_id) for question_id in board.questions),
        "decided": "".join(decided),
        "rule": asdict(rule),
        "seconds_per_token": seconds_per_token,
        "epochs": epochs,
        # The dial changes its copy as decisions are made: what is sent again is always read again.
        "sent": time.monotonic_ns(),
    }


def saved(summary: Summary, rule: Rule, serial: int) -> dict[str, Any]:
    """What the server counted with the rule it saved, for the dial to compare with its own.

    `serial` is that of the commit this answers.
    """
    return {
        "serial": serial,
        "rule": asdict(rule),
        "counts": {
            "rationales": summary.rationales,
            "accepted": summary.accepted,
            "questions": summary.questions,
            "questions_accepted": summary.questions_accepted,
            "kept": summary.kept.right,
            "kept_of": summary.kept.graded,
            "rejected": summary.rejected.right,
            "rejected_of": summary.rejected.graded,
        },
    }


def suggested(found: Suggestion, serial: int) -> dict[str, Any]:
    """The threshold that the server found, and what it keeps."""
    return {
        "serial": serial,
        "threshold": found.threshold,
        "reached": found.reached,
        "accepted": found.point.accepted,
        "right": found.point.kept.right,
        "graded": found.point.kept.graded,
    }


def refused(fault: Exception, serial: int) -> dict[str, Any]:
    """The answer to a commit or a request that cannot be done; the dial says why."""
    return {"serial": serial, "fault": said_of(fault)}


def rule_from(given: object) -> Rule:
    """The rule that the browser sent. Raises BadInput for anything that is not one."""
    if not isinstance(given, dict) or given.keys() != asdict(Rule()).keys():
        raise _unreadable()
    own = given["per_teacher"]
    if (
        not isinstance(own, dict)
        or any(isinstance(value, bool) for value in [given["min_scores"], *own.values()])
        or not isinstance(given["answer_check"], bool)
        or not isinstance(given["adjusted"], bool)
    ):
        raise _unreadable()
    return check_rule(Rule(**given))


def share_from(given: object) -> float:
    """The share of right answers to aim at. Raises BadInput for anything but a number in 0..1."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 1:
        raise BadInput("The share of right answers to aim at is more than 0 and at most 100 %.")
    return float(given)


def _unreadable() -> BadInput:
    return BadInput("The acceptance rule that the page sent cannot be read: reload the page.")


def _read_beside(board: Board, question_id: int) -> str:
    """What an epoch reads of a question beside its rationale, in tokens; blank without feedback."""
    feedback = board.feedback_tokens.get(question_id)
    return "" if feedback is None else str(round(board.prompt_tokens[question_id] + feedback))
