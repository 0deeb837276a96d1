"""How a student did on a set of questions."""

from dataclasses import dataclass

from fair_app.evaluation.statistics import wilson


@dataclass(frozen=True)
class Score:
    """One student on one set of questions; `id` is the exam's or the evaluation's."""

    id: int
    student: str
    questions: int
    correct: int

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return self.correct / self.questions

    @property
    def mistakes(self) -> int:
        """The questions that were answered wrong."""
        return self.questions - self.correct

    @property
    def ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson(self.correct, self.questions)
