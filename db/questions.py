"""Questions: what a project asked, each once, whatever file or hub it came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.store import fetch, fetch_one, insert_or_ignore, scalar


@dataclass(frozen=True)
class QuestionRow:
    """One row of `questions`."""

    id: int
    project_id: int
    task: str
    split: str
    key: str
    text: str
    gold_answer: str
    gold_text: str
    context: str
    options: tuple[str, ...]
    source_id: Any
    kind: str


def add(store: Database, values: dict[str, Any]) -> int:
    """Add a question unless it stands there already; return its id either way."""
    insert_or_ignore(store, "questions", values)
    return int(
        scalar(
            store,
            "SELECT id FROM questions WHERE project_id = ? AND task = ? AND split = ? AND key = ?",
            [values["project_id"], values["task"], values["split"], values["key"]],
        )
    )


def by_ids(store: Database, ids: Iterable[int]) -> list[QuestionRow]:
    """The questions with these ids, in the order of ids."""
    return fetch(
        store,
        QuestionRow,
        "SELECT * FROM questions WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        [list_as_json(ids)],
    )


def drawn(store: Database, project_id: int, task: str, split: str) -> QuestionRow | None:
    """A question of a project's split, any of them; None where it has asked none."""
    return fetch_one(
        store,
        QuestionRow,
        """SELECT * FROM questions WHERE project_id = ? AND task = ? AND split = ?
           ORDER BY random() LIMIT 1""",
        [project_id, task, split],
    )


def list_as_json(ids: Iterable[int]) -> str:
    """Ids as the JSON array that `json_each` reads: no limit on their number."""
    return "[" + ",".join(str(int(one)) for one in ids) + "]"
