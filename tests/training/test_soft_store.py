"""Stored soft labels: what is kept of a mentor, that nothing of it is made twice, and resuming."""

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.loading import device
from fair_app.training import soft_store, soft_top_k
from fair_app.training.mentor_head import Computed
from fair_app.training.mentor_model import Mentor
from fair_app.training.soft_labels import SoftLabels, Source, divergence, softened
from fair_app.training.soft_store import (
    HEAD,
    HiddenStore,
    Store,
    distinct,
    hidden_bytes,
    shards,
)
from fair_app.training.soft_top_k import TopKStore, enough, kept_of, top_k_bytes
from fair_app.training.trainer import Reports, StepMetrics, TrainingResult, train
from tests.training.soft_launched import SHARD
from tests.training.tiny import pool, questions, tiny_model, tiny_tokenizer
from tests.training.trained import SETTINGS, STEPS, assert_same, tiny_student

ASKED = questions(5)
RATIONALES = [one for one in pool(ASKED, 256).every() if one.part == "rationale"]
TOKENS = sum(one.response_length for one in RATIONALES)
VOCABULARY, TAU, WIDTH = 257, 2.0, 32
ROUNDED, TINY = 2**-11, 3e-8
"""What float16 changes of a mass: one part in so many, or this much of a very small one."""
AT_ONCE = 200


def mentor(seed: int = 1) -> Mentor:
    return Mentor(tiny_model(seed), VOCABULARY, TAU)


def complete(found: Store, of: Mentor) -> None:
    for name in found.missing():
        found.make(of, name, AT_ONCE, 20.0)
    assert not found.missing()


def top_k(folder: Path, kept: int) -> Store:
    """A complete store of the likeliest tokens."""
    found = TopKStore(folder, RATIONALES, kept, VOCABULARY, TAU)
    complete(found, mentor())
    return found


def hidden(folder: Path, of: Mentor | None = None) -> Store:
    """A complete store of hidden states, of a mentor in float32 unless another is given."""
    of = of or mentor()
    number = of.model.dtype.itemsize
    found = HiddenStore(folder, RATIONALES, WIDTH, VOCABULARY, TAU, number, device())
    complete(found, of)
    return found


FORMS: dict[str, Callable[[Path], Store]] = {"top-k": lambda at: top_k(at, 20), "hidden": hidden}


def test_hidden_states_say_what_the_mentor_says(tmp_path: Path) -> None:
    stored = hidden(tmp_path)
    chance = torch.Generator().manual_seed(0)
    for examples in (RATIONALES[:3], RATIONALES[-2:]):
        length = sum(one.response_length for one in examples)
        logits = 3 * torch.randn(length, VOCABULARY, generator=chance)
        rows = slice(2, length - 1)
        full = mentor().targets(examples).divergence(logits[rows], rows)
        found = stored.targets(examples).divergence(logits[rows], rows)
        torch.testing.assert_close(found, full, rtol=1e-5, atol=1e-6)


def test_what_a_mentor_in_bfloat16_computes_is_kept_to_the_bit(tmp_path: Path) -> None:
    """Nothing is rounded again: the same divergence as from the states of the same passes."""
    half = Mentor(tiny_model(1).bfloat16(), VOCABULARY, TAU)
    stored = hidden(tmp_path, half)
    states = torch.cat(list(half.passes(RATIONALES, AT_ONCE)))
    logits = torch.randn(TOKENS, VOCABULARY, generator=torch.Generator().manual_seed(0))
    everything = slice(0, TOKENS)
    found = stored.targets(RATIONALES)
    assert isinstance(found, Computed)
    assert (found.states.dtype, states.dtype) == (torch.bfloat16, torch.bfloat16)
    assert torch.equal(found.states, states)
    expected = Computed(half.head, states).divergence(logits, everything)
    assert torch.equal(found.divergence(logits, everything), expected)


