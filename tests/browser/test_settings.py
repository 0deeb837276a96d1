"""The owner's page: what the server has and does, who did what, and a project that is deleted."""

import os
from pathlib import Path

import pytest

from db import jobs, projects
from db.store import connect
from fair_app.access import audit
from fair_app.jobs.context import DEVICE
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.studio.export_all import newest
from fair_app.studio.projects import open_project
from tests.browser.conftest import Server
from tests.browser.taught import taught
from tests.ports import free_port

pytestmark = pytest.mark.browser

HOSTILE = "${window.hacked=1} {{value}} <img src=x onerror='window.hacked=1'>"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that makes backups, with a project, a running job, and a long audit."""
    from fair_app.settings import Settings

    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, port=free_port(), backup=str(home.parent / "backups"))
    (home.parent / "backups").mkdir()
    project = taught(settings, HOSTILE)
    store, pid = connect(settings.database), os.getpid()
    job_id = jobs.add(store, "train", {"name": HOSTILE}, project.id)
    jobs.claim(store, job_id, host=HOST, pid=pid, process_started_at=process_started_at(pid))
    jobs.report(store, job_id, stage=HOSTILE, done=3, total=10, eta_s=60.0)
    jobs.take_lease(store, DEVICE, job_id)
    for number in range(60):
        audit.note(settings, HOSTILE if number == 7 else "olga", "signed in", detail=str(number))
    before = os.environ.get("FAIR_BACKUP")
    os.environ["FAIR_BACKUP"] = settings.backup
    made = Server(settings)
    made.start()
    if before is None:
        del os.environ["FAIR_BACKUP"]
    else:
        os.environ["FAIR_BACKUP"] = before
    yield made
    made.stop()


def opened(page, server, width=1280, theme="light"):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{server.url}/?project=made%20{number_of(server)}&tab=settings&__theme={theme}")
    page.wait_for_selector("#audit tbody tr")


def number_of(server):
    (name,) = {
        one.name
        for one in projects.all_projects(connect(server.settings.database))
        if one.name.startswith("made ")
    }
    return name.removeprefix("made ")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_it_says_what_there_is(page, server, watched, width, theme):
    opened(page, server, width, theme)
    assert page.locator(".machine .bars li").count() >= 7
    assert "are free." in page.inner_text(".machine")
    assert "Training of made" in page.inner_text(".machine .held")
    assert HOSTILE in page.inner_text("#settings-running .made")
    assert server.settings.backup in page.inner_text("#backups-stand")
    assert page.locator("#audit tbody tr").count() == 50
    assert "5 answers" in page.inner_text("#delete-about")
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if folder := os.environ.get("FAIR_TEST_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"settings-{width}-{theme}.png"), full_page=True)
    assert watched.errors == []
    assert watched.foreign == []


def test_the_audit_is_searched_and_files_are_made_and_saved(page, server, watched):
    opened(page, server)
    page.fill("#audit-who :is(input, textarea)", "onerror")
    page.wait_for_function("document.querySelectorAll('#audit tbody tr').length === 1")
    assert HOSTILE in page.inner_text("#audit tbody tr")
    page.fill("#audit-who :is(input, textarea)", "nobody at all")
    page.wait_for_selector("#audit-head:has-text('Nobody whose name has that')")
    assert page.evaluate("window.hacked") is None
    page.click("#backup-now")
    page.wait_for_selector("#job-backup .job[data-state=succeeded]", timeout=60_000)
    page.click("#export-everything")
    page.wait_for_selector("#export-file a", timeout=60_000)
    page.wait_for_selector("#job-export-all .job[data-state=succeeded]", timeout=60_000)
    with page.expect_download() as saved:
        page.click("#export-file a")
    file = newest(server.settings)
    assert Path(saved.value.path()).read_bytes() == file.read_bytes()
    assert saved.value.suggested_filename == file.name
    assert watched.errors == []


def test_a_project_is_deleted_by_its_name(page, server, watched):
    name = f"made {number_of(server)}"
    opened(page, server)
    page.fill("#delete-name :is(input, textarea)", "made")
    page.click("#delete-project")
    page.wait_for_selector(".toast-body:has-text('type its name')")
    page.fill("#delete-name :is(input, textarea)", name)
    page.click("#delete-project")
    page.wait_for_selector(".toast-body:has-text('is running: cancel it')")
    store = connect(server.settings.database)
    assert open_project(server.settings, name)
    page.click("#settings-running [data-cancel]")
    page.wait_for_selector("#settings-running :text('Stopping')")
    (job,) = jobs.in_state(store, "running")
    assert job.cancel_requested
    jobs.end(store, job.id, "cancelled")
    page.click("#delete-project")
    page.wait_for_url("**/?tab=settings*")
    page.wait_for_selector("#audit tbody tr:has-text('deleted a project')")
    assert "Delete demo" in page.inner_text("#delete-about")
    assert projects.by_name(store, name) is None
    assert watched.errors == []
