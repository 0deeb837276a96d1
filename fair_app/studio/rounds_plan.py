"""What rounds will take, before they begin: the first as far as it is known, the others estimated.

How many mistakes a distilled student will make, nobody knows: the further rounds are reckoned with
those of the first, so that they cost that at most unless the student gets worse.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from db import calls, exams, jobs
from db.projects import Project
from db.store import connect
from fair_app.curation.training_set import Selection
from fair_app.errors import BadInput
from fair_app.evaluation.rounds import AFRESH, calls_about, checkpoint_of, expected_calls
from fair_app.settings import Settings
from fair_app.studio.quote import Quote, quote
from fair_app.studio.training import student_to_train, training_questions
from fair_app.studio.training_pace import tokens_a_question, training_pace
from fair_app.training.examples import TrainingQuestion
from fair_app.training.settings import chosen_settings

Range = tuple[float, float]
"""At least, and at most."""


@dataclass(frozen=True)
class RoundsPlan:
    """What rounds will take.

    `mistakes` are those of the first round; `known` says that they are counted and not estimated,
    because its exam was sat already. `first_calls` are to be made in the first round,
    `first_cached` answered by the ledger, and `later_calls` made in all further rounds together.
    Costs in USD, None where a price is not known. `seconds` by part, None where nothing like it ran
    here before; times and all that is about further rounds are estimates.
    """

    rounds: int
    student: str
    checkpoints: list[str]
    exam_questions: int
    test_questions: int | None
    mistakes: int
    known: bool
    teachers: int
    first_calls: Range
    first_cached: int
    first_cost_usd: Range | None
    later_calls: Range
    later_cost_usd: Range | None
    seconds: dict[str, float | None]

    @property
    def cost_usd(self) -> Range | None:
        """All rounds together."""
        if self.first_cost_usd is None or self.later_cost_usd is None:
            return None
        low, high = zip(self.first_cost_usd, self.later_cost_usd, strict=True)
        return sum(low), sum(high)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {**asdict(self), "cost_usd": self.cost_usd}


def rounds_plan(
    settings: Settings, project: Project, params: Mapping[str, Any], found: Quote | None = None
) -> RoundsPlan:
    """What a job with these parameters (of `rounds_params`) will take.

    `found` is the quote of the project's missing calls, for who has it already.
    """
    store = connect(settings.database)
    assert project.exam_id is not None
    exam, counts = exams.get(store, project.exam_id), exams.counts(store, project.exam_id)
    questions = params["exam"]["limit"] or counts.questions
    wrong = counts.answered - counts.correct
    known = exam.student == params["student"] and questions == counts.questions == counts.answered
    mistakes = wrong if known else round(questions * wrong / max(1, counts.answered))
    found = found or quote(settings, project)
    low, high = expected_calls(mistakes, found.teachers)
    sent = found.calls - found.from_ledger
    first: Range = (sent, sent) if known else (low, high)
    more = params["rounds"] - 1
    a_call = _usd_a_call(settings, project, found)
    first_cost = (found.cost_usd, found.cost_usd) if known else _times(a_call, first)
    return RoundsPlan(
        rounds=params["rounds"],
        student=params["student"],
        checkpoints=[checkpoint_of(params["name"], one + 1) for one in range(params["rounds"])],
        exam_questions=questions,
        test_questions=params["test"]["limit"],
        mistakes=mistakes,
        known=known,
        teachers=found.teachers,
        first_calls=first,
        first_cached=found.from_ledger if known else 0,
        first_cost_usd=None if found.unpriced else first_cost,
        later_calls=(more * low, more * high),
        later_cost_usd=_times(a_call, (more * low, more * high)),
        seconds=_seconds(settings, project, params, known, questions, mistakes, found),
    )


def _usd_a_call(settings: Settings, project: Project, found: Quote) -> float | None:
    """The mean cost of the project's calls so far and those of the quote."""
    if found.unpriced:
        return None
    made = calls.tally_of_project(connect(settings.database), project.id)
    if any(one.unpriced for one in made):
        return None
    number = sum(one.done for one in made) + found.calls - found.from_ledger
    cost = sum(one.cost_usd for one in made) + found.cost_usd
    return cost / number if number else 0.0


def _times(a_call: float | None, number: Range) -> Range | None:
    return None if a_call is None else (a_call * number[0], a_call * number[1])


# ---- times


def _seconds(
    settings: Settings,
    project: Project,
    params: Mapping[str, Any],
    known: bool,
    questions: int,
    mistakes: int,
    found: Quote,
) -> dict[str, float | None]:
    """By part, of all rounds; None where nothing like it ran here before."""
    rounds = params["rounds"]
    a_question = _a_question(settings, params)
    a_call = _a_call(settings, project)
    first = found.calls - found.from_ledger if known else calls_about(mistakes, found.teachers)
    all_calls = first + (rounds - 1) * calls_about(mistakes, found.teachers)
    limits = (found.minutes or 0.0) * 60 * all_calls / max(1, first)
    tested = params["test"]["limit"] or questions
    sat = (rounds - 1 if known else rounds) * questions
    return {
        "exam": None if a_question is None else sat * a_question,
        "committee": max(limits, all_calls * a_call) if a_call is not None else limits or None,
        "training": _training(settings, project, params, mistakes if not known else None),
        "test": None if a_question is None else (rounds + 1) * tested * a_question,
    }


def _a_question(settings: Settings, params: Mapping[str, Any]) -> float | None:
    """Seconds that the student took for a question when it last answered any of this task."""
    sat = exams.sat_by(connect(settings.database), params["student"], params["exam"]["task"])
    return next((one.seconds / answered for one, answered in sat if answered and one.seconds), None)


def _a_call(settings: Settings, project: Project) -> float | None:
    """Seconds a call in the newest committee job that made any."""
    for job in jobs.of_kind(connect(settings.database), project.id, "collect"):
        made = (job.result or {}).get("calls")
        if made and job.finished_at and job.started_at:
            return (job.finished_at - job.started_at) / float(made)
    return None


def _training(
    settings: Settings, project: Project, params: Mapping[str, Any], mistakes: int | None
) -> float | None:
    """All trainings at the pace of this student's newest one here; None before the first.

    `mistakes` are learned from where there is nothing curated yet.
    """
    base = student_to_train(settings, project, params["student"]).base
    pace = training_pace(settings, base)
    training = params["training"]
    curated = _curated(settings, project, training)
    tokens = tokens_a_question(curated) if curated else pace.tokens_a_question if pace else None
    if pace is None or tokens is None:
        return None
    chosen = chosen_settings(training["preset"], training["settings_given"])
    each = len(curated) if mistakes is None and curated else mistakes
    if each is None:
        store = connect(settings.database)
        assert project.exam_id is not None
        each = len(exams.answer_ids(store, project.exam_id, "wrong"))
    learned = [
        each * (number if params["train"] == AFRESH else 1)
        for number in range(1, params["rounds"] + 1)
    ]
    seconds = [pace.seconds(chosen, one, tokens) for one in learned]
    known = [one for one in seconds if one is not None]
    return sum(known) if len(known) == len(seconds) else None


def _curated(
    settings: Settings, project: Project, training: Mapping[str, Any]
) -> list[TrainingQuestion]:
    """What there is to learn from now; empty before any mistake is taught."""
    try:
        selection = Selection(training["teacher"], training["keep_rule"])
        return training_questions(settings, project, selection)
    except BadInput:
        return []
