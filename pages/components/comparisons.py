"""Evaluations compared, as HTML: numbers in words, a table of several, parts as small charts."""

from collections.abc import Sequence
from pathlib import Path

from fair_app.evaluation.statistics import Comparison
from fair_app.studio.evaluations import Compared, Part
from pages.components.markup import count, percent, text
from pages.components.notice import notice
from pages.components.stats import Stat, stats

CSS = (Path(__file__).parent / "comparisons.css").read_text(encoding="utf-8")
UNLIKELY = 0.05
"""Below this, a p-value calls a difference unlikely to be chance."""


def results(found: Sequence[Compared]) -> str:
    """What came of it: the numbers of one comparison, or a table with a row for each."""
    left_out = ""
    if found[0].left_out:
        left_out = (
            f'<p class="soft">{count(len(found[0].left_out), "question")} left out, {found[0].n:,} '
            "compared.</p>"
        )
    return (_one(found[0]) if len(found) == 1 else _several(found)) + left_out


def in_words(found: Comparison) -> str:
    """What McNemar's exact test says, in a sentence."""
    if found.fixed == found.broken == 0:
        return "No answer changed between right and wrong."
    more = found.fixed - found.broken
    which = (
        f"{count(found.fixed, 'answer')} fixed and {found.broken:,} broken"
        if more
        else f"As many answers were fixed as broken, {found.fixed:,} each"
    )
    chance = (
        "a difference this large is unlikely to be chance"
        if found.p_value < UNLIKELY
        else "this could well be chance"
    )
    return f"{which}: {chance} (McNemar’s exact test, {p_words(found.p_value)})."


def p_words(p: float) -> str:
    """A p-value as it is written: `p = 0.031`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def points(difference: float) -> str:
    """A difference of two accuracies in percentage points, with its sign: `+14.7`."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def by_part(one: Compared) -> str:
    """Where the difference lies: by the length of the questions, and by their type."""
    charts = [_chart("By type of question", way) for way in one.by_type]
    if one.by_length:
        charts.append(_chart("By length of question", one.by_length))
    if not charts:
        return ""
    legend = (
        '<p class="soft legend"><i class="dot before"></i>'
        f'{text(one.first.student)} <i class="dot"></i>{text(one.second.student)}</p>'
    )
    return (
        '<details class="by-part" data-key="by-part"><summary>By type and length of the question'
        f'</summary>{legend}<div class="parts">{"".join(charts)}</div></details>'
    )


def _one(found: Compared) -> str:
    changes, (low, high) = found.changes, found.ci95
    better = changes.p_value < UNLIKELY and changes.fixed > changes.broken
    numbers = stats(
        [
            Stat(
                "Difference",
                points(found.difference),
                f"points, 95 % interval {points(low)} to {points(high)}",
            ),
            Stat("Fixed", f"{changes.fixed:,}", "wrong before, right after"),
            Stat("Broken", f"{changes.broken:,}", "right before, wrong after"),
            Stat("Both right", f"{changes.both_right:,}"),
            Stat("Both wrong", f"{changes.both_wrong:,}"),
        ]
    )
    return numbers + notice(in_words(changes), "success" if better else "info")


def _several(found: Sequence[Compared]) -> str:
    rows = "".join(_row(one) for one in found)
    first = found[0].first
    head = (
        '<th scope="col">After</th><th class="n" scope="col">Right</th>'
        '<th class="n" scope="col">Difference</th><th class="n" scope="col">Fixed</th>'
        '<th class="n" scope="col">Broken</th><th class="n" scope="col">p</th>'
        '<th class="n" scope="col">p, corrected</th>'
    )
    return (
        f'<div class="table compared"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        f"</table></div>{notice(_verdict(found))}"
        f'<p class="soft how">Each is compared with {text(first.student)} '
        f"({percent(_before(found[0]))} right) on the same {found[0].n:,} questions. Differences "
        "are in percentage points, with the 95 % interval of the paired bootstrap; p is that of "
        f"McNemar’s exact test. {len(found)} comparisons at once find a difference by chance more "
        "easily than one: the last column is corrected for it (Holm), so go by that one.</p>"
        "<h3>A closer look at</h3>"
    )


def _verdict(found: Sequence[Compared]) -> str:
    """Which of several differ, by the corrected p-values."""
    better = [one for one in found if one.p_holm < UNLIKELY and one.difference > 0]
    worse = [one for one in found if one.p_holm < UNLIKELY and one.difference < 0]
    if not better and not worse:
        return "Any of these differences could well be chance."
    said = [
        f"{' and '.join(one.second.student for one in which)} "
        f"{'is' if len(which) == 1 else 'are'} {words}"
        for which, words in ((better, "better"), (worse, "worse"))
        if which
    ]
    than = found[0].first.student
    return f"{', '.join(said)} than {than}, by more than chance explains."


def _row(one: Compared) -> str:
    low, high = one.ci95
    after = (one.changes.fixed + one.changes.both_right) / one.n
    p, corrected = (p_words(p).removeprefix("p = ").removeprefix("p ") for p in _ps(one))
    return (
        f'<tr><th scope="row">{text(one.second.student)}</th>'
        f'<td class="n">{percent(after)}</td>'
        f'<td class="n">{points(one.difference)}<small>{points(low)} to {points(high)}</small></td>'
        f'<td class="n">{one.changes.fixed:,}</td><td class="n">{one.changes.broken:,}</td>'
        f'<td class="n">{text(p)}</td><td class="n">{text(corrected)}</td></tr>'
    )


def _ps(one: Compared) -> tuple[float, float]:
    return one.changes.p_value, one.p_holm


def _before(one: Compared) -> float:
    return (one.changes.broken + one.changes.both_right) / one.n


def _chart(title: str, parts: Sequence[Part]) -> str:
    """The accuracy before and after of each part, on one axis from 0 to 100 %."""
    body = "".join(
        f'<li><span class="name">{text(part.name)}<small>{count(part.n, "question")}</small></span>'
        f'<span class="track">{_span(part)}</span>'
        f'<span class="value">{100 * part.before / part.n:.0f} → {100 * part.after / part.n:.0f} %'
        f"<small>{part.fixed:,} fixed, {part.broken:,} broken</small></span></li>"
        for part in parts
    )
    return (
        f'<section><h3>{title}</h3><figure class="intervals" aria-label="{title}"><ul>{body}</ul>'
        '<figcaption><span class="scale"><span>0 %</span><span>50 %</span><span>100 %</span></span>'
        "</figcaption></figure></section>"
    )


def _span(part: Part) -> str:
    before, after = 100 * part.before / part.n, 100 * part.after / part.n
    return (
        f'<i class="band" style="left:{min(before, after):.2f}%;width:{abs(after - before):.2f}%">'
        f'</i><i class="dot before" style="left:{before:.2f}%"></i>'
        f'<i class="dot" style="left:{after:.2f}%"></i>'
    )
