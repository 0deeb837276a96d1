"""An answer to an earlier visit must not replace what a later one shows."""

import gradio as gr

from pages.visits import REMEMBERED, Visits


def test_only_the_latest_visit_of_a_browser_page_is_shown() -> None:
    visits = Visits()
    mine, theirs = gr.Request(session_hash="mine"), gr.Request(session_hash="theirs")
    first = visits.begin(mine, "exam")
    other = visits.begin(theirs, "exam")
    assert first()
    second = visits.begin(mine, "exam")
    assert not first()
    assert second()
    assert other()


def test_forgotten_pages_take_what_comes() -> None:
    visits = Visits()
    first = visits.begin(gr.Request(session_hash="mine"), "exam")
    for number in range(REMEMBERED):
        visits.begin(gr.Request(session_hash=str(number)), "exam")
    assert first()


def test_who_goes_back_to_a_tab_stays_there_and_a_place_on_it_is_still_shown() -> None:
    visits, mine = Visits(), gr.Request(session_hash="mine")
    visits.stay(mine, "overview")
    place = visits.begin(mine, "evaluation")
    visits.stay(mine, "evaluation")  # by Gradio, behind the view that brought the tab
    assert place()
    visits.stay(mine, "overview")
    assert not place()
