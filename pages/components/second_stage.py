"""A checkpoint's second stage: accepted rationales preferred to the student's mistakes (DPO)."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.jobs import queue
from fair_app.report.charts import Line, line_chart, thinned
from fair_app.settings import Settings
from fair_app.studio.preferring import prefer_params
from fair_app.studio.projects import Project, open_project
from fair_app.studio.training import free_name, trained
from fair_app.training.preferences import PreferenceSettings
from pages.components.job_panel import job_panel, panel_value
from pages.components.notice import spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.languages import _
from pages.person import person

NAME = "preferred"
SHOWN = PreferenceSettings()
ABOUT = (
    '<p class="soft">A trained checkpoint goes on, and learns to prefer each accepted rationale to '
    "the answer that the student got wrong (DPO). A frozen copy of it is the reference: the higher "
    "beta, the closer it stays.</p>"
)
CHARTS = (
    ("Preference loss by step", {"Loss": "loss"}),
    ("How much more the accepted ones are rewarded", {"Margin": "margin"}),
)
POINTS = 200


class SecondStage:
    """A folded section, and its run below it.

    `outputs` is what `live` gives the values of, in order; `form` what `filled` does.
    """

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        with gr.Accordion(
            "A second stage", open=False, elem_classes="more", elem_id="second-stage"
        ) as self._fold:
            gr.HTML(ABOUT)
            self._checkpoint = gr.Dropdown(
                [], label="Checkpoint", filterable=False, elem_id="prefer-checkpoint"
            )
            self._name = gr.Textbox(label="New name", max_lines=1, elem_id="prefer-name")
            with gr.Row():
                self._beta = gr.Number(SHOWN.beta, label="Beta", elem_id="prefer-beta")
                self._epochs = gr.Number(
                    SHOWN.epochs, label="Epochs", precision=0, minimum=1, elem_id="prefer-epochs"
                )
                self._rate = gr.Number(
                    SHOWN.learning_rate, label="Learning rate", elem_id="prefer-rate"
                )
            self._start = gr.Button("Learn to prefer", elem_id="prefer-start")
        self._panel = job_panel(settings, "prefer", place)
        self._curves = painted("prefer-curves")

    @property
    def form(self) -> list[Any]:
        """The fields that depend on the project."""
        return [self._checkpoint, self._name]

    @property
    def outputs(self) -> list[Any]:
        """What moves while a run goes on."""
        return [self._panel, self._curves]

    def filled(self, project: Project, chosen: str | None, *, anew: bool) -> list[Any]:
        """The values of `form`; the name only where the form is shown `anew`."""
        names = [one.name for one in trained(self._settings, project)]
        chosen = chosen if chosen in names else next(iter(names), None)
        name = free_name(self._settings, NAME) if anew else gr.skip()
        return [gr.Dropdown(choices=names, value=chosen), name]

    def live(self, project: Project) -> list[Any]:
        """The values of `outputs`."""
        return [panel_value(self._settings, project, "prefer"), curves(self._settings, project)]

    @property
    def asked(self) -> Any:
        """The field whose value `filled` takes as the chosen checkpoint."""
        return self._checkpoint

    def wire(self, place: Place, others: Sequence[Any], values: Any) -> None:
        """Let the button start a run; `others` get what `values` makes of the project."""

        def begin(
            project_name: str,
            checkpoint: str | None,
            name: str | None,
            beta: float | None,
            epochs: float | None,
            rate: float | None,
            request: gr.Request,
        ) -> list[Any]:
            project = open_project(self._settings, project_name)
            params = prefer_params(
                self._settings,
                project,
                checkpoint=checkpoint or "",
                name=(name or "").strip(),
                settings_given={
                    "beta": beta,
                    "epochs": None if epochs is None else int(epochs),
                    "learning_rate": rate,
                },
            )
            queue.submit(self._settings, "prefer", params, project, person(request))
            return [free_name(self._settings, NAME), *self.live(project), *values(project)]

        def unfold(project_name: str, chosen: str | None) -> Any:
            # What was trained since the page was opened is there too.
            project = open_project(self._settings, project_name)
            return self.filled(project, chosen, anew=False)[0]

        self._fold.expand(unfold, [place.project, self._checkpoint], self._checkpoint, **ACTION)
        self._start.click(
            spoken(begin),
            [
                place.project,
                self._checkpoint,
                self._name,
                self._beta,
                self._epochs,
                self._rate,
            ],
            [self._name, *self.outputs, *others],
            **ACTION,
        )


def curves(settings: Settings, project: Project) -> str:
    """The newest preference run of a project; "" when there was none."""
    view = queue.latest(settings, project, "prefer")
    if view is None:
        return ""
    names = {name for _heading, lines in CHARTS for name in lines.values()}
    found = queue.metrics(settings, view.job.id, names)
    return "".join(
        line_chart(
            [Line(_(title), thinned(found.get(name, []), POINTS)) for title, name in lines.items()],
            _(heading),
            _("steps"),
        )
        for heading, lines in CHARTS
        if any(found.get(name) for name in lines.values())
    )
