"""What the missing calls will take, before anything is sent."""

from collections.abc import Iterable

from fair_app.studio.quote import Quote, QuoteLine
from pages.components.markup import count, duration, text
from pages.components.money import usd, usd_or_unknown
from pages.components.notice import empty, go_button, notice
from pages.components.stats import Stat, stats

ROLES = {"rationale": "Rationales", "feedback": "Feedback", "review": "Reviews"}


def quote_panel(found: Quote | None, recorded: bool) -> str:
    """The quote, or why there is nothing to ask. `recorded`: all teachers are recorded answers."""
    if found is None:
        return empty(
            "No mistakes to teach yet",
            "The committee works on what the student got wrong in its exam.",
            go="exam",
            label="Go to the exam",
        )
    if found.mistakes == 0:
        return empty(
            "No mistakes to teach",
            "The student has made no mistake so far.",
            go="exam",
            label="Ask more questions",
        )
    if recorded:
        return notice(
            "These are recorded answers, imported from files: nothing is left to ask.",
            "info",
            go_button("review", "Review the rationales"),
        )
    if found.calls == 0:
        return notice(
            f"All {found.done:,} calls about {count(found.mistakes, 'mistake')} are made.",
            "success",
            go_button("review", "Review the rationales"),
        )
    alone = (
        notice(
            "One teacher alone has no peers: its rationales get no scores, so the rule accepts "
            "none of them. Accept them by hand in the review, or add a second teacher."
        )
        if found.teachers == 1
        else ""
    )
    return alone + stats(_sums(found)) + _details(found)


def cost_in_words(found: Quote) -> tuple[str, str]:
    """The cost of the missing calls, and a note on it. What is not known is said to be unknown."""
    sent = [line for line in found.lines if line.calls > line.from_ledger]
    if found.unpriced:
        unknown = f"and what {', '.join(found.unpriced)} will cost, which nobody knows"
        if all(line.cost_usd is None for line in sent):
            return "unknown", "nobody knows these teachers’ prices"
        return usd(found.cost_usd), unknown
    if found.cost_usd == 0:
        return "nothing", "these teachers are free" if sent else "all stand in the ledger"
    return usd(found.cost_usd), "an estimate"


def _sums(found: Quote) -> list[Stat]:
    per_mistake = found.teachers * (found.teachers + 1)
    cost, about = cost_in_words(found)
    ledger = (
        f"{found.from_ledger:,} of them from the ledger, at no cost"
        if found.from_ledger
        else f"{per_mistake} for each mistake"
    )
    items = [
        Stat("Calls to make", f"{found.calls:,}", ledger),
        Stat("Mistakes", f"{found.mistakes:,}", count(found.teachers, "teacher")),
        Stat("Tokens", f"{found.tokens:,}", "an estimate"),
        Stat("Cost", cost, about),
    ]
    if found.minutes is not None:
        items.append(
            Stat("Time", duration(60 * found.minutes), "at least, by the teachers’ limits")
        )
    return items


def _details(found: Quote) -> str:
    rows = "".join(_row(line) for line in found.lines if line.calls)
    sampled = (
        '<p class="soft">Tokens are estimated from an even sample of the mistakes.</p>'
        if found.sampled
        else ""
    )
    return (
        '<details class="fold-in" data-key="quote"><summary>By teacher and role</summary>'
        '<div class="table"><table><thead><tr><th>Teacher</th><th>Asked for</th>'
        '<th class="n">Calls</th><th class="n">From the ledger</th><th class="n">Tokens sent</th>'
        '<th class="n">Received</th><th class="n">Cost</th></tr></thead>'
        f"<tbody>{rows}</tbody><tfoot>{_sum(found)}</tfoot></table></div>{sampled}</details>"
    )


def _row(line: QuoteLine) -> str:
    figures = (line.calls, line.from_ledger, line.input_tokens, line.output_tokens)
    return (
        f"<tr><td>{text(line.teacher)}</td><td>{ROLES[line.role]}</td>{_numbers(figures)}"
        f'<td class="n">{usd_or_unknown(line.cost_usd)}</td></tr>'
    )


def _sum(found: Quote) -> str:
    figures = (
        found.calls,
        found.from_ledger,
        sum(line.input_tokens for line in found.lines),
        sum(line.output_tokens for line in found.lines),
    )
    cost = usd(found.cost_usd) + (" and unknown" if found.unpriced else "")
    return f'<tr><td>All</td><td></td>{_numbers(figures)}<td class="n">{cost}</td></tr>'


def _numbers(figures: Iterable[int]) -> str:
    return "".join(f'<td class="n">{one:,}</td>' for one in figures)
