"""Evaluations beside each other: counts of all at once, outcomes, and where two of them differ."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlite_utils import Database

from db.questions import list_as_json
from db.store import scalar

DIFFERENCES = {
    "fixed": "a.correct = 0 AND b.correct = 1",
    "broken": "a.correct = 1 AND b.correct = 0",
    "changed": "a.correct <> b.correct",
    "both right": "a.correct = 1 AND b.correct = 1",
    "both wrong": "a.correct = 0 AND b.correct = 0",
}
"""How the answers of two evaluations, `a` before and `b` after, stand to each other."""


class Tally(NamedTuple):
    """How far an evaluation is. `correct` counts grades in force: a person's before the rule's.

    `ids` is the sum of the questions' ids: with a gold answer corrected, a question is another one.
    """

    questions: int
    answered: int
    correct: int
    truncated: int
    ids: int


class SeedSums(NamedTuple):
    """Several evaluations of the same items: over items, the sum of how often each was right, and
    the sum of that number's square."""

    items: int
    right: int
    squares: int


class Item(NamedTuple):
    """What an item is told apart by: its kind, and the words of its question and context."""

    kind: str
    words: int


def tallies(store: Database, project_id: int) -> dict[int, Tally]:
    """The counts of all evaluations of a project, by their ids."""
    return {
        exam_id: Tally(*counts)
        for exam_id, *counts in store.execute(
            """SELECT a.exam_id, count(*), count(a.correct), coalesce(sum(a.correct), 0),
                      coalesce(sum(a.truncated), 0), sum(a.question_id)
               FROM answers a
               WHERE a.exam_id IN (SELECT id FROM exams
                                   WHERE project_id = ? AND purpose = 'evaluation')
               GROUP BY a.exam_id""",
            [project_id],
        )
    }


def seed_sums(store: Database, groups: Sequence[Sequence[int]]) -> list[SeedSums]:
    """For each group of evaluations of the same items, what their common estimate needs."""
    pairs = [(place, exam_id) for place, group in enumerate(groups) for exam_id in group]
    found = {
        place: SeedSums(*sums)
        for place, *sums in store.execute(
            """WITH grouped AS (SELECT value ->> 0 AS place, value ->> 1 AS exam_id
                                FROM json_each(?)),
                    items AS (SELECT g.place, sum(a.correct) AS right
                              FROM grouped g JOIN answers a ON a.exam_id = g.exam_id
                              GROUP BY g.place, a.question_id)
               SELECT place, count(*), sum(right), sum(right * right) FROM items GROUP BY place""",
            ["[" + ",".join(f"[{place},{exam_id}]" for place, exam_id in pairs) + "]"],
        )
    }
    return [found[place] for place in range(len(groups))]


def outcomes(store: Database, exam_id: int) -> dict[int, bool | None]:
    """Whether each question of an evaluation was answered right; None: not answered yet."""
    return {
        question_id: None if correct is None else bool(correct)
        for question_id, correct in store.execute(
            "SELECT question_id, correct FROM answers WHERE exam_id = ?", [exam_id]
        )
    }


def right_of_first(store: Database, exam_id: int, questions: int) -> int:
    """How many of the first questions of an exam or evaluation are right by the grades in force."""
    sql = "SELECT count(*) FROM answers WHERE exam_id = ? AND position < ? AND correct = 1"
    return int(scalar(store, sql, [exam_id, questions]))


def items(store: Database, exam_id: int) -> dict[int, Item]:
    """What the items of an evaluation are told apart by, by question."""
    return {
        question_id: Item(kind, len(context.split()) + len(text.split()))
        for question_id, kind, context, text in store.execute(
            """SELECT q.id, q.kind, q.context, q.text
               FROM answers a JOIN questions q ON q.id = a.question_id WHERE a.exam_id = ?""",
            [exam_id],
        )
    }


def differing(
    store: Database,
    first: int,
    second: int,
    how: str,
    limit: int,
    offset: int,
    left_out: Collection[int] = (),
) -> tuple[list[int], int]:
    """A page of the questions on which two evaluations stand so, in the order of the second, and
    how many there are in all. `how` is a name of DIFFERENCES; `left_out` are questions."""
    joined = f"""FROM answers a JOIN answers b ON b.question_id = a.question_id
                 WHERE a.exam_id = :first AND b.exam_id = :second AND {DIFFERENCES[how]}
                       AND b.question_id NOT IN (SELECT value FROM json_each(:left_out))"""
    given = {"first": first, "second": second, "left_out": list_as_json(left_out)}
    rows = store.execute(
        f"SELECT b.question_id {joined} ORDER BY b.position LIMIT :limit OFFSET :offset",
        {**given, "limit": limit, "offset": offset},
    )
    page = [int(question_id) for (question_id,) in rows]
    return page, int(scalar(store, f"SELECT count(*) {joined}", given))


def examined(store: Database, project_id: int) -> list[int]:
    """The questions of all exams of a project: those that any training set is made of."""
    cursor = store.execute(
        """SELECT DISTINCT a.question_id FROM answers a JOIN exams e ON e.id = a.exam_id
           WHERE e.project_id = ? AND e.purpose = 'exam' ORDER BY a.question_id""",
        [project_id],
    )
    return [int(question_id) for (question_id,) in cursor]
