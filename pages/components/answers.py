"""A student's answers as they are shown: what was read out of them stands out."""

from typing import Protocol

from pages.components.markup import count, percent, text
from pages.languages import _

IMPORTED = "imported"
"""The rule that read an imported answer, and the origin of an imported exam."""


class Answer(Protocol):
    """What is shown of an answer and its question (a row of the store has all of it)."""

    @property
    def id(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def question(self) -> str: ...
    @property
    def context(self) -> str: ...
    @property
    def options(self) -> tuple[str, ...]: ...
    @property
    def gold_answer(self) -> str: ...
    @property
    def gold_text(self) -> str: ...
    @property
    def text(self) -> str | None: ...
    @property
    def prediction(self) -> str | None: ...
    @property
    def span_start(self) -> int | None: ...
    @property
    def span_end(self) -> int | None: ...
    @property
    def rule(self) -> str | None: ...
    @property
    def correct(self) -> bool | None: ...
    @property
    def rule_correct(self) -> bool | None: ...
    @property
    def tokens(self) -> int | None: ...
    @property
    def truncated(self) -> bool | None: ...
    @property
    def agreement(self) -> float | None: ...
    @property
    def kind(self) -> str: ...


def highlighted(answer: str, start: int | None, end: int | None) -> str:
    """An answer with the characters from `start` to `end` marked: what the grader read."""
    if start is None or end is None:
        return text(answer)
    return f"{text(answer[:start])}<mark>{text(answer[start:end])}</mark>{text(answer[end:])}"


def verdict(correct: bool | None) -> str:
    """Right or wrong by a mark and a word, not by colour alone."""
    mark, kind, word = ("✓", "right", _("Right")) if correct else ("✗", "wrong", _("Wrong"))
    return f'<span class="verdict {kind}"><i aria-hidden="true">{mark}</i>{text(word)}</span>'


def question_block(row: Answer) -> str:
    """What was asked, with its passage and options where it has them."""
    context = f'<p class="context">{text(row.context)}</p>' if row.context else ""
    options = "".join(f"<li>{text(option)}</li>" for option in row.options)
    return f'{context}<p class="question">{text(row.question)}</p>' + (
        f'<ol class="options" type="A">{options}</ol>' if options else ""
    )


def answer_block(row: Answer) -> str:
    """The answer with what was read marked, and by which rule it was read."""
    limit = f'<span class="tag warn">{text(_("cut off at the limit"))}</span>'
    cut = limit if row.truncated else ""
    read, gold = f"<b>{text(row.prediction)}</b>", f"<b>{text(row.gold_answer)}</b>"
    if not row.prediction:
        how = text(_("no final answer could be read"))
    elif row.rule == IMPORTED:
        how = f"{text(_('read'))} {read}{text(_(', as the imported file says'))}"
    else:
        by = text(_(" by the rule “{rule}”", rule=row.rule))
        how = f"{text(_('read'))} {read}{by}"
    tokens = f" · {count(row.tokens, 'token')}" if row.tokens is not None else ""
    agree = _("{share} of its samples agree", share=percent(row.agreement or 0))
    voted = f" · {text(agree)}" if row.agreement is not None else ""
    return (
        f'<pre class="said">{highlighted(row.text or "", row.span_start, row.span_end)}</pre>'
        f'<p class="how">{how}, {text(_("expected"))} {gold}{tokens}{voted} {cut}</p>'
    )
