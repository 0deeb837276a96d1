"""Our numbers held against lm-evaluation-harness's: where the two differ, ours is right, and why.

The filters and the comparison are those of lm_eval 0.4.13, `tasks/gsm8k/gsm8k.yaml` and
`api/metrics.py` (`exact_match_hf_evaluate`), MIT licence. With that package installed (`pip install
--no-deps lm-eval==0.4.13`: all that it depends on is needless here) the first test holds them
against the package itself.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.tasks.grading import grade
from tests.tasks.published import published

ROOT = Path(__file__).resolve().parents[2]
STRICT = r"#### (\-?[0-9\.\,]+)"
FLEXIBLE = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
IGNORED = [",", r"\$", "(?s).*#### ", r"\.$"]
INVALID = "[invalid]"


def strict(text: str) -> str:
    """The first `#### number`."""
    found = re.findall(STRICT, text)
    return found[0].strip() if found else INVALID


def flexible(text: str) -> str:
    """The last run of digits, points, commas and dollar signs."""
    found = re.findall(FLEXIBLE, text)
    return next(part for part in found[-1] if part).strip() if found else INVALID


def matches(prediction: str, reference: str) -> bool:
    """The harness's exact match: texts without commas, dollar signs and a full stop at the end."""
    for pattern in IGNORED:
        prediction, reference = re.sub(pattern, "", prediction), re.sub(pattern, "", reference)
    return prediction.lower() == reference.lower()


def test_the_copies_are_the_packages_own() -> None:
    pytest.importorskip("lm_eval", reason="pip install --no-deps lm-eval==0.4.13")
    import lm_eval
    import yaml
    from lm_eval.filters.extraction import RegexFilter

    file = Path(lm_eval.__file__).parent / "tasks" / "gsm8k" / "gsm8k.yaml"
    task = yaml.safe_load(file.read_text())
    assert task["metric_list"][0]["regexes_to_ignore"] == IGNORED
    steps = {one["name"]: one["filter"][0] for one in task["filter_list"]}
    mine = {"strict-match": strict, "flexible-extract": flexible}
    texts = [text for text, *_ in DIFFERENT] + ["", "no number", "#### 5 #### 6", "$ . 7,", "-3"]
    for name, step in steps.items():
        step.pop("function")
        (theirs,) = RegexFilter(**step).apply([texts], [{}])
        assert theirs == [mine[name](text) for text in texts]


@settings(deadline=None)
@given(st.integers(-(10**6), 10**6), st.sampled_from(["{}", "{:,}"]))
def test_both_agree_on_gsm8ks_own_form(value: int, form: str) -> None:
    text = f"3 * 4 = <<3*4=12>>12\n#### {form.format(value)}"
    assert grade(text, str(value), "number").correct
    assert matches(strict(text), str(value))
    assert matches(flexible(text), str(value))
    assert not grade(text, str(value + 1), "number").correct
    assert not matches(strict(text), str(value + 1))


# The answer, the gold answer, whether it is right, and why the harness says otherwise: its strict
# filter, its flexible filter, or both (those that differ are named, and only those).
DIFFERENT = [
    ("The answer is 145.0", "145", True, "strict flexible", "texts are compared, not numbers"),
    ("#### 145.00", "145", True, "strict flexible", "texts are compared, not numbers"),
    ("#### 3/4", "0.75", True, "strict flexible", "a fraction is cut at its stroke"),
    ("#### 50%", "0.5", True, "strict flexible", "a percent sign is dropped"),
    ("#### $18", "18", True, "strict", "a currency sign hides the number"),
    ("####18", "18", True, "strict", "no space is no answer"),
    ("The answer is 18.", "18", True, "strict", "only #### is an answer"),
    ("#### 1.234,50", "1234.5", True, "strict flexible", "thousands with points are not known"),
    ("The answer is 1{,}234.", "1234", True, "strict flexible", "LaTeX's comma is not known"),
    ("The answer is −7.", "-7", True, "strict flexible", "a typographic minus is not known"),
    ("The answer is 18, as 9 * 2 says.", "18", True, "strict flexible", "the last number is taken"),
    ("Answer: 9\n\nExplanation: 61 - 52", "9", True, "strict flexible", "the last number is taken"),
    ("\\boxed{18} in 2 days", "18", True, "strict flexible", "the last number is taken"),
    ("The answer is 18 cm^2", "18", True, "strict flexible", "an exponent is taken for a number"),
    ("The answer is 18 and that is it...", "18", True, "strict flexible", "dots are a number"),
    ("The answer is 10-12.", "-12", False, "flexible", "a range is taken for a negative number"),
    ("12-5", "-5", False, "flexible", "a subtraction is taken for a negative number"),
    ("The answer is 17 or 18.", "18", False, "flexible", "two answers are none"),
    ("There are 17.\n\n2. That is all", "2", False, "flexible", "a list marker is taken"),
    ("#### 17\nNo, wait.\n#### 18", "17", False, "strict", "the first, taken back, is taken"),
    ("#### 17\nNo, wait.\n#### 18", "18", True, "strict", "the first, taken back, is taken"),
    ("#### 17.18.19", "171819", False, "", "neither reads a version number as right"),
]


@pytest.mark.parametrize(("text", "gold", "right", "differ", "why"), DIFFERENT)
def test_where_they_differ(text: str, gold: str, right: bool, differ: str, why: str) -> None:
    assert grade(text, gold, "number").correct is right, why
    filters: dict[str, Callable[[str], str]] = {"strict": strict, "flexible": flexible}
    found = {name for name, read in filters.items() if matches(read(text), gold) is not right}
    assert found == set(differ.split()), why


@pytest.mark.parametrize("split", ["train", "test"])
def test_both_read_every_gsm8k_solution(data: Path, split: str) -> None:
    lines = (data / "gsm8k" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, lines):
        gold = row["answer"].rpartition("#### ")[2]
        assert grade(row["answer"], gold, "number").correct
        assert matches(strict(row["answer"]), row["answer"])


# The published answers that one reads as right and the other as wrong, by id.
ONLY_OURS = {5, 11, 34, 152, 166, 182, 186, 188, 292, 341, 368, 371, 389, 434, 493, 524, 575}
ONLY_OURS |= {576, 591, 615, 624, 671}


def test_the_published_students_answers(data: Path) -> None:
    rows = published(data, "false")
    ours = {r["id"] for r in rows if graded(r["student_wrong_pred"], r["gold_answer"])}
    theirs = {r["id"] for r in rows if matches(flexible(r["student_wrong_pred"]), r["gold_answer"])}
    assert ours - theirs == ONLY_OURS
    assert theirs - ours == set()


def test_the_published_teachers_rationales(data: Path) -> None:
    read = {
        (row["id"], author): (graded(text, gold), matches(flexible(text), gold))
        for row in published(data, "rationale")
        for author in ("gpt", "gemini", "mistral")
        for text, gold in [(row[f"{author}_rationale"][0] or "", row["gold_answer"])]
    }
    assert Counter(read.values()) == {
        (True, True): 726,
        (False, False): 386,
        (True, False): 47,  # "So, 4 more birds had come to join the 2 birds": the last is another
        (False, True): 2,
    }
    # "5. Therefore, it is impossible to say": a list marker. And "99 can go, but only 3 want to".
    assert [key for key, found in read.items() if found == (False, True)] == [
        (215, "mistral"),
        (398, "mistral"),
    ]


def graded(text: str, gold: str) -> bool:
    return grade(text, gold, "number").correct
