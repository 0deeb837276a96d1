"""A project's bundle: all that its training sets were made from, and what came of them."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from db import checkpoints, decisions, exams, provenance, questions
from db.checkpoints import Checkpoint
from db.projects import Project
from db.store import connect, reading
from fair_app.curation.training_set import ALL_CURATED
from fair_app.errors import BadInput
from fair_app.exchange.bundle import write_folder
from fair_app.exchange.bundle_ledger import (
    ANSWERS,
    DECISIONS,
    FEEDBACK,
    PROJECT,
    QUESTIONS,
    RATIONALES,
    REVIEWS,
    TEACHERS,
)
from fair_app.exchange.replay import CHECKPOINTS, TRAINING_SET
from fair_app.report.content import Report
from fair_app.report.markdown import as_markdown
from fair_app.report.page import as_page
from fair_app.settings import Settings
from fair_app.studio.board import board
from fair_app.studio.decision_log import told
from fair_app.studio.exchange import answers_record
from fair_app.studio.projects import still_there
from fair_app.studio.report import report
from fair_app.studio.training import training_questions
from fair_app.studio.training_start import extent, origin
from fair_app.training.examples import examples_hash
from fair_app.training.frozen import EXAMPLES, as_json
from fair_app.training.lineage import LINEAGE_FILE
from fair_app.training.preferences import PREFERENCES
from fair_app.whole_files import write_whole

ADDRESS = re.compile(
    r"""(https?://)(?:(?:[^\s/"\\?#]|\\.)*@)?([^\s"\\?#]*)(?:[?#](?:[^\s"\\]|\\.)*)?"""
)
"""An address inside JSON: scheme, user with password, host with path, query. Keys may stand in the
second and in the last."""

Writer = Callable[[Report], str]
REPORTS: dict[str, Writer] = {"report.html": as_page, "report.md": as_markdown}
"""The forms of the report, by the names of their files."""


def export_report(settings: Settings, project: Project, folder: Path) -> list[Path]:
    """Write the project's report as a page and as Markdown, both or none; return their paths.

    Raises BadInput when there is no exam to report on, or the folder cannot be written to.
    """
    found = report(settings, project)
    return write_whole({folder / name: [write(found)] for name, write in REPORTS.items()})


def export_bundle(settings: Settings, project: Project, folder: Path) -> list[Path]:
    """Write the project's bundle into a folder, all of it or nothing; return the files' paths.

    Raises BadInput as `export_report` does.
    """
    return write_folder(bundle_files(settings, project), folder)


def bundle_files(settings: Settings, project: Project) -> dict[str, str]:
    """The files of a bundle by their names, as they are at one moment.

    Raises BadInput as `export_report` does, and when the project is deleted meanwhile.
    """
    store = connect(settings.database)
    with still_there(settings, project):
        board(
            settings, project
        )  # read now, it is kept: in a transaction it would be read each time
        return _files(settings, store, project)


def _files(settings: Settings, store: Database, project: Project) -> dict[str, str]:
    with reading(store):
        made = checkpoints.of_project(store, project.id)
        found = report(settings, project)
        files = {
            **{name: write(found) for name, write in REPORTS.items()},
            PROJECT: _json(_about(project)),
            **_ledger(settings, store, project, made),
            **_training_set(settings, store, project),
            **_predictions(settings, store, project),
        }
        for one in made:
            files.update(_checkpoint(settings, one))
    return files


def _about(project: Project) -> dict[str, Any]:
    return {
        "project": project.name,
        "task": project.task,
        "task_spec": project.task_spec,
        "student": project.student,
        "exam": project.exam_id,
        "threshold": project.threshold,
        "rule": project.rule,
    }


def _ledger(
    settings: Settings, store: Database, project: Project, made: Iterable[Checkpoint]
) -> dict[str, str]:
    """What was asked, written, scored and decided, of every exam that anything learned from."""
    named = [project.exam_id]
    for one in made:
        named += [one.lineage.get("exam"), *(one.lineage.get("round") or {}).get("exams", [])]
    asked = provenance.exam_ids(store, project.id, {one for one in named if type(one) is int})
    answers = provenance.answers(store, asked)
    rationales = provenance.rationales(store, project.id, asked)
    log = [
        {**asdict(row), **entry.as_record(), "at": row.at, "when": entry.as_record()["at"]}
        for entry in told(settings, project)
        for row in [entry.row]
    ]
    return {
        TEACHERS: without_credentials(_lines(map(asdict, provenance.teachers(store, project.id)))),
        QUESTIONS: _lines(
            asdict(row) for row in questions.by_ids(store, {one.question_id for one in answers})
        ),
        ANSWERS: _lines(map(asdict, answers)),
        RATIONALES: _lines(map(asdict, rationales)),
        FEEDBACK: _lines(map(asdict, provenance.feedback(store, asked))),
        REVIEWS: _lines(
            asdict(row) for row in provenance.reviews(store, [one.id for one in rationales])
        ),
        DECISIONS: _lines(log),
    }


def _training_set(settings: Settings, store: Database, project: Project) -> dict[str, str]:
    """What a run would learn from now, with what its lineage would say; empty without examples."""
    try:
        found = training_questions(settings, project)
    except BadInput:  # there is nothing to learn from yet, and that is no fault of a bundle
        return {}
    lineage = {
        **origin(settings, project, ALL_CURATED),
        "ledger": extent(settings, project),
        "threshold": project.threshold,
        "rule": project.rule,
        "decisions": decisions.revision(store, project.id),
        "data_sha256": examples_hash(found),
    }
    return {
        f"{TRAINING_SET}/{LINEAGE_FILE}": without_credentials(_json(lineage)),
        f"{TRAINING_SET}/{EXAMPLES}": as_json(found),
    }


def _checkpoint(settings: Settings, one: Checkpoint) -> dict[str, str]:
    """A checkpoint's lineage and, where it still lies beside it, what it learned from."""
    place = f"{CHECKPOINTS}/{one.name}"
    files = {f"{place}/{LINEAGE_FILE}": without_credentials(_json(one.lineage))}
    for name in (EXAMPLES, PREFERENCES):
        file = settings.checkpoints / one.name / name
        if file.is_file():
            files[f"{place}/{name}"] = file.read_bytes().decode()
    return files


def _predictions(settings: Settings, store: Database, project: Project) -> dict[str, str]:
    return {
        f"predictions/{exam.id}.json": _json(answers_record(settings, project, exam))
        for exam in exams.of_project(store, project.id, "evaluation")
    }


def without_credentials(text: str) -> str:
    """What tells of teachers, its addresses without user, password and query: others read it."""
    return ADDRESS.sub(r"\1\2", text)


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
