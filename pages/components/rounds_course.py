"""Rounds as they are shown: what they will take, and how the student fared from round to round."""

from collections.abc import Sequence

from fair_app.evaluation.rounds import Round
from fair_app.evaluation.score import Score
from fair_app.jobs.children import children_of
from fair_app.jobs.queue import ACTIVE
from fair_app.report.charts import Line, line_chart
from fair_app.settings import Settings
from fair_app.studio.projects import Project
from fair_app.studio.rounds import Change, Course, changes
from fair_app.studio.rounds_plan import Range, RoundsPlan
from pages.components.markup import between, count, duration, listed, p_words, percent, text
from pages.components.money import usd
from pages.components.notice import go_button, notice
from pages.components.stats import Stat, stats
from pages.components.tested import leaked_of_test
from pages.languages import _, said_of

TEACH = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-exam]');
  if (button) trigger('teach', {exam: button.dataset.exam});
});
"""
"""Reports the exam of a pressed button."""
WORDS = {
    "exam": "the exams",
    "committee": "the committee",
    "training": "the training",
    "test": "the tests",
}
"""The parts of which nobody knows how long they take."""


# ---- before


def plan_panel(plan: RoundsPlan) -> str:
    """What rounds will take: the first round's calls and cost, and the others' estimated."""
    unknown = [_(WORDS[part]) for part, seconds in plan.seconds.items() if seconds is None]
    known = sum(seconds for seconds in plan.seconds.values() if seconds is not None)
    more = plan.rounds - 1
    figures = [
        Stat(
            "Calls, first round",
            _calls(plan.first_calls),
            _("about {mistakes}", mistakes=count(plan.mistakes, "mistake"))
            + ("" if plan.known else _(", an estimate: its exam is still to be sat"))
            + (
                _("; {n} more from the ledger", n=f"{plan.first_cached:,}")
                if plan.first_cached
                else ""
            ),
        ),
        *(
            [
                Stat(
                    "Calls, further rounds" if more > 1 else "Calls, second round",
                    _calls(plan.later_calls),
                    "an estimate: the old mistakes’ feedback alone, to as many new ones",
                )
            ]
            if more
            else []
        ),
        Stat("Cost", _cost(plan.cost_usd), "of the calls, an estimate"),
        Stat(
            "Time",
            _("about {time}", time=duration(known)) if known else _("unknown"),
            _("and {parts}, which nothing here tells", parts=listed(unknown))
            if unknown and known
            else _("until something like it has run here")
            if unknown
            else _("an estimate, at most"),
        ),
    ]
    first, last = plan.checkpoints[0], plan.checkpoints[-1]
    said = _(
        "{student} begins, the checkpoints are {names}, and every round sits the same {questions} "
        "of the exam and {tested}.",
        student=plan.student,
        names=_("{first} to {last}", first=first, last=last) if more else first,
        questions=count(plan.exam_questions, "question"),
        tested=_("{n} of the test", n=f"{plan.test_questions:,}")
        if plan.test_questions
        else _("the test"),
    )
    return f'{stats(figures)}<p class="soft">{text(said)}</p>'


def _calls(number: Range) -> str:
    low, high = (round(one) for one in number)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _cost(amount: Range | None) -> str:
    if amount is None:
        return _("unknown")
    low, high = amount
    if high == 0:
        return _("nothing")
    return usd(low) if low == high else _("{low} to {high}", low=usd(low), high=usd(high))


# ---- during and after


def at_work(settings: Settings, found: Course | None) -> str:
    """The part that is at work, which is a job of its own; "" when none is."""
    if found is None or found.job.state not in ACTIVE:
        return ""
    for part in children_of(settings, found.job.id)[::-1]:
        if part.state in ACTIVE:
            said = [f"{said_of(part.child_key or '')}: {said_of(part.stage or 'starting')}"]
            if part.total:
                said.append(_("{done} of {total}", done=f"{part.done:,}", total=f"{part.total:,}"))
            if part.eta_s:
                said.append(_("about {time} left", time=duration(part.eta_s)))
            return f'<p class="soft" role="status">{text(", ".join(said))}</p>'
    return ""


def course_panel(settings: Settings, project: Project, found: Course | None) -> str:
    """The newest rounds: why they ended, the curves, and a row a round; "" before the first."""
    if found is None:
        return ""
    kind = "success" if _gained(found) else "info"
    why = notice(said_of(found.stopped), kind) if found.stopped else ""
    if found.base is None and not found.rounds:
        return why
    leaked = leaked_of_test((found.job.result or {}).get("leaked"))
    return why + leaked + _sums(found) + _curves(found) + _table(settings, project, found)


def _gained(found: Course) -> bool:
    tests = [one.test for one in found.rounds if one.test is not None]
    return bool(found.base and tests and tests[-1].correct > found.base.correct)


def _sums(found: Course) -> str:
    paid = [one.calls for one in found.rounds if one.calls is not None]
    if not paid:
        return ""
    free = sum(one.cached + one.standing for one in paid)
    unknown = sum(one.unpriced for one in paid)
    cost = sum(one.cost_usd for one in paid)
    return stats(
        [
            Stat("Calls made", f"{sum(one.asked for one in paid):,}", "in all rounds"),
            Stat("Calls saved", f"{free:,}", "the ledger or an earlier round had them"),
            Stat(
                "Cost",
                usd(cost),
                _("and {calls} of unknown price", calls=count(unknown, "call"))
                if unknown
                else _("so far"),
            ),
        ]
    )


def _curves(found: Course) -> str:
    tests = [(0, found.base), *((one.number, one.test) for one in found.rounds)]
    sat = [(one.number - 1, one.exam) for one in found.rounds]
    shown = [score for _, score in tests if score is not None]
    ends = [end for score in shown for end in score.ci95]
    ends += [exam.accuracy for _, exam in sat if exam is not None]
    accuracies = line_chart(
        [
            Line(
                _("Test"), _points(tests), [(x, *one.ci95) for x, one in tests if one is not None]
            ),
            Line(_("Exam"), _points(sat)),
        ],
        _("Accuracy after each round, the test with its 95 % interval"),
        _("rounds learned from"),
        y_range=(max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)),
        show=percent,
    )
    mistakes = Line(
        _("Mistakes"), [(one.number, one.exam.mistakes) for one in found.rounds if one.exam]
    )
    calls = Line(
        _("Calls made"), [(one.number, one.calls.asked) for one in found.rounds if one.calls]
    )
    return accuracies + line_chart(
        [mistakes, calls], _("Mistakes and calls of each round"), _("Round"), show=_whole
    )


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _points(scores: Sequence[tuple[int, Score | None]]) -> list[tuple[float, float]]:
    return [(place, one.accuracy) for place, one in scores if one is not None]


def _table(settings: Settings, project: Project, found: Course) -> str:
    changed = changes(settings, found)
    student = text(found.job.params["student"])
    begins = f"<td>{text(_('Before'))}<small>{student}</small></td>" + 3 * "<td></td>"
    first = f"<tr>{begins}{_test(found.base, None)}<td></td></tr>" if found.base else ""
    rows = "".join(_row(project, one, changed.get(one.number)) for one in found.rounds)
    several = _(
        "Each round is held against the first test by McNemar’s exact test, its p corrected for "
        "several rounds (Holm)."
    )
    how = f'<p class="soft">{text(several)}</p>' if len(changed) > 1 else ""
    numbers = (_("Exam"), _("Calls"), _("Learned from"), _("Test"), _("Against before"))
    head = "".join(f'<th class="n">{text(one)}</th>' for one in numbers)
    return (
        f'<div class="table course"><table><thead><tr><th>{text(_("Round"))}</th>{head}'
        f"<th></th></tr></thead><tbody>{first}{rows}</tbody></table></div>{how}"
    )


def _row(project: Project, one: Round, changed: Change | None) -> str:
    exam, calls = one.exam, one.calls
    asked = ""
    if calls:
        saved = _("{n} saved", n=f"{calls.cached + calls.standing:,}")
        asked = f"{calls.asked:,}<small>{text(saved)}</small>"
    made = (
        f"{count(one.examples, 'question')}<small>{text(one.checkpoint)}</small>"
        if one.examples is not None
        else ""
    )
    sat = (
        f"{percent(exam.accuracy)}<small>{count(exam.mistakes, 'mistake')}</small>" if exam else ""
    )
    return (
        f"<tr><td>{one.number}<small>{text(one.student)}</small></td>"
        f'<td class="n">{sat}</td><td class="n">{asked}</td><td class="n">{made}</td>'
        f'{_test(one.test, changed)}<td class="act">{_teach(project, exam)}</td></tr>'
    )


def _test(test: Score | None, changed: Change | None) -> str:
    """The test of a round with its interval, and what it fixed and broke of the first one."""
    if test is None:
        return '<td class="n"></td><td class="n"></td>'
    low, high = test.ci95
    against = ""
    if changed is not None:
        p = text(p_words(changed.p_holm))
        against = f"+{changed.fixed:,} −{changed.broken:,}<small>{p}</small>"
    return (
        f'<td class="n">{percent(test.accuracy)}<small>{text(between(low, high))}</small></td>'
        f'<td class="n">{against}</td>'
    )


def _teach(project: Project, exam: Score | None) -> str:
    """The way to a round's mistakes: the review room shows those of the project's exam."""
    if exam is None or not exam.mistakes:
        return ""
    if exam.id == project.exam_id:
        return go_button("review", "Review", "plain")
    return (
        f'<button type="button" class="go plain" data-exam="{exam.id}" '
        f'title="{text(_("Review and teach these mistakes again"))}">{text(_("Reopen"))}</button>'
    )
