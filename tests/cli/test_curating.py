"""Curation from the command line: rules, queues, reviewers, decisions and their log."""

import getpass
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from db.projects import Project
from db.store import connect
from fair_app.cli.curating_options import ACTIONS, share, thresholds
from fair_app.cli.deciding_grammar import ABOUT
from fair_app.cli.main import main
from fair_app.curation.acceptance import Rule
from fair_app.curation.queues import QUEUES
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from fair_app.studio.board import board, decision_log
from fair_app.studio.projects import open_project
from tests.browser.taught import TEACHERS, taught


class Line:
    """The command line on one project: by its words and as Python values."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        self.settings, self.capsys = settings, capsys
        self.project = taught(settings)

    def run(self, *words: object) -> tuple[int, Any, str]:
        """A command's exit code, its JSON object (None without one) and standard error."""
        first, *rest = map(str, words)
        where = ["--home", str(self.settings.home), "--project", self.project.name, "--json"]
        code = main([first, *where, *rest])
        out, err = self.capsys.readouterr()
        return code, json.loads(out) if out else None, err

    def ok(self, *words: object) -> Any:
        code, result, err = self.run(*words)
        assert code == 0, err
        return result

    def bad(self, *words: object) -> str:
        """The one sentence of a command that is refused, and that writes nothing."""
        before = decision_log(self.settings, self.project), self.rule()
        code, result, err = self.run(*words)
        assert (code, result) == (2, None)
        lines = err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        assert (decision_log(self.settings, self.project), self.rule()) == before
        return lines[0]

    def rule(self) -> Rule:
        return review.rule_of(open_project(self.settings, self.project.name))

    def log(self) -> list[tuple[str, str, str]]:
        return [
            (one.actor, one.subject, one.action)
            for one in decision_log(self.settings, self.project)
        ]


@pytest.fixture
def line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(Settings(home=tmp_path / "home"), capsys)


# ---- curate


def test_what_a_rule_gives_has_the_fields_that_scripts_rely_on(line: Line) -> None:
    found = line.ok("curate")
    assert found["threshold"] == 3.0
    assert (found["questions"], found["rationales"]) == (5, 15)
    assert (found["accepted"], found["questions_accepted"]) == (7, 5)
    assert list(found["per_teacher"]) == list(TEACHERS)
    assert found["per_teacher"]["ada"] == {"rationales": 5, "accepted": 4, "mean": 3.9}
    assert found["rule"] == {
        "threshold": 3.0,
        "per_teacher": {},
        "min_scores": 1,
        "answer_check": False,
        "adjusted": False,
    }
    assert found["flips"] == {"accepted": 0, "rejected": 0}
    for part in ("kept", "rejected"):
        right, graded = found[part]["right"], found[part]["graded"]
        low, high = found[part]["ci95"]
        assert found[part]["share"] == right / graded
        assert 0 <= low < right / graded <= high <= 1
    assert found["kept"]["graded"] + found["rejected"]["graded"] == 15
    assert found["kept"]["graded"] == found["accepted"]


def test_nothing_kept_has_no_share(line: Line) -> None:
    found = line.ok("curate", "--threshold", 5)
    assert found["accepted"] == 0
    assert found["kept"] == {"right": 0, "graded": 0, "share": None, "ci95": None}
    assert found["flips"] == {"accepted": 0, "rejected": 7}


def test_what_is_not_given_stays_as_it_was_saved(line: Line) -> None:
    line.ok("curate", "--per-teacher", "ada=4,carl=2.5", "--min-scores", 2, "--set")
    assert line.rule() == Rule(3.0, {"ada": 4.0, "carl": 2.5}, 2)
    line.ok("curate", "--answer-check", "--adjusted", "--threshold", 2, "--set")
    assert line.rule() == Rule(2.0, {"ada": 4.0, "carl": 2.5}, 2, True, True)
    line.ok("curate", "--no-answer-check", "--per-teacher", "ada=common,blaise=1", "--set")
    assert line.rule() == Rule(2.0, {"carl": 2.5, "blaise": 1.0}, 2, False, True)
    found = line.ok("curate", "--no-adjusted", "--threshold", 4)
    assert found["rule"]["per_teacher"] == {"carl": 2.5, "blaise": 1.0}
    assert line.rule().adjusted, "what is only looked at is not saved"


