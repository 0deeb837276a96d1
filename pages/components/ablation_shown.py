"""An ablation in words, tables and charts: what is planned, and what came of it so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from fair_app.evaluation.ablation import COMBINED, FACTORS, THE_SETTING
from fair_app.report.charts import Interval, interval_chart
from fair_app.studio.ablation_results import Change, Mean, Results, Row
from fair_app.studio.ablations import Plan, PlannedArm, how_long
from pages.components.comparisons import points
from pages.components.markup import count, duration, p_words, percent, text
from pages.components.notice import notice
from pages.components.stats import Stat, stats
from pages.components.tested import leaked_of_test

CSS = """
.ablation td small { display: block; }
.ablation tr.base td { border-bottom-color: var(--line-strong); }
.ablation-charts h4 { font-size: 14px; font-weight: 600; margin: 20px 0 0; color: var(--ink); }
"""
TITLES = {
    THE_SETTING: "The project’s setting",
    "threshold": "Acceptance threshold",
    "alpha": "Weight of the feedback (alpha)",
    "teacher": "One teacher against the committee",
    "feedback": "Feedback",
    "peer_review": "Peer review",
    "answer_check": "Answer check",
    "decisions": "Human decisions",
    "mentor": "The mentor",
    COMBINED: "Combinations",
}


def plan_shown(plan: Plan, sentence: str) -> str:
    """What an ablation would train, and what it takes."""
    found = plan.cost
    questions = count(found.questions, "question") if found.questions else "all questions"
    takes = "Not known yet" if found.seconds is None else how_long(found.seconds).rstrip(".")
    numbers = stats(
        [
            Stat("Arms", f"{len(plan.arms):,}", f"{count(len(plan.seeds), 'seed')} each"),
            Stat("Training runs", f"{found.runs:,}", f"{count(found.steps, 'step')} in all"),
            Stat("Tests", f"{found.tests:,}", f"of {questions}"),
            Stat("Takes", takes),
        ]
    )
    warning = notice(plan.warning, "warning") if plan.warning else ""
    return numbers + notice(sentence) + warning + _planned_table(plan.arms)


def results_shown(found: Results) -> str:
    """The accuracy of every arm by what it changes, and a table of all; "" before the first."""
    if not found.means and found.score is None:
        return ""
    leaked = leaked_of_test((found.job.result or {}).get("leaked"))
    return leaked + _charts(found) + _table(found) + _meaning(found)


def _planned_table(arms: Sequence[PlannedArm]) -> str:
    body = "".join(
        f'<tr class="{text(arm.factor)}"><td>{text(arm.title)}</td>'
        + (
            f'<td colspan="3">{text(arm.problem)}</td></tr>'
            if arm.problem
            else f'<td class="n">{arm.questions:,}</td><td class="n">{arm.rationales:,}</td>'
            f'<td class="n">{arm.feedback:,}</td></tr>'
        )
        for arm in arms
    )
    return (
        '<div class="table ablation"><table><thead><tr><th>Arm</th><th class="n">Questions</th>'
        '<th class="n">Rationales</th><th class="n">Feedback</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _charts(found: Results) -> str:
    by_arm = {mean.arm: mean for mean in found.means}
    groups: dict[str, list[Interval]] = {}
    for place, arm in enumerate(found.arms):
        if place in by_arm:
            groups.setdefault(arm["factor"], []).append(_interval(arm["title"], by_arm[place]))
    start = []
    if found.score is not None:
        one = found.score
        note = f"before training, {one.correct:,} right of {one.questions:,}"
        start = [Interval(found.student, note, one.accuracy, *one.ci95)]
    groups[THE_SETTING] = start + groups.get(THE_SETTING, [])
    drawn = "".join(
        f"<h4>{TITLES[factor]}</h4>"
        + interval_chart(groups[factor], f"{TITLES[factor]}: accuracy with its 95 % interval")
        for factor in (THE_SETTING, *FACTORS, COMBINED)
        if groups.get(factor)
    )
    return f'<div class="ablation-charts">{drawn}</div>'


def _interval(title: str, mean: Mean) -> Interval:
    note = ""
    if mean.seeds > 1:
        each = ", ".join(percent(one) for one in mean.each)
        note = f"mean of {mean.seeds} seeds: {each}"
    return Interval(title, note, mean.accuracy, *mean.ci95)


def _table(found: Results) -> str:
    by_arm = {mean.arm: mean for mean in found.means}
    rows: dict[int, list[Row]] = {}
    for row in found.rows:
        rows.setdefault(row.arm, []).append(row)
    body = "".join(
        _row(arm, by_arm.get(place), rows[place]) for place, arm in enumerate(found.arms)
    )
    return (
        '<div class="table ablation"><table><thead><tr><th>Arm</th>'
        '<th class="n">Learned from</th><th class="n">Accuracy</th>'
        '<th class="n">Against the student</th><th class="n">Against the setting</th>'
        '<th class="n">Took</th><th>Checkpoint</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(arm: Mapping[str, Any], mean: Mean | None, rows: Sequence[Row]) -> str:
    return (
        f'<tr class="{text(arm["factor"])}"><td>{text(arm["title"])}</td>'
        f'<td class="n">{arm["questions"]:,}<small>{count(arm["rationales"], "rationale")}'
        f'</small></td><td class="n">{_accuracy(mean, rows)}</td>'
        f'<td class="n">{_change(mean.change if mean else None, rows, "difference")}</td>'
        f'<td class="n">{_change(mean.to_setting if mean else None, rows, "to_setting")}</td>'
        f'<td class="n">{_took(rows)}</td><td>{_checkpoints(rows)}</td></tr>'
    )


def _accuracy(mean: Mean | None, rows: Sequence[Row]) -> str:
    if mean is None:
        return text(rows[0].state)
    low, high = mean.ci95
    return f"{percent(mean.accuracy)}<small>{100 * low:.0f} to {100 * high:.0f} %</small>"


def _change(change: Change | None, rows: Sequence[Row], which: str) -> str:
    if change is None:
        return "–"
    found = [one for row in rows if (one := getattr(row, which)) is not None]
    p = ", ".join(p_words(one.p_holm) for one in found)
    low, high = change.ci95
    return (
        f"{points(change.change)}<small>{points(low)} to {points(high)}</small>"
        f"<small>{text(p)}</small>"
    )


def _took(rows: Sequence[Row]) -> str:
    seconds = [row.train_seconds for row in rows if row.train_seconds is not None]
    return duration(sum(seconds)) if seconds else "–"


def _checkpoints(rows: Sequence[Row]) -> str:
    return "<br>".join(text(row.checkpoint) for row in rows if row.checkpoint) or "–"


def _meaning(found: Results) -> str:
    several = "the mean over seeds, " if any(mean.seeds > 1 for mean in found.means) else ""
    return (
        f'<p class="soft">Differences are {several}in percentage points on the same questions, '
        "with the 95 % interval of the paired bootstrap; p is that of McNemar’s exact test, "
        "corrected for all arms (Holm)" + (", a seed each" if several else "") + ".</p>"
    )
