"""The dial alone on a page, wired to the studio, and its numbers again by Python."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from fair_app.curation.acceptance import Rule, verdict
from fair_app.curation.board import Board
from fair_app.curation.what_if import STEPS, curve, flips, summarise
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import wilson
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.board import board
from fair_app.studio.deciding import decide
from fair_app.studio.exchange import import_reference
from fair_app.studio.projects import Project, open_project
from pages.components import threshold as dial_piece
from pages.components.markup import duration
from pages.languages.app import HEAD
from pages.theme import THEME
from tests.browser.conftest import REPOSITORY
from tests.browser.taught import taught

SHARED = Path(os.environ.get("FAIR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
STYLE = (REPOSITORY / "pages" / "style.css").read_text(encoding="utf-8")
PACE, EPOCHS = 0.01, 2
DIRECT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "trigger_mode": "multiple"}

SNAPSHOT = """() => {
  const words = (selector) => document.querySelector('#threshold ' + selector).textContent;
  const all = (selector) => [...document.querySelectorAll('#threshold ' + selector)];
  return {
    value: words('.dial-value'),
    counts: Object.fromEntries(all('[data-count]').map((n) => [n.dataset.count, n.textContent])),
    shares: Object.fromEntries(all('[data-share]').map((n) => [n.dataset.share, n.textContent])),
    teachers: all('.by-teacher tbody tr').map((n) => n.children[1].textContent),
    learning: words('.learning'),
    flips: words('.flips summary'),
  };
}"""
SWEEP = """(steps) => {
  const snapshot = SNAPSHOT;
  const slider = document.querySelector('#threshold-slider');
  const was = slider.value;
  const put = (value) => {
    slider.value = value;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
  };
  const found = steps.map((step) => { put(step); return snapshot(); });
  put(was);
  slider.dispatchEvent(new Event('focusout', {bubbles: true}));
  return found;
}""".replace("SNAPSHOT", SNAPSHOT)
HEARD = """() => {
  window.heard = [];
  for (const name of ['fair:rule', 'fair:saved', 'fair:go']) {
    document.addEventListener(name, ({detail}) => window.heard.push([name, detail]));
  }
}"""


@dataclass
class Room:
    """A page with the dial alone, and what its server was asked."""

    settings: Settings
    project_name: str
    pace: float | None = PACE
    url: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def project(self) -> Project:
        return open_project(self.settings, self.project_name)

    @property
    def rule(self) -> Rule:
        return review.rule_of(self.project)

    @property
    def board(self) -> Board:
        return board(self.settings, self.project)

    def value(self) -> dict[str, Any]:
        self.asked.append("value")
        return dial_piece.shipped(self.board, self.rule, self.pace, EPOCHS)

    def commit(self, event: gr.EventData) -> Any:
        self.asked.append("commit")
        try:
            rule = dial_piece.rule_from(event.rule)
            review.set_rule(self.settings, self.project, rule)
        except BadInput as fault:
            return gr.HTML(saved=dial_piece.refused(fault, event.serial))
        found = review.summary(self.settings, self.project)
        return gr.HTML(saved=dial_piece.saved(found, rule, event.serial))

    def suggest(self, event: gr.EventData) -> Any:
        self.asked.append("suggest")
        try:
            rule = dial_piece.rule_from(event.rule)
            share = dial_piece.share_from(event.at_least)
            found = review.suggestion(self.settings, self.project, share, rule)
        except BadInput as fault:
            return gr.HTML(suggestion=dial_piece.refused(fault, event.serial))
        return gr.HTML(suggestion=dial_piece.suggested(found, event.serial))

    def blocks(self) -> gr.Blocks:
        with gr.Blocks() as demo:
            dial = dial_piece.threshold_dial()
            demo.load(self.value, None, dial)
            dial.commit(self.commit, None, dial, **DIRECT)
            dial.suggest(self.suggest, None, dial, **DIRECT)
            dial.reload(self.value, None, dial, **DIRECT)
        return demo


@contextmanager
def serving(page: Any) -> Iterator[Callable[[Room], Room]]:
    """Serves rooms, and opens each in the page."""
    running = []

    def serve(room: Room) -> Room:
        demo = room.blocks()
        running.append(demo)
        _, room.url, _ = demo.launch(
            prevent_thread_lock=True,
            quiet=True,
            server_name="127.0.0.1",
            theme=THEME,
            css=STYLE + dial_piece.CSS,
            head=HEAD,
            footer_links=[],
        )
        visit(page, room)
        return room

    yield serve
    for demo in running:
        demo.close(verbose=False)


def taught_room(home: Path) -> Room:
    """The dial on five questions of three teachers, with two decisions of a person."""
    settings = Settings(home=home)
    project = taught(settings)
    rows = {(row.question_id, row.teacher): row.id for row in board(settings, project).rows}
    first, second, *_ = board(settings, project).questions
    for key, action in (((first, "carl"), "reject"), ((second, "blaise"), "accept")):
        decide(settings, project, rows[key], action, actor="me", revision=0)
    return Room(settings, project.name)


def published_room(home: Path) -> Room:
    """The dial on the paper's own SVAMP run."""
    folder = SHARED / "fair-svamp"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set FAIR_SHARED_DATA")
    settings = Settings(home=home)
    name = "Llama-2-7b-chat-hf_svamp_{}_round0.json"
    import_reference(
        settings,
        "published",
        "svamp",
        mistakes=folder / name.format("false"),
        feedback=folder / name.format("feedback"),
        rationale=folder / name.format("rationale"),
    )
    return Room(settings, "published", pace=None)


