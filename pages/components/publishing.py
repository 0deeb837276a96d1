"""Pushing a checkpoint or the training set to the hub: a sheet, its job, and what lies there."""

import os
import time
from typing import Any

import gradio as gr
from pydantic import SecretStr

from fair_app.access.roles import Role, who_visits
from fair_app.exchange.hub import HUB_KEY, token_in
from fair_app.jobs import queue
from fair_app.keys import usable
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.projects import Project, open_project
from fair_app.studio.publishing import DATA, KIND, publish_params, pushes
from pages.components.carried import carried
from pages.components.job_panel import described, job_panel
from pages.components.markup import ago, text
from pages.components.notice import go_button, spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.languages import _
from pages.person import person

ITEM = "push."
"""How the address says that the sheet is open, before what is to be pushed."""
SHOWN_FOR_S = 3600.0
"""How long the panel shows a push that has ended: where it went stays in the list below."""


def push_button(what: str) -> str:
    """A button that opens the sheet for a checkpoint (its REF) or for DATA."""
    item = f"{ITEM}{what}"
    if what == DATA:
        return go_button("training", "Push the training set to the hub", "plain", item)
    return go_button("training", "Push to the hub", "plain", item)


class Publishing:
    """The sheet, which only an owner sees, below it the job, and somewhere what was pushed.

    `form` is what `filled` gives the values of, `outputs` what `live` does.
    """

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        self._typed_keys = place.typed_keys
        with gr.Column(visible=False, elem_id="publish-form", elem_classes="sheet") as self._box:
            self._heading = gr.HTML("", elem_id="publish-heading", apply_default_css=False)
            self._what = carried()
            with gr.Row(elem_classes="fields"):
                self._to = gr.Textbox(
                    label="Repository",
                    placeholder="owner/name",
                    max_lines=1,
                    elem_id="publish-to",
                )
                self._token = gr.Textbox(
                    label="Token",
                    type="password",
                    max_lines=1,
                    html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
                    elem_id="publish-token",
                )
                self._public = gr.Checkbox(False, label="Public", elem_id="publish-public")
            self._standing = gr.HTML("", elem_id="publish-standing", apply_default_css=False)
            with gr.Row(elem_classes="actions"):
                self._push = gr.Button(
                    "Push", variant="primary", size="sm", elem_id="publish-start"
                )
                self._forget = gr.Button(
                    "Forget the token", size="sm", visible=False, elem_id="publish-forget"
                )
                self._close = gr.Button("Close", size="sm", elem_id="publish-close")

        self._panel = job_panel(settings, KIND, place, value=self._job)

    def lay_out_done(self) -> None:
        """Lay out what was pushed, where it shall stand."""
        self._done = painted("publish-done")

    @property
    def form(self) -> list[Any]:
        """What the sheet shows."""
        return [self._box, self._heading, self._what, self._standing, self._forget]

    @property
    def outputs(self) -> list[Any]:
        """What moves while a push goes on."""
        return [self._panel, self._done]

    def filled(self, item: str, asking: str) -> list[Any]:
        """The values of `form` for a place on the page and the person who asks."""
        what = item.removeprefix(ITEM) if item.startswith(ITEM) else ""
        is_shown = bool(what) and who_visits().role is Role.OWNER
        return [
            gr.Column(visible=is_shown),
            _heading(what) if is_shown else "",
            what if is_shown else "",
            *self._token_of(asking),
        ]

    def live(self, project: Project) -> list[Any]:
        """The values of `outputs`."""
        return [self._job(project), _done(self._settings, project)]

    def wire(self, place: Place) -> None:
        """Let the buttons work."""

        def begin(
            project_name: str, what: str, to: str, token: str, public: bool, request: gr.Request
        ) -> list[Any]:
            project, asking = open_project(self._settings, project_name), person(request)
            if (token or "").strip():
                typed = token_in({HUB_KEY: SecretStr(token)})
                self._typed_keys.set(asking, HUB_KEY, typed.get_secret_value())
            params = publish_params(
                self._settings,
                project,
                what=what or "",
                to=to or "",
                public=bool(public),
                keys=usable(self._typed_keys.of(asking)),
            )
            queue.submit(self._settings, KIND, params, project, asking)
            return ["", *self._token_of(asking), *self.live(project)]

        def forget(request: gr.Request) -> list[Any]:
            self._typed_keys.set(person(request), HUB_KEY, "")
            return self._token_of(person(request))

        def close() -> list[Any]:
            return [gr.Column(visible=False), "", ""]

        about_token = [self._standing, self._forget]
        self._push.click(
            spoken(begin),
            [place.project, self._what, self._to, self._token, self._public],
            [self._token, *about_token, *self.outputs],
            **ACTION,
        )
        self._forget.click(forget, None, about_token, **ACTION)
        self._close.click(close, None, [self._box, self._token, place.item], **ACTION)

    def _job(self, project: Project) -> dict[str, Any]:
        """The newest push, with its repository; {} where there is none, or it ended long ago."""
        view = queue.latest(self._settings, project, KIND)
        ended = view.job.finished_at if view else 0.0
        if view is None or (ended is not None and time.time() - ended > SHOWN_FOR_S):
            return {}
        found = described(view)
        return {**found, "stage": f"{view.job.params['to']} · {found['stage']}"}

    def _token_of(self, asking: str) -> list[Any]:
        """Where this person's token comes from, in words, and the button that forgets it."""
        is_typed = HUB_KEY in self._typed_keys.of(asking)
        if is_typed:
            words = _("Your token is held in this server’s memory for you alone, until it ends.")
        elif os.environ.get(HUB_KEY):
            words = _("The token of this server, HF_TOKEN, is used unless you type one.")
        else:
            words = _("No token yet: type one, which is never stored, or start with HF_TOKEN set.")
        return [f'<p class="soft">{text(words)}</p>', gr.Button(visible=is_typed)]


def _heading(what: str) -> str:
    title = (
        _("Push the training set to the hub")
        if what == DATA
        else _("Push {name} to the hub", name=what.removeprefix(CHECKPOINT))
    )
    about = _(
        "The files go with a card that says how they came to be, and are private unless you say "
        "otherwise. A token that may write to this one repository is enough where you made it on "
        "the hub; to have it made here, the token needs write access to all that is its owner’s."
    )
    return f'<h3>{text(title)}</h3><p class="soft">{text(about)}</p>'


def _done(settings: Settings, project: Project) -> str:
    """What of the project lies on the hub; "" for nothing."""
    rows = "".join(
        f'<li><span class="title">{text(_what(one.what))}'
        f"<small>{text(_('public') if one.public else _('private'))}, {text(ago(one.at))}</small>"
        f'<small class="where">{text(one.url)}</small></span>'
        f'<span class="acts"><a class="go plain" href="{text(one.url)}" target="_blank" '
        f'rel="noopener noreferrer">{text(_("Open on the hub"))}</a></span></li>'
        for one in pushes(settings, project)
    )
    return f'<h3>{text(_("On the hub"))}</h3><ul class="made">{rows}</ul>' if rows else ""


def _what(what: str) -> str:
    return _("The training set") if what == DATA else what.removeprefix(CHECKPOINT)
