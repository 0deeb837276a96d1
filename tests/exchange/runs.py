"""A run in the reference's files, for tests."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fair_app.exchange.reference import (
    ReferenceMistake,
    ReferenceRationale,
    ReferenceRun,
    read_run,
)

KINDS = ("false", "feedback", "rationale")

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


def read(paths: dict[str, Path], *kinds: str) -> ReferenceRun:
    return read_run(*(paths[kind] if kind in kinds else None for kind in KINDS))


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
