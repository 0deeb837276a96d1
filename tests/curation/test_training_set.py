"""Which curated texts a student learns from."""

import pytest

from fair_app.curation.acceptance import RationaleRow, Rule
from fair_app.curation.decisions import Key, State
from fair_app.curation.training_set import FeedbackRow, Selection, TrainingRow, training_set
from fair_app.errors import BadInput

RATIONALES = [
    RationaleRow(1, 20, "gpt", True, (5, 4)),
    RationaleRow(2, 20, "gemini", False, (1, 2)),
    RationaleRow(3, 10, "gpt", True, (1, 1)),
    RationaleRow(4, 10, "gemini", True, (4, 4)),
    RationaleRow(5, 30, "gpt", True, (5, 5)),
]
TEXTS = {row.id: f"{row.teacher} on {row.question_id}" for row in RATIONALES}
FEEDBACK = [
    FeedbackRow(10, "gpt", "about 10"),
    FeedbackRow(10, "gemini", "more about 10"),
    FeedbackRow(20, "gpt", "about 20"),
    FeedbackRow(20, "gemini", None),
    FeedbackRow(40, "gpt", "about 40"),
]


def on(**states: State) -> dict[Key, State]:
    """States of rationales: `on(r3=…)` is that of rationale 3, `on(q20=…)` that of question 20."""
    subjects = {"r": "rationale", "q": "question"}
    return {(subjects[name[0]], int(name[1:])): state for name, state in states.items()}


def made(
    rule: Rule | None = None, teacher: str = "mixed", keep_rule: bool = False, **states: State
) -> list[TrainingRow]:
    return training_set(
        RATIONALES, TEXTS, rule or Rule(), FEEDBACK, on(**states), Selection(teacher, keep_rule)
    )


def test_mixed_takes_accepted_rationales_and_all_feedback() -> None:
    assert made() == [
        TrainingRow(20, (("gpt", "gpt on 20"),), (("gpt", "about 20"),)),
        TrainingRow(
            10, (("gemini", "gemini on 10"),), (("gpt", "about 10"), ("gemini", "more about 10"))
        ),
    ]


def test_the_whole_rule_is_asked() -> None:
    assert [row.question_id for row in made(Rule(per_teacher={"gpt": 4.5}))] == [10]
    assert [row.question_id for row in made(Rule(per_teacher={"gpt": 0.5}))] == [20, 10]
    assert made(Rule(0, answer_check=True)) == made(Rule(0, {"gemini": 2}))


def test_a_teacher_is_taken_whatever_the_scores() -> None:
    assert made(teacher="gpt") == [
        TrainingRow(20, (("gpt", "gpt on 20"),), (("gpt", "about 20"),)),
        TrainingRow(10, (("gpt", "gpt on 10"),), (("gpt", "about 10"),)),
    ]


def test_a_teacher_can_be_held_to_the_rule() -> None:
    assert [row.question_id for row in made(teacher="gpt", keep_rule=True)] == [20]


def test_what_a_person_rejected_stays_out_and_what_they_accepted_comes_in() -> None:
    decided = {"r1": State(accepted=False), "r3": State(accepted=True)}
    for keep_rule in (False, True):
        found = made(teacher="gpt", keep_rule=keep_rule, **decided)
        assert [row.question_id for row in found] == [10]
    assert made(**decided)[0].rationales == (("gpt", "gpt on 10"), ("gemini", "gemini on 10"))


def test_an_edited_text_is_learnt_from_and_marked_as_a_persons() -> None:
    assert made(r2=State(accepted=True, text="put right"))[0].rationales == (
        ("gpt", "gpt on 20"),
        ("human, after gemini", "put right"),
    )
    (own,) = made(teacher="gemini", r4=State(accepted=True, text="put right"))
    assert own.rationales == (("human, after gemini", "put right"),)
    rejected = made(r4=State(accepted=False, text="put right"))
    assert [row.question_id for row in rejected] == [20]


def test_of_a_question_with_a_favourite_that_alone_is_learnt_from() -> None:
    both = {"r3": State(accepted=True)}
    assert len(made(**both)[1].rationales) == 2
    assert made(**both, q10=State(favourite=3))[1].rationales == (("gpt", "gpt on 10"),)
    # A favourite that is not accepted (any more) is none, nor one for a single teacher's student.
    assert made(q10=State(favourite=3)) == made()
    assert made(teacher="gpt", q10=State(favourite=4)) == made(teacher="gpt")
    # One of another question touches nothing.
    assert made(**both, q20=State(favourite=4)) == made(**both)


@pytest.mark.parametrize("blank", ["", " \n\t"])
def test_a_blank_text_is_never_learnt_from(blank: str) -> None:
    rows = [RationaleRow(1, 10, "gpt", None, (5, 5)), RATIONALES[3]]
    feedback = [FeedbackRow(10, "gpt", blank), FEEDBACK[1]]
    assert training_set(rows, {**TEXTS, 1: blank}, Rule(), feedback) == [
        TrainingRow(10, (("gemini", "gemini on 10"),), (("gemini", "more about 10"),))
    ]


def test_an_unknown_teacher_is_told_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"no teacher 'gtp'.*mixed or one of gpt, gemini\."):
        made(teacher="gtp")


def test_an_empty_training_set_says_what_to_do() -> None:
    for teacher in ("mixed", "gpt"):
        with pytest.raises(BadInput, match="collect the teachers' work first"):
            training_set([], {}, Rule(), [], selection=Selection(teacher))
    with pytest.raises(BadInput, match=r"lower the threshold below 5\.00 or accept"):
        made(Rule(5))
    with pytest.raises(BadInput, match="collect the missing feedback"):
        training_set(RATIONALES, TEXTS, Rule(), [])
    with pytest.raises(BadInput, match="No question has both"):
        training_set(RATIONALES[4:], TEXTS, Rule(), FEEDBACK)
    nobody = {("rationale", row.id): State(accepted=False) for row in RATIONALES}
    with pytest.raises(BadInput, match=r"is accepted: accept some by hand"):
        training_set(RATIONALES, TEXTS, Rule(), FEEDBACK, nobody)
    with pytest.raises(BadInput, match=r"is accepted: accept some by hand"):
        made(Rule(min_scores=3))
