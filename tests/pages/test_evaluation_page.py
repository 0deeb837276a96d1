"""The evaluation page without a browser: its addresses, what is compared, and what is said."""

import json
from pathlib import Path

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import exams
from db.store import connect
from fair_app.evaluation.leakage import leaks
from fair_app.evaluation.statistics import Comparison, mcnemar_exact
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.studio.comparing import comparison
from fair_app.studio.evaluations import summary
from fair_app.studio.matrix import matrix
from fair_app.studio.projects import open_project
from pages.components import tested as painting_tests
from pages.components.comparisons import by_part, in_words, points, results
from pages.components.flips import KINDS, Looked, first_kind, flip_value
from pages.components.markup import p_words
from pages.components.opened_test import Opened, OpenedTest
from pages.components.subpages import asked
from pages.evaluation import home
from pages.evaluation.compare import View, default_view, possible
from pages.evaluation.matrix import painting, stamp_of
from pages.evaluation.tests import next_student, splits, task_choices
from tests.building import project_with_mistakes
from tests.evaluated import STUDENTS, add_evaluation, evaluated, project_tested

NAMES = ("tests", "compare", "matrix")
HOSTILE = "${window.hacked=1} <img src=x onerror='window.hacked=1'> {{value}} \\frac"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.mark.parametrize(
    ("item", "then", "now"),
    [
        ("", "", ("tests", "")),
        ("", "matrix", ("matrix", "")),
        ("", "gone", ("tests", "")),
        ("compare", "matrix", ("compare", "")),
        ("compare.12-15", "", ("compare", "12-15")),
        ("tests.checkpoint:v1.5", "", ("tests", "checkpoint:v1.5")),
        # Addresses from before there were sub-pages.
        ("checkpoint:first", "matrix", ("tests", "checkpoint:first")),
        ("qwen2.5", "", ("tests", "qwen2.5")),
        ("12-15", "", ("compare", "12-15")),
    ],
)
def test_an_address_names_a_subpage_and_what_it_shows(item, then, now):
    assert asked(item, then, NAMES, home) == now


def as_sides(ids):
    """Two or more sides, the first of several seeds where there are enough."""
    return [tuple(ids[:-1][:3]), *((one,) for one in ids[:-1][3:]), (ids[-1],)]


VIEWS = st.builds(
    lambda sides, clean, other, kind, place: View(
        tuple(sides), clean, sides[1 + other % (len(sides) - 1)][0], kind, place
    ),
    st.lists(st.integers(1, 10**8), min_size=2, max_size=40, unique=True).map(as_sides),
    st.booleans(),
    st.integers(0, 100),
    st.sampled_from(list(KINDS)),
    st.integers(0, 10**6),
)


@given(VIEWS)
def test_a_view_is_read_from_its_address(view):
    assert View.read(str(view)) == view
    plain = View(view.sides, view.without_leaked)
    assert View.read(str(plain)) == plain


@given(st.text(max_size=40))
def test_what_is_no_address_opens_nothing(item):
    for read in (View.read, Opened.read):
        found = read(item)
        assert found is None or str(read(str(found))) == str(found)


@pytest.mark.parametrize("item", ["", "12", "12-12", "12-", "12-15.9.sideways.0", "a-b", "12-15.x"])
def test_an_address_that_names_no_pair_is_none(item):
    found = View.read(item)
    assert found is None or not found.kind


def test_the_newest_checkpoint_is_compared_with_the_student_on_the_same_questions(settings):
    project = project_tested(settings, n=6)
    done = summary(settings, project)
    by_id = {one.exam.id: one for one in done}
    view = default_view(project.student, done)
    assert view is not None and possible(view, done)
    before, after = (by_id[one].exam for (one,) in view.sides)
    assert (before.student, after.student) == (STUDENTS[0], STUDENTS[-1])
    assert before.task == after.task == "gsm8k"
    assert default_view(project.student, done[:1]) is None
    # Tests of different questions are no pair, and neither is a test that is gone.
    assert not possible(View(((1,), (4,))), done)
    assert not possible(View(((1,), (999,))), done)


def test_without_the_project_s_student_the_older_of_two_comes_first(settings):
    project = project_tested(settings, students=("other", "another"), tasks=("gsm8k",), n=4)
    done = summary(settings, project)
    view = default_view(open_project(settings, project.name).student, done)
    assert view is not None
    assert view.sides == tuple(sorted((one.exam.id,) for one in done))


def compared(fixed: int, broken: int) -> Comparison:
    return Comparison(fixed, broken, 10, 10, mcnemar_exact(fixed, broken))


@pytest.mark.parametrize(
    ("fixed", "broken", "words"),
    [
        (30, 5, "unlikely to be chance"),
        (5, 30, "unlikely to be chance"),
        (3, 1, "could well be chance"),
        (4, 4, "As many answers were fixed as broken, 4 each"),
        (0, 0, "No answer changed"),
    ],
)
def test_a_comparison_in_words(fixed, broken, words):
    assert words in in_words(compared(fixed, broken))


