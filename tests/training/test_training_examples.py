from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.training.balance import shares
from fair_app.training.examples import (
    Text,
    TrainingQuestion,
    draw_pairs,
    examples_hash,
    feedback_prompt,
    rationale_prompt,
)
from fair_app.training.settings import PAPER, PRESETS, TrainingSettings, chosen_settings

QUESTIONS = [
    TrainingQuestion(
        question_id=number,
        prompt=f"question {number}",
        student_answer=f"answer {number}",
        rationales=tuple(Text(teacher, f"{teacher} on {number}") for teacher in "abc"),
        feedback=tuple(Text(teacher, f"{teacher} against {number}") for teacher in "abc"),
    )
    for number in range(40)
]


def test_every_question_brings_one_of_its_rationales_and_one_of_its_feedbacks() -> None:
    pairs = draw_pairs(QUESTIONS, epoch=0, seed=731)

    assert sorted(pair.question_id for pair in pairs) == list(range(40))
    for pair in pairs:
        assert pair.rationale in QUESTIONS[pair.question_id].rationales
        assert pair.feedback in QUESTIONS[pair.question_id].feedback


def test_a_draw_repeats_and_changes_with_epoch_and_seed() -> None:
    first = draw_pairs(QUESTIONS, epoch=0, seed=731)

    assert draw_pairs(QUESTIONS, epoch=0, seed=731) == first
    for other in (draw_pairs(QUESTIONS, 1, 731), draw_pairs(QUESTIONS, 0, 732)):
        assert [pair.question_id for pair in other] != [pair.question_id for pair in first]
        assert {pair.question_id: pair for pair in other} != {
            pair.question_id: pair for pair in first
        }


def test_the_two_parts_are_drawn_apart() -> None:
    teachers = {
        (pair.rationale.teacher, pair.feedback.teacher)
        for pair in draw_pairs(QUESTIONS, 0, 731)
        if pair.rationale and pair.feedback
    }
    assert len(teachers) > len("abc")


def test_sampling_once_keeps_the_draw_of_the_first_epoch() -> None:
    first, later = (draw_pairs(QUESTIONS, epoch, 731, "once") for epoch in (0, 5))

    assert {pair.question_id: pair for pair in first} == {pair.question_id: pair for pair in later}
    assert first != later  # the order is each epoch's own
    assert first == draw_pairs(QUESTIONS, 0, 731, "epoch")


@given(st.permutations(range(12)), st.integers(0, 11))
def test_a_draw_depends_on_the_question_alone(order: list[int], absent: int) -> None:
    drawn = {pair.question_id: pair for pair in draw_pairs(QUESTIONS[:12], 3, 731)}
    shuffled = [
        replace(QUESTIONS[number], rationales=QUESTIONS[number].rationales[::-1])
        for number in order
        if number != absent
    ]
    for pair in draw_pairs(shuffled, 3, 731):
        assert drawn[pair.question_id] == pair


def test_one_sided_questions_are_drawn_and_empty_ones_passed_over() -> None:
    only_rationale = replace(QUESTIONS[0], feedback=())
    only_feedback = replace(QUESTIONS[1], rationales=())
    empty = replace(QUESTIONS[2], rationales=(), feedback=())

    pairs = {
        pair.question_id: pair
        for pair in draw_pairs([only_rationale, only_feedback, empty], 0, 731)
    }

    assert pairs.keys() == {0, 1}
    assert pairs[0].feedback is None
    assert pairs[0].rationale is not None
    assert pairs[1].rationale is None
    assert pairs[1].feedback is not None


def uneven_texts(number: int) -> TrainingQuestion:
    """A question on which a always wrote, b every second time and c every fourth."""
    one = QUESTIONS[number]
    absent = {"c": number % 4 > 0, "b": number % 2 > 0}

    def kept(texts: tuple[Text, ...]) -> tuple[Text, ...]:
        return tuple(text for text in texts if not absent.get(text.teacher, False))

    return replace(one, rationales=kept(one.rationales))


def test_balance_draws_every_teacher_alike_as_far_as_there_are_texts() -> None:
    uneven = [uneven_texts(number) for number in range(40)]

    def drawn(balance: str) -> Counter[str]:
        return Counter(
            pair.rationale.teacher
            for epoch in range(300)
            for pair in draw_pairs(uneven, epoch, 731, balance=balance)
            if pair.rationale
        )

    plain, even = drawn("none"), drawn("teachers")
    # of 40 questions 20 have a alone, 10 have a and b, 10 all three
    assert plain["a"] / 300 == pytest.approx(20 + 5 + 10 / 3, rel=0.03)
    assert even["a"] / 300 == pytest.approx(20, rel=0.03)
    assert even["b"] / 300 == pytest.approx(10, rel=0.03)
    assert even["c"] / 300 == pytest.approx(10, rel=0.03)


def test_balance_changes_no_order_and_repeats() -> None:
    for sampling in ("epoch", "once"):
        plain, even, again = (
            draw_pairs(QUESTIONS, 3, 731, sampling, balance)
            for balance in ("none", "teachers", "teachers")
        )
        assert [one.question_id for one in even] == [one.question_id for one in plain]
        assert even == again


