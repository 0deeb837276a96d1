"""The committee's work through the real SDKs against a server that misbehaves."""

import time
from pathlib import Path

import pytest

from db import calls, committee, jobs
from db.store import connect, scalar
from fair_app.committee.base import Role, TeacherSpec
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.settings import Settings
from fair_app.studio import collecting, teachers
from fair_app.studio.quote import quote
from tests.committee.collecting import KEY, collect, log_of, only, spec_at, taught_at
from tests.wire import faults
from tests.wire.formats import Answer, Call, Raw
from tests.wire.server import Server

A_REVIEW = "such as: [5]"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FAIR_TEST_KEY", KEY)
    return Settings(home=tmp_path / "home")


def three(url: str, **more: object) -> list[TeacherSpec]:
    return [
        spec_at(url, "gpt", "openai", **more),
        spec_at(url, "gemini", "gemini", **more),
        spec_at(url, "mistral", "mistral", **more),
    ]


def test_three_providers_write_and_review_and_the_totals_add_up(settings: Settings) -> None:
    with Server() as server:
        project = taught_at(settings, three(server.url), mistakes=5)
        found = quote(settings, project)
        assert (found.calls, found.from_ledger, found.unpriced) == (60, 0, [])
        result = collect(settings, project)
    assert {key: result[key] for key in ("calls", "failed", "left", "cached")} == {
        "calls": 60,
        "failed": 0,
        "left": 0,
        "cached": 0,
    }
    assert (result["rationales"], result["feedback"], result["reviews"]) == (15, 15, 30)
    assert server.received.total() == server.answered.total() == 60
    # Each call said 11 tokens in and 7 out, at 1 and 2 USD a million.
    assert result["cost_usd"] == pytest.approx(60 * (11 + 14) / 1e6)
    store = connect(settings.database)
    assert calls.spent(store, project.id) == pytest.approx(result["cost_usd"])
    assert {row.score for row in committee.reviews(store, project.id)} == {5}
    assert collect(settings, project)["calls"] == 0
    assert server.received.total() == 60


def test_a_second_project_takes_its_answers_from_the_ledger_and_says_so(
    settings: Settings,
) -> None:
    with Server() as server:
        collect(settings, taught_at(settings, three(server.url)))
        again = taught_at(settings, three(server.url), name="again")
        assert quote(settings, again).from_ledger == 48
        result = collect(settings, again)
    assert (result["calls"], result["cached"], result["cost_usd"]) == (0, 48, 0)
    assert server.received.total() == 48
    assert "48 answers stood in the ledger already, at no cost" in log_of(settings, again)


def test_a_bad_key_stops_its_provider_while_the_others_finish(settings: Settings) -> None:
    with Server(only("model-of-gemini", faults.bad_key)) as server:
        project = taught_at(settings, three(server.url), mistakes=6)
        result = collect(settings, project, concurrency=4)
        # gpt and mistral: 6 rationales, 6 feedback, 6 reviews of one another each
        assert (result["rationales"], result["feedback"], result["reviews"]) == (12, 12, 12)
        assert list(result["out"]) == ["gemini"]
        assert result["left"] == 72 - 36
        asked = sum(
            count for (model, _), count in server.received.items() if model == "model-of-gemini"
        )
        assert asked <= 8
        [reason, *_] = collecting.failures(settings, project)
        assert (reason.teacher, reason.kind) == ("gemini", "auth")
        assert KEY not in reason.message
        server.behaviour = None
        result = collect(settings, project)
        assert (result["calls"], result["left"], result["out"]) == (36, 0, {})
    assert collecting.failures(settings, project) == []


@pytest.mark.parametrize("fault", [faults.quota, faults.no_model])
def test_a_used_up_quota_or_a_missing_model_ends_that_teacher(
    settings: Settings, fault: object
) -> None:
    with Server(only("model-of-gpt", fault)) as server:  # type: ignore[arg-type]
        result = collect(settings, taught_at(settings, three(server.url), mistakes=3))
    assert list(result["out"]) == ["gpt"]
    assert result["rationales"] == 6


