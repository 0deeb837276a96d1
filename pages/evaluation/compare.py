"""Compare: students on the same questions, item by item."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.comparing import Compared, Side, comparison, flips
from fair_app.studio.evaluations import Tested, seed_of, seeds_together, summary
from fair_app.studio.projects import Project, open_project
from fair_app.studio.students import base_student
from pages.components import comparisons
from pages.components import flips as flips_piece
from pages.components.markup import count, percent
from pages.components.notice import empty, notice, spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import painted
from pages.languages import _, said_of

QUICK: dict[str, Any] = {**ACTION, "queue": False, "trigger_mode": "multiple"}
BESIDE = 2
"""Questions before and after the one on the screen that are sent along with it."""
SIDE = r"\d{1,9}(?:_\d{1,9})*"
ADDRESS = re.compile(
    rf"({SIDE}(?:-{SIDE})+)(\.clean)?(?:\.(\d{{1,9}})\.([a-z-]{{1,12}})\.(\d{{1,9}}))?"
)


@dataclass(frozen=True)
class View:
    """What is on the screen: the sides, of which the first is compared with the others; the one
    whose answers are looked at beside the first's, by its first evaluation; and where among them: a
    kind of `flips_piece.KINDS` ("" for the first that there is) and a place.

    As text it is the address: `12-15`, `12-15-18.clean.18.fixed.3`; `12_13-15_16` has two seeds on
    each side.
    """

    sides: tuple[Side, ...]
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
        sides = apart(map(as_side, found[1].split("-")))
        view = cls(sides, bool(found[2]))
        kind = (found[4] or "").replace("-", " ")
        others = [side[0] for side in sides[1:]]
        if not others or kind not in flips_piece.KINDS or int(found[3]) not in others:
            return view if others else None
        return replace(view, second=int(found[3]), kind=kind, place=int(found[5]))

    @property
    def looked_at(self) -> Side:
        """The side whose answers are looked at beside the first's."""
        others = self.sides[1:]
        return next((side for side in others if side[0] == self.second), others[0])

    def __str__(self) -> str:
        kept = "-".join(map(as_choice, self.sides)) + ".clean" * self.without_leaked
        if not self.kind:
            return kept
        return f"{kept}.{self.second}.{self.kind.replace(' ', '-')}.{self.place}"


def apart(sides: Iterable[Side]) -> tuple[Side, ...]:
    """The sides without those that share a test with one before them."""
    found: list[Side] = []
    for side in sides:
        if not any({*side} & {*other} for other in found):
            found.append(side)
    return tuple(found)


def as_side(choice: str) -> Side:
    """Read `12`, or several seeds as `12_13`."""
    return tuple(int(one) for one in choice.split("_"))


def as_choice(side: Side) -> str:
    """A side as it stands in an address and among the choices."""
    return "_".join(map(str, side))


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
            label="Compare",
            show_label=False,
            container=False,
            elem_classes="segments",
            elem_id="compare-against",
        )
        parts = painted("compare-parts")
        browser = flips_piece.flip_browser()
    known, last = gr.State(""), gr.State("")
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
        owner, __, shown_then = then.partition(" ")
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
        alike = _alike(done, as_side(first))
        # The last one that was chosen stays, and what it has a test in common with goes.
        chosen = [side for side in map(as_side, others or []) if side in alike]
        kept = apart(reversed(chosen))[::-1] or alike[:1]
        if not kept:
            sentence = _("No other test is of the same questions: run one with the same settings.")
            fields = [gr.skip(), gr.Dropdown(choices=[], value=[])]
            return [gr.skip(), gr.skip(), *fields, clean, _stamp(done), *_no_results(sentence)]
        return whole(project, View((as_side(first), *kept), clean))

    def look_at(name: str, item: str, second: str) -> list[Any]:
        view = View.read(item.partition(".")[2])
        if view is None:
            return [gr.skip()] * len(results)
        now = View(view.sides, view.without_leaked, int(second))
        return _results(settings, open_project(settings, name), now)

    def look(event: gr.EventData, name: str, item: str) -> Sequence[Any]:
        view = View.read(item.partition(".")[2])
        if view is None or event.kind not in flips_piece.KINDS:
            return [gr.skip()] * 3
        project = open_project(settings, name)
        now = replace(view, kind=event.kind, place=max(0, int(event.place)))
        # What leaked into any of them is left out of all; else the others do not matter here.
        others = now.sides[1:] if now.without_leaked else [now.looked_at]
        sides = [now.sides[0], *others]
        found = comparison(settings, project, sides, without_leaked=now.without_leaked)
        one = next(one for one in found if one.sides[1] == now.looked_at)
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
    """The newest student's test and one to compare it with, of the same questions, with all seeds.

    `done` has the newest first. A checkpoint is compared with the base student where it can.
    """
    sides = seeds_together(done)
    pairs = [
        (before, after)
        for after in sides
        for before in sides
        if before[0].items == after[0].items and _newest(before) < _newest(after)
    ]
    learned = [
        (before, after)
        for after in sides
        for before in sides
        if before[0].items == after[0].items
        and before[0].way == after[0].way
        and before[0].exam.student == base != after[0].exam.student
    ]
    for before, after in [*learned, *pairs]:
        return View((_side(before), _side(after)))
    return None


