"""Evaluations of a project: at once, compared, by students and tasks, and without what leaked."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from db import exams
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import mcnemar_exact, wilson
from fair_app.exchange.reference import read_run
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.studio.comparing import DIFFERENCES, comparison, find_comparable, flips
from fair_app.studio.evaluations import leakage, summary, without
from fair_app.studio.exams import score
from fair_app.studio.matrix import matrix
from fair_app.studio.report_results import compared
from fair_app.studio.wrong_predictions import export_wrong_predictions
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task as task_named
from fair_app.training.examples import TrainingQuestion
from fair_app.training.frozen import freeze
from fair_app.training.lineage import write_lineage
from fair_app.training.preferences import STAGE, Preference, freeze_preferences
from tests.building import project_with_mistakes
from tests.evaluated import evaluated, sampled

BEFORE = [True, True, True, False, False, False, False, False]
AFTER = [True, True, False, True, True, True, False, False]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return project_with_mistakes(settings, mistakes=4)


def test_students_are_compared_by_their_newest_tests_of_the_same_items(
    settings: Settings, project: Project
) -> None:
    base = evaluated(settings, project, "smollm2-135m", BEFORE)
    learned = evaluated(settings, project, "checkpoint:a", AFTER)
    again = evaluated(settings, project, "checkpoint:a", AFTER)
    elsewhere = evaluated(settings, project, "smollm2-135m", [True, False])
    names = ["smollm2-135m", "checkpoint:a"]
    assert find_comparable(settings, project, names) == [(base.id,), (again.id,)]
    assert find_comparable(settings, project, [str(base.id), str(learned.id)]) == [
        (base.id,),
        (learned.id,),
    ]
    # What was asked for by its id is what is meant, of whatever items.
    assert find_comparable(settings, project, [str(elsewhere.id), names[1]]) == [
        (elsewhere.id,),
        (again.id,),
    ]
    with pytest.raises(BadInput, match="no evaluation 'nobody'"):
        find_comparable(settings, project, ["nobody", names[1]])


def test_all_evaluations_at_once_are_as_one_by_one(settings: Settings, project: Project) -> None:
    whole = evaluated(settings, project, "smollm2-135m", BEFORE)
    begun = evaluated(settings, project, "checkpoint:a", [True, None, False, None])
    unbegun = evaluated(settings, project, "checkpoint:b", [None, None])
    found = summary(settings, project)
    assert [one.exam for one in found] == [unbegun, begun, whole]
    for one in found:
        alone = score(settings, one.exam.id)
        assert (one.accuracy, one.ci95) == (alone.accuracy, alone.ci95)
        counts = alone.counts
        assert (one.questions, one.answered) == (counts.questions, counts.answered)
        assert (one.correct, one.truncated) == (counts.correct, counts.truncated)
    assert [one.whole for one in found] == [False, False, True]
    assert (found[2].way, found[2].seed) == ("greedy, 256 tokens", None)
    assert len({one.items for one in found}) == 3


def test_two_compared(settings: Settings, project: Project) -> None:
    first = evaluated(settings, project, "smollm2-135m", BEFORE)
    second = evaluated(settings, project, "checkpoint:a", AFTER)
    (found,) = comparison(settings, project, [first.id, second.id])
    assert asdict(found.changes) == {
        "fixed": 3,
        "broken": 1,
        "both_right": 2,
        "both_wrong": 2,
        "p_value": mcnemar_exact(3, 1),
    }
    assert (found.n, found.difference, found.p_holm) == (8, 0.25, found.changes.p_value)
    assert found.ci95[0] <= 0.25 <= found.ci95[1]
    for way in (*found.by_type, found.by_length):
        assert sum(part.n for part in way) == 8
        assert sum(part.fixed for part in way) == 3
    assert len(found.by_type) == 2, "by family, and by steps"
    (turned,) = comparison(settings, project, [second.id, first.id])
    assert (turned.changes.fixed, turned.difference) == (1, -0.25)


def test_many_are_compared_with_the_first(settings: Settings, project: Project) -> None:
    first = evaluated(settings, project, "smollm2-135m", [False] * 20)
    better = evaluated(settings, project, "checkpoint:a", [True] * 9 + [False] * 11)
    same = evaluated(settings, project, "checkpoint:b", [False] * 20)
    found = comparison(settings, project, [first.id, better.id, same.id])
    assert [one.second.id for one in found] == [better.id, same.id]
    assert [one.p_holm for one in found] == [2 * mcnemar_exact(9, 0), 1.0]


def test_what_cannot_be_compared(settings: Settings, project: Project) -> None:
    first = evaluated(settings, project, "smollm2-135m", BEFORE)
    shorter = evaluated(settings, project, "checkpoint:a", BEFORE[:5])
    begun = evaluated(settings, project, "checkpoint:b", [True, None])
    with pytest.raises(BadInput, match=r"not of the same items \(3 only in the first"):
        comparison(settings, project, [first.id, shorter.id])
    with pytest.raises(BadInput, match="answered 1 of 2 questions: resume"):
        comparison(settings, project, [first.id, begun.id])
    with pytest.raises(BadInput, match="two or more different"):
        comparison(settings, project, [first.id, first.id])
    other = project_with_mistakes(settings, name="other")
    with pytest.raises(BadInput, match="no evaluation"):
        comparison(settings, other, [first.id, shorter.id])


def test_a_corrected_gold_answer_makes_other_items(settings: Settings, project: Project) -> None:
    asked = task_named("arithmetic").load("test", limit=3)
    first = evaluated(settings, project, "smollm2-135m", BEFORE[:3], questions=asked)
    corrected = [*asked[:2], replace(asked[2], gold_answer="77", gold_text="77")]
    other = evaluated(settings, project, "checkpoint:a", BEFORE[:3], questions=corrected)
    again = evaluated(settings, project, "checkpoint:b", BEFORE[:3], questions=asked)
    items = {one.exam.id: one.items for one in summary(settings, project)}
    assert items[first.id] == items[again.id] != items[other.id]
    assert [one.second.id for one in compared(settings, project)] == [again.id]


def test_flips_page_by_page(settings: Settings, project: Project) -> None:
    first = evaluated(settings, project, "smollm2-135m", BEFORE)
    second = evaluated(settings, project, "checkpoint:a", AFTER)
    totals = {how: flips(settings, first, second, how)[1] for how in DIFFERENCES}
    assert totals == {"fixed": 3, "broken": 1, "changed": 4, "both right": 2, "both wrong": 2}
    page, total = flips(settings, first, second, "changed", limit=2, offset=1)
    assert total == 4
    assert [one.after.position for one in page] == [3, 4]
    for one in page:
        assert one.before.question_id == one.after.question_id
        assert (one.before.correct, one.after.correct) == (False, True)
        assert (one.after.text or "").startswith("checkpoint:a reckons.")
    kept, left = flips(settings, first, second, "fixed", left_out=[page[0].after.question_id])
    assert (len(kept), left) == (2, 2)


def test_a_persons_word_counts(settings: Settings, project: Project) -> None:
    first = evaluated(settings, project, "smollm2-135m", BEFORE)
    second = evaluated(settings, project, "checkpoint:a", AFTER)
    store = connect(settings.database)
    exams.set_grade(store, exams.answers(store, second.id)[2].id, True)
    (found,) = comparison(settings, project, [first.id, second.id])
    assert (found.changes.fixed, found.changes.broken) == (3, 0)


# Students by tasks.


def test_the_matrix_shows_the_newest_of_the_usual_way(settings: Settings, project: Project) -> None:
    evaluated(settings, project, "smollm2-135m", [False] * 8)
    base = evaluated(settings, project, "smollm2-135m", BEFORE)
    taught = evaluated(settings, project, "checkpoint:a", AFTER)
    shorter = evaluated(settings, project, "checkpoint:b", AFTER[:4])
    evaluated(settings, project, "checkpoint:c", [True, None])
    found = matrix(settings, project)
    assert (found.students, found.tasks) == (
        ["smollm2-135m", "checkpoint:a", "checkpoint:b"],
        ["arithmetic"],
    )
    assert (found.learned, found.ways) == ("arithmetic", {"arithmetic": "greedy, 256 tokens"})
    cells = {student: cell for (student, _), cell in found.cells.items()}
    assert cells["smollm2-135m"].evaluations == (base.id,)
    assert (cells["checkpoint:a"].evaluations, cells["checkpoint:a"].n) == ((taught.id,), 8)
    assert cells["checkpoint:a"].ci95 == wilson(5, 8)
    assert [cells[one].alike for one in found.students] == [True, True, False]
    assert (cells["checkpoint:b"].evaluations, cells["checkpoint:b"].n) == ((shorter.id,), 4)


def test_a_cell_takes_all_seeds_together(settings: Settings, project: Project) -> None:
    runs = [
        evaluated(settings, project, "smollm2-135m", right, decoding=sampled(seed))
        for seed, right in ((731, BEFORE), (732, AFTER), (733, AFTER))
    ]
    (cell,) = matrix(settings, project).cells.values()
    assert cell.evaluations == tuple(run.id for run in reversed(runs))
    again = evaluated(settings, project, "smollm2-135m", BEFORE, decoding=sampled(731))
    (newer,) = matrix(settings, project).cells.values()
    assert newer.evaluations == (again.id, runs[2].id, runs[1].id)
    assert (cell.accuracy, cell.n, cell.alike) == (pytest.approx(13 / 24), 8, True)
    found = without(settings, [run.id for run in runs], [])
    assert cell.ci95 == pytest.approx(found["ci95"])
    assert (found["correct"], found["accuracy"]) == (pytest.approx(13 / 3, abs=1e-4), 13 / 24)


def test_other_tasks_and_splits_have_columns_of_their_own(
    settings: Settings, project: Project
) -> None:
    svamp = [
        Question(f"How many are {n} and {n}?", str(2 * n), str(2 * n), source_id=n)
        for n in range(3)
    ]
    more = {"task": "svamp", "questions": svamp}
    evaluated(settings, project, "smollm2-135m", [True, False, True], **more)
    evaluated(settings, project, "smollm2-135m", BEFORE[:3], split="train")
    assert matrix(settings, project).tasks == ["svamp", "arithmetic (train)"]
    evaluated(settings, project, "smollm2-135m", BEFORE)
    found = matrix(settings, project)
    assert found.tasks == ["arithmetic", "svamp", "arithmetic (train)"]
    assert len(found.cells) == 3


def test_an_empty_matrix(settings: Settings, project: Project) -> None:
    found = matrix(settings, project)
    assert (found.students, found.tasks, found.cells) == ([], [], {})


# Leakage.


def asked_of(project: Project, settings: Settings) -> list[Question]:
    store = connect(settings.database)
    assert project.exam_id is not None
    return [as_question(row) for row in exams.answers(store, project.exam_id)]


def test_items_that_the_exam_had(settings: Settings, project: Project) -> None:
    train = asked_of(project, settings)
    new = task_named("arithmetic").load("test", limit=3)
    shouted = Question(train[1].text.upper() + "!", train[1].gold_answer, train[1].gold_text)
    tested = [train[0], shouted, *new]
    exam = evaluated(settings, project, "m", [True, True, False, False, True], questions=tested)
    found = leakage(settings, project, exam)
    assert [leak.tested for leak in found.exact] == [train[0].text]
    assert [leak.trained for leak in found.normalised] == [train[1].text]
    assert (found.n, found.trained, found.source) == (5, 5, "the project's exams")
    assert leakage(settings, project, exam) is found, "not looked for again"
    left = without(settings, [exam.id], found.items)
    assert (left["n"], left["correct"]) == (5 - len(found.items), 3 - 2)


def test_a_comparison_without_what_leaked_into_any(settings: Settings, project: Project) -> None:
    train = asked_of(project, settings)
    tested = [train[0], *task_named("arithmetic").load("test", limit=30)]
    kept = [True] * 3 + [False] * 28
    first = evaluated(settings, project, "m", [False] * 31, questions=tested)
    second = evaluated(settings, project, "checkpoint:gone", kept, questions=tested)
    (whole,) = comparison(settings, project, [first.id, second.id])
    (found,) = comparison(settings, project, [first.id, second.id], without_leaked=True)
    assert (whole.n, whole.left_out) == (31, frozenset())
    assert (found.n, len(found.left_out)) == (31 - len(found.left_out), 31 - found.n)
    assert exams.question_ids(connect(settings.database), first.id)[0] in found.left_out
    only = evaluated(settings, project, "m", [False], questions=train[:1])
    again = evaluated(settings, project, "checkpoint:gone", [True], questions=train[:1])
    with pytest.raises(BadInput, match="nothing is left"):
        comparison(settings, project, [only.id, again.id], without_leaked=True)


def trained_on(settings: Settings, name: str, prompts: list[str], **lineage: object) -> None:
    """A checkpoint's folder, as far as leakage reads it."""
    folder = settings.checkpoints / name
    freeze([TrainingQuestion(0, prompt, "", (), ()) for prompt in prompts], folder)
    write_lineage(folder, {"base": "smollm2-135m", "quantization": "none", **lineage})


