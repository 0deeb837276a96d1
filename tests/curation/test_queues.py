"""Queues, each against a plain restatement of what it is."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.curation.acceptance import (
    RationaleRow,
    Rule,
    accepted_by_rule,
    counted,
    mean_by,
)
from fair_app.curation.board import Board, Incomplete
from fair_app.curation.decisions import Comment, State
from fair_app.curation.queues import FAR_APART, NEAR, QUEUES, Item, decided, queue
from fair_app.errors import BadInput
from tests.curation.boards import boards, rules

ACTORS = st.sampled_from(["ann", "bob", "cleo"])


def written(board: Board) -> dict[int, int]:
    """The question of every rationale, complete or not."""
    return {one.id: one.question_id for one in (*board.rows, *board.incomplete)}


def state(board: Board, rationale_id: int) -> State:
    return board.states.get(("rationale", rationale_id), State())


def row_of(board: Board, rationale_id: int) -> RationaleRow | None:
    return next((row for row in board.rows if row.id == rationale_id), None)


def is_mine(found: State, actor: str) -> bool:
    decided_on = found.accepted is not None and found.actor == actor
    return decided_on or actor in [comment.actor for comment in found.comments]


def is_far_apart(row: RationaleRow) -> bool:
    given = [score for score in row.scores if counted(score)]
    return any(abs(one - other) >= FAR_APART for one, other in combinations(given, 2))


def is_close(row: RationaleRow, rule: Rule) -> bool:
    mean = mean_by(row, rule)
    own = rule.per_teacher.get(row.teacher, rule.threshold)
    return mean is not None and abs(mean - own) <= NEAR + 1e-9


PLAIN: dict[str, Callable[[Board, Rule, str, int], bool]] = {
    "all": lambda board, rule, actor, one: row_of(board, one) is not None,
    "undecided": lambda board, rule, actor, one: (
        row_of(board, one) is not None and state(board, one).accepted is None
    ),
    "disagree": lambda board, rule, actor, one: (
        (row := row_of(board, one)) is not None and is_far_apart(row)
    ),
    "close": lambda board, rule, actor, one: (
        (row := row_of(board, one)) is not None and is_close(row, rule)
    ),
    "right-low": lambda board, rule, actor, one: (
        (row := row_of(board, one)) is not None
        and row.final_correct is True
        and not accepted_by_rule(row, rule)
    ),
    "wrong-high": lambda board, rule, actor, one: (
        (row := row_of(board, one)) is not None
        and row.final_correct is False
        and accepted_by_rule(row, rule)
    ),
    "single": lambda board, rule, actor, one: (
        (row := row_of(board, one)) is not None
        and [other.question_id for other in board.rows].count(row.question_id) == 1
    ),
    "no-score": lambda board, rule, actor, one: (
        (row := row_of(board, one)) is not None and not any(map(counted, row.scores))
    ),
    "incomplete": lambda board, rule, actor, one: row_of(board, one) is None,
    "commented": lambda board, rule, actor, one: bool(state(board, one).comments),
    "mine": lambda board, rule, actor, one: is_mine(state(board, one), actor),
}
"""Whether a rationale is in a queue."""


def test_every_queue_is_restated() -> None:
    assert list(PLAIN) == list(QUEUES)


@given(board=boards(), rule=rules(), actor=ACTORS)
@settings(max_examples=60, deadline=None)
def test_what_is_in_a_queue(board: Board, rule: Rule, actor: str) -> None:
    for name in QUEUES:
        items = queue(name, board, rule, actor)
        found = {(item.question_id, one) for item in items for one in item.rationales}
        wanted = {
            (question, one)
            for one, question in written(board).items()
            if PLAIN[name](board, rule, actor, one)
        }
        assert found == wanted, name
        questions = [item.question_id for item in items]
        assert len(questions) == len(set(questions)), name
        if name == "all":
            assert questions == list(board.questions)
        else:
            assert all(item.rationales for item in items), name


@given(board=boards(), rule=rules(), actor=ACTORS)
@settings(max_examples=40, deadline=None)
def test_most_queues_are_in_the_order_of_the_exam(board: Board, rule: Rule, actor: str) -> None:
    alike = replace(board, rows=[replace(row, scores=(3, 3)) for row in board.rows])
    asked = {
        **{name: (board, rule) for name in QUEUES if name not in ("disagree", "close")},
        "right-low": (alike, Rule(5)),
        "wrong-high": (alike, Rule(0)),
    }
    for name, (shown, by) in asked.items():
        places = [shown.positions[item.question_id] for item in queue(name, shown, by, actor)]
        assert places == sorted(places), name


@given(boards(), rules())
@settings(max_examples=50)
def test_the_widest_disagreement_comes_first(board: Board, rule: Rule) -> None:
    def width(item: Item) -> float:
        rows = [board.row_of[one] for one in item.rationales]
        return max(max(row.counted) - min(row.counted) for row in rows)

    widths = [width(item) for item in queue("disagree", board, rule, "ann")]
    assert widths == sorted(widths, reverse=True)


@given(boards(), rules())
@settings(max_examples=50)
def test_the_nearest_to_the_threshold_comes_first(board: Board, rule: Rule) -> None:
    def distance(item: Item) -> float:
        rows = [board.row_of[one] for one in item.rationales]
        return min(
            round(abs((mean_by(row, rule) or 0) - rule.threshold_of(row.teacher)), 9)
            for row in rows
        )

    distances = [distance(item) for item in queue("close", board, rule, "ann")]
    assert distances == sorted(distances)


@given(boards(), rules())
@settings(max_examples=50)
def test_the_least_deserved_verdicts_come_first(board: Board, rule: Rule) -> None:
    def means(item: Item) -> list[float]:
        return [mean_by(board.row_of[one], rule) or 0 for one in item.rationales]

    low = [min(means(item)) for item in queue("right-low", board, rule, "ann")]
    high = [max(means(item)) for item in queue("wrong-high", board, rule, "ann")]
    assert low == sorted(low)
    assert high == sorted(high, reverse=True)


@given(boards(), rules(), st.sampled_from(sorted(QUEUES)))
@settings(max_examples=50)
def test_an_item_is_decided_when_all_of_it_is_or_a_favourite(
    board: Board, rule: Rule, name: str
) -> None:
    items = queue(name, board, rule, "ann")
    for item, done in zip(items, decided(items, board), strict=True):
        words = [state(board, one).accepted for one in item.rationales]
        has_favourite = ("question", item.question_id) in board.states
        assert done is (has_favourite or (words != [] and None not in words))


def test_a_mean_just_as_far_as_near_is_near() -> None:
    rows = [RationaleRow(1, 1, "gpt", True, (3, 3, 3, 4, 4)), RationaleRow(2, 2, "gpt", True, (4,))]
    board = Board([1, 2], ["gpt"], rows, [], {}, {}, {})
    assert [item.question_id for item in queue("close", board, Rule(2.9), "ann")] == [1]


def test_a_comment_on_what_is_not_complete_is_found() -> None:
    said = State(comments=(Comment(1, "ann", 0.0, "unclear", ""),))
    cut_off = Incomplete(7, 1, "gpt", "truncated")
    board = Board([1], ["gpt"], [], [cut_off], {("rationale", 7): said}, {}, {})
    for name in ("commented", "mine", "incomplete"):
        assert queue(name, board, Rule(), "ann") == [Item(1, (7,))]
    assert queue("mine", board, Rule(), "bob") == []
    assert queue("undecided", board, Rule(), "ann") == []


def test_an_unknown_queue_is_told_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"no queue 'dsagree'.*disagree"):
        queue("dsagree", Board([], [], [], [], {}, {}, {}), Rule(), "ann")