def test_numbers_as_people_write_them():
    assert (points(0.147), points(-0.05), points(0.0)) == ("+14.7", "−5.0", "+0.0")
    assert (p_words(0.0004), p_words(0.031)) == ("p < 0.001", "p = 0.031")


def test_several_comparisons_say_the_correction(settings):
    project = project_tested(settings, tasks=("gsm8k",), n=80, text=HOSTILE)
    found = comparison(settings, project, [1, 2, 3])
    html = results(found)
    assert "Holm" in html and "corrected" in html and "A closer look" in html
    assert "checkpoint:second" in html and html.count("<tr>") == 3
    one = results(found[:1])
    assert "Holm" not in one and "95 % interval" in one
    parts = by_part(found[0])
    assert "By type of question" in parts and "garden" in parts
    assert "By length of question" in parts


def test_the_matrix_is_readable_without_colour(settings):
    project = project_tested(settings, n=10)
    assert "No finished test yet" in painting(
        matrix(settings, project_tested(settings, students=("s",), tasks=()))
    )
    for seed in (731, 732):
        add_evaluation(settings, project, "checkpoint:first", "svamp", 8, 0.5, seed=seed)
    html = painting(matrix(settings, project))
    assert html.count('data-go="evaluation"') == 7
    assert html.count("not tested") == 2
    assert "2 seeds" in html and "trained on" in html
    (cell,) = (one for one in html.split("<td>") if "checkpoint:first on svamp" in one)
    assert "8 questions" in cell and " to " in cell


def test_the_matrix_is_painted_again_only_after_an_answer(settings):
    project = project_tested(settings, n=3)
    before = stamp_of(open_project(settings, project.name))
    assert stamp_of(open_project(settings, project.name)) == before
    add_evaluation(settings, project, "checkpoint:first", "svamp", 3, 0.5)
    after = stamp_of(open_project(settings, project.name))
    assert after != before
    store = connect(settings.database)
    (answer, *_) = exams.answers(store, summary(settings, project)[0].exam.id)
    exams.set_grade(store, answer.id, not answer.correct)
    assert stamp_of(open_project(settings, project.name)) != after


def test_leaks_in_a_sentence_and_as_text():
    questions = {1: f"How many are 2 and 3? {HOSTILE}", 2: "something else entirely, as it is"}
    found = leaks(questions, [questions[1].upper()], "checkpoint:first")
    html = painting_tests.leaked(found)
    assert "1 of 2 questions stands among the 1 question that checkpoint:first learned from" in html
    assert "but for case and punctuation" in html
    assert "<img" not in html and "${" not in html and "{{" not in html
    none = painting_tests.leaked(leaks(questions, ["unlike"], "the project's exams"))
    assert "None of the 2 questions" in none and "1 question of the project’s exams" in none
    assert "Nothing was learned" in painting_tests.leaked(leaks(questions, []))


def test_the_tests_are_listed_by_task_with_the_project_s_first(settings):
    project = project_tested(settings, tasks=("svamp", "arithmetic"), n=4)
    found = summary(settings, project)
    html = painting_tests.tested_list(found, project.task, found[0].exam.id)
    assert html.index("<h3>arithmetic") < html.index("<h3>svamp")
    assert html.count("aria-current") == 1
    assert painting_tests.tested_list([], "arithmetic", None) == ""


def test_the_first_kind_with_a_question_is_looked_at():
    looked = Looked(("a", "b"), (1, 2), {"fixed": 0, "broken": 3}, "fixed", 0)
    assert json.loads(flip_value(looked, {}))["pairs"] == []
    assert first_kind(looked.numbers) == "broken"
    assert first_kind({}) == "fixed"


def test_the_form_offers_the_task_s_own_splits(settings):
    project = project_tested(settings, tasks=(), students=("s",))
    assert [name for _, name in splits(settings, project, "logiqa")] == [
        "test",
        "train",
        "validation",
    ]
    assert [name for _, name in splits(settings, project, "arithmetic")] == ["test", "train"]
    assert task_choices(settings, project)[0] == ("Arithmetic (generated)", "arithmetic")
    found = summary(settings, project_tested(settings, n=3))
    assert next_student([*STUDENTS, "checkpoint:new"], found) == "checkpoint:new"
    assert next_student(STUDENTS, found) == STUDENTS[0]


def test_a_test_that_grew_is_shown_whole_where_its_leaks_were_left_out(settings):
    project = project_with_mistakes(settings)
    rows = exams.answers(connect(settings.database), project.exam_id)
    asked_for = [as_question(row) for row in rows]
    begun = evaluated(settings, project, "m", [True, False, None], questions=asked_for[:3])
    with gr.Blocks():
        section = OpenedTest(settings)
    _, numbers, _, clean, *_ = section.values(project, Opened(begun.id, True))
    assert "right of 2" in numbers and not clean.value
