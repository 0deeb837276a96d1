"""The benchmarks' rows: the hub's columns, the authors' files, bad input."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fair_app.errors import BadInput
from fair_app.tasks.files import read_rows
from fair_app.tasks.registry import task, task_names

GSM8K = {"question": "How many?", "answer": "4/2 = <<4/2=2>>2\n#### 1,002"}
SVAMP = {
    "ID": "chal-1",
    "Body": "Each pack costs 76 dollars",
    "Question": "How much is it?",
    "Equation": "( 76.0 - 25.0 )",
    "Answer": 51.0,
    "Type": "Common-Divison",
}
STRATEGYQA = {"qid": "e00", "question": "Is it?", "answer": False, "facts": ["One.", "Two."]}
LOGIQA = {"context": "C", "query": "Q?", "options": ["a", "b", "c", "d"], "correct_option": 1}
LOGIQA_TEXT = "\nb\nContext here\nWhich one?\nA.first\nB.second\nC.third\nD.fourth\n"


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_gsm8k_rows(tmp_path: Path, suffix: str) -> None:
    (question,) = task("gsm8k").load("train", write(tmp_path / f"rows{suffix}", [GSM8K]))
    assert (question.text, question.gold_answer) == ("How many?", "1002")
    assert (question.gold_text, question.source_id) == (GSM8K["answer"], 0)
    assert question.kind == "1 step"
    assert task("gsm8k").gold_final(question.gold_text) == "1002"


def test_gsm8ks_kind_is_its_number_of_steps(tmp_path: Path) -> None:
    solutions = ["1 + 1 = <<1+1=2>>2, <<2+1=3>>3\nSo 3.\n#### 3", "One.\n\nTwo.\nSo 3\n#### 3"]
    rows: list[dict[str, object]] = [{"question": "?", "answer": text} for text in solutions]
    questions = task("gsm8k").load("train", write(tmp_path / "rows.jsonl", rows))
    assert [question.kind for question in questions] == ["2 steps", "3 steps"]


def test_svamp_rows_of_the_authors_and_of_the_hub(tmp_path: Path) -> None:
    hub = {**SVAMP, "ID": "chal-2", "Answer": "51.0", "question_concat": "unused"}
    short = {"question_concat": "Each pack costs 76 dollars How much is it?", "Answer": 51}
    questions = task("svamp").load("train", write(tmp_path / "rows.json", [SVAMP, hub, short]))
    assert {question.text for question in questions} == {short["question_concat"]}
    assert {(q.gold_answer, q.gold_text) for q in questions} == {("51", "51")}
    assert [question.source_id for question in questions] == ["chal-1", "chal-2", 2]
    assert questions[0].kind == "Common-Division"
    assert task("svamp").gold_final("145.0") == "145"


def test_strategyqa_rows_of_the_authors_and_of_the_hub(tmp_path: Path) -> None:
    hub = {**STRATEGYQA, "qid": "e01", "facts": "One. Two."}
    bare = {"question": "Is it?", "answer": "true"}
    questions = task("strategyqa").load(
        "train", write(tmp_path / "rows.jsonl", [STRATEGYQA, hub, bare])
    )
    assert replace(questions[1], source_id="e00") == questions[0]
    assert questions[0].gold_text == "false.\tOne. Two."
    assert (questions[2].gold_text, questions[2].source_id) == ("true.\t", 2)
    for question in questions:
        assert task("strategyqa").gold_final(question.gold_text) == question.gold_answer


def test_logiqa_rows_of_the_hub_and_the_authors_text(tmp_path: Path) -> None:
    logiqa = task("logiqa")
    (row,) = logiqa.load("train", write(tmp_path / "rows.jsonl", [LOGIQA]))
    assert (row.text, row.context, row.options) == ("Q?", "C", ("a", "b", "c", "d"))
    assert (row.gold_answer, row.gold_text) == ("B", "1")
    (tmp_path / "rows.txt").write_text(LOGIQA_TEXT)
    (question,) = logiqa.load("train", tmp_path / "rows.txt")
    assert (question.text, question.context) == ("Which one?", "Context here")
    assert question.options == ("first", "second", "third", "fourth")
    assert (question.gold_answer, question.gold_text) == ("B", "1")
    assert [logiqa.gold_final(text) for text in ("1", "b", "D")] == ["B", "B", "D"]
    assert "\nB. second\n" in logiqa.prompt(question)
    assert logiqa.grade("The answer is second.", question).correct


@pytest.mark.parametrize(
    "text",
    [
        LOGIQA_TEXT * 2,
        (LOGIQA_TEXT * 2).replace("\n\n", "\n"),
        (LOGIQA_TEXT * 2).replace("\n", "\r\n"),
        (LOGIQA_TEXT * 2).replace("\n\n", "\n \n\n\n"),
        "\ufeff" + LOGIQA_TEXT.strip() + "\n" + LOGIQA_TEXT,
    ],
)
def test_blank_lines_of_logiqas_text_may_vary(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.txt").write_text(text, newline="")
    questions = task("logiqa").load("test", tmp_path / "rows.txt")
    assert [question.options[3] for question in questions] == ["fourth", "fourth"]


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (["A.1", "C.3", "B.2", "D.4"], ("1", "2", "3", "4")),  # two columns read row by row
        (["A No", "B? Not", "C Yes", "d.Maybe"], ("No", "Not", "Yes", "Maybe")),
        (
            ["A.one", "B.two", "A small part of C.A area", "D.four"],
            ("one", "two", "A small part of C.A area", "four"),
        ),
    ],
)
def test_labels_of_logiqas_options(tmp_path: Path, lines: list[str], options: tuple[str]) -> None:
    (tmp_path / "rows.txt").write_text("\n".join(["", "b", "Context", "Which?", *lines]))
    assert task("logiqa").load("test", tmp_path / "rows.txt")[0].options == options


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LOGIQA_TEXT.replace("b\n", "e\n", 1), "line 2: a question should begin with its right"),
        (LOGIQA_TEXT + LOGIQA_TEXT.replace("D.fourth\n", ""), "line 10: this question has 6"),
        ("just prose\nof two lines", "line 1"),
    ],
)
def test_a_broken_logiqa_text_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "rows.txt").write_text(text)
    with pytest.raises(BadInput, match=says):
        task("logiqa").load("test", tmp_path / "rows.txt")


def without(row: dict[str, object], column: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != column}


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        ("gsm8k", without(GSM8K, "answer"), r"line 2: column 'answer' is missing \(.*question\)"),
        ("gsm8k", {**GSM8K, "question": 5}, "line 2: column 'question' should be text"),
        ("gsm8k", {**GSM8K, "question": " "}, "line 2: column 'question' is empty"),
        ("gsm8k", {**GSM8K, "question": "\ud800"}, "line 2: column 'question' has characters"),
        ("gsm8k", {**GSM8K, "answer": "no number"}, "line 2: column 'answer' should end in"),
        ("gsm8k", {**GSM8K, "answer": "#### many"}, "line 2: column 'answer' should end in"),
        ("arithmetic", {**GSM8K, "answer": None}, "line 2: column 'answer' is empty"),
        ("svamp", without(SVAMP, "Body"), "line 2: column 'Body' is missing"),
        ("svamp", {**SVAMP, "Answer": "many"}, "line 2: column 'Answer' should be a number"),
        ("svamp", {**SVAMP, "Answer": True}, "line 2: column 'Answer' should be a number"),
        ("svamp", {**SVAMP, "Answer": float("nan")}, "line 2: column 'Answer' should be a num"),
        ("strategyqa", {**STRATEGYQA, "answer": "maybe"}, "line 2: column 'answer' should be tr"),
        ("strategyqa", {**STRATEGYQA, "answer": 1}, "line 2: column 'answer' should be true or"),
        ("strategyqa", {**STRATEGYQA, "facts": [1]}, "line 2: column 'facts' should be a list"),
        ("logiqa", {**LOGIQA, "options": "a"}, "line 2: column 'options' should be a list"),
        ("logiqa", {**LOGIQA, "options": ["a"]}, "line 2: column 'options' should have 2 to"),
        (
            "logiqa",
            {**LOGIQA, "options": ["a", "b", "c"]},
            "has 3 options where line 1 has 4",
        ),
        ("logiqa", {**LOGIQA, "correct_option": 4}, "line 2: column 'correct_option' should be"),
        ("logiqa", {**LOGIQA, "correct_option": "x"}, "line 2: column 'correct_option' should"),
    ],
)
def test_a_wrong_column_is_named(tmp_path: Path, name: str, row: dict, says: str) -> None:
    good = {
        "gsm8k": GSM8K,
        "arithmetic": GSM8K,
        "svamp": {**SVAMP, "ID": "chal-0"},
        "strategyqa": {**STRATEGYQA, "qid": "e0"},
        "logiqa": LOGIQA,
    }
    file = write(tmp_path / "rows.jsonl", [good[name], row])
    with pytest.raises(BadInput, match=says) as caught:
        task(name).load("test", file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        ("svamp", SVAMP, "line 3: column 'ID' has 'chal-1', as line 1 has: ids must differ"),
        ("strategyqa", STRATEGYQA, "line 3: column 'qid' has 'e00', as line 1 has"),
    ],
)
def test_ids_differ(tmp_path: Path, name: str, row: dict[str, object], says: str) -> None:
    other = {**row, next(column for column in ("ID", "qid") if column in row): "other"}
    with pytest.raises(BadInput, match=says):
        task(name).load("test", write(tmp_path / "rows.jsonl", [row, other, row]))


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("rows.json", None, "There is no file"),
        ("rows.json", b"", "is empty"),
        ("rows.json", b" \n", "is empty"),
        ("rows.json", b"[]", "has no rows"),
        ("rows.json", b"{}", "should hold a list of rows"),
        ("rows.json", b"[1]", "row 1 should be an object"),
        ("rows.json", b'{"a": 1}\n{"a": 2}', "named .jsonl"),
        ("rows.json", b'[{"question": "Q", "answer": "#### 1"}', "line 1: no comma behind row 1"),
        ("rows.json", b'[{"question": "Q", "answer": "#### 1"},]', "line 1: "),
        ("rows.json", b'[{"question": "Q", "answer": "#### 1"}] more', "something follows"),
        ("rows.json", b"[" * 100_000, "is not JSON"),
        ("rows.json", b"[" + b"9" * 10_000 + b"]", "is not JSON"),
        ("rows.jsonl", b"question,answer\n1,2", "line 1 is not a JSON object"),
        ("rows.jsonl", b'{"a": 1}\n[1]', "line 2 should be an object"),
        ("rows.jsonl", '{"a": "é"}'.encode("latin-1"), "is not UTF-8"),
        ("rows.jsonl", b"PK\x03\x04\xff\xfe", "is not UTF-8"),
        ("rows.txt", b"a\nb", "give a .json"),
        ("rows.csv", b"question,answer", "has no rows"),
        ("rows.csv", b"", "is empty"),
        ("rows.csv", b"question,question\na,b", "names the column 'question' twice"),
        ("rows.csv", b"question,answer\na,#### 1\nb", "line 3 has 1 fields where"),
        ("rows.csv", b'question,answer\n"a,#### 1\nb,#### 2\n', "line 2, is no row of a csv file"),
        ("rows.csv", b"question,answer\na,#### 1\nb\xe9,2", "line 3, is not UTF-8"),
        ("rows.jsonl", '{"a": "\u00e9"}'.encode("utf-16-le"), "has null bytes"),
        ("rows.jsonl", b'\xff\xfe{\x00"\x00a', "is not utf-16"),
        ("rows.parquet", b"PAR1 or not", "can't be read as a parquet file"),
        ("rows.parquet", None, "There is no file"),
    ],
)
def test_a_file_that_is_not_what_it_says(
    tmp_path: Path, file: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / file
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=says) as caught:
        task("gsm8k").load("train", path)
    assert str(path) in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "rows.json").mkdir()
    with pytest.raises(BadInput, match="is a folder"):
        task("gsm8k").load("train", tmp_path / "rows.json")


def test_a_byte_order_mark_and_line_separators_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    line = json.dumps({"text": "one\u2028two"}, ensure_ascii=False)
    file.write_text("\ufeff" + line + "\r\n\n" + line, encoding="utf-8", newline="")
    assert [row.text("text") for row in read_rows(file)] == ["one\u2028two"] * 2


def test_rows_keep_the_files_order_and_limit_takes_the_first(tmp_path: Path) -> None:
    rows = [{**GSM8K, "question": f"Question {number}"} for number in range(5)]
    file = write(tmp_path / "rows.jsonl", rows)
    texts = [question.text for question in task("gsm8k").load("train", file, limit=3)]
    assert texts == ["Question 0", "Question 1", "Question 2"]
    assert len(task("gsm8k").load("train", file, limit=99)) == 5
    with pytest.raises(BadInput, match="limit"):
        task("gsm8k").load("train", file, limit=0)


@pytest.mark.parametrize(
    ("name", "gold_text"),
    [("gsm8k", "72"), ("svamp", "many"), ("strategyqa", "maybe.\tfacts"), ("logiqa", "k")],
)
def test_a_gold_answer_of_another_task_is_bad_input(name: str, gold_text: str) -> None:
    with pytest.raises(BadInput):
        task(name).gold_final(gold_text)


def test_tasks_are_found_by_name_in_any_case() -> None:
    assert task_names() == ["arithmetic", "gsm8k", "svamp", "strategyqa", "logiqa"]
    assert task("strategyQA").title == "StrategyQA"
    assert [task(name).name for name in task_names()] == task_names()
    with pytest.raises(BadInput, match="arithmetic, gsm8k, svamp, strategyqa, logiqa"):
        task("math")


@pytest.mark.parametrize(
    ("name", "row", "right", "wrong"),
    [
        ("gsm8k", GSM8K, "The answer is 1,002.", "The answer is 2."),
        ("svamp", SVAMP, "The answer is $51.00.", "The answer is 52."),
        ("strategyqa", STRATEGYQA, "The answer is no.", "The answer is yes."),
        ("logiqa", LOGIQA, "The answer is B.", "The answer is A."),
    ],
)
def test_an_answer_in_the_prompts_form_is_read_by_answer_is(
    tmp_path: Path, name: str, row: dict[str, object], right: str, wrong: str
) -> None:
    (question,) = task(name).load("test", write(tmp_path / "rows.jsonl", [row]))
    prompt = task(name).prompt(question)
    assert question.text in prompt
    assert "The answer is" in prompt
    assert question.gold_text not in prompt
    grades = [task(name).grade(answer, question) for answer in (right, wrong)]
    assert [(grade.rule, grade.correct) for grade in grades] == [
        ("answer is", True),
        ("answer is", False),
    ]
    # The prompt itself, which a weak model repeats, holds no answer.
    echo = task(name).grade(prompt.rpartition("\n")[2], question)
    assert echo.prediction == ""
