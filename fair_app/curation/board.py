"""All that a person decides on: the mistakes, what teachers wrote on them, what persons decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from fair_app.curation.acceptance import RationaleRow, Rule, Verdict, verdict
from fair_app.curation.decisions import Key, State


@dataclass(frozen=True)
class Incomplete:
    """A rationale that nobody judges: cut off (`truncated`), `blocked` or `empty`."""

    id: int
    question_id: int
    teacher: str
    finish: str


@dataclass(frozen=True)
class Board:
    """A project's curation at one moment, without the texts.

    `questions` are the mistakes of the present exam in its order; `rows` and `incomplete` are in
    the order of the questions, and of the committee within one. `feedback_tokens` has the mean
    length of a question's feedback, and `prompt_tokens` that of what the student is asked.
    """

    questions: Sequence[int]
    teachers: Sequence[str]
    rows: Sequence[RationaleRow]
    incomplete: Sequence[Incomplete]
    states: Mapping[Key, State]
    feedback_tokens: Mapping[int, float]
    prompt_tokens: Mapping[int, int]

    @cached_property
    def positions(self) -> dict[int, int]:
        """Where each question stands, from 0."""
        return {question_id: place for place, question_id in enumerate(self.questions)}

    @cached_property
    def row_of(self) -> dict[int, RationaleRow]:
        """The complete rationales by their ids."""
        return {row.id: row for row in self.rows}

    def deciding(self, states: Mapping[Key, State]) -> "Board":
        """The same work with other decisions in force."""
        return replace(self, states=states)

    def state_of(self, rationale_id: int) -> State | None:
        """What persons decided about a rationale, None when nobody did."""
        return self.states.get(("rationale", rationale_id))

    def verdicts(self, rule: Rule) -> dict[int, Verdict]:
        """The verdict of every complete rationale, by its id."""
        return {row.id: verdict(row, rule, self.state_of(row.id)) for row in self.rows}
