"""Text in markup: no character of a model's answer is ever read as markup or code."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from pages.components.answers import highlighted
from pages.components.markup import ago, count, duration, percent, text
from pages.components.notice import empty, go_button, notice, spoken


class Reader(HTMLParser):
    """The tags and the text that a browser would see."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.words = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words += data


ANY = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]))


@given(ANY)
def test_text_is_read_back_as_it_was_and_has_no_template_characters(value):
    markup = text(value)
    assert not set("<>\"'$\\`{}") & set(markup)
    assert Reader(markup).words == value


@given(ANY, st.integers(0, 50), st.integers(0, 50))
def test_a_highlight_marks_the_span_and_changes_nothing(value, one, other):
    start, end = sorted((min(one, len(value)), min(other, len(value))))
    read = Reader(highlighted(value, start, end))
    assert read.words == value
    assert read.tags == ["mark"]


def test_without_a_span_nothing_is_marked():
    assert highlighted("a < b", None, None) == "a &lt; b"


def test_notices_and_buttons_hold_text():
    hostile = '"><script>alert(1)</script>'
    for markup in (notice(hostile), empty(hostile, hostile, hostile, hostile)):
        assert "script" not in Reader(markup).tags
    assert Reader(go_button("exam", hostile, item=hostile)).tags == ["button"]


def test_spoken_handlers_say_bad_input_and_change_nothing(monkeypatch):
    said = []
    monkeypatch.setattr("gradio.Warning", lambda message, **how: said.append(message))

    @spoken
    def handler(name: str) -> str:
        if name == "bad":
            raise BadInput("There is no <b>: choose another.")
        return name

    assert handler("good") == "good"
    assert handler("bad") == {"__type__": "update"}
    assert said == ["There is no &lt;b&gt;: choose another."]


def test_spoken_handlers_log_any_other_fault_and_say_that_there_was_one(monkeypatch, caplog):
    said = []
    monkeypatch.setattr("gradio.Warning", lambda message, **how: said.append(message))

    @spoken
    def handler() -> str:
        raise KeyError("secret detail")

    assert handler() == {"__type__": "update"}
    assert len(said) == 1
    assert "secret detail" not in said[0]
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59, "59 s"), (125, "2 min 5 s"), (3080, "51 min"), (4800, "1 h 20 min")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(2, "just now"), (61, "1 min ago"), (7300, "2 hours ago"), (90_000, "1 day ago")],
)
def test_moments(seconds, words):
    assert ago(time.time() - seconds) == words


def test_numbers():
    assert percent(0.41666) == "41.7 %"
    assert count(1, "question") == "1 question"
    assert count(1161, "rationale") == "1,161 rationales"
