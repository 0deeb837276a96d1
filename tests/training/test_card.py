"""The card of a checkpoint, beside it and on the hub: honest, and no text of it is markup."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fair_app.committee.presets import OTHER_TERMS, TERMS
from fair_app.training.card import Measured, Publication, model_card

LINEAGE: dict[str, Any] = {
    "base": "owner/base",
    "quantization": "none",
    "task": "gsm8k",
    "teacher": "mixed",
    "threshold": 3.0,
    "teachers": [
        {"name": "rules", "simulated": True, "spec": {"provider": "offline", "model": "terse"}},
        {"name": "gpt", "simulated": False, "spec": {"provider": "openai", "model": "gpt-6-luna"}},
        {
            "name": "mine",
            "simulated": False,
            "spec": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
        },
        {"name": "old", "simulated": False, "spec": {"provider": "imported", "model": "old"}},
    ],
    "settings": {"method": "lora", "alpha": 0.5, "learning_rate": 1e-5},
    "result": {"steps": 3, "loss": 0.123456},
}
OWN = Measured(
    who="this one",
    task="gsm8k",
    split="test",
    asked="greedy, 256 tokens",
    n=200,
    correct=83,
    accuracy=0.415,
    ci95=(0.349, 0.484),
    leaked=2,
    is_own=True,
    source={"hub": "openai/gsm8k", "config": "main", "split": "test", "revision": "a" * 40},
)
BASE = Measured("its base", "gsm8k", "test", "greedy", 200, 60, 0.3, (0.24, 0.367), 0, False)
HOSTILE = "x | y\n# z `c` <img src=x onerror=a()> [a](javascript:b) ![i](//e) **b** ---\u2028q"


def published(**more: Any) -> Publication:
    return Publication("ann/student", "owner/base", "owner/base", "apache-2.0", **more)


def head_of(card: str) -> dict[str, Any]:
    found = yaml.safe_load(card[: card.index("\n---\n")])
    assert isinstance(found, dict)
    return found


def body_of(card: str) -> str:
    return card[card.index("\n---\n") + 5 :]


def test_a_published_card_says_how_it_fared_and_how_it_is_loaded() -> None:
    card = model_card("first", LINEAGE, published(tested=[OWN, BASE], found=["It is better."]))
    head = head_of(card)
    assert (head["license"], head["base_model"]) == ("apache-2.0", "owner/base")
    assert (head["base_model_relation"], head["library_name"]) == ("adapter", "peft")
    (found,) = head["model-index"][0]["results"]
    assert found["dataset"]["type"] == "openai/gsm8k"
    assert found["metrics"][0]["value"] == 0.415
    assert "| 1 | this one | gsm8k (test) | greedy, 256 tokens | 83 of 200 |" in card
    assert "| 41.5 % | 34.9 % to 48.4 % | 2 |" in card
    assert "| 2 | its base | gsm8k (test) | greedy | 60 of 200 | 30.0 % |" in card
    assert "It is better." in card
    assert 'base = AutoModelForCausalLM.from_pretrained("owner/base")' in card
    assert 'student = PeftModel.from_pretrained(base, "ann/student")' in card
    assert "The base student's licence (apache-2.0) holds" in card
    assert "| Acceptance threshold | 3 |" in card
    assert "are not in this repository" in card
    assert "has not been tested" in model_card("first", LINEAGE, published())


@pytest.mark.parametrize("publication", [None, published()])
def test_simulated_teachers_and_terms_are_said(publication: Publication | None) -> None:
    card = model_card("first", LINEAGE, publication)
    assert "**Simulated.** Among the teachers rules are offline and rule-based" in card
    assert f"| gpt | openai | gpt-6-luna | {TERMS['openai']} |" in card
    assert f"| mine | openai | m | {OTHER_TERMS} |" in card
    assert "| old | imported | old | Recorded answers: the terms of whoever made them. |" in card
    only = {**LINEAGE, "teachers": LINEAGE["teachers"][1:]}
    assert "Simulated" not in model_card("first", only, publication)


def test_a_whole_model_is_loaded_alone() -> None:
    lineage = {**LINEAGE, "merged_from": "first", "student": {"model_type": "t5"}}
    card = model_card("first-merged", lineage, published())
    assert "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer" in card
    assert "PeftModel" not in card
    assert head_of(card)["base_model_relation"] == "finetune"


@pytest.mark.parametrize(
    ("licence", "head"),
    [
        ("mit", {"license": "mit"}),
        ("", {}),
        (
            "Own Terms (v2)",
            {
                "license": "other",
                "license_name": "own-terms-v2",
                "license_link": "https://huggingface.co/o/b",
            },
        ),
    ],
)
def test_a_licence_that_the_index_does_not_know_is_another(
    licence: str, head: dict[str, str]
) -> None:
    card = model_card("first", LINEAGE, Publication("ann/x", "o/b", None, licence))
    assert {key: one for key, one in head_of(card).items() if key.startswith("license")} == head
    if not licence:
        assert "licence (not known here)" in card


def hostile(text: str) -> tuple[str, Publication]:
    lineage = {
        **LINEAGE,
        "base": text,
        "task": text,
        "merged_from": text,
        "teachers": [{"name": text, "simulated": True, "spec": {"provider": text, "model": text}}],
        "versions": {text: text},
    }
    about = Publication("ann/x", None, None, text, [OWN, BASE], [text], [text])
    return model_card(text, lineage, about), about


def test_what_others_wrote_is_no_markup() -> None:
    card, _ = hostile(HOSTILE)
    body = body_of(card)
    assert "<img" not in body
    assert "\\[a\\](javascript:b)" in body
    assert "\n# z" not in body
    assert "\\*\\*b\\*\\*" in body
    assert head_of(card)["model-index"][0]["name"] == " ".join(HOSTILE.split())
    cells = [line for line in body.splitlines() if line.startswith("| Task ")]
    assert len(cells) == 1
    assert cells[0].count("|") - cells[0].count("\\|") == 3


@given(st.text(max_size=60))
def test_no_name_breaks_a_card(text: str) -> None:
    card, _ = hostile(text)
    head = head_of(card)
    assert head["tags"] == ["distillation", "committee"]
    assert card.count("\n## ") == 6
    assert "<" not in body_of(card)
