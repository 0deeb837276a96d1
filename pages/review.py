"""The review room: the committee's work on every mistake, and a person's word on it."""

from collections.abc import Sequence
from typing import Any, Literal

import gradio as gr

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.projects import Project, open_project
from fair_app.studio.review import Card
from fair_app.studio.teachers import teachers
from pages.components import review_card as card_piece
from pages.components import threshold as dial_piece
from pages.components.notice import empty, spoken
from pages.components.page import ACTION, Page, Place
from pages.components.painted import page_head, painted

DECISIONS = ("accept", "reject", "reset")
LOCAL = "local"
"""Who decides where nobody signs in."""

QUICK: dict[str, Any] = {**ACTION, "queue": False}


def build(settings: Settings, place: Place) -> Page:
    """Lay out the review page and wire its events."""
    page_head(
        "Review",
        "Keep the rationales that the student shall learn from: the peers' scores propose, "
        "you decide.",
    )
    blank = painted("review-blank")
    dial = dial_piece.threshold_dial()
    card = card_piece.review_card()
    shown = gr.State("")
    opened = [card, place.item, shown]
    outputs = [blank, dial, *opened]

    def refresh(project: Project, item: str, last: str) -> Sequence[Any]:
        found = review.curated(settings, project)
        if not found.rows:
            hidden = gr.HTML(visible=False)
            return gr.HTML(_blank(settings, project), visible=True), hidden, hidden, "", ""
        position, notice = _position(settings, project, item, last)
        one = _card(settings, project, position)
        value = _value(settings, project, one, notice=notice)
        question = str(one.answer.question_id)
        return (
            gr.HTML(visible=False),
            gr.HTML(_shipped(settings, project, found), visible=True),
            gr.HTML(value, visible=True),
            question,
            question,
        )

    def answer(project_name: str, event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        project = open_project(settings, project_name)
        actor = request.username or LOCAL
        position, serial = int(event.position), int(event.serial)
        notice = ""
        kind: Literal["info", "warning"] = "info"
        try:
            if event.action in DECISIONS:
                review.decide(
                    settings,
                    project,
                    int(event.rationale),
                    event.action,
                    actor=actor,
                    revision=int(event.revision),
                )
            elif event.action == "undo":
                position, notice = _undo(settings, project, position, actor)
        except BadInput as fault:
            notice, kind = f"Question {position + 1}: {fault}", "warning"
        one = _card(settings, project, position)
        value = _value(settings, project, one, serial=serial, notice=notice, kind=kind)
        question = str(one.answer.question_id)
        return value, question, question

    def commit(project_name: str, event: gr.EventData) -> Any:
        project = open_project(settings, project_name)
        review.set_threshold(settings, project, event.threshold)
        project = open_project(settings, project_name)
        found = review.summary(settings, project)
        return gr.HTML(saved=dial_piece.saved(found, int(event.serial)))

    def reload(project_name: str) -> Any:
        project = open_project(settings, project_name)
        return _shipped(settings, project, review.curated(settings, project))

    card.ask(spoken(answer), place.project, opened, trigger_mode="multiple", **QUICK)
    dial.commit(spoken(commit), place.project, dial, trigger_mode="multiple", **QUICK)
    dial.reload(spoken(reload), place.project, dial, **QUICK)
    return Page(
        "review",
        "Review",
        refresh,
        outputs,
        inputs=[shown],
        css=dial_piece.CSS + card_piece.CSS,
    )


def _blank(settings: Settings, project: Project) -> str:
    """What to say while there is nothing to review."""
    if project.exam_id is None:
        return empty(
            "Nothing to review yet",
            "The student has taken no exam, so the committee has no mistakes to work on.",
            go="exam",
            label="Go to the exam",
        )
    if not review.mistakes(settings, project):
        return empty(
            "Nothing to review yet",
            "The student has made no mistake so far.",
            go="exam",
            label="Ask more questions",
        )
    return empty(
        "Nothing to review yet",
        "The committee has written nothing yet.",
        go="committee",
        label="Go to the committee",
    )


def _position(settings: Settings, project: Project, item: str, last: str) -> tuple[int, str]:
    """Where to open: the question asked for, else the one shown last, else the first."""
    for wanted in (item, last):
        # As many digits as SQLite's whole numbers have.
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 19:
            position = review.position_of(settings, project, int(wanted))
            if position is not None:
                return position, ""
        if item:
            return 0, f"'{item}' is not a question of this project: this is the first one."
    return 0, ""


def _card(settings: Settings, project: Project, position: int) -> Card:
    """The card at a position. Raises BadInput when the project has none (any more)."""
    found = review.card(settings, project, position)
    if found is None:
        raise BadInput("There is nothing to review any more: reload the page.")
    return found


def _value(
    settings: Settings,
    project: Project,
    one: Card,
    *,
    serial: int | None = None,
    notice: str = "",
    kind: Literal["info", "warning"] = "info",
) -> dict[str, Any]:
    beside = [
        _card(settings, project, position)
        for position in (one.position + 1, one.position - 1)
        if 0 <= position < one.total
    ]
    return card_piece.answer_value(
        one,
        beside,
        teachers(settings, project),
        project=project.name,
        threshold=project.threshold,
        serial=serial,
        notice=notice,
        kind=kind,
    )


def _shipped(settings: Settings, project: Project, found: review.Curated) -> dict[str, Any]:
    return dial_piece.shipped(
        found,
        review.mistakes(settings, project),
        [teacher.name for teacher in teachers(settings, project)],
        project.threshold,
    )


def _undo(settings: Settings, project: Project, position: int, actor: str) -> tuple[int, str]:
    """Undo this person's latest decision; return where it was, and a sentence about it."""
    rationale_id = review.undo(settings, project, actor=actor)
    if rationale_id is None:
        return position, "You have no decision to undo."
    question_id = review.question_of(settings, rationale_id)
    found = None if question_id is None else review.position_of(settings, project, question_id)
    if found is None:
        return position, "Undone: your latest decision, about a question that is no mistake now."
    return found, f"Undone: your latest decision, on question {found + 1}."
