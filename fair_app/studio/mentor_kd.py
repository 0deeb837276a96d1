"""Mentor-KD's files into a project and out of it: a teacher's rationales, a mentor's augmentations.

A file's rows are matched to the mistakes of the project's exam, by the question as it was put. The
ledger keeps each row as the file has it, so that it comes out again as it went in. A chain stops
short of its final answer there, so that a text to learn from is the chain and a sentence with it.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlite_utils import Database

from db import authored, calls, committee, exams, mentors
from db.authored import AuthoredRow
from db.exams import AnswerRow
from db.projects import Project
from db.store import connect, writing
from fair_app.curation.acceptance import MENTOR
from fair_app.curation.augmentation import outcomes
from fair_app.curation.board import COMPLETE
from fair_app.errors import BadInput
from fair_app.exchange.mentor_kd import MentorKdRow, made_row, read_mentor_kd, write_mentor_kd
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.studio.mentor import MOST_SAMPLES, check_name_is_free
from fair_app.studio.projects import open_project
from fair_app.studio.teachers import check_names
from fair_app.studio.training import NAME
from fair_app.tasks.asking import asked
from fair_app.tasks.base import Grade, Question, Task
from fair_app.tasks.registry import task_of

PROVIDER = "mentor-kd"
"""The provider of calls that a file of Mentor-KD has."""
IMPORTED = "imported:"
"""Begins the REF of a mentor that only a file is known of."""
AUTHOR = "teacher"
"""Who wrote a file of rationales, unless told otherwise."""
DECLARED = ("####", "boxed", "answer is", "answer:")
"""The rules by which a text says what its final answer is (`fair_app.tasks.grading`)."""


@dataclass(frozen=True)
class Matched:
    """A file's row with the mistake that it is about: the text to learn from, and how it was
    graded."""

    row: MentorKdRow
    question_id: int
    question: Question
    text: str
    grade: Grade


@dataclass(frozen=True)
class File:
    """The rows of a file that are about a mistake, and how many were read."""

    rows: list[Matched]
    read: int


def import_mentor_kd(
    settings: Settings,
    project_name: str,
    task_name: str,
    *,
    rationales: Path | None = None,
    author: str = AUTHOR,
    augmentations: Path | None = None,
) -> dict[str, int]:
    """Read a teacher's rationales, a mentor's augmentations, or both into a project; the counts.

    All of it or nothing. The teacher joins the committee under the name `author`, and its second
    rationales of a question under AUTHOR.2, and so on; the mentor becomes the project's. What they
    wrote stands in the ledger as imported; reading the same files again changes nothing. A chain
    that does not declare its final answer gets it as a last sentence, but for a wrong chain whose
    completion is not in the file. Rows about questions that the student did not get wrong are left
    out.

    Counts: `rationales` and `augmentations` (new ones), `kept` (augmentations that are right and
    not the same as another), `known` (rows in whose place one of an earlier file stands),
    `left_out`, and `graded_otherwise`: rows that the file calls right and that were graded wrong
    here, or the other way round.

    Raises BadInput for files that cannot be read or are about other questions or another task, and
    when the author's name or the place of the mentor is taken.
    """
    project = open_project(settings, project_name)
    task = task_of(project)
    if task_name.strip().lower() != project.task.lower():
        raise BadInput(f"{project.name} is about {project.task}: give --task {project.task}.")
    if project.exam_id is None:
        raise BadInput(
            f"{project.name} has no exam yet: run the exam first; rows are matched to its mistakes."
        )
    store = connect(settings.database)
    mistakes = exams.answers(store, project.exam_id, "wrong")
    found = {path: _matched(path, task, mistakes) for path in (rationales, augmentations) if path}
    if not found:
        raise BadInput("Give a file of Mentor-KD: --rationale FILE, --augmentations FILE, or both.")
    rows = [one for file in found.values() for one in file.rows]
    counts = {"rationales": 0, "augmentations": 0, "kept": 0, "known": 0}
    if not NAME.fullmatch(author):
        raise BadInput(
            f"'{author}' cannot be an author's name: give --author up to 64 letters, digits, dots, "
            "dashes and underscores."
        )
    with writing(store):
        if rationales:
            check_names([author])
            placed = _placed(rationales, found[rationales].rows)
            counts["rationales"] = _add_rationales(store, project, author, placed)
            counts["known"] = len(placed) - counts["rationales"]
        if augmentations:
            name, read = augmentations.stem, found[augmentations].rows
            counts |= _add_augmentations(store, project, name, read)
            counts["known"] += len(read) - counts["augmentations"]
    return {
        **counts,
        "left_out": sum(file.read for file in found.values()) - len(rows),
        "graded_otherwise": sum(map(_is_graded_otherwise, rows)),
    }


def export_mentor_kd(settings: Settings, project: Project, folder: Path) -> list[Path]:
    """Write a file for each teacher's rationales, and one for all that the mentor answered.

    They have the texts as their authors wrote them, right or wrong (`initial_correct` says which),
    on the mistakes of the project's exam; what persons accepted and edited is in `--format sft`.
    Raises BadInput when there is nothing to write, or the folder cannot be written to.
    """
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet to export: run the exam first.")
    store = connect(settings.database)
    questions = {
        row.question_id: as_question(row) for row in exams.answers(store, project.exam_id, "wrong")
    }
    by_author: dict[str, list[AuthoredRow]] = {}
    for row in authored.by_teachers(store, project.id, project.exam_id):
        # The teachers that one file became are one author again.
        author = row.model if row.provider == PROVIDER else row.author
        by_author.setdefault(author, []).append(row)
    files = {_file_name(project.name, name, "rationales"): rows for name, rows in by_author.items()}
    mentor = mentors.of_project(store, project.id)
    if mentor and (rows := authored.by_mentor(store, mentor.id, project.exam_id)):
        files[_file_name(project.name, MENTOR, "augmentations")] = rows
    if not files:
        raise BadInput(f"Nobody has written a rationale in {project.name} yet: collect some first.")
    return [
        write_mentor_kd(_rows(found, questions), folder / name) for name, found in files.items()
    ]


# ---- in


def _matched(path: Path, task: Task, mistakes: Sequence[AnswerRow]) -> File:
    """A file's rows with their mistakes. Raises BadInput when none has one."""
    rows = read_mentor_kd(path)
    known = {_spaced(asked(as_question(row))): row for row in reversed(mistakes)}
    found = []
    for number, row in enumerate(rows, 1):
        mistake = known.get(_spaced(row.question))
        if mistake is None:
            continue
        question = as_question(mistake)
        if not task.grade(_said(row.answer), question).correct:
            raise BadInput(
                f"{path.name}, row {number}: its answer is '{row.answer}' where the question's is "
                f"'{question.gold_answer}': give a file about this task's questions."
            )
        text, grade = answered(task, question, row)
        found.append(Matched(row, mistake.question_id, question, text, grade))
    if not found:
        raise BadInput(
            f"No row of {path.name} is about a question that the student got wrong: let it sit the "
            "exam on these questions first."
        )
    return File(found, len(rows))


