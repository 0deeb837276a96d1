"""What evaluations are compared by."""

from sqlite_utils import Database


def evaluation(store: Database) -> None:
    """Which answers are right, by evaluation and question, without reading the answers' texts."""
    store.execute(
        "CREATE INDEX answers_outcomes ON answers (exam_id, question_id, correct, truncated)"
    )
