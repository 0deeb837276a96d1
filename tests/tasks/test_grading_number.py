"""Reading numbers: what models write, what the reference got wrong, and what must never happen."""

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.tasks.grading import GRADERS, grade
from fair_app.tasks.readers import numerals

READINGS = [
    # declared answers
    ("The answer is 12.", "12", "answer is"),
    ("The answer is 12 + 5 = 17.", "17", "answer is"),
    ("The answer is 17, since 12 + 5 = 17 and 3 * 3 = 9.", "17", "answer is"),
    ("The answer is 5 because 20 = 4 * 5.", "5", "answer is"),
    ("The answer is $5 per hour * 3 hours = $15.", "15", "answer is"),
    ("The answer is that Julia has 15 more kids.", "15", "answer is"),
    ("The answer to the question is **1,234** pens.", "1234", "answer is"),
    ("The final answer is: \n\n17", "17", "answer is"),
    ("The answer is \\(\\frac{3}{4}\\).", "0.75", "answer is"),
    ("The answer is 50% of 20 = 10.", "10", "answer is"),
    ("The answer is 3,5 kg.", "3.5", "answer is"),
    ("Die Antwort ist -1.234,50 Euro.", "-1234.5", "last number"),
    ("The answer is 1,2,3.", "1", "answer is"),  # a list, no decimal comma
    ("The answer is 1,000,000.", "1000000", "answer is"),
    ("The answer is 1.000.000.", "1000000", "answer is"),
    ("It rises from 10 to 12.", "12", "last number"),
    ("We add 5 to 12 and get 17.", "17", "last number"),
    ("The answer is 50% or 0.5.", "50", "answer is"),
    ("12-5=7", "7", "equation"),
    ("The answer is 12 miles over 3 days.", "12", "answer is"),
    ("The answer is 3 1/2 cups.", "3.5", "answer is"),
    ("The answer is $145.00.", "145", "answer is"),
    ("The answer is −5.", "-5", "answer is"),
    ("The answer is 30.\nWait, 5 * 5 = 25.\nThe answer is 25.", "25", "answer is"),
    ("The answer is 145.\n\nThe answer is N.", "145", "answer is"),
    ("So 3 * 4 = <<3*4=12>>12 pens.\n#### 12", "12", "####"),
    ("#### 1,080", "1080", "####"),
    ("#### 18 dollars a day", "18", "####"),
    ("#### 2. Then we add\nThe answer is 9.", "9", "answer is"),
    ("#### Step 2: add\n\\boxed{9}", "9", "boxed"),
    ("$$\\boxed{145\\text{ cm}}$$", "145", "boxed"),
    ("Answer: 290 / 2 = 145", "145", "answer:"),
    ("Answer: B) 5", "5", "answer:"),
    ("**Answer:** 17", "17", "answer:"),
    ("### Answer\n17", "17", "answer:"),
    ("Answer: 9 (61 - 52", "9", "answer:"),
    ("Final Answer: $-47$", "-47", "answer:"),
    ("Answer: 412 - 90 = 322\n\nExplanation:\nHe lost 412 - 20 = 392", "322", "answer:"),
    ("Answer:\nBob has 20 apples.\n\nExplanation:\n16 + 6 = 22", "20", "answer:"),
    # no declared answer
    ("The answer is N.\nSo 5 + 3 = 8", "8", "equation"),
    ("Answer:\n\nFirst 3 * 4 = 12 pens.\n\nThen 12 - 2 = 10 pens.", "10", "equation"),
    ("Therefore, 27 x 23 = 621 books for 3 people.", "621", "equation"),
    ("x = 555 / 0.4\n\nx = 1387.5", "1387.5", "equation"),
    ("She has 12 + 5\n= 17", "17", "equation"),
    ("290/2=<<290/2=145>>", "145", "equation"),
    ("7 - 9 = - 2", "-2", "equation"),
    ("12*35 = 420\nThey pick 420 oranges if they pick 35 sacks.", "420", "restated"),
    ("Bryan has 621 books (27 books x 23 bookshelves).", "621", "last number"),
    ("1. She has 3 packs\n2. So 12 pens", "12", "last number"),
    ("The field is 145 m^2.", "145", "last number"),
    ("She finished in 2nd place with 14 points.", "14", "last number"),
    ("It's a 120-page book.", "120", "last number"),
    ("I don't know.", "", "none"),
    ("", "", "none"),
    ("The answer is N.", "", "none"),
    ("The answer is 10–12 pens.", "", "none"),
    ("The answer is either 10 or 12.", "", "none"),
]


