"""Answers to a question that a person put, as they grow, and the questions that were put before."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from fair_app.jobs.kinds import KINDS
from fair_app.jobs.queue import Job
from fair_app.studio.trying import IDLE_S, Asking, Lender, Trial, busy_sentence
from pages.components.answers import highlighted, verdict
from pages.components.markup import ago, count, text
from pages.components.notice import go_button, notice
from pages.languages import _, said_of

CSS = (Path(__file__).parent / "trials.css").read_text(encoding="utf-8")
REPORT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) trigger('act', {act: button.dataset.act});
});
"""
PAGES = {"exam": "exam", "evaluate": "evaluation"}
"""Where a job of a kind is paused; the others on the training page."""
STATES = {
    "waiting": "waits",
    "writing": "writes",
    "done": "",
    "stopped": "stopped",
    "failed": "failed",
}


STAGES = {"starting": "Starting", "lent": "Lent", "answering": "Answering"}
"""How far a job is that lends; others say what they load."""


def lender_line() -> gr.HTML:
    """Lay out the line about the job that lends, whose value is what `lender_value` returns.

    Event: `act`, with `event.act` stop or give_back.
    """
    return gr.HTML("", js_on_load=REPORT, elem_id="try-lender", apply_default_css=False)


def lender_value(lender: Lender | None, busy: Job | None, shown: Asking) -> str:
    """Whether the model is lent, why it was given back, or which job is in the way."""
    writes = any(trial.under_way for trial in shown)
    stop = _button("stop", _("Stop")) if writes else ""
    if lender is not None and lender.state != "gone":
        back = _button("give_back", _("Give the model back"))
        return (
            f'<div class="lender" role="status"><span class="title">{text(_stage(lender))}</span>'
            f'<span class="about">{text(_until(lender))}</span>{stop}{back}</div>'
        )
    if writes:  # behind a server, which takes no device
        asking = text(_("Asking"))
        return f'<div class="lender" role="status"><span class="title">{asking}</span>{stop}</div>'
    if busy is not None:
        page = PAGES.get(busy.kind, "training")
        look = go_button(page, "Look at it", "plain")
        return notice(said_of(busy_sentence(busy)), "warning", look)
    if lender is None:
        return ""
    why = said_of(lender.why)
    if lender.job.state in ("failed", "interrupted"):
        said = _(
            "Job {job}, which lent the model, ended: {why} Ask again to lend it anew.",
            job=lender.job.id,
            why=why,
        )
        return notice(said, "warning")
    if lender.job.state == "cancelled":
        back = _("The model was given back.")
    elif lender.why:
        back = _("The model was given back: {why}.", why=why)
    else:
        return ""
    return f'<p class="soft" role="status">{text(back)}</p>'


def sides(asking: Asking) -> str:
    """A question, and the answers to it side by side; "" for none."""
    if not asking:
        return ""
    return (
        f'<p class="question">{text(asking[0].question)}</p>'
        f'<div class="sides trial">{"".join(_side(trial) for trial in asking)}</div>'
    )


def history_list(askings: Sequence[Asking], total: int) -> str:
    """The questions of a project that were put before, each with its answers; "" for none."""
    if not askings:
        return ""
    rows = "".join(_asked(asking) for asking in askings)
    title = count(total, "question asked", "questions asked")
    return f'<h3>{title}</h3><div class="answers">{rows}</div>'


def _asked(asking: Asking) -> str:
    first = asking[0]
    marks = "".join(verdict(trial.correct) for trial in asking if trial.correct is not None)
    when = ago(first.asked_at)
    return (
        f'<details class="answer pair asked-before" data-key="{first.asking}"><summary>'
        f'<span class="asked">{text(first.question)}</span>'
        f'<span class="read">{marks}<small>{text(when)}</small></span></summary>'
        f'<div class="whole">{sides(asking)}</div></details>'
    )


def _side(trial: Trial) -> str:
    mark = verdict(trial.correct) if trial.correct is not None else ""
    state = STATES[trial.state]
    tag = f'<span class="tag">{text(_(state))}</span>' if state else ""
    written = highlighted(trial.text, trial.span_start, trial.span_end)
    fault = f'<p class="fault">{text(said_of(trial.error))}</p>' if trial.error else ""
    empty = "" if trial.text or not trial.under_way else " empty"
    return (
        f'<div data-state="{trial.state}"><p class="whose">{mark}<b>{text(trial.student)}</b>{tag}'
        f'</p><pre class="said{empty}">{written}</pre>{fault}<p class="how">{_how(trial)}</p></div>'
    )


def _how(trial: Trial) -> str:
    parts = []
    if trial.gold_answer is not None and trial.state == "done":
        read = text(_("nothing read"))
        if trial.prediction:
            read = f"{text(_('read'))} <b>{text(trial.prediction)}</b>"
        parts.append(f"{read}, {text(_('expected'))} <b>{text(trial.gold_answer)}</b>")
    if trial.tokens:
        parts.append(count(trial.tokens, "token"))
    if trial.tokens and trial.seconds:
        pace = f"{trial.tokens / trial.seconds:.1f}"
        parts.append(text(_("{number} tokens/s", number=pace)))
    if trial.truncated:
        parts.append(f'<span class="tag warn">{text(_("cut off at the limit"))}</span>')
    return " · ".join(parts)


def _stage(lender: Lender) -> str:
    if lender.job.state == "queued":
        return _("Waiting for the device")
    stage = lender.job.stage
    said = _(STAGES[stage]) if stage in STAGES else said_of(stage)
    return f"{said[:1].upper()}{said[1:]}"


def _until(lender: Lender) -> str:
    if lender.job.stage == "lent":
        return _(
            "{title}, job {job}, holds the device until nobody has asked for {minutes} min, or "
            "another job needs it",
            title=_(KINDS[lender.job.kind].title),
            job=lender.job.id,
            minutes=f"{IDLE_S / 60:.0f}",
        )
    return _("job {number}", number=lender.job.id)


def _button(act: str, label: str) -> str:
    return f'<button type="button" class="go plain" data-act="{act}">{text(label)}</button>'