def answered(task: Task, question: Question, row: MentorKdRow) -> tuple[str, Grade]:
    """The text to learn from, and how the row is graded.

    What is graded is the completion. Without one it is the chain; where that is not right but the
    file says that the completion was, the row is right: chains often end with other numbers.
    """
    alone = task.grade(row.chain, question)
    if row.completion.strip():
        graded, final = task.grade(_said(row.completion), question), row.completion
    elif row.initial_correct and not alone.correct:
        graded, final = task.grade(_said(row.answer), question), row.answer
    else:
        graded, final = alone, ""
    if graded.correct:
        final = row.answer  # 32, where the mentor's completion was cleansed to 32.0
    is_declared = alone.rule in DECLARED and alone.prediction == graded.prediction
    if is_declared or not final:
        return row.chain, graded
    return f"{row.chain.rstrip()}\n{_said(final)}", graded


def _placed(path: Path, written: Sequence[Matched]) -> list[tuple[int, Matched]]:
    """The rows in their order, each with which of its question it is, from 0."""
    found = []
    places: Counter[int] = Counter()
    for one in written:
        found.append((places[one.question_id], one))
        places[one.question_id] += 1
        if places[one.question_id] > MOST_SAMPLES:
            raise BadInput(
                f"{path.name} has more than {MOST_SAMPLES} rationales of "
                f"'{one.question.text[:60]}': leave some out."
            )
    return found


def _add_rationales(
    store: Database, project: Project, author: str, placed: Sequence[tuple[int, Matched]]
) -> int:
    """Let the teachers join and write what is new of it; how many that is."""
    most = max(place for place, _ in placed)
    ids = [_joined(store, project, author, place) for place in range(most + 1)]
    asked_about = [one.question_id for _, one in placed]
    known = {
        (one.teacher_id, one.question_id)
        for one in committee.rationales(store, project.id, asked_about)
    }
    new = [(ids[place], one) for place, one in placed]
    new = [(teacher, one) for teacher, one in new if (teacher, one.question_id) not in known]
    for teacher, one in new:
        committee.add_rationale(
            store,
            {
                "question_id": one.question_id,
                "teacher_id": teacher,
                "call_id": _call(store, author, one),
                "text": one.text,
                "finish": COMPLETE,
                "prediction": one.grade.prediction,
                "correct": int(one.grade.correct),
            },
        )
    return len(new)


