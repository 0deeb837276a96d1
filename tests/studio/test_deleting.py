"""Deleting a project: all of it and nothing else, at once, and what is on the disk behind it."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import app
from db import calls, checkpoints, deleting, exams, jobs, projects, questions
from db.backup import fault
from db.projects import Project
from db.store import connect
from fair_app.access.audit import latest
from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.settings import REPOSITORY, Settings
from fair_app.stored_questions import as_question
from fair_app.studio.board import board
from fair_app.studio.deciding import comment, decide
from fair_app.studio.deleting import delete, finish, unfinished, would_go
from fair_app.studio.leakage import leakage
from fair_app.studio.projects import create_project
from fair_app.studio.review import searched
from fair_app.studio.training_preview import FOLDER as PREVIEWS
from fair_app.training.frozen import work_folder
from tests.browser.taught import taught
from tests.evaluated import evaluated
from tests.studio.whole import whole

LEDGER = "calls"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def rows(settings: Settings, tables: Any = deleting.OWN) -> dict[str, list[Any]]:
    """Every row of the tables that hold something of a project."""
    store = connect(settings.database)
    return {one: store.execute(f"SELECT * FROM {one}").fetchall() for one in tables}


def files(settings: Settings) -> set[str]:
    assert settings.home is not None
    folders = (settings.checkpoints, settings.uploads, settings.logs)
    return {
        path.relative_to(settings.home).as_posix() for one in folders for path in one.rglob("*")
    }


def test_all_of_it_goes_and_nothing_else(settings: Settings) -> None:
    kept = whole(settings)
    before, files_before = rows(settings), files(settings)
    assert all(before[table] for table in deleting.OWN if table != "leases")
    goes = whole(settings)
    board(settings, goes)
    held, taken = would_go(settings, goes)
    assert (held.exams, held.answers, held.decisions, held.checkpoints) == (1, 5, 2, 1)
    assert (held.at_providers, taken) == (1, len(b"weights"))
    calls_before = rows(settings, [LEDGER])[LEDGER]

    found = delete(settings, goes.name, f" {goes.name} ", "olga")
    assert (found.project, found.held, found.checkpoints) == (goes.name, held, [f"run-{goes.id}"])
    assert rows(settings) == before
    assert files(settings) == files_before
    store = connect(settings.database)
    # what was asked stays in the ledger, and no other project pays for it
    after = store.execute("SELECT key, job_id, batch_id, cost_usd FROM calls").fetchall()
    assert len(after) == len(calls_before)
    assert (f"call-{goes.id}", None, None, 1.0) in after
    assert next(one for one in after if one[0] == f"call-{kept.id}")[1] is not None
    for table in ("questions", "answers", "rationales", "decisions"):
        sql = f"SELECT count(*) FROM {table}_fts"
        assert store.execute(sql).fetchone() == (len(before[table]),)
        store.execute(f"INSERT INTO {table}_fts ({table}_fts) VALUES ('integrity-check')")
    assert fault(settings.database) == ""
    line = latest(settings, 1)[0]
    assert (line.who, line.what, line.project) == ("olga", "deleted a project", goes.name)
    assert line.detail == "1 exam, 5 answers, 2 decisions, 1 checkpoint"
    # a project of the same number begins with nothing
    again = create_project(settings, goes.name, "arithmetic", "smollm2-135m")
    assert again.id == goes.id
    assert board(settings, again).questions == []
    assert store.execute("PRAGMA foreign_keys").fetchone() == (1,)


WORD = "xylokagga"
"""Nothing before it in an index begins like it: there it stands letter by letter."""


def written(settings: Settings) -> Project:
    """A project in which the word stands in whatever a model, a file or a person wrote."""
    project = taught(settings, f"{WORD} {WORD.title()}")
    about = {"actor": "olga", "reason": f"why {WORD}"}
    (first, second) = [row.id for row in board(settings, project).rows[:2]]
    decide(settings, project, first, "edit", revision=0, value=f"{WORD} edited", **about)
    comment(settings, project, second, text=f"{WORD} said", **about)
    store = connect(settings.database)
    job = jobs.add(store, "train", {"name": f"{WORD}-run"}, project.id)
    jobs.add_log(store, job, f"{WORD} logged")
    jobs.end(store, job, "failed", error=f"{WORD} failed")
    return project


def where(settings: Settings) -> list[str]:
    """The database's files in which the word stands."""
    files = sorted(settings.database.parent.glob("fair.db*"))
    return [one.name for one in files if WORD.encode() in one.read_bytes().lower()]


