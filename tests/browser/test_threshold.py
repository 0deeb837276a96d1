"""The dial in a real Chromium, wired to the studio on a page of its own: every number it shows is
compared with Python's."""

import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from db import committee, decisions
from db.decisions import Entry
from db.store import connect, writing
from fair_app.curation.acceptance import Rule, verdict
from fair_app.curation.board import Board
from fair_app.curation.what_if import STEPS, curve, flips, suggest, summarise
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
from pages.theme import THEME
from tests.browser.conftest import REPOSITORY, Watched
from tests.browser.taught import TEACHERS, taught

pytestmark = pytest.mark.browser

SHARED = Path(os.environ.get("FAIR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
STYLE = (REPOSITORY / "pages" / "style.css").read_text(encoding="utf-8")
PACE, EPOCHS = 0.01, 2
LISTED = 50
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


@pytest.fixture
def opened(page: Any, tmp_path: Path) -> Iterator[Callable[[Room], Room]]:
    """Serves a room and opens it in the page."""
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
            footer_links=[],
        )
        visit(page, room)
        return room

    yield serve
    for demo in running:
        demo.close(verbose=False)


@pytest.fixture
def room(opened: Callable[[Room], Room], tmp_path: Path) -> Room:
    """The dial on five questions of three teachers, with two decisions of a person."""
    settings = Settings(home=tmp_path)
    project = taught(settings)
    rows = {(row.question_id, row.teacher): row.id for row in board(settings, project).rows}
    first, second, *_ = board(settings, project).questions
    for key, action in (((first, "carl"), "reject"), ((second, "blaise"), "accept")):
        decide(settings, project, rows[key], action, actor="me", revision=0)
    return opened(Room(settings, project.name))


@pytest.fixture
def published(opened: Callable[[Room], Room], tmp_path: Path) -> Room:
    """The dial on the paper's own SVAMP run."""
    folder = SHARED / "fair-svamp"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set FAIR_SHARED_DATA")
    settings = Settings(home=tmp_path)
    name = "Llama-2-7b-chat-hf_svamp_{}_round0.json"
    import_reference(
        settings,
        "published",
        "svamp",
        mistakes=folder / name.format("false"),
        feedback=folder / name.format("feedback"),
        rationale=folder / name.format("rationale"),
    )
    return opened(Room(settings, "published", pace=None))


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


# ---- the same numbers, by Python


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


def rules(own: dict[str, float]) -> list[Rule]:
    return [
        Rule(3.0, per_teacher, min_scores, answer_check, adjusted)
        for per_teacher, min_scores, answer_check, adjusted in itertools.product(
            ({}, own), (1, 2), (False, True), (False, True)
        )
    ]


# ---- tests


def test_every_number_is_pythons(room: Room, page: Any, watched: Watched) -> None:
    for rule in rules({"blaise": 3.6}):
        set_conditions(page, rule)
        assert_all_steps(page, room, rule)
    assert watched == Watched()


def test_every_number_is_pythons_on_the_published_run(published: Room, page: Any) -> None:
    shown = page.evaluate(SNAPSHOT)["counts"]
    assert (shown["accepted"], shown["rationales"]) == ("826", "of 1,161")
    assert (shown["questions_accepted"], shown["questions"]) == ("365", "of 387")
    assert "no run on this machine yet" in page.locator("#threshold .learning").inner_text()
    for rule in rules({"mistral": 4.5, "gpt": 2.0}):
        set_conditions(page, rule)
        assert_all_steps(page, published, rule)


def test_what_flips_is_listed_and_leads_to_its_card(published: Room, page: Any) -> None:
    found = published.board
    teacher_row(page, "mistral").get_by_text("set its own").click()
    move(page, 2.0, "tr.apart input")
    let_go(page, "tr.apart input")
    old = Rule(3.0, {"mistral": 2.0})
    wait_saved(page, published, old)
    page.locator("#threshold .flips summary").click()
    for step in (2.9, 4.4, 0.0):
        move(page, step)
        new = replace(old, threshold=step)
        changed = flips(found.rows, old, new, found.states)
        lists = [
            (name, rows)
            for name, rows in (("accepted", changed.accepted), ("rejected", changed.rejected))
            if rows
        ]
        page.wait_for_function(
            "(titles) => JSON.stringify(titles) === JSON.stringify("
            "[...document.querySelectorAll('#threshold .flip-lists h4')].map(n => n.textContent))",
            arg=[f"Newly {name}: {len(rows)}" for name, rows in lists],
        )
        for place, (_, rows) in enumerate(lists):
            section = page.locator("#threshold .flip-lists section").nth(place)
            assert section.locator("button").evaluate_all(
                "nodes => nodes.map((node) => [...node.childNodes].map((n) => n.textContent))"
            ) == [
                [
                    f"Question {found.positions[row.question_id] + 1}, {row.teacher}",
                    f"mean {row.mean:.2f}",
                ]
                for row in rows[:LISTED]
            ]
            more = section.locator("p").all_inner_texts()
            assert more == ([f"and {len(rows) - LISTED} more"] if len(rows) > LISTED else [])
    last = flips(found.rows, old, replace(old, threshold=0.0), found.states).accepted[3]
    page.locator("#threshold .flip").nth(3).click()
    assert heard(page, "fair:go") == [{"question_id": last.question_id}]
    assert published.rule == old


def test_dragging_shows_and_releasing_saves(room: Room, page: Any) -> None:
    slider = page.locator("#threshold-slider")
    box = slider.bounding_box()
    across = [box["x"] + 9 + (box["width"] - 18) * at / 5 for at in (3.0, 3.6, 4.2)]
    middle = box["y"] + box["height"] / 2
    page.mouse.move(across[0], middle)
    page.mouse.down()
    page.mouse.move(across[1], middle, steps=4)
    page.mouse.move(across[2], middle, steps=4)
    found = room.board
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(), Rule(4.2), PACE)
    assert heard(page, "fair:rule")[-1] == asdict(Rule(4.2))
    assert room.rule == Rule()
    assert "commit" not in room.asked
    page.mouse.up()
    wait_saved(page, room, Rule(4.2))
    assert room.asked.count("commit") == 1
    assert not slider.evaluate("(node) => node === document.activeElement")
    # What it was compared with stays in sight, until the next change.
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(), Rule(4.2), PACE)
    assert page.locator("#threshold line.before").get_attribute("x1") == "600"
    page.get_by_role("button", name="Back to 3.0").click()
    wait_saved(page, room, Rule(3.0))
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(4.2), Rule(3.0), PACE)
    page.get_by_role("button", name="Back to 4.2").click()
    page.wait_for_function("document.querySelector('.dial-state').textContent === 'Saved'")
    visit(page, room)
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(4.2), Rule(4.2), PACE)
    assert not page.get_by_role("button", name="Back to").is_visible()


