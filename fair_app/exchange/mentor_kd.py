"""The files of Mentor-KD (arXiv 2410.09037): rationales of a teacher, or augmentations of a mentor.

The authors' files (github.com/2hojae/mentor-kd) are lists of rows, several of a question one after
the other. A row has `input` (the question), `chain` (the rationale, without the final answer),
`completion` (the final answer that a mentor gave; the teachers' files lack it), `answer` (the gold
answer) and `initial_correct` (whether the final answer was right). Here rows may stand in an object
by their number too, with several of one question in a list of their own, and all of it under
`data`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from fair_app.errors import BadInput
from fair_app.exchange.json_file import read_json
from fair_app.whole_files import write_whole

FIELDS = ("input", "chain", "completion", "answer", "initial_correct")
NEEDED = ("input", "chain", "answer")
DATA = "data"
DEEPEST = 4
"""Lists and objects around a row, at most."""

At = tuple[str | int, ...]
"""Where a row stands in its file: names of objects and places in lists, from the outside in."""


@dataclass(frozen=True)
class MentorKdRow:
    """One rationale of a file. `content` is all that the file says of it, as it says it."""

    at: At
    content: dict[str, Any]

    @property
    def question(self) -> str:
        """The question, as it was put."""
        return str(self.content["input"])

    @property
    def chain(self) -> str:
        """The rationale; it may lack the final answer, or end with another number."""
        return str(self.content["chain"])

    @property
    def completion(self) -> str:
        """The final answer that was given, "" where the file does not say."""
        return _as_text(self.content.get("completion"))

    @property
    def answer(self) -> str:
        """The gold answer."""
        return _as_text(self.content["answer"])

    @property
    def initial_correct(self) -> bool | None:
        """Whether the final answer was right, by the file; None where it does not say."""
        found = self.content.get("initial_correct")
        return None if found is None else bool(found)


def made_row(
    at: At, *, question: str, chain: str, completion: str, answer: str, correct: bool
) -> MentorKdRow:
    """A row of one's own in the files' fields."""
    values = (question, chain, completion, answer, correct)
    return MentorKdRow(at, dict(zip(FIELDS, values, strict=True)))


def read_mentor_kd(path: Path) -> list[MentorKdRow]:
    """The rows of a file, in its order.

    Raises BadInput for a file that is not JSON or has no row, and where a row lacks a field or has
    one of the wrong kind (row, counted from 1, and field are named). Other fields are kept.
    """
    found = read_json(path, "give a file of Mentor-KD")
    inside = found.get(DATA) if isinstance(found, dict) and not _is_row(found) else None
    start: At = () if inside is None else (DATA,)
    rows = []
    for number, (at, content) in enumerate(_rows(found if inside is None else inside, start), 1):
        _check(path, number, content)
        rows.append(MentorKdRow(at, content))
    if not rows:
        raise BadInput(
            f"{path.name} has no row: it must be a list, or an object by numbers, of rows with "
            f"{', '.join(NEEDED)}."
        )
    return rows


def write_mentor_kd(rows: Sequence[MentorKdRow], path: Path) -> Path:
    """Write rows to a file, each where it stands, and return its path.

    What `read_mentor_kd` read comes out as the same JSON, but for what stood beside `data` and for
    empty lists; the places of rows that are left out are closed up. Rows of several files, whose
    places do not go together, stand in a list. Raises as `write_whole` does.
    """
    placed = _go_together([row.at for row in rows])
    tree = (
        _tree([(row.at, row.content) for row in rows]) if placed else [one.content for one in rows]
    )
    return write_whole({path: json.JSONEncoder(indent=4, allow_nan=False).iterencode(tree)})[0]


def _rows(value: Any, at: At) -> Iterator[tuple[At, Any]]:
    """Rows, and whatever else stands where one should."""
    if len(at) > DEEPEST:
        yield at, None
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _rows(inner, (*at, place))
    elif isinstance(value, dict) and not _is_row(value):
        for name, inner in value.items():
            yield from _rows(inner, (*at, name))
    else:
        yield at, value


def _is_row(value: dict[str, Any]) -> bool:
    return any(name in value for name in FIELDS)


def _check(path: Path, number: int, row: Any) -> None:
    def refuse(fault: str) -> NoReturn:
        raise BadInput(f"{path.name}, row {number}: {fault}.")

    if not isinstance(row, dict):
        refuse(f"it must be an object with {', '.join(NEEDED)}")
    for name in NEEDED:
        if name not in row:
            refuse(f"the field '{name}' is missing")
    for name in FIELDS[:2]:
        if not isinstance(row[name], str) or not row[name].strip():
            refuse(f"the field '{name}' must be a text")
    for name in FIELDS[2:4]:
        if not isinstance(row.get(name), str | int | float | None):
            refuse(f"the field '{name}' must be a text or a number")
    if not _as_text(row["answer"]).strip():
        refuse("the field 'answer' is empty")
    if not isinstance(row.get("initial_correct"), bool | None):
        refuse("the field 'initial_correct' must be true or false")


def _as_text(value: Any) -> str:
    """A scalar as the text that it would be written as in JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _go_together(places: Sequence[At]) -> bool:
    """Whether one file can have all of these places, none of them inside another."""
    named = [tuple(map(str, at)) for at in places]
    taken = set(named)
    inside = any(at[:depth] in taken for at in named for depth in range(len(at)))
    under_data = {at[:1] == (DATA,) for at in named}
    return len(taken) == len(named) and not inside and len(under_data) == 1


def _tree(rows: Sequence[tuple[At, Any]]) -> Any:
    if len(rows) == 1 and rows[0][0] == ():
        return rows[0][1]
    groups: dict[str | int, list[tuple[At, Any]]] = {}
    for at, content in rows:
        groups.setdefault(at[0], []).append((at[1:], content))
    trees = {name: _tree(inner) for name, inner in groups.items()}
    places = sorted(name for name in trees if isinstance(name, int))
    if len(places) == len(trees):
        return [trees[place] for place in places]
    return {str(name): one for name, one in trees.items()}