@pytest.mark.parametrize(("answer", "prediction", "rule"), READINGS)
def test_reads_the_number_that_is_meant(answer: str, prediction: str, rule: str) -> None:
    read = grade(answer, prediction or "0", "number")
    assert (read.prediction, read.rule, read.correct) == (prediction, rule, bool(prediction))


def test_the_span_is_what_was_read() -> None:
    answer = "She pays 3 * $50 = $150. The answer is $1,150.50 in all."
    read = grade(answer, "1150.5", "number")
    assert read.span is not None
    assert answer[slice(*read.span)] == "1,150.50"
    assert read.correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        ("#### 145.0", "145", True),  # the reference compared texts
        ("#### 1,000", "1000", True),
        ("#### 1000", "1,000", True),
        ("#### $145.00", "145", True),
        ("#### 3/4", "0.75", True),
        ("#### 25%", "25", True),
        ("#### 25%", "0.25", True),
        ("#### 145.01", "145", False),
        ("#### -145", "145", False),
        ("#### 0.333", "1/3", False),
        ("#### 0.25", "25%", True),
        ("#### 25", "25%", True),
        ("#### 2500", "25%", False),
        ("#### 1.234", "1234", True),
        ("#### 1,234", "1.234", True),
        ("#### -1.234", "-1234", True),
        ("#### 1.234", "-1234", False),
        ("#### 12.34", "1234", False),
        ("#### 0.125", "125", False),
        ("#### 1.2345", "12345", False),
        ("#### 1234", "1.234", False),
        ("#### 10", "1000", False),
    ],
)
def test_numbers_compare_as_numbers(answer: str, gold: str, correct: bool) -> None:
    assert grade(answer, gold, "number").correct is correct


def test_a_wrong_calculation_is_read_as_the_student_wrote_it() -> None:
    read = grade("The answer is 290 / 2 = 144.", "145", "number")
    assert (read.prediction, read.correct) == ("144", False)


def test_a_gold_answer_that_is_no_number_is_bad_input() -> None:
    with pytest.raises(BadInput, match="not a number"):
        grade("12", "twelve", "number")


def test_an_unknown_grader_is_bad_input() -> None:
    with pytest.raises(BadInput, match="number, choice, boolean, exact"):
        grade("12", "12", "numeric")


values = st.one_of(
    st.integers(-(10**12), 10**12).map(Fraction),
    st.decimals(-(10**6), 10**6, places=3, allow_nan=False).map(Fraction),
)
positive = st.integers(1, 10**9)


def plain(value: Fraction) -> str:
    return numerals.canonical(value)


def grouped(value: Fraction) -> str:
    whole, _, decimals = plain(abs(value)).partition(".")
    sign = "-" if value < 0 else ""
    return f"{sign}{int(whole):,}{'.' + decimals if decimals else ''}"


def german(value: Fraction) -> str:
    return grouped(value).translate(str.maketrans(",.", ".,"))


