"""How a project can be done again, for its report: the versions, and the commands."""

import shlex
from typing import Any

from db import checkpoints, exams
from db.checkpoints import Checkpoint
from db.exams import Exam
from db.projects import Project
from db.store import connect
from fair_app.curation.acceptance import Rule
from fair_app.report.content import Section, Table
from fair_app.settings import Settings
from fair_app.studio.evaluations import seeds_together, summary
from fair_app.studio.exams import Standing
from fair_app.studio.report_mentor import again
from fair_app.studio.review import rule_of
from fair_app.studio.tasks import spec_of_exam
from fair_app.training.preferences import STAGE


def versions(settings: Settings, project: Project, exam: Exam) -> Section:
    """The libraries that moved answers and training, as they were recorded with each."""
    store = connect(settings.database)
    sources: list[tuple[str, dict[str, Any]]] = [
        ("The exam", exam.description),
        *(
            (f"Evaluation {one.id}", one.description)
            for one in exams.of_project(store, project.id, "evaluation")
        ),
        *(
            (f"Checkpoint {one.name}", one.lineage.get("versions") or {})
            for one in checkpoints.of_project(store, project.id)
        ),
    ]
    packages = ("torch", "transformers", "peft", "bitsandbytes")
    rows: dict[tuple[str, ...], list[str]] = {}
    for name, told in sources:
        found = tuple(str(told.get(package, "–")) for package in packages)
        if any(one != "–" for one in found):
            rows.setdefault(found, []).append(name)
    if not rows:
        return Section("Versions", ["No run recorded the versions of its libraries."])
    listed = [(", ".join(names), *found) for found, names in rows.items()]
    return Section("Versions", tables=[Table(("Of", *packages), listed)])


def replaying(settings: Settings, project: Project, exam: Standing) -> Section:
    """The commands that make the same again: the training sets without a call, then the runs."""
    made = checkpoints.of_project(connect(settings.database), project.id)
    whose = f"--project {shlex.quote(project.name)}"
    commands = [
        f"python -m fair_app export {whose} --format bundle --output bundle",
        "python -m fair_app replay bundle",
        *_questions(f"exam {whose}", project, exam.exam, exam.counts.questions),
    ]
    if exam.exam.origin == "run":
        commands += [
            f"python -m fair_app collect {whose}",
            f"python -m fair_app curate {whose} {_rule(rule_of(project))} --set",
        ]
    for one in reversed(made):
        commands += _made(one, whose)
    for own in reversed(seeds_together(summary(settings, project))):
        asked, questions = own[0].exam, own[0].questions
        commands += _questions(f"evaluate {whose}", project, asked, questions, len(own))
    commands += again(settings, project, whose)  # a mentor may write once it is tested
    return Section(
        "How to replay",
        [
            "The first two commands make every training set again out of the ledger, the decisions "
            "and the rule, byte for byte, without a call, and need neither this machine's database "
            "nor a key. The others repeat the work itself."
        ],
        commands=commands,
        notes=[
            "Files of questions are named as they were; give their paths. Sampling, other hardware "
            "and other versions of the libraries move answers and losses a little."
        ],
    )


def _made(one: Checkpoint, project: str) -> list[str]:
    """The command that makes a checkpoint again under another name, where its lineage says how."""
    name = f"{project} --name {shlex.quote(one.name + '-again')}"
    lineage = f"--from-lineage {shlex.quote(f'bundle/checkpoints/{one.name}/lineage.json')}"
    if "merged_from" in one.lineage:
        origin = shlex.quote(str(one.lineage["merged_from"]))
        return [f"python -m fair_app merge {origin} {name}"]
    if "data_sha256" not in one.lineage:
        return []
    command = "prefer" if one.lineage.get("stage") == STAGE else "train"
    return [f"python -m fair_app {command} {name} {lineage}"]


def _rule(rule: Rule) -> str:
    own = ",".join(f"{name}={value:g}" for name, value in rule.per_teacher.items())
    words = [
        f"--threshold {rule.threshold:g}",
        f"--per-teacher {shlex.quote(own)}" if own else "",
        f"--min-scores {rule.min_scores}" if rule.min_scores > 1 else "",
        "--answer-check" if rule.answer_check else "",
        "--adjusted" if rule.adjusted else "",
    ]
    return " ".join(word for word in words if word)


def _questions(
    command: str, project: Project, exam: Exam, questions: int, seeds: int = 1
) -> list[str]:
    """The command that asks a student the same questions again; none for what was imported."""
    if exam.origin != "run":
        return []
    asked = exam.settings
    decoding = asked.get("decoding") or {}
    spec = spec_of_exam(project, exam)
    columns = [f"{field}={column}" for field, column in (spec.mapping if spec else {}).items()]
    options = {
        "--student": exam.student,
        "--task": exam.task,
        "--rows": exam.source.get("file"),
        "--map": ",".join(columns),
        "--grader": spec.grader if spec else None,
        "--split": exam.split,
        "--limit": questions,
        "--decoding": decoding.get("name"),
        "--max-new-tokens": decoding.get("max_new_tokens"),
        "--quantization": asked.get("quantization"),
        "--server": asked.get("server"),
        "--samples": asked.get("samples"),
        "--prompts": asked.get("prompts"),
        "--seeds": seeds if seeds > 1 else None,
    }
    words = [f"{name} {shlex.quote(str(value))}" for name, value in options.items() if value]
    return [f"python -m fair_app {command} {' '.join(words)}"]
