"""The exam: the student answers training questions; its mistakes are what the committee teaches."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.evaluation.statistics import wilson
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.student.base import DECODINGS
from fair_app.studio.exams import Score, answers, exam_params, score
from fair_app.studio.projects import Project, open_project
from fair_app.tasks.registry import task
from pages.components.answers import IMPORTED, answer_list
from pages.components.charts import Line, line_chart, thinned
from pages.components.job_panel import job_panel, panel_value
from pages.components.markup import count, percent
from pages.components.notice import empty, notice, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.pager import PAGE_SIZE, pager_choices
from pages.components.painted import page_head, painted
from pages.components.rows_file import rows_file
from pages.components.stats import Stat, stats

QUESTIONS = 200
DECODING_CHOICES = [
    ("Greedy", "greedy"),
    ("As in the paper (temperature 0.3, top-p 0.9)", "paper"),
]
QUANTIZATION_CHOICES = [("None", "none"), ("4 bits", "4bit")]
FILTERS = [("All", "all"), ("Right", "right"), ("Wrong", "wrong"), ("Cut off", "cut off")]
POINTS = 60
"""Points of the accuracy curve: more cannot be told apart on a screen."""


def build(settings: Settings, place: Place) -> Page:
    """Lay out the exam page and wire its events."""
    page_head(
        "Exam",
        "The student answers training questions. What it gets wrong is what its teachers work on.",
    )
    form_of = gr.State("")
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="form"):
            student = gr.Textbox(
                label="Student",
                info="smollm2-135m, a hub id, a folder, or checkpoint:NAME",
                max_lines=1,
                elem_id="exam-student",
            )
            subject = gr.Textbox(label="Task", interactive=False, max_lines=1)
            questions = gr.Number(
                QUESTIONS, label="Questions", precision=0, minimum=1, elem_id="exam-questions"
            )
            with gr.Accordion("More settings", open=False, elem_classes="more"):
                rows = rows_file(settings, "exam-rows")
                decoding, max_new_tokens, quantization = answering_fields("exam")
            start = gr.Button("Start the exam", variant="primary", elem_id="exam-start")
        with gr.Column(elem_classes="results"):
            panel = job_panel(settings, "exam", place)
            numbers = painted("exam-numbers")
            with gr.Row(elem_classes="list-bar", visible=False) as bar:
                which = gr.Radio(
                    FILTERS,
                    value="all",
                    show_label=False,
                    container=False,
                    elem_id="exam-filter",
                    elem_classes="segments",
                )
                page = gr.Dropdown(
                    [("1", 1)],
                    value=1,
                    show_label=False,
                    container=False,
                    filterable=False,
                    interactive=True,
                    elem_id="exam-page",
                )
            listing = painted("exam-answers")
    listed = gr.State("")
    timer = gr.Timer(1.0, active=False)

    def live(project: Project, which: str, page: int, listed: str) -> tuple[Any, ...]:
        """Panel, numbers and, where they changed, the answers."""
        standing = score(settings, project.exam_id) if project.exam_id else None
        stamp = f"{standing.exam.id}/{standing.counts.answered}/{which}/{page}" if standing else ""
        panel_now = panel_value(settings, project, "exam")
        if standing is None:
            waiting = _numbers(settings, project, None)
            return panel_now, waiting, gr.Row(visible=False), gr.skip(), "", stamp
        if stamp == listed:
            return panel_now, gr.skip(), gr.skip(), gr.skip(), gr.skip(), stamp
        numbers_now = _numbers(settings, project, standing)
        found, total = answers(settings, standing.exam.id, which, PAGE_SIZE, PAGE_SIZE * (page - 1))
        shown = answer_list(list(found)) if found else _nothing(which, standing)
        pages = gr.Dropdown(choices=pager_choices(total), value=page, visible=total > PAGE_SIZE)
        return panel_now, numbers_now, gr.Row(visible=True), pages, shown, stamp

    outputs = [panel, numbers, bar, page, listing, listed]

    def refresh(project: Project, item: str, shown_for: str, which_now: str) -> Sequence[Any]:
        wanted = item if item in {value for _, value in FILTERS} else which_now
        fields = (
            (gr.skip(), gr.skip())
            if shown_for == project.name
            else (project.student, task(project.task).title)
        )
        return *fields, project.name, wanted, *live(project, wanted, 1, "")

    def tick(project: str, which: str, page: int, listed: str) -> tuple[Any, ...]:
        return live(open_project(settings, project), which, page, listed)

    def begin(
        project_name: str,
        student: str,
        questions: float | None,
        rows: str | None,
        decoding: str,
        max_new_tokens: float | None,
        quantization: str,
    ) -> dict[str, Any]:
        project = open_project(settings, project_name)
        params = exam_params(
            settings,
            student=(student or "").strip(),
            task=project.task,
            split="train",
            rows=(rows or "").strip() or None,
            limit=int(questions) if questions else None,
            decoding=decoding,
            max_new_tokens=int(max_new_tokens) if max_new_tokens else None,
            quantization=quantization,
        )
        queue.submit(settings, "exam", params, project)
        return panel_value(settings, project, "exam")

    timer.tick(tick, [place.project, which, page, listed], outputs, **LIVE)
    looked = [place.project, which, page, listed]
    page.input(tick, looked, outputs, **ACTION)
    which.input(
        lambda project, which: (*live(open_project(settings, project), which, 1, ""), which),
        [place.project, which],
        [*outputs, place.item],
        **ACTION,
    )
    start.click(
        spoken(begin),
        [place.project, student, questions, rows, decoding, max_new_tokens, quantization],
        panel,
        **ACTION,
    )
    return Page(
        name="exam",
        title="Exam",
        refresh=refresh,
        inputs=[form_of, which],
        outputs=[student, subject, form_of, which, *outputs],
        timer=timer,
    )


def answering_fields(prefix: str) -> tuple[gr.Dropdown, gr.Number, gr.Dropdown]:
    """The fields for how a student answers, the same in exam and evaluation."""
    return (
        gr.Dropdown(
            DECODING_CHOICES,
            value="greedy",
            label="Decoding",
            filterable=False,
            elem_id=f"{prefix}-decoding",
        ),
        gr.Number(
            DECODINGS["greedy"].max_new_tokens,
            label="Most new tokens an answer",
            precision=0,
            minimum=1,
            elem_id=f"{prefix}-tokens",
        ),
        gr.Dropdown(
            QUANTIZATION_CHOICES,
            value="none",
            label="Quantization",
            filterable=False,
            elem_id=f"{prefix}-quantization",
        ),
    )


def accuracy_curve(settings: Settings, project: Project, kind: str) -> str:
    """The accuracy of the newest job of a kind as its answers came, in its 95 % interval."""
    view = queue.latest(settings, project, kind)
    if view is None:
        return ""
    found = queue.metrics(settings, view.job.id, ["accuracy"])["accuracy"]
    if len(found) < 2:
        return ""
    points = thinned(found, POINTS)
    intervals = [(n, wilson(round(accuracy * n), int(n))) for n, accuracy in points]
    return line_chart(
        [Line("Accuracy", points, [(n, low, high) for n, (low, high) in intervals])],
        "Accuracy as answers came in, with its 95 % interval",
        "answers",
        y_range=(0.0, 1.0),
        show=lambda value: f"{100 * value:.0f} %",
    )


def _numbers(settings: Settings, project: Project, standing: Score | None) -> str:
    if standing is None:
        if queue.latest(settings, project, "exam"):
            return ""
        return empty(
            "No exam yet",
            "Choose how many questions to ask and start. Two hundred give a committee enough "
            "mistakes to work on, and take a few minutes on two processor cores.",
        )
    counts = standing.counts
    if standing.exam.origin == IMPORTED:
        student = standing.exam.student.partition(":")[2]
        return notice(
            f"{count(counts.answered, 'mistake')} of {student}, imported from a file. "
            "The file holds mistakes alone, so there is no accuracy."
        )
    items = [
        Stat(
            "Accuracy",
            percent(standing.accuracy) if standing.accuracy is not None else "–",
            "95 %: {:.0f} to {:.0f} %".format(*(100 * end for end in standing.ci95))
            if standing.ci95
            else "no answer yet",
        ),
        Stat("Answered", f"{counts.answered:,}", f"of {count(counts.questions, 'question')}"),
        Stat("Mistakes", f"{counts.answered - counts.correct:,}", "for the committee"),
        Stat("Cut off", f"{counts.truncated:,}", "at the token limit"),
    ]
    return stats(items) + accuracy_curve(settings, project, "exam")


def _nothing(which: str, standing: Score) -> str:
    if not standing.counts.answered:
        return ""
    words = {"right": "No answer is right", "wrong": "No answer is wrong"}
    return empty(words.get(which, "No answer was cut off"), "Choose another filter.")
