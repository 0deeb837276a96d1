"""An evaluation with several seeds: one job, an evaluation a seed, the same items."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db import exams
from db.exams import Exam
from db.store import connect
from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import clustered, wilson
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.student.base import PAPER
from fair_app.studio.exams import exam_params
from tests.building import project_with_mistakes
from tests.wire.formats import Answer, Call
from tests.wire.server import Server

FIRST = PAPER.seed
Command = Callable[..., Any]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def evaluate(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Command:
    project_with_mistakes(settings)

    def run(server: Server, *more: object) -> Any:
        told = ("--home", settings.home, "--project", "made", "--student", "m", "--json")
        how = ("--server", server.url, "--decoding", "paper", *more)
        assert main(["evaluate", *map(str, (*told, *how))]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def moody(call: Call) -> Answer:
    """Another number every time, which is the right one here and there."""
    return Answer(f"I think. The answer is {call.body['seed'] % 7 + 20}.", output_tokens=5)


def stored(settings: Settings) -> list[Exam]:
    return list(reversed(exams.of_project(connect(settings.database), 1, "evaluation")))


def grades(settings: Settings, exam: Exam) -> dict[int, bool]:
    rows = exams.answers(connect(settings.database), exam.id)
    return {row.question_id: bool(row.correct) for row in rows}


def test_each_seed_is_an_evaluation_of_the_same_items(
    settings: Settings, evaluate: Command
) -> None:
    with Server(moody) as server:
        found = evaluate(server, "--seeds", 3, "--limit", 40)
        assert server.received.total() == 3 * 40
        assert evaluate(server, "--seeds", 3, "--limit", 40)["evaluations"] == found["evaluations"]
        assert server.received.total() == 3 * 40, "nothing is missing"
    runs = stored(settings)
    assert [run.id for run in runs] == found["evaluations"]
    assert [run.settings["decoding"]["seed"] for run in runs] == [FIRST, FIRST + 1, FIRST + 2]
    outcomes = [grades(settings, run) for run in runs]
    assert len({tuple(one) for one in outcomes}) == 1, "the same items in the same order"
    expected = clustered([list(one.values()) for one in outcomes])
    assert len(set(expected.each)) > 1
    assert (found["n"], found["evaluation"]) == (40, runs[0].id)
    assert (found["accuracy"], found["ci95"]) == (expected.mean, [expected.low, expected.high])
    assert found["correct"] == pytest.approx(40 * expected.mean, abs=1e-4)
    assert [one["accuracy"] for one in found["seeds"]] == list(expected.each)
    first = found["seeds"][0]
    assert (first["seed"], first["ci95"]) == (FIRST, list(wilson(first["correct"], 40)))
    (job, *_) = queue.listed(settings)
    assert (job.done, job.total) == (0, 0), "the second job had nothing to ask"
    assert (queue.listed(settings)[1].done, queue.listed(settings)[1].total) == (120, 120)


def test_more_seeds_and_more_questions_ask_only_what_is_missing(
    settings: Settings, evaluate: Command
) -> None:
    with Server(moody) as server:
        alone = evaluate(server, "--limit", 10)
        assert "seeds" not in alone
        more = evaluate(server, "--limit", 10, "--seeds", 2)
        assert server.received.total() == 20
        assert more["evaluations"][0] == alone["evaluation"]
        evaluate(server, "--limit", 16, "--seeds", 2)
        assert server.received.total() == 32
    assert len(stored(settings)) == 2


def test_samples_of_one_seed_are_not_those_of_the_next(
    settings: Settings, evaluate: Command
) -> None:
    seeds: list[int] = []

    def noted(call: Call) -> Answer:
        seeds.append(call.body["seed"])
        return moody(call)

    with Server(noted) as server:
        found = evaluate(server, "--limit", 2, "--seeds", 2, "--samples", 3)
    assert len(set(seeds)) == len(seeds) == 2 * 2 * 3
    drawn = [run.settings["decoding"]["seed"] for run in stored(settings)]
    assert drawn == [FIRST, FIRST + 3]
    store = connect(settings.database)
    agreed = [exams.counts(store, run.id).agreement for run in stored(settings)]
    assert None not in agreed
    assert found["agreement"] == pytest.approx(sum(agreed) / 2, abs=1e-4)


def test_a_cancelled_one_goes_on_in_the_middle_of_its_second_seed(
    settings: Settings, evaluate: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    def cancelled(call: Call) -> Answer:
        if server.received.total() == 30:
            queue.cancel(settings, 1)
        return moody(call)

    told = ("--home", settings.home, "--project", "made", "--student", "m", "--decoding", "paper")
    with Server(cancelled) as server:
        how = ("--server", server.url, "--seeds", 3, "--limit", 20)
        assert main(["evaluate", *map(str, (*told, *how))]) == 1
        store = connect(settings.database)
        saved = [exams.counts(store, run.id).answered for run in stored(settings)]
        assert saved[0] == 20
        assert 0 < sum(saved) < 60
        assert saved[2] == 0
        asked = server.received.total()
        capsys.readouterr()
        queue.resume(settings, 1)
        assert main(["jobs", "run-next", "--home", str(settings.home), "--json"]) == 0
        assert server.received.total() - asked == 60 - sum(saved)
    (job,) = json.loads(capsys.readouterr().out)["jobs"]
    assert (job["state"], job["done"], len(job["result"]["seeds"])) == ("succeeded", 60, 3)


def test_greedy_has_one_seed(settings: Settings) -> None:
    asked = {"student": "smollm2-135m", "task": "arithmetic", "split": "test"}
    with pytest.raises(BadInput, match="3 seeds need a decoding that samples"):
        exam_params(settings, **asked, seeds=3)
    with pytest.raises(BadInput, match="1 or more"):
        exam_params(settings, **asked, decoding="paper", seeds=0)
    assert exam_params(settings, **asked, decoding="paper", seeds=3)["seeds"] == 3
