"""Exams and evaluations: who sat which questions, and every answer as it came."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database

from db.questions import list_as_json
from db.store import fetch, fetch_one, insert, now, scalar, update, writing


@dataclass(frozen=True)
class Exam:
    """One row of `exams`: `settings` was asked for, `description` says what moves answers.

    `source` says where the questions were read: a file and its checksum, a data set and its commit.
    """

    id: int
    project_id: int
    purpose: str
    origin: str
    student: str
    task: str
    split: str
    source: dict[str, Any]
    settings: dict[str, Any]
    description: dict[str, Any]
    seconds: float
    created_at: float


@dataclass(frozen=True)
class ExamCounts:
    """How far an exam is. `correct` counts grades in force: a person's word before the rule's.

    `tokens` are all that were written, those of samples too; `agreement` is the mean of it, None
    without samples.
    """

    questions: int
    answered: int
    correct: int
    truncated: int
    tokens: int
    agreement: float | None = None


@dataclass(frozen=True)
class KindCounts:
    """How the answers to one kind of question stand."""

    kind: str
    answered: int
    correct: int


@dataclass(frozen=True)
class SampleRow:
    """One of several answers to a question; `number` counts from 0 and goes with its seed."""

    answer_id: int
    number: int
    text: str
    prediction: str
    tokens: int
    truncated: bool


@dataclass(frozen=True)
class AnswerRow:
    """One answer with the question it answers. `text` is None until the question is answered.

    `correct` is the grade in force and `rule_correct` the rule's; they differ where a person
    decided against the rule.
    """

    id: int
    exam_id: int
    question_id: int
    position: int
    text: str | None
    prediction: str | None
    span_start: int | None
    span_end: int | None
    rule: str | None
    correct: bool | None
    rule_correct: bool | None
    tokens: int | None
    truncated: bool | None
    agreement: float | None
    question: str
    gold_answer: str
    gold_text: str
    context: str
    options: tuple[str, ...]
    source_id: Any
    kind: str


ANSWERS = """
    SELECT a.id, a.exam_id, a.question_id, a.position, a.text, a.prediction, a.span_start,
           a.span_end, a.rule, a.correct, a.rule_correct, a.tokens, a.truncated, a.agreement,
           q.text AS question, q.gold_answer, q.gold_text, q.context, q.options, q.source_id, q.kind
    FROM answers a JOIN questions q ON q.id = a.question_id
