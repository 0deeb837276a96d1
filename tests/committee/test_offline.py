"""The offline teachers: what they write, what they get wrong on purpose, what they catch."""

import asyncio
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.committee.base import Access, CallFailed, Request, Role, TeacherSpec
from fair_app.committee.committee_file import default_committee
from fair_app.committee.equations import find_equations, number_text
from fair_app.committee.offline.teacher import CHARACTERS, OfflineTeacher, build
from fair_app.committee.scores import read_score
from fair_app.settings import Settings
from fair_app.tasks.base import Question
from fair_app.tasks.grading import grade

SHARED = Path(
    os.environ.get("FAIR_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
PENS = Question(
    text="Sam buys 3 packs of 4 pens. He gives 2 away. How many pens does Sam have?",
    gold_answer="10",
    gold_text="Sam buys 3 packs of 4 pens: 3 * 4 = <<3*4=12>>12 pens.\n"
    "He gives 2 away: 12 - 2 = <<12-2=10>>10 pens.\n#### 10",
)
SVAMP = Question("There are 87 oranges and 290 bananas in 2 groups.", "145", "145")
TEACHERS = [build(spec, Access(Settings())) for spec in default_committee()]


def pens(packs: int, size: int, gone: int) -> Question:
    bought, left = packs * size, packs * size - gone
    return Question(
        text=f"Sam buys {packs} packs of {size} pens. He gives {gone} away. How many are left?",
        gold_answer=str(left),
        gold_text=f"Sam buys {packs} packs of {size} pens: "
        f"{packs} * {size} = <<{packs}*{size}={bought}>>{bought} pens.\n"
        f"He gives {gone} away: {bought} - {gone} = <<{bought}-{gone}={left}>>{left} pens.\n"
        f"#### {left}",
    )


MANY = [pens(packs, size, gone) for packs in range(3, 9) for size in (4, 7, 11) for gone in (2, 5)]


def ask(teacher: OfflineTeacher, role: Role, question: Question, **texts: str) -> str:
    reply = asyncio.run(teacher.ask(Request(role, "", "arithmetic", question, **texts)))
    assert reply.simulated
    assert reply.finish == "complete"
    assert reply.input_tokens is None
    assert reply.output_tokens is None
    return reply.text


def rationale(teacher: OfflineTeacher, question: Question) -> str:
    return ask(teacher, Role.RATIONALE, question)


def score(teacher: OfflineTeacher, question: Question, text: str) -> int:
    found = read_score(ask(teacher, Role.REVIEW, question, rationale=text))
    assert found is not None
    return found


def kind(question: Question, text: str) -> str:
    """What a rationale is: right, flawed (the answer is right, a step is not) or wrong."""
    if not grade(text, question.gold_answer, "number").correct:
        return "wrong"
    return "right" if all(e.holds for e in find_equations(text)) else "flawed"


@pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher.spec.model)
def test_a_rationale_has_the_derivations_equations_and_ends_in_the_answer(
    teacher: OfflineTeacher,
) -> None:
    question, text = next(
        (question, text)
        for question in MANY
        if kind(question, text := rationale(teacher, question)) == "right"
    )
    wanted = [(e.value, e.claimed) for e in find_equations(question.gold_text)]
    assert [(e.value, e.claimed) for e in find_equations(text)] == wanted
    assert text.endswith(f"The answer is {question.gold_answer}.")
    assert len(text.split()) <= 60
    assert "<<" not in text


def test_the_three_write_differently() -> None:
    question = next(q for q in MANY if all(kind(q, rationale(t, q)) == "right" for t in TEACHERS))
    methodical, terse, storyteller = (rationale(teacher, question) for teacher in TEACHERS)
    assert methodical.startswith("Step 1: Sam buys")
    assert terse.partition(" ")[0].isdigit()
    assert "Sam buys" not in terse
    assert "Step" not in storyteller
    assert "Sam buys" in storyteller


def test_each_errs_in_both_ways_about_as_often_as_its_character_says() -> None:
    for teacher in TEACHERS:
        questions = [pens(packs, size, 3) for packs in range(3, 23) for size in range(4, 24)]
        kinds = Counter(kind(question, rationale(teacher, question)) for question in questions)
        character = CHARACTERS[teacher.spec.model]
        # Four standard deviations of 400 draws; a slip that leads nowhere is not made.
        for name, rate in (("wrong", character.wrong), ("flawed", character.flawed)):
            spread = 4 * (rate * (1 - rate) / len(questions)) ** 0.5
            assert rate - spread - 0.03 <= kinds[name] / len(questions) <= rate + spread


def test_a_wrong_number_goes_on_into_the_answer() -> None:
    question, text = next(
        (question, text)
        for question in MANY
        if kind(question, text := rationale(TEACHERS[0], question)) == "wrong"
    )
    equations = find_equations(text)
    assert sum(not equation.holds for equation in equations) == 1
    last = equations[-1].claimed
    assert last is not None
    assert text.endswith(f"The answer is {number_text(last)}.")
    assert number_text(last) != question.gold_answer


def test_the_same_request_has_the_same_answer_and_another_name_is_another_teacher() -> None:
    again = build(default_committee()[0], Access(Settings()))
    assert [rationale(again, q) for q in MANY] == [rationale(TEACHERS[0], q) for q in MANY]
    other = build(
        TeacherSpec(name="other", provider="offline", model="methodical"), Access(Settings())
    )
    assert [rationale(other, q) for q in MANY] != [rationale(TEACHERS[0], q) for q in MANY]


def test_teachers_can_be_asked_at_once() -> None:
    requests = [Request(Role.RATIONALE, "", "arithmetic", question) for question in MANY]

    async def together() -> list[str]:
        replies = await asyncio.gather(*(TEACHERS[1].ask(request) for request in requests))
        return [reply.text for reply in replies]

    assert asyncio.run(together()) == [rationale(TEACHERS[1], question) for question in MANY]


def test_without_a_derivation_there_is_no_rationale() -> None:
    with pytest.raises(CallFailed, match="this question has none") as failure:
        rationale(TEACHERS[0], SVAMP)
    assert failure.value.kind == "request"


def test_without_a_derivation_feedback_and_review_work_from_the_text() -> None:
    for teacher in TEACHERS:
        feedback = ask(
            teacher, Role.FEEDBACK, SVAMP, student_answer="290 / 2 = 145. 87 / 93 = 0.92"
        )
        assert "87 / 93" in feedback
        assert "0.94" in feedback
        assert feedback.endswith("The answer is 145.")
    right = "290 bananas / 2 groups = 145 bananas. The answer is 145."
    wrong = "290 bananas / 2 groups = 140 bananas. The answer is 140."
    assert sum(score(teacher, SVAMP, right) for teacher in TEACHERS) >= 12
    assert sum(score(teacher, SVAMP, wrong) for teacher in TEACHERS) <= 9


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("3 * 4 = 14 pens and 14 - 2 = 12. The answer is 12.", ["3 * 4", "14", "12"]),
        ("He has 3 + 4 = 7 pens.", ["3 + 4 = 7", "3 * 4 = 12", "12 - 2 = 10"]),
        ("3 * 4 = 12 pens. The answer is 12.", ["3 * 4 = 12", "12 - 2 = 10"]),
        ("He has many pens. The answer is 5.", ["You never used 3, 4 and 2", "3 * 4 = 12"]),
        ("3 packs, 4 pens, 2 gone. The answer is 9.", ["do not lead to the answer", "3 * 4 = 12"]),
        ("3 * 4 = 12, 12 - 2 = 10. The answer is 12.", ["12 is not the answer"]),
        ("12 / 0 = 12", ["zero", "3 * 4 = 12"]),
        ("", ["You gave no answer", "3 * 4 = 12", "12 - 2 = 10"]),
    ],
)
def test_feedback_names_the_mistake_and_the_right_path(answer: str, named: list[str]) -> None:
    for teacher in TEACHERS:
        feedback = ask(teacher, Role.FEEDBACK, PENS, student_answer=answer)
        for part in named:
            assert part in feedback
        assert feedback.endswith("The answer is 10.")


