"""Curation from the command line: rules, queues, reviewers, and what is typed."""

import getpass

import pytest

from db.store import connect
from fair_app.cli.curating_options import share, thresholds
from fair_app.cli.main import main
from fair_app.curation.acceptance import Rule
from fair_app.curation.queues import QUEUES
from fair_app.studio import review
from tests.browser.taught import TEACHERS
from tests.cli.lines import Line


def test_what_a_rule_gives_has_the_fields_that_scripts_rely_on(line: Line) -> None:
    found = line.ok("curate")
    assert found["threshold"] == 3.0
    assert (found["questions"], found["rationales"]) == (5, 15)
    assert (found["accepted"], found["questions_accepted"]) == (7, 5)
    assert list(found["per_teacher"]) == list(TEACHERS)
    assert found["per_teacher"]["ada"] == {"rationales": 5, "accepted": 4, "mean": 3.9}
    assert found["rule"] == {
        "threshold": 3.0,
        "per_teacher": {},
        "min_scores": 1,
        "answer_check": False,
        "adjusted": False,
    }
    assert found["flips"] == {"accepted": 0, "rejected": 0}
    for part in ("kept", "rejected"):
        right, graded = found[part]["right"], found[part]["graded"]
        low, high = found[part]["ci95"]
        assert found[part]["share"] == right / graded
        assert 0 <= low < right / graded <= high <= 1
    assert found["kept"]["graded"] + found["rejected"]["graded"] == 15
    assert found["kept"]["graded"] == found["accepted"]


def test_nothing_kept_has_no_share(line: Line) -> None:
    found = line.ok("curate", "--threshold", 5)
    assert found["accepted"] == 0
    assert found["kept"] == {"right": 0, "graded": 0, "share": None, "ci95": None}
    assert found["flips"] == {"accepted": 0, "rejected": 7}


def test_what_is_not_given_stays_as_it_was_saved(line: Line) -> None:
    line.ok("curate", "--per-teacher", "ada=4,carl=2.5", "--min-scores", 2, "--set")
    assert line.rule() == Rule(3.0, {"ada": 4.0, "carl": 2.5}, 2)
    line.ok("curate", "--answer-check", "--adjusted", "--threshold", 2, "--set")
    assert line.rule() == Rule(2.0, {"ada": 4.0, "carl": 2.5}, 2, True, True)
    line.ok("curate", "--no-answer-check", "--per-teacher", "ada=common,blaise=1", "--set")
    assert line.rule() == Rule(2.0, {"carl": 2.5, "blaise": 1.0}, 2, False, True)
    found = line.ok("curate", "--no-adjusted", "--threshold", 4)
    assert found["rule"]["per_teacher"] == {"carl": 2.5, "blaise": 1.0}
    assert line.rule().adjusted, "what is only looked at is not saved"


def test_flips_are_against_the_rule_that_was_saved_before(line: Line) -> None:
    found = line.ok("curate", "--threshold", 4, "--set")
    assert found["flips"]["rejected"] == 7 - found["accepted"] > 0
    assert line.ok("curate")["flips"] == {"accepted": 0, "rejected": 0}


def test_decisions_count_whatever_the_rule(line: Line) -> None:
    line.ok("decide", "accept", "--question", 2, "--teacher", "blaise")
    assert line.ok("curate", "--threshold", 5)["accepted"] == 1


def test_a_suggested_threshold_keeps_what_it_says(line: Line) -> None:
    found = line.ok("curate", "--suggest", 80)
    assert found["reached"] is True
    assert found["at_suggested"]["kept"]["share"] >= 0.8
    there = line.ok("curate", "--threshold", found["suggested"])
    assert {key: there[key] for key in found["at_suggested"]} == found["at_suggested"]
    assert found["threshold"] == 3.0
    assert line.ok("curate", "--suggest", "80%") == found
    # With the answer check all that is kept is right, so the lowest threshold keeps most.
    checked = line.ok("curate", "--suggest", 100, "--answer-check")
    assert (checked["reached"], checked["at_suggested"]["kept"]["share"]) == (True, 1.0)


@pytest.mark.parametrize("name", QUEUES)
def test_every_queue_is_listed(line: Line, name: str) -> None:
    found = line.ok("curate", "--queue", name)
    assert found["queue"] == name
    assert found["questions"] == len(found["items"])
    expected = review.queue(line.settings, line.project, name, getpass.getuser())
    assert [item["question_id"] for item in found["items"]] == [
        item.question_id for item in expected.items
    ]


