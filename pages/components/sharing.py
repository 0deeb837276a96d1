"""Links to look at the open project, and who asked for what: the owner's part of the settings."""

import time
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.access import audit, shares
from fair_app.access.roles import Role, who_visits
from fair_app.access.shares import Link
from fair_app.settings import Settings
from fair_app.studio.projects import Project, open_project
from pages.components.markup import ago, text
from pages.components.notice import spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.person import actor

NOTED = 50
REPORT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-revoke]');
  if (button) trigger('revoke', {link: button.dataset.revoke});
});
"""
ABOUT = (
    '<p class="soft">Who has a link looks at this project and at nothing else, without an account, '
    "until it ends. Its address is shown once.</p>"
)
ALONE = (
    '<p class="soft">Nobody signs in here, so whoever reaches this server is its owner: links to '
    "look begin with accounts (docs/accounts.md).</p>"
)
ADDRESS = "(path) => path ? location.origin + location.pathname.replace(/\\/$/, '') + path : ''"


class Sharing:
    """The section; `outputs` are what `values` returns."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        with gr.Column(visible=False, elem_id="sharing") as self._group:
            self._about = painted("sharing-about")
            with gr.Row(elem_classes="fields", visible=False) as self._form:
                days = gr.Number(
                    shares.DAYS, label="Days", precision=0, minimum=1, elem_id="share-days"
                )
                make = gr.Button("Make a link", size="sm", elem_id="share-make")
            path = gr.Textbox("", visible="hidden")
            self._address = gr.Textbox(
                "",
                label="The link: copy it now, it is not shown again",
                visible="hidden",
                interactive=False,
                buttons=["copy"],
                elem_id="share-address",
            )
            self._links = gr.HTML(
                "", js_on_load=REPORT, elem_id="share-links", apply_default_css=False
            )
            self._audit = painted("audit")
        self.outputs = [self._group, self._about, self._form, self._address, self._links]
        self.outputs.append(self._audit)

        def share(request: gr.Request, name: str, days: float | None) -> Sequence[Any]:
            project = open_project(settings, name)
            wanted = shares.DAYS if days is None else days
            _, made = shares.make(settings, project, wanted, actor(request))
            shown = [gr.Textbox(visible=True), _listed(shares.listed(settings, project))]
            return [made, *shown, _noted(settings)]

        def revoke(request: gr.Request, name: str, event: gr.EventData) -> Sequence[Any]:
            project = open_project(settings, name)
            shares.revoke(settings, int(event.link), actor(request))
            return [_listed(shares.listed(settings, project)), _noted(settings)]

        now = [path, self._address, self._links, self._audit]
        make.click(spoken(share), [place.project, days], now, **ACTION).then(
            None, path, self._address, js=ADDRESS, api_visibility="private"
        )
        self._links.revoke(spoken(revoke), place.project, [self._links, self._audit], **ACTION)

    def values(self, project: Project) -> list[Any]:
        """The section as an owner sees it; hidden from everybody else."""
        who = who_visits()
        if who.role is not Role.OWNER:
            return [gr.Column(visible=False), "", gr.skip(), "", "", ""]
        return [
            gr.Column(visible=True),
            f"<h3>Links to look</h3>{ABOUT if who.signed_in else ALONE}",
            gr.Row(visible=who.signed_in),
            gr.Textbox("", visible="hidden"),
            _listed(shares.listed(self._settings, project)),
            _noted(self._settings),
        ]


def _listed(links: Sequence[Link]) -> str:
    rows = "".join(
        f'<li><span class="title">Link {one.id}<small>{one.state}, made by {text(one.made_by)} '
        f"{text(ago(one.made_at))}, until {_day(one.expires_at)}</small></span>{_end(one)}</li>"
        for one in links
    )
    return f'<ul class="made">{rows}</ul>' if rows else ""


def _end(link: Link) -> str:
    if link.state != "open":
        return ""
    button = f'<button type="button" class="go plain" data-revoke="{link.id}">Revoke</button>'
    return f'<span class="acts">{button}</span>'


def _noted(settings: Settings) -> str:
    found = audit.latest(settings, NOTED)
    rows = "".join(
        f"<tr><td>{text(ago(one.at))}</td><td>{text(one.who)}</td><td>{text(one.what)}</td>"
        f"<td>{text(one.project)}</td><td>{text(one.detail)}</td></tr>"
        for one in found
    )
    head = "<tr><th>When</th><th>Who</th><th>What</th><th>Project</th><th></th></tr>"
    table = f'<table class="table"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    return (
        f'<details data-key="audit"><summary>Who asked for what</summary>{table}</details>'
        if rows
        else ""
    )


def _day(moment: float) -> str:
    return time.strftime("%-d %B %Y", time.localtime(moment))
