"""An answer to an earlier visit must not replace what a later one shows."""

import gradio as gr

from pages.visits import REMEMBERED, Visits


def test_only_the_latest_visit_of_a_browser_page_is_shown() -> None:
    visits = Visits()
    mine, theirs = gr.Request(session_hash="mine"), gr.Request(session_hash="theirs")
    first = visits.begin(mine)
    other = visits.begin(theirs)
    assert first()
    second = visits.begin(mine)
    assert not first()
    assert second()
    assert other()


def test_forgotten_pages_take_what_comes() -> None:
    visits = Visits()
    first = visits.begin(gr.Request(session_hash="mine"))
    for number in range(REMEMBERED):
        visits.begin(gr.Request(session_hash=str(number)))
    assert first()
