"""A task of one's own: any file, a mapping of its columns, one of the four graders."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.tasks.base import Task
from fair_app.tasks.custom import CustomTask, TaskSpec, make_spec
from fair_app.tasks.files import columns, read_rows
from fair_app.tasks.golds import decimal_mark
from fair_app.tasks.registry import task, task_of

PLAIN = "question=Q,answer=A"
GERMAN = """\
Nr;Aufgabe;Lösung
1;Ein Brot wiegt 1,5 kg. Wie viel wiegen zwei?;3
2;Was ist die Hälfte von 7?;3,5
3;"Miete: 1.234,50 €; Strom: 65,50 €. Zusammen?";1.300
4;Wie viel sind 500 mal 2.469?;1.234.500
5;Wie viel Prozent sind 3 von 12?;25%
6;Eine Schuld von 12,25 € als Zahl?;-12,25
7;Ein Achtel als Dezimalzahl?;0,125
8;Zwei Drittel?;2/3
"""
GERMAN_GOLDS = ["3", "3.5", "1300", "1234500", "25%", "-12.25", "0.125", "2/3"]


def own(mapping: str = PLAIN, grader: str = "number") -> Task:
    return task("own", make_spec(mapping, grader))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        lines = [list(rows[0]), *(row.values() for row in rows)]
        path.write_text("\n".join(",".join(map(str, line)) for line in lines))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".ndjson", ".csv", ".parquet"])
def test_every_format_reads_alike(tmp_path: Path, suffix: str) -> None:
    rows = [{"Q": f"Question {n}?", "A": n, "type": "x" if n else "y"} for n in range(3)]
    file = write(tmp_path / f"rows{suffix}", rows)
    questions = own(f"{PLAIN},type=type").load("train", file, limit=2)
    assert [(one.text, one.gold_answer, one.kind) for one in questions] == [
        ("Question 0?", "0", "y"),
        ("Question 1?", "1", "x"),
    ]
    assert columns(file) == ["Q", "A", "type"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_german_table_reads_and_grades_right(
    tmp_path: Path, encoding: str, line_end: str
) -> None:
    file = tmp_path / "aufgaben.csv"
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    file.write_bytes((mark + GERMAN.replace("\n", line_end)).encode(encoding))
    german = own("question=Aufgabe,answer=Lösung,id=Nr")
    questions = german.load("test", file)
    assert [question.gold_answer for question in questions] == GERMAN_GOLDS
    assert questions[2].text == "Miete: 1.234,50 €; Strom: 65,50 €. Zusammen?"
    assert [question.source_id for question in questions] == [str(n) for n in range(1, 9)]
    written = [line.rpartition(";")[2] for line in GERMAN.splitlines()[1:]]
    for question, said in zip(questions, written, strict=True):
        for form in (
            "Die Antwort ist {}.",
            "The answer is {}.",
            "Also {} Euro",
            "\\boxed{{{}}}",
            "#### {}",
        ):
            read = german.grade(form.format(said), question)
            assert read.correct, (said, form, read)
        assert german.grade(f"The answer is {question.gold_answer}.", question).correct
        assert not german.grade("The answer is 17,25.", question).correct


def test_the_files_other_rows_say_what_a_point_means(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("Q;A\na;1.250\nb;2,5\n")
    assert [one.gold_answer for one in own().load("test", file, limit=1)] == ["1250"]
    file.write_text("Q;A\na;1.250\nb;2.5\n")
    assert [one.gold_answer for one in own().load("test", file, limit=1)] == ["1.25"]
    file.write_text("Q;A\na;1.250\n")
    assert [one.gold_answer for one in own().load("test", file)] == ["1250"]
    file.write_text("Q,A\na,1.250\n")
    assert [one.gold_answer for one in own().load("test", file)] == ["1.25"]
    file.write_text("Q;A\na;2.5\nb;1\nc;2,5\n")
    with pytest.raises(BadInput, match="line 4: column 'A' has a decimal comma where line 2 has"):
        own().load("test", file)


@given(st.integers(-(10**12), 10**12), st.integers(0, 999))
def test_a_decimal_mark_is_never_mistaken(whole: int, decimals: int) -> None:
    english, german = f"{whole:,}.{decimals}", f"{whole:,}".replace(",", ".") + f",{decimals}"
    if abs(whole) >= 1000 or decimals < 100:
        assert (decimal_mark(english), decimal_mark(german)) == (".", ",")
    else:  # 12.345 says nothing, 0.345 does
        assert decimal_mark(english) in {"", "."}
        assert decimal_mark(german) in {"", ","}


def test_a_json_number_is_a_number_whatever_the_texts_are(tmp_path: Path) -> None:
    rows = [{"Q": "a", "A": 1.234}, {"Q": "b", "A": "2,5"}, {"Q": "c", "A": "1.234"}]
    questions = own().load("test", write(tmp_path / "rows.json", rows))
    assert [question.gold_answer for question in questions] == ["1.234", "2.5", "1234"]
    tiny = own().load("test", write(tmp_path / "tiny.json", [{"Q": "a", "A": 1e-05}]))
    assert tiny[0].gold_answer == "0.00001"


def test_a_worked_solution_gives_its_final_number(tmp_path: Path) -> None:
    row = {"Q": "a", "A": "3 * 4 = <<3*4=12>>12\n#### 1,012"}
    (question,) = own().load("test", write(tmp_path / "rows.jsonl", [row]))
    assert (question.gold_answer, question.gold_text) == ("1012", row["A"])
    assert own().gold_final(question.gold_text) == "1012"


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ([{"Q": "Which?", "o": ["red", "blue"], "A": "B"}], "o"),
        ([{"Q": "Which?", "o": ["red", "blue"], "A": "b."}], "o"),
        ([{"Q": "Which?", "o": ["red", "blue"], "A": "(B)"}], "o"),
        ([{"Q": "Which?", "o": ["red", "blue"], "A": "Blue"}], "o"),
        ([{"Q": "Which?", "o": ["red", "blue"], "A": 1}], "o"),
        ([{"Q": "Which?", "o": ["red", "blue"], "A": "1"}], "o"),
        ([{"Q": "Which?", "o": '["red", "blue"]', "A": "B"}], "o"),
        ([{"Q": "Which?", "x": "red", "y": "blue", "A": "B"}], "x|y"),
    ],
)
def test_options_stand_in_a_list_or_in_columns(
    tmp_path: Path, rows: list[dict[str, Any]], options: str
) -> None:
    choice = own(f"{PLAIN},options={options}", "choice")
    (question,) = choice.load("test", write(tmp_path / "rows.jsonl", rows))
    assert (question.options, question.gold_answer) == (("red", "blue"), "B")
    assert choice.prompt(question) == (
        "Which?\nA. red\nB. blue\n\n"
        'Think step by step, and end with "The answer is" and the letter.'
    )
    assert choice.grade("The answer is blue.", question).correct
    assert not choice.grade("The answer is A.", question).correct
    assert choice.gold_final(question.gold_text) == "B"


def test_options_that_are_numbers_are_named_by_their_text_first(tmp_path: Path) -> None:
    rows = [{"Q": "1 + 1?", "o": [1, 2, 3], "A": "2"}, {"Q": "1 + 1?", "o": [1, 2, 3], "A": 2}]
    questions = own(f"{PLAIN},options=o", "choice").load("test", write(tmp_path / "r.json", rows))
    assert [question.options for question in questions] == [("1", "2", "3")] * 2
    assert [question.gold_answer for question in questions] == ["B", "C"]


@pytest.mark.parametrize(
    ("grader", "gold", "right", "wrong", "ending"),
    [
        ("number", "12", "It is 12.", "It is 13.", "the number."),
        ("boolean", "Ja", "The answer is yes.", "The answer is no.", "yes or no."),
        ("boolean", 0, "The answer is false.", "The answer is true.", "yes or no."),
        ("choice", "c", "The answer is C.", "The answer is A.", "the letter."),
        ("exact", "Paris", "The answer is paris.", "The answer is London.", "in a few words."),
        ("exact", 1789, "The answer is 1789.", "The answer is 1788.", "in a few words."),
    ],
)
def test_each_grader_reads_its_golds(
    tmp_path: Path, grader: str, gold: object, right: str, wrong: str, ending: str
) -> None:
    mapping = f"{PLAIN},context=C"
    row = {"Q": "Which?", "A": gold, "C": "It was so."}
    made = own(mapping, grader)
    (question,) = made.load("test", write(tmp_path / "rows.jsonl", [row]))
    assert made.grade(right, question).correct
    assert not made.grade(wrong, question).correct
    prompt = made.prompt(question)
    assert prompt.startswith("It was so.\n\nWhich?\n\n")
    assert prompt.endswith(ending)
    assert made.gold_final(question.gold_text) == question.gold_answer


GOOD = {"Q": "Which?", "A": "A", "o": ["red", "blue", "green"], "id": "one"}


@pytest.mark.parametrize(
    ("grader", "row", "says"),
    [
        ("number", {"A": 5}, r"line 2: column 'Q' is missing \(this row's columns: A\)"),
        ("number", {"Q": "", "A": 5}, "line 2: column 'Q' is empty"),
        ("number", {"Q": None, "A": 5}, "line 2: column 'Q' is empty"),
        ("number", {"Q": "x"}, "line 2: column 'A' is missing"),
        ("number", {"Q": "x", "A": ""}, "line 2: column 'A' is empty"),
        ("number", {"Q": "x", "A": None}, "line 2: column 'A' is empty"),
        (
            "number",
            {"Q": "x", "A": "twelve"},
            "line 2: column 'A' should be a number, not 't",
        ),
        ("number", {"Q": "x", "A": "10-12"}, "line 2: column 'A' should be a number, not '10-12'"),
        ("number", {"Q": "x", "A": "#### a"}, "line 2: column 'A' should be a number"),
        ("number", {"Q": "x", "A": [1]}, "line 2: column 'A' should be text"),
        ("number", {"Q": "x", "A": float("inf")}, "line 2: column 'A' should be a number"),
        ("number", {"Q": "x", "A": 1e300}, "line 2: column 'A' is a number too long"),
        ("number", {"Q": ["x"], "A": 1}, "line 2: column 'Q' should be text"),
        ("boolean", {"Q": "x", "A": "maybe"}, "line 2: column 'A' should be true or false, yes"),
        ("boolean", {"Q": "x", "A": 2}, "line 2: column 'A' should be true or false"),
        (
            "choice",
            {**GOOD, "A": "D"},
            "'A' should be a letter from A to C, a number from 0",
        ),
        ("choice", {**GOOD, "A": "pink"}, "line 2: column 'A' should be a letter .* not 'pink'"),
        ("choice", {**GOOD, "A": 3}, "line 2: column 'A' should be a letter"),
        ("choice", {**GOOD, "A": -1}, "line 2: column 'A' should be a letter"),
        ("choice", {**GOOD, "o": ["red", "blue"]}, "line 2: column 'o' has 2 options where line 1"),
        ("choice", {**GOOD, "o": ["red", "", "x"]}, "line 2: column 'o' has no text for option B"),
        ("choice", {**GOOD, "o": ["red"]}, "line 2: column 'o' should have 2 to 10 options"),
        ("choice", {**GOOD, "o": "red"}, "line 2: column 'o' should be a list of texts"),
        ("choice", {**GOOD, "o": "[red"}, "line 2: column 'o' should be a list of texts"),
        ("choice", {**GOOD, "o": ["x", "X", "y"], "A": "x"}, "is the text of options A and B"),
        ("exact", {**GOOD}, "line 2: column 'id' has 'one', as line 1 has: ids must differ"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, grader: str, row: dict[str, Any], says: str) -> None:
    first: dict[str, Any] = {**GOOD, "A": {"number": 1, "boolean": True}.get(grader, "A")}
    mapping = PLAIN
    if grader == "choice":
        mapping += ",options=o"
    if grader == "exact":
        mapping += ",id=id"
    file = write(tmp_path / "rows.jsonl", [first, row])
    with pytest.raises(BadInput, match=says) as caught:
        own(mapping, grader).load("test", file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)
    assert own(mapping, grader).load("test", file, limit=1)


def test_an_option_that_is_empty_in_its_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("Q,A,x,y,z\nWhich?,A,1,2,3\nWhich?,A,1,,3\n")
    with pytest.raises(BadInput, match="line 3: column 'y' is empty"):
        own(f"{PLAIN},options=x|y|z", "choice").load("test", file)


@pytest.mark.parametrize(
    ("mapping", "grader", "says"),
    [
        ("question=Q", "number", "names no column for answer"),
        ("question=Q,answer=", "number", "names no column for answer"),
        ("question=Q,answer=A,type= ", "number", "names no column for type"),
        ("question=Q,answer=A,gold=G", "number", "There is no field 'gold' to map"),
        ("question=Q,answer=A,answer=B", "number", "names answer twice"),
        ("question", "number", "'question' maps nothing"),
        ("", "number", "'' maps nothing"),
        ("question=Q,answer=A,options=o", "number", "Options are for the grader choice"),
        ("question=Q,answer=A", "regex", "There is no grader 'regex'"),
    ],
)
def test_a_mapping_that_cannot_be_used(mapping: str, grader: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        make_spec(mapping, grader)
    assert "\n" not in str(caught.value)


def test_a_task_of_ones_own_needs_a_spec_a_name_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--map and --grader"):
        task("mine")
    with pytest.raises(BadInput, match="svamp is built in"):
        task("SVAMP", make_spec(PLAIN, "number"))
    with pytest.raises(BadInput, match="cannot be a task's name"):
        task("../x", make_spec(PLAIN, "number"))
    with pytest.raises(BadInput, match="--rows FILE"):
        own().load("test")
    with pytest.raises(BadInput, match="There is no file"):
        own().load("test", tmp_path / "none.csv")


def test_a_projects_spec_makes_its_task() -> None:
    class Project:
        task = "mine"
        task_spec = make_spec(PLAIN, "exact").model_dump()

    made = task_of(Project())
    assert isinstance(made, CustomTask)
    assert made.spec == TaskSpec(mapping={"question": "Q", "answer": "A"}, grader="exact")
    assert (made.name, made.grader, made.has_derivations) == ("mine", "exact", False)


def test_the_origin_is_the_files_name_and_checksum(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("Q,A\nx,1\n")
    assert own().origin("test", file) == {
        "file": "rows.csv",
        "sha256": "2c710edba8d0c74e7a1ff0b52d647ff9a49c4a44c187cbdb4dd01f0a2a4ea73f",
    }


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_limit_reads_no_further(tmp_path: Path, suffix: str) -> None:
    rows = [{"Q": "x" * 1000, "A": str(n)} for n in range(20_000)]
    file = write(tmp_path / f"rows{suffix}", rows)
    if suffix != ".parquet":  # what stands behind is not looked at
        with file.open("ab") as opened:
            opened.write(b'\n"\xff\xfe')
    assert [row.values["A"] for row in read_rows(file, 3)] == ["0", "1", "2"]
    assert len(own().load("test", file, 3)) == 3
    if suffix != ".parquet":
        with pytest.raises(BadInput, match=r"line 2000[12]"):
            own().load("test", file)
