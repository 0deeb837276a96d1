"""A word diff is exact, reads well, and never takes seconds."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.curation.word_diff import word_diff

WORDS = st.lists(st.sampled_from(["a", "b", "3", "= 4", ".", "!\n", "\n\n", " ", "\ud800"]))
TEXTS = st.one_of(st.text(st.characters(exclude_categories=[])), WORDS.map("".join))


def check(before: str, after: str) -> list[tuple[str, str]]:
    changes = word_diff(before, after)
    assert "".join(text for kind, text in changes if kind != "added") == before
    assert "".join(text for kind, text in changes if kind != "removed") == after
    assert all(text for _, text in changes)
    return [*changes]


@settings(deadline=None, max_examples=120)
@given(before=TEXTS, after=TEXTS)
def test_both_texts_can_be_read_out_of_it(before: str, after: str) -> None:
    changes = check(before, after)
    kinds = [kind for kind, _ in changes]
    assert all(one != other for one, other in pairwise(kinds))
    assert "added removed" not in " ".join(kinds)
    if before == after:
        assert kinds == ["same"] * bool(before)


def test_only_the_changed_words_are_marked() -> None:
    assert word_diff("The cat sat on a mat.", "So The cat stood on the mat. Yes") == [
        ("added", "So "),
        ("same", "The cat "),
        ("removed", "sat"),
        ("added", "stood"),
        ("same", " on "),
        ("removed", "a"),
        ("added", "the"),
        ("same", " mat."),
        ("added", " Yes"),
    ]


def test_white_space_alone_is_nothing_that_stayed() -> None:
    assert word_diff("x y", "z w") == [("removed", "x y"), ("added", "z w")]
    assert word_diff("a b", "a  b") == [
        ("same", "a"),
        ("removed", " "),
        ("added", "  "),
        ("same", "b"),
    ]


def sentence(seed: int, length: int, words: str) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(words) for _ in range(length))


LONG = ". ".join(f"Step {n} gives {n * 7} of {n % 13} apples and the rest" for n in range(2200))
LONG_PAIRS = {
    "one word": (LONG, LONG.replace("Step 1000 ", "Line 1000 ")),
    "both ends": (LONG, "x" + LONG + "x"),
    "every seventh number": (LONG, LONG.replace("7 of", "8 of")),
    "all other words": (LONG, LONG.upper()),
    "two words only": (sentence(1, 50_000, "ab"), sentence(2, 50_000, "ab")),
    "sentences of two words": (
        ". ".join(sentence(n, 45, "ab") + f". k{n}" for n in range(900)),
        ". ".join(sentence(-n, 45, "ab") + f". k{n}" for n in range(900)),
    ),
    "stops": ("." * 100_000, "!" * 100_000),
    "one long word": ("a" * 100_000, "b" * 100_000),
    "lines": ("\n" * 100_000, " \n" * 50_000),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("pair", LONG_PAIRS.values(), ids=LONG_PAIRS)
def test_long_texts_take_no_minutes(pair: tuple[str, str]) -> None:
    check(*pair)


def test_in_a_long_text_a_few_changed_words_are_still_found() -> None:
    assert word_diff(*LONG_PAIRS["both ends"])[0] == ("removed", "Step")
    changed = [text for kind, text in word_diff(*LONG_PAIRS["one word"]) if kind != "same"]
    assert changed == ["Step", "Line"]
    numbers = [text for kind, text in word_diff(*LONG_PAIRS["every seventh number"])]
    assert max(map(len, numbers)) < 1000
