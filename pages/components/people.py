"""Who has which role here, and a form to give one: the owner's part of the settings."""

import os
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.access import audit
from fair_app.access.accounts import Accounts, accounts_of
from fair_app.access.roles import Role, role_named, who_visits
from fair_app.settings import Settings
from pages.components.markup import text
from pages.components.notice import spoken
from pages.components.page import ACTION
from pages.components.painted import painted
from pages.languages import _


class People:
    """The section; `outputs` are what `values` returns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with gr.Column(visible=False, elem_id="people") as self._group:
            self._listed = painted("people-listed")
            with gr.Row(elem_classes="fields"):
                name = gr.Textbox(label="Name", max_lines=1, elem_id="people-name")
                role = gr.Dropdown(
                    [one.word for one in Role],
                    value=Role.CURATOR.word,
                    label="Role",
                    filterable=False,
                    elem_id="people-role",
                )
            button = gr.Button(
                "Give the role", size="sm", elem_id="people-give", elem_classes="fit"
            )
        self.outputs = [self._group, self._listed]

        def give(name: str | None, role: str) -> str:
            accounts, by = accounts_of(settings, os.environ), who_visits().name or ""
            whom = (name or "").strip()
            accounts.set_role(whom, role_named(role), by)
            audit.note(settings, by, "gave a role", detail=f"{whom} {role}")
            return _listed(accounts)

        button.click(spoken(give), [name, role], self._listed, **ACTION)

    def values(self) -> Sequence[Any]:
        """The section as an owner sees it where persons sign in; hidden otherwise."""
        who = who_visits()
        if who.role is not Role.OWNER or not who.signed_in:
            return [gr.Column(visible=False), ""]
        return [gr.Column(visible=True), _listed(accounts_of(self._settings, os.environ))]


def _listed(accounts: Accounts) -> str:
    rows = "".join(
        f"<div><dt><span>{text(name)}</span></dt><dd>{text(_(role.word))}</dd></div>"
        for name, role in accounts.listed().items()
    )
    return f'<h3>{text(_("People"))}</h3><dl class="rows">{rows}</dl>'
