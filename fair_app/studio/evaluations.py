"""Evaluations: all of a project at once, some of them compared, students by tasks, leaked items."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from db import evaluations as stored
from db import exams
from db.evaluations import DIFFERENCES, Tally
from db.exams import AnswerRow, Exam
from db.projects import Project
from db.store import connect, reading
from fair_app.errors import BadInput
from fair_app.evaluation.comparing import Part, by_length, by_type
from fair_app.evaluation.leakage import Leak, Leakage
from fair_app.evaluation.statistics import (
    Comparison,
    bootstrap_difference,
    clustered,
    holm,
    over_seeds,
    paired,
    wilson,
)
from fair_app.settings import Settings
from fair_app.studio.leakage import leakage
from fair_app.studio.students import base_student

__all__ = [
    "DIFFERENCES",
    "Cell",
    "Compared",
    "Flip",
    "Leak",
    "Leakage",
    "Matrix",
    "Part",
    "Tested",
    "comparison",
    "find_comparable",
    "find_evaluation",
    "flips",
    "leakage",
    "matrix",
    "summary",
    "without",
]


@dataclass(frozen=True)
class Tested:
    """One evaluation, and how far it is. Accuracy and its 95 % interval are of the answers so far.

    Two can be compared when their `items` are equal. `way` says in words how was asked, without
    the `seed` of the sampling (None: greedy).
    """

    exam: Exam
    questions: int
    answered: int
    correct: int
    truncated: int
    accuracy: float | None
    ci95: tuple[float, float] | None
    items: str
    way: str
    seed: int | None

    @property
    def whole(self) -> bool:
        """Whether every question is answered."""
        return self.questions > 0 and self.answered == self.questions

    @property
    def column(self) -> str:
        """Its task, and its split where that is not the test split."""
        task, split = self.exam.task, self.exam.split
        return task if split == "test" else f"{task} ({split})"


@dataclass(frozen=True)
class Compared:
    """Two evaluations on the same items. `difference` is that of the accuracies, second less first.

    `ci95` is its paired bootstrap interval. `p_holm` is McNemar's p-value corrected for all
    comparisons that were asked for together; of a single one it is the p-value itself. `by_type`
    has one list for each way of telling the questions' kinds apart. `left_out` are questions.
    """

    first: Exam
    second: Exam
    n: int
    changes: Comparison
    difference: float
    ci95: tuple[float, float]
    p_holm: float
    by_type: list[list[Part]]
    by_length: list[Part]
    left_out: frozenset[int]


class Flip(NamedTuple):
    """The two answers to one question."""

    before: AnswerRow
    after: AnswerRow


@dataclass(frozen=True)
class Cell:
    """A student on a task. `evaluations` are the newest of their way, one a seed, the newest first.

    `alike`: asked in the same way and the same items as most in the column, so that the two may be
    compared.
    """

    evaluations: tuple[int, ...]
    accuracy: float
    n: int
    ci95: tuple[float, float]
    alike: bool


@dataclass(frozen=True)
class Matrix:
    """Students by tasks. `ways` says of each task how most were asked, `learned` what task the
    project's checkpoints were trained on. There is no cell where there is no whole evaluation."""

    students: list[str]
    tasks: list[str]
    ways: dict[str, str]
    learned: str
    cells: dict[tuple[str, str], Cell]


def summary(settings: Settings, project: Project) -> list[Tested]:
    """All evaluations of a project, the newest first."""
    store = connect(settings.database)
    with reading(store):
        found = exams.of_project(store, project.id, "evaluation")
        counted = stored.tallies(store, project.id)
    return [_tested(exam, counted.get(exam.id, Tally(0, 0, 0, 0, 0))) for exam in found]


def find_evaluation(settings: Settings, project: Project, which: str) -> Exam:
    """An evaluation by its id, or the newest of a student REF. Raises BadInput."""
    found = exams.of_project(connect(settings.database), project.id, "evaluation")
    for exam in found:
        if which in (str(exam.id), exam.student):
            return exam
    known = ", ".join(f"{exam.id} ({exam.student})" for exam in found) or "none yet"
    raise BadInput(f"There is no evaluation '{which}' in {project.name}; there are: {known}.")


