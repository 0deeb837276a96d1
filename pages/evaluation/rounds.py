"""Rounds: the distilled student sits the exam again, and its new mistakes are taught."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from pydantic import SecretStr

from fair_app.errors import BadInput
from fair_app.evaluation.rounds import AFRESH, FROM_ADAPTER, MOST_ROUNDS
from fair_app.jobs import queue
from fair_app.keys import usable
from fair_app.settings import Settings
from fair_app.studio.projects import Project, open_project
from fair_app.studio.quote import Quote, quote
from fair_app.studio.rounds import KIND, NAME, Course, newest_course, rounds_params, teach_from
from fair_app.studio.rounds_plan import rounds_plan
from pages.components.job_panel import is_active, job_panel, panel_value
from pages.components.notice import empty, notice, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import painted
from pages.components.rounds_course import TEACH, at_work, course_panel, plan_panel
from pages.components.rows_file import rows_file
from pages.components.training_fields import TrainingFields
from pages.languages import said_of
from pages.person import person as who_asks

ROUNDS = 3
Quoted = tuple[tuple[str, int, int], Quote]
"""A quote, and what it is of: project, exam and revision."""
ASKED = 9
"""Fields before those of the training."""
CSS = """
.course small { display: block; }
.course .n, .course .act { white-space: nowrap; }
.course .n { padding-right: 14px; }
#rounds-course .stats { margin-top: 16px; }
"""


def build(settings: Settings, place: Place) -> Page:
    """Lay out the sub-page and wire its events."""
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="form"):
            rounds = gr.Number(
                ROUNDS,
                label="Rounds",
                precision=0,
                minimum=1,
                maximum=MOST_ROUNDS,
                elem_id="rounds-rounds",
            )
            way = gr.Dropdown(
                [
                    ("On, with the new mistakes", FROM_ADAPTER),
                    ("Afresh, with those of all rounds", AFRESH),
                ],
                value=FROM_ADAPTER,
                label="Each round trains",
                filterable=False,
                elem_id="rounds-way",
            )
            least = gr.Textbox(
                "0",
                label="Least gain",
                max_lines=1,
                elem_id="rounds-least",
            )
            cap = gr.Number(
                None,
                label="Cap in USD",
                minimum=0,
                elem_id="rounds-cap",
            )
            with gr.Accordion("Questions and names", open=False, elem_classes="more"):
                asked = _optional("Questions of the exam", "rounds-exam")
                tested = _optional("Questions of the test", "rounds-test")
                rows = rows_file(settings, "rounds-rows")
                name = gr.Textbox(
                    label="Name",
                    placeholder=NAME,
                    max_lines=1,
                    elem_id="rounds-name",
                )
                student = gr.Textbox(
                    label="Student",
                    placeholder="the one that sat the exam",
                    max_lines=1,
                    elem_id="rounds-student",
                )
            with gr.Accordion("Training", open=False, elem_classes="more"):
                training = TrainingFields("rounds")
                training.main()
                training.more()
            start = gr.Button("Start the rounds", variant="primary", elem_id="rounds-start")
        with gr.Column(elem_classes="results"):
            planned = painted("rounds-plan")
            panel = job_panel(settings, KIND, place)
            working = painted("rounds-working")
            course = gr.HTML("", js_on_load=TEACH, elem_id="rounds-course", apply_default_css=False)
    form_of = gr.State("")
    stamp = gr.State("")
    quoted = gr.State(None)
    timer = gr.Timer(1.0, active=False)
    fields = [rounds, way, least, cap, asked, tested, rows, name, student, *training.components]
    live = [panel, working, course, stamp]

    def now(project: Project, seen: str = "") -> Sequence[Any]:
        """The values of `live`; the course is painted again only when it is another."""
        found = newest_course(settings, project)
        known = _stamp(project, found)
        painted_course = gr.skip() if known == seen else course_panel(settings, project, found)
        return [
            panel_value(settings, project, KIND),
            at_work(settings, found),
            painted_course,
            known,
        ]

    def params(project: Project, keys: Mapping[str, SecretStr], values: Sequence[Any]) -> Any:
        settings_given = training.given(values[ASKED:])
        asked_for = _given(values[:ASKED])
        return rounds_params(
            settings, project, **asked_for, settings_given=settings_given, keys=usable(keys)
        )

    def plan(
        project: Project,
        keys: Mapping[str, SecretStr],
        values: Sequence[Any],
        last: Quoted | None = None,
    ) -> tuple[Any, Any]:
        """The plan, and the quote that it was made from: the `last` one while nothing changed."""
        if is_active(settings, project, KIND):
            return "", None
        if project.exam_id is None:
            return _no_exam(), None
        about = (project.name, project.exam_id, project.revision)
        try:
            asked_for = params(project, keys, values)
            found = last[1] if last is not None and last[0] == about else quote(settings, project)
            return plan_panel(rounds_plan(settings, project, asked_for, found)), (about, found)
        except BadInput as fault:
            return notice(said_of(fault), "warning"), last

    def as_asked(project: Project) -> list[Any]:
        """The fields' values as they were for the project's newest rounds; [] before any.

        Their name is taken, and who begins is by now another student.
        """
        newest = queue.latest(settings, project, KIND)
        if newest is None:
            return []
        before = newest.job.params
        least = before["stop_below"]
        return [
            before["rounds"],
            before["train"],
            "" if least is None else f"{least:g}",
            None if before["budget_usd"] == project.budget_usd else before["budget_usd"],
            before["exam"]["limit"],
            before["test"]["limit"],
            before["test"]["rows"] or "",
            *("", ""),
            *training.as_asked(before["training"]["settings_given"]),
        ]

    def refresh(
        project: Project, item: str, shown_for: str, *values: Any, person: str
    ) -> Sequence[Any]:
        filled = as_asked(project) if shown_for != project.name else []
        filled = filled or [gr.skip()] * len(fields)
        there = [old if new == gr.skip() else new for old, new in zip(values, filled, strict=True)]
        planned_so = plan(project, place.typed_keys.of(person), there)
        return [*filled, project.name, *planned_so, *now(project)]

    def reckon(
        request: gr.Request, name: str, last: Quoted | None, *values: Any
    ) -> tuple[Any, Any]:
        if not name:
            return gr.skip(), gr.skip()  # the fields are filled before the address is read
        keys = place.typed_keys.of(who_asks(request))
        return plan(open_project(settings, name), keys, values, last)

    def tick(name: str, seen: str) -> Sequence[Any]:
        return now(open_project(settings, name), seen)

    def begin(request: gr.Request, name: str, *values: Any) -> Sequence[Any]:
        project, person = open_project(settings, name), who_asks(request)
        wanted = params(project, place.typed_keys.of(person), values)
        queue.submit(settings, KIND, wanted, project, owner=person)
        return now(project)

    def teach(name: str, event: gr.EventData) -> Sequence[Any]:
        teach_from(settings, open_project(settings, name), int(event.exam))
        return now(open_project(settings, name))

    training.wire()
    timer.tick(tick, [place.project, stamp], live, **LIVE)
    # A student is looked for when its name stands there whole, not at every letter.
    named = (name, student)
    whole = [event for box in named for event in (box.blur, box.submit)]
    gr.on(
        [stamp.change, *whole, *(field.change for field in fields if field not in named)],
        reckon,
        [place.project, quoted, *fields],
        [planned, quoted],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
    )
    start.click(spoken(begin), [place.project, *fields], live, **ACTION)
    course.teach(spoken(teach), place.project, live, **ACTION)
    return Page(
        name="rounds",
        title="Rounds",
        refresh=refresh,
        inputs=[form_of, *fields],
        outputs=[*fields, form_of, planned, quoted, *live],
        timer=timer,
        personal=True,
        css=CSS,
    )


def _no_exam() -> str:
    return empty(
        "No exam to repeat yet",
        "Rounds repeat the exam: let the student sit it first.",
        go="exam",
        label="Go to the exam",
    )


def _optional(label: str, elem_id: str) -> gr.Number:
    return gr.Number(None, label=label, precision=0, minimum=0, elem_id=elem_id)


def _given(values: Sequence[Any]) -> dict[str, Any]:
    """What the fields ask for; the browser may send an empty number as 0."""
    rounds, way, least, cap, asked, tested, rows, name, student = values
    return {
        "rounds": int(rounds or 0),
        "train": way,
        "stop_below": _points(least),
        "budget_usd": cap or None,
        "exam_limit": int(asked) if asked else None,
        "test_limit": int(tested) if tested else None,
        "test_rows": (rows or "").strip() or None,
        "name": (name or "").strip() or None,
        "student": (student or "").strip() or None,
    }


def _points(least: str | None) -> float | None:
    """The least gain; empty is none. Raises BadInput for what is no number."""
    written = (least or "").strip().replace(",", ".")
    try:
        return float(written) if written else None
    except ValueError:
        raise BadInput(
            f"The least gain is in points of accuracy: give a number in place of '{written}', or "
            "leave it empty."
        ) from None


def _stamp(project: Project, found: Course | None) -> str:
    """What tells one state of the course from the next."""
    if found is None:
        return "none"
    return repr((found.job.id, found.job.state, project.exam_id, found.base, found.rounds))
