"""Mentor-KD's files: every layout comes out as it went in, and bad files are one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.exchange.mentor_kd import FIELDS, made_row, read_mentor_kd, write_mentor_kd


def row(number: int, **other: Any) -> dict[str, Any]:
    return {
        "input": f"What is {number} + 1?",
        "chain": f"{number} and 1 make {number + 1}.",
        "completion": str(number + 1),
        "answer": str(number + 1),
        "initial_correct": True,
        **other,
    }


def taught(number: int) -> dict[str, Any]:
    """A row of a teacher's file: what it gave as the final answer is not there."""
    found = row(number, input=f"What is {number} + 1?\n")
    del found["completion"]
    return found


LAYOUTS: dict[str, Any] = {
    "as the authors have it": [taught(1), taught(1), taught(2)],
    "a list": [row(1), row(2)],
    "under data": {"data": [row(1), row(2)]},
    "by number": {"7": row(1), "3": row(2)},
    "by number, under data": {"data": {"7": row(1), "3": row(2)}},
    "several a question": {"0": [row(1), row(1, chain="So 2.")], "1": [row(2)]},
    "lists of several": [[row(1), row(1, chain="So 2.")], [row(2)]],
    "one row": row(1),
}


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_comes_out_as_it_was(tmp_path: Path, layout: str) -> None:
    content = LAYOUTS[layout]
    rows = read_mentor_kd(written(tmp_path / "in.json", content))
    assert rows[0].question.strip() == "What is 1 + 1?"
    again = write_mentor_kd(rows, tmp_path / "out.json")
    assert json.loads(again.read_text(encoding="utf-8")) == content


TEXTS = st.text(min_size=1).filter(str.strip)
SCALARS = st.none() | st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.fixed_dictionaries(
    {"input": TEXTS, "chain": TEXTS, "answer": TEXTS | st.integers()},
    optional={
        "completion": SCALARS,
        "initial_correct": st.none() | st.booleans(),
        "sample": st.integers(),
    },
)
INNER = st.lists(ROWS, min_size=1, max_size=3)
NUMBERS = st.integers(0, 99).map(str)
FILES = st.one_of(
    INNER,
    st.dictionaries(NUMBERS, ROWS, min_size=1, max_size=3),
    st.dictionaries(NUMBERS, INNER, min_size=1, max_size=3),
    st.builds(lambda rows: {"data": rows}, INNER),
)


@settings(max_examples=40)
@given(FILES)
def test_any_rows_come_out_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    folder = tmp_path_factory.mktemp("files")
    rows = read_mentor_kd(written(folder / "in.json", content))
    again = write_mentor_kd(rows, folder / "out.json")
    assert json.loads(again.read_text(encoding="utf-8")) == content


def test_an_authors_file_comes_out_to_the_byte(tmp_path: Path) -> None:
    content = [taught(1), row(2, chain="12 \u00f7 4 = 3.\n\nSo 3."), taught(3)]
    path = written(tmp_path / "in.json", json.dumps(content, indent=4))
    again = write_mentor_kd(read_mentor_kd(path), tmp_path / "out.json")
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("other", ["as the authors have it", "under data", "one row", "by number"])
def test_rows_of_several_files_stand_in_a_list(tmp_path: Path, other: str) -> None:
    first = read_mentor_kd(written(tmp_path / "a.json", LAYOUTS["a list"]))
    second = read_mentor_kd(written(tmp_path / "b.json", LAYOUTS[other]))
    path = write_mentor_kd([*first, *second], tmp_path / "out.json")
    contents = [one.content for one in read_mentor_kd(path)]
    assert contents == [one.content for one in [*first, *second]]


def test_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    content = [row(1, completion=2, answer=2.5, initial_correct=False), row(2, completion=None)]
    first, second = read_mentor_kd(written(tmp_path / "in.json", content))
    assert (first.completion, first.answer, first.initial_correct) == ("2", "2.5", False)
    assert (second.completion, second.initial_correct) == ("", True)
    (third,) = read_mentor_kd(written(tmp_path / "in.json", [taught(1)]))
    assert (third.completion, third.answer) == ("", "2")


def test_rows_of_ones_own_have_the_files_fields_in_their_order(tmp_path: Path) -> None:
    own = made_row((0,), question="What?", chain="So.", completion="2", answer="3", correct=False)
    path = write_mentor_kd([own], tmp_path / "out.json")
    (content,) = json.loads(path.read_text(encoding="utf-8"))
    assert tuple(content) == FIELDS
    assert content["initial_correct"] is False


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "is not JSON"),
        ("[1e999]", "is not JSON"),
        ([], "has no row"),
        ({"data": []}, "has no row"),
        ([3], "row 1: it must be an object with input, chain"),
        ([row(1), "text"], "row 2: it must be an object"),
        ([{"input": "What?"}], "row 1: the field 'chain' is missing"),
        ([{"input": "What?", "chain": "So."}], "row 1: the field 'answer' is missing"),
        ([row(1, input=" ")], "row 1: the field 'input' must be a text"),
        ([row(1), row(2, chain=["a"])], "row 2: the field 'chain' must be a text"),
        ([row(1, completion={"a": 1})], "the field 'completion' must be a text or a number"),
        ([row(1, answer="")], "the field 'answer' is empty"),
        ([row(1, initial_correct="yes")], "must be true or false"),
        ([[[[[[row(1)]]]]]], "row 1: it must be an object"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_mentor_kd(written(tmp_path / "in.json", content))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="give a file that exists"):
        read_mentor_kd(tmp_path / "no.json")
