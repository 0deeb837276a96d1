"""The server: its headers, whom it refuses, and what its process never loads."""

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fair_app.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    from fair_app.studio.projects import ensure_demo
    from pages.web import build

    settings = Settings(home=tmp_path_factory.mktemp("home"))
    ensure_demo(settings)
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


def test_a_rebound_name_is_refused(web):
    assert web.get("/healthz", headers={"host": "evil.example"}).status_code == 400


def test_other_sites_get_no_permission_to_read(web):
    answer = web.get("/healthz", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_database_cannot_be_fetched(web, tmp_path_factory):
    database = next(tmp_path_factory.getbasetemp().glob("home*/fair.db"))
    assert web.get(f"/gradio_api/file={database}").status_code == 403


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
        "print(*{'torch', 'transformers', 'peft', 'bitsandbytes', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
