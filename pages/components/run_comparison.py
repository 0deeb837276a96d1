"""Training runs compared: what differs between them, what came of each, their curves overlaid."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.jobs import queue
from fair_app.report.charts import Line, line_chart, thinned
from fair_app.settings import Settings
from fair_app.studio.projects import Project, open_project
from fair_app.studio.runs import Run, differences, runs
from pages.components.job_panel import STATES
from pages.components.markup import count, duration, percent, text
from pages.components.page import ACTION, Place
from pages.components.painted import fixed, painted
from pages.languages import _

CSS = (Path(__file__).parent / "run_comparison.css").read_text(encoding="utf-8")
CURVES = {
    "Loss": "loss",
    "Feedback": "loss_feedback",
    "Rationale": "loss_rationale",
    "Held out": "validation_loss",
    "Soft": "loss_soft",
}
TITLES = {
    "data_sha256": "Data",
    "launch": "Processes",
    "lora_alpha": "LoRA’s alpha",
    "lora_rank": "Rank",
    "lora_dropout": "Dropout",
    "lora_target": "Modules",
    "max_tokens": "Most tokens a text",
    "max_steps": "Most steps",
    "batch_size": "Questions a step",
    "validation_share": "Held out",
    "soft_weight": "Lambda",
    "teacher": "Learned from",
}
POINTS = 200
AT_FIRST = 3
MOST = 6
"""Runs whose lines can be told apart."""


class RunComparison:
    """The section, there as soon as two runs have begun. `outputs` are what `values` returns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with gr.Column(visible=False, elem_classes="compare", elem_id="training-runs") as group:
            fixed("<h3>Compare runs</h3>")
            self._chosen = gr.CheckboxGroup(
                [],
                label="Compare runs",
                show_label=False,
                container=False,
                elem_id="training-runs-chosen",
            )
            self._shown = painted("training-runs-shown")
        self._seen = gr.State("")
        self.seen = self._seen
        self.outputs = [group, self._chosen, self._shown, self._seen]

    def values(self, project: Project, seen: str = "") -> Sequence[Any]:
        """The section of a project's runs; nothing changes where they are what was `seen`."""
        found = [run for run in runs(self._settings, project) if run.state != "queued"]
        now = repr([(run.job, run.state, run.accuracy) for run in found])
        if now == seen:
            return [gr.skip()] * len(self.outputs)
        if len(found) < 2:
            return gr.Column(visible=False), gr.skip(), "", now
        chosen = found[:AT_FIRST]
        choices = [(run.name, str(run.job)) for run in found]
        return (
            gr.Column(visible=True),
            gr.CheckboxGroup(choices=choices, value=[str(run.job) for run in chosen]),
            compared(self._settings, chosen),
            now,
        )

    def wire(self, place: Place) -> None:
        """Compare the runs that are chosen."""

        def choose(project: str, chosen: list[str] | None) -> str:
            found = runs(self._settings, open_project(self._settings, project))
            return compared(
                self._settings, [one for one in found if str(one.job) in (chosen or [])]
            )

        self._chosen.input(choose, [place.project, self._chosen], self._shown, **ACTION)


def compared(settings: Settings, chosen: Sequence[Run]) -> str:
    """A table of what differs and what came of it, and the overlaid curves."""
    if len(chosen) < 2:
        return f'<p class="soft">{text(_("Choose two runs or more."))}</p>'
    chosen = chosen[:MOST]
    metrics = {run.job: queue.metrics(settings, run.job, CURVES.values()) for run in chosen}
    charts = "".join(
        _chart(
            _(title), [Line(run.name, thinned(metrics[run.job][name], POINTS)) for run in chosen]
        )
        for title, name in CURVES.items()
    )
    return f'{_table(chosen)}<div class="overlaid">{charts}</div>'


def _chart(title: str, lines: list[Line]) -> str:
    drawn = line_chart(lines, _("{title} by step, a line a run", title=title), _("steps"))
    return f"<div><h4>{text(title)}</h4>{drawn}</div>" if drawn else ""


def _table(chosen: Sequence[Run]) -> str:
    head = "".join(f"<th>{text(run.name)}</th>" for run in chosen)
    rows = [
        _row(_(title_of(name)), [_said(name, value) for value in values])
        for name, values in differences(chosen).items()
    ]
    if not rows:
        rows = [_row(_("Settings"), [_("the same")] * len(chosen))]
    rows += [
        _row(_(title), [_loss(run.losses.get(name)) for run in chosen], "came")
        for title, name in CURVES.items()
        if any(name in run.losses for run in chosen)
    ]
    rows.append(_row(_("Accuracy"), [_accuracy(run) for run in chosen], "came"))
    rows.append(_row(_("Took"), [_took(run) for run in chosen], "came"))
    return (
        f'<div class="table runs"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(title: str, cells: Sequence[str], kind: str = "") -> str:
    body = "".join(f"<td>{text(cell)}</td>" for cell in cells)
    return f'<tr class="{kind}"><th scope="row">{text(title)}</th>{body}</tr>'


def title_of(name: str) -> str:
    """What a setting is called in the table."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


def _said(name: str, value: Any) -> str:
    if value in (None, "", {}):
        return "–"
    if name == "data_sha256":
        return str(value)[:12]
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _accuracy(run: Run) -> str:
    if run.accuracy is None or run.tested is None:
        return _("not tested")
    return _("{accuracy} of {n}", accuracy=percent(run.accuracy), n=f"{run.tested:,}")


def _took(run: Run) -> str:
    if run.seconds is None or run.steps is None:
        return _("paused" if run.state == "cancelled" else STATES[run.state].lower())
    return f"{duration(run.seconds)}, {count(run.steps, 'step')}"
