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


def lender_line() -> gr.HTML:
    """Lay out the line about the job that lends, whose value is what `lender_value` returns.

    Event: `act`, with `event.act` stop or give_back.
    """
    return gr.HTML("", js_on_load=REPORT, elem_id="try-lender", apply_default_css=False)


def lender_value(lender: Lender | None, busy: Job | None, shown: Asking) -> str:
    """Whether the model is lent, why it was given back, or which job is in the way."""
    writes = any(trial.under_way for trial in shown)
    stop = _button("stop", "Stop") if writes else ""
    if lender is not None and lender.state != "gone":
        back = _button("give_back", "Give the model back")
        return (
            f'<div class="lender" role="status"><span class="title">{_stage(lender)}</span>'
            f'<span class="about">{_until(lender)}</span>{stop}{back}</div>'
        )
    if writes:  # behind a server, which takes no device
        return f'<div class="lender" role="status"><span class="title">Asking</span>{stop}</div>'
    if busy is not None:
        page = PAGES.get(busy.kind, "training")
        return notice(busy_sentence(busy), "warning", go_button(page, "Look at it", "plain"))
    if lender is None:
        return ""
    if lender.job.state in ("failed", "interrupted"):
        said = f"Job {lender.job.id}, which lent the model, ended: {lender.why}"
        return notice(f"{said} Ask again to lend it anew.", "warning")
    if lender.job.state == "cancelled":
        return '<p class="soft" role="status">The model was given back.</p>'
    if lender.why:
        return f'<p class="soft" role="status">The model was given back: {text(lender.why)}.</p>'
    return ""


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
    tag = f'<span class="tag">{state}</span>' if state else ""
    written = highlighted(trial.text, trial.span_start, trial.span_end)
    fault = f'<p class="fault">{text(trial.error)}</p>' if trial.error else ""
    empty = "" if trial.text or not trial.under_way else " empty"
    return (
        f'<div data-state="{trial.state}"><p class="whose">{mark}<b>{text(trial.student)}</b>{tag}'
        f'</p><pre class="said{empty}">{written}</pre>{fault}<p class="how">{_how(trial)}</p></div>'
    )


def _how(trial: Trial) -> str:
    parts = []
    if trial.gold_answer is not None and trial.state == "done":
        read = f"read <b>{text(trial.prediction)}</b>" if trial.prediction else "nothing read"
        parts.append(f"{read}, expected <b>{text(trial.gold_answer)}</b>")
    if trial.tokens:
        parts.append(count(trial.tokens, "token"))
    if trial.tokens and trial.seconds:
        parts.append(f"{trial.tokens / trial.seconds:.1f} tokens/s")
    if trial.truncated:
        parts.append('<span class="tag warn">cut off at the limit</span>')
    return " · ".join(parts)


def _stage(lender: Lender) -> str:
    if lender.job.state == "queued":
        return "Waiting for the device"
    return {"lent": "Lent", "answering": "Answering", "starting": "Starting"}.get(
        lender.job.stage, text(lender.job.stage.capitalize())
    )


def _until(lender: Lender) -> str:
    if lender.job.stage == "lent":
        return (
            f"{KINDS[lender.job.kind].title}, job {lender.job.id}, holds the device until nobody "
            f"has asked for {IDLE_S / 60:.0f} min, or another job needs it"
        )
    return f"job {lender.job.id}"


def _button(act: str, label: str) -> str:
    return f'<button type="button" class="go plain" data-act="{act}">{label}</button>'
