"""A project's mentor, for its report: how good it is, what it gave, and who learned from it."""

import shlex
from collections.abc import Iterable, Sequence

from db import jobs, mentors
from db.checkpoints import Checkpoint
from db.projects import Project
from db.store import connect
from fair_app.curation.acceptance import MENTOR
from fair_app.curation.training_set import WITH_MENTOR
from fair_app.report.content import Fact, Section, Table
from fair_app.report.markup import count, percent
from fair_app.settings import Settings
from fair_app.studio.evaluations import Tested, summary
from fair_app.studio.mentor import MentorStanding, mentor_of
from fair_app.studio.review import summary as kept_of
from fair_app.studio.training import trained

SENTENCE = (
    "A mentor is a model between the teachers and the student. The student learns from rationales "
    "that it wrote, or from its soft labels: how likely it holds every next token."
)


def mentor(settings: Settings, project: Project) -> list[Section]:
    """What the mentor gave and who learned from it; nothing where there is none."""
    standing = mentor_of(settings, project)
    learned = [one for one in trained(settings, project) if _writer(one) or _softened(one)]
    if standing is None and not learned:
        return []
    named = [standing.ref] if standing else []
    named += [ref for one in learned for ref in (_writer(one), _softened(one)) if ref]
    tables = [_tested(settings, project, dict.fromkeys(named), standing)]
    if learned:
        tables.append(_learned(learned))
    facts = _gave(settings, project, standing) if standing else []
    said = [SENTENCE, *([standing.warning] if standing and standing.warning else [])]
    return [Section("Mentor", said, facts, tables=tables)]


def again(settings: Settings, project: Project, whose: str) -> list[str]:
    """The commands that choose the mentor, let it write and have that reviewed, in this order.

    None without a mentor that can be asked. `whose` names the project.
    """
    store = connect(settings.database)
    row = mentors.of_project(store, project.id)
    if row is None or row.spec["provider"] != MENTOR:
        return []
    commands = [f"python -m fair_app mentor {whose} --student {shlex.quote(row.spec['model'])}"]
    for job in reversed(jobs.of_kind(store, project.id, "augment")):
        if job.state == "succeeded" and job.params["mentor"] == row.id:
            asked = {**job.params["decoding"], "k": job.params["k"], "limit": job.params["limit"]}
            names = ("k", "temperature", "top_p", "seed", "limit", "max_new_tokens")
            options = [f"--{name.replace('_', '-')} {asked[name]}" for name in names if asked[name]]
            commands.append(f"python -m fair_app augment {whose} {' '.join(options)}")
    reviewed = (
        job.params.get("review_mentor") for job in jobs.of_kind(store, project.id, "collect")
    )
    if any(reviewed):
        commands.append(f"python -m fair_app collect {whose} --review-mentor")
    return commands


def _gave(settings: Settings, project: Project, standing: MentorStanding) -> list[Fact]:
    """What the project's mentor was asked, and what became of it."""
    asked = (
        f"{count(standing.samples, 'answer')} to {count(standing.questions, 'mistake')}: "
        f"{standing.right:,} right, {standing.kept:,} of them kept as rationales"
    )
    own = kept_of(settings, project).per_teacher.get(MENTOR)
    return [
        ("The project's mentor", standing.ref),
        ("It wrote", asked if standing.samples else "nothing yet"),
        *([("Rationales accepted", f"{own.accepted:,} of {own.rationales:,}")] if own else []),
    ]


def _tested(
    settings: Settings, project: Project, named: Iterable[str], standing: MentorStanding | None
) -> Table:
    """Every model that was a mentor, and its newest whole test on the held-out questions."""
    whole = [one for one in summary(settings, project) if one.whole]
    rows = []
    for ref in named:
        if standing and ref == standing.ref:
            found = [one for one in whole if one.exam.id == standing.evaluation]
        else:
            found = [
                one
                for one in whole
                if (one.exam.student, one.exam.task, one.exam.split) == (ref, project.task, "test")
            ]
        rows.append((ref, *_score(found)))
    columns = ("Model", "Right", "95 %", "Questions", "Evaluation")
    return Table(columns, rows, "How good it is itself", frozenset(range(1, 5)))


def _score(found: Sequence[Tested]) -> tuple[str, ...]:
    newest = next(iter(found), None)
    if newest is None or newest.accuracy is None or newest.ci95 is None:
        return ("not tested", "–", "–", "–")
    low, high = newest.ci95
    interval = f"{percent(low)} to {percent(high)}"
    return (percent(newest.accuracy), interval, f"{newest.questions:,}", str(newest.exam.id))


def _learned(found: Sequence[Checkpoint]) -> Table:
    rows = []
    for one in found:
        asked = one.lineage.get("settings") or {}
        soft = _softened(one)
        how = (
            (f"{asked.get('soft_weight', 0):g}", f"{asked.get('tau', 0):g}") if soft else ("–",) * 2
        )
        rows.append((one.name, _writer(one) or "–", soft or "–", *how))
    columns = ("Checkpoint", "Rationales of", "Soft labels of", "Lambda", "Tau")
    return Table(columns, rows, "Who learned from it", frozenset({3, 4}))


def _writer(one: Checkpoint) -> str | None:
    """The model among whose rationales a run drew; None for a run without a mentor's."""
    if one.lineage.get("teacher") not in (WITH_MENTOR, MENTOR):
        return None
    authors = one.lineage.get("teachers") or []
    models = [author["spec"].get("model") for author in authors if author["name"] == MENTOR]
    return str(models[-1]) if models else None


def _softened(one: Checkpoint) -> str | None:
    """The model whose soft labels a run learned from, or None."""
    ref = (one.lineage.get("mentor") or {}).get("mentor")
    return None if ref is None else str(ref)
