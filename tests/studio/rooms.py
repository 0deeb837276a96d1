"""A review room of two people, for tests."""

from db.projects import Project
from fair_app.curation.decisions import State, revision_of
from fair_app.settings import Settings
from fair_app.studio import deciding
from fair_app.studio.board import board, decision_log, decisions_on


class Room:
    """Shorthand for one project: rationales by question and place in the committee, from 0."""

    def __init__(self, settings: Settings, project: Project) -> None:
        self.settings, self.project = settings, project
        self.questions = list(board(settings, project).questions)

    def rationale(self, question: int, teacher: int = 0) -> int:
        rows = board(self.settings, self.project).rows
        return [row.id for row in rows if row.question_id == self.questions[question]][teacher]

    def state(self, rationale_id: int) -> State:
        return board(self.settings, self.project).state_of(rationale_id) or State()

    def favourite(self, question: int) -> int | None:
        states = board(self.settings, self.project).states
        return states.get(("question", self.questions[question]), State()).favourite

    def revision(self, subject: str, subject_id: int) -> int:
        return revision_of(decisions_on(self.settings, self.project, (subject, subject_id)))

    def decide(
        self, rationale_id: int, action: str, actor: str = "ann", value: str | None = None
    ) -> int:
        return deciding.decide(
            self.settings,
            self.project,
            rationale_id,
            action,
            actor=actor,
            revision=self.revision("rationale", rationale_id),
            value=value,
        )

    def pick(self, question: int, teacher: int, actor: str = "ann") -> None:
        deciding.pick_favourite(
            self.settings,
            self.project,
            self.rationale(question, teacher),
            actor=actor,
            revision=self.revision("question", self.questions[question]),
        )

    def undo(self, actor: str = "ann") -> deciding.Done | None:
        return deciding.undo(self.settings, self.project, actor=actor)

    def redo(self, actor: str = "ann") -> deciding.Done | None:
        return deciding.redo(self.settings, self.project, actor=actor)

    def log(self) -> list[tuple[str, str, str]]:
        return [
            (one.actor, one.subject, one.action)
            for one in decision_log(self.settings, self.project)
        ]
