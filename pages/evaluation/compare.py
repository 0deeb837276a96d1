"""Compare: students on the same questions, item by item."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.evaluations import Compared, Tested, comparison, flips, summary
from fair_app.studio.projects import Project, open_project
from fair_app.studio.students import base_student
from pages.components import comparisons
from pages.components import flips as flips_piece
from pages.components.markup import count, percent
from pages.components.notice import empty, notice, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import painted

QUICK: dict[str, Any] = {**ACTION, "queue": False, "trigger_mode": "multiple"}
BESIDE = 2
"""Questions before and after the one on the screen that are sent along with it."""
ADDRESS = re.compile(
    r"(\d{1,9}(?:-\d{1,9}){1,19})(\.clean)?(?:\.(\d{1,9})\.([a-z-]{1,12})\.(\d{1,9}))?"
)


@dataclass(frozen=True)
class View:
    """What is on the screen: the evaluations, whose answers are looked at beside the first's, and
    where among them: a kind of `flips_piece.KINDS` ("" for the first that there is) and a place.

    As text it is the address: `12-15`, `12-15-18.clean.18.fixed.3`.
    """

    ids: tuple[int, ...]
    without_leaked: bool = False
    second: int = 0
    kind: str = ""
    place: int = 0

    @classmethod
    def read(cls, item: str) -> "View | None":
        """The view of an address; None where it is none."""
        found = ADDRESS.fullmatch(item)
        if not found:
            return None
        ids = tuple(dict.fromkeys(int(one) for one in found[1].split("-")))
        view = cls(ids, bool(found[2]))
        kind = (found[4] or "").replace("-", " ")
        if len(ids) < 2 or kind not in flips_piece.KINDS or int(found[3]) not in ids[1:]:
            return view if len(ids) > 1 else None
        return replace(view, second=int(found[3]), kind=kind, place=int(found[5]))

    def __str__(self) -> str:
        kept = "-".join(map(str, self.ids)) + ".clean" * self.without_leaked
        if not self.kind:
            return kept
        return f"{kept}.{self.second}.{self.kind.replace(' ', '-')}.{self.place}"


def build(settings: Settings, place: Place) -> Page:
    """Lay out the sub-page and wire its events."""
    blank = painted("compare-blank")
    with gr.Column(visible=False) as group:
        with gr.Row(elem_classes="fields compare-fields"):
            before = gr.Dropdown(
                [], label="Before", filterable=False, interactive=True, elem_id="compare-before"
            )
            after = gr.Dropdown(
                [],
                label="After",
                multiselect=True,
                filterable=False,
                interactive=True,
                elem_id="compare-after",
            )
        clean = gr.Checkbox(
            False,
            label="Leave out the questions that stand in a training set",
            container=False,
            elem_id="compare-clean",
        )
        shown = painted("evaluation-comparison")
        against = gr.Radio(
            [],
            show_label=False,
            container=False,
            elem_classes="segments",
            elem_id="compare-against",
        )
        parts = painted("compare-parts")
        browser = flips_piece.flip_browser()
    known = gr.State("")
    last = gr.State("")
    timer = gr.Timer(1.0, active=False)
    results = [shown, against, parts, browser, last, place.item]
    outputs = [blank, group, before, after, clean, known, *results]

    def whole(project: Project, view: View | None) -> list[Any]:
        """All of the outputs: the view that was asked for, else the one that suggests itself."""
        done = [one for one in summary(settings, project) if one.whole]
        if not (view and possible(view, done)):
            view = default_view(base_student(settings, project), done)
        if view is None:
            hidden = gr.Column(visible=False)
            return [_blank(), hidden, *[gr.skip()] * 3, _stamp(done), *_no_results()]
        return [
            "",
            gr.Column(visible=True),
            *choices(done, view),
            view.without_leaked,
            _stamp(done),
            *_results(settings, project, view),
        ]

    def refresh(project: Project, item: str, then: str) -> Sequence[Any]:
        owner, _, shown_then = then.partition(" ")
        return whole(project, View.read(item or (shown_then if owner == str(project.id) else "")))

    def tick(name: str, seen: str, item: str) -> Sequence[Any]:
        """Where a test has finished: it can be chosen. What is on the screen stays."""
        project = open_project(settings, name)
        done = [one for one in summary(settings, project) if one.whole]
        view = View.read(item.partition(".")[2])
        if _stamp(done) == seen:
            return [gr.skip()] * len(outputs)
        if view is None or not possible(view, done):
            return whole(project, None)
        shown = [gr.skip()] * len(outputs)
        shown[2:4] = choices(done, view)
        shown[5] = _stamp(done)
        return shown

    def choose(name: str, first: str, others: list[str] | None, clean: bool) -> list[Any]:
        project = open_project(settings, name)
        done = [one for one in summary(settings, project) if one.whole]
        chosen = [int(one) for one in others or [] if one != first]
        alike = _alike(done, int(first))
        kept = [one for one in chosen if one in alike] or alike[:1]
        if not kept:
            sentence = "No other test is of the same questions: run one with the same settings."
            fields = [gr.skip(), gr.Dropdown(choices=[], value=[])]
            return [gr.skip(), gr.skip(), *fields, clean, _stamp(done), *_no_results(sentence)]
        return whole(project, View((int(first), *kept), clean))

    def look_at(name: str, item: str, second: str) -> list[Any]:
        view = View.read(item.partition(".")[2])
        if view is None:
            return [gr.skip()] * len(results)
        now = View(view.ids, view.without_leaked, int(second))
        return _results(settings, open_project(settings, name), now)

    def look(event: gr.EventData, name: str, item: str) -> Sequence[Any]:
        view = View.read(item.partition(".")[2])
        if view is None or event.kind not in flips_piece.KINDS:
            return [gr.skip()] * 3
        project = open_project(settings, name)
        now = replace(view, kind=event.kind, place=max(0, int(event.place)))
        # What leaked into any of them is left out of all; else the others do not matter here.
        ids = now.ids if now.without_leaked else (now.ids[0], now.second)
        found = comparison(settings, project, ids, without_leaked=now.without_leaked)
        one = next(one for one in found if one.second.id == now.second)
        browsed = _flips(settings, now, one, opening=False)
        return browsed, f"{project.id} {now}", f"compare.{now}"

    timer.tick(tick, [place.project, known, place.item], outputs, **LIVE)
    chosen = [place.project, before, after, clean]
    for box in (before, after, clean):
        box.input(spoken(choose), chosen, outputs, **ACTION)
    against.input(spoken(look_at), [place.project, place.item, against], results, **ACTION)
    browser.look(spoken(look), [place.project, place.item], [browser, last, place.item], **QUICK)
    return Page(
        name="compare",
        title="Compare",
        refresh=refresh,
        inputs=[last],
        outputs=outputs,
        timer=timer,
        css=comparisons.CSS + flips_piece.CSS,
    )


def default_view(base: str, done: Sequence[Tested]) -> View | None:
    """The newest student's test and one to compare it with, of the same questions.

    `done` has the newest first. A checkpoint is compared with the base student where it can.
    """
    pairs = [
        (before, after)
        for after in done
        for before in done
        if before.items == after.items and before.exam.id < after.exam.id
    ]
    learned = [
        (before, after)
        for after in done
        for before in done
        if before.items == after.items
        and before.way == after.way
        and before.exam.student == base != after.exam.student
    ]
    for before, after in [*learned, *pairs]:
        return View((before.exam.id, after.exam.id))
    return None


def possible(view: View, done: Sequence[Tested]) -> bool:
    """Whether all that are to be compared are finished, and of the same questions."""
    items = {one.exam.id: one.items for one in done}
    return len({items.get(one, one) for one in view.ids}) == 1 and view.ids[0] in items


def choices(done: Sequence[Tested], view: View) -> list[gr.Dropdown]:
    """Both drop-downs: all finished tests, and those that the chosen one can be compared with."""
    first, *others = view.ids
    alike = _alike(done, first)
    return [
        gr.Dropdown(choices=[(labelled(one), str(one.exam.id)) for one in done], value=str(first)),
        gr.Dropdown(
            choices=[(labelled(one), str(one.exam.id)) for one in done if one.exam.id in alike],
            value=[str(one) for one in others],
        ),
    ]


def labelled(one: Tested) -> str:
    """An evaluation as a choice: `checkpoint:first · arithmetic · 150 questions · 52.0 %`."""
    accuracy = percent(one.accuracy) if one.accuracy is not None else "–"
    seed = [f"seed {one.seed}"] if one.seed is not None else []
    return " · ".join(
        [one.exam.student, one.column, count(one.questions, "question"), *seed, accuracy]
    )


def _alike(done: Sequence[Tested], first: int) -> list[int]:
    """The other evaluations of the same items, the newest first."""
    items = {one.exam.id: one.items for one in done}
    return [one.exam.id for one in done if one.exam.id != first and one.items == items.get(first)]


def _stamp(done: Sequence[Tested]) -> str:
    return " ".join(f"{one.exam.id}:{one.correct}" for one in done)


def _results(settings: Settings, project: Project, view: View) -> list[Any]:
    """The comparison, whose pair is looked at, its parts, its answers, and where this is."""
    try:
        found = comparison(settings, project, view.ids, without_leaked=view.without_leaked)
    except BadInput as fault:
        return _no_results(str(fault), "warning")
    one = next((one for one in found if one.second.id == view.second), found[0])
    now = replace(view, second=one.second.id)
    if not now.kind:
        now = replace(now, kind=flips_piece.first_kind(_numbers(one)))
    now = replace(now, place=min(now.place, max(0, _numbers(one)[now.kind] - 1)))
    return [
        comparisons.results(found),
        gr.Radio(
            choices=[(other.second.student, str(other.second.id)) for other in found],
            value=str(now.second),
            visible=len(found) > 1,
        ),
        comparisons.by_part(one),
        _flips(settings, now, one),
        f"{project.id} {now}",
        f"compare.{now}",
    ]


def _no_results(sentence: str = "", kind: str = "info") -> list[Any]:
    said = notice(sentence, kind) if sentence else ""
    return [said, gr.Radio(visible=False), "", "", "", "compare"]


def _flips(settings: Settings, view: View, one: Compared, *, opening: bool = True) -> str:
    start = max(0, view.place - BESIDE)
    found, _ = flips(
        settings,
        one.first,
        one.second,
        view.kind,
        2 * BESIDE + 1,
        start,
        left_out=one.left_out,
    )
    looked = flips_piece.Looked(
        (one.first.student, one.second.student),
        (one.first.id, one.second.id),
        _numbers(one),
        view.kind,
        view.place,
        opening,
    )
    return flips_piece.flip_value(looked, dict(enumerate(found, start)))


def _numbers(one: Compared) -> dict[str, int]:
    """How many questions there are of each kind of `flips_piece.KINDS`."""
    changes = one.changes
    return {
        "fixed": changes.fixed,
        "broken": changes.broken,
        "both wrong": changes.both_wrong,
        "both right": changes.both_right,
    }


def _blank() -> str:
    return empty(
        "Nothing to compare yet",
        "Test two students on the same questions: the same task and number of them.",
        go="evaluation",
        label="Go to the tests",
        item="tests",
    )
