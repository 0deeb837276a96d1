"""Test items among what was learned from, by rising distance."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.evaluation.leakage import ALIKE, Leak, jaccard, leaks, shingles, words

TRAINED = [
    "Ann has 1,000 pens and buys 3 more. How many pens has Ann now?",
    "A train of 12 wagons leaves the station at 5 p.m. and loses 2 wagons at every stop on its "
    "way to the sea. How many wagons has it left after its third stop?",
    "What is 3.5 times 2?",
]


def test_each_item_leaks_once() -> None:
    tested = {
        1: TRAINED[0],
        2: "ann has 1000 pens, and buys 3 more… How many pens has Ann now",
        3: TRAINED[1].replace("sea", "lake"),
        4: TRAINED[0].replace("3", "4"),
        5: "What is 35 times 2?",
    }
    found = leaks(tested, [*TRAINED, TRAINED[0]], "some set")
    assert found.exact == [Leak(1, TRAINED[0], TRAINED[0], 1.0)]
    assert found.normalised == [Leak(2, tested[2], TRAINED[0], 1.0)]
    (near,) = found.near
    assert (near.question_id, near.trained) == (3, TRAINED[1])
    assert near.similarity == jaccard(shingles(tested[3]), shingles(TRAINED[1])) >= ALIKE
    assert found.items == {1, 2, 3}
    assert (found.n, found.trained, found.source) == (5, 3, "some set")


def test_another_number_is_another_problem() -> None:
    assert words("It costs $1,234.50, or 1,000,000!") == ("it", "costs", "1234.50", "or", "1000000")
    assert words("3,5 and 2.5.") == ("3,5", "and", "2.5")
    assert words("Ann's 2 cats") != words("Ann's 3 cats")
    assert words("ÄPFEL") == ("äpfel",)


def test_another_sign_is_another_problem() -> None:
    sums = [f"What is 12 {sign} 4?" for sign in "+-*/"]
    assert len({words(text) for text in sums}) == 4
    assert leaks({1: sums[0]}, sums[1:]).items == frozenset()
    assert words("What is 12-4 ?") == words("what is 12 − 4")
    assert words("a well-known 20% - or more") == words("A well known 20 %, or more")


@pytest.mark.parametrize(("tested", "trained"), [({}, ["a"]), ({1: "a b"}, []), ({1: ""}, ["b"])])
def test_nothing_leaks_from_nothing(tested: dict[int, str], trained: list[str]) -> None:
    assert leaks(tested, trained).items == frozenset()


@given(st.lists(st.text(alphabet="ab 1.,", max_size=12), max_size=6), st.data())
def test_what_stands_there_is_found(trained: list[str], data: st.DataObject) -> None:
    texts = [*trained, *data.draw(st.lists(st.text(alphabet="ab 1.,", max_size=12), max_size=4))]
    found = leaks(dict(enumerate(texts)), trained)
    assert {leak.question_id for leak in found.exact} == {
        place for place, text in enumerate(texts) if text in trained
    }
    normal = {words(text) for text in trained}
    for leak in found.normalised:
        assert words(texts[leak.question_id]) in normal
        assert leak.tested not in trained
    total = len(found.exact) + len(found.normalised) + len(found.near)
    assert total == len(found.items)


def test_minhash_finds_what_comparing_all_pairs_finds() -> None:
    """Texts with a few words changed: candidates in bands miss nothing that is alike enough."""
    chance = random.Random(5)
    vocabulary = [f"word{number}" for number in range(500)]
    trained = [" ".join(chance.choices(vocabulary, k=40)) for _ in range(300)]
    tested = {}
    for item, text in enumerate(trained):
        changed = text.split()
        for _ in range(chance.randint(1, 6)):
            changed[chance.randrange(40)] = "changed"
        tested[item] = " ".join(changed)
    sets = [shingles(text) for text in trained]
    alike = {}
    for item, text in tested.items():
        own = shingles(text)
        alike[item] = max(jaccard(own, other) for other in sets)
    found = leaks(tested, trained)
    assert {leak.question_id: leak.similarity for leak in found.near} == {
        item: similarity for item, similarity in alike.items() if similarity >= ALIKE
    }
    assert 20 < len(found.near) < 280
