"""Decisions on many rationales at once, on grades, and undo over all kinds."""

from pathlib import Path

import pytest

from db import decisions, projects
from db.committee import add_rationale
from db.committee import teachers as committee_teachers
from db.projects import Project
from db.store import connect
from fair_app.curation.decisions import State
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding
from fair_app.studio.board import board
from fair_app.studio.deciding import Outdated
from fair_app.studio.exams import answers, score
from tests.browser.taught import taught
from tests.studio.rooms import Room


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


@pytest.fixture
def room(settings: Settings, project: Project) -> Room:
    return Room(settings, project)


# ---- many at once


def test_a_bulk_decision_is_one_gesture(room: Room) -> None:
    ids = [row.id for row in board(room.settings, room.project).rows]
    room.pick(0, 0)
    room.decide(ids[3], "reject")
    changed = deciding.decide_all(room.settings, room.project, ids, "reject", actor="ann")
    assert changed == len(ids) - 1, "one was rejected already"
    assert all(room.state(one).accepted is False for one in ids)
    assert room.favourite(0) is None
    done = room.undo()
    assert done is not None
    assert (done.action, done.entries) == ("reject", len(ids))  # the favourite's reset among them
    assert [one for one in ids if room.state(one).accepted is not None] == [ids[0], ids[3]]
    assert room.favourite(0) == ids[0]
    room.redo()
    assert all(room.state(one).accepted is False for one in ids)
    assert deciding.decide_all(room.settings, room.project, ids, "reset", actor="bob") == len(ids)
    assert board(room.settings, room.project).states == {}


def test_a_bulk_decision_on_the_undecided_never_goes_over_a_persons_word(room: Room) -> None:
    ids = [row.id for row in board(room.settings, room.project).rows]
    room.decide(ids[3], "accept", "bob")
    before = board(room.settings, room.project).states
    bulk = (room.settings, room.project)
    with pytest.raises(Outdated, match="in the meantime"):
        deciding.decide_all(*bulk, ids, "reject", actor="ann", only_undecided=True)
    assert board(room.settings, room.project).states == before
    rest = [one for one in ids if one != ids[3]]
    changed = deciding.decide_all(*bulk, rest, "reject", actor="ann", only_undecided=True)
    assert changed == len(rest)
    assert room.state(ids[3]).accepted is True


def test_a_bulk_decision_is_all_or_none(settings: Settings, room: Room) -> None:
    ids = [row.id for row in board(settings, room.project).rows]
    other = Room(settings, taught(settings))
    for gone in (12345, other.rationale(0)):
        with pytest.raises(BadInput, match="changed in the meantime"):
            deciding.decide_all(settings, room.project, [*ids, gone], "accept", actor="ann")
    with pytest.raises(BadInput, match="not: edit"):
        deciding.decide_all(settings, room.project, ids, "edit", actor="ann")
    assert room.log() == []
    assert deciding.decide_all(settings, room.project, [], "accept", actor="ann") == 0


def test_what_is_not_complete_is_left_out_of_a_bulk_decision(
    settings: Settings, room: Room
) -> None:
    store = connect(settings.database)
    store.execute("UPDATE rationales SET finish = 'blocked' WHERE id = ?", [room.rationale(2)])
    found = board(settings, room.project)
    ids = [one.id for one in (*found.rows, *found.incomplete)]
    assert deciding.changed_by(found, ids, "accept") == [row.id for row in found.rows]
    assert deciding.decide_all(settings, room.project, ids, "accept", actor="ann") == 14
    found = board(settings, room.project)
    assert deciding.changed_by(found, ids, "accept") == []
    assert deciding.changed_by(found, ids * 2, "reset") == [row.id for row in found.rows]


# ---- grades


