"""The board that is kept equals one read afresh, whatever happened to the project."""

import multiprocessing
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as running
from hypothesis import strategies as st

from db import committee, decisions, exams, projects
from db.decisions import Entry
from db.projects import Project
from db.store import close, connect, writing
from fair_app.curation.board import Board
from fair_app.curation.decisions import fold, revision_of
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding
from fair_app.studio.board import board, decision_log, decisions_on
from fair_app.studio.exams import answers
from tests.browser.taught import TEACHERS, taught

HASHES = ("first", "second")


@contextmanager
def home() -> Iterator[Settings]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        yield settings
        close(settings.database)


def afresh(settings: Settings, project: Project) -> tuple[Board, list[Any]]:
    """The board and the log as they are read for the first time: from a copy of the database."""
    with home() as copied:
        copied.database.parent.mkdir(parents=True, exist_ok=True)
        copy = sqlite3.connect(copied.database)
        connect(settings.database).conn.backup(copy)
        copy.close()
        return board(copied, project), decision_log(copied, project)


def asked_with(settings: Settings, template_hash: str) -> None:
    """Have all texts bear the hash of the template that they were asked with."""
    for table in ("rationales", "feedback", "reviews"):
        connect(settings.database).execute(f"UPDATE {table} SET prompt = ?", [template_hash])


class Story:
    """A project to which things happen, with what is drawn of each."""

    def __init__(self, settings: Settings, draw: Callable[[Any], Any]) -> None:
        self.settings = settings
        self.store = connect(settings.database)
        self.project = taught(settings)
        self.draw = draw
        self.present = dict.fromkeys(("rationale", "feedback", "review"), HASHES[0])
        asked_with(settings, HASHES[0])

    def one_of(self, values: Any) -> Any:
        return self.draw(st.sampled_from(list(values)))

    def actor(self) -> str:
        return str(self.draw(st.sampled_from(["ann", "bob"])))

    def decide(self) -> None:
        rows = board(self.settings, self.project).rows
        if rows:
            row = self.one_of(rows)
            action = self.one_of(["accept", "reject", "edit", "restore", "reset"])
            deciding.decide(
                self.settings,
                self.project,
                row.id,
                action,
                actor=self.actor(),
                revision=revision_of(
                    decisions_on(self.settings, self.project, ("rationale", row.id))
                ),
                value="put right" if action == "edit" else None,
            )

    def favourite(self) -> None:
        rows = board(self.settings, self.project).rows
        if rows:
            row = self.one_of(rows)
            key = ("question", row.question_id)
            revision = revision_of(decisions_on(self.settings, self.project, key))
            deciding.pick_favourite(
                self.settings, self.project, row.id, actor=self.actor(), revision=revision
            )

    def comment(self) -> None:
        found = board(self.settings, self.project)
        written = [*found.rows, *found.incomplete]
        if written:
            about = self.one_of(written).id
            deciding.comment(self.settings, self.project, about, actor=self.actor(), text="why?")

    def bulk(self) -> None:
        ids = [row.id for row in board(self.settings, self.project).rows]
        action = self.one_of(deciding.BULK)
        deciding.decide_all(self.settings, self.project, ids[::2], action, actor=self.actor())

    def undo(self) -> None:
        deciding.undo(self.settings, self.project, actor=self.actor())

    def redo(self) -> None:
        deciding.redo(self.settings, self.project, actor=self.actor())

    def grade(self) -> None:
        row = self.one_of(exams.answers(self.store, self.project.exam_id or 0))
        right = self.one_of([True, False, None])
        deciding.override_grade(self.settings, self.project, row.id, right, actor=self.actor())

    def template(self) -> None:
        role, template_hash = self.one_of(self.present), self.one_of(HASHES)
        committee.set_template(self.store, self.project.id, role, template_hash, template_hash)
        self.present[role] = template_hash

    def teachers(self) -> None:
        names = self.draw(st.permutations(TEACHERS))[: self.draw(st.integers(1, 3))]
        members = [
            {
                "name": name,
                "origin": "committee",
                "simulated": 0,
                "spec": {"name": name},
                "spec_hash": self.one_of(["", "changed"]),
            }
            for name in names
        ]
        committee.set_committee(self.store, self.project.id, members)

    def write(self) -> None:
        question = self.one_of(exams.question_ids(self.store, self.project.exam_id or 0))
        teacher = self.one_of(committee.teachers(self.store, self.project.id))
        if committee.written_by(self.store, teacher.id, question, 0)[0] is None:
            committee.add_rationale(
                self.store,
                {
                    "question_id": question,
                    "teacher_id": teacher.id,
                    "call_id": 1,
                    "text": "Anew.",
                    "finish": self.one_of(["complete", "truncated"]),
                    "correct": self.one_of([0, 1, None]),
                    "prompt": self.present["rationale"],
                },
            )

    def review(self) -> None:
        written = committee.rationales(self.store, self.project.id)
        if written:
            rationale = self.one_of(written)
            known = committee.reviewers_of(self.store, rationale.id)
            for peer in committee.teachers(self.store, self.project.id):
                if peer.id != rationale.teacher_id and peer.id not in known:
                    committee.add_review(
                        self.store,
                        {
                            "rationale_id": rationale.id,
                            "reviewer_id": peer.id,
                            "call_id": 1,
                            "text": "Well.",
                            "score": self.one_of([1, 5, None, 83]),
                            "prompt": self.present["review"],
                        },
                    )

    def fail(self) -> None:
        """A unit of work that decides, is looked at, and is never committed."""
        with pytest.raises(ZeroDivisionError), writing(self.store):
            self.decide()
            self.grade()
            board(self.settings, self.project)
            raise ZeroDivisionError