def test_keys_are_one_change_until_the_slider_is_left(room: Room, page: Any) -> None:
    slider = page.locator("#threshold-slider")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    wait_saved(page, room, Rule(3.5))
    found = summarise(room.board.rows, Rule(3.5), room.board.states)
    assert slider.get_attribute("aria-valuetext") == (
        f"3.5: {found.accepted} of {found.rationales} rationales accepted"
    )
    assert page.get_by_role("button", name="Back to 3.0").is_visible()
    page.keyboard.press("Tab")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    wait_saved(page, room, Rule(3.4))
    assert page.get_by_role("button", name="Back to 3.5").is_visible()


def test_quick_changes_end_with_the_newest(room: Room, page: Any) -> None:
    page.locator("#threshold-slider").evaluate(
        """(slider) => {
          for (let tenth = 20; tenth < 45; tenth++) {
            slider.value = tenth / 10;
            for (const name of ['input', 'change']) {
              slider.dispatchEvent(new Event(name, {bubbles: true}));
            }
          }
        }"""
    )
    wait_saved(page, room, Rule(4.4))
    page.wait_for_timeout(500)
    assert room.rule == Rule(4.4)
    assert room.asked.count("commit") == 2
    assert len(heard(page, "fair:saved")) == 1


def test_a_teacher_gets_a_threshold_of_its_own(room: Room, page: Any) -> None:
    row = teacher_row(page, "blaise")
    row.get_by_text("set its own").click()
    wait_saved(page, room, Rule(3.0, {"blaise": 3.0}))
    own = row.locator("input")
    assert own.evaluate("(node) => node === document.activeElement")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    rule = Rule(3.0, {"blaise": 3.4})
    wait_saved(page, room, rule)
    shown = page.evaluate(SNAPSHOT)
    assert shown == expected(room.board, Rule(3.0, {"blaise": 3.0}), rule, PACE)
    accepted = shown["teachers"][1].split()[0]
    assert own.get_attribute("aria-valuetext") == f"3.4: {accepted} of 5 accepted"
    visit(page, room)
    assert_all_steps(page, room, rule)
    teacher_row(page, "blaise").get_by_text("common").click()
    wait_saved(page, room, Rule())
    page.get_by_role("button", name="Undo this change").click()
    wait_saved(page, room, rule)


