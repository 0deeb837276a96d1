"""How far the reviewers agree, as a matrix: pure functions, the figures readable without colour."""

from collections.abc import Mapping, Sequence

from fair_app.curation.agreement import Agreement
from pages.components.markup import count, text
from pages.languages import _

ABOUT = (
    "Cohen’s kappa with quadratic weights of each two reviewers’ scores: 1 is full agreement, 0 "
    "what chance would give. Beside it the share of equal scores."
)


def agreement_matrix(found: Mapping[tuple[str, str], Agreement], names: Sequence[str]) -> str:
    """A row and a column a reviewer, in the committee's order; "" while no two have scored."""
    scored = [name for name in names if any(name in pair for pair in found)]
    if len(scored) < 2:
        return ""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in scored[:-1])
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th>'
        + "".join(_cell(found, name, other) for other in scored[:place])
        + "<td></td>" * (len(scored) - 1 - place)
        + "</tr>"
        for place, name in enumerate(scored)
        if place
    )
    return (
        f'<h3>{text(_("Agreement of the reviewers"))}</h3><p class="soft">{text(_(ABOUT))}</p>'
        f'<div class="table"><table class="agreement"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(found: Mapping[tuple[str, str], Agreement], one: str, other: str) -> str:
    pair = found.get((min(one, other), max(one, other)))
    if pair is None:
        return '<td class="none">–</td>'
    kappa = "–" if pair.kappa is None else f"{pair.kappa:.2f}".replace("-", "−")
    strength = max(0.0, pair.kappa or 0.0)
    same, near = f"{100 * pair.same:.0f} %", f"{100 * pair.near:.0f} %"
    title = _(
        "{one} and {other}: {rationales} scored by both, {same} equal, {near} at most 1 apart",
        one=one,
        other=other,
        rationales=count(pair.count, "rationale"),
        same=same,
        near=near,
    ) + (_("; no kappa, since one score alone was given") if pair.kappa is None else "")
    equal = text(_("{share} equal", share=same))
    return (
        f'<td title="{text(title)}" style="--strength:{100 * strength:.0f}%">'
        f"<b>{kappa}</b><small>{equal}, n {pair.count:,}</small></td>"
    )