def test_no_word_of_it_is_left_in_the_databases_files(settings: Settings) -> None:
    kept = taught(settings)
    store = connect(settings.database)
    # as SQLite is built where that is not its default
    store.execute("PRAGMA secure_delete=off")
    goes = written(settings)
    store.execute("PRAGMA wal_checkpoint(PASSIVE)")
    assert where(settings) == ["fair.db", "fair.db-wal"]
    delete(settings, goes.name, goes.name, "olga")
    assert where(settings) == []
    assert settings.database.with_name("fair.db-wal").stat().st_size == 0
    assert fault(settings.database) == ""
    assert deleting.removals(store) == []
    # what others wrote is found as before
    assert len(searched(settings, kept, "explains question")) == 5
    store.execute("INSERT INTO rationales_fts (rationales_fts) VALUES ('integrity-check')")
    assert store.execute("PRAGMA busy_timeout").fetchone() == (30_000,)


def test_what_its_teachers_answered_may_go_but_for_what_others_use(settings: Settings) -> None:
    kept, goes = taught(settings), written(settings)
    store = connect(settings.database)

    def called(key: str, user: Project | None = None) -> None:
        """A call that the project sent; its answer is a rationale of the one that uses it."""
        about = {"teacher": "ada", "provider": "openai", "model": "m", "role": "rationale"}
        job = jobs.listed(store, goes.id)[0].id
        asked = {"prompt": f"{WORD}?", "prompt_hash": "h", "origin": "asked"}
        call = calls.send(store, {**about, **asked, "key": key, "job_id": job})
        if user is None:
            calls.fail(store, call, "timeout", WORD)
            return
        calls.finish(store, call, {"text": "So it is.", "finish": "complete"})
        one = board(settings, user).rows[0].id
        store.execute("UPDATE rationales SET call_id = ? WHERE id = ?", [call, one])

    called("its own", goes)
    called("failed")
    called("shared", kept)
    store.execute("UPDATE calls SET prompt = '' WHERE key = 'shared'")
    found = delete(settings, goes.name, goes.name, "olga", with_calls=True)
    left = {key for (key,) in store.execute("SELECT key FROM calls")}
    # the other one is what `taught` has of each project
    assert (left, found.calls) == ({"shared", kept.name}, 3)
    assert latest(settings, 1)[0].detail.endswith(", 3 calls")
    assert where(settings) == []
    assert fault(settings.database) == ""
    assert store.execute("PRAGMA foreign_key_check").fetchall() == []


