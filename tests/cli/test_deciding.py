"""Decisions from the command line: of one item, of a queue, undone and redone; bad input."""

import getpass
from pathlib import Path
from typing import Any

import pytest

from fair_app.cli.curating_options import ACTIONS
from fair_app.cli.deciding_grammar import ABOUT
from fair_app.cli.main import main
from fair_app.studio.board import board
from tests.cli.lines import ONE, Line


def one_of(line: Line, question: int, teacher: str) -> dict[str, Any]:
    items = line.ok("curate", "--queue", "all")["items"]
    return next(one for one in items[question - 1]["rationales"] if one["teacher"] == teacher)


def test_every_action_has_a_grammar() -> None:
    assert set(ACTIONS) == set(ABOUT)


def test_a_rationale_from_one_decision_to_the_next(line: Line, tmp_path: Path) -> None:
    about = ("--question", 2, "--teacher", "blaise")
    found = line.ok("decide", "accept", *about, "--reason", "unclear")
    assert (found["action"], found["question"]) == ("accept", 2)
    assert (found["rationale"]["accepted"], found["rationale"]["by"]) == (True, "person")
    line.ok("decide", *about, "reject")  # the action may come last
    assert one_of(line, 2, "blaise")["accepted"] is False
    text = tmp_path / "text.txt"
    text.write_text("2 + 2 = 4.\nSo 4: ½ 🙂\n", encoding="utf-8")
    edited = line.ok("decide", "edit", *about, "--text-file", text)
    assert (edited["rationale"]["edited"], edited["rationale"]["accepted"]) == (True, True)
    state = board(line.settings, line.project).state_of(edited["rationale"]["id"])
    assert state is not None
    assert state.text == "2 + 2 = 4.\nSo 4: ½ 🙂"
    restored = line.ok("decide", "restore", *about)
    assert (restored["rationale"]["edited"], restored["rationale"]["accepted"]) == (False, False)
    again = line.ok("decide", "reset", *about)
    assert (again["rationale"]["by"], again["rationale"]["revision"]) == ("rule", 5)
    assert [action for _, _, action in line.log()] == [
        "accept",
        "reject",
        "edit",
        "restore",
        "reset",
    ]


def test_a_favourite_and_the_same_again(line: Line) -> None:
    about = ("--question", 1, "--teacher", "blaise")
    found = line.ok("decide", "favourite", *about)
    assert (found["rationale"]["favourite"], found["rationale"]["accepted"]) == (True, True)
    assert one_of(line, 1, "ada")["favourite"] is False
    with_revision = ("decide", "favourite", *about, "--revision")
    assert "decided on this in the meantime" in line.bad(*with_revision, 0)
    assert line.ok(*with_revision, found["revision"])["rationale"]["favourite"] is False


def test_comments_have_words_a_reason_or_both(line: Line) -> None:
    about = ("--question", 1, "--teacher", "ada")
    line.ok("decide", "comment", *about, "--text", "why 99?")
    line.ok("decide", "comment", *about, "--reason", "unclear")
    found = line.ok("decide", "comment", *about, "--text", "see", "--reason", "unclear")
    assert found["rationale"]["comments"] == 3
    assert (found["rationale"]["by"], found["rationale"]["revision"]) == ("rule", 0)
    assert "words or a reason" in line.bad("decide", "comment", *about)


def test_a_grade_by_the_number_of_either_page(line: Line) -> None:
    found = line.ok("decide", "right", "--question", 2, "--reason", "missed")
    assert (found["answer"], found["correct"], found["correct_by_rule"]) == (2, True, False)
    assert (found["changed"], found["mistakes"]) == (True, 4)
    # The mistakes after it move up; the exam's numbers stay.
    (item,) = line.ok("curate", "--queue", "all", "--search", '"What is 3"')["items"]
    assert (item["question"], item["answer"]) == (2, 3)
    assert line.ok("decide", "right", "--answer", 2)["changed"] is False
    assert line.ok("decide", "wrong", "--answer", 2)["mistakes"] == 5
    line.ok("decide", "right", "--answer", 2)
    assert line.ok("decide", "reset", "--answer", 2)["correct"] is False
    assert "numbered from 1 to 5" in line.bad("decide", "right", "--answer", 6)


def test_an_older_revision_is_told_who_decided_what(line: Line) -> None:
    one = one_of(line, 3, "carl")
    seen = ("decide", "accept", "--rationale", one["id"], "--revision", one["revision"])
    line.ok("decide", "reject", "--rationale", one["id"], "--actor", "bob")
    assert "bob decided on this in the meantime (rejected)" in line.bad(*seen)


