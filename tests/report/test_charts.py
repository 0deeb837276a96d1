"""Charts: what is drawn lies inside the plot, and names cannot break out of the markup."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.report.charts import Interval, Line, interval_chart, line_chart, thinned, ticks

VALUES = st.floats(-1e6, 1e6, allow_nan=False)


def coordinates(markup: str) -> list[tuple[float, float]]:
    pairs = " ".join(re.findall(r'points="([^"]*)"', markup)).split()
    return [tuple(map(float, pair.split(","))) for pair in pairs]


@given(st.lists(st.tuples(st.integers(0, 10_000), VALUES), min_size=1, max_size=40))
def test_a_line_stays_inside_its_plot(points):
    markup = line_chart([Line("loss", sorted(points))], "losses", "steps")
    ElementTree.fromstring(markup)  # well-formed
    for x, y in coordinates(markup):
        assert -0.2 <= x <= 1000.2
        assert -0.2 <= y <= 300.2


def test_the_first_point_is_left_and_the_highest_value_at_the_top():
    markup = line_chart([Line("a", [(10, 0.0), (20, 1.0)])], "", "", y_range=(0.0, 1.0))
    drawn = re.search(r'class="line line-0" points="([^"]*)"', markup)
    assert drawn and drawn[1] == "0.0,300.0 1000.0,0.0"


def test_a_band_goes_up_one_side_and_back_on_the_other():
    line = Line("a", [(0, 0.5), (1, 0.5)], [(0, 0.25, 0.75), (1, 0.5, 0.5)])
    markup = line_chart([line], "", "", y_range=(0.0, 1.0))
    drawn = re.search(r'class="band line-0" points="([^"]*)"', markup)
    assert drawn and drawn[1] == "0.0,75.0 1000.0,150.0 1000.0,150.0 0.0,225.0"


def test_a_mark_is_a_rule_and_the_legend_has_the_values_at_it():
    lines = [Line("a", [(0, 0.25), (1, 0.5), (2, 0.75)]), Line("late", [(2, 1.0)])]
    markup = line_chart(lines, "", "", y_range=(0.0, 1.0), mark=1)
    drawn = re.search(r'class="mark" points="([^"]*)"', markup)
    assert drawn and drawn[1] == "500.0,300.0 500.0,0.0"
    assert re.findall(r"<b>([^<]*)</b>", markup) == ["0.50", "1.00"]


def test_nothing_is_drawn_of_nothing():
    assert line_chart([Line("a", [])], "", "") == ""
    assert interval_chart([], "") == ""


def test_names_are_text():
    name = "<img src=x onerror=alert(1)>${1}`{{value}}\\"
    for markup in (
        line_chart([Line(name, [(0, 1)])], name, name),
        interval_chart([Interval(name, name, 0.5, 0.4, 0.6)], name),
    ):
        assert "<img" not in markup
        assert not set("$`{}\\") & set(markup)
        assert ElementTree.fromstring(markup).attrib["aria-label"] == name


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.5, 1]),
        (0, 10, [0, 5, 10]),
        (0.21, 1.7, [0.5, 1.0, 1.5]),
        (-3, 3, [-2, 0, 2]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high, 4) == expected


@given(st.lists(st.tuples(st.integers(), VALUES), max_size=300), st.integers(1, 50))
def test_thinning_keeps_the_last_point_and_the_order(points, most):
    kept = thinned(points, most)
    assert len(kept) <= most + 1
    assert kept[-1:] == points[-1:]
    places = iter(points)
    assert all(point in places for point in kept)
