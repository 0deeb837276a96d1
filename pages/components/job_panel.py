"""The panel of a project's newest job of one kind: state, progress, log, cancel and resume."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.jobs import queue
from fair_app.jobs.queue import ACTIVE, JobView
from fair_app.settings import Settings
from fair_app.studio.giving_up import give_up, may_give_up
from fair_app.studio.projects import Project, open_project
from pages.components.markup import ago, duration
from pages.components.notice import spoken
from pages.components.page import ACTION, Place
from pages.languages import _, said_of
from pages.person import person

HERE = Path(__file__).parent
STATES = {
    "queued": "Waiting",
    "running": "Running",
    "succeeded": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "interrupted": "Interrupted",
}
ASKED = ("exam", "evaluate")
"""Kinds that are resumed to ask what has no answer yet."""
PAUSED = (*ASKED, "train", "ablation", "augment")
"""Kinds of which a cancelled job is one that was paused: what it has done stays in use."""


def job_panel(
    settings: Settings,
    kind: str,
    place: Place,
    *,
    elem_id: str = "",
    value: Callable[[Project], dict[str, Any]] | None = None,
) -> gr.HTML:
    """Lay out the panel and wire its buttons. Its value is what `panel_value` returns.

    Where it is about another job than the newest of the kind, `value` paints that one, and its
    `elem_id` is one of its own.
    """
    panel = gr.HTML(
        {},
        html_template=(HERE / "job_panel.html").read_text(encoding="utf-8"),
        js_on_load=(HERE / "job_panel.js").read_text(encoding="utf-8"),
        elem_id=elem_id or f"job-{kind}",
        elem_classes="job-panel",
        apply_default_css=False,
    )

    def shown(project: str) -> dict[str, Any]:
        found = open_project(settings, project)
        return value(found) if value else panel_value(settings, found, kind)

    def cancel(project: str, event: gr.EventData) -> dict[str, Any]:
        queue.cancel(settings, int(event.job))
        return shown(project)

    def resume(project: str, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        queue.resume(settings, int(event.job), person(request))
        return shown(project)

    def forsake(project: str, event: gr.EventData) -> dict[str, Any]:
        give_up(settings, int(event.job))
        return shown(project)

    panel.give_up(spoken(forsake), place.project, panel, **ACTION)
    panel.cancel(spoken(cancel), place.project, panel, **ACTION)
    panel.resume(spoken(resume), place.project, panel, **ACTION)
    return panel


def panel_value(settings: Settings, project: Project, kind: str) -> dict[str, Any]:
    """What the panel paints as text; empty when there was never such a job."""
    view = queue.latest(settings, project, kind)
    return described(view) if view else {}


def described(view: JobView) -> dict[str, Any]:
    """A job in words and numbers."""
    job = view.job
    active = job.state in ACTIVE
    stopping = active and job.cancel_requested
    return {
        "id": job.id,
        "read_at": view.read_at,
        "title": _(view.title),
        "kind": job.state,
        "state": _state(view, stopping),
        "stage": said_of(job.stage if job.state == "running" else "") or when(view),
        "count": _("{done} of {total}", done=f"{job.done:,}", total=f"{job.total:,}")
        if job.total
        else "",
        "left": _("about {time} left", time=duration(job.eta_s)) if active and job.eta_s else "",
        "progress": job.done / job.total if job.total else None,
        "error": said_of(job.error or ""),
        "log": "\n".join(line.line for line in view.log),
        "cancel": active and not stopping,
        "cancel_label": _("Pause") if job.kind in PAUSED else _("Cancel"),
        "resume_label": _("Ask what is missing") if job.kind in ASKED and job.done else _("Resume"),
        "resume": job.resumable,
        "give_up": may_give_up(job),
    }


def _state(view: JobView, stopping: bool) -> str:
    pausable = view.job.kind in PAUSED
    if stopping:
        return _("Pausing") if pausable else _("Stopping")
    if view.job.given_up:
        return _("Given up")
    begun = view.job.started_at is not None or view.job.done > 0
    if pausable and begun and view.job.state == "cancelled":
        return _("Paused")
    return _(STATES[view.job.state])


def when(view: JobView) -> str:
    """When a job that is not at work was asked for or ended, and how long it took."""
    job = view.job
    if job.finished_at is None:
        return _("waiting for its turn") if job.state == "queued" else _("starting")
    then = ago(job.finished_at)
    if not job.started_at:
        return then
    return _("{then}, took {time}", then=then, time=duration(job.finished_at - job.started_at))


def is_active(settings: Settings, project: Project, kind: str) -> bool:
    """Whether the newest job of this kind waits or runs."""
    view = queue.latest(settings, project, kind)
    return view is not None and view.job.state in ACTIVE
