"""Training: what a run would learn from, its settings, its losses, and the checkpoints so far."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.curation.acceptance import MENTOR
from fair_app.curation.training_set import MIXED, WITH_MENTOR, Selection
from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.studio.mentor import mentor_of
from fair_app.studio.projects import Project, open_project
from fair_app.studio.teachers import teachers
from fair_app.studio.training import free_name, train_params, training_preview
from pages.components.checkpoints import CSS as CHECKPOINTS_CSS
from pages.components.checkpoints import checkpoint_list, checkpoint_value
from pages.components.job_panel import job_panel, panel_value
from pages.components.mentor_section import CSS as MENTOR_CSS
from pages.components.mentor_section import MentorSection
from pages.components.notice import empty, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import page_head, painted
from pages.components.publishing import Publishing
from pages.components.run_comparison import CSS as COMPARISON_CSS
from pages.components.run_comparison import RunComparison
from pages.components.second_stage import SecondStage
from pages.components.stats import Stat, stats
from pages.components.training_curves import training_curves
from pages.components.training_fields import TrainingFields
from pages.components.training_preview import CSS as PREVIEW_CSS
from pages.components.training_preview import ExamplesFold
from pages.components.waiting import waiting_list, waiting_value
from pages.languages import _, said_of

NAME = "distilled"
GO_TO = {"review": "Go to the review", "exam": "Go to the exam"}


def build(settings: Settings, place: Place) -> Page:
    """Lay out the training page and wire its events."""
    page_head(
        "Training",
        "The student learns from the accepted rationales and from the feedback at once: "
        "alpha · feedback + (1 − alpha) · rationale.",
    )
    form_of = gr.State("")
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="form"):
            fields = TrainingFields()
            name = gr.Textbox(label="Name", max_lines=1, elem_id="training-name")
            teacher = gr.Dropdown(
                [("The whole committee", MIXED)],
                value=MIXED,
                label="Learn from",
                filterable=False,
                elem_id="training-teacher",
            )
            fields.main()
            fields.soft()
            with gr.Accordion("More settings", open=False, elem_classes="more"):
                student = gr.Textbox(
                    label="Student",
                    placeholder="the one that sat the exam",
                    max_lines=1,
                    elem_id="training-student",
                )
                fields.more()
                processes = gr.Number(
                    1,
                    label="Processes",
                    precision=0,
                    minimum=1,
                    elem_id="training-processes",
                )
                accelerate = gr.Textbox(
                    label="Accelerate’s settings",
                    max_lines=1,
                    elem_id="training-accelerate",
                )
            start = gr.Button("Start training", variant="primary", elem_id="training-start")
        with gr.Column(elem_classes="results"):
            publishing = Publishing(settings, place)
            panel = job_panel(settings, "train", place)
            waiting = waiting_list(settings, "training-waiting", place)
            preview = painted("training-preview")
            examples = ExamplesFold(settings)
            curves = painted("training-curves")
            merging = job_panel(settings, "merge", place)
            exporting = job_panel(settings, "gguf", place)
            made = checkpoint_list(settings, place)
            publishing.lay_out_done()
            second = SecondStage(settings, place)
    mentor = MentorSection(settings, place)
    comparison = RunComparison(settings)
    timer = gr.Timer(1.0, active=False)
    live_outputs = [
        *(panel, waiting, curves, merging, exporting, made),
        *publishing.outputs,
        *second.outputs,
        *mentor.outputs,
    ]

    def live(project: Project) -> tuple[Any, ...]:
        return (
            panel_value(settings, project, "train"),
            waiting_value(settings),
            training_curves(settings, project),
            panel_value(settings, project, "merge"),
            panel_value(settings, project, "gguf"),
            checkpoint_value(settings, project),
            *publishing.live(project),
            *second.live(project),
            *mentor.live(project),
        )

    def refresh(
        project: Project,
        item: str,
        shown_for: str,
        chosen: str,
        preferred: str | None,
        mentors: str | None,
        *,
        person: str,
    ) -> Sequence[Any]:
        anew = shown_for != project.name
        return (
            free_name(settings, NAME) if anew else gr.skip(),
            project.name,
            *learn_from(project, chosen),
            project.name,
            *second.filled(project, preferred, anew=anew),
            *mentor.filled(project, mentors, anew=anew),
            *publishing.filled(item, person),
            *live(project),
            *comparison.values(project),
        )

    def learn_from(project: Project, chosen: str) -> list[Any]:
        """The authors to learn from, and what their texts are."""
        choices = _authors(settings, project)
        chosen = chosen if chosen in [value for _, value in choices] else MIXED
        return [gr.Dropdown(choices=choices, value=chosen), _preview(settings, project, chosen)]

    def tick(project_name: str, seen: str) -> tuple[Any, ...]:
        project = open_project(settings, project_name)
        return *live(project), *comparison.values(project, seen)

    def begin(
        project_name: str,
        name: str,
        teacher: str,
        student: str | None,
        processes: float | None,
        accelerate: str | None,
        *values: Any,
    ) -> tuple[Any, ...]:
        project = open_project(settings, project_name)
        params = train_params(
            settings,
            project,
            name=(name or "").strip(),
            **asked(teacher, student, *values),
            processes=int(processes) if processes else None,
            accelerate=(accelerate or "").strip() or None,
        )
        queue.submit(settings, "train", params, project)
        return free_name(settings, NAME), *live(project)

    def asked(teacher: str, student: str | None, *values: Any) -> dict[str, Any]:
        return {
            "teacher": teacher,
            "student": (student or "").strip() or None,
            "settings_given": fields.given(values),
        }

    fields.wire()
    examples.wire(place, [teacher, student, *fields.components], asked)
    comparison.wire(place)
    publishing.wire(place)
    second.wire(place, [waiting], lambda _: [waiting_value(settings)])
    mentor.wire(
        place,
        fields,
        learn_from,
        [teacher, preview],
        [panel, waiting],
        lambda project: [panel_value(settings, project, "train"), waiting_value(settings)],
    )
    timer.tick(
        tick,
        [place.project, comparison.seen],
        [*live_outputs, *comparison.outputs],
        **LIVE,
    )
    teacher.input(
        lambda project, chosen: _preview(settings, open_project(settings, project), chosen),
        [place.project, teacher],
        preview,
        **ACTION,
    )
    start.click(
        spoken(begin),
        [place.project, name, teacher, student, processes, accelerate, *fields.components],
        [name, *live_outputs],
        **ACTION,
    )
    return Page(
        name="training",
        title="Training",
        refresh=refresh,
        inputs=[form_of, teacher, second.asked, mentor.asked],
        outputs=[
            name,
            form_of,
            teacher,
            preview,
            examples.heading,
            *second.form,
            *mentor.form,
            *publishing.form,
            *live_outputs,
            *comparison.outputs,
        ],
        timer=timer,
        personal=True,
        css=PREVIEW_CSS + CHECKPOINTS_CSS + COMPARISON_CSS + MENTOR_CSS,
    )


def _authors(settings: Settings, project: Project) -> list[tuple[str, str]]:
    """Whose texts a student can learn from; the mentor's once it has written some."""
    names = [one.name for one in teachers(settings, project)]
    standing = mentor_of(settings, project)
    written = standing is not None and standing.rationales > 0
    return [
        (_("The whole committee"), MIXED),
        *(
            [(_("Committee and mentor"), WITH_MENTOR), (_("Only the mentor"), MENTOR)]
            if written
            else []
        ),
        *((_("Only {teacher}", teacher=one), one) for one in names),
    ]


def _preview(settings: Settings, project: Project, teacher: str) -> str:
    try:
        found = training_preview(settings, project, Selection(teacher))
    except BadInput as fault:
        go = "review" if project.exam_id else "exam"
        return empty("Nothing to learn from yet", said_of(fault), go, GO_TO[go])
    return stats(
        [
            Stat("Questions", f"{found.questions:,}", "to learn from"),
            _texts("Rationales", found.rationales),
            _texts("Feedback", found.feedback),
        ]
    )


def _texts(name: str, by_teacher: dict[str, int]) -> Stat:
    note = ", ".join(f"{teacher} {number:,}" for teacher, number in sorted(by_teacher.items()))
    return Stat(name, f"{sum(by_teacher.values()):,}", note)
