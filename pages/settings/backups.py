"""How the home's backups stand, and one made now."""

import time
from typing import Any

import gradio as gr

from fair_app.settings import Settings
from fair_app.studio import admin, backing_up
from pages.components.job_panel import described, job_panel
from pages.components.markup import ago, duration, text
from pages.components.notice import notice, spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.languages import _
from pages.person import person

NONE = (
    "No backups are made here. Set FAIR_BACKUP to a folder on another disk, to a mounted bucket, "
    "or to hf://datasets/OWNER/NAME, and start the server again."
)


class Backups:
    """The section; `outputs` are what `values` returns."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        with gr.Column(elem_classes="section"):
            self._stand = painted("backups-stand")
            self._button = gr.Button(
                "Make a backup now",
                size="sm",
                visible=False,
                elem_id="backup-now",
                elem_classes="fit",
            )
            self._job = job_panel(
                settings, backing_up.KIND, place, value=lambda project: self._panel()
            )
        self.outputs = [self._stand, self._button, self._job]

        def make(request: gr.Request) -> list[Any]:
            backing_up.begin(settings, person(request))
            return self.values()

        self._button.click(spoken(make), None, self.outputs, **ACTION)

    def values(self) -> list[Any]:
        """The section as it is now."""
        stand = admin.backups_stand(self._settings)
        return [_standing(stand), gr.Button(visible=bool(stand.place)), self._panel()]

    def _panel(self) -> dict[str, Any]:
        view = backing_up.latest(self._settings)
        return described(view) if view else {}


def _standing(stand: admin.BackupsStand) -> str:
    head = f"<h3>{text(_('Backups'))}</h3>"
    if not stand.place:
        return f'{head}<p class="soft">{text(_(NONE))}</p>'
    rows = {
        _("Where"): f"<code>{text(stand.place)}</code>",
        _("The newest"): text(ago(stand.made) if stand.made else _("there is none yet")),
        _("The next"): text(_due(stand.due)),
    }
    listed = "".join(
        f"<div><dt><span>{text(name)}</span></dt><dd>{value}</dd></div>"
        for name, value in rows.items()
    )
    fault = notice(stand.fault, "warning") if stand.fault else ""
    return f'{head}{fault}<dl class="rows">{listed}</dl>'


def _due(due: float | None) -> str:
    if due is None:
        return _("as soon as the server has started")
    left = due - time.time()
    if left <= 0:
        return _("now, where something has changed")
    return _("in {time}, where something has changed", time=duration(left))
