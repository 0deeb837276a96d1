"""What a model thought is not read as its answer, by any grader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.tasks.grading import GRADERS, grade
from fair_app.tasks.readers.thoughts import BEGIN, END, answer_within

OPTIONS = ("red apples", "green pears", "blue plums")
GOLDS = {"number": "12", "choice": "B", "boolean": "true", "exact": "Paris"}
ANSWERS = {
    "number": ["The answer is 12.", "3 * 4 = 12", "#### 12", "no number"],
    "choice": ["The answer is B.", "B. It says so.", "green pears", "none of them"],
    "boolean": ["The answer is yes.", "True. Because", "So yes.", "perhaps"],
    "exact": ["The answer is Paris.", "I think.\nParis", "Rome", ""],
}
ANY = st.text(st.characters(codec="utf-8"), max_size=80)
THOUGHTS = st.one_of(
    ANY, st.sampled_from([answer for answers in ANSWERS.values() for answer in answers])
).filter(lambda text: END not in text and BEGIN not in text)


@pytest.mark.parametrize("grader", GRADERS)
@given(data=st.data(), thoughts=THOUGHTS, begun=st.booleans(), late=st.none() | THOUGHTS)
def test_thoughts_change_no_grade_and_the_span_is_of_the_whole_text(
    grader: str, data: st.DataObject, thoughts: str, begun: bool, late: str | None
) -> None:
    answer = data.draw(st.sampled_from(ANSWERS[grader]))
    before = f"{BEGIN * begun}{thoughts}{END}"
    whole = before + answer + (f"{BEGIN}{late}" if late is not None else "")
    alone, read = (grade(text, GOLDS[grader], grader, OPTIONS) for text in (answer, whole))
    assert (read.prediction, read.rule, read.correct) == (
        alone.prediction,
        alone.rule,
        alone.correct,
    )
    if alone.span is None:
        assert read.span is None
    else:
        assert read.span == tuple(len(before) + place for place in alone.span)


@pytest.mark.parametrize("grader", GRADERS)
@pytest.mark.parametrize("form", [f"{BEGIN}{{}}", f"{BEGIN}{{}}{END}", f"{{}}{END}\n"])
def test_thoughts_alone_are_no_answer(grader: str, form: str) -> None:
    for answer in ANSWERS[grader]:
        read = grade(form.format(answer), GOLDS[grader], grader, OPTIONS)
        assert (read.prediction, read.span, read.correct) == ("", None, False)


@given(st.lists(st.sampled_from([BEGIN, END, "a", "\n"])).map("".join))
def test_no_mark_stands_within_the_answer(text: str) -> None:
    start, end = answer_within(text)
    answer = text[start:end]
    assert BEGIN not in answer
    assert END not in answer
    assert text[:start].endswith(END) or start == 0
    assert text[end:].startswith(BEGIN) or end == len(text)
