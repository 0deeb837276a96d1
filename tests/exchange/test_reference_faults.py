"""The reference's files with faults: each is told in one sentence, and nothing is left behind."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.exchange.reference import (
    ReferenceMistake,
    ReferenceRationale,
    ReferenceRun,
    file_names,
    read_run,
    write_run,
)
from tests.exchange.runs import FALSE, FEEDBACK, KINDS, read, runs, texts


def changed(path: Path, row: int, **fields: Any) -> None:
    """Set fields of a row; Ellipsis removes one."""
    rows = json.loads(path.read_bytes())
    rows[row] = {name: value for name, value in (rows[row] | fields).items() if value is not ...}
    path.write_text(json.dumps(rows), encoding="utf-8")


# What cannot be read


def test_no_file_at_all() -> None:
    with pytest.raises(BadInput, match="at least one"):
        read_run()


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BadInput, match="give a file that exists") as refused:
            read_run(path)
        assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[{",
        b"\xff\xfe\x00",
        b"\x89PNG\r\n",
        b"[" * 100_000,
        b'[{"id": NaN}]',
        b'[{"id": 1e999}]',
        b"[" + b"9" * 5000 + b"]",
        FALSE.encode() + b"\n" + FALSE.encode(),
    ],
)
def test_what_is_not_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"^bad\.json is not JSON") as refused:
        read_run(tmp_path / "bad.json")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["{}", "[]", "null", "3", '"text"'])
def test_what_is_not_a_list_of_rows(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(BadInput, match=r"^bad\.json must be a JSON list with a row for each"):
        read_run(tmp_path / "bad.json")


def test_a_row_that_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(FALSE[:-1] + ", 3]")
    with pytest.raises(BadInput, match=r"^bad\.json, row 3: it must be an object"):
        read_run(tmp_path / "bad.json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_a_byte_order_mark_and_other_encodings_of_json(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "marked.json").write_bytes(json.dumps(json.loads(FALSE)).encode(encoding))
    assert read_run(tmp_path / "marked.json").mistakes[0].question == "3 + 4?"


@pytest.mark.parametrize(
    ("kind", "name", "value", "fault"),
    [
        ("false", "student_wrong_pred", ..., "is missing"),
        ("false", "id", ..., "is missing"),
        ("false", "id", None, "must be a whole number or a text"),
        ("false", "id", True, "must be a whole number or a text"),
        ("false", "id", 1.5, "must be a whole number or a text"),
        ("false", "id", 2**63, "must be a whole number or a text"),
        ("false", "question", 3, "must be a text"),
        ("false", "gold_answer", ["7"], "must be a text"),
        ("false", "student_wrong_pred", None, "must be a text"),
        ("false", "student_wrong_final_answer", {}, "must be a text, a number or null"),
        ("false", "context", None, "must be a text"),
        ("false", "options", "a, b", "must be a list of texts"),
        ("false", "options", ["a", 1], "must be a list of texts"),
        ("feedback", "gemini_feedback", ..., "is missing"),
        ("feedback", "gemini_feedback", 5, "must be a text or null"),
        ("feedback", "gemini_feedback", ["a"], "must be a text or null"),
        ("rationale", "gpt_rationale", ..., "is missing"),
        ("rationale", "gpt_rationale", None, "must be a list"),
        ("rationale", "gpt_rationale", "text", "must be a list"),
        ("rationale", "gpt_rationale", [], "must be a list"),
        ("rationale", "gpt_rationale", [5, 5, 5], "must be a list"),
        ("rationale", "gpt_rationale", ["text", True, 5], "must be a list"),
        ("rationale", "gpt_rationale", ["text", [5], 5], "must be a list"),
        ("rationale", "gpt_rationale", ["text", 10**19, 5], "must be a list"),
        ("rationale", "gpt_rationale", ["text", 5], "must be a list [text, score, …] of 3 entries"),
        (
            "rationale",
            "gpt_rationale",
            ["text", 5, 5, 5],
            "must be a list [text, score, …] of 3 entries",
        ),
        ("rationale", "correct_rationale", ..., "is missing"),
        ("rationale", "correct_rationale", "text", "must be a list of texts"),
        ("rationale", "correct_rationale", [3], "must be a list of texts"),
    ],
)
def test_a_fault_in_a_row_is_told_with_its_row_and_field(
    made: dict[str, Path], kind: str, name: str, value: Any, fault: str
) -> None:
    changed(made[kind], 1, **{name: value})
    with pytest.raises(BadInput) as refused:
        read(made, kind)
    message = str(refused.value)
    assert message.startswith(f"{made[kind].name}, row 2: the field '{name}' {fault}")
    assert message.endswith(".")


def test_a_field_that_only_a_later_row_has_is_not_lost(made: dict[str, Path]) -> None:
    changed(made["feedback"], 1, claude_feedback="late")
    with pytest.raises(BadInput, match=r"row 1: the field 'claude_feedback' is missing"):
        read(made, "feedback")


def test_a_file_given_in_anothers_place(made: dict[str, Path]) -> None:
    with pytest.raises(BadInput, match=r"'<teacher>_feedback' is missing: is this the feedback"):
        read_run(None, made["rationale"], None)
    with pytest.raises(BadInput, match=r"'<teacher>_rationale' is missing: is this the rationale"):
        read_run(None, None, made["false"])
    assert len(read_run(made["rationale"]).mistakes) == 2


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("id", 5, "the ids 'b2' and 5"),
        ("question", "another", "'question'"),
        ("gold_answer", "3", "'gold_answer'"),
        ("student_wrong_pred", "another", "'student_wrong_pred'"),
        ("student_wrong_final_answer", "9", "'student_wrong_final_answer'"),
        ("context", "new", "'context'"),
    ],
)
@pytest.mark.parametrize("kind", ["feedback", "rationale"])
def test_files_of_different_runs_are_refused(
    made: dict[str, Path], kind: str, name: str, value: Any, told: str
) -> None:
    changed(made[kind], 1, **{name: value})
    with pytest.raises(BadInput) as refused:
        read(made, *KINDS)
    assert "do not belong together: row 2 (id 'b2') differs in " + told in str(refused.value)


def test_files_of_different_lengths_are_refused(made: dict[str, Path]) -> None:
    made["feedback"].write_text(json.dumps(json.loads(FEEDBACK)[:1]))
    with pytest.raises(BadInput, match="do not belong together: they have 2 and 1 rows"):
        read(made, "false", "feedback")


def test_files_of_different_teachers_are_refused(made: dict[str, Path]) -> None:
    made["feedback"].write_text(FEEDBACK.replace("gpt_feedback", "claude_feedback"))
    with pytest.raises(BadInput, match=r"the feedback is by \['claude', 'gemini', 'mistral'\]"):
        read(made, *KINDS)


def test_an_id_stands_once(made: dict[str, Path]) -> None:
    changed(made["false"], 1, id=0)
    with pytest.raises(BadInput, match="row 2: its id 0 is row 1's too"):
        read(made, "false")


# What cannot be written


def test_a_failed_export_leaves_nothing_and_harms_nothing(
    made: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    run = read(made, *KINDS)
    paths = write_run(run, folder, "tiny", "svamp", 0)
    before = {path: path.read_bytes() for path in paths}
    run.rationales["gpt"][1].scores[0] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_run(run, folder, "tiny", "svamp", 0)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_place_that_cannot_be_written_to(made: dict[str, Path], tmp_path: Path) -> None:
    run = read(made, *KINDS)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="give a folder that can be written to"):
        write_run(run, tmp_path / "file", "tiny", "svamp", 0)
    taken = tmp_path / "out" / file_names("tiny", "svamp", 0)["rationale"]
    taken.mkdir(parents=True)
    with pytest.raises(BadInput, match="a folder has this name"):
        write_run(run, tmp_path / "out", "tiny", "svamp", 0)
    assert list((tmp_path / "out").iterdir()) == [taken]


def test_a_teacher_named_correct_cannot_be_exported(tmp_path: Path) -> None:
    run = ReferenceRun(
        [ReferenceMistake(1, "q", "1", "2", "2")],
        ["correct"],
        rationales={"correct": [ReferenceRationale("1", [])]},
    )
    with pytest.raises(BadInput, match="rename the teacher"):
        write_run(run, tmp_path, "m", "svamp", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"accepted": [[]]},
        {"teachers": ["gpt", "gemini"]},
        {"feedback": {"gpt": [None] * 2, "gemini": [None] * 2, "mistral": [None]}},
        {
            "rationales": {
                name: [ReferenceRationale("t", [5])] * 2 for name in ("gpt", "gemini", "mistral")
            }
        },
    ],
)
def test_a_run_whose_lists_do_not_fit_is_not_written(
    made: dict[str, Path], tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"the run's teachers|must have"):
        write_run(replace(read(made, *KINDS), **change), tmp_path / "out", "tiny", "svamp", 0)
    assert not (tmp_path / "out").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(runs())
def test_any_run_comes_back(tmp_path: Path, run: ReferenceRun) -> None:
    paths = write_run(run, tmp_path / "out", "m", "svamp", 0)
    again = read_run(*paths)
    assert again == run
    assert [path.read_bytes() for path in write_run(again, tmp_path / "two", "m", "svamp", 0)] == [
        path.read_bytes() for path in paths
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "question", "gold_answer", "gpt_rationale", "_feedback"])
            | texts,
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(json_values, st.binary(max_size=20))
def test_anything_else_is_refused_with_one_sentence(
    tmp_path: Path, value: Any, noise: bytes
) -> None:
    path = tmp_path / "odd.json"
    for content in (json.dumps([value]).encode(), json.dumps(value).encode() + noise, noise):
        path.write_bytes(content)
        for arguments in ((path,), (None, path), (None, None, path)):
            with pytest.raises(BadInput) as refused:
                read_run(*arguments)
            assert "\n" not in str(refused.value)
