"""What a second stage learns from: pure rules, files, and how a run says that it is another one."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.training.card import model_card
from fair_app.training.examples import Text, TrainingQuestion
from fair_app.training.preferences import (
    PREFERENCES,
    SETTINGS,
    Preference,
    PreferenceSettings,
    freeze_preferences,
    in_order,
    preferences,
    preferences_hash,
    read_preferences,
)


def question(number: int, answer: str, *rationales: str) -> TrainingQuestion:
    texts = tuple(Text(f"teacher {place}", text) for place, text in enumerate(rationales))
    return TrainingQuestion(number, f"What is {number}?", answer, texts, ())


def test_every_accepted_rationale_is_preferred_to_the_answer() -> None:
    found = preferences(
        [question(2, " wrong ", "right ", "also right"), question(1, "no", "yes")], unended={2}
    )
    assert found == [
        Preference(1, "What is 1?", "teacher 0", "yes", "no", True),
        Preference(2, "What is 2?", "teacher 0", "right", "wrong", False),
        Preference(2, "What is 2?", "teacher 1", "also right", "wrong", False),
    ]


def test_an_empty_answer_and_the_same_text_bring_none() -> None:
    with pytest.raises(BadInput, match="nothing to prefer"):
        preferences([question(1, " ", "right"), question(2, "same", "same "), question(3, "no")])


@given(
    st.lists(st.integers(), min_size=1, unique=True),
    st.integers(1, 4),
    st.integers(1, 9),
    st.none() | st.integers(1, 20),
    st.integers(0, 99),
)
def test_an_epoch_has_everything_once(
    items: list[int], epochs: int, batch: int, most: int | None, seed: int
) -> None:
    settings = PreferenceSettings(epochs=epochs, batch_size=batch, seed=seed)
    whole = in_order(items, settings)
    size = len(items)
    assert len(whole) == epochs * size
    for epoch in range(epochs):
        assert sorted(whole[epoch * size : (epoch + 1) * size]) == sorted(items)
    limited = in_order(items, replace(settings, max_steps=most))
    assert limited == (whole if most is None else whole[: most * batch])


@given(
    st.lists(
        st.builds(
            Preference, st.integers(), st.text(), st.text(), st.text(), st.text(), st.booleans()
        )
    )
)
def test_what_is_frozen_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, found: list[Preference]
) -> None:
    folder = tmp_path_factory.mktemp("work")
    (folder / "left over").write_text("of an older run")
    freeze_preferences(found, folder)
    assert read_preferences(folder) == found
    assert preferences_hash(read_preferences(folder)) == preferences_hash(found)
    assert [file.name for file in folder.iterdir()] == [PREFERENCES]


def test_another_text_is_another_hash_and_no_file_is_bad_input(tmp_path: Path) -> None:
    (one,) = preferences([question(1, "no", "yes")])
    assert preferences_hash([one]) != preferences_hash([replace(one, ended=False)])
    with pytest.raises(BadInput, match=r"has no preferences\.json that can be read"):
        read_preferences(tmp_path)
    (tmp_path / PREFERENCES).write_text('[{"prompt": 1}]')
    with pytest.raises(BadInput, match="can be read"):
        read_preferences(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta", 0),
        ("beta", float("inf")),
        ("learning_rate", -1e-5),
        ("learning_rate", float("nan")),
        ("epochs", 0),
        ("batch_size", 0),
        ("max_steps", 0),
        ("max_tokens", 1),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: float) -> None:
    assert name in SETTINGS
    with pytest.raises(BadInput, match=f"{name} is .* give a value that is"):
        PreferenceSettings(**{name: value})  # type: ignore[arg-type]


def test_a_pass_takes_two_where_a_step_can_be_divided() -> None:
    sizes = {size: PreferenceSettings(batch_size=size).pass_size for size in (1, 2, 3, 8)}
    assert sizes == {1: 1, 2: 2, 3: 1, 8: 2}


@pytest.mark.parametrize(
    ("method", "more", "library", "said"),
    [
        ("lora", {}, "peft", "`examples.json` the texts"),
        ("rslora", {}, "peft", "rank-stabilised LoRA"),
        ("dora", {}, "peft", "DoRA adapter"),
        ("full", {}, "transformers", "all weights tuned"),
        ("lora", {"merged_from": "first"}, "transformers", "with the lineage of first"),
    ],
)
def test_a_card_says_how_it_was_made(
    method: str, more: dict[str, str], library: str, said: str
) -> None:
    card = model_card("x", {"base": "owner/name", "settings": {"method": method}, **more})
    assert f"library_name: {library}" in card
    assert said in card
    assert "`train --from-lineage`" in card
    assert "base_model: owner/name" in card


def test_the_card_of_a_second_stage_names_it_and_its_command() -> None:
    lineage = {
        "stage": "preference",
        "method": "rslora",
        "base": "owner/name",
        "start": "checkpoint:first",
        "settings": asdict(PreferenceSettings()),
        "result": {"margin": 0.5},
    }
    card = model_card("x", lineage)
    assert "| Stage | preference optimisation (DPO, arXiv 2305.18290) |" in card
    assert "| Method | rank-stabilised LoRA adapter |" in card
    assert "| beta | 0.1 |" in card
    assert "`preferences.json`" in card
    assert "`prefer --from-lineage` makes the same checkpoint again" in card
