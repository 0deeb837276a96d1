"""How often each teacher is drawn, so that all of them are learned from equally. Pure functions."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

Group = frozenset[str]
CLOSE = 1e-6
"""Numbers of texts that are the same."""
MOST_SWEEPS = 1_000


def shares(questions: Sequence[Collection[str]]) -> list[dict[str, float]]:
    """For each question, given the teachers that have a text for it, how likely each is drawn.

    The expected numbers of texts by teacher are as equal as the texts allow (the least sum of
    squares). A question without a teacher has no shares.
    """
    groups = Counter(frozenset(teachers) for teachers in questions)
    found = _balanced({group: number for group, number in groups.items() if group})
    return [found.get(frozenset(teachers), {}) for teachers in questions]


def _balanced(groups: Mapping[Group, int]) -> dict[Group, dict[str, float]]:
    """Questions with the same teachers are alike: each group in turn levels what the others leave.

    The sum of squares falls with every turn, and what it falls to is unique.
    """
    order = sorted(groups, key=sorted)
    given = {group: dict.fromkeys(sorted(group), groups[group] / len(group)) for group in order}
    total = {
        teacher: sum(own.get(teacher, 0.0) for own in given.values())
        for teacher in sorted({teacher for group in order for teacher in group})
    }
    for _ in range(MOST_SWEEPS):
        moved = 0.0
        for group in order:
            before = given[group]
            others = {teacher: total[teacher] - before[teacher] for teacher in before}
            given[group] = _levelled(others, groups[group])
            for teacher, number in given[group].items():
                moved = max(moved, abs(number - before[teacher]))
                total[teacher] = others[teacher] + number
        if moved < CLOSE:
            break
    return {
        group: {teacher: number / groups[group] for teacher, number in own.items()}
        for group, own in given.items()
    }


def _levelled(others: Mapping[str, float], amount: float) -> dict[str, float]:
    """Pour an amount upon what is there, as water finds its level."""
    heights = sorted(others.values())
    level, below = 0.0, 0.0
    for number, height in enumerate(heights, 1):
        below += height
        level = (amount + below) / number
        if number == len(heights) or level <= heights[number]:
            break
    return {teacher: max(0.0, level - height) for teacher, height in others.items()}
