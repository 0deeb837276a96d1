"""How answers to a person's question are painted: as text, whatever a model wrote."""

from dataclasses import replace

import pytest

from db.jobs import Job
from db.trials import Trial
from fair_app.studio.trying import Lender
from pages.components.trials import history_list, lender_value, sides

HOSTILE = "<img src=x onerror=alert(1)> ${1+1} {{value}} \\frac"
TRIAL = Trial(
    id=1,
    project_id=1,
    asking=1,
    job_id=7,
    student=HOSTILE,
    server=None,
    question=HOSTILE,
    question_id=3,
    settings={},
    state="done",
    stop_requested=False,
    text=f"{HOSTILE} The answer is 5.",
    tokens=20,
    seconds=4.0,
    truncated=False,
    error="",
    prediction="5",
    span_start=len(HOSTILE) + 15,
    span_end=len(HOSTILE) + 16,
    rule="answer is",
    correct=True,
    asked_at=0.0,
    ended_at=5.0,
    gold_answer="5",
    gold_text="5",
)
JOB = Job(
    id=7,
    project_id=1,
    owner="",
    kind="try",
    params={"server": None, "ask": None, "idle_s": 300.0},
    state="running",
    stage="lent",
    done=0,
    total=0,
    eta_s=None,
    attempt=1,
    cancel_requested=False,
    host=None,
    pid=None,
    process_started_at=None,
    heartbeat_at=None,
    result=None,
    error=None,
    created_at=0.0,
    started_at=0.0,
    finished_at=None,
    place=None,
    parent_id=None,
    child_key=None,
)


def test_what_a_model_wrote_is_text() -> None:
    asking = [TRIAL, replace(TRIAL, id=2, state="failed", error=HOSTILE, correct=None)]
    for painted in (sides(asking), history_list([asking], 1)):
        assert "<img" not in painted
        assert not set("${}\\") & set(painted)
        assert painted.count("<mark>5</mark>") == 2


def test_numbers_and_grade_stand_below_an_answer() -> None:
    painted = sides([TRIAL])
    assert "read <b>5</b>, expected <b>5</b> · 20 tokens · 5.0 tokens/s" in painted
    assert "Right" in painted
    writing = sides([replace(TRIAL, state="writing", text="", tokens=0, ended_at=None)])
    assert 'data-state="writing"' in writing
    assert "empty" in writing
    assert sides([]) == history_list([], 0) == ""


@pytest.mark.parametrize(
    ("lender", "busy", "said"),
    [
        (Lender(JOB, "lent"), None, "has asked for 5 min, or another job needs it"),
        (
            Lender(replace(JOB, stage="", state="queued"), "starting"),
            None,
            "Waiting for the device",
        ),
        (Lender(JOB, "gone", "nobody asked for 5 min"), None, "given back: nobody asked for 5 min"),
        (Lender(replace(JOB, state="cancelled"), "gone"), None, "The model was given back."),
        (
            Lender(replace(JOB, state="interrupted"), "gone", "Its process ended."),
            None,
            "Job 7, which lent the model, ended: Its process ended. Ask again to lend it anew.",
        ),
        (
            Lender(JOB, "gone", "job 9 (Training) waits for the device"),
            replace(JOB, id=9, kind="train"),
            "Job 9 (Training) computes on the device: wait until it is done, or pause it",
        ),
    ],
)
def test_where_the_model_is(lender: Lender, busy: Job | None, said: str) -> None:
    assert said in lender_value(lender, busy, [])


def test_stop_stands_there_only_while_an_answer_grows() -> None:
    assert "stop" not in lender_value(Lender(JOB, "lent"), None, [TRIAL])
    grows = replace(TRIAL, state="writing", ended_at=None)
    assert 'data-act="stop"' in lender_value(Lender(JOB, "lent"), None, [grows])
    assert 'data-act="stop"' in lender_value(None, None, [grows])
    assert lender_value(None, None, []) == ""
