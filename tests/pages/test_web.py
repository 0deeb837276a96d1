"""The server: its headers, whom it refuses, and what its process never loads."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fair_app.access import shares
from fair_app.settings import Settings
from fair_app.studio.projects import ensure_demo, open_project

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = Settings(home=tmp_path_factory.mktemp("home"))
    ensure_demo(made)
    return made


@pytest.fixture(scope="module")
def web(settings):
    from pages.web import build

    return TestClient(build(settings), base_url=HERE)


def test_it_is_healthy(web):
    answer = web.get("/healthz")
    assert answer.json() == {"status": "ok"}
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy


def test_the_page_asks_for_nothing_from_elsewhere(web):
    page = web.get("/")
    assert page.status_code == 200
    assert "content-security-policy" in page.headers
    assert "fonts.googleapis" not in page.text
    assert "fonts.gstatic" not in page.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999"])
def test_a_write_from_another_site_is_refused(web, origin):
    answer = web.post("/gradio_api/queue/join", json={}, headers={"origin": origin})
    assert answer.status_code == 403


@pytest.mark.parametrize("headers", [{"origin": HERE}, {}])
def test_a_write_from_here_reaches_the_pages(web, headers):
    answer = web.post("/gradio_api/queue/join", json={}, headers=headers)
    assert answer.status_code == 422  # an empty call is no call, which Gradio says


def test_a_proxy_may_call_the_server_otherwise(web):
    headers = {"origin": "https://fair.example", "x-forwarded-host": "fair.example"}
    answer = web.post("/gradio_api/queue/join", json={}, headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize("host", ["evil.example", "evil.hf.space", "127.0.0.1.evil.example"])
def test_a_name_that_was_rebound_is_refused(web, host):
    for path in ("/healthz", "/"):
        assert web.get(path, headers={"host": host}).status_code == 400


def test_where_nobody_signs_in_there_is_no_sign_in(web, settings):
    assert web.get("/").status_code == 200
    assert web.get("/sign-in", follow_redirects=False).headers["location"] == "/"
    _, path = shares.make(settings, open_project(settings, "demo"), 1, "local")
    assert web.get(path).status_code == 404


def test_other_sites_get_no_permission_to_read(web):
    answer = web.get("/healthz", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_database_cannot_be_fetched(web, settings):
    assert settings.database.exists()
    assert web.get(f"/gradio_api/file={settings.database}").status_code == 404


def test_the_process_that_serves_pages_never_loads_torch(tmp_path):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from fair_app.settings import Settings\n"
        "from fair_app.studio.projects import ensure_demo\n"
        "import fair_app.jobs.supervisor, pages.web\n"
        f"settings = Settings(home=Path({str(tmp_path)!r}))\n"
        "ensure_demo(settings)\n"
        "pages.web.build(settings)\n"
        "print(*{'torch', 'transformers', 'peft', 'bitsandbytes', 'datasets'} & set(sys.modules))\n"
        "print(pages.web.uploads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded, uploads = done.stdout.splitlines()
    assert loaded == ""
    assert uploads.startswith(tempfile.gettempdir()) and not Path(uploads).exists()
