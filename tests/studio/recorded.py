"""Runs of a project that never stood still: what each froze, and what came after."""

from dataclasses import asdict, replace
from typing import Any

from db import checkpoints, committee, exams, projects
from db.projects import Project
from db.store import connect
from fair_app.committee.base import Role
from fair_app.committee.prompts import DEFAULTS
from fair_app.curation.acceptance import Rule
from fair_app.curation.training_set import Selection
from fair_app.evaluation.ablation import Arm
from fair_app.evaluation.rounds import all_rounds
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from fair_app.studio.ablations import learned_from, rule_for
from fair_app.studio.board import board
from fair_app.studio.exams import answers
from fair_app.studio.preferring import project_preferences
from fair_app.studio.projects import open_project
from fair_app.studio.teachers import set_template
from fair_app.studio.training import training_questions
from fair_app.studio.training_material import material
from fair_app.studio.training_start import extent, origin
from fair_app.training.frozen import EXAMPLES, work_folder
from fair_app.training.preferences import STAGE, freeze_preferences, preferences_hash
from fair_app.training.settings import TrainingSettings
from tests.browser.taught import sat_exam
from tests.training.tiny_home import asked_for

HOSTILE = "<img src=x onerror=alert(1)>\u2028${1} {{7*7}} \x00 ``` \r\n| ½"
SECRET = "sk-never-in-a-bundle"
ONE_STEP = {"max_steps": 1, "batch_size": 2, "lora_rank": 2}


def record(settings: Settings, project: Project, name: str, **asked: Any) -> None:
    """A run that was frozen as others are, with its lineage, and was not trained."""
    keep(settings, project, asked_for(settings, project, name, ONE_STEP, **asked))


def keep(settings: Settings, project: Project, params: dict[str, Any]) -> None:
    folder = settings.checkpoints / params["name"]
    folder.mkdir()
    work_folder(settings.checkpoints, params["name"]).joinpath(EXAMPLES).rename(folder / EXAMPLES)
    lineage = {
        "base": params["student"],
        **params["origin"],
        "data_sha256": params["data_sha256"],
        "settings": params["settings"],
    }
    checkpoints.add(
        connect(settings.database),
        project.id,
        job_id=None,
        name=params["name"],
        base=params["student"],
        lineage=lineage,
    )


def record_arms(settings: Settings, project: Project) -> None:
    """The arms of an ablation that choose other texts, as an ablation freezes them."""
    source, rule = material(settings, project), review.rule_of(project)
    for name, arm in {
        "no-feedback": Arm(feedback=False),
        "no-review": Arm(peer_review=False),
        "no-decisions": Arm(decisions=False),
        "checked": Arm(threshold=0.5, answer_check=True),
    }.items():
        own = asdict(rule_for(rule, arm))
        told = {
            "threshold": own.pop("threshold"),
            "rule": own,
            "teacher": arm.teacher,
            "ablation": asdict(arm),
        }
        seed = TrainingSettings().seed
        questions = learned_from(source, rule, arm, seed, keep_rule=False)
        record(settings, project, name, questions=questions, told=told)


def record_round(settings: Settings, project: Project) -> None:
    """A round, afresh: the same mistakes with new feedback, and an exam without any."""
    store = connect(settings.database)
    again, silent = (sat_exam(settings, project, HOSTILE) for _ in range(2))
    (call, *_) = (row["call_id"] for row in store.query("SELECT call_id FROM feedback"))
    for answer in exams.answers(store, again)[1:]:
        for teacher in committee.teachers(store, project.id):
            words = {"text": f"Round two. {HOSTILE}", "finish": "complete", "call_id": call}
            committee.add_feedback(
                store, {"answer_id": answer.id, "teacher_id": teacher.id, **words}
            )
    store.conn.commit()
    sat = [project.exam_id, again]
    rounds = [training_questions(settings, replace(project, exam_id=one)) for one in sat]
    told = {"round": {"number": 2, "exams": [*sat, silent]}}
    record(settings, project, "round-2", questions=all_rounds(rounds), told=told)


def record_preferences(settings: Settings, project: Project) -> None:
    """A second stage, as `prefer` freezes it."""
    found, name = project_preferences(settings, project), "preferred"
    freeze_preferences(found, settings.checkpoints / name)
    lineage = {
        "stage": STAGE,
        **origin(settings, project, Selection(keep_rule=True)),
        "threshold": project.threshold,
        "rule": project.rule,
        "ledger": extent(settings, project),
        "data_sha256": preferences_hash(found),
    }
    store = connect(settings.database)
    checkpoints.add(store, project.id, job_id=None, name=name, base="tiny", lineage=lineage)


def decide(settings: Settings, project: Project) -> None:
    """One of each decision, and one that is undone again."""
    rows = board(settings, project).rows
    for row, action, value in (
        (rows[0], "reject", None),
        (rows[1], "accept", None),
        (rows[3], "edit", f"A person writes. {HOSTILE}"),
        (rows[4], "accept", None),
    ):
        deciding.decide(
            settings, project, row.id, action, actor="ann", revision=0, value=value, reason=HOSTILE
        )
    assert deciding.undo(settings, project, actor="ann")
    deciding.pick_favourite(settings, project, rows[13].id, actor="bo", revision=0)
    deciding.comment(settings, project, rows[5].id, actor="bo", text=HOSTILE)
    wrong, _ = answers(settings, project.exam_id or 0, "wrong")
    deciding.override_grade(settings, project, wrong[3].id, True, actor="bo")


def go_on(settings: Settings, project: Project) -> Project:
    """What came after the runs: it must move nothing of what they learned from."""
    store = connect(settings.database)
    deciding.decide_all(
        settings, project, [row.id for row in board(settings, project).rows], "reject", actor="cy"
    )
    members = committee.teachers(store, project.id)
    changed = [
        {"name": one.name, "origin": one.origin, "simulated": 0, "spec": one.spec, "spec_hash": h}
        for one, h in zip(members, ("", "", "another"), strict=True)
    ]
    changed[2]["spec"] = {
        **changed[2]["spec"],
        "base_url": f"https://me:at@{SECRET}@host.test/v1?key={SECRET}",
    }
    committee.set_committee(store, project.id, changed)
    set_template(settings, project, Role.RATIONALE, DEFAULTS[Role.RATIONALE] + "\nShortly.")
    review.set_rule(settings, project, Rule(4.9))
    exam = sat_exam(settings, project, "Another exam.")
    projects.set_exam(store, project.id, exam, project.student)
    return open_project(settings, project.name)