def test_an_item_of_a_queue_names_all_that_deciding_asks_for(line: Line) -> None:
    line.ok("decide", "reject", "--question", 1, "--teacher", "carl", "--actor", "ann")
    first, second = line.ok("curate", "--queue", "disagree")["items"]
    assert (first["question"], second["question"]) == (4, 1)
    assert first["text"].startswith("What is 4 + 4?")
    assert (first["decided"], second["decided"]) == (False, True)
    (one,) = second["rationales"]
    assert one == {
        "id": one["id"],
        "teacher": "carl",
        "finish": "complete",
        "mean": 3.0,
        "adjusted": one["adjusted"],
        "scores": {"ada": 4, "blaise": 2},
        "right": True,
        "accepted": False,
        "by": "person",
        "edited": False,
        "favourite": False,
        "comments": 0,
        "revision": 1,
    }
    by_id = line.ok("decide", "accept", "--rationale", one["id"], "--revision", one["revision"])
    assert (by_id["question"], by_id["rationale"]["teacher"]) == (1, "carl")


def test_a_queue_is_searched_and_cut(line: Line) -> None:
    assert line.ok("curate", "--queue", "all", "--search", "absent")["items"] == []
    found = line.ok("curate", "--queue", "all", "--search", '"question 3"')
    assert [item["question"] for item in found["items"]] == [3]
    cut = line.ok("curate", "--queue", "all", "--limit", 2)
    assert (cut["questions"], [item["question"] for item in cut["items"]]) == (5, [1, 2])


def test_a_queue_may_go_by_a_rule_that_is_not_saved(line: Line) -> None:
    assert line.ok("curate", "--queue", "wrong-high")["questions"] > 0
    assert line.ok("curate", "--queue", "wrong-high", "--answer-check")["items"] == []
    assert line.rule() == Rule()


def test_ones_own_queue_is_that_of_the_actor(line: Line) -> None:
    line.ok("decide", "accept", "--question", 1, "--teacher", "ada", "--actor", "ann")
    assert line.ok("curate", "--queue", "mine", "--actor", "ann")["questions"] == 1
    assert line.ok("curate", "--queue", "mine", "--actor", "bob")["questions"] == 0


def test_a_rationale_that_is_not_complete_is_shown_without_a_verdict(line: Line) -> None:
    store = connect(line.settings.database)
    store.execute("UPDATE rationales SET finish = 'truncated' WHERE id = 1")
    (item,) = line.ok("curate", "--queue", "incomplete")["items"]
    (one,) = item["rationales"]
    assert (one["finish"], one["accepted"], one["by"], one["mean"]) == (
        "truncated",
        None,
        None,
        None,
    )
    assert "not complete (truncated)" in line.bad("decide", "accept", "--rationale", 1)
    line.ok("decide", "comment", "--rationale", 1, "--text", "ask again")
    assert line.ok("curate", "--queue", "commented")["questions"] == 1
    preview = line.ok("decide", "accept", "--queue", "commented", "--yes")
    assert (preview["rationales"], preview["changes"], preview["decided"]) == (1, 0, 0)


def test_reviewers_are_told_in_figures_and_in_words(line: Line) -> None:
    found = line.ok("curate", "--reviewers")
    assert [one["name"] for one in found["reviewers"]] == list(TEACHERS)
    for one in found["reviewers"]:
        assert one["name"] in one["sentence"]
        assert set(one) >= {"n", "mean", "spread", "leniency", "auc", "human"}
    assert found["threshold"] == 3.0
    assert set(found["matrix"]["ada"]) == {"blaise", "carl"}
    assert found["matrix"]["ada"]["blaise"]["n"] == 4
    assert [pair["reviewers"] for pair in found["pairs"]] == [
        ["ada", "blaise"],
        ["ada", "carl"],
        ["blaise", "carl"],
    ]
    assert found["alpha"]["n"] > 0
    assert line.ok("curate", "--reviewers", "--threshold", 4)["threshold"] == 4.0


def test_a_person_can_read_it_too(line: Line) -> None:
    where = ["--home", str(line.settings.home), "--project", line.project.name]
    for words in (["curate"], ["curate", "--queue", "disagree"], ["curate", "--reviewers"]):
        assert main([*words, *where]) == 0
        out = line.capsys.readouterr().out
        assert "ada" in out
        assert "{" not in out


# ---- what is typed


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("gpt=3.5,mistral=4", {"gpt": 3.5, "mistral": 4.0}),
        (" gpt = 3 ", {"gpt": 3.0}),
        ("gpt=common", {"gpt": None}),
    ],
)
def test_thresholds_by_teacher(words: str, found: dict[str, float | None]) -> None:
    assert thresholds(words) == found


@pytest.mark.parametrize(
    ("words", "found"), [("95", 0.95), ("95%", 0.95), ("99.9", 0.999), ("55", 0.55), ("7", 0.07)]
)
def test_a_percentage_is_the_nearest_share(words: str, found: float) -> None:
    assert share(words) == found
