"""A push from the page to a hub on the loopback, and where the typed token stands: nowhere."""

import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from db import checkpoints
from db.store import connect
from fair_app.exchange.hub import HUB_KEY
from tests.browser.filling import fill
from tests.browser.taught import taught
from tests.loopback_repository import Hub, loopback_repository

pytestmark = pytest.mark.browser

KEY = "may-write-typed-on-the-page-0123456789"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with loopback_repository() as running:
        yield running


@pytest.fixture(scope="module")
def server(serve: Callable[[], Any], hub: Hub) -> Any:
    """A server that asks the loopback's hub, and has no token of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub.address)
        patch.setenv("HF_HUB_DISABLE_XET", "1")
        patch.delenv(HUB_KEY, raising=False)
        return serve()


def test_the_training_set_goes_to_the_hub_with_a_typed_token(page, server, hub, watched):
    project = taught(server.settings)
    store = connect(server.settings.database)
    lineage = {"base": "smollm2-135m", "quantization": "none"}
    checkpoints.add(
        store, project.id, job_id=None, name="first", base="smollm2-135m", lineage=lineage
    )
    page.goto(f"{server.url}/?project={project.name}&tab=review")
    page.click("#review-push button")
    page.wait_for_selector("#publish-form h3:has-text('Push the training set to the hub')")
    fill(page, "publish-to", "nobody")
    fill(page, "publish-token", KEY)
    page.click("#publish-start")
    page.locator(".toast-body").filter(has_text="give OWNER/NAME").wait_for()
    fill(page, "publish-to", "ann/curated")
    page.click("#publish-start")
    page.wait_for_selector("#job-publish .job[data-state=succeeded]", timeout=60_000)
    page.wait_for_selector("#publish-done a:has-text('Open on the hub')")
    link = page.get_attribute("#publish-done a", "href")
    assert link == f"{hub.address}/datasets/ann/curated"
    assert page.input_value("#publish-token input") == ""
    assert "for you alone" in page.inner_text("#publish-standing")
    repository = hub.repositories["ann/curated"]
    assert (repository.private, len(repository.commits)) == (True, 1)

    page.click("#training-checkpoints [data-item='push.checkpoint:first']")
    page.wait_for_selector("#publish-form h3:has-text('Push first to the hub')")
    page.reload()
    page.wait_for_selector("#publish-form h3:has-text('Push first to the hub')")
    page.click("#publish-forget")
    page.wait_for_selector("#publish-standing:has-text('No token yet')")
    page.click("#publish-close")
    page.wait_for_selector("#publish-form", state="hidden")
    page.wait_for_function("!location.search.includes('push.')")

    with urllib.request.urlopen(f"{server.url}/config", timeout=30) as answer:
        assert KEY.encode() not in answer.read()
    assert KEY not in page.content()
    assert server.settings.home is not None
    files = [one for one in server.settings.home.rglob("*") if one.is_file()]
    assert server.settings.database in files
    assert [one for one in files if one.suffix == ".log"]
    assert not [one for one in files if KEY.encode() in one.read_bytes()]
    assert not [one for one in repository.files.values() if KEY.encode() in one]
    assert not [asked for asked in hub.asked if KEY in asked]
    assert watched.errors == []
