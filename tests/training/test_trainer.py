import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.training.examples import Text, TrainingQuestion, draw_pairs
from fair_app.training.methods import Trainee, trainee, with_adapter
from fair_app.training.optimizer import learning_rate_at
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, StepMetrics, TrainingResult, train
from fair_app.training.validation import Validation, split
from tests.training.test_loss import plain
from tests.training.tiny import pool, questions, tiny_model, tiny_tokenizer

SETTINGS = TrainingSettings(
    epochs=3,
    batch_size=2,
    learning_rate=0.01,
    lora_rank=4,
    lora_alpha=8,
    lora_dropout=0.1,
    quantization="none",
    max_tokens=256,
    tokens_per_pass=200,
)
STEPS = 9  # 5 questions, 2 a step, 3 epochs
REPOSITORY = Path(__file__).resolve().parents[2]


def tiny_student(settings: TrainingSettings = SETTINGS) -> Trainee:
    return trainee(tiny_model(), settings)


def run(
    state: Path,
    settings: TrainingSettings = SETTINGS,
    *,
    student: Trainee | None = None,
    asked: list[TrainingQuestion] | None = None,
    validations: list[Validation] | None = None,
    said: list[str] | None = None,
    seen: list[StepMetrics] | None = None,
    after: Callable[[StepMetrics], None] = lambda _: None,
    cancelled: Callable[[], None] = lambda: None,
    resume: bool = False,
    save_every: int = 10,
) -> TrainingResult:
    def on_step(metrics: StepMetrics) -> None:
        if seen is not None:
            seen.append(metrics)
        after(metrics)

    return train(
        student or tiny_student(settings),
        tiny_tokenizer(),
        asked or questions(5),
        settings,
        state,
        reports=Reports(
            on_step,
            validations.append if validations is not None else lambda _: None,
            said.append if said is not None else lambda _: None,
        ),
        cancelled=cancelled,
        resume=resume,
        save_every=save_every,
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingResult, list[float]]:
    seen: list[StepMetrics] = []
    result = run(tmp_path_factory.mktemp("whole") / "state", seen=seen)
    return result, [metrics.loss for metrics in seen]


def assert_same(one: TrainingResult, other: TrainingResult) -> None:
    assert one.steps == other.steps
    assert (one.loss, one.loss_feedback, one.loss_rationale) == (
        other.loss,
        other.loss_feedback,
        other.loss_rationale,
    )
    assert one.weights.keys() == other.weights.keys()
    assert all(torch.equal(weight, other.weights[name]) for name, weight in one.weights.items())


def test_training_lowers_both_losses_and_reports_every_step(tmp_path: Path) -> None:
    seen: list[StepMetrics] = []
    result = run(tmp_path / "state", replace(SETTINGS, epochs=20, lora_dropout=0.0), seen=seen)

    assert [metrics.step for metrics in seen] == list(range(1, 61))
    assert [metrics.epoch for metrics in seen[:7]] == [1, 1, 1, 2, 2, 2, 3]
    assert {metrics.total_steps for metrics in seen} == {60}
    first = seen[0]
    assert first.loss_feedback is not None
    assert first.loss_rationale is not None
    assert first.loss == pytest.approx(0.5 * first.loss_feedback + 0.5 * first.loss_rationale)
    assert first.tokens_per_second > 0
    assert result.loss == pytest.approx(sum(metrics.loss for metrics in seen[-3:]) / 3)
    assert result.loss_feedback is not None
    assert result.loss_rationale is not None
    assert result.loss_feedback < 0.6 * first.loss_feedback
    assert result.loss_rationale < 0.6 * first.loss_rationale
    assert (result.examples, result.steps, result.left_out) == (5, 60, 0)


