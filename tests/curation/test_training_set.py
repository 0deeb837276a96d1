"""Which curated texts a student learns from."""

import pytest

from fair_app.curation.acceptance import RationaleRow, Verdict, verdict
from fair_app.curation.decisions import State
from fair_app.curation.training_set import FeedbackRow, TrainingRow, training_set
from fair_app.errors import BadInput

RATIONALES = [
    RationaleRow(1, 20, "gpt", "gpt on 20", True, (5, 4)),
    RationaleRow(2, 20, "gemini", "gemini on 20", False, (1, 2)),
    RationaleRow(3, 10, "gpt", "gpt on 10", True, (1, 1)),
    RationaleRow(4, 10, "gemini", "gemini on 10", True, (4, 4)),
    RationaleRow(5, 30, "gpt", "gpt on 30", True, (5, 5)),
]
FEEDBACK = [
    FeedbackRow(10, "gpt", "about 10"),
    FeedbackRow(10, "gemini", "more about 10"),
    FeedbackRow(20, "gpt", "about 20"),
    FeedbackRow(20, "gemini", None),
    FeedbackRow(40, "gpt", "about 40"),
]


def verdicts(threshold: float = 3, **states: State) -> dict[int, Verdict]:
    return {row.id: verdict(row, threshold, states.get(f"on_{row.id}")) for row in RATIONALES}


def test_mixed_takes_accepted_rationales_and_all_feedback() -> None:
    assert training_set(RATIONALES, verdicts(), FEEDBACK) == [
        TrainingRow(20, (("gpt", "gpt on 20"),), (("gpt", "about 20"),)),
        TrainingRow(
            10, (("gemini", "gemini on 10"),), (("gpt", "about 10"), ("gemini", "more about 10"))
        ),
    ]


def test_a_teacher_is_taken_whatever_the_scores() -> None:
    assert training_set(RATIONALES, verdicts(), FEEDBACK, teacher="gpt") == [
        TrainingRow(20, (("gpt", "gpt on 20"),), (("gpt", "about 20"),)),
        TrainingRow(10, (("gpt", "gpt on 10"),), (("gpt", "about 10"),)),
    ]


def test_a_teacher_can_be_held_to_the_rule() -> None:
    found = training_set(RATIONALES, verdicts(), FEEDBACK, teacher="gpt", keep_rule=True)
    assert [row.question_id for row in found] == [20]


def test_what_a_person_rejected_stays_out_and_what_they_accepted_comes_in() -> None:
    decided = verdicts(on_1=State(accepted=False), on_3=State(accepted=True))
    for keep_rule in (False, True):
        found = training_set(RATIONALES, decided, FEEDBACK, teacher="gpt", keep_rule=keep_rule)
        assert [row.question_id for row in found] == [10]
    mixed = training_set(RATIONALES, decided, FEEDBACK)
    assert mixed[0].rationales == (("gpt", "gpt on 10"), ("gemini", "gemini on 10"))


def test_an_edited_text_is_learnt_from() -> None:
    decided = verdicts(on_2=State(accepted=True, text="put right"))
    assert training_set(RATIONALES, decided, FEEDBACK)[0].rationales == (
        ("gpt", "gpt on 20"),
        ("gemini", "put right"),
    )


@pytest.mark.parametrize("blank", ["", " \n\t"])
def test_a_blank_text_is_never_learnt_from(blank: str) -> None:
    rows = [RationaleRow(1, 10, "gpt", blank, None, (5, 5)), RATIONALES[3]]
    judged = {row.id: verdict(row, 3) for row in rows}
    feedback = [FeedbackRow(10, "gpt", blank), FEEDBACK[1]]
    assert training_set(rows, judged, feedback) == [
        TrainingRow(10, (("gemini", "gemini on 10"),), (("gemini", "more about 10"),))
    ]


def test_an_unknown_teacher_is_told_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"no teacher 'gtp'.*mixed or one of gpt, gemini\."):
        training_set(RATIONALES, verdicts(), FEEDBACK, teacher="gtp")


def test_an_empty_training_set_says_what_to_do() -> None:
    with pytest.raises(BadInput, match="collect the teachers' work first"):
        training_set([], {}, [])
    with pytest.raises(BadInput, match="collect the teachers' work first"):
        training_set([], {}, [], teacher="gpt")
    with pytest.raises(BadInput, match=r"lower the threshold below 5\.00 or accept"):
        training_set(RATIONALES, verdicts(5), FEEDBACK)
    with pytest.raises(BadInput, match="collect the missing feedback"):
        training_set(RATIONALES, verdicts(), [])
    with pytest.raises(BadInput, match="No question has both"):
        training_set(RATIONALES[4:], verdicts(), FEEDBACK)
    nobody = {row.id: verdict(row, 3, State(accepted=False)) for row in RATIONALES}
    with pytest.raises(BadInput, match=r"is accepted: accept some by hand"):
        training_set(RATIONALES, nobody, FEEDBACK)
