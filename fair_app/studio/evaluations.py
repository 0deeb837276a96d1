"""Evaluations of a project: all of them at once, those of several seeds together, leaked items."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from db import evaluations as stored
from db import exams
from db.evaluations import Tally
from db.exams import Exam
from db.projects import Project
from db.store import connect, reading
from fair_app.errors import BadInput
from fair_app.evaluation.leakage import Leak, Leakage
from fair_app.evaluation.statistics import clustered, wilson
from fair_app.settings import Settings
from fair_app.studio.leakage import leakage

__all__ = [
    "NOTHING_LEFT",
    "Leak",
    "Leakage",
    "Tested",
    "find_evaluation",
    "leakage",
    "model_of",
    "outcomes",
    "seed_of",
    "seeds_together",
    "summary",
    "way_of",
    "without",
]

NOTHING_LEFT = (
    "Every question of this test stands in what was learned from, and without them nothing is "
    "left: test on others."
)


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


def seeds_together(found: Sequence[Tested]) -> list[list[Tested]]:
    """Evaluations that are the same but for the seed, by their seeds; of one seed the newest.

    `found` has the newest first, and so has what comes back. A greedy one is alone.
    """
    groups: dict[tuple[Any, ...], dict[int | None, Tested]] = {}
    for one in found:
        alone = one.exam.id if one.seed is None else None
        asked = (*model_of(one.exam), one.items, one.way, alone)
        groups.setdefault(asked, {}).setdefault(one.seed, one)
    return [sorted(own.values(), key=lambda one: one.seed or 0) for own in groups.values()]


def without(settings: Settings, ids: Sequence[int], left_out: Collection[int]) -> dict[str, Any]:
    """The accuracy without some questions: of one evaluation, or of several seeds.

    Returns n, correct (over several seeds their mean), accuracy and ci95. Raises BadInput when
    nothing is left, and for an evaluation that is not whole.
    """
    store = connect(settings.database)
    runs = [outcomes(settings, exams.get(store, one), left_out) for one in ids]
    found = clustered([[run[question] for question in runs[0]] for run in runs])
    n = len(runs[0])
    correct = sum(sum(run.values()) for run in runs) / len(runs)
    return {
        "n": n,
        "correct": int(correct) if len(runs) == 1 else round(correct, 4),
        "accuracy": found.mean,
        "ci95": [found.low, found.high],
    }


def model_of(exam: Exam) -> tuple[str, str | None, str]:
    """What answered an evaluation: the student's REF, its server, and the files that it had."""
    return exam.student, exam.settings.get("server"), exam.settings.get("fingerprint", "")


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


def seed_of(settings: dict[str, Any]) -> int | None:
    """The seed with which answers were drawn; None for greedy ones."""
    decoding = settings.get("decoding") or {}
    return decoding.get("seed") if decoding.get("temperature") else None


def outcomes(settings: Settings, exam: Exam, left_out: Collection[int] = ()) -> dict[int, bool]:
    """Whether each question of an evaluation was answered right, but for those left out.

    Raises BadInput for one that is not whole, and when nothing is left.
    """
    found = stored.outcomes(connect(settings.database), exam.id)
    answered = sum(correct is not None for correct in found.values())
    if answered < len(found):
        raise BadInput(
            f"Evaluation {exam.id} has answered {answered} of {len(found)} questions: "
            "resume it before you compare."
        )
    kept = {question: bool(one) for question, one in found.items() if question not in left_out}
    if found and not kept:
        raise BadInput(NOTHING_LEFT)
    return kept


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
        seed=seed_of(exam.settings),
    )
