"""`projects delete` and `export-all` from the command line."""

import zipfile
from pathlib import Path

import pytest

from db import projects
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio.projects import create_project
from tests.cli.lines import run
from tests.studio.test_deleting import crashed
from tests.studio.whole import whole


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_a_project_is_told_of_and_then_deleted(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    name = whole(settings).name
    delete = ("projects", "delete", name, "--home", settings.home)
    code, told, _ = run(capsys, *delete)
    assert (code, told["deleted"], told["answers"], told["checkpoints"]) == (0, False, 5, 1)
    code, told, said = run(capsys, *delete, "--yes", "another")
    assert (code, told) == (2, None)
    assert said == f"error: To delete {name} for good, repeat its name: --yes '{name}'.\n"
    code, told, _ = run(capsys, *delete, "--yes", name, "--with-calls")
    assert (code, told["deleted"], told["decisions"], told["calls"]) == (0, True, 2, 2)
    code, told, said = run(capsys, *delete, "--yes", name)
    assert (code, told) == (2, None)
    assert said.startswith(f"error: There is no project '{name}'")


def test_the_same_command_mends_what_a_crash_left(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    project = whole(settings)
    crashed(settings, project)
    assert (settings.checkpoints / f"run-{project.id}").exists()
    delete = ("projects", "delete", project.name, "--home", settings.home)
    code, told, _ = run(capsys, *delete, "--yes", project.name)
    assert (code, told) == (0, {"project": project.name, "deleted": True})
    assert not list(settings.checkpoints.iterdir())


def test_a_new_project_of_the_same_name_is_not_called_deleted(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    project = whole(settings)
    crashed(settings, project)
    create_project(settings, project.name, "arithmetic", "smollm2-135m")
    code, told, _ = run(capsys, "projects", "delete", project.name, "--home", settings.home)
    assert (code, told["deleted"], told["answers"]) == (0, False, 0)


def test_everything_goes_into_one_zip(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = whole(settings).name
    file = tmp_path / "all.zip"
    code, told, _ = run(capsys, "export-all", "--to", file, "--home", settings.home)
    assert (code, told["file"], told["projects"]) == (0, str(file), [name])
    with zipfile.ZipFile(file) as archive:
        assert {"contents.json", "fair.db", f"projects/{name}/manifest.json"} <= set(
            archive.namelist()
        )
    code, _, said = run(capsys, "export-all", "--to", file, "--home", settings.home)
    assert code == 2
    assert said.endswith("is there already: choose another name.\n")
    assert [one.name for one in projects.all_projects(connect(settings.database))] == [name]
