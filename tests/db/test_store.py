"""The store: a real SQLite file, several processes and threads at once."""

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from db import calls, committee, decisions, exams, jobs, projects
from db.decisions import Entry
from db.questions import add as add_question
from db.store import close, connect, fetch, reading, scalar, writing


def question(project_id: int, key: str) -> dict[str, object]:
    return {
        "project_id": project_id,
        "task": "arithmetic",
        "split": "train",
        "key": key,
        "text": "2 + 2?",
        "gold_answer": "4",
        "gold_text": "4",
        "context": "",
        "options": ("a", "b"),
        "source_id": 7,
        "kind": "",
    }


def test_a_new_store_is_migrated_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "home" / "fair.db"
    project = projects.add(connect(path), "first", "arithmetic", "smollm2-135m")
    close(path)
    store = connect(path)
    assert store.journal_mode == "wal"
    assert scalar(store, "PRAGMA foreign_keys") == 1
    assert scalar(store, "PRAGMA busy_timeout") >= 10_000
    assert projects.by_name(store, "first") == project


def test_foreign_keys_and_checks_hold(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    with pytest.raises(sqlite3.IntegrityError):
        add_question(store, question(99, "k"))
    project = projects.add(store, "p", "arithmetic", "s")
    with pytest.raises(sqlite3.IntegrityError):
        projects.set_rule(store, project.id, 5.1, {})


def test_rows_come_out_as_they_went_in(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    project = projects.add(store, "p", "arithmetic", "s")
    first = add_question(store, question(project.id, "k"))
    assert add_question(store, question(project.id, "k")) == first
    exam_id = exams.add(
        store,
        project.id,
        purpose="exam",
        student="s",
        task="arithmetic",
        split="train",
        settings={"decoding": {"name": "greedy"}},
        question_ids=[first],
    )
    (row,) = exams.unanswered(store, exam_id)
    assert (row.options, row.source_id, row.text) == (("a", "b"), 7, None)
    exams.save_answer(store, row.id, {"text": "4\ud800 é", "correct": 1, "prediction": "4"})
    (answered,) = exams.answers(store, exam_id, "right")
    assert (answered.text, answered.correct, answered.prediction) == ("4? é", True, "4")
    assert exams.counts(store, exam_id).correct == 1


@pytest.mark.parametrize("value", [5, 0, 83, 4.5, "4", None])
def test_a_score_keeps_its_json_type(tmp_path: Path, value: object) -> None:
    store = connect(tmp_path / "fair.db")
    store.execute("CREATE TABLE plain (score)")
    store.execute("INSERT INTO plain VALUES (?)", [value])
    read = scalar(store, "SELECT score FROM plain")
    assert read == value
    assert type(read) is type(value)


def test_a_failed_unit_of_work_writes_nothing(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    with pytest.raises(RuntimeError), writing(store):
        projects.add(store, "half", "arithmetic", "s")
        with writing(store):
            projects.add(store, "inner", "arithmetic", "s")
        raise RuntimeError
    assert projects.all_projects(store) == []


def test_a_unit_of_work_that_cannot_be_committed_takes_nothing_with_it(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    with pytest.raises(sqlite3.IntegrityError), writing(store):
        store.execute("PRAGMA defer_foreign_keys=on")
        jobs.add(store, "merge", {}, 99)
    projects.add(store, "after", "arithmetic", "s")
    close(tmp_path / "fair.db")
    assert [one.name for one in projects.all_projects(connect(tmp_path / "fair.db"))] == ["after"]


@pytest.mark.parametrize("unit", [writing, reading])
def test_an_interrupt_at_the_first_statement_takes_nothing_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: Any
) -> None:
    store = connect(tmp_path / "fair.db")
    execute = store.execute

    def interrupted(sql: str) -> None:
        execute(sql)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(store, "execute", interrupted)
        with unit(store):
            pass
    projects.add(store, "after", "arithmetic", "s")
    close(tmp_path / "fair.db")
    assert [one.name for one in projects.all_projects(connect(tmp_path / "fair.db"))] == ["after"]


def test_decisions_are_append_only(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    project = projects.add(store, "p", "arithmetic", "s")
    first = decisions.append(store, project.id, "ann", [Entry("rationale", 1, "accept")])
    for statement in (
        "UPDATE decisions SET action = 'reject'",
        "DELETE FROM decisions",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store.execute(statement)
    assert [one.id for one in decisions.log(store, project.id)] == [first]
    assert decisions.revision(store, project.id) == first


def test_what_one_gesture_decided_is_appended_whole_and_told_by_its_first_entry(
    tmp_path: Path,
) -> None:
    store = connect(tmp_path / "fair.db")
    project = projects.add(store, "p", "arithmetic", "s")
    alone = decisions.append(store, project.id, "ann", [Entry("rationale", 1, "accept")])
    both = [Entry("question", 4, "favourite", "1"), Entry("rationale", 1, "accept", reason="why")]
    last = decisions.append(store, project.id, "bob", both)
    rows = decisions.log(store, project.id)
    assert [(one.actor, one.gesture) for one in rows] == [
        ("ann", None),
        ("bob", alone + 1),
        ("bob", alone + 1),
    ]
    assert rows[-1].id == last == decisions.revision(store, project.id)
    assert rows[1].at == rows[2].at
    assert decisions.log(store, project.id, after=alone) == rows[1:]
    with pytest.raises(sqlite3.IntegrityError):
        decisions.append(
            store, project.id, "ann", [Entry("rationale", 1, "reject"), Entry("essay", 1, "reject")]
        )
    assert decisions.log(store, project.id) == rows
    assert decisions.append(store, project.id, "ann", []) == 0


def test_several_queries_see_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "fair.db"
    store = connect(path)
    projects.add(store, "p", "arithmetic", "s")
    other = sqlite3.connect(path)
    with reading(store), reading(store):
        assert len(projects.all_projects(store)) == 1
        other.execute("UPDATE projects SET name = 'renamed'")
        other.commit()
        assert projects.by_name(store, "renamed") is None
    assert projects.by_name(store, "renamed") is not None
    with writing(store):
        with reading(store):
            projects.add(store, "q", "arithmetic", "s")
        assert projects.by_name(store, "q") is not None
    assert projects.by_name(store, "q") is not None
    other.close()


def test_a_changed_teacher_is_a_new_row_and_the_old_one_stays(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    project = projects.add(store, "p", "arithmetic", "s")

    def member(name: str, spec_hash: str) -> dict[str, object]:
        return {
            "name": name,
            "origin": "committee",
            "simulated": 1,
            "spec": {"temperature": 0.8},
            "spec_hash": spec_hash,
        }

    committee.set_committee(store, project.id, [member("a", "1"), member("b", "1")])
    before = committee.teachers(store, project.id)
    committee.set_committee(store, project.id, [member("b", "1"), member("a", "2")])
    after = committee.teachers(store, project.id)
    assert [one.name for one in after] == ["b", "a"]
    assert after[0].id == before[1].id
    assert after[1].id not in {one.id for one in before}
    assert scalar(store, "SELECT count(*) FROM teachers") == 3


def test_a_changed_price_is_saved_and_recorded_teachers_can_stay(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    project = projects.add(store, "p", "arithmetic", "smollm2-135m")

    def member(name: str, origin: str = "committee", **spec: float) -> dict[str, object]:
        return {
            "name": name,
            "origin": origin,
            "simulated": 0,
            "spec": {"name": name, **spec},
            "spec_hash": f"{origin} {name}",
        }

    committee.set_committee(
        store, project.id, [member("gpt", "imported"), member("gemini", "imported")]
    )
    committee.set_committee(store, project.id, [member("a"), member("gpt")], keep_imported=True)
    committee.set_committee(store, project.id, [member("a", price=2.0)], keep_imported=True)
    found = committee.teachers(store, project.id)
    assert [(one.name, one.origin) for one in found] == [
        ("gemini", "imported"),
        ("a", "committee"),
    ]
    assert found[1].spec == {"name": "a", "price": 2.0}


def test_a_call_is_one_row_however_often_it_is_sent(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    values = {
        "key": "k",
        "job_id": None,
        "teacher": "t",
        "provider": "offline",
        "model": "m",
        "role": "rationale",
        "prompt": "p",
        "prompt_hash": "h",
        "origin": "simulated",
    }
    first = calls.send(store, values)
    calls.fail(store, first, "timeout", "60 s without an answer")
    assert calls.send(store, values) == first
    calls.finish(store, first, {"text": "t", "finish": "complete"})
    found = calls.by_key(store, "k")
    assert found is not None
    assert (found.state, found.attempts, found.text, found.error) == ("done", 2, "t", None)


def _claim_all(path: Path, pid: int, won: "multiprocessing.Queue[int]") -> None:
    store = connect(path)
    for job in jobs.in_state(store, "queued"):
        if jobs.claim(store, job.id, host="h", pid=pid, process_started_at=1.0):
            won.put(job.id)


def test_two_processes_never_claim_one_job(tmp_path: Path) -> None:
    path = tmp_path / "fair.db"
    store = connect(path)
    ids = [jobs.add(store, "exam", {}, None) for _ in range(40)]
    close(path)
    context = multiprocessing.get_context("spawn")
    won: multiprocessing.Queue[int] = context.Queue()
    rivals = [context.Process(target=_claim_all, args=(path, pid, won)) for pid in (1, 2)]
    for rival in rivals:
        rival.start()
    claimed = [won.get(timeout=180) for _ in ids]
    for rival in rivals:
        rival.join()
    assert sorted(claimed) == ids


def test_the_lease_has_one_holder_and_ends_with_its_job(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    first, second = (jobs.add(store, "exam", {}, None) for _ in range(2))
    assert jobs.take_lease(store, "device", first)
    assert not jobs.take_lease(store, "device", second)
    assert jobs.end(store, first, "succeeded", result={"n": 1})
    assert jobs.take_lease(store, "device", second)
    assert not jobs.end(store, first, "failed")
    ended = jobs.get(store, first)
    assert ended is not None
    assert ended.result == {"n": 1}


def test_metrics_of_a_repeated_step_are_replaced(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    job_id = jobs.add(store, "train", {}, None)
    jobs.add_metrics(store, job_id, 1, {"loss": 2.0})
    jobs.add_metrics(store, job_id, 1, {"loss": 1.5})
    jobs.add_metrics(store, job_id, 2, {"loss": 1.0})
    assert jobs.metrics(store, job_id, ["loss", "other"]) == {
        "loss": [(1, 1.5), (2, 1.0)],
        "other": [],
    }


def test_fetch_decodes_only_what_is_declared(tmp_path: Path) -> None:
    store = connect(tmp_path / "fair.db")
    jobs.add(store, "exam", {"limit": 3}, None)
    (job,) = fetch(store, jobs.Job, "SELECT * FROM jobs")
    assert job.params == {"limit": 3}
    assert job.result is None
    assert job.cancel_requested is False