def test_too_many_pauses_the_provider_for_as_long_as_it_says(settings: Settings) -> None:
    refused: list[float] = []
    later: list[float] = []

    def once(call: Call) -> Raw | None:
        if call.model != "model-of-gpt":
            return None
        if not refused:
            refused.append(time.monotonic())
            return faults.rate_limit(call, "1.5")
        later.append(time.monotonic())
        return None

    with Server(once) as server:
        project = taught_at(settings, three(server.url))
        result = collect(settings, project, concurrency=1)
    assert (result["failed"], result["left"]) == (0, 0)
    assert result["attempts"] == result["calls"] + 1
    assert min(later) - refused[0] >= 1.4


def test_a_provider_that_asks_to_wait_an_hour_is_out(settings: Settings) -> None:
    with Server(only("model-of-gpt", lambda call: faults.rate_limit(call, "3600"))) as server:
        project = taught_at(settings, three(server.url))
        result = collect(settings, project)
    assert "3600 s" in result["out"]["gpt"]
    assert result["rationales"] == 8


def test_faults_that_pass_are_tried_again(settings: Settings) -> None:
    def first_fails(call: Call) -> Raw | None:
        return faults.server_error(call) if call.asked == 1 else None

    with Server(first_fails) as server:
        project = taught_at(settings, [spec_at(server.url, "one")], mistakes=3)
        result = collect(settings, project)
    assert (result["calls"], result["attempts"], result["failed"]) == (6, 12, 0)
    assert result["reviews"] == 0


def test_what_does_not_pass_is_kept_with_its_class_and_text_and_asked_again_alone(
    settings: Settings,
) -> None:
    def bad(call: Call) -> Raw | None:
        is_review = call.model == "model-of-gpt" and A_REVIEW in call.prompt
        return Raw(200, b"<html>sorry</html>", "text/html") if is_review else None

    with Server(bad) as server:
        project = taught_at(settings, three(server.url), mistakes=2)
        result = collect(settings, project)
        assert (result["failed"], result["left"]) == (4, 4)
        reasons = collecting.failures(settings, project)
        assert {(one.teacher, one.role, one.kind) for one in reasons} == {
            ("gpt", "review", "bad_body")
        }
        assert sum(one.count for one in reasons) == 4
        server.behaviour = None
        before = server.received.total()
        assert collect(settings, project)["calls"] == 4
        assert server.received.total() - before == 4


def test_blocked_cut_off_and_empty_rationales_are_shown_and_never_reviewed(
    settings: Settings,
) -> None:
    ends = {
        "model-of-gpt": Answer("", blocked="output"),
        "model-of-gemini": Answer("It begins", finish="length"),
        "model-of-mistral": Answer(""),
    }

    def end(call: Call) -> Answer | None:
        is_feedback = "Point out the mistakes" in call.prompt
        return None if is_feedback else ends[call.model]

    with Server(end) as server:
        project = taught_at(settings, three(server.url), mistakes=2)
        result = collect(settings, project)
        assert (result["reviews"], result["left"], result["failed"]) == (0, 0, 0)
        assert collect(settings, project)["calls"] == 0
    rows = committee.rationales(connect(settings.database), project.id)
    assert {(row.teacher, row.finish) for row in rows} == {
        ("gpt", "blocked"),
        ("gemini", "truncated"),
        ("mistral", "empty"),
    }


def test_thoughts_in_an_answer_stay_in_the_ledger_alone(settings: Settings) -> None:
    def think(call: Call) -> Answer | None:
        if call.model == "model-of-gpt":
            return Answer("<think>Is it [2]? 7?</think>\nThe answer is 5. [4]")
        return Answer("<think>I wonder") if call.model == "model-of-mistral" else None

    with Server(think) as server:
        project = taught_at(settings, three(server.url), mistakes=1)
        result = collect(settings, project)
    store = connect(settings.database)
    rows = {row.teacher: row for row in committee.rationales(store, project.id)}
    assert rows["gpt"].text == "The answer is 5. [4]"
    assert (rows["mistral"].text, rows["mistral"].finish) == ("<think>I wonder", "empty")
    assert result["left"] == 0
    assert scalar(store, "SELECT count(*) FROM calls WHERE text LIKE '<think>Is%'") == 3
    assert {row.score for row in committee.reviews(store, project.id)} == {4, 5, None}


