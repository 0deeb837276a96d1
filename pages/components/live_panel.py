"""The committee at work: calls by state, pace, cost against the cap, pauses; and how it ended."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from fair_app.committee.base import Fault
from fair_app.committee.budget import WARN_AT
from fair_app.studio.collecting import Failures, Live, Pause, Tally
from fair_app.studio.quote import Quote
from pages.components.markup import count, text
from pages.components.money import usd
from pages.components.notice import notice
from pages.components.quote_panel import ROLES
from pages.components.stats import Stat, stats
from pages.languages import _

REASONS = {
    Fault.RATE_LIMIT: ("Too many calls", "Retry later, or give the teacher a limit of calls."),
    Fault.QUOTA: ("Quota used up", "Look at the provider’s billing page, then retry."),
    Fault.AUTH: ("Key refused", "Give another key, test the connection, then retry."),
    Fault.MODEL: ("No such model", "Edit the teacher: name a model that is served."),
    Fault.SERVER: ("Server error", "The provider’s fault, and mostly passing: retry."),
    Fault.NETWORK: ("No connection", "Check the network and the base URL, then retry."),
    Fault.TIMEOUT: ("No answer in time", "Retry, or give the teacher more seconds."),
    Fault.BAD_BODY: ("Unreadable answer", "Check that the base URL is that of the server’s API."),
    Fault.REQUEST: ("Request refused", "Edit the teacher: the model takes no such parameter."),
}
"""What went wrong with a call, in words, and what to do about it."""

ROLES_WRITTEN = {
    "rationales": "how to solve it",
    "feedback": "what went wrong",
    "reviews": "scores of one another",
}


def live_panel(found: Live, expected: Mapping[str, int]) -> str:
    """A running job in figures. `expected` is how many calls a teacher and role come to."""
    sent = sum(one.sent for one in found.tallies)
    done = sum(one.done for one in found.tallies)
    failed = sum(one.failed for one in found.tallies)
    tokens = sum(one.input_tokens + one.output_tokens for one in found.tallies)
    unknown = sum(one.unpriced for one in found.tallies)
    projected = (
        _("about {cost} in the end", cost=usd(found.projected_usd))
        if found.projected_usd
        else _("{calls} of unknown price", calls=count(unknown, "call"))
        if unknown
        else _("so far")
    )
    items = [
        Stat(
            "Answered",
            f"{done:,}",
            _("{sent} under way, {failed} failed", sent=f"{sent:,}", failed=f"{failed:,}"),
        ),
        Stat("Calls a second", f"{found.calls_per_second:.1f}", "over the last ten seconds"),
        Stat("Tokens", f"{tokens:,}", "sent and received"),
        Stat("Cost", usd(found.cost_usd), projected),
    ]
    return (
        "".join(_pause(one) for one in found.pauses)
        + stats(items)
        + cap_bar(found.spent_usd, found.budget_usd)
        + tally_bars(found.tallies, expected)
    )


def cap_bar(spent: float, cap: float | None) -> str:
    """How much of the cap is spent; a warning from 80 % on. Nothing without a cap."""
    if cap is None:
        return ""
    share = min(1.0, spent / cap)
    state = "full" if share >= 1 else "near" if share >= WARN_AT else ""
    near = _(" — nearly spent") if state == "near" else _(" — spent") if state else ""
    of = text(_("of {cap} spent", cap=usd(cap)))
    return (
        f'<div class="cap {state}"><p><span><b>{text(usd(spent))}</b> {of}</span>'
        f'<span class="soft">{100 * share:.0f} %{text(near)}</span></p>'
        f'<span class="bar"><i style="width:{100 * share:.1f}%"></i></span></div>'
    )


def tally_bars(tallies: Sequence[Tally], expected: Mapping[str, int]) -> str:
    """A bar a teacher and role: answered, failed, and under way, of all that is expected."""
    if not tallies:
        return ""
    return f'<ul class="tallies">{"".join(_bar(one, expected) for one in tallies)}</ul>'


def expected_calls(found: Quote, now: Live | None) -> dict[str, int]:
    """How many calls a job comes to, by teacher and role: those made, and those still missing."""
    expected = {
        _key(line.teacher, line.role): line.calls - line.from_ledger for line in found.lines
    }
    for one in now.tallies if now else []:
        expected[_key(one.teacher, one.role)] = (
            expected.get(_key(one.teacher, one.role), 0) + one.done
        )
    return expected


def written_panel(found: Mapping[str, Any], last: Live | None) -> str:
    """What the committee has written so far, with the last job's calls folded below."""
    if not any(found[name] for name in ROLES_WRITTEN):
        return ""
    items = [
        Stat(_(name.capitalize()), f"{found[name]:,}", note) for name, note in ROLES_WRITTEN.items()
    ]
    if last and last.spent_usd:
        items.append(Stat("Spent", usd(last.spent_usd), "by this project"))
    bars = tally_bars(last.tallies, {}) if last else ""
    folded = (
        '<details class="fold-in" data-key="last"><summary>'
        f"{text(_('The last job by teacher and role'))}</summary>{bars}</details>"
        if bars
        else ""
    )
    return stats(items) + folded


