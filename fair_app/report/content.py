"""What a report says, as plain values: sections of sentences, facts, tables, figures and texts.

Every text is raw, as a model or a person wrote it: to write it safely is for `page` and `markdown`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fair_app.report.charts import Interval, Line

Fact = tuple[str, str]
"""A name and its value."""


@dataclass(frozen=True)
class Table:
    """Rows of cells under their columns. Cells of the columns in `numbers` are read as numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Curves:
    """Lines over a common x axis. `shares`: the values are shares, shown as percentages.

    `mark` is the x that counts now.
    """

    title: str
    x_name: str
    lines: Sequence[Line]
    shares: bool = False
    mark: float | None = None


@dataclass(frozen=True)
class Estimates:
    """Shares with their 95 % intervals, one below the other."""

    title: str
    rows: Sequence[Interval]


@dataclass(frozen=True)
class Example:
    """Texts that belong together, each with its name; `mark` is one word that sums them up."""

    title: str
    mark: str
    texts: Sequence[Fact]


@dataclass(frozen=True)
class Section:
    """A part of the report, in the order of its fields. What is empty is left out."""

    title: str
    sentences: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    estimates: Sequence[Estimates] = ()
    curves: Sequence[Curves] = ()
    tables: Sequence[Table] = ()
    examples: Sequence[Example] = ()
    commands: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """A project's report. `made` is a day and time in UTC, `lead` what came of it all."""

    title: str
    about: str
    made: str
    lead: Sequence[str]
    sections: Sequence[Section]
