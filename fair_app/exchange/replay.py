"""A bundle replayed: its training sets made again from ledger, decisions and rule, with no call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from fair_app.curation.acceptance import Rule, check_rule
from fair_app.curation.provenance import Extent, Moment, mistakes_at, training_rows_at
from fair_app.curation.training_set import ACCEPTED, MIXED, Chosen, Selection
from fair_app.errors import BadInput
from fair_app.evaluation.rounds import all_rounds
from fair_app.exchange.bundle_ledger import Files, Ledger, json_of, read_ledger, strange
from fair_app.training import frozen, preferences
from fair_app.training.curated import Asked, as_examples
from fair_app.training.examples import TrainingQuestion, examples_hash
from fair_app.training.frozen import EXAMPLES
from fair_app.training.lineage import LINEAGE_FILE
from fair_app.training.preferences import PREFERENCES, STAGE, Preference, preferences_hash

TRAINING_SET = "training_set"
CHECKPOINTS = "checkpoints"

SAME = "same"
DIFFERS = "differs"
GIVEN = "given"
"""A training set that was handed to its run ready-made, and that nothing in the bundle gives."""


@dataclass(frozen=True)
class Replayed:
    """One training set of a bundle, made again. `place` is its folder there, `file` its file.

    `state` is SAME, DIFFERS (`said` tells in what) or GIVEN. `rebuilt` is the file as it was made
    again, None where it could not be. `questions` are those to learn from.
    """

    place: str
    file: str
    state: str
    questions: int
    said: str = ""
    rebuilt: str | None = None


class _Arm(BaseModel):
    """What an ablation changed about how the texts of a run were chosen."""

    feedback: bool = True
    peer_review: bool = True
    decisions: bool = True


class _Round(BaseModel):
    """The exams whose mistakes a round's run learned from."""

    exams: list[int]


class _Settings(BaseModel):
    seed: int = 0


class _Lineage(BaseModel):
    """What a lineage says of a training set. `ledger`: None in one from before lineages told it."""

    data_sha256: str
    stage: str = ""
    exam: int | None = None
    ledger: Extent | None = None
    ready_made: bool = False
    decisions: int = 0
    prompts: dict[str, str] = {}
    threshold: float = 0
    rule: dict[str, Any] = {}
    teacher: str = MIXED
    keep_rule: bool = False
    rationales: Chosen = ACCEPTED
    with_feedback: bool = True
    ablation: _Arm = _Arm()
    round: _Round | None = None
    settings: _Settings = _Settings()

    @property
    def exams(self) -> list[int]:
        if self.round is not None:
            return self.round.exams
        return [] if self.exam is None else [self.exam]

    @property
    def binding(self) -> bool:
        """Whether what it says must give its examples: they were chosen by it and nothing else."""
        return self.ledger is not None and not self.ready_made


@dataclass(frozen=True)
class _Kind:
    """What runs learn from: the name of its file, and how it is made, written, read and hashed."""

    file: str
    make: Callable[[Ledger, _Lineage], Sequence[Any]]
    write: Callable[[Sequence[Any]], str]
    read: Callable[[list[dict[str, Any]]], Sequence[Any]]
    checksum: Callable[[Sequence[Any]], str]


def replay(files: Files) -> list[Replayed]:
    """Make every training set of a bundle again and compare it with what its run learned from.

    They are compared byte for byte; where the examples are not in the bundle, by their checksum.
    Nothing is asked of anybody, and no store is needed. Raises BadInput when the files are not
    those of a bundle.
    """
    ledger = read_ledger(files)
    places = sorted(
        str(PurePosixPath(name).parent)
        for name in files
        if PurePosixPath(name).name == LINEAGE_FILE
        and name.split("/")[0] in (TRAINING_SET, CHECKPOINTS)
    )
    found = [one for one in (_replayed(files, place, ledger) for place in places) if one]
    made = {one.rebuilt.encode(): one.place for one in found if one.state == SAME and one.rebuilt}
    return [_as_another(one, made.get(files.get(f"{one.place}/{one.file}", b""))) for one in found]


