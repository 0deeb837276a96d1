"""Decisions on a rationale and on favourites, checked against what others decided."""

import threading
from pathlib import Path

import pytest

from db.projects import Project
from db.store import close, connect
from fair_app.curation.decisions import State
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding
from fair_app.studio.board import board
from fair_app.studio.deciding import Outdated
from fair_app.studio.training import training_questions
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


# ---- one rationale


def test_a_decision_stands_until_the_next_and_gives_its_revision(room: Room) -> None:
    one = room.rationale(0)
    first = room.decide(one, "accept")
    second = room.decide(one, "edit", value="put right")
    assert 0 < first < second == room.revision("rationale", one)
    assert (room.state(one).accepted, room.state(one).text) == (True, "put right")
    room.decide(one, "restore")
    assert (room.state(one).accepted, room.state(one).text) == (True, None)
    room.decide(one, "reset")
    assert room.state(one) == State()


def test_an_edited_rationale_trains_as_edited_and_is_a_persons(room: Room) -> None:
    room.decide(room.rationale(1, 1), "edit", value="2 + 2 = 4, so 4.")
    found = {one.question_id: one for one in training_questions(room.settings, room.project)}
    assert ("human, after blaise", "2 + 2 = 4, so 4.") in [
        (text.teacher, text.text) for text in found[room.questions[1]].rationales
    ]


@pytest.mark.parametrize(
    ("action", "word"),
    [
        ("accept", "accepted"),
        ("reject", "rejected"),
        ("edit", "edited"),
        ("reset", "reset"),
    ],
)
def test_the_second_person_is_told_who_decided_what(room: Room, action: str, word: str) -> None:
    one = room.rationale(0)
    seen = room.decide(one, "accept", "ann")
    room.decide(one, action, "bob", value="put right" if action == "edit" else None)
    before = room.log()
    with pytest.raises(Outdated, match=rf"bob decided on this in the meantime \({word}\)"):
        deciding.decide(room.settings, room.project, one, "accept", actor="ann", revision=seen)
    assert room.log() == before


def test_a_rejected_edit_is_told_as_rejected(room: Room) -> None:
    one = room.rationale(0)
    room.decide(one, "edit", "bob", value="put right")
    room.decide(one, "reject", "cleo")
    with pytest.raises(Outdated, match=r"cleo .*\(rejected\)"):
        deciding.decide(room.settings, room.project, one, "accept", actor="ann", revision=0)


def test_an_undo_is_a_change_too(room: Room) -> None:
    one = room.rationale(0)
    seen = room.decide(one, "accept", "bob")
    room.undo("bob")
    with pytest.raises(Outdated, match=r"bob .*\(reset\)"):
        deciding.decide(room.settings, room.project, one, "reject", actor="ann", revision=seen)


def test_a_comment_outdates_nobody_and_is_not_named(room: Room) -> None:
    one = room.rationale(0)
    deciding.comment(room.settings, room.project, one, actor="cleo", text="why?")
    deciding.decide(room.settings, room.project, one, "accept", actor="bob", revision=0)
    deciding.comment(room.settings, room.project, one, actor="cleo", reason="unclear")
    with pytest.raises(Outdated, match="bob decided"):
        deciding.decide(room.settings, room.project, one, "reject", actor="ann", revision=0)
    assert [(one.reason, one.text) for one in room.state(one).comments] == [
        ("", "why?"),
        ("unclear", ""),
    ]


def test_a_revision_that_never_was_is_outdated(room: Room) -> None:
    for revision in (99, -1):
        with pytest.raises(Outdated, match="not its present state"):
            deciding.decide(
                room.settings,
                room.project,
                room.rationale(0),
                "accept",
                actor="ann",
                revision=revision,
            )
    assert room.log() == []


