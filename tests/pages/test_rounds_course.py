"""Rounds as they are painted: a row a round, curves, the plan, and nothing of a model as HTML."""

from dataclasses import replace
from pathlib import Path

from fair_app.settings import Settings
from fair_app.studio.rounds import newest_course, rounds_params
from fair_app.studio.rounds_plan import rounds_plan
from pages.components.rounds_course import at_work, course_panel, plan_panel
from tests.studio.courses import STOPPED, sat, taught_twice

HOSTILE = "${1+1} <img src=x onerror=alert(1)>"


def test_a_course_is_painted_and_what_models_wrote_is_text(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    project, _ = taught_twice(settings, HOSTILE)
    found = newest_course(settings, project)
    assert found is not None
    shown = course_panel(settings, project, found)
    assert STOPPED in shown
    assert shown.count("<figure") == 2
    assert shown.count("<tr>") == 1 + 1 + 2
    assert "<img" not in shown
    assert "${" not in shown
    assert "48<small>0 saved" in shown
    assert "2<small>22 saved" in shown
    assert shown.count('data-go="review"') == 1, "the project's exam is that of the first round"
    assert shown.count("data-exam=") == 1
    assert at_work(settings, found) == ""


def test_before_the_first_round_nothing_is_painted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    project = sat(settings)
    assert course_panel(settings, project, None) == at_work(settings, None) == ""


def test_the_plan_says_what_is_known_and_what_is_an_estimate(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    project = sat(settings)
    plan = rounds_plan(settings, project, rounds_params(settings, project, rounds=3))
    shown = plan_panel(plan)
    assert ">48<" in shown
    assert "24–96" in shown
    assert "nothing" in shown
    assert "round-1 to round-3" in shown
    assert "an estimate: its exam" not in shown
    unpriced = replace(plan, known=False, first_cost_usd=None, student=HOSTILE)
    shown = plan_panel(unpriced)
    assert "unknown" in shown
    assert "an estimate: its exam is still to be sat" in shown
    assert "<img" not in shown
    priced = replace(plan, first_cost_usd=(1.0, 1.0), later_cost_usd=(0.5, 2.0))
    assert "1.50 USD to 3.00 USD" in plan_panel(priced)
    timed = replace(plan, seconds={"exam": 60.0, "committee": 60.0, "training": None, "test": 1.0})
    assert "training, which nothing here tells" in plan_panel(timed)
