"""`evaluate`, `compare` and `matrix` from the command line."""

from pathlib import Path
from typing import Any

import pytest

from db.projects import Project
from fair_app.evaluation.statistics import mcnemar_exact, wilson
from fair_app.settings import Settings
from tests.building import project_with_mistakes
from tests.cli import lines
from tests.evaluated import evaluated, sampled
from tests.wire.formats import Answer
from tests.wire.server import Server

BEFORE = [True, True, True, False, False, False, False, False]
AFTER = [True, True, False, True, True, True, False, False]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def project(settings: Settings) -> Project:
    return project_with_mistakes(settings)


def run(
    settings: Settings, capsys: pytest.CaptureFixture[str], *argv: object
) -> tuple[int, Any, str]:
    return lines.run(capsys, *argv, "--home", settings.home, "--project", "made")


def test_two_compared(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first = evaluated(settings, project, "smollm2-135m", BEFORE)
    second = evaluated(settings, project, "checkpoint:a", AFTER)
    code, found, _ = run(settings, capsys, "compare", first.id, "checkpoint:a")
    assert code == 0
    parts = {key: found.pop(key) for key in ("by_type", "by_length", "ci95")}
    assert found == {
        "first": first.id,
        "second": second.id,
        "n": 8,
        "fixed": 3,
        "broken": 1,
        "both_right": 2,
        "both_wrong": 2,
        "p_value": mcnemar_exact(3, 1),
        "difference": 0.25,
        "left_out": 0,
    }
    assert parts["ci95"][0] <= 0.25 <= parts["ci95"][1]
    assert sum(part["fixed"] for part in parts["by_length"]) == 3
    assert len(parts["by_type"]) == 2


def test_three_compared(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for student, right in (("a", BEFORE), ("b", AFTER), ("c", [True] * 8)):
        evaluated(settings, project, student, right)
    code, found, _ = run(settings, capsys, "compare", "a", "b", "c")
    assert (code, found["correction"], len(found["compared"])) == (0, "Holm", 2)
    p_values = [one["p_value"] for one in found["compared"]]
    assert p_values == [mcnemar_exact(3, 1), mcnemar_exact(5, 0)]
    assert [one["p_holm"] for one in found["compared"]] == [p_values[0], 2 * p_values[1]]


def test_items_in_the_training_set_are_counted_and_left_out(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """The train split is the exam's own: all of its first five questions leak."""
    with Server(lambda _: Answer("The answer is 7.", output_tokens=5)) as server:
        asked = ("evaluate", "--student", "m", "--server", server.url, "--split", "train")
        code, found, err = run(settings, capsys, *asked, "--limit", 60, "--without-leaked")
    assert code == 0, err
    assert found["n"] == 60
    assert found["leaked"]["exact"] == 5
    assert found["leaked"]["among"] == "the project's exams"
    leaked = sum(found["leaked"][how] for how in ("exact", "normalised", "near"))
    left = found["without_leaked"]
    assert left["n"] == 60 - leaked
    assert left["ci95"] == pytest.approx(wilson(left["correct"], left["n"]))


def test_the_matrix(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, right in ((731, BEFORE), (732, AFTER)):
        evaluated(settings, project, "smollm2-135m", right, decoding=sampled(seed))
    code, found, _ = run(settings, capsys, "matrix")
    assert code == 0
    assert found["tasks"] == [{"task": "arithmetic", "way": "paper, 512 tokens"}]
    (cell,) = found["cells"]
    assert (cell["student"], cell["task"], cell["n"]) == ("smollm2-135m", "arithmetic", 8)
    assert (cell["accuracy"], len(cell["evaluations"]), cell["alike"]) == (0.5, 2, True)
    assert run(settings, capsys, "status")[1]["projects"][0]["evaluations"] == 2


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("compare", "a", "b"), "not of the same items"),
        (("compare", "a", "a"), "two or more different"),
        (("compare", "a", "nobody"), "no evaluation 'nobody'"),
        (("compare", "a"), "required: B"),
        (("evaluate", "--student", "smollm2-135m", "--seeds", 2), "2 seeds need a decoding"),
    ],
)
def test_bad_input_is_one_sentence(
    settings: Settings,
    project: Project,
    capsys: pytest.CaptureFixture[str],
    argv: tuple[object, ...],
    said: str,
) -> None:
    evaluated(settings, project, "a", BEFORE)
    evaluated(settings, project, "b", AFTER[:6])
    code, found, err = run(settings, capsys, *argv)
    assert (code, found, err.count("\n")) == (2, None, 1)
    assert err.startswith("error: ")
    assert said in err


def test_an_empty_file_has_nothing_to_ask(
    settings: Settings,
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = tmp_path / "none.jsonl"
    rows.write_text("\n", encoding="utf-8")
    asked = ("evaluate", "--student", "m", "--server", "http://127.0.0.1:9/v1", "--task", "gsm8k")
    code, _, err = run(settings, capsys, *asked, "--rows", rows)
    assert code == 2
    assert err.endswith(f"error: {rows} is empty: give a file with rows.\n")
