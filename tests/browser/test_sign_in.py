"""Signing in, roles and links to look, in a real browser, on a project full of hostile texts."""

import os
import subprocess
import sys
import time
import urllib.request

import pytest

from db import decisions
from db.store import connect
from fair_app.access import shares
from fair_app.access.roles import Role
from fair_app.access.users import User, write
from fair_app.settings import Settings
from fair_app.studio.projects import create_project
from tests.browser.conftest import REPOSITORY, new_page, watch
from tests.browser.taught import taught
from tests.pages.entering import cheaply
from tests.ports import free_port

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
HOSTILE = (
    "${window.hacked=1} {{value}} \\frac{1}{2} <img src=x onerror='window.hacked=1'> "
    '<script>window.hacked=1</script> <a href="javascript:window.hacked=1">x</a>'
)
TABS = ("overview", "exam", "committee", "review", "training", "evaluation", "settings")
PARTS = ("tests", "compare", "matrix", "ablations", "rounds", "try")


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A server where persons sign in, with a hostile project and one that is nobody's business."""
    home = tmp_path_factory.mktemp("home")
    file, cheap = home / "users", cheaply(PASSWORD)
    write(file, [User(role.word, role, cheap) for role in Role if role])
    settings = Settings(home=home, users=file, port=free_port())
    project = taught(settings, HOSTILE)
    create_project(settings, "zebra7", "arithmetic", "smollm2-135m")
    command = [sys.executable, "app.py", "--home", str(home), "--port", str(settings.port)]
    process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, "FAIR_USERS": str(file)})
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/healthz", timeout=5):
                break
        except OSError:
            assert process.poll() is None
            time.sleep(0.25)
    yield settings, project
    process.terminate()
    process.wait(timeout=120)


def url(settings, path="/"):
    return f"http://127.0.0.1:{settings.port}{path}"


def sign_in(page, settings, role, path="/"):
    page.goto(url(settings, path))
    page.fill("input[name=name]", role.word)
    page.fill("input[name=password]", PASSWORD)
    page.click("button")
    page.wait_for_selector(f"body[data-role={role.word}]")


def test_signing_in_leads_to_where_one_was_and_out_again(page, signed, watched):
    settings, project = signed
    page.goto(url(settings, f"/?project={project.name}&tab=exam"))
    page.fill("input[name=name]", "curator")
    page.fill("input[name=password]", "not the password")
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("p[role=alert]:has-text('do not belong together')")
    sign_in(page, settings, Role.CURATOR, f"/?project={project.name}&tab=exam")
    page.wait_for_selector("#tab-exam .page-head >> visible=true")
    assert page.inner_text("#account .who") == "curator · curator"
    assert not page.is_visible("#exam-start")
    watched.errors.clear()  # the 401 of the wrong password
    page.evaluate("sessionStorage.setItem('fair:draft', 'of somebody')")
    page.click("#account button")
    page.wait_for_selector("input[name=password]")
    assert page.evaluate("sessionStorage.length") == 0
    page.goto(url(settings))
    page.wait_for_selector("input[name=password]")
    assert watched.errors == []


def test_a_curator_decides_by_their_name_and_a_viewer_does_not(page, signed, chromium):
    settings, project = signed
    there = f"/?project={project.name}&tab=review"
    sign_in(page, settings, Role.CURATOR, there)
    page.click(".columns .column [data-ask=accept] >> nth=0")
    page.wait_for_selector(".column:has-text('Accepted')")
    until = time.monotonic() + 60
    store = connect(settings.database)
    while not (log := decisions.log(store, project.id)):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert {one.actor for one in log} == {"curator"}

    # What the review has in common with an owner's lists of jobs is not hidden with those.
    page.keyboard.press("q")
    page.click("dialog.queues [data-queue=undecided]")
    page.wait_for_selector(".queue-title:has-text('Undecided')")

    viewer = new_page(chromium)
    sign_in(viewer, settings, Role.VIEWER, there)
    viewer.wait_for_selector(".columns .column")
    assert viewer.locator("[data-ask=accept] >> visible=true").count() == 0
    viewer.keyboard.press("r")
    viewer.wait_for_selector(".review-notice:has-text('you may look')")
    assert len(decisions.log(store, project.id)) == len(log)
    viewer.close()


def test_a_link_shows_every_page_of_one_project_as_text(page, signed, watched):
    settings, project = signed
    _, path = shares.make(settings, project, 1, "owner")
    refused = []
    page.on("response", lambda answer: refused.append(answer) if answer.status == 500 else None)
    page.goto(url(settings, path))
    page.wait_for_selector("body[data-role=viewer]")
    assert page.inner_text("#account .who") == f"Looking at {project.name}"
    assert "shared" not in page.url
    for tab in TABS:
        page.click(f"#tab-{tab}-button")
        page.wait_for_selector(f"#tab-{tab} .page-head >> visible=true")
        if tab == "evaluation":
            for part in PARTS:
                page.click(f"#evaluation-subpages [data-item={part}]")
                page.wait_for_timeout(250)
        page.wait_for_timeout(400)
        assert page.evaluate("window.hacked") is None, tab
    assert page.locator(".toast-body").count() == 0
    # Fields that a page fills ask by themselves; what they may not ask is refused, unseen.
    assert {answer.json()["error"][:26] for answer in refused} <= {"This link is for looking a"}
    assert "zebra7" not in page.content()
    page.goto(url(settings, "/?project=zebra7"))
    page.wait_for_selector("#said:has-text(\"There is no project 'zebra7'\")")
    assert project.name in page.inner_text(".page-head h2 >> visible=true")
    assert [one for one in watched.errors if "status of 500" not in one] == []
    assert watched.foreign == []


def test_an_owner_makes_a_link_and_revokes_it(page, signed, chromium, watched):
    settings, project = signed
    sign_in(page, settings, Role.OWNER, f"/?project={project.name}&tab=settings")
    page.click("#share-make")
    page.wait_for_selector("#share-address")
    page.wait_for_function("document.querySelector('#share-address :is(input,textarea)').value")
    link = page.input_value("#share-address :is(input, textarea)")
    assert link.startswith(url(settings, "/shared/"))
    guest = new_page(chromium)
    watch(guest, watched)
    guest.goto(link)
    guest.wait_for_selector("body[data-role=viewer]")
    page.click("#share-links [data-revoke] >> nth=0")
    page.wait_for_selector("#share-links :text('revoked')")
    guest.goto(url(settings))
    guest.wait_for_selector("input[name=password]")
    assert guest.goto(link).status == 404
    guest.close()
