"""The acceptance rule in the browser says what Python's says, and why."""

import itertools
from dataclasses import asdict
from typing import Any

import pytest

from fair_app.curation.acceptance import (
    RationaleRow,
    Rule,
    mean_by,
    stands_by_its_answer,
    verdict,
)
from fair_app.curation.decisions import State
from tests.browser.conftest import REPOSITORY

pytestmark = pytest.mark.browser

RULE_JS = "\n".join(
    (REPOSITORY / "pages" / name).read_text(encoding="utf-8")
    for name in ("languages/words.js", "components/rule.js")
)
SCORES = [(), (3,), (3, 3), (5, 2), (1, 1, 2), (None, 83), (4, None)]
ASKED_RULES = [
    Rule(threshold, own, min_scores, answer_check, adjusted)
    for threshold, own, min_scores, answer_check, adjusted in itertools.product(
        (0.0, 3.0, 3.25, 10 / 3), ({}, {"ada": 2.9}), (1, 2, 3), (False, True), (False, True)
    )
]


def test_the_rule_in_the_browser_is_pythons(page: Any) -> None:
    cells = [
        (RationaleRow(1, 1, "ada", right, scores, adjusted=adjusted, by_mentor=by_mentor), word)
        for by_mentor in (False, True)
        for scores in SCORES
        for right in (True, False, None)
        for adjusted in (
            [None] if not RationaleRow(1, 1, "a", None, scores).counted else [2.9, 10 / 3]
        )
        for word in (None, True, False)
    ]
    shipped = [
        {
            "mean": row.mean,
            "adjusted": row.adjusted,
            "counted": len(row.counted),
            "right": row.final_correct,
            "mentor": row.by_mentor,
            "decided": word,
        }
        for row, word in cells
    ]
    found = page.evaluate(
        f"([cells, rules]) => {{ {RULE_JS}\n return rules.map((rule) => cells.map((cell) =>"
        " [accepted(cell, 'ada', rule), meanBy(cell, rule), why(cell, 'ada', rule)])); }",
        [shipped, [asdict(rule) for rule in ASKED_RULES]],
    )
    for rule, answers in zip(ASKED_RULES, found, strict=True):
        for (row, word), (accepted, mean, said) in zip(cells, answers, strict=True):
            judged = verdict(row, rule, State(accepted=word))
            assert accepted is judged.accepted
            assert mean == mean_by(row, rule)
            if judged.by == "person":
                assert said == "by a person"
            elif stands_by_its_answer(row):
                assert said == f"{'' if accepted else 'no '}right answer, no score yet"
            elif accepted:
                assert " is above " in said
            else:
                assert " is above " not in said


@pytest.mark.parametrize(
    ("cell", "rule", "said"),
    [
        ((3.0, 3.2, 2, True, None), Rule(), "mean 3.00 is not above 3.0"),
        ((3.5, 3.2, 2, True, None), Rule(), "mean 3.50 is above 3.0"),
        ((3.5, 3.2, 2, True, None), Rule(adjusted=True), "adjusted mean 3.20 is above 3.0"),
        (
            (3.5, 3.000000001, 2, True, None),
            Rule(adjusted=True),
            "adjusted mean 3.000000001 is above 3.0",
        ),
        (
            (3.5, 3.2, 2, True, None),
            Rule(3, {"ada": 3.75}),
            "mean 3.50 is not above ada’s own 3.75",
        ),
        ((None, None, 0, True, None), Rule(), "no score counts"),
        ((5.0, 5.0, 1, True, None), Rule(min_scores=2), "1 score counts, 2 are asked for"),
        ((5.0, 5.0, 2, True, None), Rule(min_scores=3), "2 scores count, 3 are asked for"),
        ((5.0, 5.0, 2, False, None), Rule(answer_check=True), "final answer wrong (answer check)"),
        (
            (5.0, 5.0, 2, None, None),
            Rule(answer_check=True),
            "final answer not graded (answer check)",
        ),
        ((1.0, 1.0, 2, None, True), Rule(), "by a person"),
    ],
)
def test_the_browser_says_why(page: Any, cell: tuple[Any, ...], rule: Rule, said: str) -> None:
    names = ("mean", "adjusted", "counted", "right", "decided")
    assert said == page.evaluate(
        f"([cell, rule]) => {{ {RULE_JS}\n return why(cell, 'ada', rule); }}",
        [dict(zip(names, cell, strict=True)), asdict(rule)],
    )
