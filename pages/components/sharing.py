"""Links to look at the open project: an owner's part of the settings."""

import time
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.access import shares
from fair_app.access.roles import Role, who_visits
from fair_app.access.shares import Link
from fair_app.settings import Settings
from fair_app.studio.projects import Project, open_project
from pages.components.carried import carried
from pages.components.markup import ago, text
from pages.components.notice import spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.languages import _
from pages.person import actor

REPORT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-revoke]');
  if (button) trigger('revoke', {link: button.dataset.revoke});
});
"""
ABOUT = (
    "Who has a link looks at this project and at nothing else, without an account, until it ends. "
    "Its address is shown once."
)
ALONE = (
    "Nobody signs in here, so whoever reaches this server is its owner: links to look begin with "
    "accounts (docs/accounts.md)."
)
ADDRESS = "(path) => path ? location.origin + location.pathname.replace(/\\/$/, '') + path : ''"


class Sharing:
    """The section; `outputs` are what `values` returns."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        with gr.Column(visible=False, elem_id="sharing") as self._group:
            self._about = painted("sharing-about")
            with gr.Column(visible=False) as self._form:
                with gr.Row(elem_classes="fields"):
                    days = gr.Number(
                        shares.DAYS, label="Days", precision=0, minimum=1, elem_id="share-days"
                    )
                make = gr.Button("Make a link", size="sm", elem_id="share-make", elem_classes="fit")
            path = carried()
            # style.css keeps it out of sight while it is empty, which its placeholder tells.
            self._address = gr.Textbox(
                "",
                label="The link: copy it now, it is not shown again",
                placeholder=" ",
                interactive=False,
                buttons=["copy"],
                elem_id="share-address",
            )
            self._links = gr.HTML(
                "", js_on_load=REPORT, elem_id="share-links", apply_default_css=False
            )
        self.outputs = [self._group, self._about, self._form, self._address, self._links]

        def share(request: gr.Request, name: str, days: float | None) -> Sequence[Any]:
            project = open_project(settings, name)
            wanted = shares.DAYS if days is None else days
            _link, made = shares.make(settings, project, wanted, actor(request))
            return [made, gr.skip(), _listed(shares.listed(settings, project))]

        def revoke(request: gr.Request, name: str, event: gr.EventData) -> str:
            project = open_project(settings, name)
            shares.revoke(settings, int(event.link), actor(request))
            return _listed(shares.listed(settings, project))

        now = [path, self._address, self._links]
        make.click(spoken(share), [place.project, days], now, **ACTION).then(
            None, path, self._address, js=ADDRESS, api_visibility="private"
        )
        self._links.revoke(spoken(revoke), place.project, self._links, **ACTION)

    def values(self, project: Project) -> list[Any]:
        """The section as an owner sees it; hidden from everybody else."""
        who = who_visits()
        if who.role is not Role.OWNER:
            return [gr.Column(visible=False), "", gr.skip(), "", ""]
        return [
            gr.Column(visible=True),
            _about(ABOUT if who.signed_in else ALONE),
            gr.Column(visible=who.signed_in),
            "",
            _listed(shares.listed(self._settings, project)),
        ]


def _about(sentence: str) -> str:
    return f'<h3>{text(_("Links to look"))}</h3><p class="soft">{text(_(sentence))}</p>'


def _listed(links: Sequence[Link]) -> str:
    rows = "".join(_row(one) for one in links)
    return f'<ul class="made">{rows}</ul>' if rows else ""


def _row(link: Link) -> str:
    title = _("Link {number}", number=link.id)
    about = _(
        "{state}, made by {name} {moment}, until {day}",
        state=_("valid") if link.state == "open" else _(link.state),
        name=link.made_by,
        moment=ago(link.made_at),
        day=_day(link.expires_at),
    )
    said = f'<span class="title">{text(title)}<small>{text(about)}</small></span>'
    return f"<li>{said}{_end(link)}</li>"


def _end(link: Link) -> str:
    if link.state != "open":
        return ""
    return (
        f'<span class="acts"><button type="button" class="go plain" data-revoke="{link.id}">'
        f"{text(_('Revoke'))}</button></span>"
    )


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(moment))