def test_a_grade_and_its_undo_change_the_mistakes(room: Room) -> None:
    settings, project = room.settings, room.project
    row = answers(settings, project.exam_id or 0, "wrong")[0][0]

    def mistakes() -> int:
        return len(board(settings, project).questions)

    room.decide(room.rationale(0), "accept")
    deciding.override_grade(settings, project, row.id, True, actor="ann")
    assert (mistakes(), score(settings, project.exam_id or 0).counts.correct) == (4, 1)
    done = room.undo()
    assert done == deciding.Done("grade", 1, row.id, row.question_id)
    assert (mistakes(), score(settings, project.exam_id or 0).counts.correct) == (5, 0)
    assert room.redo() == done
    assert mistakes() == 4
    room.undo()
    # What was decided on the question's rationales is there again with it.
    assert room.state(room.rationale(0)).accepted is True


def test_one_undo_goes_back_through_all_kinds_and_redo_forth(room: Room) -> None:
    settings, project = room.settings, room.project
    row = answers(settings, project.exam_id or 0, "wrong")[0][4]
    states = [board(settings, project)]
    steps = [
        lambda: room.decide(room.rationale(0), "edit", value="put right"),
        lambda: deciding.override_grade(settings, project, row.id, True, actor="ann"),
        lambda: room.pick(1, 1),
        lambda: deciding.comment(settings, project, room.rationale(2), actor="ann", text="why?"),
        lambda: deciding.decide_all(
            settings, project, [room.rationale(3), room.rationale(0)], "reject", actor="ann"
        ),
        lambda: room.decide(room.rationale(0), "restore"),
        lambda: deciding.override_grade(settings, project, row.id, None, actor="ann"),
    ]
    for step in steps:
        step()
        states.append(board(settings, project))
    actions = ["grade", "edit"]
    for state in reversed(states[:-1]):
        done = room.undo()
        assert done is not None
        actions.append(done.action)
        assert board(settings, project) == state
    assert actions[2:] == ["reset", "restore", "reject", "comment", "favourite", "grade", "edit"]
    assert room.undo() is None
    for state in states[1:]:
        assert room.redo() is not None
        assert board(settings, project) == state
    assert room.redo() is None


def test_undo_within_one_kind_leaves_the_others(room: Room) -> None:
    one = room.rationale(0)
    room.decide(one, "accept")
    deciding.comment(room.settings, room.project, one, actor="ann", text="why?")
    done = deciding.undo(
        room.settings, room.project, actor="ann", within=lambda entry: entry.action != "comment"
    )
    assert done is not None
    assert done.action == "accept"
    assert len(room.state(one).comments) == 1


def test_nobody_undoes_or_redoes_for_somebody_else(room: Room) -> None:
    room.decide(room.rationale(0), "accept", "ann")
    assert room.undo("bob") is None
    room.undo("ann")
    assert room.redo("bob") is None
    room.decide(room.rationale(0), "reject", "bob")
    assert room.redo("ann") is None
    assert room.state(room.rationale(0)).accepted is False


def test_what_was_decided_on_a_text_stays_with_it(settings: Settings, room: Room) -> None:
    one = room.rationale(0)
    room.decide(one, "accept")
    store = connect(settings.database)
    ada = committee_teachers(store, room.project.id)[0]
    store.execute("UPDATE rationales SET current = 0 WHERE id = ?", [one])
    add_rationale(
        store,
        {
            "question_id": room.questions[0],
            "teacher_id": ada.id,
            "call_id": 1,
            "text": "Written anew.",
            "finish": "complete",
            "correct": 1,
            "prompt": "another template",
        },
    )
    anew = next(row.id for row in board(settings, room.project).rows if row.teacher == "ada")
    assert room.state(anew) == State()
    with pytest.raises(BadInput, match="not among the project's"):
        room.decide(one, "reject")
    done = room.undo()
    assert done is not None
    assert done.question_id == room.questions[0]


def test_actors_reasons_and_times_are_in_the_log(settings: Settings, room: Room) -> None:
    deciding.decide(
        settings,
        room.project,
        room.rationale(0),
        "reject",
        actor="ann",
        revision=0,
        reason="  wrong arithmetic ",
    )
    (row,) = decisions.log(connect(settings.database), room.project.id)
    assert (row.actor, row.reason, row.gesture) == ("ann", "wrong arithmetic", None)
    assert row.at > projects.get(connect(settings.database), room.project.id).created_at
