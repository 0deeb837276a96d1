"""The reference's files: read strictly, written byte for byte."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fair_app.curation.acceptance import RationaleRow, Rule
from fair_app.curation.what_if import summarise
from fair_app.errors import BadInput
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

KINDS = ("false", "feedback", "rationale")
SHARED_DATA = Path(
    os.environ.get("FAIR_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)

# Written by hand as the reference lays its files out, faults of the reference included: a score
# read out of thin air (83), a failed call that was reviewed all the same, a wrong text accepted.
FALSE = (
    '[{"id": 0, "question": "3 + 4?", "gold_answer": "7", "student_wrong_pred": "It is 8.",'
    ' "student_wrong_final_answer": "8"}, {"id": "b2", "question": "What is \\u00bd of 4?",'
    ' "gold_answer": "2", "student_wrong_pred": "", "student_wrong_final_answer": null}]'
)
RATIONALE = """[
    {
        "id": 0,
        "question": "3 + 4?",
        "gold_answer": "7",
        "student_wrong_pred": "It is 8.",
        "student_wrong_final_answer": "8",
        "gpt_rationale": [
            "3 + 4 = 7",
            5,
            83
        ],
        "gemini_rationale": [
            "7, \\ud83d\\ude42",
            3,
            3
        ],
        "mistral_rationale": [
            null,
            5,
            5
        ],
        "correct_rationale": [
            "3 + 4 = 7"
        ]
    },
    {
        "id": "b2",
        "question": "What is \\u00bd of 4?",
        "gold_answer": "2",
        "student_wrong_pred": "",
        "student_wrong_final_answer": null,
        "gpt_rationale": [
            "4 / 2 = 2",
            0,
            null
        ],
        "gemini_rationale": [
            "lone \\ud800",
            4.5,
            1
        ],
        "mistral_rationale": [
            "2",
            "good",
            2
        ],
        "correct_rationale": []
    }
]"""
FEEDBACK = """[
    {
        "id": 0,
        "question": "3 + 4?",
        "gold_answer": "7",
        "student_wrong_pred": "It is 8.",
        "student_wrong_final_answer": "8",
        "gpt_feedback": "One too many.",
        "gemini_feedback": null,
        "mistral_feedback": ""
    },
    {
        "id": "b2",
        "question": "What is \\u00bd of 4?",
        "gold_answer": "2",
        "student_wrong_pred": "",
        "student_wrong_final_answer": null,
        "gpt_feedback": "There is no answer.",
        "gemini_feedback": " tab\\there",
        "mistral_feedback": "\\u4f60\\u597d"
    }
]"""
TEXTS = dict(zip(KINDS, (FALSE, FEEDBACK, RATIONALE), strict=True))


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Path]:
    """The run above as files."""
    names = file_names("some/tiny", "svamp", 0)
    for kind in KINDS:
        (tmp_path / names[kind]).write_bytes(TEXTS[kind].encode("ascii"))
    return {kind: tmp_path / names[kind] for kind in KINDS}


@pytest.fixture
def published() -> dict[str, Path]:
    """The published SVAMP run, where it lies beside the repository."""
    names = file_names("meta-llama/Llama-2-7b-chat-hf", "svamp", 0)
    paths = {kind: SHARED_DATA / "fair-svamp" / names[kind] for kind in KINDS}
    if not all(path.is_file() for path in paths.values()):
        pytest.skip("the published run is not here: set FAIR_SHARED_DATA")
    return paths


def read(paths: dict[str, Path], *kinds: str) -> ReferenceRun:
    return read_run(*(paths[kind] if kind in kinds else None for kind in KINDS))


def changed(path: Path, row: int, **fields: Any) -> None:
    """Set fields of a row; Ellipsis removes one."""
    rows = json.loads(path.read_bytes())
    rows[row] = {name: value for name, value in (rows[row] | fields).items() if value is not ...}
    path.write_text(json.dumps(rows), encoding="utf-8")


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


# Any run comes back

texts = st.text(max_size=12) | st.sampled_from(
    ["\ud800", "\udc00\ud800", "\x00", "½\u2028", "\ufeff"]
)
scalars = (
    st.none()
    | texts
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)


@st.composite
def runs(draw: Any) -> ReferenceRun:
    mistakes = [
        ReferenceMistake(
            id,
            *(draw(texts) for _ in range(3)),
            draw(scalars),
            draw(st.none() | texts),
            draw(st.none() | st.lists(texts, max_size=3)),
        )
        for id in draw(
            st.lists(st.integers(-99, 2**63 - 1) | texts, min_size=1, max_size=3, unique=True)
        )
    ]
    names = texts.filter(lambda name: name not in ("", "correct"))
    teachers = draw(st.lists(names, min_size=1, max_size=3, unique=True))

    def columns(entries: Any) -> Any:
        return {teacher: [draw(entries) for _ in mistakes] for teacher in teachers}

    scores = st.lists(scalars, min_size=len(teachers) - 1, max_size=len(teachers) - 1)
    return ReferenceRun(
        mistakes,
        teachers,
        columns(st.none() | texts),
        columns(st.builds(ReferenceRationale, st.none() | texts, scores)),
        [draw(st.lists(st.none() | texts, max_size=3)) for _ in mistakes],
    )


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