def visit(page: Any, room: Room) -> None:
    page.goto(room.url)
    page.locator("#threshold .by-teacher tbody tr").first.wait_for()
    page.evaluate(HEARD)


def move(page: Any, threshold: float, selector: str = "#threshold-slider") -> None:
    """Move a slider without letting it go."""
    page.locator(selector).evaluate(
        "(slider, value) => { slider.value = value;"
        " slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        threshold,
    )


def let_go(page: Any, selector: str = "#threshold-slider") -> None:
    page.locator(selector).evaluate(
        "(slider) => { slider.dispatchEvent(new Event('change', {bubbles: true}));"
        " slider.dispatchEvent(new Event('focusout', {bubbles: true})); }"
    )


def teacher_row(page: Any, name: str) -> Any:
    rows = page.locator("#threshold .by-teacher tbody tr")
    return rows.filter(has=page.get_by_role("rowheader", name=name, exact=True))


def wait_saved(page: Any, room: Room, rule: Rule) -> None:
    """Wait until the dial says that it is saved, and see that it is."""
    page.wait_for_function(
        "(rule) => window.heard.some(([name, detail]) => name === 'fair:saved'"
        " && JSON.stringify(detail) === JSON.stringify(rule))",
        arg=asdict(rule),
    )
    assert page.locator("#threshold .dial-state").inner_text() == "Saved"
    assert room.rule == rule


def heard(page: Any, name: str) -> list[Any]:
    return [detail for event, detail in page.evaluate("window.heard") if event == name]


def one_decimal(value: float) -> str:
    return str(Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP))


def percent(part: int, whole: int) -> str:
    return f"{one_decimal(100 * part / whole)} %" if whole else "–"


def share(name: str, right: int, graded: int) -> dict[str, str]:
    low, high = wilson(right, graded) if graded else (0.0, 0.0)
    interval = f"{one_decimal(100 * low)} to {one_decimal(100 * high)} % (95\xa0%\xa0interval)"
    return {
        name: percent(right, graded),
        f"{name}_of": f"of {graded:,}" if graded else "none",
        f"{name}_range": interval if graded else "",
    }


def learning(found: Board, rule: Rule, pace: float | None) -> str:
    """What an epoch reads, and how long it takes."""
    kept: dict[int, list[int]] = defaultdict(list)
    for row in found.rows:
        if verdict(row, rule, found.state_of(row.id)).accepted:
            kept[row.question_id].append(row.tokens)
    tokens, without = 0.0, 0
    for question, lengths in kept.items():
        if question in found.feedback_tokens:
            beside = found.prompt_tokens[question] + found.feedback_tokens[question]
            tokens += round(beside) + sum(lengths) / len(lengths)
        else:
            without += 1
    if not tokens:
        return "Nothing to learn from."
    time = "no run on this machine yet to estimate the time from"
    if pace is not None:
        time = f"{EPOCHS} epochs: about {duration(tokens * EPOCHS * pace)} on this machine"
    return f"About {float(f'{tokens:.3g}'):,.0f} tokens an epoch; {time}." + (
        f" {without} question{'s' * (without != 1)} without feedback left out." if without else ""
    )


