"""Recorded committee runs in, and a project's own out: the reference's files, training examples."""

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from db import calls, committee, exams, projects
from db.exams import AnswerRow, Exam
from db.projects import Project
from db.store import connect, writing
from fair_app.curation.decisions import State
from fair_app.errors import BadInput
from fair_app.exchange import reference, sft
from fair_app.exchange.reference import ReferenceMistake, ReferenceRationale, ReferenceRun
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.student.offline import OFFLINE_STUDENT
from fair_app.studio.board import board
from fair_app.studio.collecting import mentors_rationales
from fair_app.studio.grades import Word, words
from fair_app.studio.projects import create_project
from fair_app.studio.review import rule_of
from fair_app.studio.teachers import check_names, teachers
from fair_app.studio.training import training_questions
from fair_app.tasks.base import Question, Task
from fair_app.tasks.registry import task as task_named
from fair_app.tasks.registry import task_of
from fair_app.whole_files import write_whole

FILE_NAME = re.compile(
    r"(?P<model>.+)_(?P<task>[^_]+)_(false|feedback|rationale)_round(?P<round>\d+)"
)
COMPLETE = "complete"
EMPTY = "empty"


def import_reference(
    settings: Settings,
    project_name: str,
    task_name: str,
    *,
    mistakes: Path | None,
    feedback: Path | None,
    rationale: Path | None,
) -> dict[str, int]:
    """Read a run of the reference into a project, all of it or nothing; return the counts.

    The project is created where needed; its training student is the offline one. Teachers come
    from the files, and what they wrote stands in the ledger as imported. Reading the same files
    again changes nothing. Raises BadInput.
    """
    task = _task(settings, project_name, task_name)
    given = [path for path in (mistakes, feedback, rationale) if path]
    if not given:
        raise BadInput("Give at least one of --mistakes, --feedback and --rationale.")
    run = reference.read_run(mistakes, feedback, rationale)
    named = FILE_NAME.match(given[0].stem)
    source = {
        "model": named["model"] if named else given[0].stem,
        "round": int(named["round"]) if named else 0,
        "sha256": hashlib.sha256(b"".join(path.read_bytes() for path in given)).hexdigest(),
    }
    store = connect(settings.database)
    with writing(store):
        project = create_project(settings, project_name, task.name, OFFLINE_STUDENT)
        exam_id = _import_exam(store, project, task, run, source)
        check_names(run.teachers)
        _import_teachers(store, project, run, source)
        projects.set_exam(store, project.id, exam_id, project.student)
        answers = exams.answers(store, exam_id)
        _import_rationales(store, project, task, run, answers)
        _import_feedback(store, project, run, answers)
        return {"mistakes": len(answers), **committee.counts(store, project.id, exam_id)}


def export_reference(settings: Settings, project: Project, folder: Path) -> list[Path]:
    """Write the project's mistakes, feedback and rationales as the reference's three files.

    They know a committee alone: the mentor's rationales are left out.
    """
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet to export: run the exam first.")
    exam = exams.get(connect(settings.database), project.exam_id)
    return reference.write_run(_as_run(settings, project, exam.id), folder, *_named(exam))


def left_out(settings: Settings, project: Project) -> str:
    """What the reference's files cannot hold of a project, in a sentence; "" for nothing."""
    number = mentors_rationales(settings, project)
    if not number:
        return ""
    several = "" if number == 1 else "s"
    return f"{number:,} rationale{several} of the mentor: these files know a committee alone."


def export_mistakes(settings: Settings, project: Project, folder: Path) -> Path:
    """Write the project's mistakes alone, as the reference's first file."""
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet to export: run the exam first.")
    store = connect(settings.database)
    exam = exams.get(store, project.exam_id)
    run = ReferenceRun([as_mistake(row) for row in exams.answers(store, exam.id, "wrong")])
    return reference.write_run(run, folder, *_named(exam))[0]


def export_answers(settings: Settings, project: Project, folder: Path) -> Path:
    """Write all answers of the present exam, right ones too, with how each was read and graded."""
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet to export: run the exam first.")
    store = connect(settings.database)
    exam = exams.get(store, project.exam_id)
    content = answers_record(settings, project, exam)
    model, task, round_number = _named(exam)
    name = reference.file_names(model, task, round_number)["false"]
    path = folder / name.replace("_false_", "_answers_")
    return write_whole({path: json.JSONEncoder(indent=2).iterencode(content)})[0]


