"""The review room: the committee's work on every mistake, and a person's word on it."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.board import board
from fair_app.studio.projects import Project, open_project
from fair_app.studio.publishing import DATA
from pages.components import fold as fold_piece
from pages.components import reliability as reliability_piece
from pages.components import review_card as card_piece
from pages.components import threshold as dial_piece
from pages.components.fold import fold
from pages.components.notice import UNEXPECTED, empty, spoken
from pages.components.page import ACTION, Page, Place
from pages.components.painted import page_head, painted
from pages.components.publishing import push_button
from pages.components.review_answers import (
    Gone,
    answered,
    failed,
    opened,
    project_of,
    refused,
)
from pages.components.review_requests import read
from pages.languages import _, said_of
from pages.person import actor, person

QUICK: dict[str, Any] = {**ACTION, "queue": False, "trigger_mode": "multiple"}
logger = logging.getLogger(__name__)


def build(settings: Settings, place: Place) -> Page:
    """Lay out the review page and wire its events."""
    page_head(
        "Review",
        "Keep the rationales that the student shall learn from: the peers’ scores propose, "
        "you decide.",
    )
    blank = painted("review-blank")
    dial_fold = fold(
        "review-dial-fold",
        "Acceptance rule",
        "What a threshold keeps and what it rejects",
        unfolded=True,
    )
    dial = dial_piece.threshold_dial()
    card = card_piece.review_card()
    peers_fold = fold(
        "review-peers-fold", "Reviewers", "How far each one’s scores can be relied on"
    )
    peers = painted("review-peers")
    push = painted("review-push")
    last = gr.State("")
    outputs = [blank, dial_fold, dial, card, peers_fold, peers, place.item, last, push]

    def refresh(project: Project, item: str, last: str, *, actor: str) -> Sequence[Any]:
        if not board(settings, project).rows and not board(settings, project).incomplete:
            hidden = gr.HTML(visible=False)
            blank = gr.HTML(_blank(settings, project), visible=True)
            return blank, *[hidden] * 5, "", "", hidden
        owner, place_then = [*last.split(" ", 1), ""][:2]
        here = place_then if owner == str(project.id) else ""
        value, now = opened(settings, project, actor, item, here)
        return (
            gr.HTML(visible=False),
            gr.HTML("rule", visible=True),
            gr.HTML(_shipped(settings, project), visible=True),
            gr.HTML(json.dumps(value), visible=True),
            gr.HTML(f"{project.id} {value['latest']} {value['rule']}", visible=True),
            gr.HTML(visible=True),
            now,
            f"{project.id} {now}",
            gr.HTML(push_button(DATA), visible=True),
        )

    def ask(shown: str, event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        data = event._data if isinstance(event._data, dict) else {}
        name, serial = str(data.get("project", "")), data.get("serial", 0)
        try:
            asked = read(data)
            project = project_of(settings, name, asked)
            value, now = answered(settings, project, actor(request), asked, person(request))
        except Gone as fault:
            return json.dumps(refused(name, serial, said_of(fault))), gr.skip(), gr.skip()
        except BadInput as fault:
            return json.dumps(failed(name, serial, said_of(fault))), gr.skip(), gr.skip()
        except Exception:
            logger.exception("the review room could not answer")
            value = failed(name, serial, f"{_('This may not be saved.')} {_(UNEXPECTED)}")
            return json.dumps(value), gr.skip(), gr.skip()
        if name != shown:
            return json.dumps(value), gr.skip(), gr.skip()
        return json.dumps(value), now, f"{project.id} {now}"

    def commit(name: str, event: gr.EventData) -> Any:
        try:
            project = open_project(settings, name)
            rule = dial_piece.rule_from(event.rule)
            review.set_rule(settings, project, rule)
            found = review.summary(settings, open_project(settings, name))
        except BadInput as fault:
            return gr.HTML(saved=dial_piece.refused(fault, event.serial))
        return gr.HTML(saved=dial_piece.saved(found, rule, event.serial))

    def suggest(name: str, event: gr.EventData) -> Any:
        try:
            project = open_project(settings, name)
            share = dial_piece.share_from(event.at_least)
            found = review.suggestion(settings, project, share, dial_piece.rule_from(event.rule))
        except BadInput as fault:
            return gr.HTML(suggestion=dial_piece.refused(fault, event.serial))
        return gr.HTML(suggestion=dial_piece.suggested(found, event.serial))

    def reload(name: str) -> Any:
        return _shipped(settings, open_project(settings, name))

    def rely(name: str) -> str:
        project = open_project(settings, name)
        return reliability_piece.reliability_panel(review.reviewers(settings, project))

    card.ask(spoken(ask), place.project, [card, place.item, last], **QUICK)
    dial.commit(spoken(commit), place.project, dial, **QUICK)
    dial.suggest(spoken(suggest), place.project, dial, **QUICK)
    dial.reload(spoken(reload), place.project, dial, **QUICK)
    peers_fold.unfold(spoken(rely), place.project, peers, **QUICK)
    return Page(
        "review",
        "Review",
        refresh,
        outputs,
        inputs=[last],
        acting=True,
        css=dial_piece.CSS + card_piece.CSS + fold_piece.CSS + reliability_piece.CSS,
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
    if not board(settings, project).questions:
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


def _shipped(settings: Settings, project: Project) -> dict[str, Any]:
    return dial_piece.shipped(
        board(settings, project),
        review.rule_of(project),
        review.seconds_per_token(settings),
        review.epochs(),
    )
