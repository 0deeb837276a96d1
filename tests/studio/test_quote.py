"""The quote before a committee is asked."""

from pathlib import Path

import pytest

from fair_app.committee.base import Role
from fair_app.settings import Settings
from fair_app.studio import teachers
from fair_app.studio.quote import SAMPLE, quote
from tests.committee.collecting import spec_at, taught_at

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_calls_tokens_cost_and_time_by_teacher_and_role(settings: Settings) -> None:
    one = spec_at(NOWHERE, "one", requests_per_minute=10)
    other = spec_at(NOWHERE, "other", usd_per_million_input=2.0, usd_per_million_output=4.0)
    found = quote(settings, taught_at(settings, [one, other], 5))
    assert (found.mistakes, found.teachers, found.calls, found.done) == (5, 2, 30, 0)
    assert [(line.teacher, line.role, line.calls) for line in found.lines] == [
        (name, role, 5) for name in ("one", "other") for role in Role
    ]
    for cheap, dear in zip(found.lines[:3], found.lines[3:], strict=True):
        assert cheap.input_tokens == dear.input_tokens > 0
        assert cheap.cost_usd == pytest.approx((cheap.input_tokens + 2 * cheap.output_tokens) / 1e6)
        assert dear.cost_usd == pytest.approx(2 * (cheap.cost_usd or 0))
    rationale, feedback, review = found.lines[:3]
    assert rationale.input_tokens < feedback.input_tokens < review.input_tokens
    # 15 calls at 10 a minute; the other teacher has no limit.
    assert found.minutes == 1.5
    assert found.cost_usd == pytest.approx(sum(line.cost_usd or 0 for line in found.lines))


def test_an_unknown_price_is_unknown_and_never_nothing(settings: Settings) -> None:
    unknown = {"usd_per_million_input": None, "usd_per_million_output": None}
    found = quote(settings, taught_at(settings, [spec_at(NOWHERE, "one", **unknown)], 2))
    assert {line.cost_usd for line in found.lines if line.calls} == {None}
    assert found.unpriced == ["one"]


def test_a_large_exam_is_estimated_from_a_sample(settings: Settings) -> None:
    found = quote(settings, taught_at(settings, [spec_at(NOWHERE, "one")], SAMPLE + 1))
    assert found.sampled
    assert found.calls == 2 * (SAMPLE + 1)


def test_a_longer_prompt_is_quoted_longer(settings: Settings) -> None:
    project = taught_at(settings, [spec_at(NOWHERE, "one")], 3)
    before = quote(settings, project)
    template = teachers.templates(settings, project)[Role.FEEDBACK]
    teachers.set_template(settings, project, Role.FEEDBACK, template + "Please be kind. " * 50)
    after = quote(settings, project)
    assert after.lines[1].input_tokens > before.lines[1].input_tokens + 3 * 100
    assert after.lines[0] == before.lines[0]
