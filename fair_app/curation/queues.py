"""Queues: the rationales that are worth a person's look, and why, in the order of their worth.

A queue is made of rationales and worked through by question. Whether a person decided does not move
an item out of its queue (but for `undecided`), so that one can say "41 of 120 are done". What the
rule says is what it says without persons.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

from fair_app.curation.acceptance import RationaleRow, Rule, accepted_by_rule, mean_by
from fair_app.curation.board import Board, Incomplete
from fair_app.errors import BadInput

FAR_APART = 2
"""Two reviewers disagree when their scores of one rationale are at least this far apart."""

NEAR = 0.5
"""A mean is close to the threshold when it is at most this far from it."""


@dataclass(frozen=True)
class Kind:
    """What a queue is called and what is in it, in words."""

    title: str
    about: str


@dataclass(frozen=True)
class Item:
    """A question of a queue with those of its rationales that put it there."""

    question_id: int
    rationales: tuple[int, ...]


QUEUES: dict[str, Kind] = {
    "all": Kind("All mistakes", "every question that the student answered wrong"),
    "undecided": Kind("Undecided", "nobody has decided on the rationale"),
    "disagree": Kind(
        "Reviewers disagree", f"scores of one rationale lie {FAR_APART} or more apart, widest first"
    ),
    "close": Kind(
        "Close to the threshold", f"the mean is at most {NEAR} from the threshold, nearest first"
    ),
    "right-low": Kind(
        "Right answer, low score", "rejected by the rule though it ends in the right answer"
    ),
    "wrong-high": Kind(
        "Wrong answer, high score", "accepted by the rule though it ends in a wrong answer"
    ),
    "single": Kind("One teacher only", "the only complete rationale of its question"),
    "no-score": Kind("No score", "no reviewer gave a score that counts"),
    "incomplete": Kind("Blocked or cut off", "a rationale that is not complete and is not judged"),
    "commented": Kind("Commented", "somebody left a comment"),
    "mine": Kind("Mine", "you decided on it or commented"),
}


def queue(name: str, board: Board, rule: Rule, actor: str) -> list[Item]:
    """The questions of a queue with their rationales, in the queue's order.

    Raises BadInput for a name that is not in QUEUES.
    """
    if name not in QUEUES:
        raise BadInput(f"There is no queue '{name}': choose one of {', '.join(QUEUES)}.")
    if name == "all":
        return _by_question(board, ((row.question_id, row.id) for row in board.rows), rest=True)
    if name == "incomplete":
        return _by_question(board, ((one.question_id, one.id) for one in board.incomplete))
    if name in RANKED:
        ranks = {row.id: RANKED[name](row, rule) for row in board.rows}
        found = [row for row in board.rows if ranks[row.id] is not None]
        found.sort(key=lambda row: ranks[row.id] or 0)
        return _by_question(board, ((row.question_id, row.id) for row in found), ordered=True)
    ids = _chosen(name, board, actor)
    return _by_question(board, ((one.question_id, one.id) for one in _all(board) if one.id in ids))


def sizes(board: Board, rule: Rule, actor: str) -> dict[str, int]:
    """How many questions are in each queue."""
    question_of = {one.id: one.question_id for one in _all(board)}
    found = {
        name: {row.question_id for row in board.rows if rank(row, rule) is not None}
        for name, rank in RANKED.items()
    }
    for name in ("undecided", "single", "no-score", "commented", "mine"):
        ids = _chosen(name, board, actor)
        found[name] = {question_of[one] for one in ids if one in question_of}
    found["incomplete"] = {one.question_id for one in board.incomplete}
    return {name: len(found.get(name, board.questions)) for name in QUEUES}


def decided(items: Iterable[Item], board: Board) -> list[bool]:
    """Of each item, whether a person has decided on all of its rationales, or on a favourite."""
    return [_is_done(item, board) for item in items]


def _is_done(item: Item, board: Board) -> bool:
    favourite = board.states.get(("question", item.question_id))
    if favourite is not None and favourite.favourite is not None:
        return True
    states = [board.state_of(rationale) for rationale in item.rationales]
    return bool(states) and all(state and state.accepted is not None for state in states)


def _disagree(row: RationaleRow, rule: Rule) -> float | None:
    spread = max(row.counted) - min(row.counted) if row.counted else 0
    return -spread if spread >= FAR_APART else None


def _close(row: RationaleRow, rule: Rule) -> float | None:
    mean = mean_by(row, rule)
    if mean is None:
        return None
    distance = abs(mean - rule.threshold_of(row.teacher))
    # Rounded: 3.4 - 2.9 is a little more than 0.5 in binary.
    return round(distance, 9) if round(distance, 9) <= NEAR else None


def _right_low(row: RationaleRow, rule: Rule) -> float | None:
    if row.final_correct is not True or accepted_by_rule(row, rule):
        return None
    return mean_by(row, rule) or 0


def _wrong_high(row: RationaleRow, rule: Rule) -> float | None:
    if row.final_correct is not False or not accepted_by_rule(row, rule):
        return None
    return -(mean_by(row, rule) or 0)


RANKED: dict[str, Callable[[RationaleRow, Rule], float | None]] = {
    "disagree": _disagree,
    "close": _close,
    "right-low": _right_low,
    "wrong-high": _wrong_high,
}
"""Queues with an order of their own: the rank of a rationale, None when it is not in the queue."""


def _chosen(name: str, board: Board, actor: str) -> set[int]:
    """The ids of the rationales of a queue in the exam's order."""
    rows, states = board.rows, board.states
    match name:
        case "undecided":
            return {row.id for row in rows if not _has_verdict(board, row.id)}
        case "single":
            written = Counter(row.question_id for row in rows)
            return {row.id for row in rows if written[row.question_id] == 1}
        case "no-score":
            return {row.id for row in rows if not row.counted}
        case "commented":
            return {key[1] for key, state in states.items() if state.comments}
        case _:
            return {
                subject_id
                for (subject, subject_id), state in states.items()
                if subject == "rationale"
                and (
                    (state.decision and state.actor == actor)
                    or any(comment.actor == actor for comment in state.comments)
                )
            }


def _all(board: Board) -> Iterable[RationaleRow | Incomplete]:
    return chain(board.rows, board.incomplete)


def _has_verdict(board: Board, rationale_id: int) -> bool:
    state = board.state_of(rationale_id)
    return state is not None and state.accepted is not None


def _by_question(
    board: Board, pairs: Iterable[tuple[int, int]], *, ordered: bool = False, rest: bool = False
) -> list[Item]:
    """Pairs of a question and a rationale by question.

    In the order of the pairs (`ordered`) or of the exam; with `rest` also questions without a pair.
    """
    found: dict[int, list[int]] = {}
    for question_id, rationale_id in pairs:
        found.setdefault(question_id, []).append(rationale_id)
    order: Iterable[int] = found
    if not ordered:
        order = (one for one in board.questions if rest or one in found)
    return [Item(question_id, tuple(found.get(question_id, ()))) for question_id in order]
