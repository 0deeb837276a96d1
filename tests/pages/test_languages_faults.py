"""Whole sentences from below the pages: they are known by their form, in every language."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.access.roles import Role, Visitor
from fair_app.errors import BadInput
from pages.access import refusal
from pages.languages import LANGUAGES, counted, said_of, speaking
from pages.languages.catalogue import LONGEST_FAULT, Catalogue, Form
from tests.pages import said_texts

GERMAN = LANGUAGES["de"]
NAME = re.compile(r"\{\w+\}")
TWO = "{path}, line {number}, has {our_fault}."
NESTED = Catalogue(
    "de",
    "Deutsch",
    {"no words": "keine Wörter"},
    {"{n} step": ("{n} Schritt", "{n} Schritte")},
    lambda n: int(n != 1),
    {
        TWO: "{path}, Zeile {number}: {our_fault}.",
        "{our_one}: {our_other}": "{our_one}: {our_other}",
    },
)


def test_every_fault_that_a_page_may_say_is_in_the_catalogue() -> None:
    known = {NAME.sub("{}", one) for one in GERMAN.faults} | GERMAN.texts.keys()
    said = said_texts.faults_on_pages()
    assert len(said) > 300
    assert {form: where for form, where in said.items() if form not in known} == {}


def test_no_form_is_left_that_nothing_says() -> None:
    forms = said_texts.fault_forms()
    assert [one for one in GERMAN.faults if NAME.sub("{}", one) not in forms] == []


def test_each_sentence_is_taken_for_its_own_form() -> None:
    """And for none that says less, of which it may be one as well."""
    wrong = {
        english: GERMAN.fault(NAME.sub("zz9", english))
        for english, said in GERMAN.faults.items()
        if GERMAN.fault(NAME.sub("zz9", english)) != NAME.sub("zz9", said)
    }
    assert wrong == {}


def test_a_fault_is_said_with_its_values() -> None:
    said = GERMAN.fault("There is a project 'a {name} b' already: choose another name.")
    assert said == "Es gibt schon ein Projekt „a {name} b“: Wählen Sie einen anderen Namen."
    assert GERMAN.fault("Write a question first.") == "Schreiben Sie zuerst eine Frage."
    assert GERMAN.fault("No such sentence: it stays.") == "No such sentence: it stays."
    with speaking("de"):
        assert said_of(BadInput("Write a question first.")).startswith("Schreiben")
        assert counted("1 step") == "1 Schritt"
        assert counted("1,200 tokens") == "1,200 Tokens"
        assert counted("2 unheard of") == "2 unheard of"
        assert (said_of("12 kept"), said_of("256 tokens")) == ("12 behalten", "256 Tokens")
    assert counted("2 steps") == "2 steps"


def test_a_sentence_in_another_is_said_too() -> None:
    assert NESTED.fault("a.csv, line 3, has no words.") == "a.csv, Zeile 3: keine Wörter."
    assert NESTED.fault("x: a.csv, line 3, has 2 steps.") == "x: a.csv, Zeile 3: 2 Schritte."
    assert NESTED.fault("a.csv, line 3, has no words") == "a.csv, line 3, has no words"
    # What a person named is no sentence of ours.
    assert NESTED.fault("no words, line 3, has x.") == "no words, Zeile 3: x."
    job = "train abl-alpha-0: loading the student, 3 of 10"
    assert GERMAN.fault(job) == "Training von abl-alpha-0: lädt das Student-Modell, 3 von 10"
    row = "a.csv, line 3: column 'answer' should be a number, not 'x'."
    assert GERMAN.fault(row) == "a.csv, Zeile 3: Spalte „answer“ muss eine Zahl sein, nicht „x“."


WORDS = st.text("abc ", min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=2, max_size=5), st.data())
def test_what_is_found_in_a_form_gives_the_sentence_again(
    words: list[str], data: st.DataObject
) -> None:
    names = tuple(f"v{at}" for at in range(len(words) - 1))
    form = Form(tuple(words), names, "")
    values = [data.draw(st.text("abc ", max_size=6)) for _ in names]
    sentence = words[0] + "".join(map("".join, zip(values, words[1:], strict=True)))
    found = form.values(sentence)
    assert found is not None
    again = [found[name] for name in names]
    assert words[0] + "".join(map("".join, zip(again, words[1:], strict=True))) == sentence


@given(st.text(max_size=60))
def test_any_text_is_said_somehow(english: str) -> None:
    assert isinstance(GERMAN.fault(english), str)


@pytest.mark.parametrize("piece", [": ", ", line ", "a: b, line 1, has ", " of ", "There is no "])
def test_a_hostile_sentence_takes_no_time(piece: str) -> None:
    english = (piece * LONGEST_FAULT)[:LONGEST_FAULT]
    began = time.perf_counter()
    GERMAN.fault(english)
    GERMAN.fault(english * 50)
    assert time.perf_counter() - began < 1.0


def test_who_may_not_is_told_so_in_their_language() -> None:
    nobody = Visitor(None, Role.NOBODY)
    viewer = Visitor("vera", Role.VIEWER)
    guest = Visitor(None, Role.VIEWER, project="demo")
    with speaking("de"):
        assert refusal(nobody, Role.VIEWER).startswith("Sie sind nicht angemeldet")
        assert refusal(guest, Role.OWNER) == (
            "Mit diesem Link sehen Sie demo an: Ändern lässt sich damit nichts."
        )
        assert "„curator“ und „owner“" in refusal(viewer, Role.CURATOR)
        assert "Rolle ist „viewer“" in refusal(viewer, Role.OWNER)
    assert refusal(viewer, Role.OWNER).startswith("Only an owner may do this")