"""

FILTERS = {
    "all": "a.text IS NOT NULL",
    "right": "a.correct = 1",
    "wrong": "a.correct = 0",
    "cut off": "a.truncated = 1",
    "overridden": "a.correct <> a.rule_correct",
}
"""What the answers of an exam can be filtered by."""

HOLDS = "instr(lower(a.text), lower(:search)) + instr(lower(q.text), lower(:search)) > 0"


def add(
    store: Database,
    project_id: int,
    *,
    purpose: str,
    student: str,
    task: str,
    split: str,
    settings: dict[str, Any],
    question_ids: list[int],
    source: dict[str, Any] | None = None,
    origin: str = "run",
) -> int:
    """Create an exam with one unanswered row a question; return its id."""
    with writing(store):
        exam_id = insert(
            store,
            "exams",
            {
                "project_id": project_id,
                "purpose": purpose,
                "origin": origin,
                "student": student,
                "task": task,
                "split": split,
                "source": source or {},
                "settings": settings,
                "created_at": now(),
            },
        )
        _add_rows(store, exam_id, question_ids, 0)
    return exam_id


def extend(
    store: Database, exam_id: int, question_ids: list[int], settings: dict[str, Any]
) -> None:
    """Put further questions behind those of an exam, whose settings then are these."""
    with writing(store):
        update(store, "exams", exam_id, {"settings": settings})
        _add_rows(store, exam_id, question_ids, counts(store, exam_id).questions)


def get(store: Database, exam_id: int) -> Exam:
    """The exam with this id; KeyError when there is none."""
    exam = fetch_one(store, Exam, "SELECT * FROM exams WHERE id = ?", [exam_id])
    if exam is None:
        raise KeyError(exam_id)
    return exam


def of_project(store: Database, project_id: int, purpose: str) -> list[Exam]:
    """All exams or all evaluations of a project, the newest first."""
    return fetch(
        store,
        Exam,
        "SELECT * FROM exams WHERE project_id = ? AND purpose = ? ORDER BY id DESC",
        [project_id, purpose],
    )


def sat_by(store: Database, student: str, task: str) -> list[tuple[Exam, int]]:
    """What a student answered of a task in any project, with the number of answers, newest first.

    Exams and evaluations; without those that were imported.
    """
    found = fetch(
        store,
        Exam,
        "SELECT * FROM exams WHERE student = ? AND task = ? AND origin = 'run' ORDER BY id DESC",
        [student, task],
    )
    return [(exam, counts(store, exam.id).answered) for exam in found]


def question_ids(store: Database, exam_id: int, which: str | None = None) -> list[int]:
    """The questions of an exam in its order, all or those whose answers a filter lets through."""
    condition = FILTERS[which] if which else "true"
    cursor = store.execute(
        f"SELECT question_id FROM answers a WHERE exam_id = ? AND {condition} ORDER BY position",
        [exam_id],
    )
    return [row[0] for row in cursor]


def counts(store: Database, exam_id: int) -> ExamCounts:
    """Questions, answered, correct, cut off and tokens of an exam."""
    found = fetch_one(
        store,
        ExamCounts,
        """SELECT count(*) AS questions, count(text) AS answered,
                  coalesce(sum(correct), 0) AS correct, coalesce(sum(truncated), 0) AS truncated,
                  coalesce(
                      (SELECT sum(s.tokens) FROM samples s JOIN answers a ON a.id = s.answer_id
                       WHERE a.exam_id = :exam), sum(tokens), 0
                  ) AS tokens, avg(agreement) AS agreement
           FROM answers WHERE exam_id = :exam""",
        {"exam": exam_id},
    )
    assert found is not None
    return found


def unanswered(store: Database, exam_id: int) -> list[AnswerRow]:
    """The questions that an exam still has to put, in its order."""
    return fetch(
        store,
        AnswerRow,
        ANSWERS + " WHERE a.exam_id = ? AND a.text IS NULL ORDER BY a.position",
        [exam_id],
    )


def answers(
    store: Database,
    exam_id: int,
    which: str = "all",
    limit: int = -1,
    offset: int = 0,
    search: str = "",
) -> list[AnswerRow]:
    """A page of an exam's answers, filtered by a name of FILTERS.

    `search` is a text that stands in the question or the answer; A to Z in either case.
    """
    return fetch(
        store,
        AnswerRow,
        f"{ANSWERS} WHERE {_let_through(which, search)} "
        "ORDER BY a.position LIMIT :limit OFFSET :offset",
        {"exam": exam_id, "search": search, "limit": limit, "offset": offset},
    )


def answers_to(store: Database, exam_id: int, question_ids: list[int]) -> dict[int, AnswerRow]:
    """An exam's answers to these questions, by question."""
    rows = fetch(
        store,
        AnswerRow,
        f"{ANSWERS} WHERE a.exam_id = ? AND a.question_id IN (SELECT value FROM json_each(?))",
        [exam_id, list_as_json(question_ids)],
    )
    return {row.question_id: row for row in rows}


def count_answers(store: Database, exam_id: int, which: str = "all", search: str = "") -> int:
    """How many answers a filter lets through, and of these have the searched text."""
    joined = "answers a JOIN questions q ON q.id = a.question_id" if search else "answers a"
    return int(
        scalar(
            store,
            f"SELECT count(*) FROM {joined} WHERE {_let_through(which, search)}",
            {"exam": exam_id, "search": search},
        )
    )