@pytest.mark.parametrize("kept", [1, 20, 100, VOCABULARY])
def test_stored_labels_differ_from_all_logits_by_what_is_left_out_at_most(
    kept: int, tmp_path: Path
) -> None:
    chance = torch.Generator().manual_seed(0)
    stored = top_k(tmp_path, kept)
    for examples in (RATIONALES[:3], RATIONALES[-2:]):
        length = sum(one.response_length for one in examples)
        logits = 3 * torch.randn(length, VOCABULARY, generator=chance)
        rows = slice(2, length - 1)
        full = mentor().targets(examples).divergence(logits[rows], rows)
        found = stored.targets(examples).divergence(logits[rows], rows)

        ours = softened(logits[rows], VOCABULARY, TAU)
        theirs = mentor().head.likelihoods(mentor().states(examples)[rows])
        torch.testing.assert_close(full, divergence(theirs, ours))
        top = theirs.topk(kept, dim=-1)
        masses = top.values.exp()
        left_out = (1 - masses.sum(-1)).clamp(min=0)
        rest = ours.scatter(-1, top.indices, -torch.inf)
        spread = rest.amax(-1) - ours.scatter(-1, top.indices, torch.inf).amin(-1)
        bound = left_out * (math.log(max(1, VOCABULARY - kept)) + spread.nan_to_num(0, 0, 0))
        # and what float16 moves: of the kept masses, and of the mass that is left to the others
        moved = ROUNDED * masses + TINY
        rounding = (moved * (1 + (top.values - ours.gather(-1, top.indices)).abs())).sum(-1)
        rounding += moved.sum(-1) * (2 + rest.logsumexp(-1).abs().nan_to_num(0, 0, 0))
        assert (full - found >= -rounding - 1e-5).all()
        assert (full - found <= bound + rounding + 1e-5).all()


def test_as_few_tokens_are_kept_as_have_enough_of_the_mass() -> None:
    found = enough(mentor(), RATIONALES, 731, AT_ONCE)
    assert TOKENS < soft_top_k.SAMPLED  # all are in the sample
    # as flat as this one is, all masses take less than most of them with their numbers
    assert (found.count, found.mass) == (VOCABULARY, pytest.approx(1, rel=1e-5))

    sharp = Mentor(tiny_model(1), VOCABULARY, 0.2)
    masses = sharp.head.likelihoods(sharp.states(RATIONALES)).exp()
    known = masses.sort(descending=True).values.double().cumsum(-1).mean(0)
    found = enough(sharp, RATIONALES, 731, AT_ONCE)
    assert found.mass == pytest.approx(float(known[found.count - 1]), rel=1e-5)
    assert found.mass >= 0.99 > float(known[found.count - 2])


@given(st.integers(1, 200_000), st.integers(2, 200_000), st.integers(0, 10**6))
def test_no_more_is_stored_than_all_masses_take(wanted: int, size: int, tokens: int) -> None:
    wanted = min(wanted, size)
    kept = kept_of(wanted, size)
    assert kept in (wanted, size)
    taken = top_k_bytes(tokens, kept, size)
    assert taken <= min(top_k_bytes(tokens, wanted, size), top_k_bytes(tokens, size, size))


def test_the_files_take_what_was_said_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soft_store, "SHARD", SHARD)
    said = {
        "top-k": top_k_bytes(TOKENS, 20, VOCABULARY),
        "hidden": hidden_bytes(TOKENS, WIDTH, VOCABULARY, 4),
    }
    assert said == {"top-k": TOKENS * 20 * 4, "hidden": (TOKENS + VOCABULARY) * 32 * 4}
    for form, made in FORMS.items():
        made(tmp_path / form)
        files = list((tmp_path / form).iterdir())
        taken = sum(file.stat().st_size for file in files)
        assert said[form] < taken < said[form] + 300 * len(files)
    assert top_k_bytes(TOKENS, 20, 70_000) == TOKENS * 20 * 6


def test_files_hold_every_text_once_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_store, "SHARD", SHARD)
    twice = distinct([*RATIONALES, *RATIONALES])
    assert twice == RATIONALES
    divided = shards(twice, 80)
    assert [one for members in divided for one in members] == RATIONALES
    assert len(divided) > 3
    for members in divided:
        assert len(members) == 1 or sum(one.response_length for one in members) <= 60
    monkeypatch.setattr(soft_store, "SHARD_BYTES", 79)
    assert shards(twice, 80) == [[one] for one in RATIONALES]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_not_whole_is_made_again(tmp_path: Path, form: str) -> None:
    FORMS[form](tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.glob("*.safetensors")}
    assert len(before) == (2 if form == "hidden" else 1)
    for file, content in before.items():
        file.write_bytes(content[:-9])
    FORMS[form](tmp_path)
    assert {file: file.read_bytes() for file in before} == before