def test_a_review_without_a_score_is_asked_for_once_more_and_then_has_none(
    settings: Settings,
) -> None:
    def vague(call: Call) -> Answer | None:
        if A_REVIEW not in call.prompt:
            return None
        if call.model == "model-of-gpt":
            return Answer("I find it rather good.")
        return Answer("Good. [4]" if call.asked == 2 else "Good.")

    with Server(vague) as server:
        pair = [spec_at(server.url, "gpt"), spec_at(server.url, "gemini", "gemini")]
        project = taught_at(settings, pair, mistakes=1)
        result = collect(settings, project)
    # Two rationales, two pieces of feedback, two reviews asked for twice.
    assert (result["calls"], result["reviews"], result["left"]) == (8, 2, 0)
    store = connect(settings.database)
    scores = {row.reviewer: row.score for row in committee.reviews(store, project.id)}
    assert scores == {"gpt": None, "gemini": 4}
    assert scalar(store, "SELECT count(*) FROM calls WHERE role = 'review'") == 4


def test_a_call_that_hangs_meets_its_deadline(settings: Settings) -> None:
    def hang_once(call: Call) -> Raw | None:
        return Raw(manner="hang") if call.asked == 1 else None

    with Server(hang_once) as server:
        project = taught_at(settings, [spec_at(server.url, "one", timeout_s=0.5)], mistakes=1)
        result = collect(settings, project)
    assert (result["calls"], result["attempts"], result["failed"]) == (2, 4, 0)


def test_a_server_that_is_not_there_is_given_up_with_a_sentence(settings: Settings) -> None:
    with Server() as server:
        gone = server.url
    project = taught_at(settings, [spec_at(gone, "one")], mistakes=12)
    with pytest.raises(WorkFailed, match="No call gave an answer: one: "):
        collect(settings, project)
    assert any("one is not asked any more" in line for line in log_of(settings, project))


def test_limits_space_the_calls_out_across_jobs(settings: Settings) -> None:
    moments: list[float] = []

    def note(call: Call) -> None:
        moments.append(time.monotonic())

    with Server(note) as server:
        spec = spec_at(server.url, "one", requests_per_minute=600)
        began = time.monotonic()
        collect(settings, taught_at(settings, [spec], mistakes=6))
        collect(settings, taught_at(settings, [spec], mistakes=9, name="more"))
    assert len(moments) == 18
    # A tenth of a second apart when they are sent. A busy machine lets some arrive late, and then
    # the next ones soon after: so it is six in a row that take their time.
    for first, sixth in zip(moments, moments[5:], strict=False):
        assert sixth - first >= 0.3
    assert moments[-1] - began >= 0.1 * 17


def test_tokens_a_minute_are_settled_by_what_calls_took(settings: Settings) -> None:
    with Server(lambda call: Answer(input_tokens=150, output_tokens=50)) as server:
        spec = spec_at(server.url, "one", tokens_per_minute=120_000, max_tokens=1)
        project = taught_at(settings, [spec], mistakes=10)
        began = time.monotonic()
        collect(settings, project)
    # 20 calls of 200 tokens at 2,000 tokens a second, but for the last.
    assert time.monotonic() - began >= 1.8


@pytest.mark.parametrize("concurrency", [1, 6])
def test_a_budget_holds_and_what_is_missing_comes_with_a_higher_one(
    settings: Settings, concurrency: int
) -> None:
    each = (11 + 2 * 7) / 1e6
    cap = 40 * each
    with Server(latency_s=0.01) as server:
        project = taught_at(settings, three(server.url), mistakes=8)
        result = collect(settings, project, concurrency=concurrency, budget_usd=cap)
        assert result["stopped_by_budget"]
        assert 0.9 * cap <= result["cost_usd"] <= cap + concurrency * each
        assert any("(80 %)" in line for line in log_of(settings, project))
        again = collect(settings, project, concurrency=concurrency, budget_usd=cap)
        assert again["stopped_by_budget"]
        assert calls.spent(connect(settings.database), project.id) <= cap + concurrency * each
        rest = collect(settings, project, concurrency=concurrency)
    assert (rest["left"], rest["stopped_by_budget"]) == (0, False)
    assert result["calls"] + again["calls"] + rest["calls"] == 96
    assert server.received.total() == 96