def test_closed_conditions_say_what_is_set(room: Room, page: Any) -> None:
    said = page.locator("#threshold .conditions summary span")
    assert said.inner_text() == "none set"
    set_conditions(page, Rule(3.0, {}, 2, True, True))
    wait_saved(page, room, Rule(3.0, {}, 2, True, True))
    page.locator("#threshold .conditions summary").click()
    assert said.inner_text() == "at least 2 scores, answer check on, mean adjusted for leniency"
    # Of three teachers two review: more cannot be asked for.
    assert page.locator("#threshold .greater").is_disabled()
    visit(page, room)
    assert said.inner_text() == "at least 2 scores, answer check on, mean adjusted for leniency"


def test_a_finer_threshold_than_the_sliders_stays_as_it_is(room: Room, page: Any) -> None:
    rule = Rule(3.25, {"ada": 4.125}, 7)
    review.set_rule(room.settings, room.project, rule)
    visit(page, room)
    assert page.evaluate(SNAPSHOT) == expected(room.board, rule, rule, PACE)
    assert teacher_row(page, "ada").locator("output").inner_text() == "4.125"
    page.locator("#threshold .conditions summary").click()
    page.locator("#threshold .less").click()
    wait_saved(page, room, replace(rule, min_scores=6))


def ask(page: Any, percentage: str) -> str:
    page.locator("#threshold .aim").fill(percentage)
    page.get_by_role("button", name="Suggest").click()
    page.wait_for_function(
        "!['', 'Looking…'].includes(document.querySelector('#threshold .advice').textContent)"
    )
    return str(page.locator("#threshold .advice").inner_text())


def test_a_suggestion_moves_the_dial_and_can_be_taken_back(published: Room, page: Any) -> None:
    found = published.board
    advised = suggest(found.rows, Rule(), 0.9, found.states)
    assert advised.reached
    at, point = advised.threshold, advised.point
    share = percent(point.kept.right, point.kept.graded)
    assert ask(page, "90") == f"{at} keeps {point.accepted} rationales, {share} right."
    wait_saved(page, published, Rule(at))
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(), Rule(at), None)
    page.get_by_role("button", name="Back to 3.0").click()
    wait_saved(page, published, Rule())


def test_a_share_out_of_reach_moves_nothing(published: Room, page: Any) -> None:
    found = published.board
    closest = suggest(found.rows, Rule(), 0.95, found.states)
    assert not closest.reached
    at, point = closest.threshold, closest.point
    share = percent(point.kept.right, point.kept.graded)
    assert ask(page, "95") == f"No threshold reaches 95 %: {at} comes closest with {share}."
    assert published.rule == Rule()
    assert page.locator("#threshold .dial-value").inner_text() == "3.0"
    page.get_by_role("button", name=f"Set {at}").click()
    wait_saved(page, published, Rule(at))
    set_conditions(page, Rule(at, {}, 1, True))
    wait_saved(page, published, Rule(at, {}, 1, True))
    advised = suggest(found.rows, Rule(at, {}, 1, True), 0.95, found.states)
    assert ask(page, "95").startswith(f"{advised.threshold} keeps {advised.point.accepted} ")
    wait_saved(page, published, Rule(advised.threshold, {}, 1, True))


@pytest.mark.parametrize("nonsense", ["", "0", "101", "-5"])
def test_a_percentage_must_be_one(room: Room, page: Any, nonsense: str) -> None:
    assert ask(page, nonsense) == "Give a percentage up to 100."
    assert "suggest" not in room.asked


def test_without_graded_answers_the_server_says_why(room: Room, page: Any) -> None:
    set_conditions(page, Rule(3.0, dict.fromkeys(TEACHERS, 5.0), 2, True))
    connect(room.settings.database).execute("UPDATE rationales SET correct = NULL")
    assert ask(page, "90").startswith("No rationale can be kept whose final answer was graded")


def test_what_the_card_shows_counts_at_once(room: Room, page: Any) -> None:
    found = room.board
    question = found.questions[2]
    for word, action in ((True, "accept"), (False, "reject"), (None, "reset")):
        row = next(r for r in found.rows if (r.question_id, r.teacher) == (question, "carl"))
        revision = review.cards(room.settings, room.project, [question])[0].columns[2].revision
        decide(room.settings, room.project, row.id, action, actor="me", revision=revision)
        page.evaluate(
            "(detail) => document.dispatchEvent(new CustomEvent('fair:card', {detail}))",
            {
                "question_id": question,
                "columns": [{"rationale_id": row.id, "teacher": "carl", "decided": word}],
            },
        )
        assert_all_steps(page, room, Rule())
    assert room.asked == ["value"]


