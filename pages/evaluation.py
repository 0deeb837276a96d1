"""Evaluation: students on held-out questions, and two of them compared item by item."""

import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.evaluation.statistics import Comparison
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.student.registry import SERVER_KEY
from fair_app.studio.exams import (
    Score,
    changed,
    compare,
    evaluations,
    exam_params,
    find_evaluation,
    server_of,
)
from fair_app.studio.projects import Project, open_project
from fair_app.studio.training import trained
from pages.components.answers import answer_block, question_block, verdict
from pages.components.charts import Interval, interval_chart
from pages.components.exam_fields import (
    answered_so,
    answering,
    answering_fields,
    served_so,
    server_fields,
)
from pages.components.job_panel import job_panel, panel_value
from pages.components.markup import count, percent, text
from pages.components.notice import empty, notice, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import fixed, page_head, painted
from pages.components.rows_file import rows_file
from pages.components.stats import Stat, stats
from pages.person import person

ITEMS = 150
SHOWN = 50
"""How many changed answers are listed at most."""
UNLIKELY = 0.05
PAIR = re.compile(r"(\d{1,9})-(\d{1,9})")


def build(settings: Settings, place: Place) -> Page:
    """Lay out the evaluation page and wire its events."""
    page_head(
        "Evaluation",
        "Test students on questions that none of them has seen, then compare two of them on the "
        "same items.",
    )
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="form"):
            student = gr.Dropdown(
                [],
                label="Student",
                filterable=False,
                interactive=True,
                elem_id="evaluation-student",
            )
            items = gr.Number(
                ITEMS, label="Questions", precision=0, minimum=1, elem_id="evaluation-items"
            )
            with gr.Accordion("More settings", open=False, elem_classes="more"):
                rows = rows_file(settings, "evaluation-rows")
                fields = answering_fields("evaluation")
            server = server_fields("evaluation", student, None)
            start = gr.Button("Start the test", variant="primary", elem_id="evaluation-start")
        with gr.Column(elem_classes="results"):
            panel = job_panel(settings, "evaluate", place)
            scores = painted("evaluation-scores")
    with gr.Column(visible=False, elem_classes="compare") as comparing:
        fixed("<h3>Compare</h3>")
        with gr.Row(elem_classes="fields"):
            before = gr.Dropdown(
                [], label="Before", filterable=False, interactive=True, elem_id="compare-before"
            )
            after = gr.Dropdown(
                [], label="After", filterable=False, interactive=True, elem_id="compare-after"
            )
        compared = painted("evaluation-comparison")
    finished = gr.State(0)
    form_of = gr.State("")
    timer = gr.Timer(1.0, active=False)

    def pair_fields(project: Project, pair: tuple[str, str] | None) -> tuple[Any, ...]:
        """Group, both drop-downs, the comparison and the number of finished evaluations."""
        done = finished_ones(settings, project)
        pair = pair or default_pair(project, done)
        if pair is None:
            return gr.Column(visible=False), gr.skip(), gr.skip(), "", len(done)
        choices = [(labelled(one), str(one.exam.id)) for one in done]
        return (
            gr.Column(visible=True),
            gr.Dropdown(choices=choices, value=pair[0]),
            gr.Dropdown(choices=choices, value=pair[1]),
            comparison(settings, project, *pair),
            len(done),
        )

    def live(project: Project) -> tuple[Any, ...]:
        return panel_value(settings, project, "evaluate"), _scores(settings, project)

    def form_values(project: Project) -> list[Any]:
        """The form as it was for the project's newest test, else as for its exam; no server."""
        tested, asked = (queue.latest(settings, project, kind) for kind in ("evaluate", "exam"))
        known = tested or asked
        items = tested.job.params.get("limit", ITEMS) if tested else ITEMS
        return [items, "", *answered_so(known.job.params if known else {}), *served_so({})]

    def refresh(project: Project, item: str, chosen: str | None, shown_for: str) -> Sequence[Any]:
        students = known_students(settings, project)
        wanted = next(
            (one for one in (item, chosen) if one in students),
            next_student(settings, project, students),
        )
        pair = PAIR.fullmatch(item)
        known = {str(one.exam.id) for one in finished_ones(settings, project)}
        asked = (pair[1], pair[2]) if pair and {pair[1], pair[2]} <= known else None
        same = shown_for == project.name
        return (
            gr.Dropdown(choices=students, value=wanted),
            *([gr.skip()] * len(form) if same else form_values(project)),
            project.name,
            *live(project),
            *pair_fields(project, asked),
        )

    def tick(project_name: str, seen: int) -> Sequence[Any]:
        project = open_project(settings, project_name)
        unchanged = len(finished_ones(settings, project)) == seen
        fields = [gr.skip()] * 5 if unchanged else pair_fields(project, None)
        return (*live(project), *fields)

    def choose(project: str, before: str, after: str) -> tuple[str, str]:
        shown = comparison(settings, open_project(settings, project), before, after)
        return shown, f"{before}-{after}"

    def begin(
        request: gr.Request,
        project_name: str,
        student: str | None,
        items: float | None,
        rows: str | None,
        address: str | None,
        served: str | None,
        key: str | None,
        *how: Any,
    ) -> tuple[dict[str, Any], str]:
        project = open_project(settings, project_name)
        address = (address or "").strip()
        chosen = ((served if address else student) or "").strip()
        if not (address or chosen):
            raise BadInput("Choose the student to test.")
        params = exam_params(
            settings,
            student=chosen,
            task=project.task,
            split="test",
            rows=(rows or "").strip() or None,
            limit=int(items) if items else None,
            server=address or server_of(settings, project, chosen),
            **answering(*how),
        )
        who = person(request)
        if address and key:
            place.typed_keys.set(who, SERVER_KEY, key)
        queue.submit(settings, "evaluate", params, project, owner=who)
        return panel_value(settings, project, "evaluate"), ""

    form = [items, rows, *fields, *server.outputs]
    pairing = [comparing, before, after, compared, finished]
    timer.tick(tick, [place.project, finished], [panel, scores, *pairing], **LIVE)
    for box in (before, after):
        box.input(spoken(choose), [place.project, before, after], [compared, place.item], **ACTION)
    start.click(
        spoken(begin),
        [
            place.project,
            student,
            items,
            rows,
            server.address,
            server.model,
            server.key,
            *fields,
        ],
        [panel, server.key],
        **ACTION,
    )
    return Page(
        name="evaluation",
        title="Evaluation",
        refresh=refresh,
        inputs=[student, form_of],
        outputs=[student, *form, form_of, panel, scores, *pairing],
        timer=timer,
    )