def test_files_of_another_size_are_none_of_its_own(tmp_path: Path) -> None:
    top_k(tmp_path, 20)
    assert TopKStore(tmp_path, RATIONALES, 21, VOCABULARY, TAU).missing() == ["00000"]
    hidden(tmp_path)
    other = HiddenStore(tmp_path, RATIONALES, WIDTH + 1, VOCABULARY, TAU, 4, device())
    assert other.missing() == [HEAD, "00000"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_cannot_be_read_while_it_is_needed(tmp_path: Path, form: str) -> None:
    for file in ("00000", *([HEAD] if form == "hidden" else [])):
        stored = FORMS[form](tmp_path)
        (tmp_path / f"{file}.safetensors").unlink()
        with pytest.raises(WorkFailed, match=f"{file}.safetensors cannot be read: delete the file"):
            stored.targets(RATIONALES[:1])


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has mapped is read from /proc")
@pytest.mark.parametrize("form", FORMS)
def test_no_file_stays_open_which_would_count_as_memory_of_the_run(
    tmp_path: Path, form: str
) -> None:
    kept = FORMS[form](tmp_path).targets(RATIONALES)
    assert len(kept.divergence(torch.zeros(TOKENS, VOCABULARY), slice(0, TOKENS))) == TOKENS
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_given_up_between_two_passes(tmp_path: Path, form: str) -> None:
    stored = {
        "top-k": TopKStore(tmp_path, RATIONALES, 20, VOCABULARY, TAU),
        "hidden": HiddenStore(tmp_path, RATIONALES, WIDTH, VOCABULARY, TAU, 4, device()),
    }[form]
    calls = 0

    def cancelled() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        stored.make(mentor(), "00000", 60, 20.0, cancelled)
    assert calls == 3
    assert not list(tmp_path.iterdir())


def test_a_run_without_a_rationale_that_fits_has_no_soft_labels(tmp_path: Path) -> None:
    found = enough(mentor(), [], 731, AT_ONCE)
    assert found.count == VOCABULARY
    assert TopKStore(tmp_path, [], found.count, VOCABULARY, TAU).missing() == []


def run(
    state: Path, source: Source, *, stop: int | None = None, seen: list[StepMetrics] | None = None
) -> TrainingResult:
    """A run of the tiny model, cancelled after so many passes."""
    left = [stop]

    def cancelled() -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise Cancelled

    settings = replace(SETTINGS, mentor="m", soft_weight=0.4)
    return train(
        tiny_student(settings),
        tiny_tokenizer(),
        ASKED,
        settings,
        state,
        reports=Reports([].append if seen is None else seen.append),
        cancelled=cancelled,
        resume=True,
        save_every=10,
        soft=SoftLabels(0.4, TAU**2, source, {"mentor": "m"}),
    )


@pytest.mark.parametrize("form", ["online", *FORMS])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, form: str) -> None:
    def source() -> Source:
        return mentor() if form == "online" else FORMS[form](tmp_path / "soft")

    uninterrupted: list[StepMetrics] = []
    expected = run(tmp_path / "whole", source(), seen=uninterrupted)
    assert expected.loss_soft is not None
    before: list[StepMetrics] = []
    after: list[StepMetrics] = []
    with pytest.raises(Cancelled):
        run(tmp_path / "state", source(), stop=7, seen=before)
    result = run(tmp_path / "state", source(), seen=after)
    assert 0 < len(before) < STEPS
    assert_same(result, expected)
    assert [one.loss_soft for one in [*before, *after]] == [one.loss_soft for one in uninterrupted]
    assert result.losses == expected.losses


def test_a_state_with_another_mentor_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "state", mentor())
    settings = replace(SETTINGS, mentor="m", soft_weight=0.4)
    with pytest.raises(BadInput, match="changed since"):
        train(
            tiny_student(settings),
            tiny_tokenizer(),
            ASKED,
            settings,
            tmp_path / "state",
            resume=True,
            soft=SoftLabels(0.4, TAU**2, mentor(2), {"mentor": "other"}),
        )
