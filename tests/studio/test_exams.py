"""A person's word on a grade, and what is read, found and written of an exam."""

import json
from pathlib import Path
from typing import Any

import pytest

from db import decisions, exams
from db.exams import AnswerRow, KindCounts
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.evaluation.comparing import MOST_PARTS
from fair_app.exchange.reference import read_run
from fair_app.settings import Settings
from fair_app.studio import deciding, grades, review
from fair_app.studio.board import board
from fair_app.studio.deciding import override_grade
from fair_app.studio.exams import answers, score
from fair_app.studio.exchange import export_answers, export_mistakes, import_reference
from fair_app.studio.grades import (
    accuracy_over_time,
    by_kind,
    grouped,
    undo_grade,
    words,
)
from fair_app.studio.projects import open_project
from fair_app.studio.training import training_preview
from tests.browser.taught import taught
from tests.building import project_with_mistakes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return project_with_mistakes(settings, mistakes=4)


def first_wrong(settings: Settings, project: Project) -> AnswerRow:
    return answers(settings, project.exam_id, "wrong")[0][0]


def logged(settings: Settings, project: Project) -> list[tuple[str, str, str | None, str]]:
    log = decisions.log(connect(settings.database), project.id)
    return [(one.actor, one.action, one.value, one.reason) for one in log]


def test_the_mistakes_follow_a_persons_word(settings: Settings, project: Project) -> None:
    row = first_wrong(settings, project)
    now = override_grade(
        settings, project, row.id, True, actor="ada", reason=" missed by the rule "
    )
    assert (now.correct, now.rule_correct) == (True, False)
    assert score(settings, project.exam_id).counts.correct == 2
    assert row.question_id not in board(settings, project).questions
    assert [one.id for one in answers(settings, project.exam_id, "overridden")[0]] == [row.id]
    word = words(settings, project)[row.id]
    assert (word.actor, word.reason) == ("ada", "missed by the rule")

    back = override_grade(settings, project, row.id, None, actor="bo")
    assert (back.correct, words(settings, project)) == (False, {})
    assert row.question_id in board(settings, project).questions
    assert logged(settings, project) == [
        ("ada", "grade", "correct", "missed by the rule"),
        ("bo", "reset", None, ""),
    ]


def test_a_right_answer_becomes_a_mistake(settings: Settings, project: Project) -> None:
    right = answers(settings, project.exam_id, "right")[0][0]
    override_grade(settings, project, right.id, False, actor="ada")
    assert board(settings, project).questions[0] == right.question_id
    assert score(settings, project.exam_id).counts.correct == 0


def test_a_word_that_changes_nothing_is_not_logged(settings: Settings, project: Project) -> None:
    row = first_wrong(settings, project)
    for correct in (False, None):
        override_grade(settings, project, row.id, correct, actor="ada")
    assert logged(settings, project) == []


