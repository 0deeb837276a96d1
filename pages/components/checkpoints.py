"""The checkpoints of a project: where they lie, what to do with them, and runs to go on with."""

from pathlib import Path

import gradio as gr

from fair_app.jobs import queue
from fair_app.jobs.queue import RESUMABLE
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.gguf_export import gguf_file, gguf_params
from fair_app.studio.projects import Project, open_project
from fair_app.studio.runs import Run, runs
from fair_app.studio.training import Checkpoint, free_name, is_whole, merge_params, trained
from pages.components.markup import ago, count, text
from pages.components.notice import go_button, spoken
from pages.components.page import ACTION, Place
from pages.components.publishing import push_button
from pages.languages import _
from pages.person import person

CSS = (Path(__file__).parent / "checkpoints.css").read_text(encoding="utf-8")
GGUF = "One file for llama.cpp, in 16 bits, beside the checkpoint"
REPORT = """
element.addEventListener('click', (event) => {
  if (event.target.closest('[data-item^="push."]')) window.fairShow('publish-form');
  const button = event.target.closest('[data-merge], [data-gguf], [data-resume]');
  if (!button) return;
  if (button.dataset.merge) trigger('merge', {name: button.dataset.merge});
  else if (button.dataset.gguf) trigger('export', {name: button.dataset.gguf});
  else trigger('resume', {job: button.dataset.resume});
});
"""


def checkpoint_list(settings: Settings, place: Place) -> gr.HTML:
    """Lay out the list, whose value is what `checkpoint_value` returns, and wire its buttons."""
    made = gr.HTML("", js_on_load=REPORT, elem_id="training-checkpoints", apply_default_css=False)

    def merge(project_name: str, event: gr.EventData, request: gr.Request) -> str:
        project = open_project(settings, project_name)
        name = str(event.name)
        params = merge_params(settings, name, free_name(settings, f"{name}-merged"))
        queue.submit(settings, "merge", params, project, person(request))
        return checkpoint_value(settings, project)

    def export(project_name: str, event: gr.EventData, request: gr.Request) -> str:
        project = open_project(settings, project_name)
        name = str(event.name)
        params = gguf_params(settings, name, settings.checkpoints / name)
        queue.submit(settings, "gguf", params, project, person(request))
        return checkpoint_value(settings, project)

    def resume(project_name: str, event: gr.EventData, request: gr.Request) -> str:
        queue.resume(settings, int(event.job), person(request))
        return checkpoint_value(settings, open_project(settings, project_name))

    made.merge(spoken(merge), place.project, made, **ACTION)
    made.export(spoken(export), place.project, made, **ACTION)
    made.resume(spoken(resume), place.project, made, **ACTION)
    return made


def checkpoint_value(settings: Settings, project: Project) -> str:
    """The checkpoints, the newest first, and the older runs that can be resumed; "" for none."""
    made = trained(settings, project)
    found = runs(settings, project)
    at_panel = queue.latest(settings, project, "train")
    unfinished = [
        run
        for run in found
        if run.state in RESUMABLE
        and run.name not in {one.name for one in made}
        and (at_panel is None or run.job != at_panel.job.id)
    ]
    return _finished(settings, made) + _unfinished(unfinished)


def _finished(settings: Settings, made: list[Checkpoint]) -> str:
    if not made:
        return ""
    rows = "".join(
        f'<li><span class="title">{text(one.name)}<small>{text(_kind(one))}, '
        f"{text(ago(one.created_at))}</small>"
        f'<small class="where">{text(settings.checkpoints / one.name)}</small>'
        f"{_gguf_files(settings, one)}</span>"
        f'<span class="acts">{_merge(one)}{_gguf(settings, one)}'
        f"{push_button(f'{CHECKPOINT}{one.name}')}"
        f"{go_button('evaluation', 'Try it', 'plain', f'try.checkpoint:{one.name}')}"
        f"{go_button('evaluation', 'Test it', 'plain', f'checkpoint:{one.name}')}</span></li>"
        for one in made
    )
    return f'<h3>{count(len(made), "checkpoint")}</h3><ul class="made">{rows}</ul>'


def _kind(one: Checkpoint) -> str:
    if origin := one.lineage.get("merged_from"):
        return _("full weights, merged from {name}", name=origin)
    if is_whole(one):
        return _("full weights, from {name}", name=one.base)
    return _("adapter of {name}", name=one.base)


def _merge(one: Checkpoint) -> str:
    if is_whole(one):
        return ""
    return (
        f'<button type="button" class="go plain" data-merge="{text(one.name)}">'
        f"{text(_('Merge into full weights'))}</button>"
    )


def _gguf(settings: Settings, one: Checkpoint) -> str:
    if gguf_file(settings.checkpoints / one.name, one.name).exists():
        return ""
    return (
        f'<button type="button" class="go plain" data-gguf="{text(one.name)}" '
        f'title="{text(_(GGUF))}">{text(_("Write GGUF"))}</button>'
    )


def _gguf_files(settings: Settings, one: Checkpoint) -> str:
    found = sorted((settings.checkpoints / one.name).glob("*.gguf"))
    return "".join(f'<small class="where">{text(file)}</small>' for file in found)


def _unfinished(found: list[Run]) -> str:
    if not found:
        return ""
    words = {"cancelled": "paused", "interrupted": "interrupted", "failed": "failed"}
    rows = "".join(
        f'<li><span class="title">{text(run.name)}<small>{text(_(words[run.state]))}</small></span>'
        f'<span class="acts"><button type="button" class="go plain" data-resume="{run.job}">'
        f"{text(_('Resume'))}</button></span></li>"
        for run in found
    )
    return f'<h3>{count(len(found), "unfinished run")}</h3><ul class="made">{rows}</ul>'