def _replayed(files: Files, place: str, ledger: Ledger) -> Replayed | None:
    """One training set; None of a checkpoint whose lineage names none."""
    told = json_of(files, f"{place}/{LINEAGE_FILE}")
    if not isinstance(told, dict) or "data_sha256" not in told:
        return None
    try:
        lineage = _Lineage.model_validate(told)
    except ValidationError as error:
        raise strange(f"{place}/{LINEAGE_FILE}") from error
    kind = _PREFERENCES if lineage.stage == STAGE else _EXAMPLES
    data = files.get(f"{place}/{kind.file}")
    learned = _learned(files, f"{place}/{kind.file}", kind) if data is not None else []

    def found(state: str, said: str = "", made: Sequence[Any] = ()) -> Replayed:
        questions = len({one.question_id for one in made or learned})
        return Replayed(
            place, kind.file, state, questions, said, kind.write(made) if made else None
        )

    if data is not None and kind.checksum(learned) != lineage.data_sha256:
        return found(DIFFERS, "its file is not the one whose checksum its lineage has")
    try:
        made = kind.make(ledger, lineage)
    except BadInput as fault:
        if not lineage.binding:
            return found(GIVEN, _READY_MADE)
        return found(DIFFERS, f"the ledger gives nothing to learn from: {fault}")
    except (KeyError, ValueError, TypeError) as error:
        raise strange(f"{place}/{LINEAGE_FILE}") from error
    if data is None and kind.checksum(made) == lineage.data_sha256:
        return found(SAME, "by the checksum in its lineage", made)
    if data is not None and kind.write(made).encode() == data:
        return found(SAME, "", made)
    if not lineage.binding:
        return found(GIVEN, _READY_MADE)
    if data is None:
        return found(DIFFERS, "what the ledger gives has another checksum than its lineage", made)
    return found(DIFFERS, _difference(learned, made), made)


_READY_MADE = (
    "its examples were handed to it ready-made, and nothing here gives them again; their checksum "
    "is its lineage's"
)


def _as_another(one: Replayed, other: str | None) -> Replayed:
    """A ready-made training set is made again with another one that has the same bytes."""
    if one.state != GIVEN or other is None:
        return one
    return replace(one, state=SAME, said=f"the same bytes as {other}")


def _examples(ledger: Ledger, lineage: _Lineage) -> list[TrainingQuestion]:
    """What the ledger gives by a lineage. Raises BadInput where that is nothing."""
    arm = lineage.ablation
    rule = TypeAdapter(Rule).validate_python({"threshold": lineage.threshold, **lineage.rule})
    at = Moment(
        ledger=lineage.ledger or replace(ledger.whole, decisions=lineage.decisions),
        prompts=lineage.prompts,
        rule=check_rule(rule),
        selection=Selection(
            lineage.teacher,
            lineage.keep_rule,
            lineage.rationales,
            with_feedback=arm.feedback and lineage.with_feedback and lineage.stage != STAGE,
        ),
        by_persons=arm.decisions,
        drawn=None if arm.peer_review else lineage.settings.seed,
    )
    if not lineage.exams:
        raise BadInput("Its lineage names no exam.")
    rounds, fault = [], None
    for exam in lineage.exams:
        try:
            rounds.append(_of_exam(ledger, at, exam))
        except BadInput as nothing:  # of several rounds one may have had nothing to learn from
            fault = nothing
    if fault is not None and not rounds:
        raise fault
    return all_rounds(rounds)


def _of_exam(ledger: Ledger, at: Moment, exam: int) -> list[TrainingQuestion]:
    asked = {
        question_id: Asked(ledger.task.prompt(ledger.questions[question_id]), answer.text)
        for question_id, answer in mistakes_at(ledger.known, at, exam).items()
    }
    return as_examples(training_rows_at(ledger.known, at, exam), asked)


def _preferred(ledger: Ledger, lineage: _Lineage) -> list[Preference]:
    """What a second stage learns from. Raises BadInput where that is nothing."""
    cut_off = {
        one.question_id
        for one in ledger.known.answers
        if one.truncated and one.exam_id in lineage.exams
    }
    return preferences.preferences(_examples(ledger, lineage), cut_off)


_EXAMPLES = _Kind(EXAMPLES, _examples, frozen.as_json, frozen.as_questions, examples_hash)
_PREFERENCES = _Kind(
    PREFERENCES,
    _preferred,
    preferences.as_json,
    lambda rows: [Preference(**row) for row in rows],
    preferences_hash,
)


def _learned(files: Files, name: str, kind: _Kind) -> Sequence[Any]:
    rows = json_of(files, name)
    try:
        return kind.read(rows)
    except (KeyError, TypeError, AttributeError) as error:
        raise strange(name) from error


def _difference(learned: Sequence[Any], made: Sequence[Any]) -> str:
    """In what the texts of a run differ from what the ledger gives, in a few words."""
    before, after = map(_by_question, (learned, made))
    missing, new = before.keys() - after.keys(), after.keys() - before.keys()
    other = [one for one in before.keys() & after.keys() if before[one] != after[one]]
    parts = [
        f"{len(ids)} {words} (the first is question {min(ids)})"
        for ids, words in (
            (missing, "questions of the run are not in it"),
            (new, "questions are in it that the run did not have"),
            (other, "questions have other texts"),
        )
        if ids
    ]
    return "what the ledger gives is not what it learned from: " + (
        "; ".join(parts) or "the same texts stand in another order or another form"
    )


def _by_question(texts: Sequence[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for one in texts:
        found.setdefault(one.question_id, []).append(one)
    return found
