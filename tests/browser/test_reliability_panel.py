"""The reviewers' panel in a real Chromium: it fits the screen, and no name in it runs."""

from pathlib import Path
from typing import Any

import pytest

from fair_app.curation.reliability import Scored, reliability
from pages.components.reliability import CSS, reliability_panel

pytestmark = pytest.mark.browser

PAGES = Path(__file__).resolve().parents[2] / "pages"
NAMES = (
    "a-teacher-with-a-very-long-name-that-somebody-typed",
    "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>${window.hacked=1}",
    *(f"teacher {number}" for number in range(6)),
)


def panel() -> str:
    """Eight reviewers of one another, some decisions, as HTML."""
    rationales = [
        Scored(
            author,
            {
                name: 1 + (number * (place % 4 + 1) + place) % 5
                for place, name in enumerate(NAMES)
                if name != author
            },
            number % 3 > 0,
            number % 2 > 0 if number < 12 else None,
        )
        for number in range(60)
        for author in NAMES
    ]
    return reliability_panel(reliability(rationales, teachers=NAMES))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["", "dark"])
def test_the_panel_fits_and_its_tables_scroll_inside(
    page: Any, watched: Any, width: int, theme: str
) -> None:
    styles = "".join((PAGES / name).read_text("utf-8") for name in ("style.css", "committee.css"))
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(
        f'<html class="{theme}"><style>{styles}{CSS}</style><body>'
        f'<div class="gradio-container"><main>{panel()}</main></div></body></html>'
    )
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    boxes = page.locator(".reliability .table").evaluate_all(
        "boxes => boxes.map((box) => [box.clientWidth, box.scrollWidth,"
        " getComputedStyle(box).overflowX])"
    )
    assert len(boxes) == 3
    assert all(inside <= width and how == "auto" for inside, _, how in boxes)
    if width == 390:
        assert all(whole > inside for inside, whole, _ in boxes)
    # Each dot lies on its track, within the band of its interval.
    dots = page.locator(".reliability .track").evaluate_all(
        """tracks => tracks.map((track) => {
          const [band, dot] = ['.band', '.dot'].map((one) =>
            track.querySelector(one).getBoundingClientRect());
          const middle = dot.left + dot.width / 2, of = track.getBoundingClientRect();
          return band.width > 1 && band.left <= middle && middle <= band.right
            && of.left - 1 <= band.left && band.right <= of.right + 1;
        })"""
    )
    assert dots == [True] * 16
    shown = page.locator(".reliability .sentences li").all_inner_texts()
    assert [line.startswith(name) for line, name in zip(shown, NAMES, strict=True)] == [True] * 8
    assert page.locator(".reliability :is(img, script)").count() == 0
    assert page.evaluate("window.hacked") is None
    assert not watched.errors
    assert not watched.foreign
