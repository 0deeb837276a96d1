"""The three prompts hold what the method gives to a teacher, word for word, and nothing more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.committee.base import Role
from fair_app.committee.prompts import DEFAULTS, Prompts, check_template, prompt_hash, question_text
from fair_app.committee.scores import read_score
from fair_app.errors import BadInput
from fair_app.tasks.base import Question

PROMPTS = Prompts()

QUESTION = Question(
    text="Sam buys 3 packs of 4 pens. How many pens does Sam buy?",
    gold_answer="12",
    gold_text="Sam buys 3 * 4 = <<3*4=12>>12 pens.\n#### 12",
)
PASSAGE = Question(
    text="Which one follows?",
    gold_answer="B",
    gold_text="B",
    context="All {cats} cost $5.",
    options=("No cat is free.", "100% of cats are {free}."),
)


def test_a_rationale_is_asked_for_as_the_student_was_asked() -> None:
    asked = "Solve it.\nQuestion: {x} costs $5\n"
    assert PROMPTS.rationale(asked) == asked


def test_feedback_is_given_question_wrong_answer_and_hint() -> None:
    prompt = PROMPTS.feedback(QUESTION, "3 + 4 = 7")
    assert f"Question: {QUESTION.text}\n" in prompt
    assert "Student's answer: 3 + 4 = 7\n" in prompt
    assert prompt.endswith("should be: Sam buys 3 * 4 = 12 pens.\n#### 12\n")


def test_a_review_is_given_question_rationale_and_hint_and_the_form_of_the_score() -> None:
    prompt = PROMPTS.review(QUESTION, "3 * 4 = 12. The answer is 12.")
    assert f"Question: {QUESTION.text}\n" in prompt
    assert "Rationale: 3 * 4 = 12. The answer is 12.\n" in prompt
    assert prompt.endswith("should be: Sam buys 3 * 4 = 12 pens.\n#### 12\n")
    assert "from 1 to 5" in prompt
    assert "square brackets" in prompt


def test_a_reviewer_that_only_repeats_the_prompt_gives_no_score() -> None:
    assert read_score(PROMPTS.review(QUESTION, "The answer is 12.")) is None


def test_the_passage_and_the_options_are_part_of_the_question() -> None:
    for prompt in (PROMPTS.feedback(PASSAGE, "A"), PROMPTS.review(PASSAGE, "A")):
        assert "Context: All {cats} cost $5.\n" in prompt
        assert "Which one follows?\n" in prompt
        assert "A. No cat is free.\nB. 100% of cats are {free}.\n" in prompt


def test_options_without_a_passage_are_shown_too() -> None:
    question = Question("Which?", "A", "A", options=("one", "two"))
    assert question_text(question) == "Which?\nOptions:\nA. one\nB. two"


HOSTILE = st.text(alphabet="${}%qgoldrationale_ \\", max_size=60)


@settings(deadline=None)
@given(answer=HOSTILE, text=HOSTILE, gold=HOSTILE.filter(bool))
def test_what_models_and_files_wrote_arrives_as_it_is(answer: str, text: str, gold: str) -> None:
    question = Question(text=text, gold_answer=gold, gold_text=gold)
    feedback = PROMPTS.feedback(question, answer)
    review = PROMPTS.review(question, answer)
    assert f"\nQuestion: {text}\nStudent's answer: {answer}\nHint: " in feedback
    assert f"\nQuestion: {text}\nRationale: {answer}\nHint: " in review
    assert feedback.endswith(f"be: {gold}\n")
    assert review.endswith(f"be: {gold}\n")


@settings(deadline=None)
@given(one=st.text(), other=st.text())
def test_two_prompts_share_a_hash_only_when_they_are_the_same(one: str, other: str) -> None:
    assert (prompt_hash(one) == prompt_hash(other)) == (one == other)
    assert len(prompt_hash(one)) == 64


def test_a_broken_character_can_be_hashed() -> None:
    assert prompt_hash("\ud800") != prompt_hash("")


def test_a_template_of_ones_own_is_asked_with_and_has_its_own_hash() -> None:
    own = "Is it right? $question / $rationale / $gold. It costs $$5. End with [1] to [5]."
    prompts = Prompts({"review": own})
    assert prompts.review(PASSAGE, "r").endswith("/ r / B. It costs $5. End with [1] to [5].")
    assert prompts.hash(Role.REVIEW) != PROMPTS.hash(Role.REVIEW)
    assert prompts.hash(Role.FEEDBACK) == PROMPTS.hash(Role.FEEDBACK)


@pytest.mark.parametrize(
    ("role", "template", "sentence"),
    [
        (Role.REVIEW, "Judge $rationale by $gold.", r"lacks \$question"),
        (Role.FEEDBACK, "$question $gold", r"lacks \$student_answer"),
        (Role.RATIONALE, "", r"lacks \$prompt"),
        (Role.RATIONALE, "$prompt $author", r"names \$author, which is nothing: it has \$prompt"),
        (Role.RATIONALE, "$prompt for 5$", "lone dollar sign: write"),
    ],
)
def test_a_template_without_its_fields_is_refused(role: Role, template: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        check_template(role, template)


@pytest.mark.parametrize("role", list(Role))
def test_the_defaults_are_good_templates(role: Role) -> None:
    check_template(role, DEFAULTS[role])