@pytest.mark.parametrize("read", ["board", "decision_log"])
def test_a_word_that_comes_while_the_words_are_read(
    settings: Settings, project: Project, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    row, reading = first_wrong(settings, project), getattr(grades, read)

    def and_somebody_decides(*about: Any) -> Any:
        found = reading(*about)
        override_grade(settings, project, row.id, True, actor="bo")
        return found

    monkeypatch.setattr(grades, read, and_somebody_decides)
    assert words(settings, project).keys() <= {row.id}
    monkeypatch.undo()
    assert words(settings, project).keys() == {row.id}


def test_undo_takes_back_ones_own_latest_word(settings: Settings, project: Project) -> None:
    one, other = answers(settings, project.exam_id, "wrong")[0][:2]
    override_grade(settings, project, one.id, True, actor="ada")
    override_grade(settings, project, other.id, True, actor="bo")
    undone = undo_grade(settings, project, actor="ada")
    assert undone is not None
    assert (undone.id, undone.correct) == (one.id, False)
    assert undo_grade(settings, project, actor="ada") is None
    # A reset can be undone too: the word that it took back is in force again.
    override_grade(settings, project, other.id, None, actor="bo")
    again = undo_grade(settings, project, actor="bo")
    assert again is not None
    assert (again.id, again.correct) == (other.id, True)


def test_undo_leaves_the_review_room_alone(settings: Settings) -> None:
    project = taught(settings)
    question = board(settings, project).questions[1]
    (card,) = review.cards(settings, project, [question])
    rationale = card.columns[0].rationale_id
    assert rationale is not None
    deciding.decide(settings, project, rationale, "accept", actor="ada", revision=0)
    assert undo_grade(settings, project, actor="ada") is None
    deciding.override_grade(settings, project, card.answer.id, True, actor="ada")
    # The latest of all is undone in the review room, the latest grade on the exam's page.
    undone = undo_grade(settings, project, actor="ada")
    assert undone is not None
    assert undone.id == card.answer.id
    done = deciding.undo(settings, project, actor="ada")
    assert done is not None
    assert (done.action, done.subject_id, done.question_id) == ("accept", rationale, question)
    assert first_wrong(settings, project).position == 0
    assert question in board(settings, project).questions


def test_the_training_set_follows(settings: Settings) -> None:
    project = taught(settings)
    before = training_preview(settings, project).questions
    taught_ones = answers(settings, project.exam_id, "wrong")[0]
    override_grade(settings, project, taught_ones[0].id, True, actor="ada")
    assert training_preview(settings, project).questions == before - 1


def test_only_the_projects_own_answers_are_graded(settings: Settings, project: Project) -> None:
    other = project_with_mistakes(settings, name="other")
    with pytest.raises(BadInput, match="not among the project's"):
        override_grade(settings, other, first_wrong(settings, project).id, True, actor="ada")
    with pytest.raises(BadInput, match="not among the project's"):
        override_grade(settings, project, 12345, True, actor="ada")


def test_an_answer_still_to_come_is_not_graded(settings: Settings, project: Project) -> None:
    store = connect(settings.database)
    waiting = exams.add(
        store,
        project.id,
        purpose="exam",
        student="smollm2-135m",
        task=project.task,
        split="train",
        settings={},
        question_ids=exams.question_ids(store, project.exam_id),
    )
    with pytest.raises(BadInput, match="no answer yet"):
        override_grade(settings, project, exams.unanswered(store, waiting)[0].id, True, actor="ada")


@pytest.mark.parametrize(
    ("search", "found"),
    [("", 5), ("LET US", 5), ("100%", 0), ("_", 0), ("Ben bakes", 1), ("' OR 1=1 --", 0)],
)
def test_a_search_looks_into_questions_and_answers(
    settings: Settings, project: Project, search: str, found: int
) -> None:
    rows, total = answers(settings, project.exam_id, "all", search=search)
    assert (len(rows), total) == (found, found)


def test_pages_are_of_the_search(settings: Settings, project: Project) -> None:
    rows, total = answers(settings, project.exam_id, "wrong", 3, 3, "let us")
    assert (len(rows), total) == (1, 4)


def test_the_curve_is_of_the_grades_in_force(settings: Settings, project: Project) -> None:
    assert accuracy_over_time(settings, project.exam_id) == [
        (1, 1.0),
        (2, 1 / 2),
        (3, 1 / 3),
        (4, 1 / 4),
        (5, 1 / 5),
    ]
    override_grade(settings, project, first_wrong(settings, project).id, True, actor="ada")
    assert accuracy_over_time(settings, project.exam_id)[-1] == (5, 2 / 5)


def test_kinds_of_two_parts_are_told_apart_by_each(settings: Settings, project: Project) -> None:
    steps, families = by_kind(settings, project.exam_id)
    assert [one.kind for one in steps] == sorted(one.kind for one in steps)
    assert all(one.kind[0].isdigit() for one in steps)
    for way in (steps, families):
        assert sum(one.answered for one in way) == 5
        assert sum(one.correct for one in way) == 1
    assert all(
        one.ci95[0] <= one.correct / one.answered <= one.ci95[1] for one in (*steps, *families)
    )


def test_kinds_in_their_order_and_not_too_many() -> None:
    numbers = [KindCounts(f"{n} steps", 2, 1) for n in (10, 2, 9)]
    assert [one.kind for one in grouped(numbers)[0]] == ["2 steps", "9 steps", "10 steps"]
    assert grouped([KindCounts("Addition", 9, 4)]) == []
    uneven = [KindCounts("a, b", 1, 0), KindCounts("c", 1, 1)]
    assert [[one.kind for one in way] for way in grouped(uneven)] == [["a, b", "c"]]
    many = [KindCounts(f"kind {n}", n, 0) for n in range(1, 40)]
    assert min(one.answered for one in grouped(many)[0]) == 40 - MOST_PARTS


def test_the_mistakes_are_written_as_the_reference_does(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    override_grade(settings, project, first_wrong(settings, project).id, True, actor="ada")
    path = export_mistakes(settings, project, tmp_path / "out")
    assert path.name == "smollm2-135m_arithmetic_false_round0.json"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    wrong = answers(settings, project.exam_id, "wrong")[0]
    run = read_run(path)
    assert [one.id for one in run.mistakes] == [row.source_id for row in wrong]
    import_reference(settings, "again", project.task, mistakes=path, feedback=None, rationale=None)
    again = open_project(settings, "again")
    copy = export_mistakes(settings, again, tmp_path / "copy")
    assert copy.read_bytes() == path.read_bytes()
    # An imported mistake can be marked right as well.
    row = override_grade(settings, again, first_wrong(settings, again).id, True, actor="ada")
    assert (row.correct, row.rule_correct) == (True, False)
    assert len(board(settings, again).questions) == len(wrong) - 1


def test_all_answers_are_written_with_how_they_were_graded(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    row = first_wrong(settings, project)
    override_grade(settings, project, row.id, True, actor="ada", reason="right after all")
    path = export_answers(settings, project, tmp_path)
    assert path.name == "smollm2-135m_arithmetic_answers_round0.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["student"] == "smollm2-135m"
    assert [one["number"] for one in content["answers"]] == [1, 2, 3, 4, 5]
    mine = content["answers"][row.position]
    assert (mine["correct"], mine["correct_by_rule"]) == (True, False)
    assert (mine["overridden"]["actor"], mine["overridden"]["reason"]) == ("ada", "right after all")
    start, end = mine["span"]
    assert mine["answer"][start:end] == mine["prediction"]
    assert content["answers"][0]["overridden"] is None


def test_nothing_is_written_without_an_exam(settings: Settings, tmp_path: Path) -> None:
    from fair_app.studio.projects import ensure_demo

    for export in (export_mistakes, export_answers):
        with pytest.raises(BadInput, match="has no exam yet"):
            export(settings, ensure_demo(settings), tmp_path / "out")
    assert not (tmp_path / "out").exists()
