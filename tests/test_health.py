"""The health of a server: what is wrong is said, and the address answers 503 with it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from db.store import close, connect
from fair_app import health
from fair_app.jobs.supervisor import Supervisor
from fair_app.settings import Settings
from pages.healthz import healthz


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    one = Settings(home=tmp_path)
    connect(one.database)
    return one


def test_all_is_well_with_a_supervisor_at_work(settings: Settings) -> None:
    supervisor = Supervisor(settings)
    supervisor.start()
    assert health.faults(settings, supervisor) == []
    supervisor.stop()
    assert health.faults(settings, supervisor) == [
        "the supervisor of jobs does not look at the queue any more"
    ]
    assert health.faults(settings) == []


def test_a_database_that_is_gone_or_a_full_disk_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(settings.database)
    settings.database.unlink()
    (fault,) = health.faults(settings)
    assert fault.startswith("the database cannot be written to (unable to open")
    monkeypatch.setattr(health, "LEAST_FREE", 10**18)
    assert "the disk is nearly full" in health.faults(settings)[1]
    gone = Settings(home=settings.database.parent / "gone")
    assert health.faults(gone)[1] == "the home cannot be reached (No such file or directory)"


def test_the_address_answers_with_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.healthz.FRESH_S", 0.0)
    found: list[str] = []
    web = FastAPI()
    web.include_router(healthz(lambda: list(found)))
    asked = TestClient(web)
    assert (asked.get("/healthz").status_code, asked.get("/healthz").json()) == (
        200,
        {"status": "ok"},
    )
    found.append("the disk is nearly full (3 MB left)")
    answer = asked.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unwell", "faults": found}


def test_who_asks_without_end_has_the_database_looked_at_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pages.healthz.FRESH_S", 3600.0)
    looks: list[int] = []

    def faults() -> list[str]:
        looks.append(1)
        return []

    web = FastAPI()
    web.include_router(healthz(faults))
    with TestClient(web) as asked, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: asked.get("/healthz").status_code, range(40)))
    assert answers == [200] * 40
    assert len(looks) == 1
