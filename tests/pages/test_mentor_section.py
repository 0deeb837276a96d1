"""How a step of the mentor is told, and that an ablation of it is shown."""

from dataclasses import replace

from fair_app.evaluation.ablation import COMBINED, FACTORS, THE_SETTING
from fair_app.studio.mentor import MentorStanding
from fair_app.studio.mentor_steps import Course, Step
from pages.components.ablation_shown import TITLES
from pages.components.mentor_section import WORDS, said

HOSTILE = "${1+1} <img src=x onerror=alert(1)>"
STANDING = MentorStanding(
    ref="checkpoint:mentor",
    evaluation=1,
    accuracy=0.4,
    n=10,
    ci95=(0.2, 0.6),
    student_accuracy=0.5,
    k=3,
    questions=2,
    samples=6,
    right=4,
    kept=3,
    rationales=3,
)


def course(mentor: MentorStanding | None = None) -> Course:
    return Course(tuple(Step(name, "later", "", "") for name in WORDS), {}, mentor)


def test_texts_are_never_html() -> None:
    shown = said(1, Step("choose", "done", HOSTILE, HOSTILE), course())
    assert "<img" not in shown
    assert shown.count("&lt;img src=x onerror=alert(1)&gt;") == 2


def test_a_step_says_where_to_go_and_whether_it_is_done() -> None:
    first = said(1, Step("choose", "next", "", "None yet.", "committee"), course())
    assert 'data-go="committee"' in first
    assert ">1</span>" in first
    assert ">✓</span>" in said(1, Step("choose", "done", "a", ""), course())


def test_a_mentor_that_is_no_better_is_warned_about_at_its_test() -> None:
    tested = Step("test", "done", "40.0%", "")
    assert "not better than the student" in said(3, tested, course(STANDING))
    assert "notice" not in said(3, tested, course(replace(STANDING, student_accuracy=0.3)))
    assert "notice" not in said(4, Step("augment", "done", "", ""), course(STANDING))


def test_every_factor_of_an_ablation_has_a_title() -> None:
    assert set(TITLES) == {THE_SETTING, *FACTORS, COMBINED}
