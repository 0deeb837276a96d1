"""What persons decide: appended, checked against what they saw, undone and redone."""

import threading
from pathlib import Path

import pytest

from db import decisions, projects
from db.committee import add_rationale
from db.committee import teachers as committee_teachers
from db.projects import Project
from db.store import close, connect
from fair_app.curation.decisions import State, revision_of
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding
from fair_app.studio.board import board, decision_log, decisions_on
from fair_app.studio.deciding import Outdated
from fair_app.studio.exams import answers, score
from fair_app.studio.training import training_questions
from tests.browser.taught import taught


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


class Room:
    """Shorthand for one project: rationales by question and place in the committee, from 0."""

    def __init__(self, settings: Settings, project: Project) -> None:
        self.settings, self.project = settings, project
        self.questions = list(board(settings, project).questions)

    def rationale(self, question: int, teacher: int = 0) -> int:
        rows = board(self.settings, self.project).rows
        return [row.id for row in rows if row.question_id == self.questions[question]][teacher]

    def state(self, rationale_id: int) -> State:
        return board(self.settings, self.project).state_of(rationale_id) or State()

    def favourite(self, question: int) -> int | None:
        states = board(self.settings, self.project).states
        return states.get(("question", self.questions[question]), State()).favourite

    def revision(self, subject: str, subject_id: int) -> int:
        return revision_of(decisions_on(self.settings, self.project, (subject, subject_id)))

    def decide(
        self, rationale_id: int, action: str, actor: str = "ann", value: str | None = None
    ) -> int:
        return deciding.decide(
            self.settings,
            self.project,
            rationale_id,
            action,
            actor=actor,
            revision=self.revision("rationale", rationale_id),
            value=value,
        )

    def pick(self, question: int, teacher: int, actor: str = "ann") -> None:
        deciding.pick_favourite(
            self.settings,
            self.project,
            self.rationale(question, teacher),
            actor=actor,
            revision=self.revision("question", self.questions[question]),
        )

    def undo(self, actor: str = "ann") -> deciding.Done | None:
        return deciding.undo(self.settings, self.project, actor=actor)

    def redo(self, actor: str = "ann") -> deciding.Done | None:
        return deciding.redo(self.settings, self.project, actor=actor)

    def log(self) -> list[tuple[str, str, str]]:
        return [
            (one.actor, one.subject, one.action)
            for one in decision_log(self.settings, self.project)
        ]


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
