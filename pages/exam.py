"""The exam: the student answers training questions; its mistakes are what the committee teaches."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.student.registry import SERVER_KEY
from fair_app.studio.deciding import override_grade
from fair_app.studio.exams import Standing, Voted, answers, exam_params, samples_of, score
from fair_app.studio.exchange import export_answers, export_mistakes
from fair_app.studio.grades import last_decision, undo_grade, words
from fair_app.studio.projects import Project, open_project, set_task
from fair_app.studio.tasks import Preview, preview
from pages.components import exam_answers, exam_student, exam_task
from pages.components.exam_fields import (
    answered_so,
    answering,
    answering_fields,
    served_so,
    server_fields,
)
from pages.components.exam_numbers import exam_numbers
from pages.components.job_panel import is_active, job_panel, panel_value
from pages.components.notice import empty, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.pager import PAGE_SIZE, pager_choices
from pages.components.painted import page_head, painted
from pages.components.saved_file import saves
from pages.languages import _
from pages.person import actor, person

QUESTIONS = 200
FILTERS = [
    ("All", "all"),
    ("Right", "right"),
    ("Wrong", "wrong"),
    ("Cut off", "cut off"),
    ("Overridden", "overridden"),
]
SHOWN_FIRST = 5
DOWNLOADS: dict[str, Callable[[Settings, Project, Path], Path]] = {
    "mistakes": export_mistakes,
    "answers": export_answers,
}


def build(settings: Settings, place: Place) -> Page:
    """Lay out the exam page and wire its events."""
    page_head(
        "Exam",
        "The student answers training questions. What it gets wrong is what its teachers work on.",
    )
    form_of = gr.State("")
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="form"):
            student = exam_student.student_fields()
            subject = exam_task.task_field()
            questions = gr.Number(
                QUESTIONS, label="Questions", precision=0, minimum=1, elem_id="exam-questions"
            )
            with gr.Accordion("How it answers", open=False, elem_classes="more"):
                fields = answering_fields("exam")
            task = exam_task.question_fields(settings, subject)
            server = server_fields("exam", student.student)
            start = gr.Button("Start the exam", variant="primary", elem_id="exam-start")
        with gr.Column(elem_classes="results"):
            panel = job_panel(settings, "exam", place)
            shown_first = painted("exam-preview")
            numbers = painted("exam-numbers")
            with gr.Row(elem_classes="list-bar", visible=False) as bar:
                which = gr.Radio(
                    FILTERS,
                    value="all",
                    label="Which answers",
                    show_label=False,
                    container=False,
                    elem_id="exam-filter",
                    elem_classes="segments",
                )
                search = gr.Textbox(
                    "",
                    label="Search questions and answers",
                    show_label=False,
                    container=False,
                    placeholder="Search questions and answers",
                    max_lines=1,
                    elem_id="exam-search",
                )
                page = gr.Dropdown(
                    [("1", 1)],
                    value=1,
                    label="Answers",
                    show_label=False,
                    container=False,
                    filterable=False,
                    interactive=True,
                    elem_id="exam-page",
                )
            said = exam_answers.said_line()
            listing = exam_answers.exam_answers()
            with gr.Row(elem_classes="downloads", visible=False) as downloads:
                save = {
                    "mistakes": gr.Button(
                        "Download the mistakes", size="sm", elem_id="exam-save-mistakes"
                    ),
                    "answers": gr.Button(
                        "Download all answers", size="sm", elem_id="exam-save-answers"
                    ),
                }
    listed = gr.State("")
    sampled = gr.State([])  # the answers whose samples were unfolded
    timer = gr.Timer(1.0, active=False)

    def live(
        project: Project, listed: str, which: str, search: str, page: int, sampled: list[int]
    ) -> tuple[Any, ...]:
        """Panel, numbers and, where they changed, the answers."""
        panel_now = panel_value(settings, project, "exam")
        hidden = gr.Row(visible=False)
        standing = score(settings, project.exam_id) if project.exam_id else None
        if standing is None:
            return panel_now, _waiting(panel_now), hidden, gr.skip(), "", hidden, ""
        shown = (standing.exam.id, standing.counts.answered, last_decision(settings, project))
        stamp = "/".join(map(str, (*shown, which, page, search)))
        if stamp == listed:
            return panel_now, *([gr.skip()] * 5), stamp
        search = (search or "").strip()
        _, total = answers(settings, standing.exam.id, which, 0, 0, search)
        page = min(page, -(-total // PAGE_SIZE) or 1)
        found, _ = answers(
            settings, standing.exam.id, which, PAGE_SIZE, PAGE_SIZE * (page - 1), search
        )
        return (
            panel_now,
            exam_numbers(settings, standing),
            gr.Row(visible=standing.counts.answered > 0),
            gr.Dropdown(choices=pager_choices(total), value=page, visible=total > PAGE_SIZE),
            exam_answers.answer_list(found, words(settings, project), voted(project, sampled))
            if found
            else _nothing(which, search, standing),
            gr.Row(visible=standing.counts.answered > 0),
            stamp,
        )

    def voted(project: Project, sampled: list[int]) -> dict[int, Voted]:
        found = {one: samples_of(settings, project, one) for one in sampled}
        return {one: samples for one, samples in found.items() if samples is not None}

    outputs = [panel, numbers, bar, page, listing, downloads, listed]
    looked = [place.project, listed, which, search, page, sampled]
    form = [student.student, student.checked, questions, *fields, *task.outputs, *server.outputs]

    def form_values(project: Project) -> list[Any]:
        """The form as it was when the project's newest exam was started, else as it begins."""
        newest = queue.latest(settings, project, "exam")
        params = newest.job.params if newest else {}
        return [
            exam_student.chosen_so(settings, project, params),
            "",
            params.get("limit", QUESTIONS),
            *answered_so(params),
            *exam_task.task_values(settings, project, params.get("rows")),
            *served_so(params),
        ]

    def refresh(
        project: Project, item: str, shown_for: str, which_now: str, search_now: str
    ) -> Sequence[Any]:
        wanted = item if item in {value for _, value in FILTERS} else which_now
        same = shown_for == project.name
        search_now = search_now if same else ""
        return (
            *([gr.skip()] * (len(form) + 1) if same else [*form_values(project), ""]),
            project.name,
            wanted,
            search_now,
            "",
            [],
            *live(project, "", wanted, search_now, 1, []),
        )

    def tick(project: str, *looked: Any) -> tuple[Any, ...]:
        return live(open_project(settings, project), *looked)

    def look(project: str, which: str, search: str) -> tuple[Any, ...]:
        """Another filter or search: from the first page, without what was said before."""
        return *live(open_project(settings, project), "", which, search, 1, []), which, ""

    def search_for(*asked: str) -> tuple[Any, ...]:
        return look(*asked)[: len(outputs)]

    def show_samples(
        event: gr.EventData, name: str, which: str, search: str, page: int, sampled: list[int]
    ) -> Sequence[Any]:
        sampled = [*sampled, int(event.answer)]
        return sampled, *live(open_project(settings, name), "", which, search, page, sampled)

    def begin(
        request: gr.Request,
        name: str,
        student: str | None,
        questions: float | None,
        address: str | None,
        served: str | None,
        key: str | None,
        *more: Any,
    ) -> Sequence[Any]:
        project = open_project(settings, name)
        if is_active(settings, project, "exam"):
            raise BadInput("An exam is under way: wait for it, or pause it.")
        how, chosen = more[: len(fields)], exam_task.read(project, *more[len(fields) :])
        address = (address or "").strip() or None
        params = exam_params(
            settings,
            student=((served if address else student) or "").strip(),
            task=chosen.name,
            task_spec=chosen.spec,
            split="train",
            rows=chosen.rows,
            limit=int(questions) if questions is not None else None,
            server=address,
            **answering(*how),
        )
        if exam_task.changes(project, chosen):
            project = changed_task(project, chosen)
        who = person(request)
        if address and key:
            place.typed_keys.set(who, SERVER_KEY, key)
        queue.submit(settings, "exam", params, project, owner=who)
        return (
            *exam_task.task_values(settings, project, chosen.rows),
            "",
            panel_value(settings, project, "exam"),
            "",
        )

    def changed_task(project: Project, chosen: exam_task.Chosen) -> Project:
        if not exam_task.may_choose(settings, project):
            raise BadInput("This project keeps its task: make a new project for another one.")
        if chosen.spec is not None:
            found = first_questions(chosen)
            if not found.rows:
                raise BadInput(found.fault)
        return set_task(settings, project, chosen.name, chosen.spec)

    def first_questions(chosen: exam_task.Chosen) -> Preview:
        rows = Path(chosen.rows) if chosen.rows else None
        return preview(settings, chosen.name, chosen.spec, rows, "train", SHOWN_FIRST)

    def show_first(name: str, *values: Any) -> str:
        chosen = exam_task.read(open_project(settings, name), *values)
        return exam_task.painting(first_questions(chosen), chosen.grader)

    def overrule(request: gr.Request, event: gr.EventData, name: str, *shown: Any) -> Sequence[Any]:
        project = open_project(settings, name)
        row = override_grade(
            settings,
            project,
            int(event.answer),
            exam_answers.GRADES[event.grade],
            actor=actor(request),
            reason=str(event.reason),
        )
        return *live(project, "", *shown), exam_answers.graded(row, undone=False)

    def undo(request: gr.Request, name: str, *shown: Any) -> Sequence[Any]:
        project = open_project(settings, name)
        row = undo_grade(settings, project, actor=actor(request))
        sentence = exam_answers.graded(row, undone=True) if row else exam_answers.nothing_to_undo()
        return *live(project, "", *shown), sentence

    def written(kind: str) -> Callable[[Path, str], Path]:
        return lambda folder, name: DOWNLOADS[kind](settings, open_project(settings, name), folder)

    timer.tick(tick, looked, outputs, **LIVE)
    page.input(tick, looked, outputs, **ACTION)
    which.input(look, [place.project, which, search], [*outputs, place.item, said], **ACTION)
    # Not `input`, which Gradio does not send for what is pasted.
    search.change(
        search_for,
        [place.project, which, search],
        outputs,
        **{**LIVE, "trigger_mode": "always_last"},
    )
    start.click(
        spoken(begin),
        [
            place.project,
            student.student,
            questions,
            server.address,
            server.model,
            server.key,
            *fields,
            *task.chosen,
        ],
        [*task.outputs, server.key, panel, shown_first],
        **ACTION,
    )
    exam_student.wire_check(settings, student, fields.quantization)
    task.task.input(exam_task.choose, task.task, task.chooses, **LIVE)
    task.rows.change(
        spoken(exam_task.columns_found), task.rows, list(task.mapping.values()), **ACTION
    )
    task.preview.click(spoken(show_first), [place.project, *task.chosen], shown_first, **ACTION)
    graded = [place.project, which, search, page, sampled]
    listing.grade(
        spoken(overrule), graded, [*outputs, said], trigger_mode="multiple", queue=False, **ACTION
    )
    listing.samples(spoken(show_samples), graded, [sampled, *outputs], **ACTION)
    for origin in (listing, said):
        origin.undo(
            spoken(undo), graded, [*outputs, said], trigger_mode="multiple", queue=False, **ACTION
        )
    for kind, button in save.items():
        saves(button, [place.project], written(kind))
    return Page(
        name="exam",
        title="Exam",
        refresh=refresh,
        inputs=[form_of, which, search],
        outputs=[*form, shown_first, form_of, which, search, said, sampled, *outputs],
        timer=timer,
        css=exam_answers.CSS,
    )


def _waiting(panel: dict[str, Any]) -> str:
    """What to say while there is no exam: nothing where one is on its way."""
    if panel:
        return ""
    return empty(
        "No exam yet",
        "Choose how many questions to ask and start. Two hundred give a committee enough "
        "mistakes to work on, and take a few minutes on two processor cores.",
    )


def _nothing(which: str, search: str, standing: Standing) -> str:
    if not standing.counts.answered:
        return ""
    if search:
        return empty(
            "Nothing found",
            _("No such answer has “{search}” in it or in its question.", search=search),
        )
    words = {
        "right": "No answer is right",
        "wrong": "No answer is wrong",
        "overridden": "No grade is overridden",
    }
    return empty(words.get(which, "No answer was cut off"), "Choose another filter.")