def test_a_checkpoint_learned_from_its_run_and_those_before(
    settings: Settings, project: Project
) -> None:
    train = asked_of(project, settings)
    prompts = [task_named("arithmetic").prompt(question) for question in train]
    trained_on(settings, "one", prompts[:1])
    trained_on(settings, "two", prompts[1:2], start="checkpoint:one")
    for name, learned in (("one", 1), ("two", 2)):
        exam = evaluated(settings, project, f"checkpoint:{name}", [True] * 5, questions=train)
        found = leakage(settings, project, exam)
        assert {leak.tested for leak in found.exact} == {one.text for one in train[:learned]}
        assert (found.trained, found.source) == (learned, f"checkpoint:{name}")


def test_a_second_stage_learned_from_its_preferences(settings: Settings, project: Project) -> None:
    train = asked_of(project, settings)
    prompts = [task_named("arithmetic").prompt(question) for question in train]
    trained_on(settings, "one", prompts[:1])
    folder = settings.checkpoints / "two"
    freeze_preferences([Preference(0, prompts[1], "ada", "right", "wrong", True)], folder)
    lineage = {"base": "smollm2-135m", "quantization": "none", "start": "checkpoint:one"}
    write_lineage(folder, {**lineage, "stage": STAGE})
    exam = evaluated(settings, project, "checkpoint:two", [True] * 5, questions=train)
    found = leakage(settings, project, exam)
    assert {leak.tested for leak in found.exact} == {one.text for one in train[:2]}
    assert (found.trained, found.source) == (2, "checkpoint:two")


