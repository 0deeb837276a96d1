"""Ablations: the student trained without a part of the method, or with another value of it."""

from collections.abc import Sequence
from itertools import chain, count
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.evaluation.ablation import MENTORS, Factors
from fair_app.jobs import queue
from fair_app.jobs.children import children_of
from fair_app.settings import Settings
from fair_app.studio.ablation_results import ablations, results
from fair_app.studio.ablations import (
    KIND,
    NAME,
    TEST_QUESTIONS,
    Wanted,
    ablation_params,
    plan,
)
from fair_app.studio.projects import Project, open_project
from fair_app.studio.teachers import teachers
from pages.components.ablation_shown import CSS, plan_shown, results_shown
from pages.components.exam_fields import answered_so, answering, answering_fields
from pages.components.job_panel import is_active, job_panel, panel_value
from pages.components.markup import ago, text
from pages.components.notice import empty, go_button, notice, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import painted
from pages.components.rows_file import rows_file
from pages.components.training_fields import TrainingFields
from pages.languages import _, said_of

TEACHERS, FEEDBACK, RANDOM, CHECK, DECISIONS, MENTOR = (
    "teachers",
    "feedback",
    "random",
    "check",
    "decisions",
    "mentor",
)
CONDITIONS = [
    ("Each teacher alone", TEACHERS),
    ("Without feedback: rationales only", FEEDBACK),
    ("Without peer review: random rationales, as many", RANDOM),
    ("With the answer check, and without", CHECK),
    ("Without human decisions", DECISIONS),
    ("With the mentor’s rationales, its soft labels, and both", MENTOR),
]