def test_a_budget_needs_prices(settings: Settings) -> None:
    free = {"usd_per_million_input": None, "usd_per_million_output": None}
    with Server() as server:
        project = taught_at(settings, [spec_at(server.url, "one", **free)])
        assert quote(settings, project).unpriced == ["one"]
        with pytest.raises(BadInput, match="Nobody knows what one costs"):
            collect(settings, project, budget_usd=1.0)
        result = collect(settings, project)
    assert (result["cost_usd"], result["unpriced"]) == (0, 8)


def test_one_teacher_alone_is_not_reviewed(settings: Settings) -> None:
    with Server() as server:
        result = collect(settings, taught_at(settings, [spec_at(server.url, "one")]))
    assert (result["rationales"], result["feedback"], result["reviews"]) == (4, 4, 0)


def test_a_changed_prompt_makes_new_calls_and_keeps_the_old(settings: Settings) -> None:
    own = "Judge.\nQ: $question\nR: $rationale\nGold: $gold\nEnd with a score such as: [5]"
    with Server() as server:
        project = taught_at(settings, three(server.url), mistakes=2)
        collect(settings, project)
        default = teachers.templates(settings, project)[Role.REVIEW]
        teachers.set_template(settings, project, Role.REVIEW, own)
        store = connect(settings.database)
        assert committee.reviews(store, project.id) == []
        result = collect(settings, project)
        assert (result["calls"], result["rationales"], result["reviews"]) == (12, 6, 12)
        assert scalar(store, "SELECT count(*) FROM reviews") == 24
        teachers.set_template(settings, project, Role.REVIEW, default)
        assert quote(settings, project).calls == 0
    assert len(committee.reviews(store, project.id)) == 12


def test_a_changed_price_asks_nobody_and_is_kept(settings: Settings) -> None:
    with Server() as server:
        specs = three(server.url)
        project = taught_at(settings, specs, mistakes=1)
        collect(settings, project)
        dearer = specs[0].model_copy(update={"usd_per_million_input": 3.0})
        teachers.put_teacher(
            settings, project, dearer.model_dump(exclude_none=True), replaces="gpt"
        )
        assert collect(settings, project)["calls"] == 0
    assert teachers.asked_specs(settings, project)[0].usd_per_million_input == 3.0
    with pytest.raises(BadInput, match="no teacher 'gone' any more"):
        teachers.put_teacher(settings, project, dearer.model_dump(exclude_none=True), "gone")


def test_changing_one_teacher_asks_that_teacher_only(settings: Settings) -> None:
    with Server() as server:
        specs = three(server.url)
        project = taught_at(settings, specs, mistakes=2)
        collect(settings, project)
        hotter = specs[0].model_copy(update={"temperature": 1.0})
        teachers.put_teacher(
            settings, project, hotter.model_dump(exclude_none=True), replaces="gpt"
        )
        before = server.received.total()
        result = collect(settings, project)
    # Its two rationales, two pieces of feedback and four reviews. It wrote the same rationales as
    # before, so that their four reviews stand in the ledger.
    assert (result["calls"], result["cached"]) == (8, 4)
    assert server.received.total() - before == 8


def test_a_cancel_lets_calls_in_flight_end(settings: Settings) -> None:
    store = connect(settings.database)

    def cancel(call: Call) -> None:
        if server.received.total() == 20:
            job = jobs.latest(connect(settings.database), 1, "collect")
            assert job is not None
            jobs.request_cancel(connect(settings.database), job.id)

    with Server(cancel, latency_s=0.05) as server:
        project = taught_at(settings, three(server.url), mistakes=20)
        with pytest.raises(Cancelled):
            collect(settings, project, concurrency=4)
        assert server.received.total() < 40
    assert scalar(store, "SELECT count(*) FROM calls WHERE state = 'sent'") == 0
    assert scalar(store, "SELECT count(*) FROM calls") == server.answered.total()
