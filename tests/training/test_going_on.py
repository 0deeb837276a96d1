"""Runs that were cancelled, killed or out of disk go on as if nothing had happened."""

from dataclasses import replace
from pathlib import Path

import pytest

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.training.trainer import StepMetrics, TrainingResult
from tests.full_disk import disk_of
from tests.training.together import killed
from tests.training.trained import (
    SETTINGS,
    STEPS,
    assert_same,
    run,
    run_four_steps,
    tiny_student,
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingResult, list[float]]:
    seen: list[StepMetrics] = []
    result = run(tmp_path_factory.mktemp("whole") / "state", seen=seen)
    return result, [metrics.loss for metrics in seen]


def test_a_run_repeats_exactly(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    assert_same(run(tmp_path / "state"), uninterrupted[0])


@pytest.mark.parametrize("passes", [1, 5, 12])
def test_a_cancelled_run_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, passes: int, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"
    left = passes

    def cancelled() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cancelled

    before: list[StepMetrics] = []
    after: list[StepMetrics] = []
    with pytest.raises(Cancelled):
        run(state, seen=before, cancelled=cancelled)
    result = run(state, seen=after, resume=True)

    assert [metrics.step for metrics in [*before, *after]] == list(range(1, STEPS + 1))
    assert [metrics.loss for metrics in [*before, *after]] == uninterrupted[1]
    assert_same(result, uninterrupted[0])


def test_a_finished_run_that_is_resumed_has_nothing_left_to_do(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"
    run(state)
    seen: list[StepMetrics] = []
    assert_same(run(state, seen=seen, resume=True), uninterrupted[0])
    assert not seen


def test_without_resume_a_run_starts_anew(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"
    run(state, replace(SETTINGS, alpha=1.0))
    assert_same(run(state), uninterrupted[0])


@pytest.mark.parametrize("changed", [{"alpha": 0.25}, {"seed": 1}, {"epochs": 4}])
def test_a_state_of_other_settings_is_refused(tmp_path: Path, changed: dict[str, float]) -> None:
    state = tmp_path / "state"
    run(state)
    with pytest.raises(BadInput, match="changed since"):
        run(state, replace(SETTINGS, **changed), resume=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_state_is_bad_input(tmp_path: Path, content: bytes | None) -> None:
    state = tmp_path / "state"
    run(state)
    state.write_bytes(state.read_bytes()[:-9] if content is None else content)
    with pytest.raises(BadInput, match="damaged"):
        run(state, resume=True)


def test_a_killed_process_loses_no_finished_step(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"
    steps = killed(lambda step: step == 4, run_four_steps, state)

    seen: list[StepMetrics] = []
    result = run(state, seen=seen, resume=True)

    assert steps == [1, 2, 3, 4]
    assert [metrics.step for metrics in seen] == [5, 6, 7, 8, 9]
    assert_same(result, uninterrupted[0])


def test_a_full_disk_keeps_the_last_state_and_leaves_no_half(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"

    def fill_after_four(metrics: StepMetrics) -> None:
        if metrics.step == 4:
            limit.__enter__()

    limit = disk_of(1000)
    try:
        with pytest.raises(WorkFailed, match="disk is full"):
            run(state, after=fill_after_four, save_every=2)
    finally:
        limit.__exit__(None, None, None)

    assert {path.name for path in tmp_path.iterdir()} == {"state", "state.before", "state.room"}
    seen: list[StepMetrics] = []
    result = run(state, seen=seen, resume=True)
    assert [metrics.step for metrics in seen] == [5, 6, 7, 8, 9]
    assert_same(result, uninterrupted[0])


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_state(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"
    student = tiny_student()

    def poison(metrics: StepMetrics) -> None:
        if metrics.step == 5:
            next(iter(student.parameters())).data.fill_(float("nan"))

    with pytest.raises(WorkFailed, match=r"no longer a number in step 6.*0\.01"):
        run(state, student=student, after=poison, save_every=2)
    assert_same(run(state, resume=True), uninterrupted[0])
