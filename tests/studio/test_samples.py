"""The samples of a vote as a page gets them and shows them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import exams
from db.exams import SampleRow
from db.store import connect
from fair_app.settings import Settings
from fair_app.student.voting import ballots, vote
from fair_app.studio.exams import Voted, samples_of
from fair_app.studio.projects import Project
from pages.components.exam_samples import samples_block
from tests.building import project_with_mistakes

HOSTILE = "${window.hacked=1} {{value}} `\\frac{1}{2}` <img src=x onerror='window.hacked=1'>"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def sampled(settings: Settings, project: Project, predictions: list[str]) -> int:
    """Give the project's first answer these samples; return its id."""
    store = connect(settings.database)
    answer = exams.answers(store, project.exam_id or 0, limit=1)[0]
    for number, prediction in enumerate(predictions):
        text = f"Sample {number} says {prediction}."
        exams.add_sample(store, SampleRow(answer.id, number, text, prediction, 7, number == 2))
    return answer.id


def test_samples_come_with_their_votes_the_most_first(settings: Settings) -> None:
    project = project_with_mistakes(settings)
    answer = sampled(settings, project, ["14", "12", "", "12", "13"])
    found = samples_of(settings, project, answer)
    assert found is not None
    assert [one.prediction for one in found.samples] == ["14", "12", "", "12", "13"]
    assert found.chosen == 1
    assert found.votes == [("12", 2), ("14", 1), ("", 1), ("13", 1)]


def test_an_answer_without_samples_or_of_another_project_has_none(settings: Settings) -> None:
    project = project_with_mistakes(settings)
    other = project_with_mistakes(settings, name="other")
    answer = sampled(settings, project, ["1", "2"])
    assert samples_of(settings, other, answer) is None
    assert samples_of(settings, project, answer + 1) is None
    assert samples_of(settings, project, 10**6) is None


def test_texts_that_count_as_the_same_are_one_vote() -> None:
    predictions = ["Rome", "the Paris", "Paris!", "paris"]
    assert len(set(ballots(predictions, "exact"))) == 2
    assert ballots(predictions, "choice") == predictions
    assert vote(ballots(predictions, "exact")).sample == 1


@given(st.lists(st.sampled_from(["", "1", "2", HOSTILE]), min_size=1, max_size=6))
def test_every_sample_is_shown_as_text_and_one_stands_for_the_vote(predictions: list[str]) -> None:
    samples = [
        SampleRow(3, number, HOSTILE + prediction, prediction, 1, False)
        for number, prediction in enumerate(predictions)
    ]
    votes = [(one, predictions.count(one)) for one in dict.fromkeys(predictions)]
    shown = samples_block(3, Voted(samples, vote(predictions).sample, votes))
    assert shown.count("<pre") == len(predictions)
    assert shown.count("stands for the vote") == 1
    assert not set("$`{}\\") & set(shown)
    assert "<img" not in shown
    assert "data-fetch" not in shown


def test_without_its_samples_it_asks_for_them() -> None:
    assert 'data-fetch="7"' in samples_block(7, None)
    assert "<pre" not in samples_block(7, None)
