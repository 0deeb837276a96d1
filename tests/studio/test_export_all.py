"""Everything as one zip: every bundle, a database that is whole, and nothing that lets one in."""

import errno
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from db import access, jobs, projects
from db.backup import fault
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.exchange.bundle import read
from fair_app.exchange.replay import SAME, replay
from fair_app.jobs import queue, worker
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.settings import REPOSITORY, Settings
from fair_app.studio import export_all
from fair_app.studio.board import board
from fair_app.studio.bundle import export_bundle
from fair_app.studio.deleting import delete
from fair_app.studio.export_all import KIND, export_params, exports, newest
from fair_app.studio.projects import create_project
from tests.studio.whole import PASSWORD, whole


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(home=tmp_path_factory.mktemp("home"))
    whole(made)
    create_project(made, "only begun", "arithmetic", "smollm2-135m")
    return made


@pytest.fixture(scope="module")
def made(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The zip of a home with two projects, unpacked, and what the job said."""
    job_id = export_all.begin(settings, "browser 0123456789abcdef")
    result = worker.run_job(settings, job_id)
    folder = tmp_path_factory.mktemp("unpacked")
    file = newest(settings)
    assert file is not None
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    return folder, result


def test_every_project_has_its_bundle_or_a_reason(made: tuple[Path, Any]) -> None:
    folder, result = made
    contents = json.loads((folder / "contents.json").read_text())
    (name,) = contents["projects"]
    assert contents["format"] == "fair-studio export 1"
    assert (result["projects"], result["left_out"]) == ([name], contents["left_out"])
    assert "no exam yet" in contents["left_out"]["only begun"]
    assert [one.state for one in replay(read(folder / "projects" / name))] == [SAME]


def test_the_database_is_whole_and_lets_nobody_in(
    settings: Settings, made: tuple[Path, Any]
) -> None:
    folder, _ = made
    copy = folder / "fair.db"
    assert fault(copy) == ""
    content = copy.read_bytes()
    for secret in (PASSWORD, "sharehash", "sessionhash", "0123456789abcdef"):
        assert secret.encode() not in content
        assert secret.encode() in b"".join(
            file.read_bytes() for file in settings.database.parent.glob("fair.db*")
        )
    kept = sqlite3.connect(copy)
    own = connect(settings.database)
    everything = "SELECT name, sql FROM sqlite_master ORDER BY name"
    assert kept.execute(everything).fetchall() == own.execute(everything).fetchall()
    for table in ("projects", "questions", "answers", "rationales", "decisions", "calls", "trials"):
        sql = f"SELECT count(*) FROM {table}"
        assert kept.execute(sql).fetchone() == own.execute(sql).fetchone()
    assert kept.execute("SELECT server FROM trials").fetchall() == [("http://gpu.example/v1",)]
    found = "SELECT count(*) FROM rationales_fts WHERE rationales_fts MATCH 'zebra'"
    assert kept.execute(found).fetchone() == own.execute(found).fetchone() != (0,)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        kept.execute("DELETE FROM decisions")
    kept.close()
    # the home itself is as it was
    assert access.shares(own) != []


def test_no_secret_of_the_environment_is_in_it(
    settings: Settings, made: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    params = export_params(settings, tmp_path / "all.zip")
    worker.run_now(settings, KIND, params, None)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert not any(b"sk-very-secret" in archive.read(name) for name in archive.namelist())
        assert archive.testzip() is None


def test_only_the_newest_stays(settings: Settings, made: tuple[Path, Any]) -> None:
    before = newest(settings)
    assert before is not None
    leftover = exports(settings) / ".fair-studio-20200101T000000Z.zip.partial"
    leftover.write_bytes(b"half")
    before.rename(before.with_name("fair-studio-20200101T000000Z.zip"))
    worker.run_job(settings, export_all.begin(settings))
    assert [one.name for one in exports(settings).iterdir()] == [newest(settings).name]  # type: ignore[union-attr]


def test_one_at_a_time_and_a_cancel_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    params = export_params(settings, tmp_path / "all.zip")
    store = connect(settings.database)
    job_id = jobs.add(store, KIND, params, None)
    with pytest.raises(BadInput, match=f"Job {job_id} exports everything already"):
        export_params(settings)
    jobs.request_cancel(store, job_id)
    with pytest.raises(Cancelled):
        worker.run_job(settings, job_id)
    assert list(tmp_path.iterdir()) == []
    assert not list(settings.database.parent.glob(".export-*"))
    found = export_all.latest(settings)
    assert found is not None
    assert (found.job.id, found.job.state) == (job_id, "cancelled")
    queue.resume(settings, job_id)
    other = jobs.add(store, KIND, {"file": str(tmp_path / "other.zip")}, None)
    begun = {"host": HOST, "pid": os.getpid()}
    jobs.claim(store, other, **begun, process_started_at=process_started_at(os.getpid()))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=f"Job {other} exports everything already"):
        worker.run_job(settings, job_id)
    jobs.end(store, other, "cancelled")
    queue.resume(settings, job_id)
    worker.run_job(settings, job_id)
    assert (tmp_path / "all.zip").exists()


def test_a_kill_leaves_no_zip_and_the_next_begins_anew(settings: Settings, tmp_path: Path) -> None:
    params = export_params(settings, tmp_path / "all.zip")
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from fair_app.jobs import worker\n"
        "from fair_app.settings import Settings\n"
        "from fair_app.studio import export_all\n"
        "export_all.strip = lambda *of: os.kill(os.getpid(), 9)\n"
        "params = {'file': sys.argv[2]}\n"
        "worker.run_now(Settings(home=Path(sys.argv[1])), 'export-all', params, None)\n"
    )
    command = [sys.executable, "-c", code, str(settings.home), params["file"]]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == -9
    assert [one.suffix for one in tmp_path.iterdir()] == [".partial"]
    assert list(settings.database.parent.glob(".export-*"))
    worker.run_now(settings, KIND, export_params(settings, tmp_path / "all.zip"), None)
    assert [one.name for one in tmp_path.iterdir()] == ["all.zip"]
    assert not list(settings.database.parent.glob(".export-*"))


@pytest.fixture
def vanishing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that somebody deletes, and makes anew, when its bundle is half read."""
    goes = whole(settings)

    def delete_and_look(settings: Settings, project: Project) -> Any:
        if projects.is_there(connect(settings.database), goes) and project.name == goes.name:
            delete(settings, goes.name, goes.name, "olga")
            again = create_project(settings, goes.name, "arithmetic", "smollm2-135m")
            assert again.id == goes.id
        return board(settings, project)

    monkeypatch.setattr("fair_app.studio.bundle.board", delete_and_look)
    return goes


def test_a_project_that_is_deleted_meanwhile_is_left_out(
    settings: Settings, vanishing: Project, tmp_path: Path
) -> None:
    result = worker.run_now(settings, KIND, export_params(settings, tmp_path / "all.zip"), None)
    assert result["left_out"][vanishing.name] == (
        f"{vanishing.name} was deleted meanwhile: choose another project."
    )
    assert result["projects"]
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert not [one for one in archive.namelist() if f"/{vanishing.name}/" in one]


def test_its_own_bundle_is_not_written(
    settings: Settings, vanishing: Project, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="was deleted meanwhile"):
        export_bundle(settings, vanishing, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_what_cannot_be_read_is_not_told_of_the_zip(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> dict[str, str]:
        raise OSError(errno.EIO, "Input/output error", "/disk/examples.json")

    monkeypatch.setattr("fair_app.studio.bundle._checkpoint", broken)
    params = export_params(settings, tmp_path / "all.zip")
    with pytest.raises(WorkFailed, match=r"/disk/examples.json cannot be read \(Input/output"):
        worker.run_now(settings, KIND, params, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("all.tar", "does not end with .zip"),
        ("there.zip", "is there already"),
        ("none/all.zip", "There is no folder"),
    ],
)
def test_what_cannot_be_written_is_said(
    settings: Settings, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "there.zip").write_bytes(b"")
    with pytest.raises(BadInput, match=re.escape(words)):
        export_params(settings, tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["there.zip"]