def ended(result: Mapping[str, Any], found: Live) -> str:
    """Why a job that ended by itself left calls out, and what to do; "" when it left none out."""
    said = [
        notice(
            _(
                "{teacher} was not asked any further: {reason}.",
                teacher=teacher,
                reason=str(why).rstrip("."),
            ),
            "warning",
        )
        for teacher, why in (result.get("out") or {}).items()
    ]
    left = int(result.get("left") or 0)
    if result.get("stopped_by_budget") and found.budget_usd is not None:
        said.append(
            notice(
                _(
                    "Stopped at the cap: {spent} of {cap} are spent, and {calls} left. Raise the "
                    "cap, or clear it, and ask for what is missing.",
                    spent=usd(found.spent_usd),
                    cap=usd(found.budget_usd),
                    calls=count(left, "call"),
                ),
                "warning",
            )
        )
    elif said and left:
        said.append(
            notice(
                _(
                    "{calls} left: mend what is said above, then ask for what is missing. Only "
                    "that is sent.",
                    calls=count(left, "call"),
                )
            )
        )
    return "".join(said)


def failure_table(failures: Sequence[Failures]) -> str:
    """Calls that failed, by reason, with what was said and what to do."""
    if not failures:
        return ""
    rows = "".join(_failure(one) for one in failures)
    total = sum(one.count for one in failures)
    heading = text(_("{calls} failed", calls=count(total, "call")))
    return (
        f"<h3>{heading}</h3>"
        f'<div class="table failures"><table><thead><tr><th>{text(_("Reason"))}</th>'
        f'<th>{text(_("Teacher"))}</th><th class="n">{text(_("Calls"))}</th>'
        f"<th>{text(_('What was said'))}</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _key(teacher: str, role: str) -> str:
    return f"{role} {teacher}"


def _failure(one: Failures) -> str:
    known = one.kind in list(Fault)
    reason, advice = REASONS[Fault(one.kind)] if known else (str(one.kind), "")
    role = _(ROLES.get(one.role, one.role).lower())
    return (
        f"<tr><td><b>{text(_(reason))}</b><small>{text(_(advice))}</small></td>"
        f"<td>{text(one.teacher)}<small>{text(role)}</small></td>"
        f'<td class="n">{one.count:,}</td><td class="said-by">{text(one.message or "")}</td></tr>'
    )


def _bar(one: Tally, expected: Mapping[str, int]) -> str:
    total = max(expected.get(_key(one.teacher, one.role), 0), one.done + one.failed, 1)
    under_way = min(one.sent, total - one.done - one.failed)
    parts = "".join(
        f'<i class="{state}" style="width:{100 * number / total:.2f}%"></i>'
        for state, number in (("done", one.done), ("failed", one.failed), ("sent", under_way))
    )
    failed = _(", {failed} failed", failed=f"{one.failed:,}") if one.failed else ""
    of = _("{done} of {total}", done=f"{one.done:,}", total=f"{total:,}")
    role = _(ROLES.get(one.role, one.role).lower())
    return (
        f'<li><span class="name">{text(one.teacher)} <small>{text(role)}</small></span>'
        f'<span class="stack">{parts}</span>'
        f'<span class="soft">{text(of)}{text(failed)}</span></li>'
    )


def _pause(one: Pause) -> str:
    why = _(REASONS[Fault(one.why)][0].lower()) if one.why in list(Fault) else one.why
    seconds = max(1, round(one.free_at - time.time()))
    paused = _("{name}: paused {seconds} s ({reason})", name=one.name, seconds=seconds, reason=why)
    return notice(paused, "warning")