WRITTEN = [
    plain,
    grouped,
    german,
    lambda value: plain(value).replace(".", ","),
    lambda value: grouped(value).replace(",", "{,}"),
    lambda value: grouped(value).replace(",", "\u202f"),
    lambda value: f"${grouped(value)}".replace("$-", "-$"),
    lambda value: f"**{plain(value)}**",
    lambda value: f"${plain(value)}$",
    lambda value: f"{plain(value)}{'' if '.' in plain(value) else '.0'}",
]
SENTENCES = [
    "The answer is {}.",
    "So the correct answer is {} pens.",
    "Let us see. The answer is: {}",
    "First 3 * 4 = 12.\n#### {}",
    "It is \\boxed{{{}}}.",
    "3 packs of 4.\n\nAnswer: {}",
    "Answer: {}\n\nExplanation: 3 * 4 = 12",
    "Answer: 3 * 4 = {}",
    "He takes 3 * 4 + x = {}",
    "In the end there are {}",
]


@settings(deadline=None)
@given(values, st.sampled_from(WRITTEN), st.sampled_from(SENTENCES))
def test_a_number_in_every_supported_form_reads_back(value, written, sentence) -> None:
    read = grade(sentence.format(written(value)), plain(value), "number")
    assert read.correct, read
    assert read.prediction == plain(value)
    assert not grade(sentence.format(written(value)), plain(value + 1), "number").correct


@settings(deadline=None)
@given(positive, positive, st.sampled_from(["{}/{}", "\\frac{{{}}}{{{}}}"]))
def test_a_fraction_reads_back(over: int, under: int, form: str) -> None:
    read = grade(f"The answer is {form.format(over, under)}.", f"{over}/{under}", "number")
    assert read.correct
    assert Fraction(read.prediction) == Fraction(over, under)


@settings(deadline=None)
@given(values)
def test_canonical_is_one_form_a_number(value: Fraction) -> None:
    written = numerals.canonical(value)
    parsed = numerals.parse(written)
    assert parsed is not None
    assert parsed.value == value
    assert numerals.canonical(parsed.value) == written


PIECES = (
    "12 1,000 3.5 -7 $ % + - * / x ( ) ** <<3*4=12>> #### \\boxed{ } \\frac{1}{0} 5/0",
    "the answer is Answer: Explanation: \n . , so yes no true false not (A) B. option C is correct",
    "é ² ½ ٣ _ \\",
)
pieces = st.sampled_from([piece for line in PIECES for piece in line.split(" ")])
texts = st.one_of(
    st.text(max_size=300),
    st.lists(pieces, max_size=60).map(" ".join),
    st.lists(pieces, max_size=60).map("".join),
)


@settings(deadline=None)
@given(texts, st.sampled_from(GRADERS))
@example("5/0", "number")
@example("\\frac{1}{0}", "number")
@example("9" * 10_000, "number")
def test_any_text_is_read_or_not_read_but_never_fails(text: str, grader: str) -> None:
    read = grade(text, "1", grader, ("red apples", "green pears"))
    if read.span is None:
        assert (read.prediction, read.rule, read.correct) == ("", "none", False)
    else:
        start, end = read.span
        assert 0 <= start < end <= len(text)
        assert read.prediction
        assert read.rule != "none"


ADVERSARIES = [
    "answer: ",
    "answer: 3 + 4 explanation: ",
    "the answer is 12 + ",
    "the answer is the ",
    "\\boxed{",
    "<<1",
    "123,",
    "1/",
    "2 1/2 ",
    "12 a b c d = ",
    "x'a-",
    "a",
    "therefore, it is not ",
    "A.\n",
    "option B is (A) ",
    "A good behaviour ",
    " ",
    "\n",
]


@pytest.mark.parametrize("piece", ADVERSARIES)
def test_a_long_text_takes_no_more_than_linear_time(piece: str) -> None:
    # A quadratic pattern would run for a quarter of an hour: the suite's time limit would end it.
    options = ("A good behaviour needs luck", "a a a a a a a a b", "x", "the answer is the the")
    for grader in GRADERS:
        length = 100_000 if grader == "number" else 400_000  # a token costs more than a character
        text = (piece * (length // len(piece))) + "z"
        assert grade(text, "7", grader, options).correct is False
