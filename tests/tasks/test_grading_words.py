"""Reading verdicts, options and free text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.tasks.grading import grade

VERDICTS = [
    ("The answer is yes.", "true", "answer is"),
    ("So the answer is: **No**, although yes is tempting.", "false", "answer is"),
    ("The answer is not true.", "false", "answer is"),
    ("The answer is that it is not true.", "false", "answer is"),
    ("The answer is probably 'True'.", "true", "answer is"),
    ("The answer is yes. Wait. The answer is no.", "false", "answer is"),
    ("\\boxed{\\text{No}}", "false", "boxed"),
    ("#### false", "false", "####"),
    ("Answer:\nTrue\n\nExplanation: it would be false if", "true", "answer:"),
    ("Albany is small.\n\n**False**", "false", "last line"),
    ("Yes", "true", "last line"),
    ("It is a city. Therefore, the statement is false.", "false", "conclusion"),
    ("Snow is cold. So no, they would not.", "false", "conclusion"),
    ("Thus, it is not necessarily true.", "false", "conclusion"),
    ("True. The false rumour says otherwise and it ended.", "true", "first word"),
    ("No, because the true story differs from it", "false", "first word"),
    # nothing
    ("The answer is yes or no.", "", "none"),
    ("The answer is 'yes.' or 'no.'", "", "none"),
    ("It is true that Albany is a city. But it is small.", "", "none"),
    ("No one has seen true love there.", "", "none"),
    ("The answer is no longer known.", "", "none"),
    ("", "", "none"),
]


@pytest.mark.parametrize(("answer", "prediction", "rule"), VERDICTS)
def test_reads_the_verdict(answer: str, prediction: str, rule: str) -> None:
    read = grade(answer, prediction or "true", "boolean")
    assert (read.prediction, read.rule, read.correct) == (prediction, rule, bool(prediction))


def test_true_somewhere_in_the_text_is_no_verdict() -> None:
    # The reference reads "true" wherever the word occurs.
    answer = "A true pear is a fruit, so this is about pears. The answer is no."
    assert grade(answer, "false", "boolean").correct
    assert not grade(
        "This untrue claim is not about a true pear at all.", "true", "boolean"
    ).correct


OPTIONS = (
    "Some northerners are workers",
    "A good behaviour needs luck",
    "Both dogs and cats",
    "The reason is a cat",
)
CHOICES = [
    ("The answer is B.", "B", "answer is"),
    ("The answer is (c).", "C", "answer is"),
    ("The answer is option (D).", "D", "answer is"),
    ("The correct option is **B. A good**", "B", "answer is"),
    ("The answer is A because of the north.", "A", "answer is"),
    ("The answer is A good behaviour needs luck.", "B", "answer is"),
    ("Answer:\n\n'Some northerners are workers.'\n\nRationale: B is bad", "A", "answer:"),
    ("Answer: D) The reason", "D", "answer:"),
    ("\\boxed{B}", "B", "boxed"),
    ("#### C", "C", "####"),
    ("They bark and purr.\n\nC", "C", "last line"),
    ("They bark and purr.\n\nBoth dogs and cats.", "C", "last line"),
    ("B. A good behaviour", "B", "last line"),
    ("A. x\nB. y\nC. z\nD. w\n\nSo C is correct, as we saw.", "C", "option named"),
    ("Option B is not correct. We choose option D, then.", "D", "option named"),
    ("(B) is what I say.\nIt is luck.", "B", "first letter"),
    ("I think the reason is a cat, or so", "D", "option text"),
    ("A. x\nB. y\n\nI think the reason is a cat, or so", "D", "option text"),
    ("It must be (B), as (B) says luck", "B", "one letter"),
    # nothing
    ("The answer is a complex one.", "", "none"),
    ("The answer is A or B.", "", "none"),
    ("A. x\nB. y\nC. z\nD. w", "", "none"),
    (
        "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", OPTIONS, strict=True)),
        "",
        "none",
    ),
    ("A. Both dogs and cats\nB. The reason is a cat", "", "none"),
    ("(A) and (B) are both good.", "", "none"),
    ("", "", "none"),
]


@pytest.mark.parametrize(("answer", "prediction", "rule"), CHOICES)
def test_reads_the_option(answer: str, prediction: str, rule: str) -> None:
    # The reference's logiQA answers count as wrong unless they follow one fixed layout.
    read = grade(answer, prediction or "A", "choice", OPTIONS)
    assert (read.prediction, read.rule, read.correct) == (prediction, rule, bool(prediction))


def test_a_letter_beyond_the_options_is_no_option() -> None:
    assert grade("The answer is D.", "D", "choice", OPTIONS[:3]).rule == "none"


@settings(deadline=None)
@given(
    st.integers(0, 3),
    st.sampled_from(
        ["The answer is {}.", "Answer: {}", "\\boxed{{{}}}", "We choose option {}", "So:\n({})"]
    ),
)
def test_a_letter_in_every_form_reads_back(index: int, sentence: str) -> None:
    letter = "ABCD"[index]
    assert grade(sentence.format(letter), letter, "choice", OPTIONS).prediction == letter


@settings(deadline=None)
@given(st.integers(0, 3), st.sampled_from(["The answer is {}.", "Answer: {}", "I say {}"]))
def test_an_options_text_reads_as_its_letter(index: int, sentence: str) -> None:
    read = grade(sentence.format(OPTIONS[index].upper()), "ABCD"[index], "choice", OPTIONS)
    assert read.correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        ("The answer is Paris.", "paris", True),
        ("The answer is the U.S. Army. It was old.", "U.S. Army", True),
        ("Let me think.\n\nParis", "Paris", True),
        ("Answer: **New  York City**!", "new york city", True),
        ("The answer is C++.", "C", False),
        ("The answer is -5.", "5", False),
        ("The answer is a.", "the", False),
        ("The answer is London.", "Paris", False),
        ("", "Paris", False),
        ("...", "Paris", False),
    ],
)
def test_free_text_compares_without_case_articles_and_outer_punctuation(
    answer: str, gold: str, correct: bool
) -> None:
    assert grade(answer, gold, "exact").correct is correct
