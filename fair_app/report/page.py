"""A report as one HTML file: no script, and nothing is asked of any other place."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from fair_app.report.charts import interval_chart, line_chart
from fair_app.report.content import Curves, Estimates, Report
from fair_app.report.markup import percent


def as_page(report: Report) -> str:
    """The report as a whole document. Every text of it is painted as text."""
    return _template().render(report=report, estimates=_estimates, curves=_curves)


@cache
def _template() -> Template:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("report.html")


def _estimates(figure: Estimates) -> str:
    return interval_chart(figure.rows, figure.title)


def _curves(figure: Curves) -> str:
    drawn = (figure.lines, figure.title, figure.x_name)
    if figure.shares:
        return line_chart(*drawn, y_range=(0.0, 1.0), show=percent, mark=figure.mark)
    return line_chart(*drawn, mark=figure.mark)
