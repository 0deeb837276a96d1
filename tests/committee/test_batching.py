"""The committee asked in batches: half the price, and found again after whatever is killed."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from db import batches, calls, committee
from db.projects import Project
from db.store import connect, scalar
from fair_app.committee.providers.openai_batch import OpenAIBatches
from fair_app.errors import Cancelled, WorkFailed
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.studio import collecting, teachers
from tests.committee.collecting import KEY, collect, log_of, spec_at, taught_at
from tests.wire import faults
from tests.wire.formats import PROVIDERS, Answer, Call
from tests.wire.server import Server

EACH_USD = (11 + 2 * 7) / 1e6
"""What a direct call costs at the loopback server, at 1 and 2 USD a million tokens."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FAIR_TEST_KEY", KEY)
    return Settings(home=tmp_path / "home")


def in_batches(
    settings: Settings, project: Project, budget_usd: float | None = None
) -> dict[str, Any]:
    params = collecting.collect_params(
        settings, project, 4, budget_usd, keys={"FAIR_TEST_KEY": SecretStr(KEY)}, batch=True
    )
    return worker.run_now(settings, "collect", {**params, "look_every_s": 0.05}, project.id)


def test_rationales_and_feedback_first_then_their_reviews_at_half_the_price(
    settings: Settings,
) -> None:
    with Server() as server:
        project = taught_at(settings, [spec_at(server.url, name, name) for name in PROVIDERS], 3)
        result = in_batches(settings, project)
        jobs = server.batches.jobs.values()
        assert sorted(len(job.outcomes) for job in jobs) == [6] * 6
    assert (result["rationales"], result["feedback"], result["reviews"]) == (9, 9, 18)
    assert (result["calls"], result["failed"], result["left"]) == (36, 0, 0)
    assert result["cost_usd"] == pytest.approx(36 * EACH_USD / 2)
    assert batches.still_open(connect(settings.database), project.id) == []


def test_an_offline_teacher_beside_it_is_asked_directly(settings: Settings) -> None:
    with Server() as server:
        project = taught_at(settings, [spec_at(server.url, "gpt")], 2)
        teachers.put_teacher(
            settings, project, {"name": "rule", "provider": "offline", "model": "terse"}
        )
        result = in_batches(settings, project)
        # What the offline teacher wrote at once is reviewed in the one batch.
        assert [len(job.outcomes) for job in server.batches.jobs.values()] == [6]
    assert (result["rationales"], result["reviews"], result["left"]) == (4, 4, 0)


def test_a_review_without_a_score_is_asked_again_in_a_further_batch(settings: Settings) -> None:
    def vague(call: Call) -> Answer | None:
        return Answer("Good.") if "such as: [5]" in call.prompt else None

    with Server(vague) as server:
        pair = [spec_at(server.url, "gpt"), spec_at(server.url, "mistral", "mistral")]
        project = taught_at(settings, pair, 1)
        result = in_batches(settings, project)
    assert (result["calls"], result["reviews"], result["left"]) == (8, 2, 0)
    reviews = committee.reviews(connect(settings.database), project.id)
    assert [row.score for row in reviews] == [None, None]


class Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize("after_the_submission", [True, False])
def test_a_batch_is_found_again_when_its_name_was_not_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, after_the_submission: bool
) -> None:
    submit = OpenAIBatches.submit

    async def killed(self: OpenAIBatches, items: Any, label: str = "") -> str:
        if after_the_submission:
            await submit(self, items, label)
        raise Killed

    with Server() as server:
        project = taught_at(settings, [spec_at(server.url, "gpt")], 3)
        with monkeypatch.context() as patch:
            patch.setattr(OpenAIBatches, "submit", killed)
            with pytest.raises(Killed):
                in_batches(settings, project)
        store = connect(settings.database)
        assert len(batches.still_open(store, project.id)) == 1
        assert scalar(store, "SELECT count(*) FROM calls WHERE state = 'sent'") == 6
        store.execute("UPDATE jobs SET state = 'interrupted' WHERE state = 'running'")
        result = in_batches(settings, project)
        assert len(server.batches.jobs) == 1
        assert server.received.total() == 6
    assert (result["rationales"], result["feedback"], result["left"]) == (3, 3, 0)


def test_a_direct_run_pays_nothing_twice_that_waits_in_a_batch(settings: Settings) -> None:
    with Server() as server:
        server.batches.polls_until_end = 3
        project = taught_at(settings, [spec_at(server.url, "gpt")], 2)
        store = connect(settings.database)

        def cancel(call: Call) -> None:
            store = connect(settings.database)
            store.execute("UPDATE jobs SET cancel_requested = 1 WHERE state = 'running'")

        server.behaviour = cancel
        with pytest.raises(Cancelled):
            in_batches(settings, project)
        server.behaviour = None
        assert len(batches.still_open(store, project.id)) == 1
        direct = collect(settings, project)
        assert (direct["calls"], direct["left"]) == (0, 4)
        assert any("wait in batches" in line for line in log_of(settings, project))
        result = in_batches(settings, project)
        assert server.received.total() == 4
    assert result["left"] == 0
    assert calls.spent(store, project.id) == pytest.approx(4 * EACH_USD / 2)


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_what_a_batch_did_not_come_to_failed_and_is_asked_again(
    settings: Settings, end: str
) -> None:
    with Server() as server:
        server.batches.end = end
        project = taught_at(settings, [spec_at(server.url, "gpt")], 4)
        first = in_batches(settings, project)
        assert first["left"] == first["failed"] > 0
        assert collecting.failures(settings, project)
        server.batches.end = "done"
        result = in_batches(settings, project)
    assert (result["left"], result["calls"]) == (0, first["failed"])
    assert collecting.failures(settings, project) == []


def test_a_batch_that_failed_says_why(settings: Settings) -> None:
    with Server() as server:
        server.batches.end = "failed"
        project = taught_at(settings, [spec_at(server.url, "gpt")], 4)
        with pytest.raises(WorkFailed, match="gpt: Line 2 is not JSON"):
            in_batches(settings, project)
        server.batches.end = "done"
        assert in_batches(settings, project)["left"] == 0


def test_a_refused_batch_stops_its_teacher_with_a_sentence(settings: Settings) -> None:
    with Server() as server:
        server.batches.broken = faults.forbidden
        project = taught_at(settings, [spec_at(server.url, name, name) for name in PROVIDERS], 2)
        with pytest.raises(WorkFailed, match="No call gave an answer"):
            in_batches(settings, project)
        server.batches.broken = None
        assert in_batches(settings, project)["left"] == 0


def test_a_cap_holds_for_batches_too(settings: Settings) -> None:
    cap = 10 * EACH_USD / 2
    with Server() as server:
        project = taught_at(settings, [spec_at(server.url, name, name) for name in PROVIDERS], 4)
        result = in_batches(settings, project, budget_usd=cap)
        assert result["stopped_by_budget"]
        assert result["cost_usd"] <= cap
        rest = in_batches(settings, project)
    assert rest["left"] == 0
