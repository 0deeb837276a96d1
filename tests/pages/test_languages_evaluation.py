"""What evaluation paints goes through the catalogue, every word of it but names and figures."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from db import jobs
from db.store import connect
from fair_app.evaluation.ablation import Factors
from fair_app.evaluation.leakage import leaks
from fair_app.settings import Settings
from fair_app.studio.ablation_results import results as ablated
from fair_app.studio.ablations import Wanted, ablation_params, plan
from fair_app.studio.comparing import comparison
from fair_app.studio.evaluations import summary
from fair_app.studio.matrix import matrix
from fair_app.studio.rounds import newest_course, rounds_params
from fair_app.studio.rounds_plan import rounds_plan
from fair_app.studio.trying import Lender
from pages.components import tested
from pages.components.ablation_shown import plan_shown, results_shown
from pages.components.comparisons import by_part, results
from pages.components.rounds_course import course_panel, plan_panel
from pages.components.trials import history_list, lender_value, sides
from pages.evaluation.compare import labelled
from pages.evaluation.matrix import painting
from pages.languages import speaking as spoken_in
from pages.languages.catalogue import Catalogue
from pages.languages.speaking import _spoken
from tests.browser.taught import taught
from tests.evaluated import add_evaluation, project_tested
from tests.pages.test_trials import JOB, TRIAL
from tests.studio.ablated import tried
from tests.studio.courses import taught_twice
from tests.training.tiny import tiny_folder

PAINTED = re.compile(r"<[^>]*?(?:(?:aria-label|title)=\"([^\"]*)\"[^>]*)?>")
SAID = re.compile(r"⟦[^⟦⟧]*⟧")
WORD = re.compile(r"[A-Za-z]{2,}")
NAMES = {"checkpoint", "p", "svg", "USD"}


class Marked(Catalogue):
    """A language in which every text that is looked up stands in ⟦ ⟧."""

    def text(self, english: str) -> str:
        """A text, marked."""
        return f"⟦{english}⟧"

    def fault(self, english: str, depth: int = 0) -> str:
        """A sentence from below, marked."""
        return f"⟦{english}⟧"

    def counted(self, english: str) -> str:
        """What may be a person's word, marked."""
        return f"⟦{english}⟧"

    def plural(self, one: str, many: str, number: int) -> str:
        """A counted text, marked."""
        return f"⟦{one if number == 1 else many}⟧"


@pytest.fixture
def marked() -> Iterator[None]:
    token = _spoken.set(Marked("xx", "Marked"))
    yield
    _spoken.reset(token)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def unsaid(html: str, *names: str) -> list[str]:
    """The words of a piece of HTML that were looked up nowhere and are no `names`."""
    shown = unescape(PAINTED.sub(lambda tag: f" {tag[1] or ''} ", html.replace("<wbr>", "")))
    while SAID.search(shown):
        shown = SAID.sub(" ", shown)
    for name in sorted(names, key=len, reverse=True):
        shown = shown.replace(name, " ")
    return [word for word in WORD.findall(shown) if word not in NAMES]


def test_a_text_that_is_not_looked_up_is_found() -> None:
    assert unsaid('<p title="two words">⟦a ⟦b⟧⟧ more</p>', "more") == ["two", "words"]


def test_comparisons_and_tests(settings: Settings, marked: None) -> None:
    project = project_tested(settings, n=40)
    sides_of = [
        [
            add_evaluation(settings, project, student, "svamp", 8, share, seed=seed)
            for seed in (731, 732)
        ]
        for student, share in (("smollm2-135m", 0.2), ("checkpoint:first", 0.9))
    ]
    done = summary(settings, project)
    names = {one.exam.student for one in done} | {one.column for one in done}
    several = comparison(settings, project, [1, 2, 3])
    pooled = comparison(settings, project, sides_of)
    pieces = [
        results(several),
        results(several[:1]),
        results([replace(one, left_out=frozenset({1})) for one in several]),
        results(pooled),
        by_part(several[0]),
        tested.tested_list(done, "gsm8k", 1),
        *(tested.opened_test(one, left_out) for one in done[:2] for left_out in (0, 2)),
        tested.over_seeds(2, 0.5, 0.4, 0.6),
        tested.compare_button(1, 2),
        painting(matrix(settings, project)),
        *(labelled([one]) for one in done),
    ]
    # The kinds of questions are the data's words.
    assert [unsaid(piece, *names, "garden", "kitchen", "garage") for piece in pieces] == (
        [[]] * len(pieces)
    )


