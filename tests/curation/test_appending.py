"""Which decisions may be appended to the log."""

import pytest

from fair_app.curation.decisions import (
    CORRECT,
    LONGEST,
    check_decision,
)
from fair_app.errors import BadInput


@pytest.mark.parametrize(
    ("subject", "action", "value"),
    [
        ("rationale", "accept", None),
        ("rationale", "edit", "a text"),
        ("rationale", "edit", "x" * LONGEST),
        ("rationale", "restore", None),
        ("rationale", "comment", "words"),
        ("question", "favourite", "12"),
        ("question", "reset", None),
        ("answer", "grade", CORRECT),
        ("answer", "reset", None),
    ],
)
def test_a_decision_that_may_be_appended(subject: str, action: str, value: str | None) -> None:
    check_decision(subject, action, value)


@pytest.mark.parametrize(
    ("subject", "action", "value"),
    [
        ("rationale", "edit", None),
        ("rationale", "edit", " \n"),
        ("rationale", "edit", "x" * (LONGEST + 1)),
        ("rationale", "comment", ""),
        ("rationale", "comment", "x" * (LONGEST + 1)),
        ("rationale", "favourite", "1"),
        ("question", "favourite", None),
        ("question", "favourite", "-1"),
        ("question", "favourite", "²"),
        ("question", "accept", None),
        ("rationale", "grade", CORRECT),
        ("rationale", "undo", None),
        ("answer", "grade", None),
        ("answer", "grade", "true"),
        ("answer", "accept", None),
        ("essay", "accept", None),
    ],
)
def test_a_decision_that_may_not_be_appended(subject: str, action: str, value: str | None) -> None:
    with pytest.raises(BadInput):
        check_decision(subject, action, value)


def test_a_comment_may_be_a_reason_alone() -> None:
    check_decision("rationale", "comment", "", "unclear")
