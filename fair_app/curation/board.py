"""All that a person decides on: the mistakes, what teachers wrote on them, what persons decided."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from fair_app.curation.acceptance import MENTOR, RationaleRow, Rule, Score, Verdict, verdict
from fair_app.curation.decisions import Key, State
from fair_app.curation.leniency import adjusted_mean, leniencies

COMPLETE = "complete"
"""How a text ended that can be judged and learned from."""


class Written(Protocol):
    """A rationale without its text, as it is stored. `correct` is its final answer's grade."""

    @property
    def id(self) -> int: ...

    @property
    def question_id(self) -> int: ...

    @property
    def teacher(self) -> str: ...

    @property
    def correct(self) -> bool | None: ...

    @property
    def finish(self) -> str: ...

    @property
    def tokens(self) -> int: ...

    @property
    def by_mentor(self) -> bool: ...


def rationale_rows(
    written: Sequence[Written], scores: Mapping[int, Sequence[tuple[str, Score]]]
) -> list[RationaleRow]:
    """The complete rationales with what the rule looks at, in their order.

    `scores` has the (reviewer, score) pairs of a rationale by its id, in committee order. The
    adjusted means are by the leniencies that the scores of all complete ones show.
    """
    complete = [one for one in written if one.finish == COMPLETE]
    leniency = leniencies(dict(scores.get(one.id, ())) for one in complete)
    return [
        RationaleRow(
            id=one.id,
            question_id=one.question_id,
            teacher=one.teacher,
            final_correct=one.correct,
            scores=tuple(score for _, score in scores.get(one.id, ())),
            reviewers=tuple(reviewer for reviewer, _ in scores.get(one.id, ())),
            adjusted=adjusted_mean(dict(scores.get(one.id, ())), leniency),
            tokens=one.tokens,
            by_mentor=one.by_mentor,
        )
        for one in complete
    ]


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

    `questions` are the mistakes of the present exam in its order, `teachers` the committee; `rows`
    and `incomplete` are in the order of the questions, and of the committee within one, with the
    mentor's behind it. `feedback_tokens` has the mean length of a question's feedback, and
    `prompt_tokens` that of what the student is asked.
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

    @cached_property
    def column_of(self) -> dict[int, int]:
        """The column of each rationale on its question's card, from 0.

        A teacher has one, whether or not it wrote; the mentor's stand behind, one a rationale.
        """
        place = {name: number for number, name in enumerate(self.teachers)}
        found: dict[int, int] = {}
        further: Counter[int] = Counter()
        for row in self.rows:
            if row.by_mentor:
                found[row.id] = len(place) + further[row.question_id]
                further[row.question_id] += 1
            else:
                found[row.id] = place[row.teacher]
        return found | {one.id: place[one.teacher] for one in self.incomplete}

    @cached_property
    def columns(self) -> list[str]:
        """The author of each column: the committee, and the mentor as often as it wrote at most."""
        width = max(self.column_of.values(), default=-1) + 1
        return [*self.teachers, *[MENTOR] * (width - len(self.teachers))]

    @property
    def authors(self) -> list[str]:
        """Who wrote rationales: the committee, and the mentor once it has written one."""
        return list(dict.fromkeys(self.columns))

    def deciding(self, states: Mapping[Key, State]) -> "Board":
        """The same work with other decisions in force."""
        return replace(self, states=states)

    def state_of(self, rationale_id: int) -> State | None:
        """What persons decided about a rationale, None when nobody did."""
        return self.states.get(("rationale", rationale_id))

    def verdicts(self, rule: Rule) -> dict[int, Verdict]:
        """The verdict of every complete rationale, by its id."""
        return {row.id: verdict(row, rule, self.state_of(row.id)) for row in self.rows}
