"""The card of the review room: a mistake, what each teacher wrote about it, and the verdicts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from fair_app.studio.review import COMPLETE, Card, Score, TeacherColumn
from fair_app.studio.teachers import TeacherRow

HERE = Path(__file__).parent
CSS = (HERE / "review_card.css").read_text(encoding="utf-8")
MISSING = {
    None: "Not written yet.",
    "truncated": "Cut off at the token limit, so it is not judged.",
    "blocked": "The provider blocked the answer.",
    "empty": "The teacher's answer was empty.",
}


def review_card() -> gr.HTML:
    """Lay out the card. Its value is what `answer_value` returns.

    Event: `ask`, with `event.action` (move, accept, reject, reset, undo), `event.position`,
    `event.serial`, and for a decision `event.rationale` and `event.revision`.
    """
    return gr.HTML(
        {},
        html_template=(HERE / "review_card.html").read_text(encoding="utf-8"),
        js_on_load=(HERE / "review_card.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="review-card",
    )


def answer_value(
    card: Card,
    neighbours: Sequence[Card],
    teachers: Sequence[TeacherRow],
    *,
    project: str,
    threshold: float,
    serial: int | None = None,
    notice: str = "",
    kind: Literal["info", "warning"] = "info",
) -> dict[str, Any]:
    """A card with those beside it, which the browser can show before the server is asked.

    `serial` is that of the request this answers; None shows the card whatever was asked.
    """
    labels = {teacher.name: label(teacher) for teacher in teachers}
    return {
        "project": project,
        "threshold": threshold,
        "serial": serial,
        "notice": {"text": notice, "kind": kind} if notice else None,
        "card": card_value(card, labels),
        "neighbours": [card_value(one, labels) for one in neighbours],
    }


def label(teacher: TeacherRow) -> str:
    """What must be said of a teacher who was not asked here."""
    if teacher.simulated:
        return "offline, rule-based"
    return "imported" if teacher.origin == "imported" else ""


def card_value(card: Card, labels: Mapping[str, str]) -> dict[str, Any]:
    """A card as plain values, its texts as they came."""
    row = card.answer
    answer = row.text or ""
    start, end = row.span_start, row.span_end
    if start is None or end is None:
        start = end = len(answer)
    return {
        "position": card.position,
        "total": card.total,
        "question_id": row.question_id,
        "kind": row.kind,
        "context": row.context,
        "question": row.question,
        "options": list(row.options),
        "gold": row.gold_answer,
        "solution": "" if row.gold_text.strip() == row.gold_answer else row.gold_text,
        # Cut here: Python counts characters where JavaScript counts UTF-16 units.
        "answer": {
            "before": answer[:start],
            "read": answer[start:end],
            "after": answer[end:],
            "how": how_read(row.prediction, row.rule, bool(row.truncated)),
        },
        "columns": [_column(one, labels.get(one.teacher, "")) for one in card.columns],
    }


def how_read(prediction: object, rule: str | None, truncated: bool) -> str:
    """How the final answer was read out of the student's text."""
    cut = " The answer was cut off at the token limit." if truncated else ""
    if prediction in (None, ""):
        return f"No final answer could be read.{cut}"
    by = "(imported)" if rule == "imported" else f"by the rule “{rule}”"
    return f"Read as {prediction} {by}.{cut}"


def _column(one: TeacherColumn, note: str) -> dict[str, Any]:
    judged = one.verdict
    decided = judged.accepted if judged and judged.by == "person" else None
    return {
        "teacher": one.teacher,
        "label": note,
        "feedback": one.feedback or "",
        "rationale_id": one.rationale_id,
        "rationale": judged.text if judged else one.rationale or "",
        "edited": judged.edited if judged else False,
        "prediction": one.prediction or "",
        "correct": one.correct,
        "judged": judged is not None,
        "missing": "" if one.finish == COMPLETE else MISSING.get(one.finish, "Not complete."),
        "mean": judged.mean if judged else None,
        "decided": decided,
        "touched": decided is not None or bool(judged and judged.edited),
        "scores": [_score(peer) for peer in one.scores],
        "revision": one.revision,
    }


def _score(peer: Score) -> dict[str, Any]:
    return {
        "reviewer": peer.reviewer,
        "score": "no score" if peer.score is None else str(peer.score),
        "counts": peer.counts,
        "text": peer.text,
    }
