"""The acceptance threshold: a slider whose consequences follow it in the browser."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.curation.acceptance import mean_score
from fair_app.curation.what_if import Summary
from fair_app.studio.review import Curated

HERE = Path(__file__).parent
CSS = (HERE / "threshold.css").read_text(encoding="utf-8")


def threshold_dial() -> gr.HTML:
    """Lay out the dial. Its value is what `shipped` returns, its prop `saved` what `saved` does.

    Events: `commit` when the slider is released (`event.threshold`, `event.serial`), `reload` when
    what it holds turned out to be old.
    """
    return gr.HTML(
        {},
        html_template=(HERE / "threshold.html").read_text(encoding="utf-8"),
        js_on_load=(HERE / "threshold.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="threshold",
        saved=None,
    )


def shipped(
    found: Curated, question_ids: Sequence[int], teachers: Sequence[str], threshold: float
) -> dict[str, Any]:
    """All that decides the counts, small enough to send once: a cell a teacher a question.

    - `cells`: comma-separated places in `means`, question by question; blank for no rationale.
    - `means`: the distinct means, as Python computed them, so that the browser compares the very
      numbers that the rule compares; None is a rationale without a counted score.
    - `right`: a character a cell: 1 or 0 for the final answer, ? where it was not graded.
    - `decided`: [cell, accepted] where a person decided.
    """
    row_of = {question_id: place for place, question_id in enumerate(question_ids)}
    column_of = {teacher: place for place, teacher in enumerate(teachers)}
    cells = [""] * (len(row_of) * len(column_of))
    right = ["?"] * len(cells)
    places: dict[float | None, int] = {}
    decided = []
    for row in found.rows:
        cell = row_of[row.question_id] * len(column_of) + column_of[row.teacher]
        cells[cell] = str(places.setdefault(mean_score(row.scores), len(places)))
        if row.final_correct is not None:
            right[cell] = str(int(row.final_correct))
        state = found.states.get(("rationale", row.id))
        if state is not None and state.accepted is not None:
            decided.append([cell, state.accepted])
    return {
        "teachers": list(teachers),
        "cells": ",".join(cells),
        "means": list(places),
        "right": "".join(right),
        "decided": decided,
        "threshold": threshold,
        # The dial changes its copy as decisions are made: what is sent again is always read again.
        "sent": time.monotonic_ns(),
    }


def saved(summary: Summary, serial: int = 0) -> dict[str, Any]:
    """What the server counted at the threshold it saved, for the dial to compare with its own.

    `serial` is that of the commit this answers.
    """
    return {
        "serial": serial,
        "threshold": summary.threshold,
        "rationales": summary.rationales,
        "accepted": summary.accepted,
        "questions": summary.questions,
        "questions_accepted": summary.questions_accepted,
        "kept": summary.kept.right,
        "kept_of": summary.kept.graded,
        "rejected": summary.rejected.right,
        "rejected_of": summary.rejected.graded,
    }
