"""How much a pass holds: estimated, tried, kept; and that it holds nothing that need not be."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import Cancelled
from fair_app.training.examples import draw_pairs
from fair_app.training.lessons import Lessons
from fair_app.training.loss import step_loss
from fair_app.training.memory import MOST_ON_A_PROCESSOR, Room, first_room, pass_need, tighter
from fair_app.training.methods import trainee
from fair_app.training.packing import make_step
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, StepMetrics, TrainingResult, train
from tests.training.limited import budgeted
from tests.training.test_loss import EXAMPLES, pairs_of
from tests.training.tiny import pool, questions, tiny_model, tiny_tokenizer
from tests.training.together import together

SETTINGS = TrainingSettings(
    epochs=2,
    batch_size=2,
    learning_rate=0.01,
    lora_rank=4,
    lora_dropout=0.1,
    quantization="none",
    max_tokens=256,
)


def run(
    state: Path,
    settings: TrainingSettings = SETTINGS,
    *,
    said: list[str] | None = None,
    cancelled: Callable[[], None] = lambda: None,
    resume: bool = False,
) -> tuple[TrainingResult, list[float]]:
    seen: list[StepMetrics] = []
    result = train(
        trainee(tiny_model(), settings),
        tiny_tokenizer(),
        questions(5),
        settings,
        state,
        reports=Reports(seen.append, say=said.append if said is not None else lambda _: None),
        cancelled=cancelled,
        resume=resume,
    )
    return result, [metrics.loss for metrics in seen]


@given(st.floats(0, 1e12), st.sampled_from([300, 2048, 16_384]), st.booleans())
def test_the_first_room_is_the_largest_that_fits(
    free: float, most: int, checkpointing: bool
) -> None:
    def need(room: Room) -> float:
        return pass_need(576, 30, 49_152, room)

    found = first_room(free, need, most, checkpointing)
    assert need(found) <= free or tighter(found) is None
    larger = Room(most, checkpointing)
    while larger != found:
        assert need(larger) > free
        following = tighter(larger)
        assert following is not None
        larger = following
    assert found.checkpointing or not checkpointing


def test_the_estimate_is_that_of_the_measured_student() -> None:
    """1,024 tokens of the offline student took 1.13 GB (see `memory`), and on a processor up to
    0.12 GB for the probabilities of attention; its logits come on top."""
    found = pass_need(576, 30, 49_152, Room(1024, False))
    assert 1.1 * 1.25e9 < found < 1.1 * 1.25e9 + 0.2e9
    assert pass_need(576, 30, 49_152, Room(1024, True)) < found / 4


def test_what_was_tried_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fair_app.training.passes.SURELY", 1e9)  # memory is never so ample
    said: list[str] = []
    found, losses = run(tmp_path / "found", said=said)
    told, same = run(tmp_path / "told", replace(SETTINGS, tokens_per_pass=MOST_ON_A_PROCESSOR))

    assert found.room == Room(MOST_ON_A_PROCESSOR, False)
    assert losses == same
    assert all(torch.equal(one, told.weights[name]) for name, one in found.weights.items())
    assert len(said) == 1
    assert re.fullmatch(r"passes of up to 2048 tokens: about .* free; tried with \d+", said[0])


def test_where_memory_is_ample_nothing_is_tried(tmp_path: Path) -> None:
    said: list[str] = []
    result, _ = run(tmp_path / "state", said=said)
    assert result.room == Room(MOST_ON_A_PROCESSOR, False)
    assert re.fullmatch(r"passes of up to 2048 tokens: about \S+ MB of the .* free", said[0])


def test_a_run_that_is_told_does_not_try(tmp_path: Path) -> None:
    said: list[str] = []
    result, _ = run(tmp_path / "state", replace(SETTINGS, tokens_per_pass=77), said=said)
    assert result.room == Room(77, False)
    assert said == []


def test_a_run_killed_before_its_first_state_keeps_its_room(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def cancelled() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        run(state, cancelled=cancelled)
    assert not state.exists()
    kept = tmp_path / "state.room"
    content = json.loads(kept.read_text())
    assert content["room"] == {"tokens_per_pass": MOST_ON_A_PROCESSOR, "checkpointing": False}

    # as if less had been free then
    content["room"] = {"tokens_per_pass": 128, "checkpointing": True}
    kept.write_text(json.dumps(content))
    said: list[str] = []
    result, _ = run(state, said=said, resume=True)
    assert result.room == Room(128, True)
    assert said == []
    # a run that begins anew looks again
    assert run(state)[0].room == Room(MOST_ON_A_PROCESSOR, False)


def test_another_runs_room_is_not_taken(tmp_path: Path) -> None:
    state = tmp_path / "state"
    run(state)
    kept = tmp_path / "state.room"
    content = json.loads(kept.read_text())
    state.unlink()
    kept.write_text(
        json.dumps(
            {**content, "fingerprint": "0", "room": {**content["room"], "tokens_per_pass": 64}}
        )
    )
    assert run(state, resume=True)[0].room == Room(MOST_ON_A_PROCESSOR, False)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts all memory on Linux only")
def test_a_small_budget_gets_small_passes_before_the_first_step(tmp_path: Path) -> None:
    tokens, said = together(1, budgeted, tmp_path / "state", 0.026)
    assert tokens < MOST_ON_A_PROCESSOR
    (found,) = [line for line in said if line.startswith("passes of up to")]
    assert all(line.startswith("out of memory: tried again") for line in said if line != found)


@pytest.mark.parametrize("tokens", [1, 200, 500, 10_000])
@pytest.mark.parametrize("alone", [False, True])
def test_what_is_tried_is_as_full_as_any_pass_of_the_run(tokens: int, alone: bool) -> None:
    settings = replace(SETTINGS, epochs=6, batch_size=3)
    lessons = Lessons(tiny_tokenizer(), questions(12), settings, alone=alone)
    room = Room(tokens, False)
    tried = lessons.fullest(room)
    assert len(tried.packs) == 1
    full = max(
        one.tokens.numel()
        for step in range(lessons.total_steps)
        for one in lessons.batch(step, room).packs
    )
    # a pass is filled in the order that is drawn, and may by luck be filled a little better
    longest = max(
        sum(len(one.tokens) for one in pair) for pair in lessons.pool.longest(lessons.questions)
    )
    assert tried.packs[0].tokens.numel() >= min(full, max(0.75 * tokens, min(longest, full)))


def test_passes_hold_no_padding_and_both_parts() -> None:
    found = pool(questions(6))
    drawn = found.examples(draw_pairs(found.questions, 0, 731))
    (packed,) = make_step(drawn, 0.5, 100_000).packs
    given_tokens = [token for pair in drawn for one in pair for token in one.tokens.tolist()]
    assert packed.tokens.numel() < len(given_tokens)  # for what a pair shares stands there once
    assert sum(one.length for one in packed.segments) == packed.tokens.numel()
    assert set(packed.is_feedback.tolist()) == {True, False}


def test_a_pass_asks_the_layers_once_and_the_head_for_labels_alone() -> None:
    model = tiny_model()
    rows: list[int] = []
    layers: list[int] = []
    model.lm_head.register_forward_hook(lambda _, given_rows, __: rows.append(len(given_rows[0])))
    model.model.layers[0].mlp.register_forward_hook(
        lambda _, one, __: layers.append(one[0].shape[1])
    )
    batch = make_step(pairs_of(EXAMPLES), 0.3, 10_000)
    step_loss(model, batch)
    assert sum(rows) == sum(one.response_length for one in EXAMPLES)
    assert layers == [batch.packs[0].tokens.numel()]


def test_activations_are_computed_twice_only_where_they_have_to_be(tmp_path: Path) -> None:
    def times(settings: TrainingSettings) -> int:
        student = trainee(tiny_model(), settings)
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        student.get_base_model().model.layers[0].input_layernorm.register_forward_hook(count)
        train(student, tiny_tokenizer(), questions(2), settings, tmp_path / "state")
        return calls

    once = replace(SETTINGS, epochs=1, tokens_per_pass=10_000)
    assert (times(once), times(replace(once, checkpointing=True))) == (1, 2)
