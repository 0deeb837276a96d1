"""Stored soft labels: what is kept of a mentor, that nothing of it is made twice, and resuming."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.training import mentoring, soft_store
from fair_app.training.mentor_model import Mentor
from fair_app.training.mentoring import FOLDER, RECORD, Telling
from fair_app.training.soft_labels import SoftLabels, Source, divergence, softened
from fair_app.training.soft_store import (
    Store,
    bytes_of,
    distinct,
    enough,
    kept_of,
    most_bytes,
    shards,
)
from fair_app.training.trainer import Reports, StepMetrics, TrainingResult, train
from tests.training.soft_launched import SHARD, store_a_third, stored_in
from tests.training.tiny import pool, questions, tiny_folder, tiny_model, tiny_tokenizer
from tests.training.together import killed
from tests.training.trained import SETTINGS, STEPS, assert_same, tiny_student

ASKED = questions(5)
RATIONALES = [one for one in pool(ASKED, 256).every() if one.part == "rationale"]
TOKENS = sum(one.response_length for one in RATIONALES)
VOCABULARY, TAU = 257, 2.0
ROUNDED, TINY = 2**-11, 3e-8
"""What float16 changes of a mass: one part in so many, or this much of a very small one."""


def mentor(seed: int = 1) -> Mentor:
    return Mentor(tiny_model(seed), VOCABULARY, TAU)


def whole(folder: Path, kept: int, of: Mentor | None = None) -> Store:
    """A store that is complete."""
    found = Store(folder, RATIONALES, kept, VOCABULARY, TAU)
    for number in found.missing():
        found.make(of or mentor(), number, 200, 20.0)
    assert not found.missing()
    return found


@pytest.mark.parametrize("kept", [1, 20, 100, VOCABULARY])
def test_stored_labels_differ_from_all_logits_by_what_is_left_out_at_most(
    kept: int, tmp_path: Path
) -> None:
    chance = torch.Generator().manual_seed(0)
    stored = whole(tmp_path, kept)
    for examples in (RATIONALES[:3], RATIONALES[-2:]):
        length = sum(one.response_length for one in examples)
        logits = 3 * torch.randn(length, VOCABULARY, generator=chance)
        rows = slice(2, length - 1)
        full = mentor().targets(examples).divergence(logits[rows], rows)
        found = stored.targets(examples).divergence(logits[rows], rows)

        ours = softened(logits[rows], VOCABULARY, TAU)
        theirs = mentor().likelihoods(mentor().states(examples)[rows])
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


def test_as_few_tokens_are_kept_as_have_enough_of_the_mass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masses = mentor().likelihoods(mentor().states(RATIONALES)).exp()
    means = masses.sort(descending=True).values.double().cumsum(-1).mean(0)
    found = enough(mentor(), RATIONALES, 731, 200)
    assert TOKENS < soft_store.SAMPLED  # all are in the sample
    # as flat as this one is, all masses take less than most of them with their numbers
    assert (found.count, found.mass) == (VOCABULARY, pytest.approx(1, rel=1e-5))

    sharp = Mentor(tiny_model(1), VOCABULARY, 0.2)
    masses = sharp.likelihoods(sharp.states(RATIONALES)).exp()
    known = masses.sort(descending=True).values.double().cumsum(-1).mean(0)
    found = enough(sharp, RATIONALES, 731, 200)
    assert found.mass == pytest.approx(float(known[found.count - 1]), rel=1e-5)
    assert found.mass >= 0.99 > float(known[found.count - 2])

    monkeypatch.setattr(soft_store, "LEAST_KEPT", 3)
    monkeypatch.setattr(soft_store, "MOST_BYTES", 100)
    capped = enough(mentor(), RATIONALES, 731, 200)
    assert (capped.count, capped.mass) == (3, pytest.approx(float(means[2]), rel=1e-5))


@given(
    st.integers(1, 200_000), st.integers(1, 10**7), st.integers(2, 200_000), st.integers(1, 10**10)
)
def test_what_is_stored_keeps_to_the_disk(wanted: int, tokens: int, size: int, most: int) -> None:
    wanted = min(wanted, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(soft_store, "MOST_BYTES", most)
        kept = kept_of(wanted, tokens, size)
        taken = bytes_of(tokens, kept, size)
        assert taken <= max(most, bytes_of(tokens, soft_store.LEAST_KEPT, size + 1))
        assert kept >= min(wanted, soft_store.LEAST_KEPT)
        assert taken <= most_bytes(tokens, size)
        assert kept in (wanted, size) or kept < wanted


def test_a_file_takes_what_was_said_of_it(tmp_path: Path) -> None:
    whole(tmp_path, 20)
    taken = sum(file.stat().st_size for file in tmp_path.iterdir())
    said = bytes_of(TOKENS, 20, VOCABULARY)
    assert said == TOKENS * 20 * 4
    assert said < taken < said + 300 * len(list(tmp_path.iterdir()))
    assert bytes_of(TOKENS, 20, 70_000) == TOKENS * 20 * 6


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


def test_a_file_that_is_not_whole_is_made_again(tmp_path: Path) -> None:
    whole(tmp_path, 20)
    (file,) = tmp_path.glob("*.safetensors")
    content = file.read_bytes()
    file.write_bytes(content[:-9])
    whole(tmp_path, 20)
    assert file.read_bytes() == content
    # files of another number of tokens are none of its own
    assert Store(tmp_path, RATIONALES, 21, VOCABULARY, TAU).missing() == [0]


def test_a_file_that_cannot_be_read_while_it_is_needed(tmp_path: Path) -> None:
    stored = whole(tmp_path, 20)
    next(tmp_path.glob("*.safetensors")).unlink()
    with pytest.raises(WorkFailed, match="delete the file and resume"):
        stored.targets(RATIONALES[:1])


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has mapped is read from /proc")
def test_no_file_stays_open_which_would_count_as_memory_of_the_run(tmp_path: Path) -> None:
    stored = whole(tmp_path, 20)
    kept = stored.targets(RATIONALES)
    assert len(kept.masses) == TOKENS
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_where_the_disk_has_too_little_room_nothing_is_stored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mentoring.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(WorkFailed, match=r"take \d+ .*disk has free.*--soft-labels online"):
        stored_in(home, home / "work", Telling())
    assert not list((home / "work").iterdir())


def test_a_run_without_a_rationale_that_fits_has_no_soft_labels(tmp_path: Path) -> None:
    found = enough(mentor(), [], 731, 200)
    assert (found.count, Store(tmp_path, [], found.count, VOCABULARY, TAU).missing()) == (257, [])


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


@pytest.mark.parametrize("kept", [None, 20])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, kept: int | None
) -> None:
    def source() -> Source:
        return mentor() if kept is None else whole(tmp_path / "soft", kept)

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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    tiny_folder(tmp_path / "student")
    tiny_model(1).bfloat16().save_pretrained(tmp_path / "mentor")
    tiny_tokenizer().save_pretrained(tmp_path / "mentor")
    return tmp_path


def test_a_killed_process_makes_no_file_twice_and_loses_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = home / "work"
    told = killed(lambda share: 3 * share >= 1, store_a_third, home, work)
    assert len(told) > 2
    made = {file: file.stat() for file in (work / FOLDER).glob("*.safetensors")}

    monkeypatch.setattr(soft_store, "SHARD", SHARD)
    said: list[str] = []
    stages: list[tuple[str, int, int]] = []
    found = stored_in(home, work, Telling(said.append, lambda *told: stages.append(told)))
    whole_one = stored_in(home, home / "uninterrupted", Telling())

    files = sorted((work / FOLDER).iterdir())
    assert 0 < len(made) < len(files) == len(shards(RATIONALES, 1))
    for file, before in made.items():
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    others = sorted((home / "uninterrupted" / FOLDER).iterdir())
    assert [one.read_bytes() for one in files] == [one.read_bytes() for one in others]
    assert found.told == whole_one.told == json.loads((work / RECORD).read_text())
    assert sum(stage.startswith("storing") for stage, *_ in stages) == len(files) - len(made)
    # all of it is there: the mentor is not needed any more
    for file in (home / "mentor").glob("*.safetensors"):
        file.write_bytes(b"no weights")
    assert stored_in(home, work, Telling()).told == found.told


def test_a_mentor_that_changed_since_the_run_began_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soft_store, "SHARD", SHARD)
    stored_in(home, home / "work", Telling())
    next((home / "work" / FOLDER).iterdir()).unlink()
    tiny_model(2).bfloat16().save_pretrained(home / "mentor")
    with pytest.raises(BadInput, match="not those that this run began with"):
        stored_in(home, home / "work", Telling())


def test_storing_stops_when_it_is_cancelled(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_store, "SHARD", SHARD)

    def cancelled() -> None:
        if list((home / "work").glob(f"{FOLDER}/*")):
            raise Cancelled

    with pytest.raises(Cancelled):
        stored_in(home, home / "work", Telling(cancelled=cancelled))
    assert len(list((home / "work" / FOLDER).iterdir())) == 1
