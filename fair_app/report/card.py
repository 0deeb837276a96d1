"""What the cards of a model and of a data set have in common: Markdown in the hub's form.

A card quotes what persons, files and models wrote: in a table or a sentence nothing of it is
markup, and the head is written by a YAML library.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from fair_app.committee.presets import terms
from fair_app.report.markdown import line, paragraph

METHOD = "Learning from Committee, arXiv 2410.03663"
TAGS = ["distillation", "committee"]
RECORDED = "Recorded answers: the terms of whoever made them."
RULES = "None: rules, and no language model."


def front_matter(head: Mapping[str, Any]) -> str:
    """The head that the hub's index reads; what is None, or empty, is left out."""
    kept = {key: value for key, value in head.items() if value not in (None, "", [])}
    written = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=10**6)
    return f"---\n{written}---"


def facts(title: str, rows: Mapping[str, Any]) -> str:
    """A heading and a table of names and values; "" for none."""
    return table(title, ("", ""), [(key, _value(value)) for key, value in rows.items()])


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A heading and a table; "" where it has no row."""
    lines = [f"| {_name(first)} | {' | '.join(map(line, rest))} |" for first, *rest in rows]
    if not lines:
        return ""
    head = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return "\n".join([*([f"## {title}", ""] if title else []), *head, *lines])


def teachers_table(lineage: Mapping[str, Any]) -> str:
    """Who taught, and what the terms of each say of training on what it wrote."""
    rows = [
        (
            str(place),
            str(one.get("name", "")),
            "rules" if one.get("simulated") else str(_spec(one).get("provider", "")),
            str(_spec(one).get("model", "")),
            _terms(one),
        )
        for place, one in enumerate(_teachers(lineage), 1)
    ]
    return table("Teachers and their terms", ("", "Name", "Provider", "Model", "Terms"), rows)


def simulated(lineage: Mapping[str, Any]) -> str:
    """A paragraph that says which teachers are no models; "" where all are."""
    names = [str(one.get("name", "")) for one in _teachers(lineage) if one.get("simulated")]
    if not names:
        return ""
    who = "The teachers" if len(names) == len(_teachers(lineage)) else "Among the teachers"
    return (
        f"**Simulated.** {who} {line(', '.join(names))} are offline and rule-based: programs that "
        "write from the solutions of the questions, with mistakes on purpose, and no language "
        "models. What is learned from them shows that the method runs, not how well it teaches."
    )


def beside_threshold(lineage: Mapping[str, Any]) -> str:
    """What the acceptance rule asks beside the threshold, in words; "" for nothing."""
    rule = lineage.get("rule") or {}
    own = ", ".join(f"{name} {value:g}" for name, value in (rule.get("per_teacher") or {}).items())
    scores = rule.get("min_scores", 1)
    said = [
        f"thresholds of their own: {own}" if own else "",
        f"at least {scores} scores" if scores > 1 else "",
        "the final answer must be right" if rule.get("answer_check") else "",
        "scores are less each reviewer's leniency" if rule.get("adjusted") else "",
    ]
    return "; ".join(one for one in said if one)


def sentences(texts: Iterable[str]) -> str:
    """Sentences as one paragraph each."""
    return "\n\n".join(paragraph(text) for text in texts if text)


def as_bytes(card: str) -> bytes:
    """A card as its file; what UTF-8 cannot hold becomes a question mark."""
    return card.encode("utf-8", "replace")


def _teachers(lineage: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in lineage.get("teachers") or [] if isinstance(one, Mapping)]


def _spec(teacher: Mapping[str, Any]) -> Mapping[str, Any]:
    return teacher.get("spec") or {}


def _terms(teacher: Mapping[str, Any]) -> str:
    provider = str(_spec(teacher).get("provider", ""))
    if teacher.get("simulated"):
        return RULES
    if provider in ("", "imported"):
        return RECORDED
    return terms(provider, _spec(teacher).get("base_url")) or RULES


def _name(words: str) -> str:
    """A first column: within a word an underscore is no markup."""
    return line(words).replace("\\_", "_")


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
