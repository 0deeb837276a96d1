"""Evaluations compared, as HTML: numbers in words, a table of several, parts as small charts."""

from collections.abc import Sequence
from pathlib import Path

from fair_app.evaluation.statistics import UNLIKELY, Comparison
from fair_app.studio.comparing import Compared, Part
from pages.components.markup import count, p_number, p_words, percent, text
from pages.components.notice import notice
from pages.components.stats import Stat, stats

CSS = (Path(__file__).parent / "comparisons.css").read_text(encoding="utf-8")
MCNEMAR = "McNemar’s exact test"
PERMUTATION = "the exact permutation test, paired by question"
"""What McNemar's test is over several seeds."""


def results(found: Sequence[Compared]) -> str:
    """What came of it: the numbers of one comparison, or a table with a row for each."""
    left_out = ""
    if found[0].left_out:
        left_out = (
            f'<p class="soft">{count(len(found[0].left_out), "question")} left out, {found[0].n:,} '
            "compared.</p>"
        )
    return (_one(found[0]) if len(found) == 1 else _several(found)) + left_out


def in_words(found: Comparison, pooled: bool = False) -> str:
    """What the exact test says, in a sentence; `pooled`: of several seeds."""
    if found.fixed == found.broken == 0:
        return "No answer changed between right and wrong."
    if pooled:
        which = (
            f"{count(found.fixed, 'question')} answered right more often and {found.broken:,} less "
            "often"
        )
    elif found.fixed == found.broken:
        which = f"As many answers were fixed as broken, {found.fixed:,} each"
    else:
        which = f"{count(found.fixed, 'answer')} fixed and {found.broken:,} broken"
    chance = (
        "a difference this large is unlikely to be chance"
        if found.p_value < UNLIKELY
        else "this could well be chance"
    )
    test = PERMUTATION if pooled else MCNEMAR
    return f"{which}: {chance} ({test}, {p_words(found.p_value)})."


def called(student: str, seeds: int) -> str:
    """A student as one side of a comparison: `checkpoint:first, 3 seeds`."""
    return f"{student}, {seeds} seeds" if seeds > 1 else student


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
        f'{text(_before_called(one))} <i class="dot"></i>{text(_after_called(one))}</p>'
    )
    return (
        '<details class="by-part" data-key="by-part"><summary>By type and length of the question'
        f'</summary>{legend}<div class="parts">{"".join(charts)}</div></details>'
    )


def _one(found: Compared) -> str:
    changes, (low, high) = found.changes, found.ci95
    better = changes.p_value < UNLIKELY and found.difference > 0
    difference = Stat(
        "Difference",
        points(found.difference),
        f"points, 95 % interval {points(low)} to {points(high)}",
    )
    if found.pooled:
        alike = changes.both_right + changes.both_wrong
        numbers = [
            Stat("Before", percent(found.before), _before_called(found)),
            Stat("After", percent(found.after), _after_called(found)),
            difference,
            Stat("More often right", f"{changes.fixed:,}", f"of {count(found.n, 'question')}"),
            Stat("Less often right", f"{changes.broken:,}", f"{alike:,} as often"),
        ]
    else:
        numbers = [
            difference,
            Stat("Fixed", f"{changes.fixed:,}", "wrong before, right after"),
            Stat("Broken", f"{changes.broken:,}", "right before, wrong after"),
            Stat("Both right", f"{changes.both_right:,}"),
            Stat("Both wrong", f"{changes.both_wrong:,}"),
        ]
    said = notice(in_words(changes, found.pooled), "success" if better else "info")
    return stats(numbers) + said


def _several(found: Sequence[Compared]) -> str:
    rows = "".join(_row(one) for one in found)
    test = (
        f"{MCNEMAR}, over several seeds {PERMUTATION}"
        if any(one.pooled for one in found)
        else MCNEMAR
    )
    head = (
        '<th scope="col">After</th><th class="n" scope="col">Right</th>'
        '<th class="n" scope="col">Difference</th><th class="n" scope="col">Fixed</th>'
        '<th class="n" scope="col">Broken</th><th class="n" scope="col">p</th>'
        '<th class="n" scope="col">p, corrected</th>'
    )
    return (
        f'<div class="table compared"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        f"</table></div>{notice(_verdict(found))}"
        f'<p class="soft how">Each is compared with {text(_before_called(found[0]))} '
        f"({percent(found[0].before)} right) on the same {found[0].n:,} questions. Differences "
        "are in percentage points, with the 95 % interval of the paired bootstrap; p is that of "
        f"{test}. {len(found)} comparisons at once find a difference by chance more "
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
        f"{' and '.join(map(_after_called, which))} {'is' if len(which) == 1 else 'are'} {words}"
        for which, words in ((better, "better"), (worse, "worse"))
        if which
    ]
    than = _before_called(found[0])
    return f"{', '.join(said)} than {than}, by more than chance explains."


def _row(one: Compared) -> str:
    low, high = one.ci95
    return (
        f'<tr><th scope="row">{text(_after_called(one))}</th>'
        f'<td class="n">{percent(one.after)}</td>'
        f'<td class="n">{points(one.difference)}<small>{points(low)} to {points(high)}</small></td>'
        f'<td class="n">{one.changes.fixed:,}</td><td class="n">{one.changes.broken:,}</td>'
        f'<td class="n">{text(p_number(one.changes.p_value))}</td>'
        f'<td class="n">{text(p_number(one.p_holm))}</td></tr>'
    )


def _before_called(one: Compared) -> str:
    return called(one.first.student, len(one.sides[0]))


def _after_called(one: Compared) -> str:
    return called(one.second.student, len(one.sides[1]))


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