def find_comparable(settings: Settings, project: Project, asked: Sequence[str]) -> list[int]:
    """The evaluations that are meant, each by its id or its student: the newest of the same items.

    Where none of the same items are, simply the newest. Raises BadInput as `find_evaluation` does.
    """
    known = summary(settings, project)
    newest = [find_evaluation(settings, project, which).id for which in asked]
    meant = [
        [one for one in known if which == str(one.exam.id)]
        or [one for one in known if which == one.exam.student]
        for which in asked
    ]
    for first in meant[0]:
        alike = [[one for one in own if one.items == first.items] for own in meant]
        if all(alike):
            return [first.exam.id, *(own[0].exam.id for own in alike[1:])]
    return newest


def comparison(
    settings: Settings, project: Project, ids: Sequence[int], *, without_leaked: bool = False
) -> list[Compared]:
    """Every one of these evaluations against the first, on the same items.

    With `without_leaked`, items that leaked into any of them are left out of all. Raises BadInput
    for fewer than two, one that is not the project's or not whole, and when the items differ.
    """
    if len(ids) < 2 or len(set(ids)) < len(ids):
        raise BadInput("Name two or more different evaluations to compare.")
    first, *others = (find_evaluation(settings, project, str(one)) for one in ids)
    store = connect(settings.database)
    left_out: frozenset[int] = frozenset()
    if without_leaked:
        found = (leakage(settings, project, exam).items for exam in (first, *others))
        left_out = frozenset().union(*found)
    before = _outcomes(settings, first, left_out)
    afters = [_outcomes(settings, other, left_out) for other in others]
    changes = [
        _paired(first, before, other, after) for other, after in zip(others, afters, strict=True)
    ]
    corrected = holm([one.p_value for one in changes])
    items = stored.items(store, first.id)
    kinds = {question: item.kind for question, item in items.items()}
    lengths = {question: item.words for question, item in items.items()}

    def compared(other: Exam, after: dict[int, bool], found: Comparison, p: float) -> Compared:
        pairs = {question: (before[question], after[question]) for question in before}
        return Compared(
            first=first,
            second=other,
            n=len(pairs),
            changes=found,
            difference=(found.fixed - found.broken) / len(pairs),
            ci95=bootstrap_difference(
                [one for one, _ in pairs.values()], [one for _, one in pairs.values()]
            ),
            p_holm=p,
            by_type=by_type(pairs, kinds),
            by_length=by_length(pairs, lengths),
            left_out=left_out,
        )

    return [compared(*one) for one in zip(others, afters, changes, corrected, strict=True)]


def without(settings: Settings, ids: Sequence[int], left_out: Collection[int]) -> dict[str, Any]:
    """The accuracy without some questions: of one evaluation, or of several seeds.

    Returns n, correct (over several seeds their mean), accuracy and ci95. Raises BadInput when
    nothing is left, and for an evaluation that is not whole.
    """
    store = connect(settings.database)
    runs = [_outcomes(settings, exams.get(store, one), left_out) for one in ids]
    found = clustered([[run[question] for question in runs[0]] for run in runs])
    n = len(runs[0])
    correct = sum(sum(run.values()) for run in runs) / len(runs)
    return {
        "n": n,
        "correct": int(correct) if len(runs) == 1 else round(correct, 4),
        "accuracy": found.mean,
        "ci95": [found.low, found.high],
    }


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


def matrix(settings: Settings, project: Project) -> Matrix:
    """A project's students by the tasks that they were tested on, from whole evaluations.

    The project's own student and task come first. A cell is of the items and the way in which most
    students of its column were asked (of several such the newest), over all seeds; of a student
    who was not asked so it is the newest evaluation.
    """
    whole = [one for one in summary(settings, project) if one.whole]
    columns: defaultdict[str, list[Tested]] = defaultdict(list)
    for one in whole:
        columns[one.column].append(one)
    usual = {name: _usual(own) for name, own in columns.items()}
    groups: dict[tuple[str, str], list[Tested]] = {}
    for name, own in columns.items():
        for student in {one.exam.student for one in own}:
            mine = [one for one in own if one.exam.student == student]
            so = next((one for one in mine if _asked(one) == usual[name]), mine[0])
            alike = [one for one in mine if _asked(one) == _asked(so)]
            newest: dict[int | None, Tested] = {}
            for one in alike:
                newest.setdefault(one.seed, one)
            groups[student, name] = list(newest.values())
    oldest_first = whole[::-1]
    first = base_student(settings, project)
    students = dict.fromkeys([first, *(one.exam.student for one in oldest_first)])
    tasks = dict.fromkeys([project.task, *(one.column for one in oldest_first)])
    return Matrix(
        students=[one for one in students if any(one == student for student, _ in groups)],
        tasks=[one for one in tasks if one in columns],
        ways={name: way for name, (_, way) in usual.items()},
        learned=project.task,
        cells=_cells(settings, groups, usual),
    )


