"""The review room's use cases: rule, queues, search, cards, reviewers, reasons."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as running
from hypothesis import strategies as st

from db import committee, exams
from db.projects import Project
from db.store import connect
from fair_app.curation.acceptance import Rule
from fair_app.curation.queues import QUEUES
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from fair_app.studio.board import board
from fair_app.studio.projects import open_project
from tests.browser.taught import SCORES, TEACHERS, taught

HOSTILE = (
    '<script>alert(1)</script> <img src=x onerror=alert(2)> ${1+1} \\frac{1}{2} "quoted" '
    "\u202eright to left\u202c 100% _under_ NEAR(a b) col:umn {curly} ^caret 'tick' crème brûlée "
    "Straße 𝟙 ½ AND OR NOT -minus a*b"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


def again(settings: Settings, project: Project) -> Project:
    return open_project(settings, project.name)


# ---- the acceptance rule


def test_a_rule_is_saved_whole_and_read_again(settings: Settings, project: Project) -> None:
    assert review.rule_of(project) == Rule()
    rule = Rule(3.5, {"ada": 4, "carl": 0}, 2, answer_check=True, adjusted=True)
    review.set_rule(settings, project, rule)
    assert review.rule_of(again(settings, project)) == rule
    stored = again(settings, project)
    review.set_rule(settings, stored, replace(review.rule_of(stored), threshold=2))
    assert review.rule_of(again(settings, project)) == replace(rule, threshold=2.0)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(5.1), "0 to 5"),
        (Rule(per_teacher={"gpt": 3}), r"no teacher 'gpt' here: choose ada, blaise, carl\."),
        (Rule(per_teacher={"ada": 9}), "0 to 5"),
        (Rule(min_scores=0), "whole number"),
    ],
)
def test_a_bad_rule_is_not_saved(
    settings: Settings, project: Project, rule: Rule, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        review.set_rule(settings, project, rule)
    assert review.rule_of(again(settings, project)) == Rule()


def test_a_teacher_who_left_the_committee_does_not_stand_in_the_rules_way(
    settings: Settings, project: Project
) -> None:
    review.set_rule(settings, project, Rule(3, {"carl": 4}))
    members = [
        {
            "name": name,
            "origin": "committee",
            "simulated": 0,
            "spec": {"name": name},
            "spec_hash": "",
        }
        for name in TEACHERS[:2]
    ]
    committee.set_committee(connect(settings.database), project.id, members)
    stored = again(settings, project)
    review.set_rule(settings, stored, replace(review.rule_of(stored), threshold=2))
    assert review.rule_of(again(settings, project)) == Rule(2.0, {"carl": 4.0})
    with pytest.raises(BadInput, match="no teacher 'carl'"):
        review.set_rule(settings, taught_without_carl(settings), Rule(per_teacher={"carl": 4}))


def taught_without_carl(settings: Settings) -> Project:
    project = taught(settings)
    connect(settings.database).execute(
        "UPDATE teachers SET active = 0 WHERE project_id = ? AND name = 'carl'", [project.id]
    )
    return project


def test_consequences_of_a_rule_that_is_not_saved(settings: Settings, project: Project) -> None:
    saved = review.summary(settings, project)
    assert (saved.threshold, saved.rationales, saved.questions) == (3.0, 15, 5)
    # Means above 3: 5; 3.5; 4.5, 4; 3.5; 5, 5. The third of row one has 4 and 2.
    assert (saved.accepted, saved.questions_accepted) == (7, 5)
    strict = review.summary(settings, project, Rule(4.5))
    assert strict.accepted == 3
    flips = review.changes(settings, project, Rule(4.5))
    assert (len(flips.accepted), len(flips.rejected)) == (0, 4)
    assert review.summary(settings, again(settings, project)) == saved
    found = review.suggestion(settings, project, 0.5)
    assert found.reached
    assert found.point.accepted == review.summary(settings, project, Rule(found.threshold)).accepted


# ---- queues


@pytest.mark.parametrize("name", QUEUES)
def test_every_queue_is_read_and_its_size_told(
    settings: Settings, project: Project, name: str
) -> None:
    found = review.queue(settings, project, name, "ann")
    assert found.name == name
    assert len(found.decided) == len(found.items)
    assert review.sizes(settings, project, "ann")[name] == len(found.items)


def test_a_queue_says_how_much_of_it_is_done(settings: Settings, project: Project) -> None:
    # Two or more apart: 4 and 2 (question 1), 5 and 1 (question 4); the widest first.
    found = review.queue(settings, project, "disagree", "ann")
    questions = list(board(settings, project).questions)
    assert [item.question_id for item in found.items] == [questions[3], questions[0]]
    assert found.decided == [False, False]
    (rationale,) = found.items[1].rationales
    deciding.decide(settings, project, rationale, "reject", actor="ann", revision=0)
    found = review.queue(settings, project, "disagree", "ann")
    assert found.decided == [False, True]
    assert len(review.queue(settings, project, "mine", "ann").items) == 1
    assert len(review.queue(settings, project, "mine", "bob").items) == 0


def test_queues_go_by_the_saved_rule_or_another(settings: Settings, project: Project) -> None:
    def high(rule: Rule | None = None) -> int:
        return len(review.queue(settings, project, "wrong-high", "ann", rule=rule).items)

    # The first teacher's on question 1, and the second's on question 2 and so on, end wrongly.
    assert (high(), high(Rule(5)), high(Rule(answer_check=True))) == (1, 0, 0)


def test_an_unknown_queue_is_refused(settings: Settings, project: Project) -> None:
    with pytest.raises(BadInput, match="no queue 'best'"):
        review.queue(settings, project, "best", "ann")


def test_a_queue_can_be_searched(settings: Settings, project: Project) -> None:
    questions = list(board(settings, project).questions)

    def found(search: str) -> list[int]:
        items = review.queue(settings, project, "disagree", "ann", search).items
        return [questions.index(item.question_id) + 1 for item in items]

    assert found("") == [4, 1]
    assert found(" \n") == [4, 1]
    assert found('"question 1"') == [1]
    assert found('"question 2"') == []


# ---- search


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Project, list[int]]:
    settings = Settings(home=tmp_path_factory.mktemp("hostile"))
    project = taught(settings, HOSTILE)
    taught(settings, HOSTILE)  # another one: its texts must never be found here
    return settings, project, list(board(settings, project).questions)


Hostile = tuple[Settings, Project, list[int]]


def places(hostile: Hostile, words: str) -> list[int]:
    settings, project, questions = hostile
    return sorted(questions.index(one) + 1 for one in review.searched(settings, project, words))


ALL = [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        # Anywhere: the question, the student's answer, rationale, feedback, review.
        ("3 + 3", [3]),
        ('"What is 2"', [2]),
        ('"answer is 99"', ALL),
        ('"ada explains question 4"', [4]),
        ('"carl corrects question 5"', [5]),
        ('"blaise reviews ada"', ALL),
        # Each word may be somewhere else.
        ("explains corrects reviews", ALL),
        ('"explains corrects"', []),
        # Case, accents, beginnings.
        ("EXPLAINS", ALL),
        ("CREME brulee", ALL),
        ("crème", ALL),
        ("expl", ALL),
        ("xplains", []),
        ('"ada expl"', ALL),
        ('"expl question"', []),
        # What the index has a meaning for is text here.
        ("AND", ALL),
        ("OR NOT", ALL),
        ("ada NOT carl", ALL),
        ("ada AND absent", []),
        ("NEAR(", ALL),
        ("NEAR(a b)", ALL),
        ("near(a, absent)", []),
        ("col:umn", ALL),
        ("text:ada", []),
        ("{curly}", ALL),
        ("^caret", ALL),
        ("-minus", ALL),
        ("a*b", ALL),
        ("ada*", ALL),
        ("'tick'", ALL),
        ("' OR 7=7 --", []),
        ('"; DROP TABLE decisions; --', []),
        ("<script>alert(1)</script>", ALL),
        ("${1+1}", ALL),
        (r"\frac{1}{2}", ALL),
        ("_under_", ALL),
        ("_ ada _", ALL),
        ("100%", ALL),
        ("½", ALL),
        # Quotes that do not pair.
        ('"quoted', ALL),
        ('ada "', ALL),
        ('""', []),
        # Nothing to look for.
        ("", []),
        ('"', []),
        ("*", []),
        ("_", []),
        ("+ - : ( )", []),
        # What no text of the store can hold.
        ("ada\0explains", ALL),
        ("\0", []),
        ("\ud800ada", ALL),
        ("ada\udfff absent", []),
    ],
)
def test_words_are_looked_for_as_text(hostile: Hostile, words: str, found: list[int]) -> None:
    assert places(hostile, words) == found


def test_edits_and_comments_are_found_by_everybody(settings: Settings, project: Project) -> None:
    questions = list(board(settings, project).questions)
    rows = board(settings, project).rows
    deciding.decide(
        settings, project, rows[0].id, "edit", actor="ann", revision=0, value="Zebras count."
    )
    deciding.comment(settings, project, rows[4].id, actor="bob", text="giraffe", reason="unclear")
    assert review.searched(settings, project, "zebra") == {questions[0]}
    assert review.searched(settings, project, "giraffe unclear") == {questions[1]}
    assert review.searched(settings, project, "zebra giraffe") == set()


def test_only_mistakes_and_what_is_current_are_found(settings: Settings, project: Project) -> None:
    questions = list(board(settings, project).questions)
    store = connect(settings.database)
    assert review.searched(settings, project, "ada explains") == set(questions)
    row = exams.answers(store, project.exam_id or 0)[0]
    deciding.override_grade(settings, project, row.id, True, actor="ann")
    assert review.searched(settings, project, "ada explains") == set(questions[1:])
    store.execute("UPDATE rationales SET current = 0 WHERE question_id = ?", [questions[1]])
    assert review.searched(settings, project, "ada explains") == set(questions[2:])
    store.execute("UPDATE teachers SET active = 0 WHERE name = 'ada'")
    assert review.searched(settings, project, '"ada explains"') == set()
    assert review.searched(settings, project, '"blaise explains"') == set(questions[2:])


def test_a_search_that_is_too_long_is_refused(settings: Settings, project: Project) -> None:
    most = " ".join(["a"] * review.MOST_TERMS)
    assert isinstance(review.searched(settings, project, most), set)
    for words in (f"{most} a", "a" * (review.LONGEST_SEARCH + 1), '"' + "a " * 50_000 + '"'):
        with pytest.raises(BadInput, match="at most 12 words"):
            review.searched(settings, project, words)


@given(st.text(st.characters(codec=None), max_size=40))
@running(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_search_breaks(hostile: Hostile, words: str) -> None:
    settings, project, questions = hostile
    try:
        found = review.searched(settings, project, words)
    except BadInput:
        return
    assert found <= set(questions)


PLAIN_WORDS = st.lists(
    st.sampled_from(["ada", "carl", "explains", "corrects", "question", "1", "5", "absent", "99"]),
    min_size=1,
    max_size=4,
)


@given(PLAIN_WORDS)
@running(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_words_are_found_as_a_plain_look_finds_them(hostile: Hostile, words: list[str]) -> None:
    def has(number: int, word: str) -> bool:
        texts: Iterable[str] = (
            *(f"{name} explains question {number} {HOSTILE}" for name in TEACHERS),
            *(f"{name} corrects question {number}" for name in TEACHERS),
            f"What is {number} {number} {2 * number} The answer is 99",
        )
        return any(
            part.startswith(word)
            for text in texts
            for part in text.lower().replace("=", " ").split()
        )

    wanted = [number for number in ALL if all(has(number, word) for word in words)]
    assert places(hostile, " ".join(words)) == wanted


# ---- cards


def test_a_card_has_all_that_was_written_and_decided(settings: Settings, project: Project) -> None:
    questions = list(board(settings, project).questions)
    third, first = review.cards(settings, project, [questions[2], questions[0]])
    assert (third.position, first.position) == (2, 0)
    assert [column.teacher for column in third.columns] == list(TEACHERS)
    ada, blaise, carl = third.columns
    assert ada.simulated
    assert not blaise.simulated
    assert ada.rationale == "ada explains question 3. "
    assert ada.feedback == "ada corrects question 3. "
    assert (carl.prediction, carl.correct, carl.finish) == ("2", False, "complete")
    assert [(one.reviewer, one.score, one.counts) for one in blaise.scores] == [
        ("ada", 83, False),
        ("carl", 4, True),
    ]
    assert blaise.scores[1].text == "carl reviews blaise. "
    for card, given_scores in ((third, SCORES[2]), (first, SCORES[0])):
        for column, given_one in zip(card.columns, given_scores, strict=True):
            assert column.row is not None
            assert column.row.scores == given_one
            assert column.row.id == column.rationale_id
            assert column.revision == 0
    assert (third.favourite, third.revision, third.answer.prediction) == (None, 0, "99")


def test_a_card_follows_decisions(settings: Settings, project: Project) -> None:
    question = board(settings, project).questions[0]
    (before,) = review.cards(settings, project, [question])
    one = before.columns[0].rationale_id
    assert one is not None
    deciding.pick_favourite(settings, project, one, actor="ann", revision=before.revision)
    (after,) = review.cards(settings, project, [question])
    assert (after.favourite, after.columns[0].state.accepted) == (one, True)
    assert (after.revision, after.columns[0].revision) == (1, 2)
    # The card's own revisions are those that the next decision asks for.
    deciding.decide(
        settings,
        project,
        one,
        "edit",
        actor="ann",
        revision=after.columns[0].revision,
        value="put right",
    )
    (last,) = review.cards(settings, project, [question])
    assert last.columns[0].state.text == "put right"
    assert last.columns[0].rationale == "ada explains question 1. "


def test_what_is_missing_or_cut_off_is_said(settings: Settings, project: Project) -> None:
    store = connect(settings.database)
    question = board(settings, project).questions[0]
    rows = [row.id for row in board(settings, project).rows if row.question_id == question]
    store.execute("UPDATE rationales SET finish = 'truncated' WHERE id = ?", [rows[0]])
    store.execute("UPDATE rationales SET current = 0 WHERE id = ?", [rows[1]])
    (card,) = review.cards(settings, project, [question])
    cut_off, missing, whole = card.columns
    assert (cut_off.finish, cut_off.row, cut_off.rationale_id) == ("truncated", None, rows[0])
    assert (missing.finish, missing.row, missing.rationale_id) == (None, None, None)
    assert (whole.finish, whole.rationale_id) == ("complete", rows[2])
    assert missing.feedback == "blaise corrects question 1. "


def test_cards_of_what_is_no_mistake_are_left_out(settings: Settings, project: Project) -> None:
    questions = list(board(settings, project).questions)
    (card,) = review.cards(settings, project, questions[:1])
    deciding.override_grade(settings, project, card.answer.id, True, actor="ann")
    found = review.cards(settings, project, [*questions, questions[1], 12345])
    assert [one.answer.question_id for one in found] == questions[1:]
    assert [one.position for one in found] == [0, 1, 2, 3]
    assert review.cards(settings, project, []) == []


# ---- reviewers and reasons


def test_reviewers_are_judged_by_the_saved_threshold_and_decisions(
    settings: Settings, project: Project
) -> None:
    row = board(settings, project).rows[0]
    deciding.decide(settings, project, row.id, "reject", actor="ann", revision=0)
    found = review.reviewers(settings, project)
    assert [one.name for one in found.reviewers] == list(TEACHERS)
    assert found.threshold == 3.0
    carl = found.reviewers[2]
    # Of ada's first rationale, which was rejected, both reviewers thought highly.
    assert carl.human is not None
    assert (carl.human.value, carl.human.n, carl.human_accepted) == (0.0, 1, 0)
    assert found.reviewers[0].human is None


def test_reasons_are_ones_own_short_list(settings: Settings, project: Project) -> None:
    assert review.reasons(project) == list(review.REASONS)
    review.set_reasons(settings, project, [" too long ", "", "unclear", "unclear"])
    assert review.reasons(again(settings, project)) == ["too long", "unclear"]
    for wanted in (["x" * 61], [str(number) for number in range(13)]):
        with pytest.raises(BadInput, match="short list"):
            review.set_reasons(settings, project, wanted)
    review.set_reasons(settings, project, [])
    assert review.reasons(again(settings, project)) == list(review.REASONS)
