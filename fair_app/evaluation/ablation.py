"""Which students an ablation trains: the project's setting, and what is changed about it.

Pure: an arm is a setting, its runs are trained with different seeds. What the arms learn from, and
what came of them, is told elsewhere.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

from fair_app.curation.acceptance import check_threshold
from fair_app.curation.training_set import MIXED, WITH_MENTOR
from fair_app.errors import BadInput

THE_SETTING = "base"
"""How the arm that changes nothing is called."""
COMBINED = "combination"
"""The factor of an arm that changes several."""
MOST_RUNS = 200
LONGEST_NAME = 64
"""Characters of a checkpoint's name."""


NONE, RATIONALES, SOFT, ALL = "none", "rationales", "soft", "all"
MENTORS = (NONE, RATIONALES, SOFT, ALL)
"""What of the mentor is learned from: nothing, its rationales, its soft labels, or both."""
MENTOR_WORDS = {
    NONE: "without the mentor",
    RATIONALES: "mentor's rationales",
    SOFT: "mentor's soft labels",
    ALL: "mentor's rationales and soft labels",
}


@dataclass(frozen=True)
class Arm:
    """One setting of the method. The fields are the factors that can be changed.

    `threshold` None is the project's, with the thresholds that teachers have of their own; a number
    is every teacher's. `teacher` is `mixed`, or whose texts alone are learned from. Without
    `feedback` rationales alone are, which is `alpha` 0 on questions that need no feedback. Without
    `peer_review` as many rationales as it would accept are drawn at random. Without `decisions` the
    rules alone say what is accepted. `mentor` is one of MENTORS: its rationales are learned from
    beside the whole committee's.
    """

    threshold: float | None = None
    alpha: float = 0.5
    teacher: str = MIXED
    feedback: bool = True
    peer_review: bool = True
    answer_check: bool = False
    decisions: bool = True
    mentor: str = NONE

    @property
    def author(self) -> str:
        """Whose texts are learned from, as a training set names it."""
        added = self.teacher == MIXED and self.mentor in (RATIONALES, ALL)
        return WITH_MENTOR if added else self.teacher

    @property
    def soft(self) -> bool:
        """Whether the mentor's soft labels are learned from."""
        return self.mentor in (SOFT, ALL)


FACTORS = tuple(field.name for field in fields(Arm))


@dataclass(frozen=True)
class Factors:
    """What is changed about a setting, a value at a time."""

    thresholds: tuple[float, ...] = ()
    alphas: tuple[float, ...] = ()
    teachers: tuple[str, ...] = ()
    without_feedback: bool = False
    random_rationales: bool = False
    answer_check: bool = False
    without_decisions: bool = False
    mentor: tuple[str, ...] = ()


@dataclass(frozen=True)
class Design:
    """The arms of an ablation, the project's own setting first, and the seeds of each.

    `keep_rule`: a single teacher's rationales pass the acceptance rule too; otherwise all of them
    are learned from, as in the reference.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    keep_rule: bool = False

    @property
    def base(self) -> Arm:
        """The project's own setting."""
        return self.arms[0]


def design(
    base: Arm,
    factors: Factors,
    *,
    seeds: Sequence[int],
    grid: bool = False,
    keep_rule: bool = False,
) -> Design:
    """One factor at a time around `base`, or with `grid` every combination; equal arms once.

    Raises BadInput for a threshold outside 0..5, an alpha outside 0..1, no seed or the same one
    twice, when nothing is changed, and for more than MOST_RUNS runs.
    """
    thresholds = [check_threshold(one) for one in factors.thresholds]
    for alpha in factors.alphas:
        if not 0 <= alpha <= 1:
            raise BadInput(f"alpha is {alpha!r}: give a value that is between 0 and 1.")
    for one in factors.mentor:
        if one not in MENTORS:
            raise BadInput(f"There is no '{one}' of a mentor: choose of {', '.join(MENTORS)}.")
    if not seeds or len(set(seeds)) < len(seeds):
        raise BadInput("An ablation needs at least one seed, and each only once.")
    values: dict[str, Sequence[Any]] = {
        "threshold": thresholds,
        "alpha": factors.alphas,
        "teacher": factors.teachers,
        "feedback": [False] if factors.without_feedback else [],
        "peer_review": [False] if factors.random_rationales else [],
        "answer_check": [True, False] if factors.answer_check else [],
        "decisions": [False] if factors.without_decisions else [],
        "mentor": factors.mentor,
    }
    found = combinations(base, values) if grid else one_at_a_time(base, values)
    arms = tuple(dict.fromkeys(_effective(arm, base, keep_rule) for arm in found))
    if len(arms) < 2:
        raise BadInput(
            "Nothing is changed about the project's setting: give another threshold, alpha, "
            "teacher or condition."
        )
    if len(arms) * len(seeds) > MOST_RUNS:
        raise BadInput(
            f"{len(arms)} arms with {len(seeds)} seeds are {len(arms) * len(seeds):,} runs, more "
            f"than {MOST_RUNS}: change fewer factors at once, or take fewer seeds."
        )
    return Design(arms, tuple(seeds), keep_rule)


