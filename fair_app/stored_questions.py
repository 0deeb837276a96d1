"""Between a task's `Question` and its row in the store."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlite_utils import Database

from db import questions
from db.exams import AnswerRow
from db.questions import QuestionRow
from fair_app.tasks.base import Question


def store_questions(
    store: Database, project_id: int, task: str, split: str, asked: Iterable[Question]
) -> list[int]:
    """Write questions that are not there yet; return the ids of all, in order."""
    return [
        questions.add(store, {"project_id": project_id, "task": task, "split": split, **values})
        for values in _keyed(asked)
    ]


def as_question(row: QuestionRow | AnswerRow) -> Question:
    """The question that a row was written from."""
    return Question(
        text=row.text if isinstance(row, QuestionRow) else row.question,
        gold_answer=row.gold_answer,
        gold_text=row.gold_text,
        context=row.context,
        options=row.options,
        source_id=row.source_id,
        kind=row.kind,
    )


def _keyed(asked: Iterable[Question]) -> Iterator[dict[str, Any]]:
    """Columns with a key: what is asked and the gold answer, and for a repeated row its number."""
    seen: Counter[str] = Counter()
    for question in asked:
        content = json.dumps(
            [question.text, question.context, question.options, question.gold_text]
        )
        key = hashlib.sha256(content.encode()).hexdigest()[:24]
        seen[key] += 1
        yield {
            "key": key if seen[key] == 1 else f"{key}#{seen[key]}",
            "text": question.text,
            "gold_answer": question.gold_answer,
            "gold_text": question.gold_text,
            "context": question.context,
            "options": question.options,
            "source_id": question.source_id,
            "kind": question.kind,
        }
