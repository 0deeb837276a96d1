"""An ablation in words, tables and charts: what is planned, and what came of it so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from fair_app.evaluation.ablation import COMBINED, FACTORS, THE_SETTING, in_words
from fair_app.report.charts import Interval, interval_chart
from fair_app.student.check import size
from fair_app.studio.ablation_results import Change, Mean, Results, Row
from fair_app.studio.ablations import Plan, PlannedArm, how_long
from pages.components.comparisons import points
from pages.components.markup import between, count, duration, p_words, percent, text
from pages.components.notice import notice
from pages.components.stats import Stat, stats
from pages.components.tested import leaked_of_test
from pages.languages import _, plural, said_of

CSS = """
.ablation td small { display: block; }
.ablation td.n, .ablation td.n small { white-space: nowrap; }
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


def plan_shown(plan: Plan) -> str:
    """What an ablation would train, and what it takes."""
    found = plan.cost
    asked = _("of all questions")
    if found.questions:
        asked = _("of {questions} each", questions=count(found.questions, "question"))
    takes = _("Not known yet")
    if found.seconds is not None:
        takes = said_of(how_long(found.seconds)).rstrip(".")
    disk = ""
    if found.disk_bytes is not None:
        disk = _("about {size} of disk", size=size(found.disk_bytes))
    numbers = stats(
        [
            Stat("Arms", f"{len(_trained(plan)):,}", _("{seeds} each", seeds=_seeds(plan))),
            Stat("Training runs", f"{found.runs:,}", _runs(plan)),
            Stat("Tests", f"{found.tests:,}", asked),
            Stat("Takes", takes, disk),
        ]
    )
    warning = notice(said_of(plan.warning), "warning") if plan.warning else ""
    return numbers + warning + _planned_table(plan.arms)


def _runs(plan: Plan) -> str:
    """The steps of all training runs, and how many runs are spared."""
    shared = len(_trained(plan)) * len(plan.seeds) - plan.cost.runs
    same = plural(
        " ({n} would learn the same as another and is trained once)",
        " ({n} would learn the same as another and are trained once)",
        shared,
        n=shared,
    )
    steps = _("{steps} in all", steps=count(plan.cost.steps, "step"))
    return steps + (same if shared else "")


def _trained(plan: Plan) -> list[PlannedArm]:
    return [one for one in plan.arms if one.problem is None]


def _seeds(plan: Plan) -> str:
    return count(len(plan.seeds), "seed")


def results_shown(found: Results) -> str:
    """The accuracy of every arm by what it changes, and a table of all; "" before the first."""
    if not found.means and found.score is None:
        return ""
    leaked = leaked_of_test((found.job.result or {}).get("leaked"))
    return leaked + _charts(found) + _table(found) + _meaning(found)


