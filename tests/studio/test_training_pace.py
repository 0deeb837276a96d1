"""How long runs take by the newest one here, with a mentor's work and without."""

from pathlib import Path
from typing import Any

import pytest

from db import jobs
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio.training_pace import Pace, seconds_beside, tokens_read, training_pace
from fair_app.training.examples import Text, TrainingQuestion
from fair_app.training.mentor_cost import RATIONALES, Load, load_of
from fair_app.training.settings import TrainingSettings, chosen_settings
from fair_app.training.shape import read_shape
from tests.training.tiny import questions
from tests.training.tiny_home import tiny, tiny_home

PLAIN: dict[str, Any] = {"epochs": 1, "batch_size": 5, "quantization": "none", "lora_rank": 4}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def base(settings: Settings, request: pytest.FixtureRequest) -> str:
    """The same student under a name of each test's own, so that no run of another is the newest."""
    folder = Path(tiny(settings)).with_name(request.node.name)
    folder.symlink_to(tiny(settings))
    return str(folder)


def asked(settings: Settings, **changed: Any) -> TrainingSettings:
    return chosen_settings("quick look", {**PLAIN, **changed})


def taught_by(settings: Settings, how: str, **changed: Any) -> TrainingSettings:
    mentor = tiny(settings)
    return asked(settings, mentor=mentor, soft_weight=0.3, soft_labels=how, **changed)


def ran(settings: Settings, base: str, own: TrainingSettings, pace: float, **result: Any) -> None:
    """A run of 4 steps that took 8 s, and 2 s beside them, at so many tokens a second."""
    store = connect(settings.database)
    job = jobs.add(store, "train", {"student": base, "settings": own.to_dict()}, None)
    jobs.claim(store, job, host="here", pid=1, process_started_at=0.0)
    for step in range(1, 5):
        jobs.add_metrics(store, job, step, {"tokens_per_second": pace})
    jobs.end(store, job, "succeeded", result={"steps": 4, "seconds": 8.0, **result})
    took = 10.0 + result.get("mentor_seconds", 0.0)
    store.execute("UPDATE jobs SET started_at = finished_at - ? WHERE id = ?", [took, job])


def pace_of(settings: Settings, base: str) -> Pace:
    found = training_pace(settings, base)
    assert found is not None
    return found


def load(settings: Settings, own: TrainingSettings, how: str) -> Load:
    shape = read_shape((settings.home or Path()) / "tiny")
    found = load_of(shape, shape, own, how)
    assert found is not None
    return found


def test_before_the_first_run_nothing_is_claimed(settings: Settings, base: str) -> None:
    assert training_pace(settings, base) is None


def test_a_run_without_a_mentor_takes_what_the_last_one_took(settings: Settings, base: str) -> None:
    ran(settings, base, asked(settings), 50.0)
    pace = pace_of(settings, base)
    assert pace.seconds_a_token == pytest.approx(0.02)
    assert pace.tokens_a_question == pytest.approx(50 * 8 / 20)
    assert pace.seconds(asked(settings, epochs=3), 10, 100.0) == pytest.approx(3 * 10 * 2 + 2)


@pytest.mark.parametrize("how", ["online", "hidden", "top-k"])
def test_the_work_of_a_mentor_comes_to_it(settings: Settings, base: str, how: str) -> None:
    ran(settings, base, asked(settings), 50.0)
    own = taught_by(settings, how)
    mentor = load(settings, own, how)
    found = pace_of(settings, base).seconds(own, 10, 100.0, 80.0)
    learned, made = 10 * 2.0 * (1 + mentor.step), 10 * 80 * 0.02 * mentor.making
    assert found == pytest.approx(learned + made + 2 * 2)
    assert (mentor.step > 0) == (how != "top-k")
    assert (mentor.making > 0) == (how != "online")
    # of one rationale a question, where the texts are not known
    one = pace_of(settings, base).seconds(own, 10, 80 / RATIONALES)
    assert one == pytest.approx(0.8 / RATIONALES * learned + made + 2 * 2)


def test_auto_is_online_where_both_fit(settings: Settings, base: str) -> None:
    ran(settings, base, asked(settings), 50.0)
    pace = pace_of(settings, base)

    def takes(how: str, **changed: Any) -> float | None:
        return pace.seconds(taught_by(settings, how, **changed), 10, 100.0, 90.0)

    assert takes("auto") == takes("online")
    # 1 GB is what a process takes beside its models: both have no room in it
    tight = takes("auto", memory_gb=1.0)
    assert tight == takes("stored", memory_gb=1.0) != takes("online")


@pytest.mark.parametrize("how", ["online", "hidden"])
def test_a_mentors_work_is_taken_off_the_pace_of_its_run(
    settings: Settings, base: str, how: str
) -> None:
    own = taught_by(settings, "auto" if how == "online" else how)
    ran(settings, base, own, 50.0, soft_labels=how, mentor_seconds=30.0)
    pace = pace_of(settings, base)
    mentor = load(settings, own, how)
    assert pace.seconds_a_token == pytest.approx(0.02 / (1 + mentor.step))
    assert seconds_beside(settings, "train", base) == pytest.approx(2.0)
    assert pace.seconds(own, 10, 100.0, 0.0) == pytest.approx(10 * 2 + 2 * 2)


def test_a_mentor_that_is_gone_tells_nothing(settings: Settings, base: str) -> None:
    gone = asked(settings, mentor="checkpoint:gone", soft_weight=0.3)
    ran(settings, base, asked(settings), 50.0)
    ran(settings, base, gone, 10.0)
    pace = pace_of(settings, base)
    assert pace.seconds_a_token == pytest.approx(0.02), "the run before it still does"
    assert pace.seconds(gone, 10, 100.0) is None
    nowhere = asked(settings, mentor="owner/of-the-hub", soft_weight=0.3)
    assert pace.seconds(nowhere, 10, 100.0) is None


def test_a_lambda_of_0_is_a_run_without_a_mentor(settings: Settings, base: str) -> None:
    ran(settings, base, asked(settings, mentor="checkpoint:gone", soft_weight=0.0), 50.0)
    assert pace_of(settings, base).seconds_a_token == pytest.approx(0.02)


def test_all_rationales_are_read_and_their_prompt_once() -> None:
    one = TrainingQuestion(1, "p" * 40, "", (Text("a", "r" * 20), Text("b", "r" * 60)), ())
    assert tokens_read([one]) == (40 + 80) / 4
    without = TrainingQuestion(2, "p" * 40, "", (), (Text("a", "f"),))
    assert tokens_read([one, without]) == (40 + 80) / 4 / 2
    assert tokens_read([]) == 0
    assert tokens_read(questions(3)) > 0
