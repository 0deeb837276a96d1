"""Rationales, rules and boards as hypothesis draws them."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from fair_app.curation.acceptance import RationaleRow, Rule
from fair_app.curation.board import Board, Incomplete
from fair_app.curation.decisions import Comment, Key, State
from fair_app.curation.leniency import adjusted_mean, leniencies

TEACHERS = ("gpt", "gemini", "mistral")
scores = st.sampled_from([None, 0, 1, 2, 3, 4, 5, 83, 3.5])
thresholds = st.one_of(st.floats(0, 5), st.sampled_from([0, 1, 2.5, 3, 3.5, 4.5, 5]))


def rules() -> st.SearchStrategy[Rule]:
    """Rules in force: every condition on and off."""
    return st.builds(
        Rule,
        threshold=thresholds,
        per_teacher=st.dictionaries(st.sampled_from(TEACHERS), thresholds, max_size=3),
        min_scores=st.integers(1, 3),
        answer_check=st.booleans(),
        adjusted=st.booleans(),
    )


@st.composite
def row_lists(draw: Any, most: int = 12) -> list[RationaleRow]:
    """Rationales of up to four questions, with the adjusted means that their scores give."""
    rows = []
    for number in range(draw(st.integers(0, most))):
        teacher = draw(st.sampled_from(TEACHERS))
        peers = tuple(name for name in TEACHERS if name != teacher)
        rows.append(
            RationaleRow(
                number,
                draw(st.integers(0, 3)),
                teacher,
                draw(st.sampled_from([None, True, False])),
                draw(st.tuples(scores, scores)),
                peers,
            )
        )
    lenient = leniencies(dict(zip(row.reviewers, row.scores, strict=True)) for row in rows)
    return [
        replace(
            row,
            adjusted=adjusted_mean(dict(zip(row.reviewers, row.scores, strict=True)), lenient),
        )
        for row in rows
    ]


def states_of(ids: st.SearchStrategy[int]) -> st.SearchStrategy[dict[Key, State]]:
    """What persons decided about some rationales."""
    comment = Comment(9, "bob", 1.0, "unclear", "why?")
    return st.dictionaries(
        st.tuples(st.just("rationale"), ids),
        st.sampled_from(
            [
                State(accepted=True, decision=1, actor="ann"),
                State(accepted=False, decision=2, actor="bob"),
                State(accepted=True, text="put right", decision=3, actor="bob"),
                State(comments=(comment,)),
                State(accepted=True, decision=4, actor="ann", comments=(comment,)),
            ]
        ),
    )


@st.composite
def boards(draw: Any) -> Board:
    """A board whose rows stand in the order of its questions, some with nothing on them."""
    questions = draw(st.permutations([0, 1, 2, 3, 4]))
    place = {question: number for number, question in enumerate(questions)}
    rows = sorted(
        draw(row_lists()), key=lambda row: (place[row.question_id], TEACHERS.index(row.teacher))
    )
    incomplete = [
        Incomplete(100 + number, question, draw(st.sampled_from(TEACHERS)), "truncated")
        for number, question in enumerate(questions)
        if draw(st.booleans())
    ]
    states: dict[Key, State] = dict(draw(states_of(st.integers(0, 104))))
    for question in questions:
        own = [row.id for row in rows if row.question_id == question]
        if own and draw(st.booleans()):
            states["question", question] = State(favourite=draw(st.sampled_from(own)), decision=7)
    return Board(questions, TEACHERS, rows, incomplete, states, {}, {})
