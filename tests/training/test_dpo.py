"""DPO with TRL's trainer on the tiny model: the loss, resuming, what is left behind."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn.functional import logsigmoid

pytest.importorskip("trl", reason="trl is optional: pip install -r requirements-dpo.txt")

from peft import PeftModel

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.generation import render_prompt
from fair_app.training.checkpoint import save_checkpoint
from fair_app.training.dpo import (
    PreferenceResult,
    PreferenceStep,
    optimise,
    preferring_student,
)
from fair_app.training.methods import with_adapter
from fair_app.training.preferences import Preference, PreferenceSettings, preferences
from fair_app.training.settings import TrainingSettings
from tests.training.tiny import questions, tiny_model, tiny_tokenizer

SETTINGS = PreferenceSettings(epochs=2, learning_rate=1e-2, batch_size=4, max_tokens=200)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter as training leaves it, whose weights bfloat16 cannot hold."""
    settings = TrainingSettings(method="dora", quantization="none", lora_rank=4)
    student = with_adapter(tiny_model(), settings)
    torch.manual_seed(5)
    weights = {
        name: one.detach().float() + 0.1 * torch.randn_like(one.float())
        for name, one in student.named_parameters()
        if one.requires_grad
    }
    folder = tmp_path_factory.mktemp("checkpoints") / "first"
    lineage = {"base": "tiny", "quantization": "none"}
    save_checkpoint(student, weights, tiny_tokenizer(), folder, lineage)
    return folder


def found() -> list[Preference]:
    return preferences(questions(4), unended={2})


def run(start: Path | None, state: Path, settings: PreferenceSettings = SETTINGS, **more: object):
    student = preferring_student(tiny_model(), start, settings.seed)
    return student, optimise(student, tiny_tokenizer(), found(), settings, state, **more)  # type: ignore[arg-type]


def likelihood(model: PeftModel, one: Preference, text: str, *, ended: bool) -> torch.Tensor:
    """The sum of a response's log-probabilities, one plain sequence at a time."""
    tokenizer = tiny_tokenizer()
    prompt = tokenizer.encode(render_prompt(tokenizer, one.prompt), add_special_tokens=False)
    response = tokenizer.encode(text, add_special_tokens=False)
    response += [tokenizer.eos_token_id] if ended else []
    tokens = torch.tensor([prompt + response])
    logits = model(input_ids=tokens).logits[0].log_softmax(dim=-1)
    places = torch.arange(len(prompt) - 1, tokens.shape[1] - 1)
    return logits[places, tokens[0, len(prompt) :]].sum()


@torch.no_grad()
def plain_loss(policy: PeftModel, reference: PeftModel) -> float:
    losses = []
    for one in found():
        chosen, rejected = (
            likelihood(policy, one, text, ended=ended)
            - likelihood(reference, one, text, ended=ended)
            for text, ended in ((one.chosen, True), (one.rejected, one.ended))
        )
        losses.append(-logsigmoid(SETTINGS.beta * (chosen - rejected)))
    return float(torch.stack(losses).mean())


def test_the_first_step_is_at_the_reference_and_later_ones_leave_it(
    start: Path, tmp_path: Path
) -> None:
    _, result = run(start, tmp_path / "state")
    # 8 preferences in 2 epochs of steps of 4
    assert len(result.steps) == 4
    assert result.steps[0].loss == pytest.approx(0.693147, abs=1e-5)
    assert result.steps[0].margin == pytest.approx(0, abs=1e-5)
    assert result.steps[-1].loss < 0.6
    assert result.steps[-1].margin > 0.1


def test_the_loss_is_that_of_the_paper(start: Path, tmp_path: Path) -> None:
    """With one step an epoch, the second epoch's loss is that of the weights after the first."""
    settings = PreferenceSettings(epochs=1, learning_rate=1e-2, batch_size=8, max_tokens=200)
    after, result = run(start, tmp_path / "one", settings)
    assert len(result.steps) == 1
    reference = preferring_student(tiny_model(), start, 0).eval()
    after.set_adapter("default")
    expected = plain_loss(after.eval(), reference)

    # the same first step, for the falling rate has not moved yet; then one more
    twice = PreferenceSettings(epochs=2, learning_rate=1e-2, batch_size=8, max_tokens=200)
    _, both = run(start, tmp_path / "two", twice)
    assert both.steps[1].loss == pytest.approx(expected, abs=1e-5)


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(start: Path, tmp_path: Path) -> None:
    whole = run(start, tmp_path / "whole")[1]
    state, seen = tmp_path / "state", []

    def after(number: int) -> Callable[[], None]:
        def cancelled() -> None:
            if len(seen) >= number:
                raise Cancelled

        return cancelled

    for number in (1, 3):
        with pytest.raises(Cancelled):
            run(
                start,
                state,
                report=lambda *step: seen.append(step),
                cancelled=after(number),
            )
    rest = run(start, state, report=lambda *step: seen.append(step))[1]
    assert rest.steps == whole.steps
    assert [step for step, *_ in seen] == [1, 2, 3, 4]
    assert all(torch.equal(rest.weights[name], one) for name, one in whole.weights.items())
    again = run(start, state)[1]
    assert again.steps == whole.steps
    # nothing that is pickled is left behind
    left = {one.name for one in tmp_path.rglob("*") if one.is_file()}
    assert left == {"state", "state.before", "whole", "whole.before"}