def test_a_run_repeats_exactly(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    assert_same(run(tmp_path / "state"), uninterrupted[0])


def test_only_the_adapter_is_trained(tmp_path: Path) -> None:
    student = tiny_student()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    run(tmp_path / "state", student=student)
    changed = {
        name for name, value in student.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed
    assert all("lora_" in name for name in changed)


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


KILLED_RUN = """
import sys, time
from pathlib import Path
import torch
from tests.training.test_trainer import run

def after(metrics):
    print(metrics.step, flush=True)
    if metrics.step == 4:
        time.sleep(60)

torch.set_num_threads(1)  # as in the process that goes on: sums depend on it
run(Path(sys.argv[1]), after=after, save_every=1)
"""


def test_a_killed_process_loses_no_finished_step(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_RUN, str(state)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    steps = []
    for line in process.stdout:
        steps.append(int(line))
        if steps[-1] == 4:
            break
    process.kill()
    assert process.wait() == -signal.SIGKILL

    seen: list[StepMetrics] = []
    result = run(state, seen=seen, resume=True)

    assert steps == [1, 2, 3, 4]
    assert [metrics.step for metrics in seen] == [5, 6, 7, 8, 9]
    assert_same(result, uninterrupted[0])


@contextmanager
def disk_that_takes(size: int) -> Iterator[None]:
    """A limit on the size of files: the system refuses the write that exceeds it, half done."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_keeps_the_last_state_and_leaves_no_half(
    tmp_path: Path, uninterrupted: tuple[TrainingResult, list[float]]
) -> None:
    state = tmp_path / "state"

    def fill_after_four(metrics: StepMetrics) -> None:
        if metrics.step == 4:
            limit.__enter__()

    limit = disk_that_takes(1000)
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


def test_checkpointing_trains_the_same_adapter(tmp_path: Path) -> None:
    settings = replace(SETTINGS, lora_dropout=0.0)
    result = run(tmp_path / "plain", settings)
    other = run(tmp_path / "checkpointed", replace(settings, checkpointing=True))
    for name, weight in result.weights.items():
        torch.testing.assert_close(other.weights[name], weight, rtol=1e-4, atol=1e-5)


def test_accumulation_in_passes_changes_nothing(tmp_path: Path) -> None:
    settings = replace(SETTINGS, lora_dropout=0.0)
    results = [
        run(tmp_path / f"{tokens}", replace(settings, tokens_per_pass=tokens))
        for tokens in (1, 10_000)
    ]
    assert results[0].loss == pytest.approx(results[1].loss, rel=1e-4)


def test_max_steps_ends_a_run_early(tmp_path: Path) -> None:
    assert run(tmp_path / "state", replace(SETTINGS, max_steps=2)).steps == 2


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_both_losses_are_told_where_one_weighs_nothing(tmp_path: Path, alpha: float) -> None:
    result = run(tmp_path / "state", replace(SETTINGS, alpha=alpha, max_steps=1))
    weighed = result.loss_feedback if alpha else result.loss_rationale
    assert result.loss == pytest.approx(weighed)
    assert result.loss_feedback != result.loss_rationale
    assert None not in (result.loss_feedback, result.loss_rationale)


def test_a_limit_below_the_longest_question_is_bad_input(tmp_path: Path) -> None:
    longest = len("[What is 5 + 25?]>")
    with pytest.raises(BadInput, match=f"takes {longest} tokens.*more than {longest}"):
        run(tmp_path / "state", replace(SETTINGS, max_tokens=longest))


def test_nothing_that_fits_is_bad_input(tmp_path: Path) -> None:
    long = Text("eve", "very " * 60)
    asked = [replace(one, rationales=(long,), feedback=(long,)) for one in questions(5)]
    with pytest.raises(BadInput, match="nothing to learn from"):
        run(tmp_path / "state", asked=asked)


def test_bfloat16_students_keep_a_float32_adapter(tmp_path: Path) -> None:
    settings = replace(SETTINGS, learning_rate=1e-5, schedule="constant")
    student = with_adapter(tiny_model().bfloat16(), settings)
    before = {
        name: parameter.detach().float()
        for name, parameter in student.named_parameters()
        if parameter.requires_grad
    }
    weights = run(tmp_path / "state", settings, student=student).weights
    for name, weight in weights.items():
        # nine steps of about 1e-5: lost in bfloat16 beside weights near 0.1
        assert weight.dtype == torch.float32
        assert 0 < (weight - before[name]).abs().max() < 2e-4


def test_learning_rates() -> None:
    linear = replace(SETTINGS, learning_rate=0.1)
    cosine = replace(linear, schedule="cosine")
    warm = replace(linear, schedule="constant_with_warmup", warmup=0.2)
    rates = [learning_rate_at(step, 100, linear) for step in range(100)]
    assert rates[0] < rates[4]
    assert max(rates) == pytest.approx(0.1, rel=0.06)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 < rates[-1] < 0.002
    constant = replace(linear, schedule="constant")
    assert {learning_rate_at(step, 100, constant) for step in range(100)} == {0.1}
    assert learning_rate_at(0, 1, linear) == 0.1
    assert learning_rate_at(0, 100, cosine) == pytest.approx(0.02)
    assert learning_rate_at(50, 100, cosine) == pytest.approx(0.05)
    assert learning_rate_at(25, 100, cosine) == pytest.approx(0.1 * (2 + 2**0.5) / 4)
    assert [learning_rate_at(step, 100, warm) for step in (0, 19, 99)] == pytest.approx(
        [0.005, 0.1, 0.1]
    )


@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "full"])
def test_every_method_learns_and_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, method: str
) -> None:
    settings = replace(SETTINGS, method=method, learning_rate=0.003)  # type: ignore[arg-type]
    seen: list[StepMetrics] = []
    whole = run(tmp_path / "whole", settings, seen=seen)
    assert seen[-1].loss < seen[0].loss
    assert seen[0].memory > 0

    left = 5

    def cancelled() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(tmp_path / "state", settings, cancelled=cancelled)
    assert_same(run(tmp_path / "state", settings, resume=True), whole)


def test_methods_differ_in_what_they_train() -> None:
    trained = {
        method: {
            name.rpartition(".default")[0].rpartition(".")[2]
            for name, parameter in tiny_student(
                replace(SETTINGS, method=method)  # type: ignore[arg-type]
            ).named_parameters()
            if parameter.requires_grad
        }
        for method in ("lora", "rslora", "dora")
    }
    assert trained["lora"] == trained["rslora"] == {"lora_A", "lora_B"}
    assert trained["dora"] == {"lora_A", "lora_B", "lora_magnitude_vector"}
    full = tiny_student(replace(SETTINGS, method="full"))
    assert all(parameter.requires_grad for parameter in full.parameters())


def test_rank_stabilised_adapters_scale_by_the_root_of_their_rank() -> None:
    for method, scaling in (("lora", 8 / 4), ("rslora", 8 / 4**0.5)):
        student = tiny_student(replace(SETTINGS, method=method))  # type: ignore[arg-type]
        layer = student.get_base_model().model.layers[0].self_attn.q_proj
        assert layer.scaling["default"] == pytest.approx(scaling)


def test_an_adapter_goes_to_the_modules_that_are_named() -> None:
    student = tiny_student(replace(SETTINGS, lora_target="q_proj, mlp.down_proj"))
    adapted = {name.split(".lora_")[0] for name, _ in student.named_parameters() if "lora_" in name}
    assert {name.rpartition(".")[2] for name in adapted} == {"q_proj", "down_proj"}


def test_a_module_that_the_student_lacks_is_bad_input_that_says_which_it_has() -> None:
    with pytest.raises(BadInput, match=r"no module c_attn: it has .*q_proj.*down_proj"):
        tiny_student(replace(SETTINGS, lora_target="q_proj,c_attn"))


HELD = replace(SETTINGS, validation_share=0.4, validate_every=1, lora_dropout=0.0)


def test_held_out_questions_are_not_learned_from_and_their_losses_are_told(tmp_path: Path) -> None:
    validations: list[Validation] = []
    result = run(tmp_path / "state", HELD, validations=validations)

    assert (result.examples, result.held_out) == (3, 2)
    assert [one.step for one in validations] == [0, 1, 2, 3, 4, 5, 6]
    first = validations[0]
    assert first.feedback is not None
    assert first.rationale is not None
    assert first.total == pytest.approx(0.5 * first.feedback + 0.5 * first.rationale)
    assert result.validations == validations
    assert result.best_step is None

    # the same questions, in the dropout-free mode of evaluation, by the formula itself
    kept, held = split(questions(5), 0.4, HELD.seed)
    student = tiny_student(HELD)
    student.eval()
    drawn = draw_pairs(held, 0, HELD.seed)
    examples = [one for pair in pool(held, 256).examples(drawn) for one in pair]
    assert first.total == pytest.approx(
        plain(student.get_base_model(), examples, 0.5).item(), rel=1e-5
    )
    assert_same(run(tmp_path / "kept", replace(HELD, validation_share=0.0), asked=kept), result)


@pytest.mark.parametrize("passes", [2, 4, 5, 9])
def test_a_run_that_validates_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, passes: int
) -> None:
    settings = replace(HELD, patience=20, lora_dropout=0.1)
    whole = run(tmp_path / "whole", settings)
    left = passes

    def cancelled() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cancelled

    seen: list[StepMetrics] = []
    with pytest.raises(Cancelled):
        run(tmp_path / "state", settings, seen=seen, cancelled=cancelled)
    again = run(tmp_path / "state", settings, seen=seen, resume=True)

    assert [metrics.step for metrics in seen] == list(range(1, 7))
    assert_same(again, whole)
    assert again.validations == whole.validations


def test_a_run_stops_early_and_keeps_its_best_weights(tmp_path: Path) -> None:
    settings = replace(HELD, epochs=40, learning_rate=0.05, schedule="constant", patience=3)
    result = run(tmp_path / "state", settings)

    losses = [one.total for one in result.validations]
    best = losses.index(min(losses))
    assert 0 < best < 77
    assert result.best_step == best
    assert result.steps == best + 3
    shorter = replace(settings, max_steps=best, patience=None)
    weights = run(tmp_path / "shorter", shorter).weights
    assert all(torch.equal(weight, result.weights[name]) for name, weight in weights.items())
    assert_same(run(tmp_path / "state", settings, resume=True), result)
