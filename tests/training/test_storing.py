"""Storing a run's soft labels: in which form, what is said before, and going on where it ended."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from peft import LoraConfig, get_peft_model

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.check import size
from fair_app.training import soft_store, storing
from fair_app.training.mentor_head import Computed
from fair_app.training.soft_labels import Targets
from fair_app.training.soft_store import hidden_bytes, shards
from fair_app.training.soft_top_k import Truncated, top_k_bytes
from fair_app.training.storing import FOLDER, RECORD, most_bytes
from fair_app.training.telling import Telling
from tests.training.soft_launched import SHARD, store_a_third, stored_in
from tests.training.tiny import pool, questions, tiny_folder, tiny_model, tiny_tokenizer
from tests.training.together import killed

RATIONALES = [one for one in pool(questions(5), 256).every() if one.part == "rationale"]
TOKENS = sum(one.response_length for one in RATIONALES)
VOCABULARY, WIDTH = 257, 32
HIDDEN = hidden_bytes(TOKENS, WIDTH, VOCABULARY, 2)
ALL = top_k_bytes(TOKENS, VOCABULARY, VOCABULARY)
SURE = 0.05
"""A temperature at which few tokens have all of the mass."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    tiny_folder(tmp_path / "student")
    tiny_model(1).bfloat16().save_pretrained(tmp_path / "mentor")
    tiny_tokenizer().save_pretrained(tmp_path / "mentor")
    return tmp_path


def on_disk(work: Path) -> int:
    return sum(file.stat().st_size for file in (work / FOLDER).iterdir())


def targets(soft: object) -> Targets:
    found: Targets = soft.source.targets(RATIONALES[:1])  # type: ignore[attr-defined]
    return found


def test_the_form_that_takes_less_is_stored_and_both_are_told(home: Path) -> None:
    """Flat as it is at a high temperature, the mentor's likeliest tokens are all of them."""
    said: list[str] = []
    flat = stored_in(home, home / "flat", Telling(said.append))
    assert ALL > HIDDEN
    assert said == [
        f"soft labels of {TOKENS} places are stored as the mentor's hidden states with its head: "
        f"{size(HIDDEN)} of disk while the run lasts (all 257 tokens with 100.0% of the mentor's "
        f"mass would take {size(ALL)})"
    ]
    assert isinstance(targets(flat), Computed)
    assert {**flat.told, "mentor": "", "weights_sha256": ""} == {
        **{"mentor": "", "how": "hidden", "tau": 2.0, "weights_sha256": ""},
        **{"width": WIDTH, "number": "bfloat16", "tokens": TOKENS},
    }
    assert HIDDEN < on_disk(home / "flat") < HIDDEN + 600

    said.clear()
    sure = stored_in(home, home / "sure", Telling(said.append), tau=SURE)
    kept = sure.told["kept"]
    taken = top_k_bytes(TOKENS, kept, VOCABULARY)
    assert taken < HIDDEN
    assert sure.told["how"] == "top-k"
    assert sure.told["mass"] >= 0.99
    assert f"stored as the {kept} likeliest of 257 tokens with" in said[0]
    assert "(the mentor's hidden states with its head would take" in said[0]
    assert isinstance(targets(sure), Truncated)
    assert taken < on_disk(home / "sure") < taken + 300


def test_either_form_may_be_asked_for(home: Path) -> None:
    said: list[str] = []
    hidden = stored_in(home, home / "a", Telling(said.append), tau=SURE, soft_labels="hidden")
    top_k = stored_in(home, home / "b", Telling(said.append), soft_labels="top-k")
    assert (hidden.told["how"], top_k.told["how"]) == ("hidden", "top-k")
    assert isinstance(targets(hidden), Computed)
    assert isinstance(targets(top_k), Truncated)
    assert "would take" not in said[0]
    for form, work in (("hidden", "a"), ("top-k", "b")):
        assert on_disk(home / work) < most_bytes(form, TOKENS, WIDTH, VOCABULARY) + 600
    least = most_bytes("stored", TOKENS, WIDTH, VOCABULARY)
    assert least == min(most_bytes(one, TOKENS, WIDTH, VOCABULARY) for one in ("hidden", "top-k"))


def test_a_head_with_an_adapter_beside_it_is_not_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where the adapter of a 4-bit mentor stays apart."""
    adapted = get_peft_model(tiny_model(1).bfloat16(), LoraConfig(r=2, target_modules=["lm_head"]))
    monkeypatch.setattr(storing, "load_mentor", lambda _: adapted.get_base_model())
    found = stored_in(home, home / "stored", Telling())
    assert found.told["how"] == "top-k"
    with pytest.raises(BadInput, match=r"cannot be kept without .* \(--soft-labels top-k\)"):
        stored_in(home, home / "hidden", Telling(), soft_labels="hidden")


def test_what_a_former_version_stored_is_read(home: Path) -> None:
    """A run that was under way: its record knew one form, and no name of it."""
    work = home / "work"
    before = stored_in(home, work, Telling(), soft_labels="top-k").told
    record = {**before, "how": "stored"}
    (work / RECORD).write_text(json.dumps(record))
    found = stored_in(home, work, Telling())
    assert found.told == record
    assert isinstance(targets(found), Truncated)


def test_where_the_disk_has_too_little_room_nothing_is_stored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(WorkFailed, match=r"take \d+ .*disk has free.*--soft-labels online"):
        stored_in(home, home / "work", Telling())
    assert not list((home / "work").iterdir())


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
    assert 0 < len(made) < len(files) == len(shards(RATIONALES, 1)) + 1
    for file, before in made.items():
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    others = sorted((home / "uninterrupted" / FOLDER).iterdir())
    assert [one.read_bytes() for one in files] == [one.read_bytes() for one in others]
    assert found.told == whole_one.told == json.loads((work / RECORD).read_text())
    # it begins with the share that was there, and a file at a time is done
    shares = [done / total for stage, done, total in stages if stage.startswith("storing")]
    assert shares == [
        TOKENS * place // len(files) / TOKENS for place in range(len(made), len(files))
    ]
    # all of it is there: the mentor is not needed any more
    for file in (home / "mentor").glob("*.safetensors"):
        file.write_bytes(b"no weights")
    assert stored_in(home, work, Telling()).told == found.told


def test_a_mentor_that_changed_since_the_run_began_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soft_store, "SHARD", SHARD)
    stored_in(home, home / "work", Telling())
    (home / "work" / FOLDER / "00001.safetensors").unlink()
    tiny_model(2).bfloat16().save_pretrained(home / "mentor")
    with pytest.raises(BadInput, match="not those that this run began with"):
        stored_in(home, home / "work", Telling())


def test_storing_stops_between_two_passes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "READ_AT_ONCE", 100)
    calls = 0

    def cancelled() -> None:
        nonlocal calls
        calls += 1
        if list((home / "work").glob(f"{FOLDER}/*")):
            raise Cancelled

    with pytest.raises(Cancelled):
        stored_in(home, home / "work", Telling(cancelled=cancelled), soft_labels="hidden")
    # the head was there, and the only other file had not begun
    assert [file.stem for file in (home / "work" / FOLDER).iterdir()] == ["head"]
    assert calls == 2
