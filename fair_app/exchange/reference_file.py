"""One JSON file of the method's reference, read strictly: every fault is told with its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from fair_app.errors import BadInput
from fair_app.exchange.json_file import read_json

Scalar = str | int | float | None

FEEDBACK, RATIONALE = "_feedback", "_rationale"
ACCEPTED = "correct_rationale"


@dataclass(frozen=True)
class ReferenceMistake:
    """What the student answered wrong. Only LogiQA has `context` and `options`.

    `gold_answer` is the file's own: GSM8K's whole solution, StrategyQA's answer, tab and facts.
    """

    id: int | str
    question: str
    gold_answer: str
    student_wrong_pred: str
    student_wrong_final_answer: Scalar
    context: str | None = None
    options: list[str] | None = None


class ReferenceRationale(NamedTuple):
    """One teacher's rationale (None: the call failed) and what the other teachers gave it.

    Scores are as recorded, whether or not they count: published ones include 83 and 0.
    """

    text: str | None
    scores: list[Scalar]


class ReferenceFile:
    """The rows of a file. Every method raises BadInput that names the row (from 1) and the field.

    Fields that the reference does not have are passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = _read_rows(path)

    def mistakes(self) -> list[ReferenceMistake]:
        """The fields that all three files share."""
        found = [self._mistake(number, row) for number, row in enumerate(self.rows, 1)]
        row_of_id: dict[int | str, int] = {}
        for number, mistake in enumerate(found, 1):
            other = row_of_id.setdefault(mistake.id, number)
            if other != number:
                raise BadInput(
                    f"{self.path.name}, row {number}: its id {mistake.id!r} is row {other}'s too."
                )
        return found

    def feedback(self) -> dict[str, list[str | None]]:
        """Each teacher's feedback, one entry a row."""
        return {
            teacher: self._column(
                teacher + FEEDBACK,
                lambda value: value is None or isinstance(value, str),
                "must be a text or null",
            )
            for teacher in self._teachers(FEEDBACK)
        }

    def rationales(self) -> dict[str, list[ReferenceRationale]]:
        """Each teacher's rationales with the scores of all other teachers, one entry a row."""
        teachers = self._teachers(RATIONALE)
        length = len(teachers)  # the text, and a score by each of the others
        return {
            teacher: [
                ReferenceRationale(entry[0], entry[1:])
                for entry in self._column(
                    teacher + RATIONALE,
                    lambda value: _is_rationale(value) and len(value) == length,
                    f"must be a list [text, score, …] of {length} entries, with a score by each "
                    f"of the {length - 1} other teachers",
                )
            ]
            for teacher in teachers
        }

    def accepted(self) -> list[list[str | None]] | None:
        """The accepted texts of each row, None when the file does not tell."""
        if not any(ACCEPTED in row for row in self.rows):
            return None
        return self._column(
            ACCEPTED,
            lambda value: (
                isinstance(value, list)
                and all(text is None or isinstance(text, str) for text in value)
            ),
            "must be a list of texts",
        )

    def _teachers(self, ending: str) -> list[str]:
        names = dict.fromkeys(name for row in self.rows for name in row)
        teachers = [
            name.removesuffix(ending)
            for name in names
            if name.endswith(ending) and name not in (ending, ACCEPTED)
        ]
        if not teachers:
            self._refuse(1, f"<teacher>{ending}", f"is missing: is this the {ending[1:]} file?")
        return teachers

    def _column(self, name: str, fits: Callable[[Any], bool], otherwise: str) -> list[Any]:
        return [
            self._value(number, row, name, fits, otherwise)
            for number, row in enumerate(self.rows, 1)
        ]

    def _mistake(self, number: int, row: Mapping[str, Any]) -> ReferenceMistake:
        return ReferenceMistake(
            **{
                name: self._value(number, row, name, fits, otherwise)
                for name, (fits, otherwise) in MISTAKE_FIELDS.items()
                if name in row or name not in OPTIONAL_FIELDS
            }
        )

    def _value(
        self,
        number: int,
        row: Mapping[str, Any],
        name: str,
        fits: Callable[[Any], bool],
        otherwise: str,
    ) -> Any:
        if name not in row:
            self._refuse(number, name, "is missing")
        if not fits(row[name]):
            self._refuse(number, name, otherwise)
        return row[name]

    def _refuse(self, number: int, name: str, fault: str) -> NoReturn:
        raise BadInput(f"{self.path.name}, row {number}: the field {name!r} {fault}.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole_number(value: Any) -> bool:
    """A whole number that fits the 64 bits of a database's column."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_id(value: Any) -> bool:
    return isinstance(value, str) or _is_whole_number(value)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | float) or _is_whole_number(value)


def _is_options(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_rationale(value: Any) -> bool:
    match value:
        case [str() | None, *scores]:
            return all(map(_is_scalar, scores))
        case _:
            return False


OPTIONAL_FIELDS = {"context", "options"}
# A mistake's fields in the reference's order, each with what its value must be.
MISTAKE_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (_is_id, "must be a whole number or a text"),
    "context": (_is_text, "must be a text"),
    "question": (_is_text, "must be a text"),
    "options": (_is_options, "must be a list of texts"),
    "gold_answer": (_is_text, "must be a text"),
    "student_wrong_pred": (_is_text, "must be a text"),
    "student_wrong_final_answer": (_is_scalar, "must be a text, a number or null"),
}


def _read_rows(path: Path) -> list[dict[str, Any]]:
    """A JSON list of objects."""
    rows = read_json(path, "give a file of the reference")
    if not isinstance(rows, list) or not rows:
        raise BadInput(f"{path.name} must be a JSON list with a row for each mistake.")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise BadInput(f"{path.name}, row {number}: it must be an object with named fields.")
    return rows