def _planned_table(arms: Sequence[PlannedArm]) -> str:
    body = "".join(
        f'<tr class="{text(arm.factor)}"><td>{text(_title(arm.changes))}</td>'
        + (
            f'<td colspan="3">{text(said_of(arm.problem))}</td></tr>'
            if arm.problem
            else f'<td class="n">{arm.questions:,}</td><td class="n">{arm.rationales:,}</td>'
            f'<td class="n">{arm.feedback:,}</td></tr>'
        )
        for arm in arms
    )
    head = _numbers_head((_("Questions"), _("Rationales"), _("Feedback")))
    return (
        f'<div class="table ablation"><table><thead><tr><th>{text(_("Arm"))}</th>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _numbers_head(names: Sequence[str]) -> str:
    return "".join(f'<th class="n">{text(name)}</th>' for name in names)


def _title(changes: Mapping[str, Any]) -> str:
    """An arm in words: what it changes."""
    return ", ".join(map(said_of, in_words(changes)))


def _charts(found: Results) -> str:
    by_arm = {mean.arm: mean for mean in found.means}
    groups: dict[str, list[Interval]] = {}
    for place, arm in enumerate(found.arms):
        if place in by_arm:
            row = _interval(_title(arm["changes"]), by_arm[place])
            groups.setdefault(arm["factor"], []).append(row)
    start = []
    if found.score is not None:
        one = found.score
        note = _(
            "before training, {right} right of {answered}",
            right=f"{one.correct:,}",
            answered=f"{one.questions:,}",
        )
        start = [Interval(found.student, note, one.accuracy, *one.ci95)]
    groups[THE_SETTING] = start + groups.get(THE_SETTING, [])
    drawn = "".join(
        _chart(_(TITLES[factor]), groups[factor])
        for factor in (THE_SETTING, *FACTORS, COMBINED)
        if groups.get(factor)
    )
    return f'<div class="ablation-charts">{drawn}</div>'


def _chart(title: str, rows: Sequence[Interval]) -> str:
    label = _("{title}: accuracy with its 95 % interval", title=title)
    return f"<h4>{text(title)}</h4>{interval_chart(rows, label, _('{low} to {high} %'))}"


def _interval(title: str, mean: Mean) -> Interval:
    note = ""
    if mean.seeds > 1:
        each = ", ".join(percent(one) for one in mean.each)
        note = _("mean of {seeds}: {each}", seeds=count(mean.seeds, "seed"), each=each)
    return Interval(title, note, mean.accuracy, *mean.ci95)


def _table(found: Results) -> str:
    by_arm = {mean.arm: mean for mean in found.means}
    rows: dict[int, list[Row]] = {}
    for row in found.rows:
        rows.setdefault(row.arm, []).append(row)
    body = "".join(
        _row(arm, by_arm.get(place), rows[place]) for place, arm in enumerate(found.arms)
    )
    head = _numbers_head(
        (
            _("Learned from"),
            _("Accuracy"),
            _("Against the student"),
            _("Against the setting"),
            _("Took"),
        )
    )
    return (
        f'<div class="table ablation"><table><thead><tr><th>{text(_("Arm"))}</th>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _row(arm: Mapping[str, Any], mean: Mean | None, rows: Sequence[Row]) -> str:
    return (
        f'<tr class="{text(arm["factor"])}"><td>{text(_title(arm["changes"]))}'
        f"{_checkpoints(rows)}</td>"
        f'<td class="n">{arm["questions"]:,}<small>{count(arm["rationales"], "rationale")}'
        f'</small></td><td class="n">{_accuracy(mean, rows)}</td>'
        f'<td class="n">{_change(mean.change if mean else None, rows, "difference")}</td>'
        f'<td class="n">{_change(mean.to_setting if mean else None, rows, "to_setting")}</td>'
        f'<td class="n">{_took(rows)}</td></tr>'
    )


def _accuracy(mean: Mean | None, rows: Sequence[Row]) -> str:
    if mean is None:
        return text(said_of(rows[0].state))
    return f"{percent(mean.accuracy)}<small>{text(between(*mean.ci95))}</small>"


def _change(change: Change | None, rows: Sequence[Row], which: str) -> str:
    if change is None:
        return "–"
    found = [one for row in rows if (one := getattr(row, which)) is not None]
    p = "".join(f"<small>{text(p_words(one.p_holm))}</small>" for one in found)
    low, high = map(points, change.ci95)
    interval = text(_("{low} to {high}", low=low, high=high))
    return f"{points(change.change)}<small>{interval}</small>{p}"


def _took(rows: Sequence[Row]) -> str:
    seconds = [row.train_seconds for row in rows if row.train_seconds is not None]
    return duration(sum(seconds)) if seconds else "–"


def _checkpoints(rows: Sequence[Row]) -> str:
    return "".join(f"<small>{text(row.checkpoint)}</small>" for row in rows if row.checkpoint)


def _meaning(found: Results) -> str:
    one = _(
        "Differences are in percentage points on the same questions, with the 95 % interval of the "
        "paired bootstrap; p is that of McNemar’s exact test, corrected for all arms (Holm)."
    )
    several = _(
        "Differences are the mean over seeds, in percentage points on the same questions, with the "
        "95 % interval of the paired bootstrap; p is that of McNemar’s exact test, corrected for "
        "all arms (Holm), a seed each."
    )
    said = several if any(mean.seeds > 1 for mean in found.means) else one
    return f'<p class="soft">{text(said)}</p>'
