"""The answers of an exam, each one line that opens, and a person's word on their grades."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import gradio as gr

from fair_app.studio.exams import Voted
from fair_app.studio.grades import Word
from pages.components.answers import Answer, answer_block, question_block, verdict
from pages.components.exam_samples import samples_block
from pages.components.markup import ago, text
from pages.components.painted import KEEP_OPEN
from pages.languages import _

HERE = Path(__file__).parent
CSS = (HERE / "exam_answers.css").read_text(encoding="utf-8")
GRADES: dict[str, bool | None] = {"right": True, "wrong": False, "rule": None}
"""What a person may say of a grade."""
REPORT_UNDO = """
element.addEventListener('click', (event) => {
  if (event.target.closest('[data-undo]')) trigger('undo', {});
});
"""


def exam_answers() -> gr.HTML:
    """Lay out the list, whose value is what `answer_list` returns.

    Events: `grade`, with `event.answer`, `event.grade` (a key of GRADES) and `event.reason`;
    `samples`, with the `event.answer` whose samples are wanted; and `undo`.
    """
    return gr.HTML(
        "",
        js_on_load=KEEP_OPEN + (HERE / "exam_answers.js").read_text(encoding="utf-8"),
        elem_id="exam-answers",
        apply_default_css=False,
    )


def said_line() -> gr.HTML:
    """Lay out the line that says what became of a grade. Its event is `undo`."""
    return gr.HTML("", js_on_load=REPORT_UNDO, elem_id="exam-said", apply_default_css=False)


def graded(row: Answer, undone: bool) -> str:
    """What a person's word, or undoing it, made of a grade."""
    number = row.position + 1
    if undone:
        again = (
            _("Undone: question {number} is right again.", number=number)
            if row.correct
            else _("Undone: question {number} is wrong again.", number=number)
        )
        return _said(again)
    grade = _("right") if row.correct else _("wrong")
    whose = _("by your word") if row.correct != row.rule_correct else _("by the rule")
    sentence = _(
        "Question {number} is {grade} now, {whose}.", number=number, grade=grade, whose=whose
    )
    return _said(sentence, undo=True)


def nothing_to_undo() -> str:
    """What to say when there is nothing to undo."""
    return _said(_("You have graded no answer that could be undone."))


def answer_list(
    rows: Sequence[Answer], words: Mapping[int, Word], samples: Mapping[int, Voted]
) -> str:
    """Answers, each one line that opens to the whole of it.

    `words`, and the samples that are wanted, are by the answers' ids.
    """
    items = "".join(_item(row, words.get(row.id), samples.get(row.id)) for row in rows)
    return (
        f'<div class="answers">{items}</div>'
        f'<p class="soft keys">{text(_("On a chosen answer:"))} <kbd>j</kbd> <kbd>k</kbd> '
        f"{text(_('next and previous'))}, <kbd>Enter</kbd> {text(_('open'))}, "
        f"<kbd>r</kbd> {text(_('right'))}, <kbd>w</kbd> {text(_('wrong'))}, "
        f"<kbd>b</kbd> {text(_('back to the rule'))}, <kbd>u</kbd> {text(_('undo'))}</p>"
    )


def _said(sentence: str, *, undo: bool = False) -> str:
    undoing = f'<button type="button" class="go link" data-undo>{text(_("Undo"))}</button>'
    button = undoing if undo else ""
    return f'<p class="said-now" role="status"><span>{text(sentence)}</span>{button}</p>'


def _item(row: Answer, word: Word | None, voted: Voted | None) -> str:
    overridden = row.correct != row.rule_correct
    cut = f'<span class="tag warn">{text(_("cut off"))}</span>' if row.truncated else ""
    person = f'<span class="tag">{text(_("by a person"))}</span>' if overridden else ""
    read = f"<b>{text(row.prediction)}</b>" if row.prediction else text(_("nothing read"))
    gold = text(_("not {answer}", answer=row.gold_answer))
    instead = "" if row.correct else f" <small>{gold}</small>"
    return (
        f'<details class="answer" data-key="{row.id}"><summary>'
        f'<span class="number">{row.position + 1}</span>{verdict(row.correct)}'
        f'<span class="asked">{text(row.question)}</span>'
        f'<span class="read">{cut}{person}{read}{instead}</span>'
        f'</summary><div class="whole">{question_block(row)}{answer_block(row)}'
        f"{_grading(row, word if overridden else None)}"
        f"{samples_block(row.id, voted) if row.agreement is not None else ''}"
        f'<details class="gold" data-key="gold-{row.id}"><summary>'
        f"{text(_('Reference solution'))}</summary>"
        f'<pre class="said">{text(row.gold_text)}</pre></details></div></details>'
    )


def _grading(row: Answer, word: Word | None) -> str:
    """Whose grade is in force, and the button for another."""
    if row.correct == row.rule_correct:
        other = "wrong" if row.correct else "right"
        mark = _("Mark as wrong") if row.correct else _("Mark as right")
        return (
            f'<div class="grading"><button type="button" class="go plain" data-grade="{other}">'
            f'{text(mark)}</button><input class="reason" maxlength="500" '
            f'placeholder="{text(_("Why? (optional)"))}" aria-label="{text(_("Why, optional"))}">'
            "</div>"
        )
    whose = (
        _("Graded by {person}, {moment}", person=word.actor, moment=ago(word.at))
        if word
        else _("Graded by a person")
    )
    why = f": “{word.reason}”" if word and word.reason else ""
    by_rule = _("The rule graded it right.") if row.rule_correct else _("The rule graded it wrong.")
    return (
        f'<div class="grading"><p>{text(whose)}{text(why)}. {text(by_rule)}</p>'
        '<button type="button" class="go plain" data-grade="rule">'
        f"{text(_('Back to the rule'))}</button></div>"
    )
