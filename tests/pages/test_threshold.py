"""What the dial is sent and what it sends back."""

import json
import random
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import MENTOR, RationaleRow, Rule
from fair_app.curation.board import Board, Incomplete
from fair_app.curation.decisions import State
from fair_app.curation.what_if import suggest, summarise
from fair_app.errors import BadInput
from pages.components.threshold import refused, rule_from, saved, share_from, shipped, suggested

NAMES = ["gpt", "constructor", "<b>${1}"]
SCORES = st.tuples(*[st.sampled_from([1, 2, 3.5, 4, 5, 83, None])] * 2)
ADJUSTED = st.one_of(st.none(), st.floats(1, 5, allow_nan=False))


@st.composite
def boards(draw: st.DrawFn) -> Board:
    """A few questions; of each some teachers wrote, and on some of it a person decided.

    The mentor wrote several on some.
    """
    questions = draw(st.lists(st.integers(1, 10**9), max_size=5, unique=True))
    rows: list[RationaleRow] = []
    states = {}
    for question in questions:
        mentors = [MENTOR] * draw(st.integers(0, 3))
        for teacher in [*NAMES, *mentors]:
            by_mentor = teacher == MENTOR
            if not by_mentor and not draw(st.booleans()):
                continue
            right = draw(st.sampled_from([True, False, None]))
            number = len(rows) + 1
            rows.append(
                RationaleRow(
                    number,
                    question,
                    teacher,
                    right,
                    draw(st.one_of(SCORES, st.just(())) if by_mentor else SCORES),
                    adjusted=draw(ADJUSTED),
                    tokens=draw(st.integers(0, 10**5)),
                    by_mentor=by_mentor,
                )
            )
            word = draw(st.sampled_from([True, False, None, "comment"]))
            if word is not None:
                states["rationale", number] = State(
                    accepted=None if word == "comment" else bool(word)
                )
    return Board(
        questions,
        NAMES,
        rows,
        [Incomplete(99, question, "gpt", "truncated") for question in questions[:1]],
        states,
        {question: draw(st.floats(0, 1000)) for question in questions[::2]},
        {question: draw(st.integers(0, 1000)) for question in questions},
    )


