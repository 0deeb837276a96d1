"""Whether student and mentor speak of the same tokens: by their tokenizers, and by their files."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.student.registry import StudentRef, parse_ref
from fair_app.training.loss import step_loss
from fair_app.training.mentor_model import Mentor
from fair_app.training.mentoring import common_speech
from fair_app.training.packing import make_step
from fair_app.training.soft_labels import SoftLabels
from fair_app.training.vocabulary import (
    Vocabulary,
    check_no_conflict,
    check_same,
    vocabulary_in,
    vocabulary_of,
)
from tests.student.tiny_t5 import t5_folder
from tests.training.tiny import pool, questions, tiny_folder, tiny_model, tiny_tokenizer

IDS = {"<end>": 0, "a": 1, "b": 2}


def folder_of(path: Path, *, rows: int = 257, **changed: Any) -> StudentRef:
    """A tiny model whose head has so many rows, and whose tokenizer has other special tokens."""
    model = tiny_model(1)
    model.resize_token_embeddings(rows)
    model.bfloat16().save_pretrained(path)
    tokenizer = tiny_tokenizer()
    for name, token in changed.items():
        setattr(tokenizer, name, token)
    tokenizer.save_pretrained(path)
    return parse_ref(str(path), path, path)


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        ({"<end>": 0, "a": 2, "b": 1}, r"number: 2, among them 'a' \(1 of the student's\)"),
        ({"<end>": 0, "a": 1}, r"number: 1, among them 'b' \(2 of the student's\)"),
        ({**IDS, "<pad>": 3}, r"number: 1, among them '<pad>' \(3 of the mentor's\)"),
    ],
)
def test_every_token_has_one_number(ids: dict[str, int], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        check_same(Vocabulary(IDS, {}), Vocabulary(ids, {}))
    with pytest.raises(BadInput, match="lambda 0"):
        check_same(Vocabulary(IDS, {}), Vocabulary(ids, {}))


@pytest.mark.parametrize("check", [check_same, check_no_conflict])
def test_texts_end_with_the_same_token(check: Any) -> None:
    ours = Vocabulary(IDS, {"eos_token": 0, "bos_token": 1})
    with pytest.raises(BadInput, match="eos_token is number 0, the mentor's 2"):
        check(ours, Vocabulary(IDS, {"eos_token": 2}))
    check(ours, Vocabulary(IDS, {"eos_token": 0}))  # it has no token to begin with


def test_files_may_say_less_than_the_tokenizer_and_never_otherwise() -> None:
    check_no_conflict(Vocabulary(IDS, {}), Vocabulary({**IDS, "<pad>": 3}, {}))
    with pytest.raises(BadInput, match="number 2 is 'b' to the student and 'c' to the mentor"):
        check_no_conflict(Vocabulary(IDS, {}), Vocabulary({"<end>": 0, "a": 1, "c": 2}, {}))


@hypothesis_settings(max_examples=40)
@given(
    st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=8),
    st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=8),
)
def test_what_is_the_same_is_never_in_conflict(one: dict[str, int], other: dict[str, int]) -> None:
    distinct = {number: token for token, number in one.items()}
    ids = {token: number for number, token in distinct.items()}
    check_same(Vocabulary(ids, {}), Vocabulary(dict(ids), {}))
    check_no_conflict(Vocabulary(ids, {}), Vocabulary(dict(ids), {}))
    if ids != other:
        with pytest.raises(BadInput):
            check_same(Vocabulary(ids, {}), Vocabulary(other, {}))


def test_files_say_what_the_tokenizer_does(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "tiny")
    read, known = vocabulary_in(folder), vocabulary_of(tiny_tokenizer())
    assert read is not None
    assert dict(read.ids) == dict(known.ids)
    assert read.special["eos_token"] == known.special["eos_token"] == 0
    assert known.size == 257
    (folder / "tokenizer.json").write_text("{")
    assert vocabulary_in(folder) is None
    assert vocabulary_in(tmp_path / "nowhere") is None


def test_other_special_tokens_are_refused_by_the_run_itself(tmp_path: Path) -> None:
    student = folder_of(tmp_path / "student")
    with pytest.raises(BadInput, match="eos_token is number 0"):
        common_speech(student, folder_of(tmp_path / "ends", eos_token="a"))
    # which token stands for padding does not matter: there is none
    assert common_speech(student, folder_of(tmp_path / "pads", pad_token="a")).vocabulary == 257


def test_a_head_of_more_rows_teaches_the_same(tmp_path: Path) -> None:
    """Those that pad it have no mass, in the mentor's distribution nor in the student's."""
    narrow, wide = tiny_model(1), tiny_model(1)
    wide.resize_token_embeddings(264)
    torch.nn.init.constant_(wide.lm_head.weight[257:].data, 9.0)
    found = pool(questions(2))
    batch = make_step([[one] for one in found.every()], 0.5, 10_000)
    ref = folder_of(tmp_path / "wide", rows=264)
    vocabulary = common_speech(folder_of(tmp_path / "narrow"), ref).vocabulary
    assert vocabulary == 257
    losses = [
        step_loss(
            tiny_model(),
            batch,
            learn=False,
            soft=SoftLabels(0.5, 4.0, Mentor(one, vocabulary, 2.0), {}),
        )
        for one in (narrow, wide)
    ]
    assert losses[0].soft == pytest.approx(losses[1].soft, rel=1e-5)
    assert losses[0].total == pytest.approx(losses[1].total, rel=1e-5)


def test_models_with_an_encoder_have_no_soft_labels(tmp_path: Path) -> None:
    folder = t5_folder(tmp_path / "t5")
    other = folder_of(tmp_path / "narrow")
    ref = parse_ref(str(folder), tmp_path, tmp_path)
    for pair in ((ref, other), (other, ref)):
        with pytest.raises(BadInput, match="decoder-only students and mentors"):
            common_speech(*pair)
