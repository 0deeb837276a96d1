"""How far each reviewer can be relied on: sentences, figures and how to read them, as HTML."""

from collections.abc import Callable
from pathlib import Path

from fair_app.curation.acceptance import HIGHEST_SCORE, LOWEST_SCORE
from fair_app.curation.reliability import Estimate, Reliability, Reviewer
from pages.components.agreement import agreement_matrix
from pages.components.markup import count, text
from pages.languages import _, said_of

CSS = (Path(__file__).parent / "reliability.css").read_text(encoding="utf-8")

RELIABLE, TENTATIVE = 0.8, 2 / 3  # Krippendorff, Content Analysis, chapter 12

HOW = (
    (
        "Wrong and right rationales",
        "A rationale is wrong when its final answer is not the gold one. The steps may be wrong "
        "and the answer right all the same: that is what reviewers are for, and no figure here "
        "sees it but the agreement with people.",
    ),
    (
        "Who gives whom what",
        "A row a reviewer, a column an author. A pale column is an author whose work is thought "
        "worse of; a pale row a strict reviewer.",
    ),
    (
        "Leniency",
        "By how many points a reviewer scores above the others on the same rationales. So a "
        "reviewer who happened to get the better rationales is not taken for a lenient one.",
    ),
    (
        "Tells right from wrong",
        "Take one right and one wrong rationale: how likely does the reviewer score the right one "
        "higher, equal scores counting one half? 1 is always, 0.5 is a coin (the area under the "
        "ROC curve, AUC).",
    ),
    (
        "Agrees with people",
        "How many of its scores, held alone against the threshold, say the same as the person who "
        "decided. A reviewer that passes everything agrees as often as people accept. People may "
        "have seen the scores first, and they may have decided on the hard cases only.",
    ),
    (
        "Agreement of the reviewers",
        "Nobody scores its own rationale, so two reviewers meet only on the work of others. Where "
        "nearly every score is the same, alpha and kappa are low although most scores are equal.",
    ),
    (
        "Intervals",
        "Done again and again with other rationales, 95 of 100 such intervals would hold the true "
        "figure. A wide band means few rationales.",
    ),
)

TOO_FEW = (
    "Too few to say how far all agree: it takes rationales with two scores or more that are not "
    "all the same."
)
SCALE = (
    "1 is full agreement, 0 what chance gives; 0.80 is asked for to rely on scores, 0.67 for "
    "tentative conclusions."
)
MATRIX = "Mean score and number of scores; a row a reviewer, a column an author."


def reliability_panel(found: Reliability) -> str:
    """All of it: the sentences first, then the tables; one line where nobody has scored yet."""
    if not found.matrix:
        reason = (
            "One teacher alone has nobody to review it: add a second one on the committee page."
            if len(found.reviewers) == 1
            else "No review has given a score yet."
        )
        return f'<section class="reliability"><p class="soft">{text(_(reason))}</p></section>'
    said = "".join(f"<li>{text(said_of(one.sentence))}</li>" for one in found.reviewers)
    how = "".join(
        f"<div><dt>{text(_(name))}</dt><dd>{text(_(means))}</dd></div>" for name, means in HOW
    )
    return (
        f'<section class="reliability"><ul class="sentences">{said}</ul>'
        f"{_matrix(found)}{_reviewers(found)}{_agreement(found)}"
        '<details class="how" data-key="reliability-how">'
        f"<summary>{text(_('How to read this'))}</summary>"
        f'<dl class="rows">{how}</dl></details></section>'
    )


