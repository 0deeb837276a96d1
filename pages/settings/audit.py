"""Who did what: the audit, the newest line first, a page at a time, searched by name."""

import time
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.settings import Settings
from fair_app.studio.admin import Noted, noted
from pages.components.markup import count, text
from pages.components.notice import spoken
from pages.components.page import ACTION
from pages.components.pager import pager_choices
from pages.components.painted import painted
from pages.languages import _
from pages.settings.acts import act_in_words


class Audit:
    """The section; `outputs` are what `values` returns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with gr.Column(elem_classes="section"):
            self._head = painted("audit-head")
            with gr.Row(elem_classes="list-bar"):
                who = gr.Textbox(
                    "",
                    label="Whose name has …",
                    show_label=False,
                    placeholder="Whose name has …",
                    max_lines=1,
                    container=False,
                    elem_id="audit-who",
                )
                self._page = gr.Dropdown(
                    [],
                    label="Who did what",
                    show_label=False,
                    filterable=False,
                    container=False,
                    interactive=True,
                    elem_id="audit-page",
                )
            self._lines = painted("audit")
        self.outputs = [who, self._head, self._page, self._lines]

        def search(name: str | None) -> list[Any]:
            return self._shown(name or "")

        def turn(name: str | None, page: int | None) -> str:
            return _table(noted(settings, name or "", int(page or 1))[0])

        found = [self._head, self._page, self._lines]
        who.change(spoken(search), who, found, trigger_mode="always_last", **ACTION)
        self._page.input(spoken(turn), [who, self._page], self._lines, **ACTION)

    def values(self) -> list[Any]:
        """The section as it is now: everybody's lines, the first page of them."""
        return ["", *self._shown("")]

    def _shown(self, who: str) -> list[Any]:
        lines, total = noted(self._settings, who)
        choices = pager_choices(total)
        pages = gr.Dropdown(choices=choices, value=1, visible=len(choices) > 1)
        return [_head(total, who), pages, _table(lines)]


def _head(total: int, who: str) -> str:
    said = count(total, "line")
    if who.strip() and not total:
        said = _("Nobody whose name has that in it did anything here.")
    return f'<h3>{text(_("Who did what"))}</h3><p class="soft">{text(said)}</p>'


def _table(lines: Sequence[Noted]) -> str:
    if not lines:
        return ""
    titles = (_("When, UTC"), _("Who"), _("What"), _("Project"), _("More"))
    head = "".join(f'<th scope="col">{text(title)}</th>' for title in titles)
    body = "".join(
        f"<tr><td>{_moment(one.at)}</td><td>{text(one.who or _('a stranger'))}</td>"
        f"<td>{text(act_in_words(one.what))}</td><td>{text(one.project)}</td>"
        f"<td>{text(one.detail)}</td></tr>"
        for one in lines
    )
    return (
        f'<div class="table audit"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _moment(at: float) -> str:
    """The moment, in UTC: whoever reads it may be elsewhere."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
