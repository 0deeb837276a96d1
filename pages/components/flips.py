"""Two students' answers to the same question, side by side, one question at a time.

Texts become pieces here, and the browser paints them as text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.curation.marks import as_value, marked_answer, marked_rationale
from fair_app.curation.word_diff import word_diff
from pages.components.answers import Answer
from pages.components.review_card import how_read
from pages.languages import _

HERE = Path(__file__).parent
CSS = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("said.css", "flips.css"))
KINDS = {
    "fixed": "Fixed",
    "broken": "Broken",
    "both wrong": "Both wrong",
    "both right": "Both right",
}
"""Which answers can be looked at, by the names of `fair_app.studio.comparing.flips`."""
ALIKE = 0.5
"""The share of two texts that must be the same for their differences to be marked at first."""
NONE = "No question is of this kind."


@dataclass(frozen=True)
class Looked:
    """What is on the screen: two evaluations, a kind of `KINDS`, and a place among its questions.

    `numbers` are the questions of each kind. `opening`: it is where a person shall be, and no
    answer to where one has gone.
    """

    students: tuple[str, str]
    evaluations: tuple[int, int]
    numbers: dict[str, int]
    kind: str
    place: int
    opening: bool = True


def flip_browser() -> gr.HTML:
    """Lay out the browser. Its value is what `flip_value` returns, "" for nothing.

    Event: `look`, with the `kind` and `place` that a person wants to see.
    """
    scripts = [(HERE / name).read_text(encoding="utf-8") for name in ("said.js", "flips.js")]
    return gr.HTML(
        "",
        html_template=(HERE / "flips.html").read_text(encoding="utf-8"),
        js_on_load="\n".join(scripts),
        apply_default_css=False,
        elem_id="compare-flips",
    )


def flip_value(at: Looked, pairs: Mapping[int, tuple[Answer, Answer]]) -> str:
    """What the browser paints, as JSON: by their places, the answers before and after there and
    beside it, so that the next one is there at once."""
    return json.dumps(
        {
            "of": " ".join(map(str, (*at.evaluations, *at.numbers.values()))),
            "opening": at.opening,
            "kinds": [
                {"name": name, "title": _(title), "number": at.numbers.get(name, 0)}
                for name, title in KINDS.items()
            ],
            "kind": at.kind,
            "place": at.place,
            "none": _(NONE),
            "pairs": [[place, _pair(at.students, *pair)] for place, pair in pairs.items()],
        }
    )


def first_kind(numbers: dict[str, int]) -> str:
    """The first kind that has a question."""
    return next((name for name in KINDS if numbers.get(name)), "fixed")


def _pair(students: Sequence[str], before: Answer, after: Answer) -> dict[str, Any]:
    diff = word_diff(before.text or "", after.text or "")
    same = sum(len(words) for kind, words in diff if kind == "same")
    return {
        "number": after.position + 1,
        "kind": after.kind,
        "context": after.context,
        "question": after.question,
        "options": list(after.options),
        "gold": after.gold_answer,
        "before": _side(students[0], before),
        "after": _side(students[1], after),
        "diff": diff,
        "alike": 2 * same >= ALIKE * (len(before.text or "") + len(after.text or "")),
    }


def _side(student: str, row: Answer) -> dict[str, Any]:
    span = None
    if row.span_start is not None and row.span_end is not None:
        span = (row.span_start, row.span_end)
    said = row.text or ""
    marks = (
        marked_rationale(said, span) if row.correct else marked_answer(said, span, row.gold_text)
    )
    return {
        "student": student,
        "right": bool(row.correct),
        "how": how_read(row.prediction, row.rule, bool(row.truncated)),
        "pieces": as_value(marks),
    }
