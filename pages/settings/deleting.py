"""Deleting the open project, by its name typed again."""

import logging
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.errors import WorkFailed
from fair_app.settings import Settings
from fair_app.studio.deleting import delete, unfinished, would_go
from fair_app.studio.projects import DEMO, Project
from pages.components.carried import carried
from pages.components.markup import count, text
from pages.components.notice import notice, spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.languages import _, said_of
from pages.person import actor
from pages.settings.machine import amount

logger = logging.getLogger(__name__)
LEAVE = "(gone) => { if (gone) location.assign(location.pathname + '?tab=settings'); }"
"""The project is gone from every field of the page: it is opened anew."""


class Deleting:
    """The section; `outputs` are what `values` returns."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        with gr.Column(elem_classes="section"):
            self._about = painted("delete-about")
            answers = gr.Checkbox(
                False, label="Also what its teachers answered", elem_id="delete-answers"
            )
            with gr.Row(elem_classes="fields deleting"):
                self._typed = gr.Textbox(
                    "",
                    label="Name of the project",
                    max_lines=1,
                    elem_id="delete-name",
                )
                button = gr.Button(
                    "Delete the project", variant="stop", size="sm", elem_id="delete-project"
                )
            gone = carried()
        self.outputs = [self._about, self._typed, answers]

        def delete_it(request: gr.Request, name: str, typed: str | None, answers: bool) -> str:
            who = actor(request)
            try:
                return delete(settings, name, typed or "", who, with_calls=answers).project
            except WorkFailed as fault:
                # It is deleted all the same: the page leaves it, and says then what is left.
                logger.warning("%s", fault)
                return name

        asked = [place.project, self._typed, answers]
        button.click(spoken(delete_it), asked, gone, **ACTION).then(
            None, gone, None, js=LEAVE, api_visibility="private"
        )

    def values(self, project: Project) -> list[Any]:
        """The section about a project, with nothing typed."""
        return [_about(self._settings, project), "", False]


def _about(settings: Settings, project: Project) -> str:
    held, taken = would_go(settings, project)
    parts = [
        (held.exams, "exam"),
        (held.evaluations, "evaluation"),
        (held.answers, "answer"),
        (held.decisions, "decision"),
        (held.checkpoints, "checkpoint"),
    ]
    listed = _list([count(number, what) for number, what in parts if number])
    lines = [
        _("This goes with it: {what}.", what=listed)
        if listed
        else _("There is nothing in it yet."),
        _("Its checkpoints take {size} of the disk.", size=amount(taken)) if taken else "",
        _("Batches are still with their provider: what is answered there is lost.")
        if held.at_providers
        else "",
        _("The demo comes back, empty, when somebody opens the page again.")
        if project.name == DEMO
        else "",
        _(
            "What teachers answered stays in the ledger unless you say otherwise, so that nobody "
            "pays for it again. Backups and exports from before keep the project."
        ),
    ]
    title = _("Delete {project}", project=project.name)
    said = " ".join(line for line in lines if line)
    left = unfinished(settings)
    warned = notice(said_of(left), "warning") if left else ""
    return f'{warned}<h3>{text(title)}</h3><p class="soft">{text(said)}</p>'


def _list(parts: Sequence[str]) -> str:
    return ", ".join(parts)