def test_a_queue_is_decided_on_after_a_preview(line: Line) -> None:
    expected = line.ok("curate", "--queue", "right-low")
    ids = [one["id"] for item in expected["items"] for one in item["rationales"]]
    line.ok("decide", "accept", "--rationale", ids[0])
    preview = line.ok("decide", "accept", "--queue", "right-low")
    assert preview == {
        "action": "accept",
        "queue": "right-low",
        "search": "",
        "questions": expected["questions"],
        "rationales": len(ids),
        "left": 1,
        "changes": len(ids) - 1,
        "decided": 0,
    }
    assert len(line.log()) == 1
    done = line.ok("decide", "accept", "--queue", "right-low", "--yes")
    assert done == {**preview, "decided": len(ids) - 1}
    states = board(line.settings, line.project).states
    assert all(states["rationale", one].accepted for one in ids)
    undone = line.ok("decide", "undo")
    assert (undone["of"], undone["entries"]) == ("accept", len(ids) - 1)
    searched = line.ok(
        "decide", "reject", "--queue", "right-low", "--search", '"question 1"', "--yes"
    )
    assert (searched["questions"], searched["left"], searched["decided"]) == (1, 0, 2)


def test_what_persons_decided_before_is_left_alone_unless_told(line: Line) -> None:
    one = one_of(line, 1, "ada")["id"]
    line.ok("decide", "accept", "--rationale", one, "--actor", "ann")
    every = line.ok("decide", "reject", "--queue", "all", "--yes")
    assert (every["left"], every["decided"]) == (1, every["rationales"] - 1)
    states = board(line.settings, line.project).states
    assert states["rationale", one].accepted
    over = line.ok("decide", "reject", "--queue", "all", "--over", "--yes")
    assert (over["left"], over["changes"], over["decided"]) == (0, 1, 1)
    assert board(line.settings, line.project).states["rationale", one].accepted is False
    # A reset is about what persons decided, so there is nothing to leave alone.
    reset = line.ok("decide", "reset", "--queue", "all", "--yes")
    assert (reset["left"], reset["decided"]) == (0, reset["rationales"])


def test_undo_and_redo_are_of_ones_own(line: Line) -> None:
    line.ok("decide", "accept", "--question", 1, "--teacher", "ada", "--actor", "ann")
    line.ok("decide", "right", "--question", 5, "--actor", "ann")
    assert "bob has nothing to undo" in line.bad("decide", "undo", "--actor", "bob")
    assert line.ok("decide", "undo", "--actor", "ann") == {
        "action": "undo",
        "actor": "ann",
        "of": "grade",
        "entries": 1,
        "question": 5,
        "question_id": board(line.settings, line.project).questions[4],
    }
    assert line.ok("decide", "undo", "--actor", "ann")["of"] == "accept"
    assert line.ok("decide", "redo", "--actor", "ann")["of"] == "accept"
    regraded = line.ok("decide", "redo", "--actor", "ann")
    assert (regraded["of"], regraded["question"]) == ("grade", None)
    assert "nothing to redo" in line.bad("decide", "redo", "--actor", "ann")