def test_flips_are_against_the_rule_that_was_saved_before(line: Line) -> None:
    found = line.ok("curate", "--threshold", 4, "--set")
    assert found["flips"]["rejected"] == 7 - found["accepted"] > 0
    assert line.ok("curate")["flips"] == {"accepted": 0, "rejected": 0}


def test_decisions_count_whatever_the_rule(line: Line) -> None:
    line.ok("decide", "accept", "--question", 2, "--teacher", "blaise")
    assert line.ok("curate", "--threshold", 5)["accepted"] == 1


def test_a_suggested_threshold_keeps_what_it_says(line: Line) -> None:
    found = line.ok("curate", "--suggest", 80)
    assert found["reached"] is True
    assert found["at_suggested"]["kept"]["share"] >= 0.8
    there = line.ok("curate", "--threshold", found["suggested"])
    assert {key: there[key] for key in found["at_suggested"]} == found["at_suggested"]
    assert found["threshold"] == 3.0
    assert line.ok("curate", "--suggest", "80%") == found
    # With the answer check all that is kept is right, so the lowest threshold keeps most.
    checked = line.ok("curate", "--suggest", 100, "--answer-check")
    assert (checked["reached"], checked["at_suggested"]["kept"]["share"]) == (True, 1.0)


@pytest.mark.parametrize("name", QUEUES)
def test_every_queue_is_listed(line: Line, name: str) -> None:
    found = line.ok("curate", "--queue", name)
    assert found["queue"] == name
    assert found["questions"] == len(found["items"])
    expected = review.queue(line.settings, line.project, name, getpass.getuser())
    assert [item["question_id"] for item in found["items"]] == [
        item.question_id for item in expected.items
    ]


def test_an_item_of_a_queue_names_all_that_deciding_asks_for(line: Line) -> None:
    line.ok("decide", "reject", "--question", 1, "--teacher", "carl", "--actor", "ann")
    first, second = line.ok("curate", "--queue", "disagree")["items"]
    assert (first["question"], second["question"]) == (4, 1)
    assert first["text"].startswith("What is 4 + 4?")
    assert (first["decided"], second["decided"]) == (False, True)
    (one,) = second["rationales"]
    assert one == {
        "id": one["id"],
        "teacher": "carl",
        "finish": "complete",
        "mean": 3.0,
        "adjusted": one["adjusted"],
        "scores": {"ada": 4, "blaise": 2},
        "right": True,
        "accepted": False,
        "by": "person",
        "edited": False,
        "favourite": False,
        "comments": 0,
        "revision": 1,
    }
    by_id = line.ok("decide", "accept", "--rationale", one["id"], "--revision", one["revision"])
    assert (by_id["question"], by_id["rationale"]["teacher"]) == (1, "carl")


def test_a_queue_is_searched_and_cut(line: Line) -> None:
    assert line.ok("curate", "--queue", "all", "--search", "absent")["items"] == []
    found = line.ok("curate", "--queue", "all", "--search", '"question 3"')
    assert [item["question"] for item in found["items"]] == [3]
    cut = line.ok("curate", "--queue", "all", "--limit", 2)
    assert (cut["questions"], [item["question"] for item in cut["items"]]) == (5, [1, 2])


def test_a_queue_may_go_by_a_rule_that_is_not_saved(line: Line) -> None:
    assert line.ok("curate", "--queue", "wrong-high")["questions"] > 0
    assert line.ok("curate", "--queue", "wrong-high", "--answer-check")["items"] == []
    assert line.rule() == Rule()


