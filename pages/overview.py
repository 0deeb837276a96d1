"""The overview: where the project stands on its five steps, and the one next step."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fair_app.access.roles import Role, who_visits
from fair_app.jobs import queue
from fair_app.jobs.kinds import KINDS, LENDING
from fair_app.jobs.queue import ACTIVE, JobView
from fair_app.settings import Settings
from fair_app.studio.board import board
from fair_app.studio.evaluations import Tested
from fair_app.studio.evaluations import summary as all_tested
from fair_app.studio.exams import score
from fair_app.studio.projects import Project, open_project, status
from fair_app.studio.review import summary
from fair_app.studio.storage import backup_fault, restored_note
from fair_app.tasks.registry import task_of
from pages.components.answers import IMPORTED
from pages.components.guide import CSS as GUIDE_CSS
from pages.components.guide import guide, opener
from pages.components.job_panel import described
from pages.components.markup import count, percent, text
from pages.components.notice import go_button, notice
from pages.components.page import LIVE, Page, Place
from pages.components.painted import painted
from pages.components.report_links import CSS as LINKS_CSS
from pages.components.report_links import report_links
from pages.components.waiting import CSS, waiting_list, waiting_value
from pages.languages import _, plural, said_of

PAGE_OF = {
    "exam": "exam",
    "collect": "committee",
    "train": "training",
    "merge": "training",
    "prefer": "training",
    "gguf": "training",
    "publish": "training",
    "augment": "training",
    "evaluate": "evaluation",
    "rounds": "evaluation",
    "ablation": "evaluation",
    "try": "evaluation",
}
RECENT = 6
UNKEPT = (
    "A Space’s disk is emptied whenever it restarts, and no backups are made here: set FAIR_BACKUP "
    "in the Space’s settings (docs/deploying.md), or this work will be lost."
)


@dataclass(frozen=True)
class Step:
    """One of the five steps. `state` is done, now (work is under way), open or later."""

    page: str
    title: str
    state: str
    value: str
    note: str


@dataclass(frozen=True)
class Next:
    """The next step: why, and a button to the page where it is done."""

    sentence: str
    label: str
    page: str
    item: str = ""
    other: tuple[str, str] | None = None
    """Another page that could come next, and the words of its link."""


@dataclass(frozen=True)
class Standing:
    """Everything that the overview shows, as plain numbers."""

    project: Project
    questions: int
    answered: int
    correct: int
    mistakes: int
    imported: bool
    calls: int
    calls_missing: int
    rationales: int
    accepted: int
    questions_accepted: int
    decisions: int
    checkpoints: list[str]
    evaluations: list[Tested]
    """Those on the project's own task."""
    at_work: set[str]
    """The kinds of job that wait or run."""


def build(settings: Settings, place: Place) -> Page:
    """Lay out the overview, which only looks, and the queue."""
    guide()
    whole = painted("overview")
    waiting = waiting_list(settings, "overview-waiting", place)
    timer = gr.Timer(2.0, active=False)

    def refresh(project: Project, item: str) -> Sequence[Any]:
        return painting(settings, project), waiting_value(settings)

    def tick(project: str) -> Sequence[Any]:
        return refresh(open_project(settings, project), "")

    timer.tick(tick, place.project, [whole, waiting], **LIVE)
    css = CSS + LINKS_CSS + GUIDE_CSS
    return Page("overview", "Overview", refresh, [whole, waiting], timer=timer, css=css)


def painting(settings: Settings, project: Project) -> str:
    """The whole page."""
    standing = look(settings, project)
    path = "".join(_card(number, step) for number, step in enumerate(steps(standing), 1))
    about = f"{text(_(task_of(project).title))} · {text(project.student)}"
    return (
        f'<header class="page-head"><h2>{text(project.name)}</h2><p>{about}{opener()}</p></header>'
        f"{_storage(settings)}{_next_panel(next_step(standing))}"
        f'<ol class="path">{path}</ol>{_jobs(settings, project)}{report_links(project)}'
    )


