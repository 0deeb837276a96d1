"""Evaluation: students on held-out questions, and what can be learned from their answers."""

import re

from fair_app.settings import Settings
from pages.components.page import Page, Place
from pages.components.painted import page_head
from pages.components.subpages import composed
from pages.evaluation import ablations, compare, matrix, rounds, tests, try_it

SUBPAGES = (
    tests,
    compare,
    matrix,
    ablations,
    rounds,
    try_it,
)
EVALUATIONS = re.compile(r"\d{1,9}(-\d{1,9})+")


def build(settings: Settings, place: Place) -> Page:
    """Lay out the page: a heading, and a link to each sub-page."""
    page_head(
        "Evaluation",
        "Test students on questions that none of them has seen, and see what they have learned.",
    )
    return composed("evaluation", "Evaluation", SUBPAGES, settings, place, home=home)


def home(item: str) -> str:
    """Where an address without a sub-page leads: `12-15` to a comparison, a student to a test."""
    return "compare" if EVALUATIONS.fullmatch(item) else "tests"
