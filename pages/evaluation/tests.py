"""Tests: a student on questions that it has not seen, and how sure its accuracy is."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.student.registry import SERVER_KEY
from fair_app.studio.evaluations import Tested, summary
from fair_app.studio.exams import exam_params, server_of
from fair_app.studio.projects import Project, open_project
from fair_app.studio.students import known_students
from fair_app.studio.tasks import own_tasks
from fair_app.studio.training import trained
from fair_app.tasks.hub import HubSource
from fair_app.tasks.registry import task as task_named
from fair_app.tasks.registry import task_names, task_of
from pages.components import tested
from pages.components.exam_fields import (
    answered_so,
    answering,
    answering_fields,
    served_so,
    server_fields,
)
from pages.components.job_panel import job_panel, panel_value
from pages.components.notice import empty, spoken
from pages.components.opened_test import Opened, OpenedTest
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import painted
from pages.components.rows_file import rows_file
from pages.languages import _
from pages.person import person

ITEMS = 150
SPLITS = {"test": "Test", "train": "Training", "validation": "Validation"}


def build(settings: Settings, place: Place) -> Page:
    """Lay out the sub-page and wire its events."""
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="form"):
            student = _choice("Student", "evaluation-student")
            task = _choice("Task", "evaluation-task")
            items = gr.Number(
                ITEMS, label="Questions", precision=0, minimum=1, elem_id="evaluation-items"
            )
            with gr.Accordion("More settings", open=False, elem_classes="more"):
                rows = rows_file(settings, "evaluation-rows")
                split = _choice("Split", "evaluation-split")
                fields = answering_fields("evaluation")
                seeds = gr.Number(
                    1,
                    label="Seeds",
                    precision=0,
                    minimum=1,
                    elem_id="evaluation-seeds",
                )
            server = server_fields("evaluation", student)
            start = gr.Button("Start the test", variant="primary", elem_id="evaluation-start")
        with gr.Column(elem_classes="results"):
            panel = job_panel(settings, "evaluate", place)
            opened_test = OpenedTest(settings)
            scores = painted("evaluation-scores")
    form_of = gr.State("")
    last = gr.State("")
    seen = gr.State("")
    timer = gr.Timer(1.0, active=False)
    form = [items, task, rows, split, seeds, *fields, *server.outputs]
    live_outputs = [panel, scores, seen]

    def live(project: Project, opened: Opened | None, seen: str = "") -> list[Any]:
        """The panel and, where anything changed, the list."""
        found = summary(settings, project)
        now = " ".join(f"{one.exam.id}:{one.answered}:{one.correct}" for one in found)
        now = f"{now} {opened.id if opened else ''}"
        listed = gr.skip() if now == seen else _listed(settings, project, found, opened)
        return [panel_value(settings, project, "evaluate"), listed, now]

    def form_values(project: Project) -> list[Any]:
        """The form as it was for the project's newest test, else as for its exam; no server."""
        newest, exam = (queue.latest(settings, project, kind) for kind in ("evaluate", "exam"))
        params = newest.job.params if newest else {}
        known = task_choices(settings, project)
        asked = params.get("task", project.task)
        if asked not in (name for _, name in known):
            asked = project.task
        return [
            params.get("limit", ITEMS),
            gr.Dropdown(choices=known, value=asked),
            params.get("rows") or "",
            gr.Dropdown(
                choices=splits(settings, project, asked), value=params.get("split", "test")
            ),
            params.get("seeds", 1),
            *answered_so(params or (exam.job.params if exam else {})),
            *served_so({}),
        ]

    def refresh(
        project: Project, item: str, chosen: str | None, shown_for: str, then: str
    ) -> Sequence[Any]:
        found = summary(settings, project)
        students = known_students(settings, project)
        wanted = next(
            (one for one in (item, chosen) if one in students), next_student(students, found)
        )
        owner, __, shown_then = then.partition(" ")
        item = item or (shown_then if owner == str(project.id) else "")
        opened = None if item in students else Opened.read(item)
        if opened and opened.id not in {one.exam.id for one in found}:
            opened = None
        same = shown_for == project.name
        return (
            gr.Dropdown(choices=students, value=wanted),
            *([gr.skip()] * len(form) if same else form_values(project)),
            project.name,
            f"{project.id} {opened or ''}",
            *live(project, opened),
            *opened_test.values(project, opened),
            f"tests.{opened}" if opened else "tests",
        )

    def tick(name: str, item: str, seen: str) -> Sequence[Any]:
        return live(open_project(settings, name), Opened.read(item.partition(".")[2]), seen)

    def choose_task(name: str, task: str) -> tuple[Any, ...]:
        """Another task has its own splits, and rows of its own."""
        known = splits(settings, open_project(settings, name), task)
        return gr.Dropdown(choices=known, value="test"), ""

    def begin(
        request: gr.Request,
        name: str,
        student: str | None,
        task: str | None,
        items: float | None,
        rows: str | None,
        split: str | None,
        seeds: float | None,
        address: str | None,
        served: str | None,
        key: str | None,
        *how: Any,
    ) -> tuple[dict[str, Any], str]:
        project = open_project(settings, name)
        address = (address or "").strip()
        chosen = ((served if address else student) or "").strip()
        if not (address or chosen):
            raise BadInput("Choose the student to test.")
        params = exam_params(
            settings,
            student=chosen,
            task=task or project.task,
            split=split or "test",
            rows=(rows or "").strip() or None,
            limit=int(items) if items else None,
            seeds=int(seeds) if seeds is not None else 1,
            server=address or server_of(settings, project, chosen),
            task_spec=own_tasks(settings, project).get(task or project.task),
            **answering(*how),
        )
        who = person(request)
        if address and key:
            place.typed_keys.set(who, SERVER_KEY, key)
        queue.submit(settings, "evaluate", params, project, owner=who)
        return panel_value(settings, project, "evaluate"), ""

    timer.tick(tick, [place.project, place.item, seen], live_outputs, **LIVE)
    task.input(choose_task, [place.project, task], [split, rows], **ACTION)
    start.click(
        spoken(begin),
        [
            place.project,
            student,
            task,
            items,
            rows,
            split,
            seeds,
            server.address,
            server.model,
            server.key,
            *fields,
        ],
        [panel, server.key],
        **ACTION,
    )
    opened_test.wire(place)
    return Page(
        name="tests",
        title="Tests",
        refresh=refresh,
        inputs=[student, form_of, last],
        outputs=[
            student,
            *form,
            form_of,
            last,
            *live_outputs,
            *opened_test.outputs,
            place.item,
        ],
        timer=timer,
        css=tested.CSS,
    )


