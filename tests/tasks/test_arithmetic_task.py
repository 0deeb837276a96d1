"""The generated task: derivations that hold, and splits that share nothing."""

import re
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.tasks.arithmetic import Arithmetic, problems
from fair_app.tasks.base import Question
from fair_app.tasks.stories import FAMILIES

seeds = st.integers(0, 2**63)
LINE = re.compile(r"[^:]+: (\d+) ([-+*/]) (\d+) = <<(\d+)([-+*/])(\d+)=(\d+)>>(\d+) [a-z]+\.")


def filling(question: Question) -> tuple[str, tuple[int, ...]]:
    """What a problem is made from, read off its text."""
    numbers = sorted(map(int, re.findall(r"\d+", question.text)))
    return question.kind.split(",")[0], tuple(numbers)


@settings(max_examples=20, deadline=None)
@given(seeds, seeds)
def test_train_and_test_share_no_filling_whatever_their_seeds(left: int, right: int) -> None:
    train = list(islice(problems(left, "train"), 400))
    test = list(islice(problems(right, "test"), 200))
    assert not {filling(question) for question in train} & {filling(q) for q in test}
    assert not {question.text for question in train} & {question.text for question in test}


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["train", "test"]))
def test_no_filling_comes_twice_in_a_split(seed: int, split: str) -> None:
    fillings = [filling(question) for question in islice(problems(seed, split), 300)]
    assert len(set(fillings)) == len(fillings)


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from(["train", "test"]))
def test_every_derivation_holds(seed: int, split: str) -> None:
    for question in islice(problems(seed, split), 60):
        *lines, final = question.gold_text.split("\n")
        previous, told = None, sorted(map(int, re.findall(r"\d+", question.text)))
        used = []
        for line in lines:
            match = LINE.fullmatch(line)
            assert match, line
            left, sign, right, *annotation, shown = match.groups()
            a, b, result = int(left), int(right), int(shown)
            assert annotation == [left, sign, right, shown]
            assert {"+": a + b, "-": a - b, "*": a * b}.get(sign, result) == result
            assert sign != "/" or result * b == a
            assert min(a, b, result) >= 2
            assert previous in {None, a}
            used += [a, b] if previous is None else [b]
            previous = result
        assert sorted(used) == told
        assert final == f"#### {previous}"
        assert question.gold_answer == str(previous)
        steps = f"{len(lines)} step" + ("s" if len(lines) > 1 else "")
        assert question.kind.endswith(f", {steps}")
        assert "{" not in question.text + question.gold_text


def test_the_pool_has_every_family_and_one_to_four_steps() -> None:
    train, test = Arithmetic().load("train"), Arithmetic().load("test")
    assert (len(train), len(test)) == (2000, 1000)
    assert len({question.source_id for question in train + test}) == 3000
    for questions in (train, test):
        families = {question.kind.split(",")[0] for question in questions}
        assert families == {family.name for family in FAMILIES}
        assert len(families) >= 8
    easy = sum("1 step" in question.kind for question in train[:300])
    assert 0.3 * 300 < easy < 0.5 * 300
    assert {question.kind.split(", ")[1] for question in train[:100]} == {
        "1 step",
        "2 steps",
        "3 steps",
        "4 steps",
    }


@pytest.mark.parametrize("split", ["train", "test"])
def test_fewer_are_the_beginning_of_more(split: str) -> None:
    task = Arithmetic()
    assert task.load(split, limit=7) == task.load(split, limit=40)[:7] == task.load(split)[:7]


def test_the_default_pool_stays_as_it_is() -> None:
    # Stored exams refer to these problems: a change here would grade them against others.
    first = Arithmetic().load("train", limit=1)[0]
    assert first.text == (
        "Ben bakes 4 trays of cupcakes with 8 cupcakes on each tray. Max bakes 20 more cupcakes "
        "for Ben. He puts 9 berries on each of the cupcakes. How many berries does Ben need?"
    )
    assert Arithmetic(seed=1).load("train", limit=1)[0] != first


def test_every_step_uses_its_numbers_once() -> None:
    for family in FAMILIES:
        for step in (*family.openings, *family.moves, *family.endings):
            opening = step in family.openings
            assert step.tell.count("{n}") == 1
            assert step.tell.count("{a}") == (1 if opening else 0)
            assert "{a}" not in step.ask
            assert "{n}" not in step.ask
            assert not re.search(r"\d", step.tell + step.because + step.ask)


def test_gold_derivations_grade_right_and_other_answers_wrong() -> None:
    task = Arithmetic()
    for question in task.load("test", limit=50):
        assert task.grade(question.gold_text, question).correct
        assert task.gold_final(question.gold_text) == question.gold_answer
        assert not task.grade(f"The answer is {int(question.gold_answer) + 1}.", question).correct
        assert question.text in task.prompt(question)
        assert question.gold_answer not in task.prompt(question).replace(question.text, "")


def test_rows_are_read_in_gsm8ks_form(tmp_path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text('{"question": "1 + 1?", "answer": "1+1=<<1+1=2>>2\\n#### 2"}\n')
    assert Arithmetic().load("train", rows=file)[0].gold_answer == "2"


@pytest.mark.parametrize(("split", "limit"), [("validation", None), ("train", 0), ("test", -1)])
def test_another_split_or_no_limit_is_bad_input(split: str, limit: int | None) -> None:
    with pytest.raises(BadInput):
        Arithmetic().load(split, limit=limit)
