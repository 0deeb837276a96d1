"""Charts as SVG and HTML text: pure functions, theme-aware through CSS classes, safe to show.

The plot is an SVG that stretches to its box; labels are HTML beside it, so that they stay readable
on a narrow screen.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fair_app.report.markup import percent, text

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A named line. `band` is an interval around it: (x, low, high) at each of its points."""

    name: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Interval:
    """A row of an interval chart: an estimate in 0..1 between the ends of its interval."""

    name: str
    note: str
    value: float
    low: float
    high: float


def line_chart(
    lines: Sequence[Line],
    label: str,
    x_name: str,
    *,
    y_range: tuple[float, float] | None = None,
    show: Callable[[float], str] = lambda value: f"{value:.2f}",
    mark: float | None = None,
) -> str:
    """Draw lines over a common x axis with a legend of their last values; "" without a point.

    With `mark`, an x within the lines, a rule stands there and the legend has the values at it.
    """
    # A line keeps its colour where another has no point.
    drawn = [(place, line) for place, line in enumerate(lines) if line.points]
    if not drawn:
        return ""
    xs = [x for _, line in drawn for x, _ in line.points]
    ys = [y for _, line in drawn for _, y in line.points]
    left, right = min(xs), max(*xs, min(xs) + 1)
    low, high = y_range or _padded(min(ys), max(ys))

    def at(x: float, y: float) -> str:
        return f"{1000 * (x - left) / (right - left):.1f},{300 * (high - y) / (high - low):.1f}"

    levels = ticks(low, high, 4)
    shapes = [
        f'<polyline class="grid" points="{at(left, level)} {at(right, level)}"/>'
        for level in levels
    ]
    for place, line in drawn:
        if line.band:
            edge = [at(x, upper) for x, _, upper in line.band]
            edge += [at(x, lower) for x, lower, _ in reversed(line.band)]
            shapes.append(f'<polygon class="band line-{place}" points="{" ".join(edge)}"/>')
        path = " ".join(at(x, y) for x, y in line.points)
        shapes.append(f'<polyline class="line line-{place}" points="{path}"/>')
    if mark is not None:
        shapes.append(f'<polyline class="mark" points="{at(mark, low)} {at(mark, high)}"/>')
    marks = "".join(
        f'<span style="top:{100 * (high - level) / (high - low):.2f}%">{text(show(level))}</span>'
        for level in levels
    )
    legend = "".join(
        f'<li class="line-{place}"><i></i>{text(line.name)} '
        f"<b>{text(show(_value(line, mark)))}</b></li>"
        for place, line in drawn
    )
    return (
        f'<figure class="chart" role="img" aria-label="{text(label)}">'
        f'<ul class="legend">{legend}</ul>'
        f'<div class="plot"><div class="marks">{marks}</div>'
        '<svg viewBox="0 0 1000 300" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(shapes)}</svg></div>"
        f"<figcaption><span>{left:,.0f}</span><span>{text(x_name)}</span><span>{right:,.0f}</span>"
        "</figcaption></figure>"
    )


def interval_chart(rows: Sequence[Interval], label: str, between: str = "{low} to {high} %") -> str:
    """Draw estimates with their intervals on one axis from 0 to 100 %; "" without a row.

    `between` is how the ends of an interval are said.
    """
    if not rows:
        return ""
    body = "".join(
        f'<li><span class="name">{text(row.name)}<small>{text(row.note)}</small></span>'
        f'<span class="track"><i class="band" style="left:{100 * row.low:.2f}%;'
        f'width:{100 * (row.high - row.low):.2f}%"></i>'
        f'<i class="dot" style="left:{100 * row.value:.2f}%"></i></span>'
        f'<span class="value">{percent(row.value)}'
        f"<small>{text(between.format(low=f'{100 * row.low:.0f}', high=f'{100 * row.high:.0f}'))}"
        "</small></span></li>"
        for row in rows
    )
    return (
        f'<figure class="intervals" aria-label="{text(label)}"><ul>{body}</ul>'
        '<figcaption><span class="scale"><span>0 %</span><span>50 %</span><span>100 %</span></span>'
        "</figcaption></figure>"
    )


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers inside [low, high], roughly `about` of them."""
    rough = (high - low) / max(1, about)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most about `most` of the points, evenly chosen, the last among them."""
    step = max(1, -(-len(points) // most))
    return [*points[:-1:step], *points[-1:]]


def _value(line: Line, x: float | None) -> float:
    """The value of a line's last point, or of its last one up to x."""
    reached = [y for at, y in line.points if x is None or at <= x]
    return reached[-1] if reached else line.points[0][1]


def _padded(low: float, high: float) -> tuple[float, float]:
    # A line without ups and downs still needs a range to lie in.
    room = max((high - low) * 0.08, abs(high) * 0.01, 1e-6)
    return (max(0.0, low - room) if low >= 0 else low - room), high + room
