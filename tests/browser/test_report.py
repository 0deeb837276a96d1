"""The report in a real browser: saved from the overview, and opened from the file system."""

import pytest

from tests.browser.conftest import new_page
from tests.browser.taught import taught
from tests.report.test_report import HOSTILE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def project(server):
    return taught(server.settings, HOSTILE)


def test_it_is_saved_and_reads_from_a_file_at_any_width(
    page, server, project, watched, tmp_path, chromium
):
    page.goto(f"{server.url}/?project={project.name}")
    page.wait_for_selector(".report-links >> visible=true")
    saved = tmp_path / "report.html"
    with page.expect_download() as download:
        page.click(".report-links a >> text=Report >> nth=0")
    assert download.value.suggested_filename == f"{project.name.replace(' ', '-')}-report.html"
    download.value.save_as(saved)
    assert watched.errors == []
    assert watched.foreign == []

    asked, said = [], []
    for width, scheme, background in ((1280, "light", 250), (390, "dark", 20)):
        size = {"width": width, "height": 800}
        reader = new_page(chromium, viewport=size, color_scheme=scheme, offline=True)
        reader.on("request", lambda request: asked.append(request.url))
        reader.on("console", lambda message: said.append(message.text))
        reader.goto(saved.as_uri())
        assert reader.evaluate("document.documentElement.scrollWidth") <= width
        painted = reader.evaluate("getComputedStyle(document.body).backgroundColor")
        assert painted.startswith(f"rgb({background},")
        assert reader.inner_text("h1") == project.name
        assert reader.locator("img, script, iframe, object").count() == 0
        reader.close()
    assert asked == [saved.as_uri()] * 2
    assert said == []


def test_the_bundle_is_saved_as_one_file(page, server, project):
    page.goto(f"{server.url}/?project={project.name}")
    with page.expect_download() as download:
        page.click(".report-links a >> text=Bundle")
    assert download.value.suggested_filename.endswith("-bundle.zip")