def test_a_checkpoint_whose_examples_are_gone(settings: Settings, project: Project) -> None:
    trained_on(settings, "one", ["What?"])
    (settings.checkpoints / "one" / "examples.json").write_text("[", encoding="utf-8")
    train = asked_of(project, settings)
    exam = evaluated(settings, project, "checkpoint:one", [True] * 5, questions=train)
    found = leakage(settings, project, exam)
    assert (len(found.exact), found.source) == (5, "the project's exams")


# Files.


def test_wrong_predictions_of_every_student_and_task(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    evaluated(settings, project, "checkpoint:a", [False] * 8)
    evaluated(settings, project, "checkpoint:a", AFTER)
    svamp = [
        Question(f"How many are {n} and {n}?", str(2 * n), str(2 * n), source_id=n)
        for n in range(3)
    ]
    right = [True, False, False]
    evaluated(settings, project, "one/model", right, task="svamp", questions=svamp)
    evaluated(settings, project, "two/model", right, task="svamp", questions=svamp)
    evaluated(settings, project, "checkpoint:b", [True, None])
    files = export_wrong_predictions(settings, project, tmp_path / "out")
    names = sorted(file.name for file in files)
    assert len(names) == 3
    assert names[0] == "a_test.json"
    assert names[1].startswith("model_svamp_") and names[2] == "model_svamp_test.json"
    rows = json.loads((tmp_path / "out" / "a_test.json").read_text(encoding="utf-8"))
    assert len(rows) == AFTER.count(False)
    assert set(rows[0]) == {
        *("id", "question", "gold_answer", "student_wrong_pred", "student_wrong_final_answer")
    }
    assert len(read_run(tmp_path / "out" / names[1]).mistakes) == 2
