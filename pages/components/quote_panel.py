"""What the missing calls will take, before anything is sent."""

from collections.abc import Iterable

from fair_app.studio.quote import Quote, QuoteLine
from pages.components.markup import count, duration, text
from pages.components.money import usd, usd_or_unknown
from pages.components.notice import empty, go_button, notice
from pages.components.stats import Stat, stats
from pages.languages import _

ROLES = {"rationale": "Rationales", "feedback": "Feedback", "review": "Reviews"}

SAMPLED = "Tokens are estimated from an even sample of the mistakes."


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
            _(
                "All {calls} calls about {mistakes} are made.",
                calls=f"{found.done:,}",
                mistakes=count(found.mistakes, "mistake"),
            ),
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
        unknown = _(
            "and what {teachers} will cost, which nobody knows", teachers=", ".join(found.unpriced)
        )
        if all(line.cost_usd is None for line in sent):
            return _("unknown"), _("nobody knows these teachers’ prices")
        return usd(found.cost_usd), unknown
    if found.cost_usd == 0:
        free = _("these teachers are free") if sent else _("all stand in the ledger")
        return _("nothing"), free
    return usd(found.cost_usd), _("an estimate")


def _sums(found: Quote) -> list[Stat]:
    per_mistake = found.teachers * (found.teachers + 1)
    cost, about = cost_in_words(found)
    ledger = (
        _("{calls} of them from the ledger, at no cost", calls=f"{found.from_ledger:,}")
        if found.from_ledger
        else _("{calls} for each mistake", calls=per_mistake)
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
    sampled = f'<p class="soft">{text(_(SAMPLED))}</p>' if found.sampled else ""
    numbers = (_("Calls"), _("From the ledger"), _("Tokens sent"), _("Received"), _("Cost"))
    heads = "".join(f'<th class="n">{text(name)}</th>' for name in numbers)
    return (
        '<details class="fold-in" data-key="quote">'
        f"<summary>{text(_('By teacher and role'))}</summary>"
        f'<div class="table"><table><thead><tr><th>{text(_("Teacher"))}</th>'
        f"<th>{text(_('Asked for'))}</th>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody><tfoot>{_sum(found)}</tfoot></table></div>{sampled}</details>"
    )


def _row(line: QuoteLine) -> str:
    figures = (line.calls, line.from_ledger, line.input_tokens, line.output_tokens)
    return (
        f"<tr><td>{text(line.teacher)}</td><td>{text(_(ROLES[line.role]))}</td>{_numbers(figures)}"
        f'<td class="n">{usd_or_unknown(line.cost_usd)}</td></tr>'
    )


def _sum(found: Quote) -> str:
    figures = (
        found.calls,
        found.from_ledger,
        sum(line.input_tokens for line in found.lines),
        sum(line.output_tokens for line in found.lines),
    )
    cost = text(usd(found.cost_usd) + (_(" and unknown") if found.unpriced else ""))
    name = text(_("All"))
    return f'<tr><td>{name}</td><td></td>{_numbers(figures)}<td class="n">{cost}</td></tr>'


def _numbers(figures: Iterable[int]) -> str:
    return "".join(f'<td class="n">{one:,}</td>' for one in figures)