def test_of_two_at_the_same_moment_one_is_told(room: Room) -> None:
    one = room.rationale(0)
    start = threading.Barrier(6)
    outcomes: list[str] = []

    def choose(number: int) -> None:
        start.wait()
        try:
            deciding.decide(
                room.settings,
                room.project,
                one,
                "accept" if number % 2 else "reject",
                actor=f"person {number}",
                revision=0,
            )
            outcomes.append("saved")
        except Outdated:
            outcomes.append("outdated")
        finally:
            close(room.settings.database)

    people = [threading.Thread(target=choose, args=(number,)) for number in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(outcomes) == ["outdated"] * 5 + ["saved"]
    assert len(room.log()) == 1


@pytest.mark.parametrize(
    ("action", "value", "said"),
    [
        ("bless", None, "no decision 'bless'"),
        ("edit", " ", "needs a text"),
        ("grade", "correct", "no decision 'grade' about a rationale"),
        ("favourite", "1", "no decision 'favourite' about a rationale"),
        ("undo", None, "no decision 'undo'"),
    ],
)
def test_what_cannot_be_decided_is_refused(
    room: Room, action: str, value: str | None, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        room.decide(room.rationale(0), action, value=value)
    assert room.log() == []


def test_only_the_projects_own_complete_rationales_are_decided_on(
    settings: Settings, room: Room
) -> None:
    other = Room(settings, taught(settings))
    store = connect(settings.database)
    store.execute("UPDATE rationales SET finish = 'truncated' WHERE id = ?", [room.rationale(2)])
    cut_off = board(settings, room.project).incomplete[0].id
    for rationale in (other.rationale(0), 12345, cut_off):
        with pytest.raises(BadInput, match="not among the project's"):
            room.decide(rationale, "accept")
        with pytest.raises(BadInput, match="not among the project's"):
            deciding.pick_favourite(settings, room.project, rationale, actor="ann", revision=0)
    deciding.comment(settings, room.project, cut_off, actor="ann", text="cut off")
    with pytest.raises(BadInput, match="not among the project's"):
        deciding.comment(settings, room.project, 12345, actor="ann", text="whose?")
    with pytest.raises(BadInput, match="words or a reason"):
        deciding.comment(settings, room.project, cut_off, actor="ann", text=" \n")
    assert room.log() == [("ann", "rationale", "comment")]


# ---- favourites


def test_a_favourite_is_accepted_too_by_one_gesture(room: Room) -> None:
    one = room.rationale(1, 1)
    room.decide(one, "reject")
    room.pick(1, 1)
    assert (room.favourite(1), room.state(one).accepted) == (one, True)
    done = room.undo()
    assert done == deciding.Done("favourite", 2, room.questions[1], room.questions[1])
    assert (room.favourite(1), room.state(one).accepted) == (None, False)
    done = room.redo()
    assert done is not None
    assert (done.action, done.entries) == ("favourite", 2)
    assert (room.favourite(1), room.state(one).accepted) == (one, True)


def test_the_same_again_takes_a_favourite_back_and_another_replaces_it(room: Room) -> None:
    room.pick(0, 1)
    room.pick(0, 2)
    assert room.favourite(0) == room.rationale(0, 2)
    room.pick(0, 2)
    assert room.favourite(0) is None
    assert room.state(room.rationale(0, 2)).accepted is True
    room.undo()
    assert room.favourite(0) == room.rationale(0, 2)


def test_of_a_question_with_a_favourite_the_student_learns_that_alone(room: Room) -> None:
    def learnt() -> list[str]:
        found = {one.question_id: one for one in training_questions(room.settings, room.project)}
        return [text.teacher for text in found[room.questions[0]].rationales]

    room.decide(room.rationale(0, 1), "accept")
    assert learnt() == ["ada", "blaise"]
    room.pick(0, 1)
    assert learnt() == ["blaise"]


def test_rejecting_a_favourite_makes_it_none_by_one_gesture(room: Room) -> None:
    one = room.rationale(0)
    room.pick(0, 0)
    room.decide(one, "reject")
    assert (room.favourite(0), room.state(one).accepted) == (None, False)
    room.undo()
    assert (room.favourite(0), room.state(one).accepted) == (one, True)
    room.decide(room.rationale(0, 1), "reject")
    assert room.favourite(0) == one, "another one rejected leaves it"


def test_nobodys_favourite_is_taken_away_unseen(room: Room) -> None:
    one = room.rationale(0)
    seen = room.decide(one, "accept", "ann")
    room.pick(0, 0, "bob")
    with pytest.raises(Outdated, match="bob"):
        deciding.decide(room.settings, room.project, one, "reject", actor="ann", revision=seen)
    for teacher, word in ((1, "another favourite"), (0, "another favourite")):
        with pytest.raises(Outdated, match=rf"bob .*\({word}\)"):
            deciding.pick_favourite(
                room.settings, room.project, room.rationale(0, teacher), actor="ann", revision=0
            )
    room.pick(0, 0, "bob")
    with pytest.raises(Outdated, match=r"bob .*\(no favourite\)"):
        deciding.pick_favourite(room.settings, room.project, one, actor="ann", revision=0)
