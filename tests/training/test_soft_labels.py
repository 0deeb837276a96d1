"""Soft labels against plain float64 computations that share no code with them."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from fair_app.training.loss import StepLoss, step_loss
from fair_app.training.mentor_model import Mentor
from fair_app.training.packing import Example, make_step
from fair_app.training.soft_labels import (
    SoftLabels,
    divergence,
    smallest_enough,
    softened,
    truncated_divergence,
)
from tests.training.test_loss import EXAMPLES, pairs_of
from tests.training.tiny import example, tiny_model

ALPHA, LAMBDA, TAU = 0.3, 0.4, 2.0
VOCABULARY = 257
ONE_MORE_PROMPT = example("rationale", "What is 2 + 3?", "It is 5, for 3 + 2 is 5 as well.")
TAUGHT = [*EXAMPLES, ONE_MORE_PROMPT]


def padded_logits(model: PreTrainedModel, examples: Sequence[Example]) -> torch.Tensor:
    """All logits (rows x width x V) of examples padded on the right and masked."""
    width = max(len(one.tokens) for one in examples) + 2
    tokens = torch.zeros(len(examples), width, dtype=torch.long)
    mask = torch.zeros_like(tokens)
    for row, one in enumerate(examples):
        tokens[row, : len(one.tokens)] = one.tokens
        mask[row, : len(one.tokens)] = 1
    return model(input_ids=tokens, attention_mask=mask).logits


def plain_parts(
    model: PreTrainedModel, mentor: PreTrainedModel, examples: Sequence[Example], tau: float
) -> dict[str, torch.Tensor]:
    """Mean cross-entropy of feedback and rationales, and mean KL of the rationales, in loops."""
    found: dict[str, list[torch.Tensor]] = {"feedback": [], "rationale": [], "soft": []}
    with torch.no_grad():
        theirs = padded_logits(mentor, examples)
    ours = padded_logits(model, examples)
    for row, one in enumerate(examples):
        for place in range(one.prompt_length, len(one.tokens)):
            logits = ours[row, place - 1]
            found[one.part].append(torch.logsumexp(logits, 0) - logits[one.tokens[place]])
            if one.part == "rationale":
                mass = torch.softmax(theirs[row, place - 1] / tau, 0)
                student = torch.softmax(logits / tau, 0)
                found["soft"].append((mass * (mass / student).log()).sum())
    return {part: torch.stack(values).mean() for part, values in found.items() if values}


def plain(
    model: PreTrainedModel,
    mentor: PreTrainedModel,
    alpha: float = ALPHA,
    weight: float = LAMBDA,
    tau: float = TAU,
    factor: float = TAU**2,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    parts = plain_parts(model, mentor, TAUGHT, tau)
    rationale = (1 - weight) * parts["rationale"] + weight * factor * parts["soft"]
    return alpha * parts["feedback"] + (1 - alpha) * rationale, parts


def soft_of(
    mentor: PreTrainedModel,
    weight: float = LAMBDA,
    tau: float = TAU,
    factor: float = TAU**2,
) -> SoftLabels:
    return SoftLabels(weight, factor, Mentor(mentor, VOCABULARY, tau), {})


def double(seed: int, **changed: Any) -> PreTrainedModel:
    return tiny_model(seed, **changed).double()


def gradients(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """A copy of every gradient; they are cleared."""
    found = {name: one.grad.clone() for name, one in model.named_parameters()}
    model.zero_grad()
    return found


def assert_close(found: StepLoss, total: torch.Tensor, parts: dict[str, torch.Tensor]) -> None:
    assert found.total == pytest.approx(total.item(), rel=1e-6)
    for part in ("feedback", "rationale", "soft"):
        assert getattr(found, part) == pytest.approx(parts[part].item(), rel=1e-6)


@pytest.mark.parametrize(
    ("tokens_per_pass", "changed"),
    [
        (1, {}),
        (60, {}),
        (150, {}),
        (10_000, {}),
        (60, {"factor": 1.0}),
        (60, {"tau": 0.5, "factor": 0.25}),
        (60, {"weight": 1.0}),
        (60, {"alpha": 0.0}),
        (60, {"alpha": 1.0}),
    ],
)
def test_loss_and_gradients_are_those_of_a_plain_computation_in_float64(
    tokens_per_pass: int, changed: dict[str, float]
) -> None:
    """One padded batch there, packs and any accumulation here; every weight of the student."""
    model, mentor = double(0, tied=True), double(1)
    total, parts = plain(model, mentor, **changed)
    total.backward()
    expected = gradients(model)

    own = {name: value for name, value in changed.items() if name != "alpha"}
    batch = make_step(pairs_of(TAUGHT), changed.get("alpha", ALPHA), tokens_per_pass)
    found = step_loss(model, batch, soft=soft_of(mentor, **own))

    assert_close(found, total, parts)
    scale = max(float(one.abs().max()) for one in expected.values())
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-6 * scale)
    assert all(one.grad is None for one in mentor.parameters())


@pytest.mark.parametrize("chunk", [256, 7])
def test_labels_in_chunks_have_their_own_targets(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fair_app.training.loss.LABELS_PER_CHUNK", chunk)
    model, mentor = double(0), double(1)
    batch = make_step(pairs_of(TAUGHT), ALPHA, 10_000)
    assert_close(step_loss(model, batch, learn=False, soft=soft_of(mentor)), *plain(model, mentor))


def test_feedback_has_no_soft_labels() -> None:
    model, mentor = double(0), double(1)
    feedback = [one for one in EXAMPLES if one.part == "feedback"]
    batch = make_step([[one] for one in feedback], ALPHA, 10_000)
    with_mentor = step_loss(model, batch, learn=False, soft=soft_of(mentor))
    assert with_mentor == step_loss(model, batch, learn=False)
    assert with_mentor.soft is None


def test_a_student_that_is_its_mentor_has_nothing_to_learn_from_it() -> None:
    model = double(0)
    batch = make_step(pairs_of(TAUGHT), 0.0, 10_000)
    found = step_loss(model, batch, soft=soft_of(double(0), weight=1.0))
    assert found.total == pytest.approx(0, abs=1e-9)
    assert max(float(one.abs().max()) for one in gradients(model).values()) < 1e-9


def test_a_mentor_that_cannot_be_packed_reads_one_text_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mentor = Mentor(double(1), VOCABULARY, TAU)
    rationales = [one for one in TAUGHT if one.part == "rationale"]
    packed = mentor.states(rationales)
    monkeypatch.setattr("fair_app.training.mentor_model.is_packable", lambda _: False)
    torch.testing.assert_close(mentor.states(rationales), packed, rtol=1e-6, atol=1e-6)


def test_rows_of_a_head_beyond_the_tokens_have_no_mass() -> None:
    """A wider mentor teaches as its head cut to the tokens does, whatever the rows hold."""
    chance = torch.Generator().manual_seed(0)
    logits, others = (torch.randn(5, 30, generator=chance).double() for _ in range(2))
    wide = torch.cat([logits, torch.full((5, 4), 50.0)], dim=1)
    expected = divergence(softened(logits, 30, TAU), softened(others, 30, TAU))
    found = divergence(softened(wide, 30, TAU), softened(others, 30, TAU))
    assert torch.equal(found, expected)
    assert float(softened(wide, 30, TAU).exp().sum(dim=1).max()) == pytest.approx(1)


@st.composite
def distributions(draw: Any) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Logits of mentor and student over a few tokens, and how many are kept."""
    size = draw(st.integers(2, 12))
    numbers = st.lists(st.floats(-8, 8), min_size=size, max_size=size)
    rows = draw(st.integers(1, 4))
    mentor, student = (torch.tensor([draw(numbers) for _ in range(rows)]).double() for _ in "ab")
    return mentor, student, draw(st.integers(1, size))


