"""What came of a project, for its report: training, accuracies, comparisons, what changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from db import checkpoints, jobs
from db.checkpoints import Checkpoint
from db.exams import AnswerRow
from db.projects import Project
from db.store import connect
from fair_app.evaluation.statistics import UNLIKELY
from fair_app.report.charts import Interval, Line, thinned
from fair_app.report.content import Curves, Estimates, Example, Section, Table
from fair_app.report.markup import count, duration, p_number, p_words, percent
from fair_app.settings import Settings
from fair_app.studio.comparing import Compared, Side, comparison, flips
from fair_app.studio.evaluations import Tested, seeds_together, summary
from fair_app.studio.students import base_student

CURVES = {
    "Loss": "loss",
    "Feedback": "loss_feedback",
    "Rationale": "loss_rationale",
    "Held out": "validation_loss",
    "Soft": "loss_soft",
}
POINTS = 200
DRAWN = 6
"""Checkpoints whose curves are drawn: the newest."""
EXAMPLES = 3
"""Items that were fixed, and as many that were broken, which are shown in full."""
LONGEST = 4000
"""Characters of a text that are shown."""


def lead(changed: Sequence[Compared], base_of: Mapping[str, str]) -> list[str]:
    """What came of it all, in a sentence: of the newest checkpoint that began as the student.

    `changed` is as `compared` has it, `base_of` as `bases`.
    """
    own = [one for one in changed if base_of.get(one.second.student) == one.first.student]
    if not own:
        return ["No checkpoint has been compared yet with the student that it began as."]
    return [_sentence(own[0])]


def compared(settings: Settings, project: Project) -> list[Compared]:
    """The project's student against everyone who was asked the same items in the same way.

    Of each student the newest whole evaluation, with all of its seeds; the newest checkpoint first.
    p-values are corrected for all that were asked the same.
    """
    first = base_student(settings, project)
    whole = [one for one in summary(settings, project) if one.whole]
    groups: dict[tuple[str, str], dict[str, Side]] = {}
    for own in seeds_together(whole):
        group = groups.setdefault((own[0].items, own[0].way), {})
        group.setdefault(own[0].exam.student, tuple(one.exam.id for one in own))
    found: list[Compared] = []
    for group in groups.values():
        base = group.pop(first, None)
        if base is not None and group:
            found += comparison(settings, project, [base, *group.values()])
    return found


def training(settings: Settings, project: Project) -> Section:
    """The project's checkpoints: what each learned from, how, and its losses."""
    store = connect(settings.database)
    made = checkpoints.of_project(store, project.id)
    if not made:
        return Section("Training", ["Nothing was trained yet."])
    columns = ("Checkpoint", "Method", "Base", "Examples", "Steps", "Loss", "Time", "Data")
    notes = [
        "Data: the beginning of the SHA-256 of all texts that a run could draw. Equal ones learned "
        "from the same texts."
    ]
    if len(made) > DRAWN:
        notes.append(f"Settings and curves are those of the newest {DRAWN} checkpoints.")
    drawn = (_curves(settings, one) for one in made[:DRAWN])
    return Section(
        "Training",
        curves=[one for one in drawn if one is not None],
        tables=[
            Table(columns, [_run(one) for one in made], "Checkpoints", frozenset({3, 4, 5, 6})),
            _settings(made[:DRAWN]),
        ],
        notes=notes,
    )


def _settings(made: Sequence[Checkpoint]) -> Table:
    """What was asked of some runs, a column each; what none of them has is left out."""
    asked = [one.lineage.get("settings") or {} for one in made]
    names = dict.fromkeys(name for own in asked for name, value in own.items() if value is not None)
    rows = [(name.replace("_", " "), *(_value(own.get(name)) for own in asked)) for name in names]
    return Table(("Setting", *(one.name for one in made)), rows, "Settings")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _run(one: Checkpoint) -> tuple[str, ...]:
    lineage = one.lineage
    result, asked = lineage.get("result") or {}, lineage.get("settings") or {}
    merged = lineage.get("merged_from")
    number = {name: result.get(name) for name in ("examples", "steps", "loss", "seconds")}
    return (
        one.name,
        f"merged from {merged}" if merged else str(asked.get("method", "–")),
        str(lineage.get("start") or one.base),
        f"{number['examples']:,}" if number["examples"] is not None else "–",
        f"{number['steps']:,}" if number["steps"] is not None else "–",
        f"{number['loss']:.4f}" if number["loss"] is not None else "–",
        duration(number["seconds"]) if number["seconds"] is not None else "–",
        str(lineage.get("data_sha256", "–"))[:12],
    )


def _curves(settings: Settings, one: Checkpoint) -> Curves | None:
    if one.job_id is None:
        return None
    found = jobs.metrics(connect(settings.database), one.job_id, CURVES.values())
    lines = [
        Line(title, thinned(found.get(name, []), POINTS))
        for title, name in CURVES.items()
        if found.get(name)
    ]
    return Curves(f"Losses of {one.name}", "steps", lines) if lines else None


