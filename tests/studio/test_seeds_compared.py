"""Students compared over several seeds each: in the store, the report, the command and the page."""

import json
from pathlib import Path

import pytest

from db import projects
from db.projects import Project
from db.store import connect
from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import mcnemar_exact, paired_over_seeds
from fair_app.report.markdown import as_markdown
from fair_app.report.page import as_page
from fair_app.settings import Settings
from fair_app.studio.comparing import comparison, find_comparable
from fair_app.studio.evaluations import outcomes, seeds_together, summary
from fair_app.studio.report import report
from fair_app.studio.report_results import compared, lead
from pages.components.comparisons import by_part, results
from pages.evaluation.compare import View, apart, choices, default_view, labelled, possible
from tests.building import project_with_mistakes
from tests.evaluated import evaluated, sampled

BASE = "smollm2-135m"
LEARNED = "checkpoint:a"
BEFORE = [[True, True, False, False, False, False], [True, False, True, False, False, False]]
AFTER = [[True, True, True, True, False, False], [True, True, True, False, True, False]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    """Two seeds of either student, and greedy tests of the same questions, which are older."""
    project = project_with_mistakes(settings)
    for student in (BASE, LEARNED):
        evaluated(settings, project, student, BEFORE[0])
    for seed, before, after in zip((731, 732), BEFORE, AFTER, strict=True):
        evaluated(settings, project, LEARNED, after, decoding=sampled(seed))
        evaluated(settings, project, BASE, before, decoding=sampled(seed))
    return projects.get(connect(settings.database), project.id)


def seeds(settings: Settings, project: Project) -> dict[str, tuple[int, ...]]:
    together = seeds_together(summary(settings, project))
    return {
        own[0].exam.student: tuple(one.exam.id for one in own) for own in together if len(own) > 1
    }


def test_students_are_compared_with_all_their_seeds(settings: Settings, project: Project) -> None:
    own = seeds(settings, project)
    assert find_comparable(settings, project, [BASE, LEARNED]) == [own[BASE], own[LEARNED]]
    named = "+".join(map(str, own[BASE]))
    assert find_comparable(settings, project, [named, LEARNED]) == [own[BASE], own[LEARNED]]
    one = str(own[LEARNED][1])
    assert find_comparable(settings, project, [one, BASE]) == [own[LEARNED][1:], own[BASE]]
    (found,) = comparison(settings, project, [own[BASE], own[LEARNED]])
    exams = {exam.exam.id: exam.exam for exam in summary(settings, project)}
    runs = [[outcomes(settings, exams[one]) for one in own[name]] for name in (BASE, LEARNED)]
    assert found.changes == paired_over_seeds(*runs)
    assert found.pooled
    assert (found.changes.fixed, found.changes.broken) == (4, 0)
    assert (found.before, found.after) == pytest.approx((4 / 12, 8 / 12))
    assert found.difference == pytest.approx(4 / 12)
    assert found.ci95[0] <= found.difference <= found.ci95[1]
    assert found.pair.p_value == mcnemar_exact(found.pair.fixed, found.pair.broken)
    assert (found.first.id, found.second.id) == (own[BASE][0], own[LEARNED][0])
    for way in (*found.by_type, found.by_length):
        assert sum(part.before for part in way) == pytest.approx(2.0)
        assert sum(part.fixed for part in way) == 4


def test_one_side_may_have_more_seeds_than_the_other(settings: Settings, project: Project) -> None:
    own = seeds(settings, project)
    (found,) = comparison(settings, project, [own[BASE][0], own[LEARNED]])
    assert (found.sides, found.pooled) == ((own[BASE][:1], own[LEARNED]), True)
    assert found.difference == pytest.approx(8 / 12 - 2 / 6)


def test_only_seeds_of_one_test_are_put_together(settings: Settings, project: Project) -> None:
    own = seeds(settings, project)
    greedy = [one.exam.id for one in summary(settings, project) if one.seed is None]
    for wrong in ([own[BASE][0], own[LEARNED][0]], [own[BASE][0], greedy[-1]], own[BASE][:1] * 2):
        with pytest.raises(BadInput, match="no seeds of one evaluation"):
            comparison(settings, project, [wrong, own[LEARNED]])
    again = evaluated(settings, project, BASE, [True, None] * 3, decoding=sampled(733))
    with pytest.raises(BadInput, match=f"{again.id} has answered 3 of 6 questions: resume"):
        comparison(settings, project, [[*own[BASE], again.id], own[LEARNED]])
    # By its student's name it is left aside until it is whole.
    assert find_comparable(settings, project, [BASE, LEARNED]) == [own[BASE], own[LEARNED]]


def test_the_report_compares_over_seeds(settings: Settings, project: Project) -> None:
    own = seeds(settings, project)
    found = compared(settings, project)
    assert [one.sides for one in found if one.pooled] == [(own[BASE], own[LEARNED])]
    assert len(found) == 2, "the greedy tests are compared too"
    pooled = next(one for one in found if one.pooled)
    (sentence,) = lead([pooled], {LEARNED: BASE})
    assert "answered 66.7 % of 6 questions" in sentence and "answered 33.3 %" in sentence
    assert "over 2 seeds, 4 of them right more often and 0 less often" in sentence
    whole = report(settings, project)
    for text in (as_markdown(whole), as_page(whole)):
        assert f"{BASE}, 2 seeds ({own[BASE][0]}, {own[BASE][1]})".replace("\\", "") in text
        assert "permutation test" in text


def test_the_command_says_the_seeds(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    own = seeds(settings, project)
    asked = ["compare", "--home", str(settings.home), "--project", project.name, "--json"]
    assert main([*asked, BASE, LEARNED]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [list(own[BASE]), list(own[LEARNED])]
    assert found["accuracy"] == pytest.approx([4 / 12, 8 / 12])
    assert (found["fixed"], found["broken"], found["n"]) == (4, 0, 6)
    assert main([*asked, f"{own[BASE][0]}+{own[LEARNED][0]}", LEARNED]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_page_offers_seeds_together(settings: Settings, project: Project) -> None:
    own, done = seeds(settings, project), summary(settings, project)
    view = default_view(BASE, done)
    assert view == View((own[BASE], own[LEARNED]))
    assert View.read(str(view)) == view and possible(view, done)
    before, after = choices(done, view)
    names = {value: name for name, value in before.choices}
    assert (
        f"{BASE} · arithmetic · 6 questions · 2 seeds · 33.3 %"
        in names["_".join(map(str, own[BASE]))]
    )
    assert str(own[BASE][0]) in names and len(names) == len(done) + 2
    assert str(own[BASE][0]) not in {value: name for name, value in after.choices}
    (found,) = comparison(settings, project, view.sides)
    html = results([found])
    assert "More often right" in html and "permutation test" in html and "2 seeds" in html
    assert "2 seeds" in by_part(found)
    several = results(comparison(settings, project, [own[BASE], own[LEARNED], own[LEARNED][0]]))
    assert "over several seeds" in several
    assert labelled([done[-1]]).count("seed") == 0
    assert apart([(1, 2), (2,), (3,)]) == ((1, 2), (3,))
