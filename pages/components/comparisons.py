"""Evaluations compared, as HTML: numbers in words, a table of several, parts as small charts."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fair_app.evaluation.statistics import UNLIKELY, Comparison
from fair_app.studio.comparing import Compared, Part
from pages.components.markup import count, listed, p_number, p_words, percent, text
from pages.components.notice import notice
from pages.components.stats import Stat, stats
from pages.languages import _, counted, plural, said_of

CSS = (Path(__file__).parent / "comparisons.css").read_text(encoding="utf-8")
MCNEMAR = "McNemar’s exact test"
PERMUTATION = "the exact permutation test, paired by question"
"""What McNemar's test is over several seeds."""


def results(found: Sequence[Compared]) -> str:
    """What came of it: the numbers of one comparison, or a table with a row for each."""
    left_out = ""
    if found[0].left_out:
        said = _(
            "{questions} left out, {n} compared.",
            questions=count(len(found[0].left_out), "question"),
            n=f"{found[0].n:,}",
        )
        left_out = f'<p class="soft">{text(said)}</p>'
    return (_one(found[0]) if len(found) == 1 else _several(found)) + left_out


def in_words(found: Comparison, pooled: bool = False) -> str:
    """What the exact test says, in a sentence; `pooled`: of several seeds."""
    if found.fixed == found.broken == 0:
        return _("No answer changed between right and wrong.")
    fixed, broken = count(found.fixed, "answer"), f"{found.broken:,}"
    if pooled:
        which = _(
            "{questions} answered right more often and {broken} less often",
            questions=count(found.fixed, "question"),
            broken=broken,
        )
    elif found.fixed == found.broken:
        which = _("As many answers were fixed as broken, {n} each", n=broken)
    else:
        which = _("{answers} fixed and {broken} broken", answers=fixed, broken=broken)
    chance = (
        _("a difference this large is unlikely to be chance")
        if found.p_value < UNLIKELY
        else _("this could well be chance")
    )
    return _(
        "{which}: {chance} ({test}, {p}).",
        which=which,
        chance=chance,
        test=_(PERMUTATION if pooled else MCNEMAR),
        p=p_words(found.p_value),
    )


def called(student: str, seeds: int) -> str:
    """A student as one side of a comparison: `checkpoint:first, 3 seeds`."""
    return f"{student}, {count(seeds, 'seed')}" if seeds > 1 else student


