"""A bundle whose exam went on after a run: what the run learned from comes again all the same."""

import json
from pathlib import Path

import pytest

from db import decisions, exams
from db.decisions import Entry
from db.projects import Project
from db.store import connect
from fair_app.curation.provenance import Answer, Extent
from fair_app.exchange.replay import GIVEN, SAME, replay
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio.bundle import bundle_files
from fair_app.studio.training_start import extent
from fair_app.tasks.registry import task as task_named
from tests.browser.taught import taught
from tests.studio.recorded import record_arms
from tests.training.tiny_home import tiny_home


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_home(tmp_path)


def unanswered(settings: Settings, project: Project) -> None:
    """Put one more question behind those of the exam."""
    assert project.exam_id is not None
    store = connect(settings.database)
    task = task_named(project.task)
    known = len(exams.question_ids(store, project.exam_id))
    more = task.load("train", limit=known + 1)[known:]
    ids = store_questions(store, project.id, task.name, "train", more)
    exams.extend(store, project.exam_id, ids, exams.get(store, project.exam_id).settings)


def answer(settings: Settings, project: Project) -> None:
    """Answer wrongly what the exam still has to put."""
    assert project.exam_id is not None
    store = connect(settings.database)
    for row in exams.unanswered(store, project.exam_id):
        exams.save_answer(store, row.id, {"text": "So 1.", "correct": 0, "truncated": 0})


def explained(settings: Settings, project: Project) -> None:
    """A rationale of every teacher, accepted, on the question that has no answer yet: another exam
    of the project may have had it."""
    assert project.exam_id is not None
    store = connect(settings.database)
    (row,) = exams.unanswered(store, project.exam_id)
    store.execute(
        """INSERT INTO rationales (question_id, teacher_id, call_id, prompt, text, finish, correct)
           SELECT ?, teacher_id, min(call_id), prompt, 'So it is 2.', 'complete', 1
           FROM rationales GROUP BY teacher_id, prompt""",
        [row.question_id],
    )
    written = store.execute("SELECT id FROM rationales WHERE question_id = ?", [row.question_id])
    accepted = [Entry("rationale", rationale, "accept") for (rationale,) in written]
    decisions.append(store, project.id, "ann", accepted)
    store.conn.commit()


def replayed(settings: Settings, project: Project, **changed: object) -> dict[str, str]:
    files = {name: text.encode() for name, text in bundle_files(settings, project).items()}
    for name in files if changed else ():
        if name.endswith("lineage.json"):
            lineage = json.loads(files[name])
            lineage["ledger"] = {
                key: value for key, value in lineage["ledger"].items() if key != "answered_at"
            } | changed
            files[name] = json.dumps(lineage).encode()
    return {one.place.removeprefix("checkpoints/"): one.state for one in replay(files)}


def test_answers_that_came_after_a_run_are_none_of_its_mistakes(settings: Settings) -> None:
    project = taught(settings)
    unanswered(settings, project)
    explained(settings, project)
    # Without feedback a question needs rationales alone, and this one has them.
    record_arms(settings, project)
    before = extent(settings, project)
    assert set(replayed(settings, project).values()) == {SAME}
    answer(settings, project)
    assert extent(settings, project)["answered_at"] > before["answered_at"] > 0
    unanswered(settings, project)
    assert set(replayed(settings, project).values()) == {SAME}
    # An older lineage does not say when: it is read, and then the new answers are in it.
    older = replayed(settings, project, decisions=before["decisions"])
    assert older["no-feedback"] == GIVEN
    assert older["checked"] == SAME, "of what needs feedback there is no other"


def test_ledgers_and_lineages_from_before_are_read() -> None:
    assert Extent(
        **{"teachers": (1,), "rationales": 1, "feedback": 2, "reviews": 3, "decisions": 4}
    )
    assert Answer(1, 1, 1, 0, "", False, None).answered_at is None
