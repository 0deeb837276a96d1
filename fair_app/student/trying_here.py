"""Lending students of this machine. Imports torch."""

import time
from collections.abc import Iterator

from db.trials import Trial
from fair_app.student.base import Completion
from fair_app.student.lending import SHOW_EVERY_S, Answer, Lending
from fair_app.student.lent import LentModels, Wanted


def lend(lending: Lending, models: LentModels | None = None) -> None:
    """Answer question after question, until it is time to give the models back."""
    models = models or LentModels(lending.job.settings)
    while asked := lending.next():
        for group in _together(lending, models, [Answer(lending.job, trial) for trial in asked]):
            _answer(lending, models, group)
        lending.answered += 1


def _together(lending: Lending, models: LentModels, answers: list[Answer]) -> list[list[Answer]]:
    """The answers that can grow side by side; each alone where memory does not suffice."""
    there = []
    for answer in answers:
        with answer.guarded():
            models.fit_together([_wanted(answer.trial)])
            there.append(answer)
    if not there:
        return []
    if models.fit_together([_wanted(answer.trial) for answer in there]):
        return [there]
    names = " and ".join(answer.trial.student for answer in there)
    lending.job.log(f"{names} do not fit into memory together: they answer one after the other")
    return [[answer] for answer in there]


def _answer(lending: Lending, models: LentModels, answers: list[Answer]) -> None:
    """Load what these answers need, then let them grow in turns."""
    names = " and ".join(answer.trial.student for answer in answers)
    lending.job.progress(f"loading {names}", lending.answered, 0)
    _load(models, answers)
    lending.job.progress("answering", lending.answered, 0)
    growing = [_Growing(models, answer) for answer in answers if not answer.ended]
    while growing:
        for one in growing:
            with one.answer.guarded():
                one.turn()
        growing = [one for one in growing if not one.answer.ended]


def _load(models: LentModels, answers: list[Answer]) -> None:
    try:
        models.load([_wanted(answer.trial) for answer in answers])
    except Exception:  # whose it is, and what is to be said of it, each alone will tell
        for answer in answers:
            with answer.guarded():
                models.load([_wanted(answer.trial)])
        models.load([_wanted(answer.trial) for answer in answers if not answer.ended])


class _Growing:
    """An answer that is written for a moment, and then lets the others be written."""

    def __init__(self, models: LentModels, answer: Answer) -> None:
        self.answer = answer
        self._stream = self._begin(models)
        self._written = Completion("", 0, truncated=False)
        self._seconds = 0.0

    def _begin(self, models: LentModels) -> Iterator[Completion]:
        wanted, answer = _wanted(self.answer.trial), self.answer
        yield from models.stream(wanted, answer.prompt, answer.decoding, answer.check)

    def turn(self) -> None:
        """Write until it is another's turn; the first turn is one token, which is shown at once."""
        began, is_first, more = time.monotonic(), not self._seconds, False
        for written in self._stream:
            self._written = written
            if is_first or time.monotonic() - began >= SHOW_EVERY_S:
                more = True
                break
        self._seconds += time.monotonic() - began
        (self.answer.show if more else self.answer.finish)(self._written, self._seconds)


def _wanted(trial: Trial) -> Wanted:
    how = trial.settings
    return Wanted(trial.student, how["quantization"], how["prompts"])