def points(difference: float) -> str:
    """A difference of two accuracies in percentage points, with its sign: `+14.7`."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def by_part(one: Compared) -> str:
    """Where the difference lies: by the length of the questions, and by their type."""
    charts = [_chart(_("By type of question"), way, counted) for way in one.by_type]
    if one.by_length:
        charts.append(_chart(_("By length of question"), one.by_length, said_of))
    if not charts:
        return ""
    legend = (
        '<p class="soft legend"><span><i class="dot before"></i>'
        f"{text(_before_called(one))}</span> "
        f'<span><i class="dot"></i>{text(_after_called(one))}</span></p>'
    )
    heading = text(_("By type and length of the question"))
    return (
        f'<details class="by-part" data-key="by-part"><summary>{heading}</summary>'
        f'{legend}<div class="parts">{"".join(charts)}</div></details>'
    )


def _one(found: Compared) -> str:
    changes, (low, high) = found.changes, found.ci95
    better = changes.p_value < UNLIKELY and found.difference > 0
    difference = Stat(
        "Difference",
        points(found.difference),
        _(
            "points, 95 % interval {low} to {high}",
            low=points(low),
            high=points(high),
        ),
    )
    if found.pooled:
        alike = changes.both_right + changes.both_wrong
        numbers = [
            Stat("Before", percent(found.before), _before_called(found)),
            Stat("After", percent(found.after), _after_called(found)),
            difference,
            Stat(
                "More often right",
                f"{changes.fixed:,}",
                _("of {questions}", questions=count(found.n, "question")),
            ),
            Stat("Less often right", f"{changes.broken:,}", _("{n} as often", n=f"{alike:,}")),
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
    pooled = _("{test}, over several seeds {other}", test=_(MCNEMAR), other=_(PERMUTATION))
    how = _(
        "Each is compared with {student} ({accuracy} right) on the same {questions}. Differences "
        "are in percentage points, with the 95 % interval of the paired bootstrap; p is that of "
        "{test}. {n} comparisons at once find a difference by chance more easily than one: the "
        "last column is corrected for it (Holm), so go by that one.",
        student=_before_called(found[0]),
        accuracy=percent(found[0].before),
        questions=count(found[0].n, "question"),
        test=pooled if any(one.pooled for one in found) else _(MCNEMAR),
        n=len(found),
    )
    numbers = (_("Right"), _("Difference"), _("Fixed"), _("Broken"), "p", _("p, corrected"))
    head = "".join(f'<th class="n" scope="col">{text(one)}</th>' for one in numbers)
    return (
        '<div class="table compared"><table><thead><tr>'
        f'<th scope="col">{text(_("After"))}</th>{head}</tr></thead><tbody>{rows}</tbody>'
        f'</table></div>{notice(_verdict(found))}<p class="soft how">{text(how)}</p>'
        f"<h3>{text(_('A closer look at'))}</h3>"
    )


def _verdict(found: Sequence[Compared]) -> str:
    """Which of several differ, by the corrected p-values."""
    known = [one for one in found if one.p_holm < UNLIKELY]
    better = [_after_called(one) for one in known if one.difference > 0]
    worse = [_after_called(one) for one in known if one.difference < 0]
    if not better and not worse:
        return _("Any of these differences could well be chance.")
    said = []
    if better:
        students, number = listed(better), len(better)
        said.append(
            plural("{students} is better", "{students} are better", number, students=students)
        )
    if worse:
        students, number = listed(worse), len(worse)
        said.append(
            plural("{students} is worse", "{students} are worse", number, students=students)
        )
    return _(
        "{said} than {student}, by more than chance explains.",
        said=", ".join(said),
        student=_before_called(found[0]),
    )


def _row(one: Compared) -> str:
    low, high = map(points, one.ci95)
    interval = _("{low} to {high}", low=low, high=high)
    return (
        f'<tr><th scope="row">{text(_after_called(one))}</th>'
        f'<td class="n">{percent(one.after)}</td>'
        f'<td class="n">{points(one.difference)}<small>{text(interval)}</small></td>'
        f'<td class="n">{one.changes.fixed:,}</td><td class="n">{one.changes.broken:,}</td>'
        f'<td class="n">{text(p_number(one.changes.p_value))}</td>'
        f'<td class="n">{text(p_number(one.p_holm))}</td></tr>'
    )


def _before_called(one: Compared) -> str:
    return called(one.first.student, len(one.sides[0]))


def _after_called(one: Compared) -> str:
    return called(one.second.student, len(one.sides[1]))


def _chart(title: str, parts: Sequence[Part], say: Callable[[str], str]) -> str:
    """The accuracy before and after of each part, on one axis from 0 to 100 %."""
    body = "".join(_bar(part, say(part.name)) for part in parts)
    title = text(title)
    return (
        f'<section><h3>{title}</h3><figure class="intervals" aria-label="{title}"><ul>{body}</ul>'
        '<figcaption><span class="scale"><span>0 %</span><span>50 %</span><span>100 %</span></span>'
        "</figcaption></figure></section>"
    )


def _bar(part: Part, name: str) -> str:
    changes = _(
        "{fixed} fixed, {broken} broken", fixed=f"{part.fixed:,}", broken=f"{part.broken:,}"
    )
    return (
        f'<li><span class="name">{text(name)}<small>{count(part.n, "question")}</small></span>'
        f'<span class="track">{_span(part)}</span>'
        f'<span class="value">{100 * part.before / part.n:.0f} → {100 * part.after / part.n:.0f} %'
        f"<small>{text(changes)}</small></span></li>"
    )


def _span(part: Part) -> str:
    before, after = 100 * part.before / part.n, 100 * part.after / part.n
    return (
        f'<i class="band" style="left:{min(before, after):.2f}%;width:{abs(after - before):.2f}%">'
        f'</i><i class="dot before" style="left:{before:.2f}%"></i>'
        f'<i class="dot" style="left:{after:.2f}%"></i>'
    )
