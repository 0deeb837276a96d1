"""What the review room reads at once: facts about all rationales of an exam's mistakes, and search.

These are read for thousands of rationales before a page is painted: without their texts, and as
plain tuples.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlite_utils import Database

from db.committee import AUTHORS
from db.exams import FILTERS
from db.store import scalar

TOKENS = "coalesce(c.output_tokens, (length(w.text) + 3) / 4)"
"""A text's length: as its provider counted it, else about four characters a token."""

MISTAKES = f"""SELECT a.id, a.question_id FROM answers a
               WHERE a.exam_id = :exam AND {FILTERS["wrong"]}"""


class Written(NamedTuple):
    """A rationale without its text. `correct` is its final answer's grade, `tokens` its length.

    `by_mentor`: the project's mentor wrote it, not a teacher.
    """

    id: int
    question_id: int
    teacher: str
    correct: bool | None
    finish: str
    tokens: int
    by_mentor: bool


def revision(store: Database, project_id: int) -> int:
    """A number that grows with every change of a project's questions, answers, and teachers' work.

    Decisions do not change it: they have their own ids.
    """
    return int(
        scalar(store, "SELECT coalesce(max(revision), 0) FROM projects WHERE id = ?", [project_id])
    )


def written(store: Database, project_id: int, exam_id: int) -> list[Written]:
    """The rationales on an exam's mistakes, in the order of the exam, the mentor's last of each."""
    return [
        Written(
            rationale_id,
            question_id,
            teacher,
            None if correct is None else bool(correct),
            finish,
            tokens or 0,
            bool(by_mentor),
        )
        for rationale_id, question_id, teacher, correct, finish, tokens, by_mentor in store.execute(
            f"""SELECT w.id, w.question_id, t.name, w.correct, w.finish, {TOKENS},
                       t.origin = 'mentor'
                FROM answers a JOIN rationales w ON w.question_id = a.question_id
                     JOIN teachers t ON t.id = w.teacher_id JOIN calls c ON c.id = w.call_id
                WHERE a.exam_id = :exam AND {FILTERS["wrong"]}
                      AND t.project_id = :project AND t.active AND w.current
                ORDER BY a.position, {AUTHORS}, w.sample""",
            {"exam": exam_id, "project": project_id},
        )
    ]


def scores(store: Database, project_id: int) -> dict[int, list[tuple[str, Any]]]:
    """The scores of every rationale by active teachers: (reviewer, score as read) by its id."""
    return {
        rationale_id: [(reviewer, score) for _, reviewer, score in sorted(json.loads(given))]
        for rationale_id, given in store.execute(
            """SELECT v.rationale_id, json_group_array(json_array(p.position, p.name, v.score))
               FROM reviews v JOIN teachers p ON p.id = v.reviewer_id
               WHERE p.project_id = ? AND p.active AND v.current GROUP BY v.rationale_id""",
            [project_id],
        )
    }


def feedback_tokens(store: Database, exam_id: int) -> dict[int, float]:
    """The mean length of the complete feedback on each mistake, in tokens, by question."""
    return dict(
        store.execute(
            f"""SELECT a.question_id, avg({TOKENS})
                FROM answers a JOIN feedback w ON w.answer_id = a.id
                     JOIN teachers t ON t.id = w.teacher_id JOIN calls c ON c.id = w.call_id
                WHERE a.exam_id = :exam AND {FILTERS["wrong"]} AND t.active AND w.current
                      AND w.finish = 'complete'
                GROUP BY a.question_id""",
            {"exam": exam_id},
        ).fetchall()
    )


def prompt_tokens(store: Database, exam_id: int) -> dict[int, int]:
    """About how many tokens the student's question and wrong answer have, by question."""
    return dict(
        store.execute(
            f"""SELECT a.question_id,
                       (2 * length(q.text) + 2 * length(q.context) + length(a.text)) / 4
                FROM answers a JOIN questions q ON q.id = a.question_id
                WHERE a.exam_id = :exam AND {FILTERS["wrong"]}""",
            {"exam": exam_id},
        ).fetchall()
    )


def texts(store: Database, rationale_ids: Sequence[int]) -> dict[int, str]:
    """The rationales' original texts by their ids."""
    return {
        rationale_id: text or ""
        for rationale_id, text in store.execute(
            "SELECT id, text FROM rationales WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(rationale_ids))],
        )
    }


OWN = "(SELECT id FROM teachers WHERE project_id = :project AND active)"
FOUND_IN = (
    "SELECT rowid FROM questions_fts WHERE questions_fts MATCH :term",
    """SELECT question_id FROM answers WHERE exam_id = :exam
       AND id IN (SELECT rowid FROM answers_fts WHERE answers_fts MATCH :term)""",
    f"""SELECT question_id FROM rationales WHERE current AND teacher_id IN {OWN}
        AND id IN (SELECT rowid FROM rationales_fts WHERE rationales_fts MATCH :term)""",
    f"""SELECT a.question_id FROM feedback b JOIN answers a ON a.id = b.answer_id
        WHERE b.current AND a.exam_id = :exam AND b.teacher_id IN {OWN}
              AND b.id IN (SELECT rowid FROM feedback_fts WHERE feedback_fts MATCH :term)""",
    f"""SELECT r.question_id FROM reviews v JOIN rationales r ON r.id = v.rationale_id
        WHERE v.current AND v.reviewer_id IN {OWN}
              AND v.id IN (SELECT rowid FROM reviews_fts WHERE reviews_fts MATCH :term)""",
    """SELECT r.question_id FROM decisions d
            JOIN rationales r ON r.id = d.subject_id AND d.subject = 'rationale'
       WHERE d.action IN ('edit', 'comment') AND d.project_id = :project
             AND d.id IN (SELECT rowid FROM decisions_fts WHERE decisions_fts MATCH :term)""",
)
"""The questions of texts that have a term; what there is the most of comes late."""


def search(store: Database, project_id: int, exam_id: int, terms: Sequence[str]) -> set[int]:
    """The mistakes with all of the terms, each anywhere: question, answer, a teacher's, a person's.

    A term is a word or a phrase; its last word may go on (`bana` finds bananas). Case and accents
    do not matter (SQLite FTS5, tokenizer unicode61).
    """
    about = {"exam": exam_id, "project": project_id}
    mistakes = {row[0] for row in store.execute(f"SELECT question_id FROM ({MISTAKES})", about)}
    for term in terms:
        asked = {**about, "term": '"' + term.replace('"', '""') + '"*'}
        found: set[int] = set()
        for texts_with in FOUND_IN:
            found |= mistakes & {row[0] for row in store.execute(texts_with, asked)}
            if found == mistakes:
                break
        mistakes = found
    return mistakes if terms else set()
