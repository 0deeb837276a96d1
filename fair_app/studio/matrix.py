"""A project's students by the tasks that they were tested on."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from db import evaluations as stored
from db.projects import Project
from db.store import connect
from fair_app.evaluation.statistics import over_seeds
from fair_app.settings import Settings
from fair_app.studio.evaluations import Tested, summary
from fair_app.studio.students import base_student


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


def _asked(one: Tested) -> tuple[str, str]:
    return one.items, one.way


def _usual(own: Sequence[Tested]) -> tuple[str, str]:
    """The items and the way that most students have in common; `own` has the newest first."""
    students = Counter(
        asked for asked, _ in dict.fromkeys((_asked(one), one.exam.student) for one in own)
    )
    return max(students, key=lambda asked: students[asked])
