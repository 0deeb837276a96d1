"""The running jobs of all projects, each with its way out."""

import gradio as gr

from fair_app.jobs import queue
from fair_app.jobs.kinds import KINDS
from fair_app.jobs.queue import Job
from fair_app.settings import Settings
from fair_app.studio import admin
from fair_app.studio.projects import all_projects
from pages.components.markup import ago, duration, text
from pages.components.notice import spoken
from pages.components.page import ACTION
from pages.languages import _, said_of

REPORT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-cancel]');
  if (button) trigger('cancel', {job: button.dataset.cancel});
});
"""


def running_list(settings: Settings) -> gr.HTML:
    """Lay out the list, whose value is what `running_value` returns, and wire its buttons."""
    made = gr.HTML("", js_on_load=REPORT, elem_id="settings-running", apply_default_css=False)

    def cancel(event: gr.EventData) -> str:
        queue.cancel(settings, int(event.job))
        return running_value(settings)

    made.cancel(spoken(cancel), None, made, **ACTION)
    return made


def running_value(settings: Settings) -> str:
    """The jobs that run now."""
    names = {one.id: one.name for one in all_projects(settings)}
    rows = "".join(_row(job, names.get(job.project_id or 0, "")) for job in admin.at_work(settings))
    title = text(_("Jobs"))
    if not rows:
        return f'<h3>{title}</h3><p class="soft">{text(_("No job runs now."))}</p>'
    return f'<h3>{title}</h3><ul class="made">{rows}</ul>'


def _row(job: Job, project: str) -> str:
    of_total = _("{done} of {total}", done=f"{job.done:,}", total=f"{job.total:,}")
    parts = [
        _("job {number}", number=job.id),
        project,
        said_of(job.stage),
        of_total if job.total else "",
        _("about {time} left", time=duration(job.eta_s)) if job.eta_s else "",
        _("started {moment}", moment=ago(job.started_at or job.created_at)),
    ]
    about = " · ".join(part for part in parts if part)
    button = f'<span class="soft">{text(_("Stopping"))}</span>'
    if not job.cancel_requested:
        label = _("Cancel job {number}", number=job.id)
        button = (
            f'<button type="button" class="go plain" data-cancel="{job.id}" '
            f'aria-label="{text(label)}">{text(_("Cancel"))}</button>'
        )
    return (
        f'<li><span class="title">{text(_(KINDS[job.kind].title))}<small>{text(about)}</small>'
        f'</span><span class="acts">{button}</span></li>'
    )
