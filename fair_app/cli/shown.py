"""What the commands about curation share: rationales as they are shown, and who asks."""

import getpass
from argparse import Namespace
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from db.projects import Project
from fair_app.curation.acceptance import Rule, verdict
from fair_app.curation.board import Board, Incomplete
from fair_app.curation.decisions import Decision, Key, State, revision_of
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.board import board, decision_log

Result = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A board as the command line shows it, under one rule."""

    board: Board
    rule: Rule
    log: dict[Key, list[Decision]]

    def revision(self, subject: str, subject_id: int) -> int:
        """The revision of the decisions about a subject, which `decide --revision` asks for."""
        return revision_of(self.log.get((subject, subject_id), ()))

    def favourite(self, question_id: int) -> int | None:
        """The favourite of a question: a rationale's id."""
        return self.board.states.get(("question", question_id), State()).favourite

    def number(self, question_id: int | None) -> int | None:
        """The question's number among the mistakes, from 1; None when it is no mistake (now)."""
        place = self.board.positions.get(question_id or 0)
        return None if place is None else place + 1

    def rationale(self, rationale_id: int) -> Result:
        """What the rule and persons say of a rationale; nobody judges one that is not complete."""
        one = written(self.board, rationale_id)
        state = self.board.state_of(rationale_id) or State()
        row = self.board.row_of.get(rationale_id)
        judged = verdict(row, self.rule, state) if row else None
        return {
            "id": rationale_id,
            "teacher": one.teacher,
            "finish": one.finish,
            "mean": row.mean if row else None,
            "adjusted": row.adjusted if row else None,
            "scores": dict(zip(row.reviewers, row.scores, strict=True)) if row else {},
            "right": row.final_correct if row else None,
            "accepted": judged.accepted if judged else None,
            "by": judged.by if judged else None,
            "edited": state.text is not None,
            "favourite": self.favourite(one.question_id) == rationale_id,
            "comments": len(state.comments),
            "revision": self.revision("rationale", rationale_id),
        }


def shown(settings: Settings, project: Project, rule: Rule, found: Board | None = None) -> Shown:
    """The project's board, or one that was read before, under a rule."""
    log: defaultdict[Key, list[Decision]] = defaultdict(list)
    for entry in decision_log(settings, project):
        log[entry.subject, entry.subject_id].append(entry)
    return Shown(found or board(settings, project), rule, log)


def written(present: Board, rationale_id: int) -> Incomplete:
    """A rationale's question, teacher, and whether it is complete. Raises BadInput for no such."""
    row = present.row_of.get(rationale_id)
    if row is not None:
        return Incomplete(row.id, row.question_id, row.teacher, "complete")
    for one in present.incomplete:
        if one.id == rationale_id:
            return one
    raise BadInput(
        f"There is no rationale {rationale_id} here: `curate --queue all` has their numbers."
    )


def limit_of(limit: int) -> int:
    """How many items to show. Raises BadInput below 1."""
    if limit < 1:
        raise BadInput("--limit is a number of items: give at least 1.")
    return limit


def actor_of(given: Namespace) -> str:
    """Who decides: as given, else the login name."""
    if given.actor is not None:
        name = str(given.actor).strip()
        if not name or len(name) > 100:
            raise BadInput("--actor is a name of at most 100 characters.")
        return name
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "local"
