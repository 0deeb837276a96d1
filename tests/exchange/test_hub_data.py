"""The curated training set as a data set of the hub: its columns, and what its card says."""

from io import BytesIO
from typing import Any

import yaml
from pyarrow import parquet

from fair_app.exchange.hub_data import FEATURES, FILE, as_parquet, data_card
from fair_app.exchange.sft import chats
from fair_app.training.examples import Text, TrainingQuestion

QUESTIONS = [
    TrainingQuestion(
        7,
        "3 + 4?",
        "It is 8.",
        (Text("gpt", "3 + 4 = 7"), Text("rules", "½ line\nbreak <b>")),
        (Text("gpt", "One too many."),),
    ),
    TrainingQuestion(9, "odd \ud800", "x", (Text("gpt", "fine 🙂"),), ()),
]
ROWS = list(chats(QUESTIONS, {"rules"}))
LINEAGE: dict[str, Any] = {
    "task": "gsm8k | # x",
    "student": "owner/base",
    "threshold": 3.5,
    "rule": {"per_teacher": {"gpt": 4.5}, "min_scores": 2, "answer_check": True},
    "teachers": [
        {"name": "rules", "simulated": True, "spec": {"provider": "offline", "model": "terse"}},
    ],
    "data_sha256": "a" * 64,
}


def test_the_rows_are_those_of_the_chat_lines() -> None:
    table = parquet.read_table(BytesIO(as_parquet(ROWS)))
    assert table.to_pylist() == ROWS
    assert table.column_names == [one["name"] for one in FEATURES]


def test_a_card_has_the_columns_the_rule_and_who_is_simulated() -> None:
    card = data_card("ann/curated", LINEAGE, {"hub": "openai/gsm8k", "split": "train"}, ROWS)
    head = yaml.safe_load(card[: card.index("\n---\n")])
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": FILE}]
    assert head["dataset_info"] == {"features": FEATURES}
    assert head["size_categories"] == ["n<1K"]
    assert "license" not in head
    assert "**Simulated.** The teachers rules are offline and rule-based" in card
    assert "| Task | gsm8k \\| # x |" in card
    assert "| Questions from | hub openai/gsm8k, split train |" in card
    assert "| Acceptance threshold | 3.5 |" in card
    rule = "thresholds of their own: gpt 4.5; at least 2 scores; the final answer must be right"
    assert f"| Beside the threshold | {rule} |" in card
    assert "| Questions | 2 |" in card
    assert "| Rationale | 3 (gpt 2, rules 1) |" in card
    assert "| simulated | whether the teacher is a rule-based program |" in card
    assert 'load_dataset("ann/curated", split="train")' in card