def test_ones_own_queue_is_that_of_the_actor(line: Line) -> None:
    line.ok("decide", "accept", "--question", 1, "--teacher", "ada", "--actor", "ann")
    assert line.ok("curate", "--queue", "mine", "--actor", "ann")["questions"] == 1
    assert line.ok("curate", "--queue", "mine", "--actor", "bob")["questions"] == 0


def test_a_rationale_that_is_not_complete_is_shown_without_a_verdict(line: Line) -> None:
    store = connect(line.settings.database)
    store.execute("UPDATE rationales SET finish = 'truncated' WHERE id = 1")
    (item,) = line.ok("curate", "--queue", "incomplete")["items"]
    (one,) = item["rationales"]
    assert (one["finish"], one["accepted"], one["by"], one["mean"]) == (
        "truncated",
        None,
        None,
        None,
    )
    assert "not complete (truncated)" in line.bad("decide", "accept", "--rationale", 1)
    line.ok("decide", "comment", "--rationale", 1, "--text", "ask again")
    assert line.ok("curate", "--queue", "commented")["questions"] == 1
    preview = line.ok("decide", "accept", "--queue", "commented", "--yes")
    assert (preview["rationales"], preview["changes"], preview["decided"]) == (1, 0, 0)


def test_reviewers_are_told_in_figures_and_in_words(line: Line) -> None:
    found = line.ok("curate", "--reviewers")
    assert [one["name"] for one in found["reviewers"]] == list(TEACHERS)
    for one in found["reviewers"]:
        assert one["name"] in one["sentence"]
        assert set(one) >= {"n", "mean", "spread", "leniency", "auc", "human"}
    assert found["threshold"] == 3.0
    assert set(found["matrix"]["ada"]) == {"blaise", "carl"}
    assert found["matrix"]["ada"]["blaise"]["n"] == 4
    assert [pair["reviewers"] for pair in found["pairs"]] == [
        ["ada", "blaise"],
        ["ada", "carl"],
        ["blaise", "carl"],
    ]
    assert found["alpha"]["n"] > 0
    assert line.ok("curate", "--reviewers", "--threshold", 4)["threshold"] == 4.0


def test_a_person_can_read_it_too(line: Line) -> None:
    where = ["--home", str(line.settings.home), "--project", line.project.name]
    for words in (["curate"], ["curate", "--queue", "disagree"], ["curate", "--reviewers"]):
        assert main([*words, *where]) == 0
        out = line.capsys.readouterr().out
        assert "ada" in out
        assert "{" not in out


# ---- decide


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
    assert (searched["questions"], searched["decided"]) == (1, 2)


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


ONE = ("--question", "1", "--teacher", "ada")
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


# ---- the log


def decided_upon(line: Line) -> None:
    """Decisions of every kind, some of them undone."""
    line.ok("decide", "reject", *ONE, "--reason", "unclear", "--actor", "ann")
    line.ok("decide", "favourite", *ONE, "--actor", "bob")
    line.ok("decide", "edit", *ONE, "--text", "½ <b>\u2028\nso 2", "--actor", "ann")
    line.ok("decide", "undo", "--actor", "ann")
    line.ok("decide", "right", "--question", 3, "--actor", "bob")
    line.ok("decide", "comment", *ONE, "--text", "why?", "--reason", "unclear", "--actor", "ann")


def test_the_log_is_listed_from_the_latest_back(line: Line) -> None:
    assert line.ok("decisions", "list") == {"total": 0, "decisions": []}
    decided_upon(line)
    found = line.ok("decisions", "list", "--limit", 3)
    assert found["total"] == 7
    assert [one["action"] for one in found["decisions"]] == ["comment", "grade", "undo"]
    assert len(line.ok("decisions", "list")["decisions"]) == 7


