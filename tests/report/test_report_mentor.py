"""What a report says of a mentor: its accuracy, what it gave, who learned from it, how again."""

from pathlib import Path
from typing import Any

import pytest

from db import checkpoints, jobs, mentors
from db.projects import Project
from db.store import connect
from fair_app.report.content import Section
from fair_app.report.markdown import as_markdown
from fair_app.report.page import as_page
from fair_app.settings import Settings
from fair_app.studio.mentor import choose_mentor
from fair_app.studio.mentor_kd import import_mentor_kd
from fair_app.studio.report import report
from tests.browser.taught import taught
from tests.mentored import evaluated, examined, writes
from tests.report.test_report import HOSTILE, check_markdown, check_page
from tests.studio.mentor_files import row, written
from tests.training.tiny import tiny_folder

DECODING = {"name": "mentor", "temperature": 0.7, "top_p": 1.0, "max_new_tokens": 12, "seed": 731}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return examined(settings)


def sections(settings: Settings, project: Project) -> dict[str, Section]:
    made = report(settings, project)
    check_page(as_page(made))
    check_markdown(as_markdown(made))
    return {one.title: one for one in made.sections}


def checkpoint(settings: Settings, project: Project, name: str, **lineage: Any) -> None:
    made = {"settings": {"soft_weight": 0.3, "tau": 2.0}, **lineage}
    store = connect(settings.database)
    checkpoints.add(store, project.id, job_id=None, name=name, base="smollm2-135m", lineage=made)


def done(settings: Settings, project: Project, kind: str, params: dict[str, Any]) -> None:
    store = connect(settings.database)
    jobs.end(store, jobs.add(store, kind, params, project.id), "succeeded", result={})


def test_a_mentor_is_told_with_its_accuracy_and_who_learned_from_it(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    ref = str(tiny_folder(tmp_path / "tiny"))
    choose_mentor(settings, project, ref)
    test = evaluated(settings, project, ref, 6)
    evaluated(settings, project, project.student, 7)
    writes(settings, project, 1, "It is 4.", "So 4.")
    spec = {"name": "mentor", "spec": {"model": ref}}
    checkpoint(
        settings,
        project,
        "both",
        teacher="mixed+mentor",
        teachers=[spec],
        mentor={"mentor": ref, "how": "online"},
    )
    checkpoint(settings, project, "other", teacher="mixed", mentor={"mentor": HOSTILE})
    checkpoint(settings, project, "plain", teacher="mixed")
    mentor = mentors.of_project(connect(settings.database), project.id)
    assert mentor is not None
    asked = {"k": 3, "limit": None, "decoding": DECODING}
    done(settings, project, "augment", {**asked, "mentor": mentor.id})
    done(settings, project, "augment", {**asked, "mentor": mentor.id + 1, "k": 9})
    done(settings, project, "collect", {"review_mentor": True})

    found = sections(settings, project)
    told = found["Mentor"]
    assert "is not better than the student (60.0% against 70.0%" in told.sentences[1]
    assert dict(told.facts) == {
        "The project's mentor": ref,
        "It wrote": "2 answers to 1 mistake: 2 right, 2 of them kept as rationales",
        "Rationales accepted": "2 of 2",
    }
    good, learned = told.tables
    assert good.rows[0] == (ref, "60.0 %", "31.3 % to 83.2 %", "10", str(test))
    assert good.rows[1] == (HOSTILE, "not tested", "–", "–", "–")
    assert learned.rows == [
        ("other", "–", HOSTILE, "0.3", "2"),
        ("both", ref, ref, "0.3", "2"),
    ]
    assert found["How to replay"].commands[-3:] == [
        f"python -m fair_app mentor --project mentored --student {ref}",
        "python -m fair_app augment --project mentored --k 3 --temperature 0.7 --top-p 1.0 "
        "--seed 731 --max-new-tokens 12",
        "python -m fair_app collect --project mentored --review-mentor",
    ]


def test_a_mentor_out_of_a_file_has_no_command(settings: Settings, tmp_path: Path) -> None:
    project = taught(settings)
    assert "Mentor" not in sections(settings, project)
    file = written(tmp_path, "theirs.json", [row(1), row(3, completion="7")])
    import_mentor_kd(settings, project.name, project.task, augmentations=file)
    found = sections(settings, project)
    told = dict(found["Mentor"].facts)
    assert told["The project's mentor"] == "imported:theirs"
    assert told["It wrote"].startswith("2 answers to 2 mistakes: 1 right, 1 of them kept")
    assert not any(" mentor " in one for one in found["How to replay"].commands)