def possible(view: View, done: Sequence[Tested]) -> bool:
    """Whether all that are to be compared are finished, and of the same questions."""
    items = {one.exam.id: one.items for one in done}
    ids = [one for side in view.sides for one in side]
    return len({items.get(one, one) for one in ids}) == 1 and ids[0] in items


def choices(done: Sequence[Tested], view: View) -> list[gr.Dropdown]:
    """Both drop-downs: all finished tests, and those that the chosen one can be compared with."""
    first, *others = view.sides
    alike = _alike(done, first)
    named = [(labelled(own), _side(own)) for own in _sides(done)]
    return [
        gr.Dropdown(
            choices=[(name, as_choice(side)) for name, side in named], value=as_choice(first)
        ),
        gr.Dropdown(
            choices=[(name, as_choice(side)) for name, side in named if side in alike],
            value=[as_choice(side) for side in others],
            multiselect=True,
        ),
    ]


def labelled(own: Sequence[Tested]) -> str:
    """A side as a choice: `checkpoint:first · arithmetic · 150 questions · 52.0 %`."""
    one = own[0]
    right = sum(each.correct for each in own) / max(1, sum(each.answered for each in own))
    seed = [_("seed {n}", n=one.seed)] if one.seed is not None else []
    return " · ".join(
        [
            one.exam.student,
            one.column,
            count(one.questions, "question"),
            *(seed if len(own) == 1 else [count(len(own), "seed")]),
            percent(right) if one.answered else "–",
        ]
    )


def _sides(done: Sequence[Tested]) -> list[list[Tested]]:
    """All that can be one side: every test, and before the newest of several seeds all of them."""
    together = {_newest(own): own for own in seeds_together(done) if len(own) > 1}
    whole = ([together[one.exam.id]] if one.exam.id in together else [] for one in done)
    return [side for own, one in zip(whole, done, strict=True) for side in [*own, [one]]]


def _side(own: Sequence[Tested]) -> Side:
    return tuple(one.exam.id for one in own)


def _newest(own: Sequence[Tested]) -> int:
    return max(_side(own))


def _alike(done: Sequence[Tested], first: Side) -> list[Side]:
    """The other sides of the same items, the newest first."""
    items = {one.exam.id: one.items for one in done}
    return [
        _side(own)
        for own in _sides(done)
        if not {*_side(own)} & {*first} and own[0].items == items.get(first[0])
    ]


def _stamp(done: Sequence[Tested]) -> str:
    return " ".join(f"{one.exam.id}:{one.correct}" for one in done)


def _results(settings: Settings, project: Project, view: View) -> list[Any]:
    """The comparison, whose pair is looked at, its parts, its answers, and where this is."""
    try:
        found = comparison(settings, project, view.sides, without_leaked=view.without_leaked)
    except BadInput as fault:
        return _no_results(said_of(fault), "warning")
    one = next(one for one in found if one.sides[1] == view.looked_at)
    now = replace(view, second=one.second.id)
    if not now.kind:
        now = replace(now, kind=flips_piece.first_kind(_numbers(one)))
    now = replace(now, place=min(now.place, max(0, _numbers(one)[now.kind] - 1)))
    return [
        comparisons.results(found),
        gr.Radio(
            choices=[
                (
                    comparisons.called(other.second.student, len(other.sides[1])),
                    str(other.second.id),
                )
                for other in found
            ],
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
    found, __ = flips(
        settings,
        one.first,
        one.second,
        view.kind,
        2 * BESIDE + 1,
        start,
        left_out=one.left_out,
    )
    looked = flips_piece.Looked(
        _named(one),
        (one.first.id, one.second.id),
        _numbers(one),
        view.kind,
        view.place,
        opening,
    )
    return flips_piece.flip_value(looked, dict(enumerate(found, start)))


def _numbers(one: Compared) -> dict[str, int]:
    """How many questions there are of each kind of `flips_piece.KINDS`, of the first seeds."""
    changes = one.pair
    return {
        "fixed": changes.fixed,
        "broken": changes.broken,
        "both wrong": changes.both_wrong,
        "both right": changes.both_right,
    }


def _named(one: Compared) -> tuple[str, str]:
    """Whose answers are looked at; of several seeds, those of which."""
    seeds = [(exam.student, seed_of(exam.settings)) for exam in (one.first, one.second)]
    before, after = (
        _("{student}, seed {n}", student=student, n=seed)
        if one.pooled and seed is not None
        else student
        for student, seed in seeds
    )
    return before, after


def _blank() -> str:
    return empty(
        "Nothing to compare yet",
        "Test two students on the same questions: the same task and number of them.",
        go="evaluation",
        label="Go to the tests",
        item="tests",
    )