def test_a_given_number_is_no_step_that_was_reached() -> None:
    question = Question(
        "6 eggs, 4 bad, into 2 crates with 20 more. How many in each?",
        "11",
        "6 - 4 = <<6-4=2>>2\n2 + 20 = <<2+20=22>>22\n22 / 2 = <<22/2=11>>11\n#### 11",
    )
    feedback = ask(TEACHERS[0], Role.FEEDBACK, question, student_answer="6 and 4 and 2 and 20.")
    assert "6 - 4 = 2, then 2 + 20 = 22, then 22 / 2 = 11" in feedback


@settings(deadline=None, max_examples=150)
@given(answer=st.one_of(st.text(), st.text(alphabet="0123456789+-*/=()$%. xa\n", max_size=200)))
def test_feedback_and_reviews_survive_any_text(answer: str) -> None:
    for teacher in TEACHERS:
        feedback = ask(teacher, Role.FEEDBACK, PENS, student_answer=answer)
        assert feedback.endswith("The answer is 10.")
        assert len(feedback.split()) <= 80
        assert score(teacher, PENS, answer) <= 5


def test_long_feedback_is_cut_at_a_step() -> None:
    steps = "".join(f"{n} + {n} = <<{n}+{n}={2 * n}>>{2 * n}\n" for n in range(10, 60))
    question = Question("Many steps.", "118", f"{steps}#### 118")
    sum_of_ones = " + ".join(["1"] * 30)
    for answer in ("", f"{sum_of_ones} = 31"):
        feedback = ask(TEACHERS[0], Role.FEEDBACK, question, student_answer=answer)
        assert len(feedback.split()) <= 80
        assert "and so on. The answer is 118." in feedback


