"""The review room: the acceptance rule and its consequences, queues, search, and cards.

The rules are pure and stand in `fair_app.curation`; here they meet the store. What persons decide
is in `fair_app.studio.deciding`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from db import committee, curation, exams, jobs, mentors, projects
from db.committee import RationaleRow as StoredRationale
from db.committee import ReviewRow
from db.exams import AnswerRow
from db.projects import Project
from db.store import connect
from fair_app.curation import queues
from fair_app.curation.acceptance import RationaleRow, Rule, check_rule, counted
from fair_app.curation.board import Board
from fair_app.curation.decisions import State, revision_of
from fair_app.curation.queues import Item
from fair_app.curation.reliability import Reliability, Scored, reliability
from fair_app.curation.what_if import Flips, Suggestion, Summary, flips, suggest, summarise
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.board import COMPLETE, board, decisions_on
from fair_app.training.settings import TrainingSettings

REASONS = ("wrong arithmetic", "misreads the question", "right answer, wrong steps", "unclear")
"""The reasons that comments are given from, until a project has its own."""

MOST_REASONS, LONGEST_REASON = 12, 60
MOST_TERMS, LONGEST_SEARCH = 12, 200


@dataclass(frozen=True)
class Score:
    """One peer's review of a rationale. `counts`: the score lies in 1..5."""

    reviewer: str
    score: Any
    counts: bool
    text: str


@dataclass(frozen=True)
class TeacherColumn:
    """What one teacher wrote about one mistake, and what persons decided.

    `row` is what the rule looks at, None for a rationale that is missing or not complete (`finish`
    says which). `revision` is that of the decisions about the rationale. The mentor has a column a
    rationale: `place` says which of how many it is; a teacher's is (1, 1).
    """

    teacher: str
    simulated: bool
    by_mentor: bool
    place: tuple[int, int]
    feedback: str | None
    rationale_id: int | None
    rationale: str | None
    finish: str | None
    prediction: str | None
    correct: bool | None
    scores: list[Score]
    row: RationaleRow | None
    state: State
    revision: int


@dataclass(frozen=True)
class Card:
    """One mistake with all that the committee wrote about it.

    `position` counts from 0 among the mistakes. `favourite` is a rationale's id; `revision` is that
    of the decisions about the question.
    """

    position: int
    answer: AnswerRow
    columns: list[TeacherColumn]
    favourite: int | None
    revision: int


@dataclass(frozen=True)
class Queue:
    """A queue as it stands: its items in order, and of each whether a person is done with it.

    `board` is the one that it was made from.
    """

    name: str
    items: list[Item]
    decided: list[bool]
    board: Board


# ---- the acceptance rule


def rule_of(project: Project) -> Rule:
    """The acceptance rule that a person saved for this project."""
    return Rule(threshold=project.threshold, **project.rule)


def set_rule(settings: Settings, project: Project, rule: Rule) -> None:
    """Save the acceptance rule. Raises BadInput for a value out of range, or an unknown teacher."""
    values = asdict(checked_rule(settings, project, rule))
    threshold = values.pop("threshold")
    projects.set_rule(connect(settings.database), project.id, threshold, values)


def checked_rule(settings: Settings, project: Project, rule: Rule) -> Rule:
    """Return the rule with its thresholds as floats. Raises BadInput as `set_rule` does.

    A teacher with a saved threshold may have left the committee, and may come back to it.
    """
    checked = check_rule(rule)
    known = board(settings, project).authors
    for name in checked.per_teacher:
        if name not in known and name not in rule_of(project).per_teacher:
            raise BadInput(
                f"There is no teacher '{name}' here: choose {', '.join(known) or 'none so far'}."
            )
    return checked


def summary(settings: Settings, project: Project, rule: Rule | None = None) -> Summary:
    """What a rule (by default the saved one) accepts. Raises BadInput for a bad one."""
    found = board(settings, project)
    return summarise(found.rows, rule or rule_of(project), found.states)


def suggestion(
    settings: Settings, project: Project, at_least: float, rule: Rule | None = None
) -> Suggestion:
    """The threshold that keeps most with this share (0..1) of right answers: see `suggest`."""
    found = board(settings, project)
    return suggest(found.rows, rule or rule_of(project), at_least, found.states)