def test_a_state_of_other_settings_or_a_damaged_one_is_refused(start: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    run(start, state)
    with pytest.raises(BadInput, match="changed since this run was interrupted"):
        run(start, state, PreferenceSettings(beta=0.2, batch_size=4, max_tokens=200))
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(BadInput, match="is damaged"):
        run(start, state)


def test_a_new_adapter_on_a_whole_model(tmp_path: Path) -> None:
    _, result = run(None, tmp_path / "state")
    assert result.steps[0].loss == pytest.approx(0.693147, abs=1e-5)
    assert result.steps[-1].loss < result.steps[0].loss


def test_what_is_too_long_is_left_out_and_nothing_left_is_bad_input(tmp_path: Path) -> None:
    longest = PreferenceSettings(max_steps=1, max_tokens=60)
    result: PreferenceResult = run(None, tmp_path / "state", longest)[1]
    assert (result.preferences, result.left_out) == (6, 2)
    with pytest.raises(BadInput, match=r"No preference fits into max_tokens 20: the shortest"):
        run(None, tmp_path / "other", PreferenceSettings(max_tokens=20))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    wild = PreferenceSettings(learning_rate=1e30, epochs=4, batch_size=4, max_tokens=200)
    with pytest.raises(WorkFailed, match="no longer a number in step"):
        run(None, tmp_path / "state", wild)


def test_what_was_saved_before_the_loss_went_astray_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fair_app.training.dpo.PACE", 0)  # every step is saved
    settings = PreferenceSettings(epochs=4, batch_size=4, max_tokens=200)
    student = preferring_student(tiny_model(), None, settings.seed)

    def spoil(step: int, *_: object) -> None:
        if step == 3:
            for parameter in student.parameters():
                if parameter.requires_grad:
                    parameter.data.fill_(math.nan)

    asked = (student, tiny_tokenizer(), found(), settings, tmp_path / "state")
    result = optimise(*asked, report=spoil)
    assert result.stopped is not None
    assert "no longer a number in step 4" in result.stopped
    # Of the weights after the third step no loss was seen that is a number.
    assert len(result.steps) == 2
    assert all(torch.isfinite(one).all() for one in result.weights.values())


def test_a_pass_that_does_not_fit_is_tried_in_smaller_ones_with_the_same_loss(
    start: Path, tmp_path: Path
) -> None:
    """Memory runs out in a backward pass over more than one preference, with half of the gradient
    taken; and then over one, until activations are computed twice."""
    whole = run(start, tmp_path / "whole")[1]
    student = preferring_student(tiny_model(), start, SETTINGS.seed)
    first, second = student.get_base_model().model.layers
    failed: list[tuple[int, bool]] = []

    def full(module: object, _: object, by_output: tuple[torch.Tensor]) -> None:
        twice = student.get_base_model().is_gradient_checkpointing
        sequences = len(by_output[0])
        if sequences > 2 or not twice:
            assert any(one.grad is not None for one in second.parameters())
            failed.append((sequences, twice))
            raise torch.OutOfMemoryError

    first.register_full_backward_hook(full)
    said: list[str] = []
    asked = (student, tiny_tokenizer(), found(), SETTINGS, tmp_path / "state")
    result = optimise(*asked, say=said.append)

    assert failed == [(4, False), (2, False)]
    assert [line.split(": ")[1].split("; ")[0] for line in said] == [
        "tried again with 1 at a time",
        "tried again with 1 at a time, activations computed twice",
    ]
    for ours, theirs in zip(result.steps, whole.steps, strict=True):
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)
        assert ours.margin == pytest.approx(theirs.margin, rel=1e-4, abs=1e-6)
        assert ours.accuracy == pytest.approx(theirs.accuracy)
    for name, weight in whole.weights.items():
        torch.testing.assert_close(result.weights[name], weight, rtol=1e-3, atol=1e-5)
    # a run that goes on has the room that was found
    assert run(start, tmp_path / "state")[1].steps == result.steps


def test_what_does_not_fit_alone_ends_the_run(tmp_path: Path) -> None:
    student = preferring_student(tiny_model(), None, SETTINGS.seed)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    student.get_base_model().model.layers[1].register_forward_hook(full)
    with pytest.raises(WorkFailed, match="not enough memory for this run"):
        optimise(student, tiny_tokenizer(), found(), SETTINGS, tmp_path / "state")


def test_the_last_steps_say_how_it_ended() -> None:
    steps = [PreferenceStep(1.0, 0.0, 0.0)] * 18 + [PreferenceStep(0.5, 2.0, 1.0)] * 2
    assert PreferenceResult(steps, 1, 0, 1.0, {}).at_end == PreferenceStep(0.5, 2.0, 1.0)