def test_reviews_tell_right_from_flawed_and_wrong() -> None:
    right = "3 * 4 = 12 pens. 12 - 2 = 10 pens. The answer is 10."
    flawed = "3 * 4 = 14 pens. 14 - 2 = 10 pens. The answer is 10."
    wrong = "3 * 4 = 14 pens. 14 - 2 = 12 pens. The answer is 12."
    other_way = "3 + 4 = 7 pens. 7 - 2 = 5 pens. The answer is 5."
    questions = [Question(f"{PENS.text} ({n})", "10", PENS.gold_text) for n in range(60)]
    for teacher in TEACHERS:
        shares = {
            text: sum(score(teacher, question, text) > 3 for question in questions) / 60
            for text in (right, flawed, wrong, other_way)
        }
        assert shares[right] == 1
        assert shares[flawed] <= 0.4
        assert shares[wrong] <= 0.2
        assert shares[other_way] <= 0.2


def test_a_review_names_what_it_found() -> None:
    text = "3 * 4 = 14 pens. 14 - 2 = 10 pens. The answer is 10."
    assert any(
        "3 * 4 is 12, not 14." in ask(teacher, Role.REVIEW, PENS, rationale=text)
        for teacher in TEACHERS
    )


def test_a_review_does_not_depend_on_who_wrote_the_rationale() -> None:
    text = "3 * 4 = 12 pens. 12 - 2 = 10 pens. The answer is 10."
    for teacher in TEACHERS:
        reviews = {
            ask(teacher, Role.REVIEW, PENS, rationale=text, author=author)
            for author in ("", "offline-terse", "gpt")
        }
        assert len(reviews) == 1


def test_reviewers_do_not_all_give_the_same_scores() -> None:
    given_scores = [
        [score(teacher, question, rationale(TEACHERS[0], question)) for question in MANY]
        for teacher in TEACHERS[1:]
    ]
    assert given_scores[0] != given_scores[1]
    assert len(set(given_scores[0])) > 2


def test_on_gsm8k_peer_review_keeps_the_right_and_drops_most_others() -> None:
    path = SHARED / "gsm8k" / "test.jsonl"
    if not path.exists():
        pytest.skip("the real GSM8K rows are not here")
    rows = [json.loads(line) for line in path.read_text().splitlines()[:120]]
    questions = [
        Question(row["question"], row["answer"].rpartition("#### ")[2], row["answer"])
        for row in rows
    ]
    written: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    unanswered = 0
    for question in questions:
        for author in TEACHERS:
            try:
                text = rationale(author, question)
            except CallFailed:
                unanswered += 1
                continue
            scores = [score(peer, question, text) for peer in TEACHERS if peer is not author]
            written[kind(question, text)] += 1
            accepted[kind(question, text)] += sum(scores) / len(scores) > 3
    assert unanswered <= 0.05 * 3 * len(questions)
    assert accepted["right"] >= 0.98 * written["right"]
    assert accepted["wrong"] <= 0.1 * written["wrong"]
    assert accepted["flawed"] <= 0.35 * written["flawed"]
    assert min(written.values()) >= 15
