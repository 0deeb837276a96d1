"""The server that most of these tests ask, once a file: people sign in, and faults are answered."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from fair_app.access.roles import Role
from fair_app.settings import Settings
from pages.web import build
from tests.pages.entering import URL, Browser, cookie_of, guarded


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return guarded(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build(settings), base_url=URL, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def owner(web: TestClient, settings: Settings) -> Browser:
    return Browser(web, cookie_of(settings, Role.OWNER), "the-owner-s-page")