STEPS = (
    Story.decide,
    Story.favourite,
    Story.comment,
    Story.bulk,
    Story.undo,
    Story.redo,
    Story.grade,
    Story.template,
    Story.teachers,
    Story.write,
    Story.review,
    Story.fail,
)


@given(st.data())
@running(max_examples=40, deadline=None)
def test_the_board_kept_is_the_board_read_afresh(data: st.DataObject) -> None:
    with home() as settings:
        story = Story(settings, data.draw)
        for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=10)):
            step(story)
            kept = board(settings, story.project)
            read, log = afresh(settings, story.project)
            assert kept == read
            assert decision_log(settings, story.project) == log
            assert kept.states == fold(log)
            for key in kept.states:
                own = [one for one in log if (one.subject, one.subject_id) == key]
                assert decisions_on(settings, story.project, key) == own


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_nothing_is_read_again_while_nothing_changed(settings: Settings) -> None:
    project = taught(settings)
    found = board(settings, project)
    assert board(settings, project) is found
    row = found.rows[0]
    deciding.decide(settings, project, row.id, "accept", actor="ann", revision=0)
    after = board(settings, project)
    assert after.rows is found.rows
    assert after.state_of(row.id) is not None
    assert found.state_of(row.id) is None, "a board that somebody holds never changes"


def test_a_rolled_back_decision_is_not_on_the_board(settings: Settings) -> None:
    project = taught(settings)
    row = board(settings, project).rows[0]
    with pytest.raises(BadInput, match="half"), writing(connect(settings.database)):
        deciding.decide(settings, project, row.id, "accept", actor="ann", revision=0)
        assert board(settings, project).state_of(row.id) is not None
        raise BadInput("half done")
    assert board(settings, project).states == {}
    assert decision_log(settings, project) == []
    # The next decision gets the same id, and is not taken for the one that never was.
    deciding.decide(settings, project, row.id, "reject", actor="bob", revision=0)
    state = board(settings, project).state_of(row.id)
    assert state is not None
    assert (state.accepted, state.actor) == (False, "bob")


def _accept(home: Path, project: Project, rationale_id: int) -> None:
    deciding.decide(
        Settings(home=home), project, rationale_id, "accept", actor="elsewhere", revision=0
    )


def test_what_another_process_decides_is_seen(settings: Settings) -> None:
    project = taught(settings)
    first, second = board(settings, project).rows[:2]
    rival = multiprocessing.get_context("spawn").Process(
        target=_accept, args=(settings.home, project, first.id)
    )
    rival.start()
    deciding.decide(settings, project, second.id, "reject", actor="here", revision=0)
    rival.join(timeout=180)
    assert rival.exitcode == 0
    states = board(settings, project).states
    assert {key[1]: state.actor for key, state in states.items()} == {
        first.id: "elsewhere",
        second.id: "here",
    }
    with pytest.raises(deciding.Outdated, match="elsewhere"):
        deciding.decide(settings, project, first.id, "reject", actor="here", revision=0)


def test_a_second_connection_sees_only_what_is_committed(settings: Settings) -> None:
    project = taught(settings)
    row = board(settings, project).rows[0]
    seen: list[Board] = []

    def look() -> None:
        seen.append(board(settings, project))
        close(settings.database)

    def looked() -> Board:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return seen[-1]

    with writing(connect(settings.database)):
        deciding.decide(settings, project, row.id, "accept", actor="ann", revision=0)
        assert looked().states == {}
    assert looked().state_of(row.id) is not None


def test_a_board_is_of_one_moment(settings: Settings) -> None:
    project = taught(settings)
    taken = answers(settings, project.exam_id or 0, "wrong")[0][0]
    store = connect(settings.database)
    regraded: list[bool] = []

    def regrade() -> None:
        exams.set_grade(connect(settings.database), taken.id, True)
        regraded.append(True)
        close(settings.database)

    def meanwhile(statement: str) -> None:
        # Between two queries of the same reading, somebody marks an answer right.
        if "feedback" in statement and not regraded:
            thread = threading.Thread(target=regrade)
            thread.start()
            thread.join()

    store.conn.set_trace_callback(meanwhile)
    found = board(settings, project)
    store.conn.set_trace_callback(None)
    assert regraded
    assert set(found.questions) == {row.question_id for row in found.rows}
    assert set(found.questions) == set(found.prompt_tokens)
    assert taken.question_id not in board(settings, project).questions


def test_two_projects_of_one_database_are_kept_apart(settings: Settings) -> None:
    one, other = taught(settings), taught(settings)
    row = board(settings, one).rows[0]
    deciding.decide(settings, one, row.id, "accept", actor="ann", revision=0)
    assert board(settings, other).states == {}
    assert {row.id for row in board(settings, one).rows}.isdisjoint(
        row.id for row in board(settings, other).rows
    )
    store = connect(settings.database)
    # An entry of the other project never comes to this one's log, though its id is between.
    decisions.append(store, other.id, "bob", [Entry("rationale", 1, "reject")])
    deciding.decide(settings, one, row.id, "reject", actor="ann", revision=1)
    assert [entry.id for entry in decision_log(settings, one)] == [1, 3]
    assert [entry.id for entry in decision_log(settings, other)] == [2]


def test_a_project_without_an_exam_has_an_empty_board(settings: Settings) -> None:
    project = projects.add(connect(settings.database), "p", "arithmetic", "smollm2-135m")
    found = board(settings, project)
    assert (list(found.questions), list(found.rows), dict(found.states)) == ([], [], {})
