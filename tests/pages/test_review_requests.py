"""What the review room makes of a request: nonsense, places in the address, what is asked again."""

import json
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import store
from fair_app.curation.queues import QUEUES
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.board import board, decision_log
from fair_app.studio.deleting import delete
from fair_app.studio.projects import Project, create_project, open_project
from pages.components.review_answers import Gone, answered, opened, project_of
from pages.components.review_requests import Asked, address, place_of, read, since_of
from tests.browser.taught import taught

ACTOR = "ada lovelace"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


def actions(settings: Settings, project: Project) -> list[str]:
    return [one.action for one in decision_log(settings, project)]


def first(settings: Settings, project: Project) -> dict[str, Any]:
    """The first card as the browser has it."""
    question = board(settings, project).questions[0]
    value, _ = answered(settings, project, ACTOR, Asked("move", question=question))
    card: dict[str, Any] = value["card"]
    return card


@given(
    st.integers(0, 10**15),
    st.sampled_from(sorted(QUEUES)),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
def test_an_address_leads_back(question: int, queue: str, search: str) -> None:
    found = place_of(address(queue, search, question))
    assert found == (str(question) if question else "", queue, search)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
    | st.fixed_dictionaries(
        {"action": st.just("accept")},
        optional={
            "question": st.integers() | st.none() | st.text(),
            "near": st.lists(st.integers() | st.text()),
            "value": st.text(st.characters()) | st.integers(),
            "again": st.booleans() | st.integers(),
        },
    )
)
def test_whatever_a_page_sends_is_read_or_refused(data: Any) -> None:
    try:
        asked = read(data)
    except BadInput:
        return
    assert asked.action == data["action"].encode("utf-8", "replace").decode()
    asked.value.encode()
    assert abs(asked.question) < 2**53
    assert all(type(one) is int for one in asked.near)


@pytest.mark.parametrize("action", ["accept", "reject", "edit", "favourite", "comment"])
def test_what_is_asked_again_is_done_once(
    settings: Settings, project: Project, action: str
) -> None:
    card = first(settings, project)
    column = card["columns"][1]
    asked = Asked(
        action,
        question=card["question_id"],
        rationale=column["id"],
        revision=card["revision"] if action == "favourite" else column["revision"],
        value="words" if action in ("edit", "comment") else "",
    )
    answered(settings, project, ACTOR, asked)
    once = actions(settings, project)
    again = Asked(**{**vars(asked), "again": True})
    value, _ = answered(settings, project, ACTOR, again)
    assert actions(settings, project) == once
    assert value["notice"] is None
    # Asked again without having been done the first time, it is done now.
    answered(settings, project, "somebody else", again)
    if action == "comment":
        assert actions(settings, project) == [*once, "comment"]
    else:
        assert actions(settings, project) == once


def test_an_undo_asked_again_undoes_nothing_more(settings: Settings, project: Project) -> None:
    card = first(settings, project)
    for column in card["columns"]:
        question, revision = card["question_id"], column["revision"]
        asked = Asked("accept", question=question, rationale=column["id"], revision=revision)
        value, _ = answered(settings, project, ACTOR, asked)
    undo = Asked("undo", question=card["question_id"], after=value["latest"])
    answered(settings, project, ACTOR, undo)
    answered(settings, project, ACTOR, Asked(**{**vars(undo), "again": True}))
    assert actions(settings, project) == ["accept", "accept", "accept", "undo"]


def test_all_of_a_queue_asked_again_is_decided_once(settings: Settings, project: Project) -> None:
    value, _ = answered(settings, project, ACTOR, Asked("preview"))
    mark = value["preview"]["mark"]
    asked = Asked("decide-all", verb="reject", mark=mark)
    value, _ = answered(settings, project, ACTOR, asked)
    assert value["notice"]["text"] == "15 rationales on 5 questions rejected."
    value, _ = answered(settings, project, ACTOR, Asked(**{**vars(asked), "again": True}))
    assert value["notice"] is None
    assert actions(settings, project) == ["reject"] * 15
    for verb in ("reset", "", "edit"):
        value, _ = answered(settings, project, ACTOR, Asked("decide-all", verb=verb, mark=mark))
        assert value["notice"]["kind"] == "warning"


