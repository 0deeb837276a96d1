"""The committee: who teaches, what is still to be asked of them, and how far they are."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.studio.projects import Project, open_project, status
from fair_app.studio.review import summary
from fair_app.studio.teachers import Quote, collect_params, quote, teachers
from pages.components.job_panel import is_active, job_panel, panel_value
from pages.components.markup import count, text
from pages.components.notice import empty, go_button, notice, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import page_head, painted
from pages.components.stats import Stat, stats

ROLES = {"rationale": "rationales", "feedback": "feedback", "review": "reviews"}


def build(settings: Settings, place: Place) -> Page:
    """Lay out the committee page and wire its events."""
    page_head(
        "Committee",
        "Each teacher writes a rationale for every mistake, explains what went wrong in it, and "
        "scores the other teachers’ rationales from 1 to 5.",
    )
    cards = painted("committee-cards")
    quoted = painted("committee-quote")
    start = gr.Button(
        "Ask the committee",
        variant="primary",
        visible=False,
        elem_id="committee-start",
        elem_classes="fit",
    )
    panel = job_panel(settings, "collect", place)
    written = painted("committee-written")
    timer = gr.Timer(1.0, active=False)
    outputs = [cards, quoted, start, panel, written]

    def refresh(project: Project, item: str = "") -> Sequence[Any]:
        found = quote(settings, project) if project.exam_id else None
        busy = is_active(settings, project, "collect")
        can_start = found is not None and found.calls > 0 and not busy
        label = "Ask for what is missing" if found and found.done else "Ask the committee"
        return (
            _cards(settings, project),
            _quoted(found, busy),
            gr.Button(label, visible=can_start),
            panel_value(settings, project, "collect"),
            _written(settings, project),
        )

    def tick(project: str) -> Sequence[Any]:
        return refresh(open_project(settings, project))

    def begin(project_name: str) -> Sequence[Any]:
        project = open_project(settings, project_name)
        queue.submit(settings, "collect", collect_params(settings, project), project)
        return refresh(project)

    timer.tick(tick, place.project, outputs, **LIVE)
    start.click(spoken(begin), place.project, outputs, **ACTION)
    return Page("committee", "Committee", refresh, outputs, timer=timer)


def _cards(settings: Settings, project: Project) -> str:
    found = summary(settings, project).per_teacher
    cards = []
    for teacher in teachers(settings, project):
        badge = (
            '<span class="tag">offline, rule-based — simulated</span>'
            if teacher.simulated
            else '<span class="tag">recorded answers</span>'
            if teacher.origin != "committee"
            else ""
        )
        spec = teacher.spec
        served = " · ".join(str(spec[key]) for key in ("provider", "model") if spec.get(key))
        own = found.get(teacher.name)
        numbers = (
            "<p>"
            f"<b>{own.rationales:,}</b> rationales, <b>{own.accepted:,}</b> accepted"
            + (f", mean score <b>{own.mean:.2f}</b>" if own.mean is not None else "")
            + "</p>"
            if own
            else '<p class="soft">nothing written yet</p>'
        )
        cards.append(
            f'<li><h3>{text(teacher.name)}</h3><p class="soft">{text(served)}</p>'
            f"{badge}{numbers}</li>"
        )
    if not cards:
        return empty("No teachers", "This project has no committee.")
    return f'<ul class="cards">{"".join(cards)}</ul>'


def _quoted(found: Quote | None, busy: bool) -> str:
    if found is None:
        return empty(
            "No mistakes to teach yet",
            "The committee works on what the student got wrong in its exam.",
            go="exam",
            label="Go to the exam",
        )
    if found.mistakes == 0:
        return empty(
            "No mistakes to teach",
            "The student has made no mistake so far.",
            go="exam",
            label="Ask more questions",
        )
    if found.teachers == 0 and found.done:
        return notice(
            "These are recorded answers, imported from files: nothing is left to ask.",
            "info",
            go_button("review", "Review the rationales"),
        )
    if found.calls == 0:
        return notice(
            f"All {found.done:,} calls about {count(found.mistakes, 'mistake')} are made.",
            "success",
            go_button("review", "Review the rationales"),
        )
    if busy:
        return ""
    cost = f"{found.cost_usd:.2f} USD" if found.cost_usd else "nothing"
    each = found.teachers * (found.teachers + 1)
    items = [
        Stat("Calls to make", f"{found.calls:,}", f"{each} for each mistake"),
        Stat("Mistakes", f"{found.mistakes:,}", f"{count(found.teachers, 'teacher')}"),
        Stat("Tokens", f"{found.tokens:,}", "an estimate"),
        Stat("Cost", cost, "offline teachers are free" if not found.cost_usd else "an estimate"),
    ]
    return stats(items)


def _written(settings: Settings, project: Project) -> str:
    found = status(settings, project)
    parts = ""
    if any(found[key] for key in ROLES.values()):
        parts = stats(
            [
                Stat(name.capitalize(), f"{found[name]:,}", note)
                for name, note in (
                    ("rationales", "how to solve it"),
                    ("feedback", "what went wrong"),
                    ("reviews", "scores of one another"),
                )
            ]
        )
    view = queue.latest(settings, project, "collect")
    failures = (view.job.result or {}).get("failures", []) if view else []
    if not failures:
        return parts
    rows = "".join(
        f"<tr><td>{text(one['teacher'])}</td><td>{text(ROLES.get(one['role'], one['role']))}</td>"
        f'<td class="n">{one["count"]:,}</td><td>{text(one["message"])}</td></tr>'
        for one in failures
    )
    total = sum(one["count"] for one in failures)
    said = notice(f"{count(total, 'call')} failed; asking again sends only those.", "warning")
    return (
        f"{parts}{said}"
        '<div class="table"><table><thead><tr><th>Teacher</th><th>Asked for</th>'
        f'<th class="n">Calls</th><th>Reason</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