def by_kind(store: Database, exam_id: int) -> list[KindCounts]:
    """The answers so far by the kind of their question; those without a kind are left out."""
    return fetch(
        store,
        KindCounts,
        """SELECT q.kind, count(*) AS answered, coalesce(sum(a.correct), 0) AS correct
           FROM answers a JOIN questions q ON q.id = a.question_id
           WHERE a.exam_id = ? AND a.text IS NOT NULL AND q.kind <> '' GROUP BY q.kind""",
        [exam_id],
    )


def grades_as_they_came(store: Database, exam_id: int) -> list[bool]:
    """Whether each answer so far is right, in the order in which they came."""
    cursor = store.execute(
        "SELECT correct FROM answers WHERE exam_id = ? AND text IS NOT NULL "
        "ORDER BY answered_at, position",
        [exam_id],
    )
    return [bool(correct) for (correct,) in cursor]


def answer(store: Database, answer_id: int) -> AnswerRow | None:
    """One answer, or None."""
    return fetch_one(store, AnswerRow, ANSWERS + " WHERE a.id = ?", [answer_id])


def answer_ids(store: Database, exam_id: int, which: str = "all") -> list[int]:
    """The ids of the answers that a filter lets through, in the exam's order."""
    cursor = store.execute(
        f"SELECT id FROM answers a WHERE exam_id = ? AND {FILTERS[which]} ORDER BY position",
        [exam_id],
    )
    return [int(answer_id) for (answer_id,) in cursor]


def save_answer(store: Database, answer_id: int, values: dict[str, Any]) -> None:
    """Write an answer and the rule's grade into the row that waited for it."""
    graded = {"rule_correct": values["correct"]} if "correct" in values else {}
    update(store, "answers", answer_id, {**values, **graded, "answered_at": now()})


def add_sample(store: Database, sample: SampleRow) -> None:
    """Write one of several answers to a question."""
    insert(store, "samples", asdict(sample))


def samples(store: Database, answer_id: int) -> list[SampleRow]:
    """The samples of one answer, by number."""
    return fetch(
        store,
        SampleRow,
        "SELECT answer_id, number, text, prediction, tokens, truncated FROM samples "
        "WHERE answer_id = ? ORDER BY number",
        [answer_id],
    )


def samples_to_vote_on(store: Database, exam_id: int) -> list[SampleRow]:
    """The samples so far of questions that still lack some."""
    return fetch(
        store,
        SampleRow,
        """SELECT s.answer_id, s.number, s.text, s.prediction, s.tokens, s.truncated
           FROM samples s JOIN answers a ON a.id = s.answer_id
           WHERE a.exam_id = ? AND a.text IS NULL ORDER BY s.answer_id, s.number""",
        [exam_id],
    )


def set_grade(store: Database, answer_id: int, correct: bool) -> None:
    """Write the grade in force, a rule's or a person's (whose word stands in the decisions)."""
    update(store, "answers", answer_id, {"correct": int(correct)})


def describe(store: Database, exam_id: int, description: dict[str, Any]) -> None:
    """Store what moves the answers: dtype, batch size, versions…"""
    update(store, "exams", exam_id, {"description": description})


def add_seconds(store: Database, exam_id: int, seconds: float) -> None:
    """Add time that the student spent on answers."""
    store.execute("UPDATE exams SET seconds = seconds + ? WHERE id = ?", [seconds, exam_id])


def _let_through(which: str, search: str) -> str:
    held = f" AND {HOLDS}" if search else ""
    return f"a.exam_id = :exam AND {FILTERS[which]}{held}"


def _add_rows(store: Database, exam_id: int, question_ids: list[int], first: int) -> None:
    store.conn.executemany(
        "INSERT INTO answers (exam_id, question_id, position) VALUES (?, ?, ?)",
        [(exam_id, question_id, place) for place, question_id in enumerate(question_ids, first)],
    )
