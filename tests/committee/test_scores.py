"""A review's score is read strictly: a clear score of 1 to 5, or none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.committee.scores import read_score


@pytest.mark.parametrize(
    ("review", "score"),
    [
        ("[5]", 5),
        ("[Score: 4/5]", 4),
        ("[5.0]", 5),
        ("[4.5]", None),
        ("On the scale [1-5] … a 4.", 4),
        ("On the scale [1-5] I would give this rationale a 4.", 4),
        ("[2] (scale: [1-5])", 2),
        ("2 out of 5", 2),
        ("[2] because x lies in [0, 4]", 2),
        ("I rate it 2. Correct answer should be 5.", 2),
        ("[four]", 4),
        ("<think>Maybe [2]?", None),
        ('{"reasoning":"[x] fine","score":4}', 4),
        ("Correctness: [5] Soundness: [3]", None),
        ("[-1]", None),
        ("The score should be wrapped by square brackets, such as: [5].", None),
    ],
)
def test_the_hard_cases(review: str, score: int | None) -> None:
    assert read_score(review) == score


@pytest.mark.parametrize(
    ("review", "score"),
    [
        ("The steps are right. [4]", 4),
        ("**[4]**", 4),
        ("[[4]]", 4),
        ("[4]/5", 4),
        ("[4]/[5]", 4),
        ("[4]/10", None),
        ("[1/5]", 1),
        ("[ 3 ]", 3),
        ("[four out of five]", 4),
        ("[0]", None),
        ("[6]", None),
        ("[83]", None),
        ("[.5]", None),
        ("[4-5]", None),
        ("From [1] to [5], a 4.", 4),
        ("Correctness: [5] Soundness: [3] Overall: [4]", 4),
        ("Final score: [4]\nSoundness score: [3]", 4),
        ("Correctness: [5] Soundness: [5]", 5),
        ("Step [1] is right, step [2] too.\n\n[5]", 5),
        ("[3]\nNow step [4].", None),
        ("[3]\n[4]", None),
    ],
)
def test_brackets(review: str, score: int | None) -> None:
    assert read_score(review) == score


@pytest.mark.parametrize(
    ("review", "score"),
    [
        ('```json\n{"score": "4/5"}\n```', 4),
        ('{"score": 5, "why": "[2] of them hold"}', 5),
        ('{"score": 4.5}', None),
        ('{"score": 11, "note": "[4]"}', None),
        ('{"correctness": 5, "soundness": 3}', None),
        ("<think>[1]</think>[5]", 5),
        ("I thought of [2]</think> [5]", 5),
        ("such as: [5]\nScore: [3]", 3),
    ],
)
def test_json_thoughts_and_echoes(review: str, score: int | None) -> None:
    assert read_score(review) == score


@pytest.mark.parametrize(
    ("review", "score"),
    [
        ("4", 4),
        (" **4/5**. ", 4),
        ("Score: 4", 4),
        ("Score: **4**", 4),
        ("My score is five.", 5),
        ("I would give it a 3.", 3),
        ("I rate this rationale as a 4 out of 5.", 4),
        ("8/10", None),
        ("Score: 4-5", None),
        ("Score: 4 or 5", None),
        ("Score: 4 and a half", None),
        ("Score: 80%", None),
        ("I rate it 2. Later I rate it 3.", None),
        ("He ate 4/5 of the cake.", None),
        ("2 out of 5 apples are red.", None),
        ("They give a 5 dollar bill.", None),
        ("The answer is 5.", None),
        ("3 + 1 = 4\n4", None),
        ("", None),
    ],
)
def test_plain_words(review: str, score: int | None) -> None:
    assert read_score(review) == score


FRAGMENTS = st.lists(
    st.one_of(
        st.sampled_from(["[4]", "[3", "5]", "4/5", "score", "Score:", " out of 5", "such as: "]),
        st.sampled_from(["<think>", "</think>", '"score": ', "rate it ", " to ", "1-5", "four"]),
        st.sampled_from(list("[]{}-. \n")),
    ),
    max_size=30,
).map("".join)


@settings(deadline=None, max_examples=300)
@given(review=st.one_of(st.text(), FRAGMENTS))
def test_any_text_gives_a_score_or_none(review: str) -> None:
    assert read_score(review) in (None, 1, 2, 3, 4, 5)


@settings(deadline=None)
@given(score=st.integers(1, 5), before=st.text(alphabet="abc ,.", max_size=40))
def test_the_form_that_the_prompt_asks_for_is_always_read(score: int, before: str) -> None:
    assert read_score(f"{before}\n[{score}]") == score


@pytest.mark.timeout(60)  # quadratic work on so long a text takes minutes
@pytest.mark.parametrize(
    "unit",
    [
        *("[", "[4", "[4] ", "<think>", "<think></think>", "score ", "score is ", '"score":'),
        *("4/", "1-5 ", "rate it the ", "such as [", "a 4", " ", "\n", "4 out of 5 ", "*"),
    ],
)
def test_a_long_text_is_read_in_linear_time(unit: str) -> None:
    assert read_score(unit * (300_000 // len(unit)) + "\n<think>") in (None, 4)
