"""Some people at a real server while a committee writes: `benchmarks/people.py`, made small."""

import asyncio
import time
from pathlib import Path

import pytest

from benchmarks.crowd import (
    SLIDER,
    Seen,
    clicking,
    collecting,
    prepared,
    served,
    stopped,
)
from db import jobs
from db.store import connect
from fair_app.access import passwords
from fair_app.settings import Settings
from tests.wire.server import Server


def calls_done(settings: Settings) -> int:
    store = connect(settings.database)
    found = store.execute("SELECT count(*) FROM calls WHERE state = 'done'").fetchone()
    return int(found[0])


def test_people_click_while_a_committee_writes_and_nothing_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "COST", 2)  # the hash bears its cost: signing in is quick, too
    seen = Seen()
    with Server(latency_s=0.2) as wire:
        settings = prepared(tmp_path, people=5, questions=20)
        job = collecting(settings, wire.url, mistakes=60)
        with served(settings) as site:
            asyncio.run(clicking(site, 5, 8.0, seen))
            until = time.monotonic() + 120
            while calls_done(settings) <= 20:
                assert time.monotonic() < until
                time.sleep(0.2)
            stopped(settings, [job])
            assert site.faults() == []
    assert dict(seen.faults) == {}
    assert len(seen.times["signed in"]) == 5
    assert {SLIDER, "next card", "review room opened", "a timer's tick"} <= seen.times.keys()
    store = connect(settings.database)
    done = jobs.get(store, job)
    assert done is not None and done.state in ("cancelled", "succeeded")
    assert store.execute("SELECT count(*) FROM decisions").fetchone()[0] > 0
