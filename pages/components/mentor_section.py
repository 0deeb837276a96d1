"""The mentor on the training page: five steps, each with what it needs, its job and its outcome."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.curation.training_set import RIGHT, WITH_MENTOR
from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.studio.mentor import SAMPLES, TEMPERATURE, augment_params, mentor_of
from fair_app.studio.mentor_kd import IMPORTED
from fair_app.studio.mentor_steps import (
    CHOICES,
    NAME,
    Course,
    Step,
    candidates,
    course,
    mentor_test_params,
    questions_to_test,
    training_params,
)
from fair_app.studio.projects import Project, open_project
from fair_app.studio.training import free_name
from fair_app.training.settings import PRESETS, QUICK, SOFT_WEIGHT
from pages.components.fold import fold
from pages.components.job_panel import described, job_panel
from pages.components.markup import text
from pages.components.notice import go_button, notice, spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.components.training_fields import PRESET_TITLES, TrainingFields
from pages.languages import _, said_of
from pages.person import person

CSS = (Path(__file__).parent / "mentor_section.css").read_text(encoding="utf-8")
WORDS = {
    "choose": (
        "Choose a model",
        "Larger than the student, or better at its task. For soft labels it must have the "
        "student’s tokenizer.",
    ),
    "train": (
        "Train it",
        "It learns the committee’s rationales. It is taught no feedback, and will give none.",
    ),
    "test": (
        "Test it",
        "On held-out questions: before it is tested, it may not teach.",
    ),
    "augment": (
        "Let it write",
        "It answers each of the student’s mistakes a few times. Right answers are kept as "
        "rationales, which you review like others.",
    ),
    "distil": (
        "Distil",
        "The student learns from committee and mentor, and from how likely the mentor finds each "
        "word (soft labels).",
    ),
}
GO_TO = {
    "exam": "Go to the exam",
    "committee": "Go to the committee",
    "review": "Go to the review",
}
JOBS = {"train": "train", "test": "evaluate", "augment": "augment"}
"""The steps that are jobs, and their kinds."""
TO_THE_FORM = (
    "() => document.querySelector('#training-name')"
    "?.scrollIntoView({block: 'center', behavior: 'smooth'})"
)


class MentorSection:
    """The section, folded at first.

    `outputs` is what `live` gives the values of, in order; `form` what `filled` does.
    """

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        self._heading = fold(
            "mentor-fold",
            "A mentor",
            "a larger model that learns from the committee first, and then teaches the student too",
        )
        self._said: dict[str, gr.HTML] = {}
        self._panels: dict[str, gr.HTML] = {}
        self._start: dict[str, gr.Button] = {}
        with gr.Column(elem_id="mentor", elem_classes="mentor"):
            self._choose()
            self._train(place)
            self._test(place)
            self._augment(place)
            self._distil()

    @property
    def form(self) -> list[Any]:
        """The fields that depend on the project."""
        return [self._name, self._ref, self._items]

    @property
    def asked(self) -> Any:
        """The field whose value `filled` takes as the one that is chosen."""
        return self._ref

    @property
    def outputs(self) -> list[Any]:
        """What moves while a job goes on."""
        return [*self._said.values(), *self._panels.values(), self._heading]

    def filled(self, project: Project, chosen: str | None, *, anew: bool) -> list[Any]:
        """The values of `form`; what a person may have typed only where it is shown `anew`."""
        choices = candidates(self._settings, project, mentor_of(self._settings, project))
        ref = next(iter(choices), None) if anew or not chosen else chosen
        return [
            free_name(self._settings, NAME) if anew else gr.skip(),
            gr.Dropdown(choices=choices, value=ref),
            questions_to_test(self._settings, project) if anew else gr.skip(),
        ]

    def live(self, project: Project) -> list[Any]:
        """The values of `outputs`."""
        found = course(self._settings, project)
        return [
            *(said(number, step, found) for number, step in enumerate(found.steps, 1)),
            *(self._job(found, name) for name in JOBS),
            " ".join(candidates(self._settings, project, found.mentor)),
        ]

    def wire(
        self,
        place: Place,
        fields: TrainingFields,
        learn_from: Callable[[Project, str], Sequence[Any]],
        learned_from: Sequence[Any],
        others: Sequence[Any],
        values: Callable[[Project], Sequence[Any]],
    ) -> None:
        """Let the buttons start the jobs, and the last one fill the form of the student's run.

        `learn_from` gives the values of `learned_from` for an author, and `values` those of
        `others`, which show what waits.
        """
        soft = dict(zip(fields.names, fields.components, strict=True))
        filled = [soft["mentor"], soft["soft_weight"], fields.soft_labels]
        settings = self._settings

        def started(project: Project) -> list[Any]:
            return [*self.filled(project, None, anew=False), *self.live(project), *values(project)]

        def train(
            project_name: str,
            model: str | None,
            rationales: str,
            name: str | None,
            preset: str,
            epochs: float | None,
            request: gr.Request,
        ) -> list[Any]:
            project = open_project(settings, project_name)
            params = training_params(
                settings,
                project,
                model=(model or "").strip() or None,
                rationales="right" if rationales == RIGHT else "accepted",
                name=(name or "").strip(),
                preset=preset,
                epochs=int(epochs) if epochs else None,
            )
            queue.submit(settings, "train", params, project, person(request))
            return [free_name(settings, NAME), *started(project)[1:]]

        def test(
            project_name: str, ref: str | None, items: float | None, request: gr.Request
        ) -> list[Any]:
            project = open_project(settings, project_name)
            limit = int(items) if items else None
            params = mentor_test_params(settings, project, (ref or "").strip(), limit)
            queue.submit(settings, "evaluate", params, project, person(request))
            return started(project)

        def augment(
            project_name: str,
            k: float | None,
            temperature: float | None,
            limit: float | None,
            request: gr.Request,
        ) -> list[Any]:
            project = open_project(settings, project_name)
            params = augment_params(
                settings,
                project,
                k=int(k or 0),
                temperature=float(temperature or 0),
                limit=int(limit) if limit else None,
            )
            queue.submit(settings, "augment", params, project, person(request))
            return started(project)

        def distil(project_name: str, author: str) -> list[Any]:
            project = open_project(settings, project_name)
            mentor = mentor_of(settings, project)
            if mentor is None:
                raise BadInput("There is no mentor yet: train one and test it first.")
            author = WITH_MENTOR if mentor.rationales else author
            ref = "" if mentor.ref.startswith(IMPORTED) else mentor.ref  # only its texts are here
            fold = gr.Accordion(open=bool(ref))
            return [ref, SOFT_WEIGHT, fold, *learn_from(project, author)]

        def unfold(project_name: str, chosen: str | None) -> Any:
            # What was trained since the page was opened is there too.
            project = open_project(settings, project_name)
            return self.filled(project, chosen, anew=False)[1]

        self._heading.unfold(unfold, [place.project, self._ref], self._ref, **ACTION)
        after = [*self.form, *self.outputs, *others]
        self._start["train"].click(
            spoken(train),
            [
                place.project,
                self._model,
                self._learns,
                self._name,
                self._preset,
                self._epochs,
            ],
            after,
            **ACTION,
        )
        self._start["test"].click(
            spoken(test), [place.project, self._ref, self._items], after, **ACTION
        )
        self._start["augment"].click(
            spoken(augment),
            [place.project, self._k, self._temperature, self._limit],
            after,
            **ACTION,
        )
        self._start["distil"].click(
            spoken(distil), [place.project, learned_from[0]], [*filled, *learned_from], **ACTION
        ).then(None, None, None, js=TO_THE_FORM)

    def _choose(self) -> None:
        with gr.Row(elem_classes="mentor-step"):
            self._said["choose"] = painted("mentor-choose")
            with gr.Row(elem_classes="fields"):
                self._model = gr.Textbox(
                    label="Model",
                    placeholder="the student itself",
                    max_lines=1,
                    elem_id="mentor-model",
                )
                self._learns = gr.Dropdown(
                    CHOICES,
                    value=RIGHT,
                    label="Learns",
                    filterable=False,
                    elem_id="mentor-learns",
                )

    def _train(self, place: Place) -> None:
        with gr.Row(elem_classes="mentor-step"):
            self._said["train"] = painted("mentor-train")
            with gr.Column():
                with gr.Row(elem_classes="fields"):
                    self._name = gr.Textbox(label="Name", max_lines=1, elem_id="mentor-name")
                    self._preset = gr.Dropdown(
                        [(title, name) for name, title in PRESET_TITLES.items()],
                        value=QUICK,
                        label="Preset",
                        filterable=False,
                        elem_id="mentor-preset",
                    )
                    self._epochs = gr.Number(
                        PRESETS[QUICK].epochs,
                        label="Epochs",
                        precision=0,
                        minimum=1,
                        elem_id="mentor-epochs",
                    )
                self._button("train", "Train the mentor", place)
        self._preset.input(_epochs_of, self._preset, self._epochs, **ACTION)

    def _test(self, place: Place) -> None:
        with gr.Row(elem_classes="mentor-step"):
            self._said["test"] = painted("mentor-test")
            with gr.Column():
                with gr.Row(elem_classes="fields"):
                    self._ref = gr.Dropdown(
                        [],
                        label="The mentor",
                        allow_custom_value=True,
                        elem_id="mentor-ref",
                    )
                    self._items = gr.Number(
                        label="Questions", precision=0, minimum=1, elem_id="mentor-items"
                    )
                self._button("test", "Make it the mentor, and test it", place)

    def _augment(self, place: Place) -> None:
        with gr.Row(elem_classes="mentor-step"):
            self._said["augment"] = painted("mentor-augment")
            with gr.Column():
                with gr.Row(elem_classes="fields"):
                    self._k = gr.Number(
                        SAMPLES,
                        label="Answers a mistake",
                        precision=0,
                        minimum=1,
                        elem_id="mentor-k",
                    )
                    self._temperature = gr.Number(
                        TEMPERATURE, label="Temperature", elem_id="mentor-temperature"
                    )
                    self._limit = gr.Number(
                        label="Mistakes",
                        precision=0,
                        elem_id="mentor-limit",
                    )
                self._button("augment", "Let it write", place)

    def _distil(self) -> None:
        with gr.Row(elem_classes="mentor-step"):
            self._said["distil"] = painted("mentor-distil")
            with gr.Column():
                self._button("distil", "Set up the student’s run")

    def _button(self, step: str, label: str, place: Place | None = None) -> None:
        """A step's button and, where it starts a job, that job below it."""
        self._start[step] = gr.Button(label, elem_id=f"mentor-{step}-start", elem_classes="fit")
        if place is not None:
            self._panels[step] = job_panel(
                self._settings,
                JOBS[step],
                place,
                elem_id=f"job-mentor-{step}",
                value=lambda project: self._job(course(self._settings, project), step),
            )

    def _job(self, found: Course, step: str) -> dict[str, Any]:
        job = found.jobs.get(step)
        return described(queue.view_of(self._settings, job)) if job else {}


def said(number: int, step: Step, found: Course) -> str:
    """A step in words: what it is for, what came of it, and a warning where one is due."""
    title, about = WORDS[step.name]
    mark = "✓" if step.state == "done" else str(number)
    # Where a step is about what was kept, its value is no name.
    shown = said_of(step.value) if step.name == "augment" else step.value
    value = f'<p class="value">{text(shown)}</p>' if shown else ""
    note = f"<p>{text(said_of(step.note))}</p>" if step.note else ""
    go = go_button(step.go, GO_TO[step.go], "plain") if step.go else ""
    warning = found.mentor.warning if found.mentor and step.name == "test" else ""
    return (
        f'<div class="mentor-said" data-state="{step.state}">'
        f'<span class="number" aria-hidden="true">{mark}</span>'
        f"<h4>{text(_(title))}</h4><p>{text(_(about))}</p>"
        f"{value}{note}{go}</div>" + (notice(said_of(warning), "warning") if warning else "")
    )


def _epochs_of(preset: str) -> int:
    return PRESETS[preset].epochs
