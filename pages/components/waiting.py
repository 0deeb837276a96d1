"""The queue: the jobs that wait, in their order, which a person may change."""

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from fair_app.access.roles import shown_project
from fair_app.jobs import queue
from fair_app.jobs.kinds import KINDS
from fair_app.settings import Settings
from fair_app.studio.projects import all_projects
from pages.components.markup import ago, text
from pages.components.notice import spoken
from pages.components.page import ACTION, Place
from pages.languages import _

CSS = (Path(__file__).parent / "waiting.css").read_text(encoding="utf-8")
REPORT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-queue]');
  if (button) trigger('order', {act: button.dataset.queue, job: button.dataset.job});
});
"""
ACTS: dict[str, Callable[[Settings, int], None]] = {
    "up": lambda settings, job: queue.move(settings, job, -1),
    "down": lambda settings, job: queue.move(settings, job, 1),
    "out": queue.take_out,
}


def waiting_list(settings: Settings, elem_id: str, place: Place) -> gr.HTML:
    """Lay out the list, whose value is what `waiting_value` returns, and wire its buttons."""
    made = gr.HTML("", js_on_load=REPORT, elem_id=elem_id, apply_default_css=False)

    def order(project: str, event: gr.EventData) -> str:
        ACTS[event.act](settings, int(event.job))
        return waiting_value(settings)

    made.order(spoken(order), place.project, made, **ACTION)
    return made


def waiting_value(settings: Settings) -> str:
    """The jobs of all projects that wait; "" when none does."""
    found = queue.waiting(settings)
    names = {one.id: one.name for one in all_projects(settings)}
    if shown_project():
        found = [job for job in found if job.project_id in names]
    if not found:
        return ""
    rows = "".join(
        _row(job, names.get(job.project_id or 0, ""), place, len(found))
        for place, job in enumerate(found)
    )
    return f'<section class="waiting"><h3>{text(_("Waiting"))}</h3><ol>{rows}</ol></section>'


def _row(job: queue.Job, project: str, place: int, last: int) -> str:
    what = str(job.params.get("name") or job.params.get("student") or "")
    title = text(_(KINDS[job.kind].title))
    since = _("since {moment}", moment=ago(job.created_at))
    about = " · ".join(part for part in (what, project, since) if part)

    def button(act: str, mark: str, label: str, usable: bool) -> str:
        off = "" if usable else " disabled"
        label = text(label)
        return (
            f'<button type="button" class="go plain" data-queue="{act}" data-job="{job.id}"'
            f' aria-label="{label}: {title} {text(what)}" title="{label}"{off}>{mark}</button>'
        )

    return (
        f'<li><span class="title">{title}</span><span class="about">{text(about)}</span>'
        f'<span class="acts">{button("up", "↑", _("Earlier"), place > 0)}'
        f"{button('down', '↓', _('Later'), place + 1 < last)}"
        f"{button('out', text(_('Take out')), _('Take out'), True)}</span></li>"
    )