def _cells(
    settings: Settings,
    groups: dict[tuple[str, str], list[Tested]],
    usual: dict[str, tuple[str, str]],
) -> dict[tuple[str, str], Cell]:
    several = [place for place, group in groups.items() if len(group) > 1]
    ids = [[one.exam.id for one in groups[place]] for place in several]
    sums = dict(zip(several, stored.seed_sums(connect(settings.database), ids), strict=True))
    cells = {}
    for place, group in groups.items():
        newest = group[0]
        correct, ci95 = newest.correct, newest.ci95
        if place in sums:
            items, correct, squares = sums[place]
            ci95 = over_seeds(items, len(group), correct, squares)
        assert ci95 is not None
        cells[place] = Cell(
            evaluations=tuple(one.exam.id for one in group),
            accuracy=correct / (newest.questions * len(group)),
            n=newest.questions,
            ci95=ci95,
            alike=_asked(newest) == usual[place[1]],
        )
    return cells


def _tested(exam: Exam, counts: Tally) -> Tested:
    graded = counts.answered
    return Tested(
        exam=exam,
        questions=counts.questions,
        answered=graded,
        correct=counts.correct,
        truncated=counts.truncated,
        accuracy=counts.correct / graded if graded else None,
        ci95=wilson(counts.correct, graded) if graded else None,
        items=f"{exam.task}/{exam.split}/{exam.settings.get('put') or exam.id}/{counts.ids}",
        way=way_of(exam.settings),
        seed=_seed(exam.settings),
    )


def way_of(settings: dict[str, Any]) -> str:
    """How an evaluation asks, in words: `greedy, 256 tokens`; what is usual is left out."""
    decoding = settings.get("decoding") or {}
    samples, quantization = settings.get("samples", 1), settings.get("quantization", "none")
    said = [
        decoding.get("name", ""),
        f"{decoding['max_new_tokens']} tokens" if "max_new_tokens" in decoding else "",
        f"{samples} samples" if samples > 1 else "",
        "4 bits" if quantization == "4bit" else "",
        "plain prompts" if settings.get("prompts") == "plain" else "",
    ]
    return ", ".join(one for one in said if one)


def _seed(settings: dict[str, Any]) -> int | None:
    decoding = settings.get("decoding") or {}
    return decoding.get("seed") if decoding.get("temperature") else None


def _asked(one: Tested) -> tuple[str, str]:
    return one.items, one.way


def _usual(own: Sequence[Tested]) -> tuple[str, str]:
    """The items and the way that most students have in common; `own` has the newest first."""
    students = Counter(
        asked for asked, _ in dict.fromkeys((_asked(one), one.exam.student) for one in own)
    )
    return max(students, key=lambda asked: students[asked])


def _outcomes(settings: Settings, exam: Exam, left_out: Collection[int]) -> dict[int, bool]:
    found = stored.outcomes(connect(settings.database), exam.id)
    answered = sum(correct is not None for correct in found.values())
    if answered < len(found):
        raise BadInput(
            f"Evaluation {exam.id} has answered {answered} of {len(found)} questions: "
            "resume it before you compare."
        )
    kept = {question: bool(one) for question, one in found.items() if question not in left_out}
    if found and not kept:
        raise BadInput("All items leaked into what was learned from: there is nothing to compare.")
    return kept


def _paired(
    first: Exam, before: dict[int, bool], second: Exam, after: dict[int, bool]
) -> Comparison:
    if before.keys() != after.keys():
        raise BadInput(
            f"Evaluations {first.id} and {second.id} are not of the same items "
            f"({len(before.keys() - after.keys())} only in the first, "
            f"{len(after.keys() - before.keys())} only in the second): "
            "evaluate both students on the same rows."
        )
    return paired(before, after)
