"""The tables of docs/grading.md say what the graders do."""

import re
from collections import Counter
from pathlib import Path

import pytest

from fair_app.tasks.grading import GRADERS, grade

PAGE = Path(__file__).resolve().parents[2] / "docs" / "grading.md"
SECTIONS = {
    "Where an answer is declared (every grader)": "number",
    "Numbers": "number",
    "Yes and no": "boolean",
    "Choices": "choice",
    "Exact text": "exact",
    "Thoughts": "number",
}
OPTIONS = ("red apples", "green pears", "blue plums", "14")


def rows() -> list[tuple[str, str, str, str, str, str]]:
    """Section's grader, first cell, answer, gold, reading, right: of every row of every table."""
    found, section = [], ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        if line.startswith("| ") and not line.startswith(("| ---", "| rule |", "| what |")):
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            values = [cell.strip("`").replace("⏎", "\n") for cell in cells]
            assert len(values) == 5, line
            found.append((SECTIONS[section], cells[0], *values[1:]))
    return found


@pytest.mark.parametrize(("grader", "first", "answer", "gold", "reading", "right"), rows())
def test_a_row_of_the_docs(
    grader: str, first: str, answer: str, gold: str, reading: str, right: str
) -> None:
    read = grade(answer, gold, grader, OPTIONS if grader == "choice" else ())
    assert read.prediction == ("" if reading == "nothing" else reading)
    assert read.correct is {"yes": True, "no": False}[right]
    if first.startswith("`"):
        assert read.rule == first.strip("`")


def test_the_docs_have_every_grader_and_every_rule() -> None:
    graders = Counter(row[0] for row in rows())
    assert set(graders) == set(GRADERS)
    assert sum(graders.values()) > 60
    module = (PAGE.parents[1] / "fair_app" / "tasks" / "grading.py").read_text(encoding="utf-8")
    rules = set(re.findall(r"^  \d\. `([^`]+)`", module, re.MULTILINE))
    assert rules <= {row[1].strip("`") for row in rows()}


def test_the_options_of_the_docs_are_those_of_the_test() -> None:
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith("The options of"))
    assert tuple(re.findall(r"[A-D]\. `([^`]+)`", line)) == OPTIONS
