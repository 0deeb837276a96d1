"""A task of one's own: any file whose columns are named, and one of the four graders."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from fair_app.errors import BadInput
from fair_app.tasks import golds
from fair_app.tasks.asking import check_options, put
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.files import delimiter, read_rows
from fair_app.tasks.grading import grade
from fair_app.tasks.readers.choice import LETTERS
from fair_app.tasks.rows import Row, distinct
from fair_app.tasks.sources import file_origin

Grader = Literal["number", "choice", "boolean", "exact"]
NEEDED = ("question", "answer")
FIELDS = (*NEEDED, "options", "context", "id", "type")
SEPARATOR = "|"
"""Between the columns of a mapping's options, where each option has a column of its own."""


class TaskSpec(BaseModel):
    """Which column holds what, and how answers are graded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mapping: dict[str, str]
    """Fields (`question`, `answer`, and where wanted the others of FIELDS) and their columns."""
    grader: Grader

    @model_validator(mode="after")
    def _is_whole(self) -> "TaskSpec":
        unknown = [field for field in self.mapping if field not in FIELDS]
        missing = [field for field in NEEDED if not self.mapping.get(field)]
        empty = [field for field, column in self.mapping.items() if not column.strip()]
        if unknown:
            raise ValueError(f"There is no field '{unknown[0]}' to map: use {', '.join(FIELDS)}.")
        if missing:
            raise ValueError(
                f"The mapping names no column for {missing[0]}: map question=COLUMN,answer=COLUMN."
            )
        if empty:
            raise ValueError(
                f"The mapping names no column for {empty[0]}: name one, or leave it out."
            )
        if "options" in self.mapping and self.grader != "choice":
            raise ValueError("Options are for the grader choice: choose it, or map no options.")
        return self


_NAME = re.compile(r"[^\W_][\w.-]{0,63}")


def check_name(name: str) -> str:
    """A name that a task of one's own can have. Raises BadInput."""
    if not _NAME.fullmatch(name.strip()):
        raise BadInput(
            f"'{name}' cannot be a task's name: use up to 64 letters, digits, dots, dashes and "
            "underscores."
        )
    return name.strip()


def make_spec(mapping: str | dict[str, str], grader: str) -> TaskSpec:
    """A spec from a mapping, also as it is written on a command line: `question=Q,answer=A`.

    Raises BadInput.
    """
    if grader not in get_args(Grader):
        raise BadInput(f"There is no grader '{grader}': use one of {', '.join(get_args(Grader))}.")
    fields = _fields(mapping) if isinstance(mapping, str) else mapping
    try:
        return TaskSpec.model_validate({"mapping": fields, "grader": grader})
    except ValidationError as error:
        raise BadInput(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _fields(mapping: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for pair in mapping.split(","):
        field, sign, column = (part.strip() for part in pair.partition("="))
        if not sign:
            raise BadInput(f"'{pair}' maps nothing: write question=COLUMN,answer=COLUMN.")
        if field in fields:
            raise BadInput(f"The mapping names {field} twice: name it once.")
        fields[field] = column
    return fields


class CustomTask:
    """The questions of a file, read through a mapping of its columns."""

    has_derivations = False

    def __init__(self, name: str, spec: TaskSpec) -> None:
        self.name = name
        self.title = name
        self.spec = spec
        self.grader: str = spec.grader

    def load(
        self, split: str, rows: Path | None = None, limit: int | None = None
    ) -> list[Question]:
        """Read the first `limit` questions of the file `rows`; the split only names them."""
        file = self._file(rows)
        # Whether 1.234 is a thousand or one and a bit shows in other rows of such a file.
        whole = self.grader == "number" and _has_semicolons(file)
        found = read_rows(file, None if whole else limit)
        mark = self._decimal_mark(found, "," if whole else ".") if self.grader == "number" else "."
        return self._questions(found[:limit], mark)

    def origin(self, split: str, rows: Path | None = None) -> dict[str, str]:
        """The file's name and checksum."""
        return file_origin(self._file(rows))

    def prompt(self, question: Question) -> str:
        """Put the context, the question, its options, and the form of the answer."""
        return put(question, self.grader)

    def grade(self, answer: str, question: Question) -> Grade:
        """Compare what the answer gives with the gold answer."""
        return grade(answer, question.gold_answer, self.grader, question.options)

    def gold_final(self, gold_text: str) -> str:
        """Read a gold answer as a file of the reference holds it."""
        return golds.final(gold_text, self.grader)

    def _file(self, rows: Path | None) -> Path:
        if rows is None:
            raise BadInput(f"{self.name} is a task of your own: give its questions, --rows FILE.")
        return rows

    def _decimal_mark(self, rows: Sequence[Row], default: str) -> str:
        """The decimal mark of gold answers that are texts. Raises BadInput where they differ."""
        column = self.spec.mapping["answer"]
        seen: dict[str, Row] = {}
        for row in rows:
            value = row.values.get(column)
            final = value.rpartition("####")[2] if isinstance(value, str) else ""
            mark = golds.decimal_mark(final)
            if mark:
                seen.setdefault(mark, row)
        if len(seen) == 2:
            raise seen[","].wrong(
                column,
                f"has a decimal comma where {seen['.'].line} has a decimal point: write all "
                "answers alike",
            )
        return next(iter(seen), default)

    def _questions(self, rows: Sequence[Row], mark: str) -> list[Question]:
        mapping = self.spec.mapping
        labelled: Iterable[Row] = distinct(rows, mapping["id"]) if "id" in mapping else rows
        questions = [self._question(row, mark) for row in labelled]
        if "options" in mapping:
            check_options(rows, questions, mapping["options"])
        return questions

    def _question(self, row: Row, mark: str) -> Question:
        mapping = self.spec.mapping
        options = _options(row, mapping["options"]) if "options" in mapping else ()
        gold, gold_text = golds.read(row, mapping["answer"], self.spec.grader, options, mark)
        has_id = "id" in mapping and row.has(mapping["id"])
        return Question(
            row.written(mapping["question"]),
            gold,
            gold_text,
            context=_optional(row, mapping.get("context")),
            options=options,
            source_id=row.label(mapping["id"]) if has_id else row.index,
            kind=_optional(row, mapping.get("type")),
        )


def _optional(row: Row, column: str | None) -> str:
    """The text of a column that need not be filled, but has to be there."""
    if column is None or (column in row.values and row.values[column] is None):
        return ""
    return row.written(column) if row.values.get(column) != "" else ""


def _has_semicolons(file: Path) -> bool:
    return file.suffix.lower() == ".csv" and delimiter(file) == ";"


def _options(row: Row, columns: str) -> tuple[str, ...]:
    """The options of one column (a list, or a list as JSON text) or of several, `A|B|C|D`."""
    names = [name.strip() for name in columns.split(SEPARATOR)]
    options = row.texts(names[0], numbers=True) if len(names) == 1 else _of_columns(row, names)
    if not 2 <= len(options) <= len(LETTERS):
        raise row.wrong(columns, f"should have 2 to {len(LETTERS)} options, not {len(options)}")
    if not all(options):
        raise row.wrong(columns, f"has no text for option {LETTERS[options.index('')]}")
    return options


def _of_columns(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(row.written(name) for name in names)
