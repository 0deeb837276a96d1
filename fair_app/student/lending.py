"""What a job that lends students does between two questions, and how it writes an answer down."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from db import jobs, trials
from db.questions import by_ids
from db.store import writing
from db.trials import Trial
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.jobs.context import JobContext
from fair_app.jobs.kinds import KINDS, needs_device
from fair_app.jobs.orphans import mark_orphans
from fair_app.jobs.worker import sentence
from fair_app.stored_questions import as_question
from fair_app.student.base import Completion, Decoding
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task_of
from fair_app.whole_files import is_disk_full

LOOK_EVERY_S = 0.1
SHOW_EVERY_S = 0.25
"""How often what there is of an answer is written into its row."""
LENT = "lent"
GIVING_BACK = "giving back"
"""Stages of a lending job: from the second on it takes no more questions."""


class Stopped(Exception):
    """A person has read enough of an answer."""


class Lending:
    """A job that answers what its trials ask, until nobody asks or somebody needs the device."""

    def __init__(self, job: JobContext) -> None:
        self.job = job
        self.answered = 0
        self.why = ""
        self._once = job.params.get("ask") is not None
        self._holds_device = needs_device(job.job.kind, job.params)

    def next(self) -> list[Trial]:
        """Wait for the next question; its answers that are to be written, none when all is done.

        The device is given back when another job waits for it, and when nobody has asked anything
        for a while; what is asked from then on is asked of another job. Raises Cancelled.
        """
        self.job.progress(LENT if self.answered else "starting", self.answered, 0)
        since = time.monotonic()
        while True:
            self.job.check_cancelled()
            asked = trials.next_asked(self.job.store, self.job.job.id)
            # The first question is answered, whoever waits: it waited for the device before them.
            wanted = "" if asked and not self.answered else self._wanted_by()
            if asked and not wanted:
                return asked
            idle_s = time.monotonic() - since
            if self._once or wanted or idle_s > self.job.params["idle_s"]:
                self.why = wanted or ("" if self._once else f"nobody asked for {_minutes(idle_s)}")
                if self._leave(even_if_asked=bool(wanted)):
                    return []
            time.sleep(LOOK_EVERY_S)

    def _wanted_by(self) -> str:
        """Which job waits for the device that this one holds, "" where none does."""
        if not self._holds_device:
            return ""
        store = self.job.store
        mark_orphans(store)
        for other in [*jobs.in_state(store, "running"), *jobs.waiting(store)]:
            if other.id != self.job.job.id and needs_device(other.kind, other.params):
                return f"job {other.id} ({KINDS[other.kind].title}) waits for the device"
        return ""

    def _leave(self, *, even_if_asked: bool) -> bool:
        """Take no more questions; False where one has just come."""
        with writing(self.job.store) as store:
            asked = trials.next_asked(store, self.job.job.id)
            if asked and not even_if_asked:
                return False
            while asked:
                for trial in asked:
                    trials.end(
                        store,
                        trial.id,
                        "failed",
                        error=f"The model was given back first, because {self.why}: ask again.",
                    )
                asked = trials.next_asked(store, self.job.job.id)
            self.job.progress(GIVING_BACK, self.answered, 0)
        if not self._once:
            self.job.log(f"given back: {self.why}")
        return True


class Answer:
    """One answer on its way into its row. What goes wrong with it is said there."""

    def __init__(self, job: JobContext, trial: Trial) -> None:
        self.trial = trial
        self.ended = False
        self._job, self._task = job, task_of(job.project)
        self._question = Question(trial.question, gold_answer="", gold_text="")
        if trial.question_id is not None:
            (row,) = by_ids(job.store, [trial.question_id])
            self._question = as_question(row)
        self._written = Completion("", 0, truncated=False)
        self._seconds = 0.0
        self._looked_at = 0.0

    @property
    def prompt(self) -> str:
        """The question as an exam puts it."""
        return self._task.prompt(self._question)

    @property
    def decoding(self) -> Decoding:
        """How it is to be drawn."""
        return Decoding(**self.trial.settings["decoding"])

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """What goes wrong within ends this answer, and not the job; a cancel goes through."""
        try:
            yield
        except Stopped:
            self._end("stopped")
        except Cancelled:
            self._end("stopped", "The model was given back before the answer was written.")
            raise
        except Exception as fault:
            if is_disk_full(fault):
                raise
            if not isinstance(fault, BadInput | WorkFailed):
                self._job.log(traceback.format_exc())
            self._end("failed", sentence(fault))

    def check(self) -> None:
        """Raise Stopped or Cancelled when a person wants no more. Cheap to call at every token."""
        moment = time.monotonic()
        if moment - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = moment
            self._job.check_cancelled()
            if trials.stop_requested(self._job.store, self.trial.id):
                raise Stopped

    def show(self, written: Completion, seconds: float) -> None:
        """Write down what there is, and the seconds that it took."""
        self._written, self._seconds = written, seconds
        trials.write(self._job.store, self.trial.id, written.text, written.tokens, seconds)

    def finish(self, written: Completion, seconds: float) -> None:
        """Write down the whole answer, and its grade where it has a gold answer."""
        self._written, self._seconds = written, seconds
        if self.trial.question_id is None:
            self._end("done")
            return
        grade = self._task.grade(written.text, self._question)
        start, end = grade.span or (None, None)
        self._end(
            "done",
            prediction=grade.prediction,
            rule=grade.rule,
            span_start=start,
            span_end=end,
            correct=int(grade.correct),
        )

    def _end(self, state: str, error: str = "", **grade: object) -> None:
        self.ended = True
        trials.end(
            self._job.store,
            self.trial.id,
            state,
            error=error,
            text=self._written.text,
            tokens=self._written.tokens,
            seconds=self._seconds,
            truncated=int(self._written.truncated),
            **grade,
        )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