def look(settings: Settings, project: Project) -> Standing:
    """Read where a project stands."""
    found = status(settings, project)
    listed = queue.listed(settings, project)
    exam = score(settings, project.exam_id).exam if project.exam_id else None
    accepted = summary(settings, project)
    return Standing(
        project=project,
        questions=_number(found["questions"]),
        answered=_number(found["answered"]),
        correct=_number(found["correct"]),
        mistakes=_number(found["mistakes"]),
        imported=exam is not None and exam.origin == IMPORTED,
        calls=sum(_number(found[part]) for part in ("rationales", "feedback", "reviews")),
        calls_missing=_number(found["calls_missing"]),
        rationales=accepted.rationales,
        accepted=accepted.accepted,
        questions_accepted=accepted.questions_accepted,
        decisions=len(board(settings, project).states),
        checkpoints=[str(name) for name in _list(found["checkpoints"])],
        evaluations=[one for one in all_tested(settings, project) if one.exam.task == project.task],
        at_work={job.kind for job in listed if job.state in ACTIVE} - {LENDING},
    )


def steps(at: Standing) -> list[Step]:
    """The five steps with their numbers."""
    exam_done = at.questions > 0 and at.answered == at.questions
    collected = at.calls > 0 and at.calls_missing == 0
    best = max((one.accuracy for one in at.evaluations if one.accuracy is not None), default=None)
    return [
        Step(
            "exam",
            "Exam",
            _state("exam" in at.at_work, exam_done, True),
            *_exam_value(at),
        ),
        Step(
            "committee",
            "Committee",
            _state("collect" in at.at_work, collected, at.mistakes > 0),
            f"{at.rationales:,}" if at.rationales else "–",
            _("rationales, {calls} to make", calls=count(at.calls_missing, "call"))
            if at.calls_missing and at.calls
            else _("rationales")
            if at.calls
            else _("not asked yet"),
        ),
        Step(
            "review",
            "Review",
            _state(False, at.decisions > 0 or bool(at.checkpoints), at.rationales > 0),
            f"{at.accepted:,}" if at.rationales else "–",
            _("accepted above {threshold}", threshold=f"{at.project.threshold:g}")
            if at.rationales
            else _("nothing yet"),
        ),
        Step(
            "training",
            "Training",
            _state("train" in at.at_work, bool(at.checkpoints), at.accepted > 0),
            f"{len(at.checkpoints):,}" if at.checkpoints else "–",
            plural("checkpoint", "checkpoints", len(at.checkpoints))
            if at.checkpoints
            else _("no checkpoint yet"),
        ),
        Step(
            "evaluation",
            "Evaluation",
            _state("evaluate" in at.at_work, is_evaluated(at), bool(at.checkpoints)),
            percent(best) if best is not None else "–",
            _("best of {tests}", tests=count(len(at.evaluations), "test"))
            if best is not None
            else _("no test yet"),
        ),
    ]


def _exam_value(at: Standing) -> tuple[str, str]:
    if not at.answered:
        return "–", _("no answers yet")
    if at.imported:
        return f"{at.mistakes:,}", _("mistakes, imported")
    answers = count(at.answered, "answer")
    mistakes = count(at.mistakes, "mistake")
    note = _("{mistakes} in {answers}", mistakes=mistakes, answers=answers)
    return percent(at.correct / at.answered), note


def next_step(at: Standing) -> Next:
    """The one thing to do now."""
    tested = tested_students(at)
    newest = f"checkpoint:{at.checkpoints[0]}" if at.checkpoints else ""
    for kind, page in PAGE_OF.items():
        if kind in at.at_work:
            return Next(
                _("Work is under way. You can close this page; it goes on."), "Watch it", page
            )
    if at.answered < at.questions:
        return Next(
            _(
                "{answered} of the exam’s {questions} are answered. Resume it to ask the others.",
                answered=f"{at.answered:,}",
                questions=count(at.questions, "question"),
            ),
            "Resume the exam",
            "exam",
        )
    if not at.questions:
        return Next(
            _("Ask the student some training questions, to find what it gets wrong."),
            "Set up the exam",
            "exam",
        )
    if not at.mistakes:
        return Next(
            _("The student made no mistake, so there is nothing to teach."),
            "Ask more questions",
            "exam",
        )
    if at.calls_missing and not at.checkpoints:
        return Next(
            _(
                "Have the committee explain {mistakes} and review each other: {calls} to make.",
                mistakes=count(at.mistakes, "mistake"),
                calls=count(at.calls_missing, "call"),
            ),
            "Ask the committee",
            "committee",
        )
    if not at.checkpoints and (not at.accepted or not at.decisions):
        return Next(
            _(
                "{questions} of {mistakes} have a rationale that the committee accepts. Look at "
                "some, and decide what is worth learning.",
                questions=count(at.questions_accepted, "question"),
                mistakes=f"{at.mistakes:,}",
            ),
            "Review the rationales",
            "review",
            other=("training", _("or go straight to training")) if at.accepted else None,
        )
    if not at.checkpoints:
        return Next(
            _(
                "Train the student on {questions}.",
                questions=count(at.questions_accepted, "question"),
            ),
            "Set up the training",
            "training",
        )
    for student, sentence in (
        (
            at.project.student,
            _("See whether it helped: test the student as it was on held-out questions."),
        ),
        (newest, _("See whether it helped: test the new one on held-out questions.")),
    ):
        if student not in tested:
            return Next(
                sentence,
                "Set up the evaluation",
                "evaluation",
                item=student,
            )
    return Next(
        _("Both students are tested. See which answers were fixed, and which broke."),
        "Compare them",
        "evaluation",
        item="compare",
    )


