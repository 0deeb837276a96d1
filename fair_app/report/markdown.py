"""A report as Markdown: the same sections, figures as tables."""

import re
from collections.abc import Iterable, Iterator, Sequence

from fair_app.report.content import Curves, Estimates, Example, Report, Section
from fair_app.report.markup import percent

POINTS = 8
"""Points of a curve that its table has at most."""
SPECIAL = re.compile(r"[\\`*_\[\]<>|~&$]")
"""What Markdown, and HTML in it, reads as more than text, wherever it stands."""
OPENING = re.compile(r"^(\d+)?([-+=#.)])")
"""What makes a paragraph that begins with it a list, a heading or a rule."""
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def as_markdown(report: Report) -> str:
    """The report as a document (CommonMark with tables). No text of it is read as markup."""
    parts = [
        f"# {line(report.title)}",
        f"{paragraph(report.about)}\n\n{paragraph(report.made)}",
        *map(paragraph, report.lead),
        *(part for section in report.sections for part in _section(section)),
    ]
    return "\n\n".join(parts) + "\n"


def line(text: str) -> str:
    """A text on one line, in which nothing is markup."""
    return SPECIAL.sub(
        lambda found: ENTITIES.get(found[0], f"\\{found[0]}"), " ".join(text.split())
    )


def paragraph(text: str) -> str:
    """A text as a paragraph, and nothing else, of one line."""
    return OPENING.sub(r"\1\\\2", line(text))


def fenced(text: str) -> str:
    """A text word for word, in a fence that is longer than any row of backticks in it."""
    longest = max((len(row) for row in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _section(section: Section) -> Iterator[str]:
    yield f"## {line(section.title)}"
    yield from map(paragraph, section.sentences)
    if section.facts:
        yield _table(["", ""], section.facts)
    for estimates in section.estimates:
        yield f"### {line(estimates.title)}"
        yield _estimates(estimates)
    for curves in section.curves:
        yield f"### {line(curves.title)}"
        yield _curves(curves)
    for table in section.tables:
        if table.title:
            yield f"### {line(table.title)}"
        yield _table(table.columns, table.rows, table.numbers)
    for example in section.examples:
        yield from _example(example)
    if section.commands:
        yield fenced("\n".join(section.commands))
    yield from map(paragraph, section.notes)


def _estimates(figure: Estimates) -> str:
    rows = [
        (row.name, row.note, percent(row.value), f"{percent(row.low)} to {percent(row.high)}")
        for row in figure.rows
    ]
    return _table(["", "", "", "95 % interval"], rows, {2, 3})


def _curves(figure: Curves) -> str:
    """A column for some of the points; blank where a line has none there."""
    drawn = [(one.name, dict(one.points)) for one in figure.lines if one.points]
    xs = sorted({x for _, points in drawn for x in points})
    step = max(1, -(-len(xs) // POINTS))
    shown = sorted({*xs[:-1:step], *xs[-1:], *(x for x in xs if x == figure.mark)})
    show = percent if figure.shares else "{:.4g}".format
    rows = [(name, *(show(at[x]) if x in at else "" for x in shown)) for name, at in drawn]
    columns = [figure.x_name, *(f"{x:g}" for x in shown)]
    return _table(columns, rows, range(1, len(columns)))


def _example(example: Example) -> Iterator[str]:
    yield f"### {line(example.mark)}: {line(example.title)}"
    for name, text in example.texts:
        yield f"**{line(name) or '–'}**"
        yield fenced(text)


def _table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Iterable[int] = (),
) -> str:
    right = set(numbers)
    head = f"| {' | '.join(map(line, columns))} |"
    rule = f"| {' | '.join('---:' if place in right else '---' for place in range(len(columns)))} |"
    body = [f"| {' | '.join(map(line, row))} |" for row in rows]
    return "\n".join([head, rule, *body])