def unpacked(value: dict[str, Any]) -> dict[tuple[int, int], tuple[Any, ...]]:
    """What was shipped, by question and column: author, mean, adjusted, counted, right, whether by
    the mentor, tokens, word."""
    width = len(value["columns"])
    questions = [int(one) for one in value["questions"].split(",") if one]
    found = {}
    if questions:
        cells, tokens = value["cells"].split(","), value["tokens"].split(",")
        assert len(cells) == len(tokens) == len(value["decided"]) == width * len(questions)
        for place, cell in enumerate(cells):
            if not cell:
                assert tokens[place] == "" and value["decided"][place] == "."
                continue
            author, *facts = value["kinds"][int(cell)]
            assert author == value["columns"][place % width]
            key = (questions[place // width], place % width)
            name = value["teachers"][author]
            found[key] = (name, *facts, int(tokens[place]), value["decided"][place])
    return found


@given(boards())
def test_every_rationale_arrives_as_it_is(board: Board) -> None:
    value = json.loads(json.dumps(shipped(board, Rule(), None, 2)))
    words = {None: ".", True: "1", False: "0"}
    assert unpacked(value) == {
        (row.question_id, board.column_of[row.id]): (
            row.teacher,
            row.mean,
            row.adjusted,
            len(row.counted),
            row.final_correct,
            row.by_mentor,
            row.tokens,
            words[(board.state_of(row.id) or State()).accepted],
        )
        for row in board.rows
    }
    assert len(set(value["teachers"])) == len(value["teachers"])
    assert value["peers"] == len(NAMES) - 1
    reads = value["reads"].split(",") if board.questions else []
    assert [one != "" for one in reads] == [one in board.feedback_tokens for one in board.questions]
    for question, read in zip(board.questions, reads, strict=True):
        if read:
            exact = board.prompt_tokens[question] + board.feedback_tokens[question]
            assert abs(int(read) - exact) <= 0.5


def test_the_rule_is_shipped_as_it_was_saved() -> None:
    board = Board([1], ["gpt"], [], [], {}, {}, {1: 3})
    # Who left the committee may come back to a threshold of its own.
    rule = Rule(2.5, {"gpt": 4.0, "gone": 1.0}, 2, True, True)
    value = shipped(board, rule, 0.5, 3)
    assert rule_from(value["rule"]) == rule
    assert (value["seconds_per_token"], value["epochs"]) == (0.5, 3)
    assert value["sent"] != shipped(board, rule, 0.5, 3)["sent"]


def test_eight_thousand_questions_stay_under_half_a_megabyte() -> None:
    chance = random.Random(0)
    rows = []
    for question in range(8000):
        for teacher in NAMES:
            scores = (chance.randint(1, 5), chance.randint(1, 5))
            mean = sum(scores) / 2
            adjusted = round(mean + NAMES.index(teacher) / 7, 9)
            rows.append(
                RationaleRow(
                    len(rows) + 1,
                    question + 100_000,
                    teacher,
                    chance.random() < 0.7,
                    scores,
                    adjusted=adjusted,
                    tokens=chance.randint(20, 500),
                )
            )
    states = {("rationale", row.id): State(accepted=True) for row in rows}
    ids = [question + 100_000 for question in range(8000)]
    board = Board(ids, NAMES, rows, [], states, dict.fromkeys(ids, 80.5), dict.fromkeys(ids, 120))
    assert len(json.dumps(shipped(board, Rule(), None, 2), separators=(",", ":"))) < 500_000


@given(boards(), st.integers(0, 50))
def test_answers_have_what_python_counted(board: Board, tenth: int) -> None:
    rule = Rule(tenth / 10)
    found = summarise(board.rows, rule, board.states)
    answer = saved(found, rule, 7)
    assert (answer["serial"], rule_from(answer["rule"])) == (7, rule)
    assert answer["counts"]["accepted"] == found.accepted
    assert answer["counts"]["rejected_of"] == found.rejected.graded
    json.dumps(answer)


def test_a_suggestion_says_what_it_keeps() -> None:
    rows = [
        RationaleRow(1, 1, "gpt", True, (5, 5)),
        RationaleRow(2, 2, "gpt", False, (2, 2)),
        RationaleRow(3, 3, "gpt", None, (5, 5)),
    ]
    answer = suggested(suggest(rows, Rule(), 0.9), 3)
    assert answer == {
        "serial": 3,
        "threshold": 4.9,
        "reached": True,
        "accepted": 2,
        "right": 1,
        "graded": 1,
    }
    assert refused(BadInput("No."), 3) == {"serial": 3, "fault": "No."}


RULES = st.builds(
    Rule,
    st.floats(0, 5),
    st.dictionaries(st.text(max_size=9), st.floats(0, 5), max_size=3),
    st.integers(1, 99),
    st.booleans(),
    st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
    max_leaves=6,
)


@given(RULES)
def test_a_rule_survives_the_way_to_the_browser_and_back(rule: Rule) -> None:
    assert rule_from(json.loads(json.dumps(asdict(rule)))) == rule


def test_whole_numbers_are_thresholds_too() -> None:
    rule = rule_from({**asdict(Rule()), "threshold": 3, "per_teacher": {"gpt": 4}})
    assert rule == Rule(3.0, {"gpt": 4.0})
    assert isinstance(rule.threshold, float)


@given(RULES, st.sampled_from(sorted(asdict(Rule()))), JSON)
def test_anything_else_is_a_rule_or_bad_input(rule: Rule, field: str, value: Any) -> None:
    try:
        found = rule_from({**asdict(rule), field: value})
    except BadInput:
        return
    assert getattr(found, field) == value
    assert isinstance(value, bool) == (field in ("answer_check", "adjusted"))


@pytest.mark.parametrize(
    "given",
    [
        None,
        3.0,
        [],
        {},
        {"threshold": 3.0},
        {**asdict(Rule()), "more": 1},
        {**asdict(Rule()), "min_scores": True},
        {**asdict(Rule()), "min_scores": 1.5},
        {**asdict(Rule()), "min_scores": 0},
        {**asdict(Rule()), "threshold": float("nan")},
        {**asdict(Rule()), "threshold": "3"},
        {**asdict(Rule()), "per_teacher": {"gpt": 5.1}},
        {**asdict(Rule()), "per_teacher": {"gpt": True}},
        {**asdict(Rule()), "per_teacher": [["gpt", 3]]},
        {**asdict(Rule()), "answer_check": 1},
    ],
)
def test_nonsense_is_refused(given: Any) -> None:
    with pytest.raises(BadInput):
        rule_from(given)


@pytest.mark.parametrize("given", [0, -0.1, 1.01, 95, float("nan"), "0.9", True, None])
def test_a_share_is_a_number_up_to_one(given: Any) -> None:
    with pytest.raises(BadInput):
        share_from(given)


def test_a_share_can_be_all() -> None:
    assert share_from(1) == 1.0