def tested_students(at: Standing) -> set[str]:
    """The students with a finished evaluation."""
    return {one.exam.student for one in at.evaluations if one.whole}


def is_evaluated(at: Standing) -> bool:
    """Whether the student and its newest checkpoint are both tested."""
    if not at.checkpoints:
        return False
    return {at.project.student, f"checkpoint:{at.checkpoints[0]}"} <= tested_students(at)


def _state(at_work: bool, done: bool, possible: bool) -> str:
    if at_work:
        return "now"
    if done:
        return "done"
    return "open" if possible else "later"


def _card(number: int, step: Step) -> str:
    words = {
        "now": _("under way"),
        "done": _("done"),
        "open": _("to do"),
        "later": _("later"),
    }[step.state]
    mark = "✓" if step.state == "done" else str(number)
    return (
        f'<li class="{step.state}"><button type="button" data-go="{step.page}">'
        f'<span class="number" aria-hidden="true">{mark}</span>'
        f'<span class="title">{text(_(step.title))}<small>{text(words)}</small></span>'
        f'<span class="value">{text(step.value)}</span><span class="note">{text(step.note)}</span>'
        "</button></li>"
    )


def _next_panel(step: Next) -> str:
    other = go_button(step.other[0], step.other[1], "link") if step.other else ""
    button = go_button(step.page, step.label, item=step.item)
    return (
        f'<section class="next"><div><h3>{text(_("Next"))}</h3><p>{text(step.sentence)}</p></div>'
        f'<div class="doing">{button}{other}</div></section>'
    )


def _storage(settings: Settings) -> str:
    """What became of the backups, which names places of the server: for its owners."""
    if who_visits().role is not Role.OWNER:
        return ""
    restored = said_of(restored_note(settings))
    is_lost = "SPACE_ID" in os.environ and not settings.backup
    fault = _(UNKEPT) if is_lost else said_of(backup_fault(settings))
    return (notice(restored) if restored else "") + (notice(fault, "warning") if fault else "")


def _jobs(settings: Settings, project: Project) -> str:
    listed = queue.listed(settings, project, RECENT)
    if not listed:
        return ""
    seen: set[str] = set()
    rows = []
    for job in listed:
        shown = described(JobView(job, KINDS[job.kind].title, []))
        share = round(100 * (shown["progress"] or 0))
        active = job.state in ACTIVE
        bar = f'<span class="bar"><i style="width:{share}%"></i></span>' if active else ""
        # Its page has the button only for the newest of its kind.
        to_resume = shown["resume"] and job.kind not in seen | {LENDING}
        seen.add(job.kind)
        parts = (
            shown["stage"],
            shown["count"] if active or to_resume else "",
            shown["left"],
            _("resume it to go on") if to_resume else "",
        )
        rows.append(
            f'<li data-state="{job.state}"><button type="button" data-go="{PAGE_OF[job.kind]}">'
            f'<span class="state">{text(shown["state"])}</span>'
            f'<span class="title">{text(shown["title"])}</span>'
            f'<span class="about">{text(" · ".join(part for part in parts if part))}{bar}</span>'
            "</button></li>"
        )
    heading = text(_("Recent work"))
    return f'<section class="recent"><h3>{heading}</h3><ul>{"".join(rows)}</ul></section>'


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