def _matrix(found: Reliability) -> str:
    reviewing = [one.name for one in found.reviewers if one.n]
    written = {author for _, author in found.matrix}
    authors = [name for name in found.authors if name in written]
    head = "".join(f'<th scope="col">{text(author)}</th>' for author in authors)
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th>'
        + "".join(_cell(found, name, author) for author in authors)
        + "</tr>"
        for name in reviewing
    )
    return (
        f'<h3>{text(_("Who gives whom what"))}</h3><p class="soft">{text(_(MATRIX))}</p>'
        f'<div class="table"><table class="given"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(found: Reliability, name: str, author: str) -> str:
    if name == author:
        return f'<td class="own"><small>{text(_("not asked about its own"))}</small></td>'
    cell = found.matrix.get((name, author))
    if cell is None:
        return f'<td class="none" title="{text(_("no score yet"))}">–</td>'
    strength = (cell.mean - LOWEST_SCORE) / (HIGHEST_SCORE - LOWEST_SCORE)
    title = _(
        "{reviewer} gives {author} {mean} on average, in {scores}",
        reviewer=name,
        author=author,
        mean=f"{cell.mean:.2f}",
        scores=count(cell.n, "score"),
    )
    return (
        f'<td title="{text(title)}" style="--strength:{strength:.3f}">'
        f"<b>{cell.mean:.2f}</b><small>n {cell.n:,}</small></td>"
    )


def _reviewers(found: Reliability) -> str:
    rows = "".join(_row(one, found.threshold) for one in found.reviewers if one.n)
    graded = any(one.auc for one in found.reviewers)
    decided = any(one.human for one in found.reviewers)
    heads = "".join(
        f'<th scope="col"{kind}>{text(name)}</th>'
        for name, kind in (
            (_("Reviewer"), ""),
            (_("Mean, spread"), ' class="n"'),
            (_("Leniency"), ' class="n"'),
            (_("Tells right from wrong (AUC)"), ""),
            (_("Agrees with people"), ""),
            (_("Gives {score} to wrong", score=HIGHEST_SCORE), ' class="n"'),
        )
    )
    return (
        f"<h3>{text(_('Reviewer by reviewer'))}</h3>"
        f'<div class="table"><table class="reviewers"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody><tfoot><tr><td></td><td></td><td></td>"
        f"<td>{_scale('0', text(_('0.5, chance')), '1') if graded else ''}</td>"
        f"<td>{_scale('0 %', '50 %', '100 %') if decided else ''}</td>"
        "<td></td></tr></tfoot></table></div>"
    )


def _row(one: Reviewer, threshold: float) -> str:
    wrong, right = (estimate.n if estimate else 0 for estimate in (one.top_wrong, one.top_right))
    graded = _(
        "{rationales}, {wrong} wrong",
        rationales=count(right, "right rationale"),
        wrong=f"{wrong:,}",
    )
    people = ""
    if one.human:
        people = _(
            "{scores} on decided rationales, {accepted} of them accepted; side of the threshold "
            "{threshold}",
            scores=count(one.human.n, "score"),
            accepted=f"{one.human_accepted:,}",
            threshold=f"{threshold:g}",
        )
    passed = ""
    if one.passed_wrong:
        passed = _(
            "Above the threshold {threshold}: {share} of {rationales}",
            threshold=f"{threshold:g}",
            share=_percent(one.passed_wrong.value),
            rationales=count(wrong, "wrong rationale"),
        )
    return (
        f'<tr><th scope="row">{text(one.name)}<small>{count(one.n, "score")}</small></th>'
        f'<td class="n">{_number(one.mean)}<small>± {_number(one.spread)}</small></td>'
        f'<td class="n" title="{text(_habit(one))}">{_signed(one.leniency)}</td>'
        f'<td title="{text(graded)}">{_plot(one.auc, _number, _("nothing graded"))}</td>'
        f'<td title="{text(people)}">{_plot(one.human, _percent, _("nobody has decided"))}</td>'
        f'<td class="n" title="{text(passed)}">{_share(one.top_wrong)}</td></tr>'
    )


def _habit(one: Reviewer) -> str:
    if one.leniency is None:
        return _("shares no rationale with another reviewer")
    points = f"{abs(one.leniency):.2f}"
    if one.leniency >= 0:
        return _("scores {points} points above the others on the same rationales", points=points)
    return _("scores {points} points below the others on the same rationales", points=points)


def _plot(estimate: Estimate | None, show: Callable[[float], str], nothing: str) -> str:
    """A dot with the band of its interval on an axis from 0 to 1, and both as figures."""
    if estimate is None:
        return f'<span class="none">{text(nothing)}</span>'
    band = ""
    if estimate.low is not None and estimate.high is not None:
        width = 100 * (estimate.high - estimate.low)
        band = f'<i class="band" style="left:{100 * estimate.low:.2f}%;width:{width:.2f}%"></i>'
    return (
        f'<div class="intervals"><span class="track">{band}'
        f'<i class="dot" style="left:{100 * estimate.value:.2f}%"></i></span>'
        f'<span class="value">{show(estimate.value)}<small>{_ends(estimate, show)}</small>'
        "</span></div>"
    )


def _scale(low: str, middle: str, high: str) -> str:
    marks = "".join(f"<span>{mark}</span>" for mark in (low, middle, high))
    return f'<div class="intervals" aria-hidden="true"><span class="scale">{marks}</span></div>'


def _share(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{_percent(estimate.value)}<small>{_ends(estimate, _percent)}</small>"


def _ends(estimate: Estimate, show: Callable[[float], str]) -> str:
    if estimate.low is None or estimate.high is None:
        return _("no interval")
    low, high = show(estimate.low).removesuffix(" %"), show(estimate.high)
    return _("{low} to {high}", low=low, high=high)


def _agreement(found: Reliability) -> str:
    names = [reviewer.name for reviewer in found.reviewers]
    heading = text(_("Agreement of the reviewers"))
    each_two = agreement_matrix(found.pairs, names) or f"<h3>{heading}</h3>"
    return f'{each_two}<div class="together">{_alpha(found.alpha)}</div>'


def _alpha(alpha: Estimate | None) -> str:
    if alpha is None:
        return f'<p class="soft">{text(_(TOO_FEW))}</p>'
    over = _(
        "({interval}), over {rationales} with two scores or more.",
        interval=_ends(alpha, _number),
        rationales=count(alpha.n, "rationale"),
    )
    return (
        f"<p>{text(_('All together, Krippendorff’s alpha for ordinal scores:'))} "
        f"<b>{_number(alpha.value)}</b> {text(over)} {text(_judged(alpha))}</p>"
        f'<p class="soft">{text(_(SCALE))}</p>'
    )


def _judged(alpha: Estimate) -> str:
    if alpha.low is None:
        return _("That is too few to build on.")
    if alpha.low <= 0:
        return _("That is hardly told from chance.")
    if alpha.value >= RELIABLE:
        return _("That is enough to rely on.")
    if alpha.value >= TENTATIVE:
        return _("That is enough for tentative conclusions.")
    return _("One reviewer’s score cannot stand for another’s: several are needed.")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _signed(value: float | None) -> str:
    if value is None or not round(value, 2):
        return "–" if value is None else "0.00"
    return f"{value:+.2f}".replace("-", "−")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
