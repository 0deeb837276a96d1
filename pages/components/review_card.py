"""The card of the review room: a mistake, what each teacher wrote about it, and the verdicts.

A text becomes pieces here (`fair_app.curation.marks`), and the browser paints them as text.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.curation.decisions import Comment, Decision
from fair_app.curation.marks import as_value, marked_answer, marked_rationale
from fair_app.curation.queues import QUEUES, RANKED
from fair_app.curation.word_diff import word_diff
from fair_app.errors import BadInput
from fair_app.stored_questions import as_question
from fair_app.studio.review import COMPLETE, Card, Score, TeacherColumn
from fair_app.studio.teachers import TeacherRow
from fair_app.tasks.base import Grade, Question, Task
from pages.languages import _

HERE = Path(__file__).parent
SCRIPTS = (
    "said.js",
    "rule.js",
    "review_asking.js",
    "review_columns.js",
    "review_editor.js",
    "review_queue.js",
    "review_card.js",
)
STYLES = ("said.css", "review_card.css", "review_queue.css")
CSS = "\n".join((HERE / name).read_text(encoding="utf-8") for name in STYLES)
MARKED = 1000
"""Texts whose marks are kept: those of about a hundred cards."""
MISSING = {
    None: "Not written yet.",
    "truncated": "Cut off at the token limit, so it is not judged.",
    "blocked": "The provider blocked the answer.",
    "empty": "The teacher's answer was empty.",
}


def review_card() -> gr.HTML:
    """Lay out the card. Its value is what `pages.components.review_answers` returns, as JSON.

    As one text, because Gradio copies a value whole, part by part, many times for every event.

    Event: `ask`, whose data `review_requests.read` describes.
    """
    kinds = ", ".join(
        f"{{name: '{name}', title: fairWords`{kind.title}`, about: fairWords`{kind.about}`, "
        f"ruled: {str(name in RANKED).lower()}}}"
        for name, kind in QUEUES.items()
    )
    scripts = [(HERE / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return gr.HTML(
        "",
        html_template=(HERE / "review_card.html").read_text(encoding="utf-8"),
        js_on_load="\n".join([f"const KINDS = [{kinds}];", *scripts]),
        apply_default_css=False,
        elem_id="review-card",
    )


def label(teacher: TeacherRow) -> str:
    """What must be said of a teacher who was not asked here."""
    if teacher.simulated:
        return _("offline, rule-based")
    return _("imported") if teacher.origin == "imported" else ""


def named(one: TeacherColumn) -> str:
    """What a column is called: its author, with a number where that has several."""
    place, of = one.place
    return one.teacher if of == 1 else f"{one.teacher} {place}"


def mentors_label(one: TeacherColumn) -> str:
    """What must be said of a mentor: it is no teacher, and how many it wrote."""
    place, of = one.place
    return _("a model") if of == 1 else _("a model, {place} of {number}", place=place, number=of)


def card_value(
    card: Card, task: Task, labels: Mapping[str, str], edits: Mapping[int, Decision]
) -> dict[str, Any]:
    """A card as plain values.

    `labels` are by the teachers' names, `edits` by the ids of the rationales that are edited.
    """
    row = card.answer
    answer = row.text or ""
    span = None
    if row.span_start is not None and row.span_end is not None:
        span = (row.span_start, row.span_end)
    question = as_question(row)
    return {
        "number": card.position + 1,
        "question_id": row.question_id,
        "revision": card.revision,
        "favourite": card.favourite,
        "kind": row.kind,
        "context": row.context,
        "question": row.question,
        "options": list(row.options),
        "gold": row.gold_answer,
        "solution": "" if row.gold_text.strip() == row.gold_answer else row.gold_text,
        "answer_id": row.id,
        "answer": as_value(marked_answer(answer, span, row.gold_text)),
        "how": how_read(row.prediction, row.rule, bool(row.truncated)),
        "columns": [_column(one, task, question, labels, edits) for one in card.columns],
    }


def how_read(prediction: object, rule: str | None, truncated: bool) -> str:
    """How the final answer was read out of the student's text."""
    cut = f" {_('The answer was cut off at the token limit.')}" if truncated else ""
    if prediction in (None, ""):
        return f"{_('No final answer could be read.')}{cut}"
    read = (
        _("Read as {answer} (imported).", answer=prediction)
        if rule == "imported"
        else _("Read as {answer} by the rule “{rule}”.", answer=prediction, rule=rule)
    )
    return f"{read}{cut}"


def _column(
    one: TeacherColumn,
    task: Task,
    question: Question,
    labels: Mapping[str, str],
    edits: Mapping[int, Decision],
) -> dict[str, Any]:
    edit = edits.get(one.rationale_id or 0)
    original = (one.rationale or "").strip()
    text = original if one.state.text is None else one.state.text.strip()
    read = _read(task, text, question) if one.row else None
    return {
        "teacher": one.teacher,
        "name": named(one),
        "mentor": one.by_mentor,
        "label": mentors_label(one) if one.by_mentor else labels.get(one.teacher, ""),
        "feedback": marked(one.feedback or ""),
        "id": one.rationale_id,
        "revision": one.revision,
        "missing": "" if one.finish == COMPLETE else _(MISSING.get(one.finish, "Not complete.")),
        "rationale": marked(text, read.span if read else None),
        "diff": None if one.state.text is None else word_diff(original, text),
        "edited": {"by": edit.actor, "at": edit.at} if edit else None,
        "check": _check(one, read),
        "cell": _cell(one),
        "by": one.state.actor if one.state.decision else "",
        "at": one.state.at,
        "scores": [_score(peer) for peer in one.scores],
        "comments": [_comment(said) for said in one.state.comments],
    }


@lru_cache(MARKED)
def marked(text: str, read: tuple[int, int] | None = None) -> list[Any]:
    """A text as pieces for the browser, not to be changed. Cards come again and again."""
    return as_value(marked_rationale(text.strip(), read))


def _read(task: Task, text: str, question: Question) -> Grade | None:
    """How the final answer is read out of a rationale; None where no grader can."""
    try:
        return task.grade(text, question)
    except BadInput:
        return None


def _check(one: TeacherColumn, read: Grade | None) -> dict[str, Any] | None:
    """The final answer beside the gold one: that of the text on the screen, edited or not."""
    if one.row is None:
        return None
    if one.state.text is not None and read is not None:
        return {"right": read.correct, "read": read.prediction if read.span else ""}
    if one.correct is None:
        return None
    return {"right": one.correct, "read": one.prediction or ""}


def _cell(one: TeacherColumn) -> dict[str, Any] | None:
    """What the acceptance rule looks at; None for a rationale that is not judged."""
    if one.row is None:
        return None
    return {
        "mean": one.row.mean,
        "adjusted": one.row.adjusted,
        "counted": len(one.row.counted),
        "right": one.row.final_correct,
        "mentor": one.by_mentor,
        "decided": one.state.accepted,
    }


def _score(peer: Score) -> dict[str, Any]:
    return {
        "reviewer": peer.reviewer,
        "score": _("no score") if peer.score is None else str(peer.score),
        "counts": peer.counts,
        "text": marked(peer.text),
    }


def _comment(said: Comment) -> dict[str, Any]:
    return {"by": said.actor, "at": said.at, "reason": said.reason, "text": said.text}