def changes(settings: Settings, project: Project, rule: Rule) -> Flips:
    """What another rule would newly accept and reject, against the saved one."""
    found = board(settings, project)
    return flips(found.rows, rule_of(project), rule, found.states)


def seconds_per_token(settings: Settings) -> float | None:
    """How long training took a token in the newest run on this machine; None before the first."""
    pace = jobs.latest_mean(connect(settings.database), "train", "tokens_per_second")
    return 1 / pace if pace else None


def epochs() -> int:
    """How many epochs a run takes unless asked otherwise."""
    return TrainingSettings().epochs


# ---- queues and search


def queue(
    settings: Settings,
    project: Project,
    name: str,
    actor: str,
    search: str = "",
    rule: Rule | None = None,
) -> Queue:
    """The items of a queue, with `search` only those whose question has these words.

    Words are looked for in the question, the student's answer, and all that teachers and persons
    wrote; "several in quotes" as they stand. `rule` is the saved one by default. Raises BadInput
    for an unknown queue.
    """
    found = board(settings, project)
    items = queues.queue(name, found, rule or rule_of(project), actor)
    if search.strip():
        hits = searched(settings, project, search)
        items = [item for item in items if item.question_id in hits]
    return Queue(name, items, queues.decided(items, found), found)


def sizes(settings: Settings, project: Project, actor: str) -> dict[str, int]:
    """How many questions are in each queue."""
    return queues.sizes(board(settings, project), rule_of(project), actor)


def searched(settings: Settings, project: Project, words: str) -> set[int]:
    """The mistakes that have all of these words. Raises BadInput for a search that is too long."""
    # What cannot stand in a text of SQLite separates words, as all punctuation does.
    words = re.sub(r"[\0\ud800-\udfff]", " ", words)
    terms = [quoted or word for quoted, word in re.findall(r'"([^"]*)"|([^\s"]+)', words)]
    terms = [term for term in terms if re.search(r"[^\W_]", term)]
    if len(terms) > MOST_TERMS or len(words) > LONGEST_SEARCH:
        raise BadInput(
            f"Search for at most {MOST_TERMS} words at once, of at most {LONGEST_SEARCH} "
            "characters together."
        )
    if not terms or project.exam_id is None:
        return set()
    return curation.search(connect(settings.database), project.id, project.exam_id, terms)


# ---- reviewers


def reviewers(settings: Settings, project: Project, threshold: float | None = None) -> Reliability:
    """How far each reviewer can be relied on, over all complete rationales.

    Scores are held against the threshold, by default the saved one. Raises BadInput outside 0..5.
    """
    found = board(settings, project)
    return reliability(
        (
            Scored(
                author=row.teacher,
                scores=dict(zip(row.reviewers, row.scores, strict=True)),
                right=row.final_correct,
                accepted=(found.state_of(row.id) or State()).accepted,
            )
            for row in found.rows
        ),
        project.threshold if threshold is None else threshold,
        found.teachers,
        [one for one in found.authors if one not in found.teachers],
    )


# ---- reasons of comments


def reasons(project: Project) -> list[str]:
    """The short list of reasons that comments are given from."""
    return list(project.reasons or REASONS)


def set_reasons(settings: Settings, project: Project, wanted: Sequence[str]) -> None:
    """Save the list, without blanks and repetitions; empty brings the usual one back.

    Raises BadInput for more than MOST_REASONS, or one longer than LONGEST_REASON characters.
    """
    kept = list(dict.fromkeys(reason.strip() for reason in wanted if reason.strip()))
    if len(kept) > MOST_REASONS or any(len(reason) > LONGEST_REASON for reason in kept):
        raise BadInput(
            f"Reasons are a short list: at most {MOST_REASONS}, each of at most "
            f"{LONGEST_REASON} characters."
        )
    projects.set_reasons(connect(settings.database), project.id, kept)


# ---- questions by their numbers


def mistake_numbered(settings: Settings, project: Project, number: int) -> int:
    """The id of the question with this number (from 1) among the mistakes. Raises BadInput."""
    questions = board(settings, project).questions
    if not 1 <= number <= len(questions):
        raise BadInput(_no_number(project, number, "mistakes", len(questions)))
    return questions[number - 1]


