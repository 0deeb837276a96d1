"""Everything as one file to save."""

from typing import Any

import gradio as gr

from fair_app.settings import Settings
from fair_app.studio import export_all
from pages.components.job_panel import described, job_panel
from pages.components.markup import ago, text
from pages.components.notice import spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.languages import _
from pages.person import person
from pages.settings.machine import amount

ABOUT = (
    "One zip with the bundle of every project and a copy of the database, without sessions, links "
    "to look and passwords in addresses. The weights of checkpoints are not in it."
)


class Exporting:
    """The section; `outputs` are what `values` returns."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        with gr.Column(elem_classes="section"):
            self._about = painted("export-about")
            button = gr.Button(
                "Export everything", size="sm", elem_id="export-everything", elem_classes="fit"
            )
            self._job = job_panel(
                settings, export_all.KIND, place, value=lambda project: self._panel()
            )
            self._file = painted("export-file")
        self.outputs = [self._about, self._job, self._file]

        def begin(request: gr.Request) -> list[Any]:
            export_all.begin(settings, person(request))
            return self.values()

        button.click(spoken(begin), None, self.outputs, **ACTION)

    def values(self) -> list[Any]:
        """The section as it is now."""
        about = f'<h3>{text(_("Everything"))}</h3><p class="soft">{text(_(ABOUT))}</p>'
        return [about, self._panel(), _link(self._settings)]

    def _panel(self) -> dict[str, Any]:
        view = export_all.latest(self._settings)
        return described(view) if view else {}


def _link(settings: Settings) -> str:
    """A link that saves the newest export; relative, since a proxy may serve below a path."""
    file = export_all.newest(settings)
    if file is None:
        return ""
    found = file.stat()
    about = f"{amount(found.st_size)}, {ago(found.st_mtime)}"
    return (
        f'<p class="export-link"><a href="downloads/everything.zip" download>'
        f'{text(_("Save the export"))}</a> <span class="soft">{text(about)}</span></p>'
    )