def known_students(settings: Settings, project: Project) -> list[str]:
    """The project's student and its checkpoints, as REFs, and served ones by their names there."""
    made = [f"checkpoint:{one.name}" for one in trained(settings, project)]
    tested = [one.exam for one in reversed(evaluations(settings, project))]
    served = [exam.student for exam in tested if exam.settings.get("server")]
    return list(dict.fromkeys([project.student, *made, *served]))


def next_student(settings: Settings, project: Project, students: list[str]) -> str:
    """The first of the students that is not tested yet, or the first."""
    tested = {one.exam.student for one in finished_ones(settings, project)}
    return next((one for one in students if one not in tested), students[0])


def finished_ones(settings: Settings, project: Project) -> list[Score]:
    """The evaluations whose questions are all answered, the newest first."""
    return [
        one
        for one in evaluations(settings, project)
        if one.counts.questions and one.counts.answered == one.counts.questions
    ]


def default_pair(project: Project, done: list[Score]) -> tuple[str, str] | None:
    """The newest checkpoint's test and the newest of another student on as many questions."""
    for after in done:
        for before in done:
            if (
                before.exam.student == project.student != after.exam.student
                and before.counts.questions == after.counts.questions
            ):
                return str(before.exam.id), str(after.exam.id)
    return (str(done[1].exam.id), str(done[0].exam.id)) if len(done) > 1 else None