def answers_record(settings: Settings, project: Project, exam: Exam) -> dict[str, Any]:
    """All answers of an exam or evaluation, each with how it was read and graded."""
    rows = exams.answers(connect(settings.database), exam.id)
    decided = words(settings, project)
    return {
        "student": exam.student,
        "task": exam.task,
        "split": exam.split,
        "settings": exam.settings,
        "description": exam.description,
        "answers": [_answer_row(row, decided.get(row.id)) for row in rows],
    }


def export_sft(settings: Settings, project: Project, folder: Path) -> list[Path]:
    """Write the curated training set as chat lines, one file."""
    simulated = [teacher.name for teacher in teachers(settings, project) if teacher.simulated]
    path = folder / f"{project.name}_sft.jsonl"
    return [sft.write(training_questions(settings, project), path, simulated)]


def _task(settings: Settings, project_name: str, task_name: str) -> Task:
    """The task of the files; one of one's own is known by the project that has it."""
    project = projects.by_name(connect(settings.database), project_name)
    if project is not None and project.task == task_name:
        return task_of(project)
    return task_named(task_name)


def _import_exam(
    store: Database, project: Project, task: Task, run: ReferenceRun, source: dict[str, Any]
) -> int:
    for exam in exams.of_project(store, project.id, "exam"):
        if exam.origin == "imported" and exam.settings == source:
            return exam.id
    ids = store_questions(
        store, project.id, task.name, "train", (_question(task, one) for one in run.mistakes)
    )
    exam_id = exams.add(
        store,
        project.id,
        purpose="exam",
        student=f"imported:{source['model']}",
        task=task.name,
        split="train",
        settings=source,
        question_ids=ids,
        origin="imported",
    )
    for row, mistake in zip(exams.unanswered(store, exam_id), run.mistakes, strict=True):
        text = mistake.student_wrong_pred or ""
        prediction = mistake.student_wrong_final_answer
        start = text.rfind(str(prediction)) if prediction not in (None, "") else -1
        exams.save_answer(
            store,
            row.id,
            {
                "text": text,
                "prediction": prediction,
                "rule": "imported",
                "span_start": start if start >= 0 else None,
                "span_end": start + len(str(prediction)) if start >= 0 else None,
                "correct": 0,
                "truncated": 0,
            },
        )
    return exam_id


def _question(task: Task, mistake: ReferenceMistake) -> Question:
    return Question(
        text=mistake.question,
        gold_answer=task.gold_final(mistake.gold_answer),
        gold_text=mistake.gold_answer,
        context=mistake.context or "",
        options=tuple(mistake.options or ()),
        source_id=mistake.id,
    )


def _import_teachers(
    store: Database, project: Project, run: ReferenceRun, source: dict[str, Any]
) -> None:
    committee.set_committee(
        store,
        project.id,
        [
            {
                "name": name,
                "origin": "imported",
                "simulated": 0,
                "spec": {"name": name, "provider": "imported", "model": name},
                "spec_hash": f"imported:{source['sha256']}",
            }
            for name in run.teachers
        ],
    )


def _import_rationales(
    store: Database, project: Project, task: Task, run: ReferenceRun, answers: list[AnswerRow]
) -> None:
    members = committee.teachers(store, project.id)
    known = {(one.question_id, one.teacher_id) for one in committee.rationales(store, project.id)}
    for author in members:
        peers = [teacher for teacher in members if teacher.id != author.id]
        for row, mistake, (text, scores) in zip(
            answers, run.mistakes, run.rationales.get(author.name, ()), strict=False
        ):
            if (row.question_id, author.id) in known:
                continue
            grade = task.grade(text or "", _question(task, mistake))
            rationale_id = committee.add_rationale(
                store,
                {
                    "question_id": row.question_id,
                    "teacher_id": author.id,
                    "call_id": _call(store, author.name, "rationale", text, row.question),
                    "text": text,
                    "finish": COMPLETE if text else EMPTY,
                    "prediction": grade.prediction,
                    "correct": int(grade.correct),
                },
            )
            for peer, score in zip(peers, scores, strict=True):
                committee.add_review(
                    store,
                    {
                        "rationale_id": rationale_id,
                        "reviewer_id": peer.id,
                        "call_id": _call(store, peer.name, "review", None, row.question, text),
                        "text": None,
                        "score": score,
                    },
                )


