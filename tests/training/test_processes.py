"""Several processes train as one does."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.training.examples import draw_pairs
from fair_app.training.packing import divide, make_step
from fair_app.training.settings import TrainingSettings
from tests.training.launched import told
from tests.training.test_dividing import LAUNCHED
from tests.training.tiny import pool, questions
from tests.training.together import together

SETTINGS = {
    "epochs": 3,
    "batch_size": 3,
    "learning_rate": 0.02,
    "lora_rank": 4,
    "quantization": "none",
    "max_tokens": 256,
    "tokens_per_pass": 200,
    "validation_share": 0.2,
    "validate_every": 1,
}


def launched(
    processes: int, state: Path, stop: int | None = None, *, sharded: bool = False, **changed: Any
) -> Any:
    """What the first of so many processes tells."""
    asked = state, TrainingSettings(**{**SETTINGS, **changed}), stop
    if processes == 1:
        return told(*asked)
    return together(processes, told, *asked, **(LAUNCHED if sharded else {}))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run of one process."""
    return launched(1, tmp_path_factory.mktemp("alone") / "state")


def assert_same(two: Any, one: Any) -> None:
    assert len(one["losses"]) == len(two["losses"]) > 3
    for ours, theirs in zip(two["losses"], one["losses"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    assert two["held"] == pytest.approx(one["held"], rel=1e-5)
    assert two["weights"] == pytest.approx(one["weights"], rel=1e-5)


def test_two_processes_have_the_losses_of_one(tmp_path: Path, alone: Any) -> None:
    two = launched(2, tmp_path / "two")
    assert (alone["processes"], two["processes"]) == (1, 2)
    assert_same(two, alone)


def test_all_weights_are_tuned_by_two_processes_as_by_one(tmp_path: Path) -> None:
    """With one question a step the second process has nothing to do, and stays in step."""
    changed = {"method": "full", "batch_size": 1, "epochs": 1, "learning_rate": 0.005}
    one, two = (launched(count, tmp_path / str(count), **changed) for count in (1, 2))
    assert_same(two, one)


def test_two_processes_stop_together_and_one_can_end_what_they_began(
    tmp_path: Path, alone: Any
) -> None:
    before = launched(2, tmp_path / "state", stop=2)
    assert before["weights"] is None
    assert len(before["losses"]) == 2
    after = launched(1, tmp_path / "state")
    together = {**after, **{key: before[key] + after[key] for key in ("losses", "held")}}
    assert_same(together, alone)


@given(st.lists(st.integers(0, 100), max_size=30), st.integers(1, 5))
def test_things_are_divided_evenly(lengths: list[int], shares: int) -> None:
    divided = divide(lengths, shares)
    assert sorted(index for share in divided for index in share) == list(range(len(lengths)))
    filled = [sum(lengths[index] for index in share) for share in divided]
    assert max(filled) - min(filled) <= max(lengths, default=0)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_the_packs_of_all_processes_are_those_of_the_step(alpha: float) -> None:
    found = pool(questions(5))
    pairs = found.examples(draw_pairs(found.questions, 0, 731))
    whole = make_step(pairs, alpha, 150)
    parts = [make_step(pairs, alpha, 150, process=number, processes=3) for number in range(3)]
    for part in parts:
        assert (part.tokens, part.feedback_tokens, part.rationale_tokens) == (
            whole.tokens,
            whole.feedback_tokens,
            whole.rationale_tokens,
        )
    weights = [float(pack.weights.sum()) for part in parts for pack in part.packs]
    assert sum(weights) == pytest.approx(1.0, rel=1e-5)
    labels = sum(pack.labels.numel() for part in parts for pack in part.packs)
    assert labels == whole.feedback_tokens + whole.rationale_tokens