def answer_numbered(settings: Settings, project: Project, number: int) -> AnswerRow:
    """The answer with this number (from 1) in the present exam. Raises BadInput."""
    store = connect(settings.database)
    questions = exams.question_ids(store, project.exam_id) if project.exam_id else []
    if project.exam_id is None or not 1 <= number <= len(questions):
        raise BadInput(_no_number(project, number, "answers", len(questions)))
    question_id = questions[number - 1]
    return exams.answers_to(store, project.exam_id, [question_id])[question_id]


def answers_of(
    settings: Settings, project: Project, question_ids: Sequence[int]
) -> dict[int, AnswerRow]:
    """The student's answers in the present exam, by question."""
    if project.exam_id is None:
        return {}
    return exams.answers_to(connect(settings.database), project.exam_id, list(question_ids))


def _no_number(project: Project, number: int, what: str, count: int) -> str:
    if not count:
        return f"There is no number {number} here: {project.name} has no {what} so far."
    return (
        f"There is no number {number} here: the {what} of {project.name} are numbered from 1 to "
        f"{count}."
    )


# ---- cards


def cards(settings: Settings, project: Project, question_ids: Sequence[int]) -> list[Card]:
    """The cards of these questions, in this order; those that are no mistakes (any more) not."""
    found = board(settings, project)
    wanted = [one for one in dict.fromkeys(question_ids) if one in found.positions]
    if project.exam_id is None or not wanted:
        return []
    store = connect(settings.database)
    reviews: dict[int, list[ReviewRow]] = defaultdict(list)
    for review in committee.reviews(store, project.id, wanted):
        reviews[review.rationale_id].append(review)
    rationales: dict[tuple[int, int], list[StoredRationale]] = defaultdict(list)
    for row in committee.rationales(store, project.id, wanted, with_mentor=True):
        rationales[row.question_id, row.teacher_id].append(row)
    feedback = {
        (row.question_id, row.teacher_id): row.text
        for row in committee.feedback(store, project.exam_id, wanted)
        if row.finish == COMPLETE
    }
    answers = exams.answers_to(store, project.exam_id, wanted)
    members = committee.teachers(store, project.id)
    mentor = mentors.of_project(store, project.id)
    made = []
    for question_id in wanted:
        columns = []
        for author in [*members, *([mentor] if mentor else [])]:
            by_mentor = author is mentor
            own: list[StoredRationale | None] = [*rationales[question_id, author.id]]
            if not own and not by_mentor:
                own = [None]
            for place, rationale in enumerate(own, 1):
                columns.append(
                    TeacherColumn(
                        teacher=author.name,
                        simulated=author.simulated,
                        by_mentor=by_mentor,
                        place=(place, len(own)),
                        feedback=feedback.get((question_id, author.id)),
                        **_rationale(settings, project, found, rationale, reviews),
                    )
                )
        key = ("question", question_id)
        made.append(
            Card(
                position=found.positions[question_id],
                answer=answers[question_id],
                columns=columns,
                favourite=found.states.get(key, State()).favourite,
                revision=revision_of(decisions_on(settings, project, key)),
            )
        )
    return made


def _rationale(
    settings: Settings,
    project: Project,
    found: Board,
    rationale: StoredRationale | None,
    reviews: Mapping[int, list[ReviewRow]],
) -> dict[str, Any]:
    """The fields of a column that are about its rationale."""
    peers = reviews[rationale.id] if rationale else []
    key = ("rationale", rationale.id if rationale else 0)
    return {
        "rationale_id": rationale.id if rationale else None,
        "rationale": rationale.text if rationale else None,
        "finish": rationale.finish if rationale else None,
        "prediction": rationale.prediction if rationale else None,
        "correct": rationale.correct if rationale else None,
        "scores": [
            Score(peer.reviewer, peer.score, counted(peer.score), peer.text or "") for peer in peers
        ],
        "row": found.row_of.get(key[1]),
        "state": found.states.get(key, State()),
        "revision": revision_of(decisions_on(settings, project, key)),
    }