def _choice(label: str, elem_id: str) -> gr.Dropdown:
    return gr.Dropdown([], label=label, filterable=False, interactive=True, elem_id=elem_id)


def task_choices(settings: Settings, project: Project) -> list[tuple[str, str]]:
    """The tasks to test on, by their titles: the project's own first, then those built in, and then
    others of one's own that the project was tested on."""
    others = [(_(task_named(name).title), name) for name in task_names() if name != project.task]
    own = [(name, name) for name in own_tasks(settings, project) if name != project.task]
    return [(_(task_of(project).title), project.task), *others, *own]


def splits(settings: Settings, project: Project, task: str) -> list[tuple[str, str]]:
    """The splits of a task, by their titles, the one to test on first."""
    found = task_named(task, own_tasks(settings, project).get(task))
    source = getattr(found, "source", None)
    known = source.splits if isinstance(source, HubSource) else ("train", "test")
    return [(_(title), name) for name, title in SPLITS.items() if name in known]


def next_student(students: Sequence[str], found: Sequence[Tested]) -> str:
    """The first of the students that is not tested yet, or the first."""
    known = {one.exam.student for one in found if one.whole}
    return next((one for one in students if one not in known), students[0])


def _listed(
    settings: Settings, project: Project, found: Sequence[Tested], opened: Opened | None
) -> str:
    if found:
        return tested.tested_list(found, project.task, opened.id if opened else None)
    if queue.latest(settings, project, "evaluate"):
        return ""
    if not trained(settings, project):
        return empty(
            "No test yet",
            "Test the student as it is now, to have something to compare with after training.",
        )
    return empty("No test yet", "Test both students on the same number of questions.")
