"""LogiQA (Liu et al. 2020, arXiv 2007.08124): reading and logic, four options a question."""

import re
from pathlib import Path

from fair_app.errors import BadInput
from fair_app.tasks.asking import check_options, put
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.files import read_text
from fair_app.tasks.grading import grade
from fair_app.tasks.hub import HubSource, origin, read
from fair_app.tasks.readers.choice import LETTERS
from fair_app.tasks.rows import Row, check_limit

BLOCK = 7
"""Lines of a question in the authors' text: the right letter, context, question, four options."""


class LogiQa:
    """`lucasmccabe/logiqa`, a json/jsonl file in its columns, or the authors' eight-line text."""

    name = "logiqa"
    title = "LogiQA"
    grader = "choice"
    has_derivations = False
    # The data set itself is a script, which datasets 4 and later refuse.
    source = HubSource(
        "lucasmccabe/logiqa",
        splits=("train", "validation", "test"),
        revision="refs/convert/parquet",
    )

    def load(
        self, split: str, rows: Path | None = None, limit: int | None = None
    ) -> list[Question]:
        """Read the first `limit` questions of a split, or of the file `rows`."""
        if rows is not None and rows.suffix.lower() == ".txt":
            check_limit(limit)
            return _text_questions(rows)[:limit]
        found = read(self.source, split, rows, limit)
        questions = [_question(row) for row in found]
        check_options(found, questions, "options")
        return questions

    def origin(self, split: str, rows: Path | None = None) -> dict[str, str]:
        """The file and its checksum, or the data set and its commit."""
        return origin(self.source, split, rows)

    def prompt(self, question: Question) -> str:
        """Put the context, the question, the lettered options, and the form of the answer."""
        return put(question, self.grader)

    def grade(self, answer: str, question: Question) -> Grade:
        """Compare the option that the answer chooses with the gold one."""
        return grade(answer, question.gold_answer, self.grader, question.options)

    def gold_final(self, gold_text: str) -> str:
        """Turn the reference's option number, from 0, into a letter; a letter stays one."""
        gold = gold_text.strip().upper()
        if gold in tuple("0123456789"):
            return LETTERS[int(gold)]
        if gold not in tuple(LETTERS):
            raise BadInput(f"The LogiQA gold answer {gold_text!r} is no option number or letter.")
        return gold


def _question(row: Row) -> Question:
    options = row.texts("options")
    if not 2 <= len(options) <= len(LETTERS):
        raise row.wrong("options", f"should have 2 to {len(LETTERS)} options, not {len(options)}")
    index = row.number("correct_option")
    if not index.isdecimal() or int(index) >= len(options):
        raise row.wrong("correct_option", f"should be a number from 0 to {len(options) - 1}")
    return Question(
        row.text("query"),
        LETTERS[int(index)],
        index,
        context=row.text("context", empty=True),
        options=options,
        source_id=row.index,
    )


def _text_questions(path: Path) -> list[Question]:
    """Questions of the authors' text, seven lines each. Blank lines may be missing or doubled."""
    lines = [
        (number, line.strip())
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.strip()
    ]
    questions: list[Question] = []
    for start in range(0, len(lines), BLOCK):
        block = lines[start : start + BLOCK]
        number, letter = block[0]
        if letter.lower().rstrip(".") not in tuple("abcd"):
            raise BadInput(
                f"{path}, line {number}: a question should begin with its right letter, a to d, "
                "then context, question and four options, a line each."
            )
        if len(block) < BLOCK:
            raise BadInput(
                f"{path}, line {number}: this question has {len(block)} lines of {BLOCK}: its "
                "right letter, context, question and four options."
            )
        index = "abcd".index(letter.lower().rstrip("."))
        context, text, *options = (line for _, line in block[1:])
        questions.append(
            Question(
                text,
                LETTERS[index],
                str(index),
                context=context,
                options=_options(options),
                source_id=len(questions),
            )
        )
    return questions


def _options(lines: list[str]) -> tuple[str, ...]:
    """The options' texts in the order of their letters, which a few questions have shuffled."""
    labelled = [_labelled(line) for line in lines]
    if sorted(letter for letter, _ in labelled) == list(LETTERS[:4]):
        return tuple(text for _, text in sorted(labelled))
    return tuple(
        text if letter == own else line
        for own, line, (letter, text) in zip(LETTERS, lines, labelled, strict=False)
    )


# "B.text", "B text", "B? text": the files' variants; "A small boy" is no label.
_LABEL = re.compile(r"(?P<letter>[A-Da-d])(?:[.?):、]\s?|\s(?=[^a-z]))(?P<text>.+)")


def _labelled(line: str) -> tuple[str, str]:
    match = _LABEL.fullmatch(line)
    return (match["letter"].upper(), match["text"].strip()) if match else ("", line)