def test_who_reads_all_the_time_keeps_its_words_and_that_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "PATIENCE_S", 0.01)
    goes = written(settings)
    reader = sqlite3.connect(settings.database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM projects").fetchone()
    with pytest.raises(WorkFailed, match=r"still in unused parts of .*somebody reads it"):
        delete(settings, goes.name, goes.name, "olga")
    assert projects.all_projects(connect(settings.database)) == []
    assert f"is still in unused parts of {settings.database} ({goes.name})" in unfinished(settings)
    reader.close()
    assert finish(settings) == [goes.name]
    assert (where(settings), unfinished(settings)) == ([], "")


def test_a_large_file_is_written_anew_when_no_job_is_at_work(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fair_app.studio.deleting.LARGE", 1000)
    kept, goes = taught(settings), written(settings)
    store = connect(settings.database)
    job, pid = jobs.add(store, "train", {"name": "other"}, kept.id), os.getpid()
    jobs.claim(store, job, host=HOST, pid=pid, process_started_at=process_started_at(pid))
    with pytest.raises(WorkFailed, match="jobs at work would have to wait too long"):
        delete(settings, goes.name, goes.name, "olga")
    assert projects.all_projects(store) == [kept]
    assert where(settings)
    jobs.end(store, job, "cancelled")
    assert finish(settings) == [goes.name]
    assert where(settings) == []


def test_others_write_while_the_file_is_written_anew(settings: Settings) -> None:
    """They wait their turn, and nothing of what they wrote is lost."""
    goes = written(settings)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from db import jobs\n"
        "from db.store import connect\n"
        "store = connect(Path(sys.argv[1]))\n"
        "for number in range(10**6):\n"
        "    jobs.add(store, 'export-all', {'number': number}, None)\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(settings.database)]
    writer = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    try:
        writer.stdout.readline()
        delete(settings, goes.name, goes.name, "olga")
        assert writer.poll() is None
    finally:
        writer.kill()
        told = writer.communicate()[0].split()
    numbers = [
        json.loads(params)["number"]
        for (params,) in connect(settings.database).execute("SELECT params FROM jobs ORDER BY id")
    ]
    assert numbers[: len(told)] == list(range(len(told)))
    assert where(settings) == []


def test_every_table_of_a_project_is_known(settings: Settings) -> None:
    """A table that names a project, or what belongs to one, and has no line would keep rows."""
    store = connect(settings.database)
    listed = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    named = {
        name: {one[2] for one in store.execute(f"PRAGMA foreign_key_list({name})")}
        for (name,) in listed
    }
    assert {name for name, others in named.items() if others & set(deleting.OWN)} - {
        LEDGER,
        "projects",
    } == set(deleting.OWN) - {"projects"}


def test_a_decision_goes_with_its_project_alone(settings: Settings) -> None:
    project = whole(settings)
    store = connect(settings.database)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        store.execute("DELETE FROM decisions")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        store.execute("DELETE FROM projects WHERE id = ?", [project.id])
    with (
        pytest.raises(sqlite3.IntegrityError, match="a row of"),
        deleting.checked_at_the_end(store),
    ):
        store.execute("DELETE FROM projects WHERE id = ?", [project.id])
    assert projects.by_name(store, project.name) == project


def test_what_keeps_a_project_is_one_sentence(settings: Settings) -> None:
    project, other = whole(settings), whole(settings)
    store = connect(settings.database)

    def refused(words: str, typed: str = project.name) -> None:
        before = rows(settings), files(settings)
        with pytest.raises(BadInput, match=words):
            delete(settings, project.name, typed, "olga")
        assert (rows(settings), files(settings)) == before

    refused(f"type its name: {project.name}", "")
    refused("type its name", other.name)
    job_id = jobs.add(store, "exam", {}, project.id)
    refused(f"Exam job {job_id} of {project.name} is queued: cancel it")
    pid = os.getpid()
    jobs.claim(store, job_id, host=HOST, pid=pid, process_started_at=process_started_at(pid))
    refused(f"Exam job {job_id} of {project.name} is running")
    jobs.end(store, job_id, "cancelled")
    mine = f"checkpoint:run-{project.id}"
    checkpoints.add(store, other.id, job_id=None, name="above", base=mine, lineage={})
    refused(f"{other.name} builds on a checkpoint of {project.name}")
    with pytest.raises(BadInput, match="There is no project 'nobody'"):
        delete(settings, "nobody", "nobody", "olga")


@pytest.mark.parametrize("how", ["student", "teacher", "job"])
def test_another_project_that_needs_a_checkpoint_is_named(settings: Settings, how: str) -> None:
    project, other = whole(settings), whole(settings)
    store, mine = connect(settings.database), f"checkpoint:run-{project.id}"
    match how:
        case "student":
            store.execute("UPDATE projects SET student = ? WHERE id = ?", [mine, other.id])
        case "teacher":
            spec = f'{{"provider": "local", "model": "{mine}"}}'
            store.execute("UPDATE teachers SET spec = ? WHERE project_id = ?", [spec, other.id])
        case "job":
            jobs.add(store, "evaluate", {"student": mine}, other.id)
    store.conn.commit()
    with pytest.raises(BadInput, match=other.name):
        delete(settings, project.name, project.name, "olga")


def test_an_upload_goes_with_the_last_project_that_asked_for_it(settings: Settings) -> None:
    first, second = whole(settings), whole(settings)
    store = connect(settings.database)
    for folder, whose in {"a" * 64: [first], "b" * 64: [first, second], "c" * 64: []}.items():
        file = settings.uploads / folder / "rows.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
        for one in whose:
            job = jobs.add(store, "exam", {"rows": str(file)}, one.id)
            jobs.end(store, job, "succeeded", result={})
    delete(settings, first.name, first.name, "olga")
    assert {one.name[0] for one in settings.uploads.iterdir()} == {"b", "c"}
    delete(settings, second.name, second.name, "olga")
    assert {one.name[0] for one in settings.uploads.iterdir()} == {"c"}


CRASH = """
import os, sys
from pathlib import Path
from fair_app.settings import Settings
from fair_app.studio import deleting
deleting.finish = lambda settings: os.kill(os.getpid(), 9)
deleting.delete(Settings(home=Path(sys.argv[1])), sys.argv[2], sys.argv[2], "olga")
"""


def crashed(settings: Settings, project: Project) -> None:
    """Delete a project in a process that is killed between the commit and the disk."""
    command = [sys.executable, "-c", CRASH, str(settings.home), project.name]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == -9


def test_a_crash_before_the_disk_is_mended_and_spares_what_is_another_s(
    settings: Settings,
) -> None:
    goes, stays = whole(settings), whole(settings)
    crashed(settings, goes)
    store = connect(settings.database)
    assert [one.name for one in projects.all_projects(store)] == [stays.name]
    taken, left = f"run-{goes.id}-cut", settings.checkpoints / f"run-{goes.id}"
    assert left.is_dir()
    # meanwhile somebody begins a run of the same name
    jobs.add(store, "train", {"name": taken}, stays.id)
    assert finish(settings) == [goes.name]
    assert not left.exists()
    assert (work_folder(settings.checkpoints, taken) / "state.safetensors").exists()
    assert deleting.removals(store) == []
    assert finish(settings) == []


def test_an_upload_that_somebody_asks_for_again_stays(settings: Settings) -> None:
    goes, stays = whole(settings), whole(settings)
    file = settings.uploads / ("a" * 64) / "rows.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    store = connect(settings.database)
    jobs.end(store, jobs.add(store, "exam", {"rows": str(file)}, goes.id), "succeeded", result={})
    crashed(settings, goes)
    assert file.parent.name in {one.name for one in deleting.removals(store)}
    jobs.add(store, "exam", {"rows": str(file)}, stays.id)
    finish(settings)
    assert file.exists()


def test_what_leaked_is_looked_for_anew_where_ids_are_given_again(settings: Settings) -> None:
    store = connect(settings.database)

    def exact(*, of_exam: bool) -> tuple[list[int], int]:
        project = whole(settings)
        assert project.exam_id is not None
        rows = questions.by_ids(store, exams.question_ids(store, project.exam_id)[:2])
        asked = [replace(as_question(row), text=row.text if of_exam else "?") for row in rows]
        tested = evaluated(settings, project, "m", [True, True], questions=asked, split="new")
        found = leakage(settings, project, tested)
        ids = exams.question_ids(store, tested.id)
        delete(settings, project.name, project.name, "olga")
        return ids, len(found.exact)

    before, again = exact(of_exam=False), exact(of_exam=True)
    assert before[0] == again[0]
    assert (before[1], again[1]) == (0, 2)


def test_previews_hold_texts_and_go_too(settings: Settings) -> None:
    preview = settings.checkpoints / PREVIEWS / "0123.jsonl"
    project = whole(settings)
    preview.parent.mkdir(parents=True)
    preview.write_text("Zebra")
    delete(settings, project.name, project.name, "olga")
    assert not preview.parent.exists()


def test_what_was_put_aside_goes_the_next_time(settings: Settings) -> None:
    aside = settings.checkpoints / ".deleted-1234" / "adapter_model.safetensors"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"weights")
    connect(settings.database)
    assert finish(settings) == []
    assert not aside.parent.exists()


def test_a_file_that_cannot_go_is_named_and_tried_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    project = whole(settings)
    store = connect(settings.database)
    with deleting.checked_at_the_end(store):
        deleting.delete(store, project.id)
        deleting.add_removal(store, project.name, "checkpoints", "x" * 300)
    with pytest.raises(WorkFailed, match="is of a deleted project and cannot be removed"):
        finish(settings)
    assert len(deleting.removals(store)) == 1
    assert f"is of a deleted project ({project.name}) and still there" in unfinished(settings)
    app._finish_deleting(settings)  # a server starts all the same
    assert capsys.readouterr().err.startswith("warning: ")