def reject_unseen(room: Room) -> None:
    """A decision that this page does not hear of."""
    row = room.board.rows[0]
    with writing(connect(room.settings.database)) as store:
        decisions.append(store, room.project.id, "another", [Entry("rationale", row.id, "reject")])


def test_it_reads_again_when_told(room: Room, page: Any) -> None:
    reject_unseen(room)
    page.evaluate("document.dispatchEvent(new CustomEvent('fair:board'))")
    page.wait_for_function("document.querySelector('[data-count=accepted]').textContent === '7'")
    assert_all_steps(page, room, Rule())
    # Told again at once, it does so after a breath: nothing is missed.
    decide(room.settings, room.project, room.board.rows[3].id, "reject", actor="me", revision=0)
    page.evaluate("document.dispatchEvent(new CustomEvent('fair:board'))")
    page.wait_for_function("document.querySelector('[data-count=accepted]').textContent === '6'")
    assert room.asked == ["value"] * 3


def test_a_card_it_does_not_know_makes_it_read_again(room: Room, page: Any) -> None:
    reject_unseen(room)
    page.evaluate(
        "document.dispatchEvent(new CustomEvent('fair:card',"
        " {detail: {question_id: 12345, columns: []}}))"
    )
    page.wait_for_function("document.querySelector('[data-count=accepted]').textContent === '7'")


def test_other_counts_than_the_servers_make_it_read_again(room: Room, page: Any) -> None:
    reject_unseen(room)
    move(page, 2.9)
    let_go(page)
    wait_saved(page, room, Rule(2.9))
    found = expected(room.board, Rule(), Rule(2.9), PACE)["counts"]["accepted"]
    page.wait_for_function(
        "(found) => document.querySelector('[data-count=accepted]').textContent === found",
        arg=found,
    )
    assert_all_steps(page, room, Rule(2.9))


def test_a_refused_rule_is_said_and_undone(room: Room, page: Any) -> None:
    store = connect(room.settings.database)
    members = [
        {
            "name": teacher.name,
            "origin": "committee",
            "simulated": 0,
            "spec": teacher.spec,
            "spec_hash": "",
        }
        for teacher in committee.teachers(store, room.project.id)
        if teacher.name != "carl"
    ]
    with writing(store):
        committee.set_committee(store, room.project.id, members)
    teacher_row(page, "carl").get_by_text("set its own").click()
    page.get_by_text("There is no teacher 'carl' here").wait_for()
    page.wait_for_function("document.querySelectorAll('.by-teacher tbody tr').length === 2")
    assert room.rule == Rule()
    assert page.evaluate(SNAPSHOT) == expected(room.board, Rule(), Rule(), PACE)
    move(page, 3.5)
    let_go(page)
    wait_saved(page, room, Rule(3.5))


def test_the_threshold_of_a_teacher_who_left_stays_saved(room: Room, page: Any) -> None:
    rule = Rule(3.0, {"ada": 4.5})
    review.set_rule(room.settings, room.project, rule)
    store = connect(room.settings.database)
    store.execute("UPDATE teachers SET active = 0 WHERE name = 'ada'")
    visit(page, room)
    assert_all_steps(page, room, rule)
    move(page, 3.5)
    let_go(page)
    wait_saved(page, room, replace(rule, threshold=3.5))


def test_nothing_leaves_a_narrow_screen(room: Room, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name in TEACHERS:
        teacher_row(page, name).get_by_text("set its own").click()
    page.locator("#threshold .conditions summary").click()
    move(page, 4.4)
    page.locator("#threshold .flips summary").click()
    page.locator("#threshold .flip, #threshold .flips summary").first.wait_for()
    ends = page.locator("#threshold *").evaluate_all(
        "nodes => nodes.map((node) => node.getBoundingClientRect().right)"
    )
    assert max(ends) <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_any_name_is_a_teacher(
    opened: Callable[[Room], Room], page: Any, tmp_path: Path, watched: Watched
) -> None:
    settings = Settings(home=tmp_path)
    project = taught(settings)
    names = ["constructor", "__proto__", '<img src=x onerror="window.hacked=1">${1+1}']
    store = connect(settings.database)
    for old, new in zip(TEACHERS, names, strict=True):
        store.execute("UPDATE teachers SET name = ? WHERE name = ?", [new, old])
    room = opened(Room(settings, project.name))
    assert page.locator("#threshold .by-teacher tbody th").all_inner_texts() == names
    for name in names:
        teacher_row(page, name).get_by_text("set its own").click()
    assert_all_steps(page, room, Rule(3.0, dict.fromkeys(names, 3.0)))
    assert page.evaluate("window.hacked") is None
    assert watched == Watched()