def build(settings: Settings, place: Place) -> Page:
    """Lay out the sub-page and wire its events."""
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="form"):
            thresholds = _numbers_field("Acceptance thresholds", "0, 3", "ablations-thresholds")
            alphas = _numbers_field("Alpha", "0, 0.5, 1", "ablations-alphas")
            conditions = gr.CheckboxGroup(
                CONDITIONS, value=[], label="And", elem_id="ablations-conditions"
            )
            grid = gr.Checkbox(
                False,
                label="Every combination",
                elem_id="ablations-grid",
            )
            seeds = gr.Number(1, label="Seeds", precision=0, minimum=1, elem_id="ablations-seeds")
            items = gr.Number(
                TEST_QUESTIONS,
                label="Test questions",
                precision=0,
                minimum=1,
                elem_id="ablations-items",
            )
            name = gr.Textbox(
                NAME,
                label="Name",
                max_lines=1,
                elem_id="ablations-name",
            )
            with gr.Accordion("The test", open=False, elem_classes="more"):
                rows = rows_file(settings, "ablations-rows")
                how = answering_fields("ablations-test")
            with gr.Accordion("The training", open=False, elem_classes="more"):
                training = TrainingFields("ablations")
                student = gr.Textbox(
                    label="Student",
                    placeholder="the one that sat the exam",
                    max_lines=1,
                    elem_id="ablations-student",
                )
                keep_rule = gr.Checkbox(
                    False,
                    label="A teacher alone passes peer review too",
                    elem_id="ablations-keep-rule",
                )
                training.main()
                training.more()
                training.soft()
            start = gr.Button("Start the ablation", variant="primary", elem_id="ablations-start")
        with gr.Column(elem_classes="results"):
            planned = painted("ablations-plan")
            panel = job_panel(settings, KIND, place)
            shown = painted("ablations-results")
            earlier = painted("ablations-earlier")
    form_of = gr.State("")
    stamp = gr.State("")
    timer = gr.Timer(1.0, active=False)
    asked = [thresholds, alphas, conditions, grid, seeds, items, rows, student, keep_rule]
    fields = [name, *asked, *how, *training.components]
    live = [panel, shown, earlier, stamp]

    def wanted(project: Project, values: Sequence[Any]) -> Wanted:
        (
            (
                given_thresholds,
                given_alphas,
                chosen,
                in_grid,
                many,
                limit,
                file,
                trained,
                rule_too,
            ),
            rest,
        ) = values[: len(asked)], values[len(asked) :]
        names = tuple(one.name for one in teachers(settings, project))
        return Wanted(
            factors=Factors(
                thresholds=_numbers("threshold", given_thresholds),
                alphas=_numbers("alpha", given_alphas),
                teachers=names if TEACHERS in chosen else (),
                without_feedback=FEEDBACK in chosen,
                random_rationales=RANDOM in chosen,
                answer_check=CHECK in chosen,
                without_decisions=DECISIONS in chosen,
                mentor=MENTORS[1:] if MENTOR in chosen else (),
            ),
            seeds=int(many or 0),
            grid=bool(in_grid),
            keep_rule=bool(rule_too),
            student=(trained or "").strip() or None,
            given=training.given(rest[len(how) :]),
            test={
                "rows": (file or "").strip() or None,
                "limit": int(limit) if limit else None,
                **answering(*rest[: len(how)]),
            },
        )

    def planning(project: Project, values: Sequence[Any]) -> str:
        if is_active(settings, project, KIND):
            return ""
        if project.exam_id is None:
            return empty(
                "Nothing to learn from yet",
                "An ablation trains on the committee’s work: let the student sit the exam first.",
                go="exam",
                label="Go to the exam",
            )
        try:
            found = plan(settings, project, (values[0] or "").strip(), wanted(project, values[1:]))
        except BadInput as fault:
            return notice(said_of(fault), "warning")
        return plan_shown(found)

    def now(project: Project, item: str, seen: str = "") -> Sequence[Any]:
        """The values of `live`; what came of it is painted again only when more did."""
        found = ablations(settings, project)
        opened = next((job for job in found if str(job.id) == item), found[0] if found else None)
        if opened is None:
            known = f"{project.id} none"
            nothing = ["", ""] if known != seen else [gr.skip()] * 2
            return [panel_value(settings, project, KIND), *nothing, known]
        parts = [(one.id, one.state) for one in children_of(settings, opened.id)]
        known = repr((opened.id, opened.state, parts, len(found)))
        value = panel_value(settings, project, KIND)
        if known == seen:
            return [value, gr.skip(), gr.skip(), known]
        try:
            came = results_shown(results(settings, opened))
        except BadInput as fault:  # the file of the test's rows is another since
            came = notice(said_of(fault), "warning")
        return [value, came, _earlier(found, opened.id), known]

    def as_asked(project: Project) -> list[Any]:
        """The fields' values as they were for the project's newest ablation; [] before one."""
        known = ablations(settings, project)
        newest = next((job.params for job in known if "asked" in job.params), None)
        if newest is None:
            return []
        before, test = newest["asked"], newest["test"]
        changed = before["factors"]
        chosen = {
            TEACHERS: changed["teachers"],
            FEEDBACK: changed["without_feedback"],
            RANDOM: changed["random_rationales"],
            CHECK: changed["answer_check"],
            DECISIONS: changed["without_decisions"],
            MENTOR: changed["mentor"],
        }
        return [
            _unused(NAME, [job.params["name"] for job in known]),
            _written(changed["thresholds"]),
            _written(changed["alphas"]),
            [one for one, was in chosen.items() if was],
            before["grid"],
            len(newest["seeds"]),
            test["limit"],
            test["rows"] or "",
            before["student"] or "",
            before["keep_rule"],
            *answered_so(test),
            *training.as_asked(before["given"]),
        ]

    def refresh(project: Project, item: str, shown_for: str, *values: Any) -> Sequence[Any]:
        filled = as_asked(project) if shown_for != project.name else []
        filled = filled or [gr.skip()] * len(fields)
        there = [old if new == gr.skip() else new for old, new in zip(values, filled, strict=True)]
        return [*filled, project.name, planning(project, there), *now(project, item)]

    def reckon(project: str, *values: Any) -> Any:
        # The fields are filled before the address is read.
        return planning(open_project(settings, project), values) if project else gr.skip()

    def tick(project: str, item: str, seen: str) -> Sequence[Any]:
        return now(open_project(settings, project), item.partition(".")[2], seen)

    def begin(project_name: str, *values: Any) -> Sequence[Any]:
        project = open_project(settings, project_name)
        if is_active(settings, project, KIND):
            raise BadInput("An ablation of this project is under way: wait for it, or cancel it.")
        params = ablation_params(
            settings,
            project,
            name=(values[0] or "").strip(),
            wanted=wanted(project, values[1:]),
        )
        job = queue.submit(settings, KIND, params, project)
        return ["", *now(project, str(job)), f"ablations.{job}"]

    training.wire()
    timer.tick(tick, [place.project, place.item, stamp], live, **LIVE)
    gr.on(
        [field.change for field in fields],
        reckon,
        [place.project, *fields],
        planned,
        **{**LIVE, "trigger_mode": "always_last"},
    )
    start.click(spoken(begin), [place.project, *fields], [planned, *live, place.item], **ACTION)
    return Page(
        name="ablations",
        title="Ablations",
        refresh=refresh,
        inputs=[form_of, *fields],
        outputs=[*fields, form_of, planned, *live],
        timer=timer,
        css=CSS,
    )


def _numbers_field(label: str, values: str, elem_id: str) -> gr.Textbox:
    return gr.Textbox(values, label=label, max_lines=1, elem_id=elem_id)


def _written(values: Sequence[float]) -> str:
    """Numbers as the fields have them."""
    return ", ".join(f"{one:g}" for one in values)


def _unused(name: str, taken: Sequence[str]) -> str:
    """A name that none of the others is."""
    numbered = (f"{name}{number}" for number in count(2))
    return next(one for one in chain([name], numbered) if one not in taken)


def _numbers(what: str, words: str | None) -> tuple[float, ...]:
    """Read `0, 0.5, 1`. Raises BadInput for what is no number."""
    try:
        return tuple(
            float(one) for one in (words or "").replace(";", ",").split(",") if one.strip()
        )
    except ValueError:
        raise BadInput(
            f"'{words}' is not a list of {what} values: give numbers, as 0, 1."
        ) from None


def _earlier(found: Sequence[Any], opened: int) -> str:
    """Links to a project's other ablations."""
    links = "".join(
        f"<li>{go_button('evaluation', job.params['name'], 'link', f'ablations.{job.id}')} "
        f"{text(ago(job.created_at))}, {text(said_of(job.state))}</li>"
        for job in found
        if job.id != opened
    )
    heading = text(_("Other ablations"))
    return f'<h4>{heading}</h4><ul class="soft">{links}</ul>' if links else ""