def labelled(one: Score) -> str:
    """An evaluation as a choice: `checkpoint:first · 150 questions · 52.0 %`."""
    accuracy = percent(one.accuracy) if one.accuracy is not None else "–"
    return f"{one.exam.student} · {count(one.counts.questions, 'question')} · {accuracy}"


def in_words(found: Comparison) -> str:
    """What McNemar's exact test says, in a sentence."""
    if found.fixed == found.broken == 0:
        return "No answer changed between right and wrong."
    more = found.fixed - found.broken
    which = (
        f"{count(found.fixed, 'answer')} fixed and {found.broken:,} broken"
        if more
        else f"As many answers were fixed as broken, {found.fixed:,} each"
    )
    p = "p < 0.001" if found.p_value < 0.001 else f"p = {found.p_value:.3f}"
    chance = (
        "a difference this large is unlikely to be chance"
        if found.p_value < UNLIKELY
        else "this could well be chance"
    )
    return f"{which}: {chance} (McNemar’s exact test, {p})."


def comparison(settings: Settings, project: Project, before: str, after: str) -> str:
    """Two evaluations compared, with the answers that changed side by side."""
    if before == after:
        return notice("Choose two different tests to compare.")
    first = find_evaluation(settings, project, before)
    second = find_evaluation(settings, project, after)
    try:
        found = compare(settings, first, second)
    except BadInput as fault:
        return notice(str(fault), "warning")
    numbers = stats(
        [
            Stat("Fixed", f"{found.fixed:,}", "wrong before, right after"),
            Stat("Broken", f"{found.broken:,}", "right before, wrong after"),
            Stat("Both right", f"{found.both_right:,}"),
            Stat("Both wrong", f"{found.both_wrong:,}"),
        ]
    )
    kind = "success" if found.p_value < UNLIKELY and found.fixed > found.broken else "info"
    pairs = changed(settings, first, second)
    return numbers + notice(in_words(found), kind) + _changes(pairs, first.student, second.student)


def _changes(pairs: list[Any], first: str, second: str) -> str:
    body = []
    for how, title in (("fixed", "Fixed"), ("broken", "Broken")):
        own = [(before, after) for change, before, after in pairs if change == how]
        if not own:
            continue
        more = f", the first {SHOWN}" if len(own) > SHOWN else ""
        listed = "".join(
            f'<details class="answer pair" data-key="{how}-{after.id}"><summary>'
            f'<span class="number">{after.position + 1}</span>{verdict(after.correct)}'
            f'<span class="asked">{text(after.question)}</span>'
            f'<span class="read">{_read(before)} → {_read(after)}</span></summary>'
            f'<div class="whole">{question_block(after)}<div class="sides">'
            f"{_side(first, before)}{_side(second, after)}</div></div></details>"
            for before, after in own[:SHOWN]
        )
        body.append(
            f'<details class="changes" data-key="{how}" open><summary>{title}: '
            f'{len(own):,}{more}</summary><div class="answers">{listed}</div></details>'
        )
    return "".join(body)


def _side(student: str, row: Any) -> str:
    return (
        f'<div><p class="whose">{verdict(row.correct)}{text(student)}</p>{answer_block(row)}</div>'
    )


def _read(row: Any) -> str:
    return f"<b>{text(row.prediction)}</b>" if row.prediction else "nothing"


def _scores(settings: Settings, project: Project) -> str:
    found = evaluations(settings, project)
    if not found:
        if queue.latest(settings, project, "evaluate"):
            return ""
        if not trained(settings, project):
            return empty(
                "No test yet",
                "Test the student as it is now, to have something to compare with after training.",
                go="training",
                label="Go to the training",
            )
        return empty("No test yet", "Test both students on the same number of questions.")
    rows = [
        Interval(
            one.exam.student,
            f"{one.counts.correct:,} right of {one.counts.answered:,}"
            + (
                f", {one.counts.questions:,} asked"
                if one.counts.answered < one.counts.questions
                else ""
            ),
            one.accuracy,
            *one.ci95,
        )
        for one in found
        if one.accuracy is not None and one.ci95 is not None
    ]
    return interval_chart(rows, "Accuracy of each tested student with its 95 % interval")