TEACHERS = st.lists(st.frozensets(st.sampled_from("abcde")), max_size=30)


@given(TEACHERS)
def test_shares_are_as_equal_as_the_texts_allow(questions: list[frozenset[str]]) -> None:
    found = shares(questions)
    totals = Counter[str]()
    for teachers, own in zip(questions, found, strict=True):
        assert own.keys() == teachers
        assert all(0 <= share <= 1 + 1e-9 for share in own.values())
        assert sum(own.values()) == pytest.approx(1 if teachers else 0)
        totals.update(own)
    # nothing can be moved from one teacher to another that has less
    for own in found:
        for giver, share in own.items():
            for taker in own:
                assert share < 1e-6 or totals[giver] <= totals[taker] + 1e-4
    # no set of teachers has to bear more than the questions that only they have
    every = sorted(set().union(*questions))
    most = max(
        (
            sum(bool(teachers) and teachers <= set(chosen) for teachers in questions) / len(chosen)
            for size in range(1, len(every) + 1)
            for chosen in combinations(every, size)
        ),
        default=0.0,
    )
    assert max(totals.values(), default=0.0) == pytest.approx(most, abs=1e-4)


@given(st.permutations(["abc", "ab", "ac", "a", "bc"] * 3))
def test_shares_depend_on_no_order(order: list[str]) -> None:
    known = dict(
        zip(
            ["abc", "ab", "ac", "a", "bc"], shares(["abc", "ab", "ac", "a", "bc"] * 3), strict=False
        )
    )
    assert shares(order) == [known[teachers] for teachers in order]


def test_the_prompts_of_the_two_parts() -> None:
    question = QUESTIONS[7]
    assert rationale_prompt(question) == "question 7"
    assert feedback_prompt(question).startswith("question 7\n")
    assert "\nanswer 7\n" in feedback_prompt(question)


def test_the_hash_sees_every_text_but_no_order() -> None:
    known = examples_hash(QUESTIONS)
    assert known == examples_hash(
        replace(question, feedback=question.feedback[::-1]) for question in reversed(QUESTIONS)
    )
    first = QUESTIONS[0]
    for changed in (
        replace(first, prompt="other"),
        replace(first, student_answer="other"),
        replace(first, rationales=first.rationales[:2]),
        replace(first, feedback=(Text("a", "other"), *first.feedback[1:])),
        replace(first, feedback=first.rationales, rationales=first.feedback),
    ):
        assert examples_hash([changed, *QUESTIONS[1:]]) != known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", 1.5),
        ("alpha", float("nan")),
        ("epochs", 0),
        ("max_steps", 0),
        ("batch_size", -1),
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("lora_dropout", 1.0),
        ("max_tokens", 1),
        ("quantization", "8bit"),
        ("sampling", "twice"),
        ("balance", "authors"),
        ("schedule", "step"),
        ("method", "prefix"),
        ("lora_target", "q_proj;v_proj"),
        ("lora_rank", 0),
        ("warmup", 1.0),
        ("validation_share", -0.1),
        ("validate_every", 0),
        ("patience", 0),
        ("memory_gb", 0),
    ],
)
def test_settings_out_of_range_are_bad_input_that_names_them(name: str, value: object) -> None:
    with pytest.raises(BadInput, match=name):
        TrainingSettings(**{name: value})  # type: ignore[arg-type]


def test_the_paper_preset_has_the_papers_numbers() -> None:
    assert PRESETS["paper"] is PAPER
    assert (PAPER.epochs, PAPER.learning_rate, PAPER.schedule) == (10, 1e-5, "constant")
    assert (PAPER.batch_size, PAPER.max_tokens, PAPER.seed) == (8 * 2, 512, 731)
    assert (PAPER.alpha, PAPER.sampling) == (0.5, "once")
    assert (PAPER.method, PAPER.quantization) == ("full", "none")


def test_presets_with_what_is_given_in_their_place() -> None:
    assert chosen_settings("quick look", {}) == TrainingSettings()
    found = chosen_settings("balanced", {"alpha": 0.2, "epochs": None})
    assert (found.alpha, found.epochs) == (0.2, PRESETS["balanced"].epochs)
    full = chosen_settings("quick look", {"method": "full"})
    assert (full.method, full.quantization) == ("full", "none")
    unwatched = chosen_settings("balanced", {"validation_share": 0.0})
    assert unwatched.patience is None


@pytest.mark.parametrize(
    ("preset", "given", "complaint"),
    [
        ("best", {}, "no preset 'best'.*quick look, balanced, paper"),
        ("paper", {"quantization": "4bit"}, "quantization none"),
        ("quick look", {"patience": 2}, "validation_share"),
        ("quick look", {"learning_speed": 2}, "no training setting learning_speed"),
    ],
)
def test_settings_that_do_not_go_together_are_bad_input(
    preset: str, given: dict[str, object], complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        chosen_settings(preset, given)
