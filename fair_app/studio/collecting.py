"""A committee job as a person follows it: its parameters, and how it stands while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from db import calls, committee, mentors, paces, projects
from db import jobs as job_rows
from db.calls import Failures, Tally
from db.paces import Pause
from db.projects import Project
from db.store import connect, now
from fair_app.committee.base import TeacherSpec
from fair_app.committee.prices import price_of
from fair_app.committee.registry import key_variable
from fair_app.curation.agreement import Agreement, pairwise_agreement
from fair_app.errors import BadInput
from fair_app.keys import usable
from fair_app.settings import Settings
from fair_app.studio.quote import quote
from fair_app.tasks.registry import task_of

CONCURRENCY = 16
PACE_OVER_S = 10.0


@dataclass(frozen=True)
class Live:
    """The newest committee job in figures.

    `tallies` are its calls by teacher and role; `calls_per_second` over the last ten seconds;
    `projected_usd` what the job will have cost when all is written, None before the first answer or
    when a price is not known.
    """

    tallies: list[Tally]
    calls_per_second: float
    cost_usd: float
    projected_usd: float | None
    spent_usd: float
    budget_usd: float | None
    pauses: list[Pause]


def collect_params(
    settings: Settings,
    project: Project,
    concurrency: int = CONCURRENCY,
    budget_usd: float | None = None,
    keys: Mapping[str, SecretStr] | None = None,
    batch: bool = False,
    review_mentor: bool = False,
) -> dict[str, Any]:
    """The parameters of a committee job; the cap is saved with the project.

    `keys` are the keys that may be used (default: the environment's); `batch` asks providers that
    have batches in them; with `review_mentor` the mentor's rationales are reviewed too. Raises
    BadInput when the job could not begin: nothing to teach, nobody to ask, a key or, under a cap, a
    price missing, and no mentor's rationale to review.
    """
    if concurrency < 1:
        raise BadInput("Calls in flight (--concurrency) must be 1 or more.")
    found = quote(settings, project)
    check_committee(settings, project, budget_usd, keys)
    if found.mistakes == 0:
        raise BadInput("The exam has no mistake to teach: ask the student more questions first.")
    store = connect(settings.database)
    if review_mentor and not mentors_rationales(settings, project):
        raise BadInput("There is no mentor's rationale to review: let it write some (augment).")
    projects.set_budget(store, project.id, budget_usd)
    return {
        "concurrency": concurrency,
        "budget_usd": budget_usd,
        "batch": batch,
        "review_mentor": review_mentor,
    }


def mentors_reviews(settings: Settings, project: Project) -> int:
    """How many reviews of the mentor's rationales the committee has not written."""
    if project.exam_id is None:
        return 0
    store = connect(settings.database)
    with_them, without = (
        sum(
            one.reviews
            for one in committee.missing(store, project.id, project.exam_id, review_mentor=wanted)
        )
        for wanted in (True, False)
    )
    return with_them - without


def mentors_rationales(settings: Settings, project: Project) -> int:
    """How many rationales the project's mentor has on the present mistakes."""
    store = connect(settings.database)
    mentor = mentors.of_project(store, project.id)
    if mentor is None or project.exam_id is None:
        return 0
    return mentors.written(store, mentor.id, project.exam_id)


def check_committee(
    settings: Settings,
    project: Project,
    budget_usd: float | None = None,
    keys: Mapping[str, SecretStr] | None = None,
) -> None:
    """Raise BadInput when a project's committee cannot be asked: see `collect_params`."""
    if budget_usd is not None and not 0 < budget_usd < float("inf"):
        raise BadInput("The budget is an amount in USD: give more than 0, or none.")
    store = connect(settings.database)
    members = [row for row in committee.teachers(store, project.id) if row.origin == "committee"]
    if not members:
        raise BadInput("The committee has no teacher that can be asked: choose its teachers.")
    if all(row.simulated for row in members) and not task_of(project).has_derivations:
        raise BadInput(
            f"The offline teachers work on gold solutions with equations, and {project.task} has "
            "none: give a committee of other teachers, or import recorded answers."
        )
    specs = [TeacherSpec.model_validate(row.spec) for row in members]
    held = usable() if keys is None else keys
    for spec in specs:
        variable = key_variable(spec)
        if variable and not (variable in held and held[variable].get_secret_value().strip()):
            raise BadInput(
                f"{spec.name} needs a key: set the environment variable {variable}, or type the "
                "key on the committee page."
            )
    unpriced = [spec.name for spec in specs if price_of(spec) is None]
    if budget_usd is not None and unpriced:
        raise BadInput(
            f"Nobody knows what {unpriced[0]} costs, so that a budget cannot hold: give its "
            "usd_per_million_input and usd_per_million_output, or ask without a budget."
        )


def live(settings: Settings, project: Project) -> Live | None:
    """How the newest committee job stands; None when there was none."""
    store = connect(settings.database)
    job = job_rows.latest(store, project.id, "collect")
    if job is None:
        return None
    tallies = calls.tally_of_job(store, job.id)
    running = job.state == "running"
    ended = calls.finished_since(store, job.id, now() - PACE_OVER_S) if running else 0
    cost = sum(one.cost_usd for one in tallies)
    return Live(
        tallies=tallies,
        calls_per_second=ended / PACE_OVER_S,
        cost_usd=cost,
        projected_usd=_projected(
            store, project, tallies, cost, job.params.get("review_mentor", False)
        )
        if running
        else None,
        spent_usd=calls.spent(store, project.id),
        budget_usd=project.budget_usd,
        pauses=paces.pauses(store),
    )


def failures(settings: Settings, project: Project) -> list[Failures]:
    """Calls that failed and were not answered since, by reason."""
    return calls.failures(connect(settings.database), project.id)


def agreement(settings: Settings, project: Project) -> dict[tuple[str, str], Agreement]:
    """How far each two reviewers agree on the rationales that both have scored."""
    scores: dict[int, dict[str, Any]] = {}
    for review in committee.reviews(connect(settings.database), project.id):
        scores.setdefault(review.rationale_id, {})[review.reviewer] = review.score
    return pairwise_agreement(scores.values())


def _projected(
    store: Any, project: Project, tallies: list[Tally], cost: float, review_mentor: bool
) -> float | None:
    """The cost so far, and each missing call at the mean of its teacher's finished ones."""
    if project.exam_id is None or any(one.unpriced for one in tallies):
        return None
    means = {(one.teacher, one.role): one.cost_usd / one.done for one in tallies if one.done}
    names = {row.id: row.name for row in committee.teachers(store, project.id)}
    total = cost
    for missing in committee.missing(
        store, project.id, project.exam_id, review_mentor=review_mentor
    ):
        for role, count in (
            ("rationale", missing.rationales),
            ("feedback", missing.feedback),
            ("review", missing.reviews),
        ):
            mean = means.get((names[missing.teacher_id], role))
            if count and mean is None:
                return None
            total += count * (mean or 0.0)
    return total