def accuracies(settings: Settings, project: Project) -> Section:
    """Every evaluation with its interval."""
    found = summary(settings, project)
    if not found:
        return Section("Accuracy", ["Nobody was tested yet."])
    rows = [
        Interval(one.exam.student, _asked(one), one.accuracy, *one.ci95)
        for one in found
        if one.accuracy is not None and one.ci95 is not None
    ]
    columns = (
        "Evaluation",
        "Student",
        "Task",
        "Right",
        "Questions",
        "Cut off",
        "Asked",
        "Read from",
    )
    table = Table(
        columns,
        [
            (
                str(one.exam.id),
                one.exam.student,
                f"{one.exam.task} ({one.exam.split})",
                f"{one.correct:,}",
                f"{one.questions:,}" if one.whole else f"{one.answered:,} of {one.questions:,}",
                f"{one.truncated:,}",
                one.way if one.seed is None else f"{one.way}, seed {one.seed}",
                ", ".join(f"{name} {value}" for name, value in one.exam.source.items()),
            )
            for one in found
        ],
        "",
        frozenset({0, 3, 4, 5}),
    )
    notes = ["The intervals are Wilson's, at 95 %."]
    estimates = [Estimates("Accuracy on held-out questions", rows)] if rows else []
    return Section("Accuracy", estimates=estimates, tables=[table], notes=notes)


def comparisons(
    settings: Settings, changed: Sequence[Compared], base_of: Mapping[str, str]
) -> list[Section]:
    """The student as it was against the others on the same items, and items that changed."""
    if not changed:
        return []
    several = len(changed) > 1
    columns = ["Before", "After", "Questions", "Fixed", "Broken", "Difference", "95 %", "p"]
    table = Table(
        [*columns, "p, Holm"] if several else columns,
        [_compared(one)[: len(columns) + several] for one in changed],
        "",
        frozenset(range(2, len(columns) + several)),
    )
    notes = [
        "Fixed: wrong before and right after; broken: the reverse. Difference: of the accuracies, "
        "in points, with its paired bootstrap interval. p: McNemar's exact test.",
    ]
    if any(one.pooled for one in changed):
        notes.append(
            "Over several seeds, fixed are the questions that were right in more of them after "
            "than before, and broken those in fewer; p is then that of the exact permutation test, "
            "paired by question."
        )
    if several:
        notes.append(
            "Where several were compared on the same items, p is also given corrected for all of "
            "them (Holm)."
        )
    for one in changed:
        student, base = one.second.student, base_of.get(one.second.student)
        if base not in (None, one.first.student):
            notes.append(
                f"{student} was trained from {base}, not from {one.first.student}: what lies "
                "between them is not the training alone."
            )
    return [
        Section("Before and after", tables=[table], notes=notes),
        _changes(settings, changed[0]),
    ]


def _compared(one: Compared) -> tuple[str, ...]:
    low, high = one.ci95
    return (
        _side(one.first.student, one.sides[0]),
        _side(one.second.student, one.sides[1]),
        f"{one.n:,}",
        f"{one.changes.fixed:,}",
        f"{one.changes.broken:,}",
        f"{100 * one.difference:+.1f}",
        f"{100 * low:+.1f} to {100 * high:+.1f}",
        p_number(one.changes.p_value),
        p_number(one.p_holm),
    )


def _side(student: str, ids: Side) -> str:
    seeds = f", {len(ids)} seeds" if len(ids) > 1 else ""
    return f"{student}{seeds} ({', '.join(map(str, ids))})"


def _sentence(one: Compared) -> str:
    changes = one.changes
    low, high = one.ci95
    words = "That is hardly chance" if one.p_holm < UNLIKELY else "That may be chance"
    counted = (
        f"over {max(map(len, one.sides))} seeds, {changes.fixed:,} of them right more often and "
        f"{changes.broken:,} less often"
        if one.pooled
        else f"{changes.fixed:,} fixed and {changes.broken:,} broken"
    )
    return (
        f"{one.second.student} answered {percent(one.after)} of {count(one.n, 'question')} of "
        f"{one.first.task} right, where {one.first.student} answered {percent(one.before)}: "
        f"{counted}, a difference of "
        f"{100 * one.difference:+.1f} points (95 % interval {100 * low:+.1f} to "
        f"{100 * high:+.1f}). {words} ({p_words(one.p_holm)})."
    )


def _changes(settings: Settings, one: Compared) -> Section:
    examples = []
    for how in ("fixed", "broken"):
        found, _ = flips(settings, one.first, one.second, how, EXAMPLES)
        examples += [_example(one, how, before, after) for before, after in found]
    seeds = " Of several seeds, they are of the first." if one.pooled else ""
    sentence = (
        f"The first {EXAMPLES} that {one.second.student} answers right and {one.first.student} did "
        f"not, and the first of the reverse. What is longer is cut.{seeds}"
    )
    if not examples:
        return Section("Answers that changed", ["No answer changed."])
    return Section("Answers that changed", [sentence], examples=examples)


def _example(one: Compared, how: str, before: AnswerRow, after: AnswerRow) -> Example:
    options = "\n".join(before.options)
    question = "\n\n".join(part for part in (before.context, before.question, options) if part)
    return Example(
        f"question {before.position + 1}",
        how,
        [
            ("Question", _cut(question)),
            ("Gold answer", _cut(before.gold_answer)),
            (f"{one.first.student}: {_read(before)}", _cut(before.text or "")),
            (f"{one.second.student}: {_read(after)}", _cut(after.text or "")),
        ],
    )


def _read(answer: AnswerRow) -> str:
    read = f"read as {answer.prediction}" if answer.prediction else "nothing could be read"
    return f"{read}, {'right' if answer.correct else 'wrong'}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _asked(one: Tested) -> str:
    about = f"evaluation {one.exam.id}, {one.answered:,} questions of {one.exam.task}, {one.way}"
    return about if one.seed is None else f"{about}, seed {one.seed}"
