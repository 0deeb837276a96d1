"""What can be saved by its address: the report, and the bundle."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from db.projects import Project
from fair_app.exchange.bundle import read
from fair_app.exchange.replay import SAME, replay
from fair_app.settings import Settings
from fair_app.studio.projects import create_project
from pages.components.report_links import LINKS, report_links
from pages.downloads import FILES
from tests.browser.taught import taught


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def project(settings: Settings) -> Project:
    return taught(settings, "<b>")


@pytest.fixture(scope="module")
def web(settings: Settings) -> TestClient:
    from pages.web import build

    return TestClient(build(settings), base_url="http://127.0.0.1:7860")


class Links(HTMLParser):
    """The addresses of a text's links."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs)["href"] or "")


def test_the_links_lead_to_files_that_are_saved(web: TestClient, project: Project) -> None:
    links = Links(report_links(project)).found
    assert len(links) == len(LINKS) == len(FILES)
    for link in links:
        assert not link.startswith(("/", "http"))
        answer = web.get(f"/{link}")
        assert answer.status_code == 200
        file = link.split("/")[-1]
        name = project.name.replace(" ", "-")
        saved = answer.headers["content-disposition"]
        assert saved == f'attachment; filename="{name}-{file}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_the_bundle_that_was_saved_is_replayed(
    web: TestClient, project: Project, tmp_path: Path
) -> None:
    saved = tmp_path / "bundle.zip"
    saved.write_bytes(web.get(f"/downloads/{project.name}/bundle.zip").content)
    assert [one.state for one in replay(read(saved))] == [SAME]


def test_what_is_not_there_is_told_in_a_sentence(web: TestClient, settings: Settings) -> None:
    begun = create_project(settings, "begun", "arithmetic", "smollm2-135m")
    assert report_links(begun) == ""
    for address, status, words in (
        ("begun/report.html", 400, "no exam yet"),
        ("nobody/report.html", 400, "There is no project 'nobody'"),
        ("begun/fair.db", 404, "There is no such file"),
    ):
        answer = web.get(f"/downloads/{address}")
        assert (answer.status_code, answer.headers["content-type"]) == (
            status,
            "text/plain; charset=utf-8",
        )
        assert words in answer.text


@pytest.mark.parametrize("path", ["..%2f..%2ffair.db", "%2e%2e/x", "made%00/report.html"])
def test_no_address_leads_out_of_the_project(web: TestClient, path: str) -> None:
    answer = web.get(f"/downloads/{path}")
    assert answer.status_code in (400, 404)
    assert b"SQLite" not in answer.content


def test_another_site_cannot_read_it(web: TestClient, project: Project) -> None:
    address = f"/downloads/{project.name}/report.md"
    answer = web.get(address, headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
