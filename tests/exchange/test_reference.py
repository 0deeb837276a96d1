"""The reference's files: read and written byte for byte."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from fair_app.curation.acceptance import RationaleRow, Rule
from fair_app.curation.what_if import summarise
from fair_app.exchange.reference import (
    ReferenceMistake,
    ReferenceRationale,
    ReferenceRun,
    accepted_texts,
    file_names,
    read_run,
    write_run,
    write_wrong_predictions,
)
from tests.exchange.runs import KINDS, read

SHARED_DATA = Path(
    os.environ.get("FAIR_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)


@pytest.fixture
def published() -> dict[str, Path]:
    """The published SVAMP run, where it lies beside the repository."""
    names = file_names("meta-llama/Llama-2-7b-chat-hf", "svamp", 0)
    paths = {kind: SHARED_DATA / "fair-svamp" / names[kind] for kind in KINDS}
    if not all(path.is_file() for path in paths.values()):
        pytest.skip("the published run is not here: set FAIR_SHARED_DATA")
    return paths


def test_a_run_is_read_with_its_types(made: dict[str, Path]) -> None:
    run = read(made, *KINDS)
    assert run.teachers == ["gpt", "gemini", "mistral"]
    assert [mistake.id for mistake in run.mistakes] == [0, "b2"]
    assert run.mistakes[1].question == "What is ½ of 4?"
    assert run.mistakes[1].student_wrong_final_answer is None
    assert run.feedback["gemini"] == [None, " tab\there"]
    assert run.rationales["gpt"] == [("3 + 4 = 7", [5, 83]), ("4 / 2 = 2", [0, None])]
    assert run.rationales["mistral"] == [(None, [5, 5]), ("2", ["good", 2])]
    assert [type(score) for score in run.rationales["gemini"][1].scores] == [float, int]
    assert run.accepted == [["3 + 4 = 7"], []]


def test_a_run_is_written_byte_for_byte(made: dict[str, Path], tmp_path: Path) -> None:
    paths = write_run(read(made, *KINDS), tmp_path / "new" / "folder", "tiny", "svamp", 0)
    assert [path.read_bytes() for path in paths] == [made[kind].read_bytes() for kind in KINDS]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(
        path.name for path in made.values()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_any_one_of_the_three_files_is_enough(made: dict[str, Path], kind: str) -> None:
    whole, alone = read(made, *KINDS), read(made, kind)
    assert alone.mistakes == whole.mistakes
    assert alone.teachers == ([] if kind == "false" else whole.teachers)
    assert alone.feedback == (whole.feedback if kind == "feedback" else {})
    assert alone.rationales == (whole.rationales if kind == "rationale" else {})


def test_only_what_a_run_has_is_written(made: dict[str, Path], tmp_path: Path) -> None:
    paths = write_run(read(made, "feedback"), tmp_path / "out", "tiny", "svamp", 2)
    assert [path.name for path in paths] == [
        "tiny_svamp_false_round2.json",
        "tiny_svamp_feedback_round2.json",
    ]


def test_the_published_run_comes_out_byte_for_byte(
    published: dict[str, Path], tmp_path: Path
) -> None:
    run = replace(read(published, *KINDS), accepted=None)
    paths = write_run(run, tmp_path, "Llama-2-7b-chat-hf", "svamp", 0)
    assert [path.name for path in paths] == [published[kind].name for kind in KINDS]
    for path, kind in zip(paths, KINDS, strict=True):
        assert path.read_bytes() == published[kind].read_bytes()


def test_the_rule_gives_the_published_lists(published: dict[str, Path]) -> None:
    run = read(published, "rationale")
    accepted = accepted_texts(run, 3)
    assert len(accepted) == 387
    assert accepted == run.accepted
    assert sum(map(len, accepted)) == 826
    assert sum(map(bool, accepted)) == 365


def test_a_summary_of_the_published_run(published: dict[str, Path]) -> None:
    run = read(published, "rationale")
    rows = [
        RationaleRow(number * 3 + place, number, teacher, None, (*entry.scores,))
        for place, teacher in enumerate(run.teachers)
        for number, entry in enumerate(run.rationales[teacher])
    ]
    summary = summarise(rows, Rule())
    assert (summary.questions, summary.rationales) == (387, 1161)
    assert (summary.accepted, summary.questions_accepted) == (826, 365)
    assert sum(teacher.accepted for teacher in summary.per_teacher.values()) == 826


def test_logiqa_has_context_and_options_where_the_reference_puts_them(tmp_path: Path) -> None:
    mistake = ReferenceMistake(
        7, "Which?", "2", "B", "1", context="All P are Q.", options=["a", "b"]
    )
    paths = write_run(ReferenceRun([mistake]), tmp_path, "tiny", "logiqa", 0)
    assert list(json.loads(paths[0].read_text())[0]) == [
        "id",
        "context",
        "question",
        "options",
        "gold_answer",
        "student_wrong_pred",
        "student_wrong_final_answer",
    ]
    assert read_run(paths[0]).mistakes == [mistake]


@pytest.mark.parametrize(
    "gold", ["true.\tPeppers are plants.", "He has 3 * 24 = <<3*24=72>>72.\n#### 72", ""]
)
def test_a_gold_answer_is_kept_word_for_word(tmp_path: Path, gold: str) -> None:
    paths = write_run(
        ReferenceRun([ReferenceMistake(1, "q", gold, "p", "f")]), tmp_path, "m", "gsm8k", 1
    )
    assert read_run(paths[0]).mistakes[0].gold_answer == gold


def test_files_are_named_as_the_reference_names_them() -> None:
    assert file_names("meta-llama/Llama-2-7b-chat-hf", "strategyqa", 1) == {
        "false": "Llama-2-7b-chat-hf_strategyQA_false_round1.json",
        "feedback": "Llama-2-7b-chat-hf_strategyQA_feedback_round1.json",
        "rationale": "Llama-2-7b-chat-hf_strategyQA_rationale_round1.json",
    }
    assert file_names("m", "gsm8k", 0)["false"] == "m_gsm8k_false_round0.json"


@pytest.mark.parametrize("model", ["../../etc/passwd", "..", "a\\..\\b", "", "/", "x:y z\n", ".."])
def test_a_models_name_cannot_lead_out_of_the_folder(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "out"
    run = ReferenceRun([ReferenceMistake(1, "q", "1", "2", "2")])
    paths = [*write_run(run, folder, model, "svamp", 0), write_wrong_predictions([], folder, model)]
    assert {path.parent for path in paths} == {folder}
    assert sorted(folder.iterdir()) == sorted(paths)
    assert not any(path.name.startswith(".") for path in paths)


def test_wrong_predictions_are_one_list(tmp_path: Path) -> None:
    path = write_wrong_predictions(
        [ReferenceMistake(3, "3 + 4?", "7", "It is 8.", "8")], tmp_path, "runs/round-1"
    )
    assert path == tmp_path / "round-1_test.json"
    assert path.read_text() == (
        '[\n    {\n        "id": 3,\n        "question": "3 + 4?",\n        "gold_answer": "7",\n'
        '        "student_wrong_pred": "It is 8.",\n        "student_wrong_final_answer": "8"\n'
        "    }\n]"
    )


def test_a_failed_call_is_not_accepted_whatever_its_scores() -> None:
    run = ReferenceRun(
        [ReferenceMistake(1, "q", "1", "2", "2")],
        ["gpt", "gemini"],
        rationales={
            "gpt": [ReferenceRationale(None, [5])],
            "gemini": [ReferenceRationale("1", [4])],
        },
    )
    assert accepted_texts(run) == [["1"]]


def test_one_teacher_has_no_scores(tmp_path: Path) -> None:
    run = ReferenceRun(
        [ReferenceMistake(1, "q", "1", "2", "2")],
        ["solo"],
        feedback={"solo": ["no"]},
        rationales={"solo": [ReferenceRationale("1", [])]},
        accepted=[[]],
    )
    assert read_run(*write_run(run, tmp_path, "m", "svamp", 0)) == run