def test_leaks(marked: None) -> None:
    questions = {1: "11 + 12?", 2: "13 + 14?"}
    for source in ("checkpoint:first", "the project's exams"):
        for among in (["11 + 12?"], ["11 + 12", "13 + 14?"], ["99"], []):
            assert unsaid(tested.leaked(leaks(questions, among, source)), "checkpoint:first") == []
    counted = {"exact": 3, "normalised": 1, "near": 1, "of": 150}
    assert unsaid(tested.leaked_of_test(counted)) == []


def test_rounds(settings: Settings, marked: None) -> None:
    project, _ = taught_twice(settings, "x")
    found = newest_course(settings, project)
    assert found is not None
    params = rounds_params(settings, project, rounds=3)
    planned = rounds_plan(settings, project, params)
    hurried = replace(planned, seconds={"exam": 60.0, "training": None, "test": None})
    names = {project.student, *planned.checkpoints, found.job.params["student"]}
    names |= {str(name) for one in found.rounds for name in (one.student, one.checkpoint)}
    for piece in (
        course_panel(settings, project, found),
        plan_panel(planned),
        plan_panel(hurried),
        plan_panel(replace(planned, known=False, first_cost_usd=None, first_cached=3)),
    ):
        assert unsaid(piece, *names, "min", "s") == []


def test_ablations(settings: Settings, marked: None) -> None:
    project = taught(settings)
    assert settings.home is not None
    student = str(tiny_folder(settings.home / "tiny"))
    wanted = Wanted(
        Factors(thresholds=(5.0,), alphas=(0.0,), teachers=("ada",)),
        seeds=2,
        student=student,
        given={"quantization": "none"},
        test={"limit": 4, "max_new_tokens": 8},
    )
    found = plan(settings, project, "abl", wanted)
    assert unsaid(plan_shown(found), student) == []
    params = ablation_params(settings, project, name="abl", wanted=wanted)
    store = connect(settings.database)
    job = jobs.get(store, jobs.add(store, "ablation", params, project.id))
    assert job is not None
    came = {"abl-base-s731": [True, False], "abl-base-s732": [True, True]}
    tried(settings, project, job, [False, False], came)
    checkpoints = [name for arm in job.params["arms"] for name in arm["checkpoints"] or []]
    shown = results_shown(ablated(settings, job))
    assert unsaid(shown, student, *checkpoints, "min", "s") == []


def test_what_is_tried(marked: None) -> None:
    trial = replace(TRIAL, student="ann", question="1 + 1?", text="It is 5.", prediction="5")
    trial = replace(trial, span_start=6, span_end=7)
    asked = [
        trial,
        replace(trial, state="writing", correct=None, truncated=True),
        replace(trial, state="failed", error="Something failed.", prediction=None),
    ]
    assert unsaid(sides(asked), "ann", "It is 5.", "It is") == []
    assert unsaid(history_list([asked], 1), "ann", "It is 5.", "It is") == []
    lenders = [
        (Lender(JOB, "lent"), None),
        (Lender(replace(JOB, stage="loading x"), "starting"), None),
        (Lender(replace(JOB, state="queued", stage=""), "starting"), None),
        (Lender(JOB, "gone", "nobody asked for 5 min"), None),
        (Lender(replace(JOB, state="cancelled"), "gone"), None),
        (Lender(replace(JOB, state="failed"), "gone", "Its process ended."), None),
        (None, replace(JOB, id=9, kind="train")),
    ]
    for lender, busy in lenders:
        assert unsaid(lender_value(lender, busy, [])) == []
        assert unsaid(lender_value(lender, busy, [replace(trial, state="writing")])) == []


def test_in_german_the_figures_stay() -> None:
    with spoken_in("de"):
        shown = tested.over_seeds(2, 0.417, 0.4, 0.6)
    assert shown == ('<p class="soft">Alle 2 Seeds zusammen: 41.7 % richtig, 40.0 bis 60.0 %.</p>')