def flipped(found: Board, old: Rule, new: Rule) -> str:
    if old == new:
        return "Nothing changed yet"
    alone = replace(old, threshold=new.threshold) == new
    than = f"at {old.threshold}" if alone else "before"
    changed = flips(found.rows, old, new, found.states)
    more, fewer = len(changed.accepted), len(changed.rejected)
    if more and fewer:
        return f"{more:,} more accepted, {fewer:,} fewer than {than}"
    if more or fewer:
        return f"{more or fewer:,} {'more' if more else 'fewer'} accepted than {than}"
    return f"The same are accepted as {than}"


def expected(found: Board, old: Rule, new: Rule, pace: float | None) -> dict[str, Any]:
    """What SNAPSHOT finds when the dial is right."""
    of = summarise(found.rows, new, found.states)
    return {
        "value": str(new.threshold),
        "counts": {
            "accepted": f"{of.accepted:,}",
            "rationales": f"of {of.rationales:,}",
            "questions_accepted": f"{of.questions_accepted:,}",
            "questions": f"of {of.questions:,}",
            **share("kept", of.kept.right, of.kept.graded),
            **share("rejected", of.rejected.right, of.rejected.graded),
        },
        "shares": {
            "right": percent(of.kept.right, of.kept.graded),
            "rationales": percent(of.accepted, of.rationales),
            "questions": percent(of.questions_accepted, of.questions),
        },
        "teachers": [
            f"{of.per_teacher[name].accepted:,} of {of.per_teacher[name].rationales:,}"
            for name in found.teachers
        ],
        "learning": learning(found, new, pace),
        "flips": flipped(found, old, new),
    }


def assert_all_steps(page: Any, room: Room, rule: Rule) -> None:
    """At every position of the slider the dial shows what Python counts, and its curve too."""
    found = room.board
    for step, shown in zip(STEPS, page.evaluate(SWEEP, list(STEPS)), strict=True):
        assert shown == expected(found, rule, replace(rule, threshold=step), room.pace)
    points = curve(found.rows, rule, STEPS, found.states)
    questions = len({row.question_id for row in found.rows})
    for name, shares in (
        ("rationales", [point.accepted / len(found.rows) for point in points]),
        ("questions", [point.questions_accepted / questions for point in points]),
        ("right", [p.kept.right / p.kept.graded for p in points if p.kept.graded]),
    ):
        drawn = page.locator(f"#threshold .curve path.{name}").get_attribute("d")
        start, *steps = drawn.split("H")
        heights = [float(start.split()[1])] if drawn else []
        heights += [float(step.split("V")[1]) for step in steps]
        assert heights == pytest.approx([98 - 96 * one for one in shares], abs=0.006)
        assert [step.split("V")[0] for step in steps] == [
            str(20 * place) for place in range(1, len(shares))
        ]


def set_conditions(page: Any, rule: Rule) -> None:
    """Make the controls say a rule, its common threshold as it is."""
    if not page.locator("#threshold .conditions").evaluate("(node) => node.open"):
        page.locator("#threshold .conditions summary").click()
    for name in ("answer_check", "adjusted"):
        page.locator(f"#threshold [name={name}]").set_checked(getattr(rule, name))
    while (at := int(page.locator("#threshold .min-scores").inner_text())) != rule.min_scores:
        page.locator("#threshold .less" if at > rule.min_scores else "#threshold .greater").click()
    for row in page.locator("#threshold .by-teacher tbody tr").all():
        name = row.locator("th").inner_text()
        own = row.locator("input")
        if own.is_visible() and name not in rule.per_teacher:
            row.get_by_text("common").click()
        if name in rule.per_teacher:
            if not own.is_visible():
                row.get_by_text("set its own").click()
            row.locator("input").evaluate(
                "(node, value) => { node.value = value;"
                " for (const name of ['input', 'change'])"
                " node.dispatchEvent(new Event(name, {bubbles: true})); node.blur(); }",
                rule.per_teacher[name],
            )
