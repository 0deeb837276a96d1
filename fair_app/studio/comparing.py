"""Evaluations of a project compared: students on the same items, several seeds of each together."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from db import evaluations as stored
from db import exams
from db.evaluations import DIFFERENCES
from db.exams import AnswerRow, Exam
from db.projects import Project
from db.store import connect, reading
from fair_app.errors import BadInput
from fair_app.evaluation.comparing import Part, by_length, by_type
from fair_app.evaluation.statistics import (
    Comparison,
    bootstrap_difference,
    holm,
    paired,
    paired_over_seeds,
)
from fair_app.settings import Settings
from fair_app.studio.evaluations import (
    Tested,
    find_evaluation,
    leakage,
    model_of,
    outcomes,
    seed_of,
    seeds_together,
    summary,
    way_of,
)

__all__ = [
    "DIFFERENCES",
    "Compared",
    "Flip",
    "Part",
    "Side",
    "comparison",
    "find_comparable",
    "flips",
]

Side = tuple[int, ...]
"""One evaluation, or several that differ in their seeds alone, by their ids."""
SEEDS = re.compile(r"\d+(\+\d+)+")
"""Several seeds, as they are named: 12+13+14."""
Runs = list[dict[int, bool]]


@dataclass(frozen=True)
class Compared:
    """Two sides on the same items. `difference` is that of the accuracies, second less first.

    `first` and `second` are the evaluations, of several seeds the first ones, and `sides` all of
    them; `flips` are those of the first ones (`pair`). `ci95` is the paired bootstrap's interval of
    the difference. `p_holm` is the p-value corrected for all comparisons that were asked for
    together; of a single one it is the p-value itself. `by_type` has one list for each way of
    telling the questions' kinds apart. `left_out` are questions.
    """

    first: Exam
    second: Exam
    sides: tuple[Side, Side]
    n: int
    before: float
    after: float
    changes: Comparison
    pair: Comparison
    difference: float
    ci95: tuple[float, float]
    p_holm: float
    by_type: list[list[Part]]
    by_length: list[Part]
    left_out: frozenset[int]

    @property
    def pooled(self) -> bool:
        """Whether either side has several seeds."""
        return max(map(len, self.sides)) > 1


class Flip(NamedTuple):
    """The two answers to one question."""

    before: AnswerRow
    after: AnswerRow


def find_comparable(settings: Settings, project: Project, asked: Sequence[str]) -> list[Side]:
    """The evaluations that are meant: each by its id, several seeds as 12+13, or by its student.

    Of a student it is the newest of the same items, asked in the same way where there is one, with
    all of its seeds; where none of the same items are, simply the newest. Raises BadInput as
    `find_evaluation` does.
    """
    known = summary(settings, project)
    meant = [_meant(settings, project, known, which) for which in asked]
    ways: list[Callable[[Tested], Any]] = [lambda one: (one.items, one.way), lambda one: one.items]
    for way in ways:
        for first in meant[0]:
            alike = [[one for one in own if way(one[0]) == way(first[0])] for own in meant]
            if all(alike):
                return [_ids(own[0]) for own in [[first], *alike[1:]]]
    return [_ids(own[0]) for own in meant]


def comparison(
    settings: Settings,
    project: Project,
    sides: Sequence[int | Sequence[int]],
    *,
    without_leaked: bool = False,
) -> list[Compared]:
    """Every one of these evaluations against the first, on the same items.

    A side may be several seeds of one evaluation: then an item counts with the share of them in
    which it was right. With `without_leaked`, items that leaked into any of them are left out of
    all. Raises BadInput for fewer than two, one that is not the project's or not whole, seeds that
    are not of one evaluation, and when the items differ.
    """
    asked = [(side,) if isinstance(side, int) else tuple(side) for side in sides]
    if len(asked) < 2 or len(set(asked)) < len(asked):
        raise BadInput("Name two or more different evaluations to compare.")
    first, *others = (
        [find_evaluation(settings, project, str(one)) for one in own] for own in asked
    )
    for own in (first, *others):
        _check_seeds(own)
    left_out: frozenset[int] = frozenset()
    if without_leaked:
        every = {exam.id: exam for own in (first, *others) for exam in own}.values()
        left_out = frozenset().union(*(leakage(settings, project, one).items for one in every))

    def runs_of(own: Sequence[Exam]) -> Runs:
        return [outcomes(settings, exam, left_out) for exam in own]

    before, afters = runs_of(first), [runs_of(own) for own in others]
    for own, after in zip(others, afters, strict=True):
        _check_items([*first, *own], [*before, *after])
    changes = [paired_over_seeds(before, after) for after in afters]
    corrected = holm([one.p_value for one in changes])
    items = stored.items(connect(settings.database), first[0].id)
    kinds = {question: item.kind for question, item in items.items()}
    lengths = {question: item.words for question, item in items.items()}
    shares = _shares(before)

    def compared(own: Sequence[Exam], after: Runs, found: Comparison, p: float) -> Compared:
        pairs = {question: (shares[question], share) for question, share in _shares(after).items()}
        means = [sum(values) / len(pairs) for values in zip(*pairs.values(), strict=True)]
        return Compared(
            first=first[0],
            second=own[0],
            sides=(tuple(one.id for one in first), tuple(one.id for one in own)),
            n=len(pairs),
            before=means[0],
            after=means[1],
            changes=found,
            pair=paired(before[0], after[0]),
            difference=sum(new - old for old, new in pairs.values()) / len(pairs),
            ci95=bootstrap_difference(
                [one for one, _ in pairs.values()], [one for _, one in pairs.values()]
            ),
            p_holm=p,
            by_type=by_type(pairs, kinds),
            by_length=by_length(pairs, lengths),
            left_out=left_out,
        )

    return [compared(*one) for one in zip(others, afters, changes, corrected, strict=True)]


def flips(
    settings: Settings,
    first: Exam,
    second: Exam,
    how: str = "changed",
    limit: int = 50,
    offset: int = 0,
    left_out: Collection[int] = (),
) -> tuple[list[Flip], int]:
    """A page of both answers where two evaluations stand so, and how many there are in all.

    `how` is a name of DIFFERENCES: fixed, broken, changed, both right, both wrong.
    """
    store = connect(settings.database)
    with reading(store):
        page, total = stored.differing(store, first.id, second.id, how, limit, offset, left_out)
        before = exams.answers_to(store, first.id, page)
        after = exams.answers_to(store, second.id, page)
    return [Flip(before[question], after[question]) for question in page], total


def _meant(
    settings: Settings, project: Project, known: Sequence[Tested], which: str
) -> list[list[Tested]]:
    """The sides that a word on the command line may mean, the newest first."""
    by_id = {str(one.exam.id): one for one in known}
    if SEEDS.fullmatch(which):
        ids = [find_evaluation(settings, project, one).id for one in which.split("+")]
        return [[by_id[str(one)] for one in ids]]
    if which in by_id:
        return [[by_id[which]]]
    own = [one for one in known if one.exam.student == which]
    # A seed that is under way keeps nobody from comparing those that are done.
    done = [one for one in own if one.whole]
    named = seeds_together(done or own)
    return named or [[by_id[str(find_evaluation(settings, project, which).id)]]]


def _ids(own: Sequence[Tested]) -> Side:
    return tuple(one.exam.id for one in own)


def _shares(runs: Runs) -> dict[int, float]:
    """In which share of its seeds each question was answered right; of one, whether it was."""
    if len(runs) == 1:
        return dict(runs[0])
    return {question: sum(run[question] for run in runs) / len(runs) for question in runs[0]}


def _check_seeds(own: Sequence[Exam]) -> None:
    """Raise BadInput where several evaluations do not differ in their seeds alone."""
    asked = {(*model_of(one), one.task, one.split, way_of(one.settings)) for one in own}
    seeds = {seed_of(one.settings) for one in own}
    if len(own) > 1 and (len(asked) > 1 or len(seeds) < len(own)):
        raise BadInput(
            f"Evaluations {' and '.join(str(one.id) for one in own)} are no seeds of one "
            "evaluation: put together those of one student that differ in their seeds alone."
        )


def _check_items(own: Sequence[Exam], runs: Runs) -> None:
    for exam, run in zip(own, runs, strict=True):
        if run.keys() != runs[0].keys():
            raise BadInput(
                f"Evaluations {own[0].id} and {exam.id} are not of the same items "
                f"({len(runs[0].keys() - run.keys())} only in the first, "
                f"{len(run.keys() - runs[0].keys())} only in the second): "
                "evaluate both students on the same rows."
            )