def _import_feedback(
    store: Database, project: Project, run: ReferenceRun, answers: list[AnswerRow]
) -> None:
    exam_id = answers[0].exam_id
    known = {(one.answer_id, one.teacher_id) for one in committee.feedback(store, exam_id)}
    for teacher in committee.teachers(store, project.id):
        for row, text in zip(answers, run.feedback.get(teacher.name, ()), strict=False):
            if (row.id, teacher.id) not in known:
                committee.add_feedback(
                    store,
                    {
                        "answer_id": row.id,
                        "teacher_id": teacher.id,
                        "call_id": _call(store, teacher.name, "feedback", text, row.question),
                        "text": text,
                        "finish": COMPLETE if text else EMPTY,
                    },
                )


def _call(
    store: Database, teacher: str, role: str, text: str | None, question: str, about: Any = ""
) -> int:
    """The ledger's row of a call that the reference made."""
    content = "\x1f".join(map(str, ("imported", teacher, role, question, about, text)))
    return calls.add_imported(
        store,
        {
            "key": hashlib.sha256(content.encode("utf-8", "replace")).hexdigest(),
            "teacher": teacher,
            "provider": "imported",
            "model": teacher,
            "role": role,
            "text": text,
            "finish": COMPLETE if text or role == "review" else EMPTY,
        },
    )


def _as_run(settings: Settings, project: Project, exam_id: int) -> ReferenceRun:
    """The present mistakes with all that the committee wrote about them, in the files' shape."""
    store = connect(settings.database)
    answers = exams.answers(store, exam_id, "wrong")
    members = committee.teachers(store, project.id)
    ids = [row.question_id for row in answers]
    scores = {
        (review.rationale_id, review.reviewer): review.score
        for review in committee.reviews(store, project.id, ids)
    }
    rationales = {
        (one.question_id, one.teacher): one for one in committee.rationales(store, project.id, ids)
    }
    feedback = {
        (one.answer_id, one.teacher): one.text for one in committee.feedback(store, exam_id, ids)
    }
    accepted: dict[int, list[str | None]] = {}
    found = board(settings, project)
    judged = found.verdicts(rule_of(project))
    texts = {one.id: one.text for one in rationales.values()}
    for row in found.rows:
        if judged[row.id].accepted and not row.by_mentor:
            edited = (found.state_of(row.id) or State()).text
            accepted.setdefault(row.question_id, []).append(edited or texts[row.id])

    def entry(question_id: int, author: str) -> ReferenceRationale:
        one = rationales.get((question_id, author))
        return ReferenceRationale(
            one.text if one else None,
            [
                scores.get((one.id, peer.name)) if one else None
                for peer in members
                if peer.name != author
            ],
        )

    return ReferenceRun(
        mistakes=[as_mistake(row) for row in answers],
        teachers=[teacher.name for teacher in members],
        feedback={
            teacher.name: [feedback.get((row.id, teacher.name)) for row in answers]
            for teacher in members
        },
        rationales={
            teacher.name: [entry(row.question_id, teacher.name) for row in answers]
            for teacher in members
        },
        accepted=[accepted.get(question_id, []) for question_id in ids],
    )


def _named(exam: Exam) -> tuple[str, str, int]:
    """What the reference's file names are made of: student, task and round."""
    model = exam.settings.get("model") or Path(exam.student.replace(":", "-")).name
    return model, exam.task, exam.settings.get("round", 0)


def as_mistake(row: AnswerRow) -> ReferenceMistake:
    """An answer as the reference writes a mistake."""
    return ReferenceMistake(
        id=row.source_id,
        question=row.question,
        gold_answer=row.gold_text,
        student_wrong_pred=row.text or "",
        student_wrong_final_answer=row.prediction,
        context=row.context or None,
        options=list(row.options) or None,
    )


def _answer_row(row: AnswerRow, word: Word | None) -> dict[str, Any]:
    """One answer as it is downloaded. `span`: the characters of the answer that were read."""
    return {
        "number": row.position + 1,
        "id": row.source_id,
        "kind": row.kind,
        "question": row.question,
        "context": row.context,
        "options": row.options,
        "gold_answer": row.gold_answer,
        "gold_text": row.gold_text,
        "answer": row.text,
        "prediction": row.prediction,
        "rule": row.rule,
        "span": [row.span_start, row.span_end] if row.span_start is not None else None,
        "correct": row.correct,
        "correct_by_rule": row.rule_correct,
        "overridden": asdict(word) if word and row.correct != row.rule_correct else None,
        "tokens": row.tokens,
        "truncated": row.truncated,
    }
