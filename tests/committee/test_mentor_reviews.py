"""The committee reviews the mentor's rationales where it is asked to, and not before."""

from pathlib import Path
from typing import Any

import pytest

from db import committee
from db.projects import Project
from db.store import connect
from fair_app.committee.presets import default_committee
from fair_app.errors import BadInput
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.studio.board import board
from fair_app.studio.collecting import collect_params, mentors_reviews
from fair_app.studio.mentor import choose_mentor
from fair_app.studio.projects import open_project
from fair_app.studio.quote import quote
from fair_app.studio.review import reviewers, rule_of, set_rule, summary
from fair_app.studio.teachers import set_committee
from tests.building import project_with_mistakes
from tests.mentored import guesser, writes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> Project:
    """Two mistakes, three offline teachers, and a mentor that wrote three rationales."""
    project = project_with_mistakes(settings, 2)
    set_committee(settings, project, default_committee())
    choose_mentor(settings, project, str(guesser(tmp_path / "mentor")))
    writes(settings, project, 1, "1 + 1 = 2. The answer is 2.", "2 = 2. The answer is 2.")
    writes(settings, project, 2, "2 + 2 = 5. The answer is 5.")
    return project


def collect(settings: Settings, project: Project, **asked: Any) -> dict[str, Any]:
    params = collect_params(settings, open_project(settings, project.name), 4, **asked)
    return worker.run_now(settings, "collect", params, project.id)


def test_they_are_reviewed_when_asked_for_and_once(settings: Settings, project: Project) -> None:
    assert mentors_reviews(settings, project) == 9
    assert quote(settings, project, review_mentor=True).calls == 2 * 12 + 9
    found = collect(settings, project)
    assert (found["calls"], found["reviews"], found["left"]) == (24, 12, 0)
    before = {row.id: row for row in board(settings, project).rows if row.by_mentor}
    assert all(row.scores == () for row in before.values()) and len(before) == 3
    assert summary(settings, project).per_teacher["mentor"].accepted == 3

    quoted = quote(settings, project, review_mentor=True)
    assert (quoted.calls, {line.role for line in quoted.lines if line.calls}) == (9, {"review"})
    assert quote(settings, project).calls == 0
    found = collect(settings, project, review_mentor=True)
    assert (found["calls"], found["reviews"], found["left"]) == (9, 21, 0)
    rows = [row for row in board(settings, project).rows if row.by_mentor]
    assert [len(row.scores) for row in rows] == [3, 3, 3]
    ledger = connect(settings.database).execute(
        "SELECT count(*) FROM calls WHERE role = 'review' AND prompt LIKE '%1 + 1 = 2%'"
    )
    assert ledger.fetchone() == (3,)
    assert mentors_reviews(settings, project) == 0
    assert collect(settings, project, review_mentor=True)["calls"] == 0

    # Once scores count, the rule decides: the sum that does not add up is found out.
    judged = board(settings, project).verdicts(rule_of(open_project(settings, project.name)))
    assert not judged[rows[2].id].accepted
    peers = reviewers(settings, project)
    names = {spec.name for spec in default_committee()}
    assert {one.name for one in peers.reviewers} == names
    assert {author for _, author in peers.matrix} == {*names, "mentor"}
    assert peers.authors[-1] == "mentor"
    rule = rule_of(open_project(settings, project.name))
    set_rule(settings, project, type(rule)(rule.threshold, {"mentor": 1.0}))


def test_without_a_mentors_rationale_there_is_nothing_to_review(settings: Settings) -> None:
    project = project_with_mistakes(settings, 1)
    set_committee(settings, project, default_committee())
    with pytest.raises(BadInput, match="no mentor's rationale to review"):
        collect_params(settings, project, review_mentor=True)


@pytest.mark.parametrize("name", ["mentor", "mixed"])
def test_no_teacher_takes_a_name_that_means_another(
    settings: Settings, project: Project, name: str
) -> None:
    (first, *others) = default_committee()
    called = first.model_copy(update={"name": name})
    bare = project_with_mistakes(settings, 1, "other")
    for one in (project, bare):
        with pytest.raises(BadInput, match=f"No teacher can be called '{name}'"):
            set_committee(settings, one, [called, *others])
    assert len(committee.teachers(connect(settings.database), project.id)) == 3