def test_an_unknown_action_is_said(settings: Settings, project: Project) -> None:
    value, _ = answered(settings, project, ACTOR, Asked("drop table"))
    assert "There is nothing like 'drop table' to do here" in value["notice"]["text"]


def test_a_card_that_is_no_mistake_any_more_gives_way(settings: Settings, project: Project) -> None:
    ids = list(board(settings, project).questions)
    card = first(settings, project)
    grade = Asked("grade", question=ids[0], answer=card["answer_id"], beside=ids[1])
    value, place = answered(settings, project, ACTOR, grade)
    assert (value["card"]["question_id"], place) == (ids[1], str(ids[1]))
    assert value["queue"]["ids"] == ",".join(map(str, ids[1:]))
    assert value["board"] and value["jump"] and value["notice"]["undo"]
    project = open_project(settings, project.name)
    value, _ = answered(settings, project, ACTOR, Asked("move", question=ids[0], beside=ids[2]))
    assert value["card"]["question_id"] == ids[2]
    assert value["notice"]["text"] == "That question is no mistake any more."


def test_another_project_that_got_the_name_and_the_ids_hears_nothing_of_the_first(
    settings: Settings, project: Project
) -> None:
    value, _ = opened(settings, project, ACTOR, "", "")
    shown = json.loads(json.dumps(value))  # as it comes back from a browser
    about = {"project": project.name, "since": shown["since"], "action": "accept"}
    assert project_of(settings, project.name, read(about)) == project
    delete(settings, project.name, project.name, "olga")
    with pytest.raises(Gone, match="is no more, so nothing was done: reload the page"):
        project_of(settings, project.name, read(about))
    again = create_project(settings, project.name, "arithmetic", "smollm2-135m")
    assert (again.id, again.name) == (project.id, project.name)
    for stale in (about, {**about, "since": ""}, {**about, "action": "undo"}):
        with pytest.raises(Gone):
            project_of(settings, project.name, read(stale))
    assert project_of(settings, again.name, read({**about, "since": since_of(again)})) == again


def test_it_opens_where_the_address_says_else_where_one_was(
    settings: Settings, project: Project
) -> None:
    ids = list(board(settings, project).questions)
    value, place = opened(settings, project, ACTOR, f"{ids[2]}.disagree", "")
    assert value["card"]["question_id"] == ids[2]
    assert value["queue"]["name"] == "disagree"
    assert place == f"{ids[2]}.disagree"
    value, place = opened(settings, project, ACTOR, "", f"{ids[3]}.all.explains")
    assert (value["card"]["question_id"], place) == (ids[3], f"{ids[3]}.all.explains")
    value, place = opened(settings, project, ACTOR, ".commented", "")
    assert (value["card"], place) == (None, ".commented")
    value, place = opened(settings, project, ACTOR, "9" * 400, "")
    assert value["card"]["question_id"] == ids[0]
    assert value["notice"]["kind"] == "warning"


def test_a_store_that_nobody_can_write_to_keeps_all_waiting_at_the_same_time(
    settings: Settings, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT_S", 3)
    card = first(settings, project)
    other = sqlite3.connect(settings.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def decide(person: str, column: int) -> Future[Any]:
        one = card["columns"][column]
        asked = Asked("reject", question=card["question_id"], rationale=one["id"])
        return people.submit(answered, settings, project, ACTOR, asked, person)

    with ThreadPoolExecutor() as people:
        others = [decide(f"person {column}", column) for column in range(3)]
        done, late = wait(others, timeout=5)
    other.close()
    assert not late
    for one in done:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            one.result()