@hypothesis_settings(max_examples=150, deadline=None)
@given(distributions(), st.sampled_from([0.5, 1.0, 2.0]))
def test_what_is_left_out_bounds_the_error_of_loss_and_gradient(
    drawn: tuple[torch.Tensor, torch.Tensor, int], tau: float
) -> None:
    logits, others, kept = drawn
    others.requires_grad_(True)
    size = logits.shape[1]
    theirs, scaled = softened(logits, size, tau), others / tau
    top = theirs.topk(kept, dim=-1)
    masses = top.values.exp()

    full = divergence(theirs, softened(others, size, tau))
    part = truncated_divergence(top.indices, masses, softened(others, size, tau))

    left_out = (1 - masses.sum(dim=-1)).clamp(min=0)
    bound = left_out * (math.log(max(1, size - kept)) + spread(scaled.detach(), top.indices))
    gap = (full - part).detach()
    assert (gap >= -1e-9).all()
    assert (gap <= bound + 1e-9).all()
    by_full, by_part = (
        torch.autograd.grad(one.sum(), others, retain_graph=True)[0] * tau for one in (full, part)
    )
    assert ((by_full - by_part).abs().sum(dim=-1) <= 2 * left_out + 1e-9).all()


def spread(logits: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """How far the logits of a row that are not kept lie apart, a number a row."""
    rows = [
        [value for place, value in enumerate(row) if place not in known]
        for row, known in zip(logits.tolist(), kept.tolist(), strict=True)
    ]
    return torch.tensor([max(row) - min(row) if row else 0.0 for row in rows])


def test_kept_masses_that_rounding_brought_over_one_are_scaled() -> None:
    ours = torch.log_softmax(torch.tensor([[1.0, 0.0, -1.0]]), dim=-1)
    masses = torch.tensor([[0.7, 0.3005]], dtype=torch.float16)
    found = truncated_divergence(torch.tensor([[0, 1]]), masses, ours)
    scaled = masses.float() / masses.float().sum()
    expected = (scaled * (scaled.log() - ours[:, :2])).sum()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(("share", "enough"), [(0.5, 1), (0.9, 3), (0.99, 4), (1.1, 5)])
def test_as_few_tokens_as_have_the_mass(share: float, enough: int) -> None:
    cumulative = torch.tensor([0.6, 0.85, 0.95, 0.995, 1.0])
    assert smallest_enough(cumulative, share) == enough