def test_who_decides_is_the_login_unless_said(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    about = ("--question", 1, "--teacher", "ada")
    login = getpass.getuser()
    line.ok("decide", "accept", *about)
    monkeypatch.setenv("LOGNAME", "curator")
    line.ok("decide", "reject", *about)
    line.ok("decide", "reset", *about, "--actor", " Ann B. ")
    assert [actor for actor, _, _ in line.log()] == [login, "curator", "Ann B."]


BAD = [
    (("curate", "--threshold", "6"), "0 to 5"),
    (("curate", "--per-teacher", "gpt=3"), "no teacher 'gpt' here: choose ada, blaise, carl."),
    (("curate", "--per-teacher", "gpt=common"), "no teacher 'gpt'"),
    (("curate", "--per-teacher", "ada"), "'ada' is not NAME=X"),
    (("curate", "--per-teacher", "ada=high"), "'ada=high' is not NAME=X"),
    (("curate", "--per-teacher", "ada=3,"), "'' is not NAME=X"),
    (("curate", "--per-teacher", "ada=nan"), "0 to 5"),
    (("curate", "--min-scores", "0"), "whole number from 1"),
    (("curate", "--min-scores", "1.5"), "--min-scores"),
    (("curate", "--suggest", "101"), "at most 100 %"),
    (("curate", "--suggest", "0"), "at most 100 %"),
    (("curate", "--suggest", "most"), "no percentage"),
    (("curate", "--queue", "best"), "no queue 'best': choose one of all, undecided"),
    (("curate", "--queue", "all", "--set"), "not allowed with"),
    (("curate", "--suggest", "95", "--set"), "not allowed with"),
    (("curate", "--reviewers", "--queue", "all"), "not allowed with"),
    (("curate", "--search", "apples"), "--queue"),
    (("curate", "--limit", "3"), "--queue"),
    (("curate", "--queue", "all", "--limit", "0"), "at least 1"),
    (("curate", "--queue", "all", "--search", "a " * 13), "at most 12 words"),
    (("decide",), "ACTION"),
    (("decide", "bless", *ONE), "bless"),
    (("decide", "accept"), "--rationale ID or --question N or --queue NAME"),
    (("decide", "accept", "--question", "1"), "--teacher T"),
    (("decide", "accept", "--rationale", "1", "--teacher", "ada"), "--teacher goes with"),
    (("decide", "accept", "--rationale", "1", "--question", "1"), "not allowed with"),
    (("decide", "accept", "--rationale", "999"), "no rationale 999"),
    (("decide", "accept", "--rationale", "first"), "--rationale"),
    (("decide", "accept", "--question", "0", "--teacher", "ada"), "numbered from 1 to 5"),
    (("decide", "accept", "--question", "6", "--teacher", "ada"), "numbered from 1 to 5"),
    (("decide", "accept", "--question", "1", "--teacher", "gpt"), "choose ada, blaise, carl."),
    (("decide", "accept", "--answer", "1"), "`decide accept` is about"),
    (("decide", "accept", *ONE, "--text", "x"), "edit and comment"),
    (("decide", "accept", *ONE, "--yes"), "--queue NAME"),
    (("decide", "accept", *ONE, "--search", "x"), "--queue NAME"),
    (("decide", "accept", *ONE, "--over"), "--over goes with"),
    (("decide", "reset", "--queue", "all", "--over"), "--over goes with"),
    (("decide", "accept", *ONE, "--revision", "7"), "not its present state"),
    (("decide", "accept", *ONE, "--actor", " "), "--actor"),
    (("decide", "edit", *ONE), "--text or --text-file"),
    (("decide", "edit", *ONE, "--text", " "), "needs a text"),
    (("decide", "edit", *ONE, "--text-file", "nowhere.txt"), "nowhere.txt"),
    (("decide", "edit", *ONE, "--text", "a", "--text-file", "b"), "not allowed with"),
    (("decide", "edit", "--queue", "all", "--text", "x"), "`decide edit` is about"),
    (("decide", "comment", *ONE, "--text", "x", "--revision", "0"), "--revision"),
    (("decide", "favourite", *ONE, "--reason", "best"), "--reason"),
    (("decide", "right", "--rationale", "1"), "`decide right` is about"),
    (("decide", "right", *ONE), "--teacher"),
    (("decide", "right"), "--question N or --answer N"),
    (("decide", "reject", "--queue", "best"), "no queue 'best'"),
    (("decide", "reject", "--queue", "all", "--reason", "unclear"), "--reason"),
    (("decide", "undo"), "nothing to undo"),
    (("decide", "undo", *ONE), "`decide undo` is about no item"),
    (("decide", "redo", "--queue", "all"), "`decide redo` is about no item"),
    (("decisions",), "list|export"),
    (("decisions", "list", "--limit", "0"), "at least 1"),
    (("decisions", "list", "--output", "x"), "decisions export"),
    (("decisions", "export"), "--output"),
    (("decisions", "export", "--output", "log.jsonl"), "Nobody has decided"),
]


@pytest.mark.parametrize(("words", "said"), BAD, ids=[" ".join(words)[:70] for words, _ in BAD])
def test_bad_input_is_one_sentence_and_changes_nothing(
    line: Line, words: tuple[str, ...], said: str
) -> None:
    assert said in line.bad(*words)


def test_a_text_file_that_is_no_text_is_refused(line: Line, tmp_path: Path) -> None:
    binary = tmp_path / "text.bin"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in line.bad("decide", "edit", *ONE, "--text-file", binary)
    assert "Cannot read" in line.bad("decide", "edit", *ONE, "--text-file", tmp_path)


def test_an_unknown_project_is_told(line: Line) -> None:
    for words in (["curate"], ["decide", "undo"], ["decisions", "list"]):
        assert main([*words, "--home", str(line.settings.home), "--project", "gone"]) == 2
        assert "no project 'gone'" in line.capsys.readouterr().err