def test_the_log_is_exported_whole_with_what_it_is_about(line: Line, tmp_path: Path) -> None:
    decided_upon(line)
    path = tmp_path / "new" / "log.jsonl"
    found = line.ok("decisions", "export", "--output", path)
    assert found == {"files": [str(path)], "decisions": 7}
    records = [json.loads(text) for text in path.read_bytes().decode().split("\n")[:-1]]
    log = decision_log(line.settings, line.project)
    assert [one["id"] for one in records] == [one.id for one in log]
    assert [(one["actor"], one["action"], one["state"]) for one in records] == [
        ("ann", "reject", "in force"),
        ("bob", "favourite", "in force"),
        ("bob", "accept", "in force"),
        ("ann", "edit", "undone"),
        ("ann", "undo", "in force"),
        ("bob", "grade", "in force"),
        ("ann", "comment", "in force"),
    ]
    for one, entry in zip(records, log, strict=True):
        assert abs(datetime.fromisoformat(one["at"]).timestamp() - entry.at) < 0.002
        assert one["at"].endswith("+00:00")
    store = connect(line.settings.database)
    questions = {
        row[0]: row[1:] for row in store.execute("SELECT id, key, source_id FROM questions")
    }
    for one in records:
        assert (one["question_key"], one["source_id"]) == questions[one["question_id"]]
    assert {one["question_id"] for one in records[:5]} == {
        board(line.settings, line.project).questions[0]
    }
    assert [one["teacher"] for one in records] == ["ada"] * 5 + [None, "ada"]
    assert records[3]["value"] == "½ <b>\u2028\nso 2"
    assert (records[6]["value"], records[6]["reason"]) == ("why?", "unclear")
    assert records[1]["gesture"] == records[2]["gesture"] == records[1]["id"]
    assert records[4]["undoes"] == records[3]["id"]
    assert list(path.parent.iterdir()) == [path]


def test_an_undo_that_was_undone_is_told_so(line: Line) -> None:
    line.ok("decide", "accept", *ONE)
    line.ok("decide", "undo")
    line.ok("decide", "redo")
    states = [one["state"] for one in line.ok("decisions", "list")["decisions"]]
    assert states == ["in force", "undone", "in force"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(line: Line, tmp_path: Path) -> None:
    decided_upon(line)
    path = tmp_path / "log.jsonl"
    line.ok("decisions", "export", "--output", path)
    before = path.read_bytes()
    assert "Cannot write" in line.bad("decisions", "export", "--output", tmp_path)
    assert "Cannot write" in line.bad("decisions", "export", "--output", path / "below")
    assert path.read_bytes() == before
    line.ok("decide", "accept", *ONE)
    line.ok("decisions", "export", "--output", path)
    assert path.read_bytes().startswith(before)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "log.jsonl"]


def test_the_decisions_of_a_committee_that_left_are_told_still(line: Line, tmp_path: Path) -> None:
    decided_upon(line)
    connect(line.settings.database).execute("UPDATE teachers SET active = 0 WHERE name = 'ada'")
    assert "no teacher 'ada'" in line.bad("decide", "accept", *ONE)
    line.ok("decisions", "export", "--output", tmp_path / "log.jsonl")
    first = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert (first["teacher"], first["action"]) == ("ada", "reject")


def test_two_projects_have_their_own_logs(line: Line) -> None:
    other: Project = taught(line.settings)
    deciding.decide_all(
        line.settings,
        other,
        [row.id for row in board(line.settings, other).rows],
        "accept",
        actor="ann",
    )
    assert line.ok("decisions", "list")["total"] == 0
    theirs = board(line.settings, other).rows[0].id
    assert f"no rationale {theirs}" in line.bad("decide", "accept", "--rationale", theirs)


# ---- what is typed


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("gpt=3.5,mistral=4", {"gpt": 3.5, "mistral": 4.0}),
        (" gpt = 3 ", {"gpt": 3.0}),
        ("gpt=common", {"gpt": None}),
    ],
)
def test_thresholds_by_teacher(words: str, found: dict[str, float | None]) -> None:
    assert thresholds(words) == found


@pytest.mark.parametrize(
    ("words", "found"), [("95", 0.95), ("95%", 0.95), ("99.9", 0.999), ("55", 0.55), ("7", 0.07)]
)
def test_a_percentage_is_the_nearest_share(words: str, found: float) -> None:
    assert share(words) == found
