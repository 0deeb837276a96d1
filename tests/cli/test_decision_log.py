"""The log of decisions from the command line: listed, exported, and who decided what."""

import json
from datetime import datetime
from pathlib import Path

from db.projects import Project
from db.store import connect
from fair_app.studio import deciding
from fair_app.studio.board import board, decision_log
from tests.browser.taught import taught
from tests.cli.lines import ONE, Line


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
