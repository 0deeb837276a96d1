"""Try it: one question, the answers of two students side by side as they grow."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.settings import Settings
from fair_app.student.base import DECODINGS
from fair_app.studio import trying
from fair_app.studio.projects import Project, open_project
from fair_app.studio.students import base_student, known_students
from pages.components.notice import empty, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.pager import PAGE_SIZE, pager_choices
from pages.components.painted import painted
from pages.components.trials import CSS, history_list, lender_line, lender_value, sides
from pages.languages import _
from pages.person import person

WRITING_S, LENT_S = 0.28, 3.0
"""How often to look while an answer grows, and while a model is lent and nobody asks."""
NOBODY = ""
"""The choice of no second student."""


def build(settings: Settings, place: Place) -> Page:
    """Lay out the sub-page and wire its events."""
    with gr.Column(elem_classes="try-box"):
        question = gr.Textbox(
            label="Question",
            placeholder="Ask anything",
            lines=1,
            max_lines=12,
            elem_id="try-question",
        )
        with gr.Row(elem_classes="fields"):
            first = gr.Dropdown(
                [], label="Left", filterable=False, interactive=True, elem_id="try-first"
            )
            second = gr.Dropdown(
                [], label="Right", filterable=False, interactive=True, elem_id="try-second"
            )
            decoding = gr.Dropdown(
                [("Greedy", "greedy"), ("As the paper samples", "paper")],
                value=next(iter(DECODINGS)),
                label="Decoding",
                filterable=False,
                elem_id="try-decoding",
            )
        with gr.Row(elem_classes="acts"):
            send = gr.Button("Ask", variant="primary", size="sm", elem_id="try-ask")
            take = gr.Button("Take a test question", size="sm", elem_id="try-take")
    line = lender_line()
    answers = painted("try-answers")
    history = painted("try-history")
    pager = gr.Dropdown(
        [1], value=1, label="Questions", filterable=False, visible=False, elem_id="try-pages"
    )
    test_question, asked, shown_for = gr.State(0), gr.State(0), gr.State("")
    pace = gr.State(0.0)
    timer = gr.Timer(WRITING_S, active=False)

    def live(project: Project, asking: int) -> tuple[float, list[Any]]:
        """How soon to look again (0: not at all), and the line and the answers."""
        lender = trying.lender(settings, project)
        found = trying.asking(settings, project, asking)
        busy = trying.in_the_way(settings)
        lent = lender is not None and lender.state != "gone"
        writes = any(trial.under_way for trial in found)
        soon = WRITING_S if writes else LENT_S if lent else 0.0
        return soon, [lender_value(lender, busy, found), sides(found)]

    def past(project: Project, page: int) -> list[Any]:
        found, total = trying.history(settings, project, PAGE_SIZE, PAGE_SIZE * (page - 1))
        pages = gr.Dropdown(choices=pager_choices(total), value=page, visible=total > PAGE_SIZE)
        ended = [asking for asking in found if not any(trial.under_way for trial in asking)]
        return [history_list(ended, total - len(found) + len(ended)), pages]

    def refresh(
        project: Project,
        item: str,
        left: str | None,
        right: str | None,
        asking: int,
        was_for: str,
    ) -> Sequence[Any]:
        students = known_students(settings, project)
        same = was_for == project.name
        base = base_student(settings, project)
        others = [student for student in students if student != base]
        if not same:
            newest, __ = trying.history(settings, project, 1)
            asking = newest[0][0].asking if newest else 0
        left = left if same and left in students else base
        wanted = item if item in students else right if same else None
        if wanted not in [*students, NOBODY]:
            wanted = next(iter(others), NOBODY)
        soon, shown = live(project, asking)
        if not others and not asking:
            shown[1] = empty(
                "No checkpoint yet",
                "You can ask the student as it is; train it, and both answer side by side.",
                go="training",
                label="Go to the training",
            )
        return [
            gr.Dropdown(choices=students, value=left),
            gr.Dropdown(choices=[(_("Nobody"), NOBODY), *students], value=wanted),
            gr.skip() if same else "",
            asking,
            project.name,
            *shown,
            *past(project, 1),
            soon,
            gr.Timer(value=soon or WRITING_S, active=soon > 0),
        ]

    def tick(project_name: str, asking: int, before: float, page: int) -> Sequence[Any]:
        project = open_project(settings, project_name)
        soon, shown = live(project, asking)
        if soon == before:
            return [*shown, gr.skip(), gr.skip(), gr.skip(), gr.skip()]
        # It is never switched on here: the page may have been left in the meantime.
        then = gr.Timer(value=soon) if soon else gr.Timer(active=False)
        return [*shown, *past(project, page), soon, then]

    def begin(
        request: gr.Request,
        project_name: str,
        words: str | None,
        taken: int,
        left: str | None,
        right: str | None,
        how: str,
    ) -> Sequence[Any]:
        project = open_project(settings, project_name)
        words = words or ""
        asking = trying.ask(
            settings,
            project,
            students=[left or "", right or ""],
            question=words,
            question_id=trying.as_test_question(settings, project, taken, words),
            decoding=how,
            owner=person(request),
        )
        soon, shown = live(project, asking)
        timer_now = gr.Timer(value=soon or WRITING_S, active=soon > 0)
        return [asking, *shown, *past(project, 1), soon, timer_now]

    def act(project_name: str, asking: int, event: gr.EventData) -> Sequence[Any]:
        project = open_project(settings, project_name)
        if event.act == "stop":
            trying.stop(settings, project, asking)
        else:
            trying.give_back(settings, project)
        return live(project, asking)[1]

    def take_one(project_name: str) -> tuple[int, str]:
        return trying.test_question(settings, open_project(settings, project_name))

    def turn(project_name: str, page: int) -> Sequence[Any]:
        return past(open_project(settings, project_name), page)

    seen = [line, answers]
    asking_inputs = [place.project, question, test_question, first, second, decoding]
    asking_outputs = [asked, *seen, history, pager, pace, timer]
    for event in (send.click, question.submit):
        event(spoken(begin), asking_inputs, asking_outputs, **ACTION)
    take.click(spoken(take_one), place.project, [test_question, question], **ACTION)
    line.act(spoken(act), [place.project, asked], seen, **ACTION)
    pager.input(spoken(turn), [place.project, pager], [history, pager], **ACTION)
    timer.tick(
        tick,
        [place.project, asked, pace, pager],
        [*seen, history, pager, pace, timer],
        **LIVE,
    )
    return Page(
        name="try",
        title="Try it",
        refresh=refresh,
        inputs=[first, second, asked, shown_for],
        outputs=[
            first,
            second,
            question,
            asked,
            shown_for,
            *seen,
            history,
            pager,
            pace,
            timer,
        ],
        timer=timer,
        css=CSS,
    )