def one_at_a_time(base: Arm, values: dict[str, Sequence[Any]]) -> list[Arm]:
    """The base, then it with one factor changed to each of its values."""
    return [base, *(replace(base, **{name: one}) for name in values for one in values[name])]


def combinations(base: Arm, values: dict[str, Sequence[Any]]) -> list[Arm]:
    """Every combination of the factors' values and the base's own, the base first."""
    choices = [[getattr(base, name), *values[name]] for name in values]
    return [Arm(**dict(zip(values, chosen, strict=True))) for chosen in product(*choices)]


def changed(arm: Arm, base: Arm) -> dict[str, Any]:
    """What an arm changes about the base: the factors' values by their names."""
    found = {
        name: getattr(arm, name) for name in FACTORS if getattr(arm, name) != getattr(base, name)
    }
    if found.get("feedback") is False:
        found.pop("alpha", None)  # rationales alone: what feedback weighs is no choice any more
    if base.soft and alpha_of(arm) == 1:
        found.pop("mentor", None)  # feedback alone: the same of the soft labels
    return found


def factor(arm: Arm, base: Arm) -> str:
    """The factor that an arm changes; THE_SETTING for none, COMBINED for several."""
    names = list(changed(arm, base))
    return THE_SETTING if not names else names[0] if len(names) == 1 else COMBINED


def title(arm: Arm, base: Arm) -> str:
    """An arm in words: what it changes."""
    return ", ".join(in_words(changed(arm, base)))


def in_words(changes: Mapping[str, Any]) -> list[str]:
    """What an arm changes (`changed`), each in words."""
    return [_words(name, value) for name, value in changes.items()] or ["the project's setting"]


def names(prefix: str, found: Design) -> dict[tuple[Arm, int], str]:
    """The name of each run's checkpoint: PREFIX-ARM, with several seeds PREFIX-ARM-sSEED.

    Raises BadInput when one would be longer than a checkpoint's name may be.
    """
    taken: set[str] = set()
    made = {}
    for arm in found.arms:
        parts = [_slug(name, value) for name, value in changed(arm, found.base).items()]
        words = slug = "-".join(parts) or THE_SETTING
        # Teachers whose names differ in what a checkpoint's name cannot have.
        number = 2
        while slug in taken:
            slug, number = f"{words}-{number}", number + 1
        taken.add(slug)
        for seed in found.seeds:
            own = f"-s{seed}" if len(found.seeds) > 1 else ""
            made[arm, seed] = f"{prefix}-{slug}{own}"
    longest = max(map(len, made.values()))
    if longest > LONGEST_NAME:
        raise BadInput(
            f"The ablation's name is too long for its checkpoints' names: take at least "
            f"{longest - LONGEST_NAME} characters away."
        )
    return made


def alpha_of(arm: Arm) -> float:
    """The weight of the feedback in the loss."""
    return arm.alpha if arm.feedback else 0.0


def _effective(arm: Arm, base: Arm, keep_rule: bool) -> Arm:
    """An arm without the changes that cannot show in it."""
    if not arm.feedback:
        arm = replace(arm, alpha=0.0)
    if arm.teacher != MIXED and not keep_rule:
        # All of a teacher's rationales: no rule decides among them.
        arm = replace(
            arm,
            threshold=base.threshold,
            answer_check=base.answer_check,
            peer_review=base.peer_review,
        )
    return replace(arm, mentor=_mentor(arm))


def _mentor(arm: Arm) -> str:
    """What of the mentor shows in an arm: its rationales beside the whole committee's alone, and
    its soft labels where rationales weigh anything."""
    added = arm.author == WITH_MENTOR
    soft = arm.soft and alpha_of(arm) < 1
    return {(True, True): ALL, (True, False): RATIONALES, (False, True): SOFT}.get(
        (added, soft), NONE
    )


def _words(name: str, value: Any) -> str:
    match name:
        case "threshold":
            return f"threshold {value:g}" if value is not None else "the project's thresholds"
        case "alpha":
            return f"alpha {value:g}"
        case "teacher":
            return "the whole committee" if value == MIXED else f"only {value}"
        case "feedback":
            return "with feedback" if value else "rationales only"
        case "peer_review":
            return "peer review" if value else "random rationales"
        case "answer_check":
            return "with the answer check" if value else "without the answer check"
        case "mentor":
            return MENTOR_WORDS[value]
        case _:
            return "with human decisions" if value else "without human decisions"


def _slug(name: str, value: Any) -> str:
    words = _words(name, value).replace("the project's ", "own ").replace("'s ", "s ")
    return re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-.").lower() or name
