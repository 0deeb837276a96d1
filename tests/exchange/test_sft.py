"""The training set as chat lines."""

import json
from pathlib import Path

import pytest

from fair_app.errors import BadInput
from fair_app.exchange import sft
from fair_app.training.examples import Text, TrainingQuestion, feedback_prompt, rationale_prompt

QUESTIONS = [
    TrainingQuestion(
        7,
        "3 + 4?",
        "It is 8.",
        (Text("gpt", "3 + 4 = 7"), Text("rules", "½ line\nbreak \u2028 <b>")),
        (Text("gpt", "One too many."),),
    ),
    TrainingQuestion(9, "odd \ud800", "x", (Text("gpt", "fine 🙂 \udc00"),), ()),
]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().decode("utf-8").split("\n")[:-1]]


def test_every_text_is_one_chat_example(tmp_path: Path) -> None:
    path = sft.write(QUESTIONS, tmp_path / "new" / "set.jsonl", simulated={"rules"})
    assert path == tmp_path / "new" / "set.jsonl"
    assert [path] == list(path.parent.iterdir())
    found = lines(path)
    assert found[0] == {
        "messages": [
            {"role": "user", "content": rationale_prompt(QUESTIONS[0])},
            {"role": "assistant", "content": "3 + 4 = 7"},
        ],
        "part": "rationale",
        "teacher": "gpt",
        "simulated": False,
        "question_id": 7,
    }
    assert [(line["part"], line["teacher"], line["simulated"]) for line in found] == [
        ("rationale", "gpt", False),
        ("rationale", "rules", True),
        ("feedback", "gpt", False),
        ("rationale", "gpt", False),
    ]
    assert found[2]["messages"] == [
        {"role": "user", "content": feedback_prompt(QUESTIONS[0])},
        {"role": "assistant", "content": "One too many."},
    ]


def test_text_is_kept_but_for_lone_surrogates(tmp_path: Path) -> None:
    found = lines(sft.write(QUESTIONS, tmp_path / "set.jsonl"))
    contents = [[message["content"] for message in line["messages"]] for line in found]
    assert contents[1][1] == "½ line\nbreak \u2028 <b>"
    assert contents[3] == ["odd \ufffd", "fine 🙂 \ufffd"]


def test_an_empty_training_set_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="accept some rationales"):
        sft.write([], tmp_path / "set.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_the_file_there_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    path = sft.write(QUESTIONS, tmp_path / "set.jsonl")
    before = path.read_bytes()
    with pytest.raises(BadInput):
        sft.write([], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
