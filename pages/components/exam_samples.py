"""The samples of a self-consistency vote, in the answer that the vote chose."""

from fair_app.studio.exams import SampleRow, Voted
from pages.components.markup import count, text
from pages.languages import _


def samples_block(answer_id: int, voted: Voted | None) -> str:
    """The votes and every sample, folded away; without `voted` they are fetched when unfolded."""
    fetched = "" if voted else f' data-fetch="{answer_id}"'
    inside = _votes(voted) + _samples(answer_id, voted) if voted else _waiting()
    return (
        f'<details class="samples" data-key="samples-{answer_id}"{fetched}>'
        f"<summary>{text(_('All samples and their votes'))}</summary>{inside}</details>"
    )


def _waiting() -> str:
    return f'<p class="soft" role="status">{text(_("Fetching them…"))}</p>'


def _votes(voted: Voted) -> str:
    most = max(number for _, number in voted.votes)
    rows = "".join(
        f'<li><span class="read">{_read(prediction)}</span>'
        f'<span class="bar" aria-hidden="true"><i style="width:{100 * number / most:.0f}%"></i>'
        f'</span><span class="number">{count(number, "sample")}</span></li>'
        for prediction, number in voted.votes
    )
    return f'<ul class="votes" aria-label="{text(_("Votes"))}">{rows}</ul>'


def _samples(answer_id: int, voted: Voted) -> str:
    return "".join(
        _sample(f"sample-{answer_id}-{sample.number}", sample, place == voted.chosen)
        for place, sample in enumerate(voted.samples)
    )


def _sample(key: str, sample: SampleRow, chosen: bool) -> str:
    tag = f'<span class="tag">{text(_("stands for the vote"))}</span>' if chosen else ""
    cut = f'<span class="tag warn">{text(_("cut off"))}</span>' if sample.truncated else ""
    title = text(_("Sample {number}", number=sample.number + 1))
    return (
        f'<details data-key="{key}"><summary>{title}: {_read(sample.prediction)}'
        f' <span class="soft">{count(sample.tokens, "token")}</span> {tag}{cut}</summary>'
        f'<pre class="said">{text(sample.text)}</pre></details>'
    )


def _read(prediction: str) -> str:
    return f"<b>{text(prediction)}</b>" if prediction else text(_("nothing read"))