def _joined(store: Database, project: Project, author: str, place: int) -> int:
    """The teacher that an author's rationales of this place are by, in the committee from now."""
    name = f"{author}.{place + 1}" if place else author
    members = committee.teachers(store, project.id)
    taken = next((one for one in members if one.name == name), None)
    if taken and (taken.spec_hash, taken.spec["model"]) != (PROVIDER, author):
        raise BadInput(f"There is an author '{name}' here: call the file's another (--author).")
    if taken is not None:
        return taken.id
    columns = ("name", "origin", "simulated", "spec", "spec_hash")
    stay = [{name: getattr(one, name) for name in columns} for one in members]
    joins = {
        "name": name,
        "origin": "imported",
        "simulated": 0,
        "spec": {"name": name, "provider": "imported", "model": author},
        "spec_hash": PROVIDER,
    }
    committee.set_committee(store, project.id, [*stay, joins])
    return next(one.id for one in committee.teachers(store, project.id) if one.name == name)


def _add_augmentations(
    store: Database, project: Project, name: str, augmented: Sequence[Matched]
) -> dict[str, int]:
    """Make the file's mentor the project's and write what is new of it; the counts."""
    model = f"{IMPORTED}{name}"
    mentor = mentors.of_project(store, project.id)
    if mentor and mentor.spec["model"] != model:
        raise BadInput(
            f"{project.name} has a mentor already ({mentor.spec['model']}): import the "
            "augmentations of another one into a project of its own."
        )
    check_name_is_free(store, project)
    spec = {"name": MENTOR, "provider": "imported", "model": model}
    mentor_id = mentors.choose(store, project.id, MENTOR, spec, model)
    known = mentors.asked(store, mentor_id, [one.question_id for one in augmented])
    asked_of = Counter(question_id for question_id, _ in known)
    counts = {"augmentations": 0, "kept": 0}
    for one in augmented:
        if (one.question_id, _key(MENTOR, one)) in known:
            continue
        call_id = _call(store, MENTOR, one)
        mentors.add_sample(
            store,
            {
                "teacher_id": mentor_id,
                "question_id": one.question_id,
                "call_id": call_id,
                "number": asked_of[one.question_id],
                "prediction": one.grade.prediction,
                "correct": int(one.grade.correct),
            },
        )
        asked_of[one.question_id] += 1
        known_texts = mentors.texts_on(store, project.id, one.question_id)
        for sample in mentors.unsettled(store, mentor_id, one.question_id):
            read = replace(sample, text=one.text, finish=COMPLETE)
            (outcome,) = outcomes([read], known_texts)
            mentors.settle(store, read, mentor_id, outcome, one.text)
            counts["kept"] += outcome == "kept"
        counts["augmentations"] += 1
    return counts


def _is_graded_otherwise(one: Matched) -> bool:
    said = one.row.initial_correct
    return said is not None and said != one.grade.correct


def _said(answer: str) -> str:
    """A final answer in the sentence that the exam asks for."""
    return f"The answer is {answer.strip().rstrip('.')}."


def _spaced(text: str) -> str:
    """A text with one blank wherever there is white space."""
    return " ".join(text.split())


def _key(author: str, one: Matched) -> str:
    content = "\x1f".join((PROVIDER, author, str(one.question_id), _reply(one.row)))
    return hashlib.sha256(content.encode()).hexdigest()


def _call(store: Database, author: str, one: Matched) -> int:
    """The ledger's row of a call that the file tells of."""
    return calls.add_imported(
        store,
        {
            "key": _key(author, one),
            "teacher": author,
            "provider": PROVIDER,
            "model": author,
            "role": "rationale",
            "text": _reply(one.row),
            "finish": COMPLETE,
        },
    )


def _reply(row: MentorKdRow) -> str:
    """A row as the ledger keeps it, and where it stood in its file."""
    return json.dumps({"at": row.at, "row": row.content})


# ---- out


def _rows(found: Sequence[AuthoredRow], questions: dict[int, Question]) -> list[MentorKdRow]:
    """The rows of an author: those out of a file as they were, others in a list."""
    if all(one.provider == PROVIDER for one in found):
        kept = [json.loads(one.reply or "") for one in sorted(found, key=lambda one: one.call_id)]
        return [MentorKdRow(tuple(one["at"]), one["row"]) for one in kept]
    return [_row((place,), one, questions[one.question_id]) for place, one in enumerate(found)]


def _row(at: tuple[int], one: AuthoredRow, question: Question) -> MentorKdRow:
    if one.provider == PROVIDER:
        return MentorKdRow(at, json.loads(one.reply or "")["row"])
    return made_row(
        at,
        question=asked(question),
        chain=one.text or "",
        completion=one.prediction or "",
        answer=question.gold_answer,
        correct=bool(one.correct),
    )


def _file_name(project: str, author: str, what: str) -> str:
    return re.sub(r"[^\w.-]", "-", f"{project}_{author}_{what}") + ".json"
