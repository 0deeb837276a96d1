"""What an acceptance rule gives, the queues that are worth a look, and the reviewers."""

import textwrap
from argparse import Namespace
from dataclasses import asdict, replace
from typing import Any

from db.projects import Project
from fair_app.cli.shown import Result, actor_of, limit_of, shown
from fair_app.curation.acceptance import Rule
from fair_app.curation.queues import QUEUES
from fair_app.curation.what_if import Agreement
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import wilson
from fair_app.settings import Settings
from fair_app.studio import projects, review

SHORT = 160
"""Characters of a question that a queue shows."""


def curate(settings: Settings, arguments: Namespace) -> Result:
    """What an acceptance rule gives, with the decisions of persons; queues and reviewers."""
    project = projects.open_project(settings, arguments.project)
    rule = _rule(settings, project, arguments)
    if arguments.queue is not None:
        return _queue(settings, project, rule, arguments)
    if arguments.search is not None or arguments.limit is not None:
        raise BadInput("--search and --limit are about a queue: name it with --queue.")
    if arguments.reviewers:
        return _reviewers(settings, project, rule)
    result = _consequences(settings, project, rule)
    if arguments.suggest is not None:
        found = review.suggestion(settings, project, arguments.suggest, rule)
        result["suggested"], result["reached"] = found.threshold, found.reached
        result["at_suggested"] = {
            "accepted": found.point.accepted,
            "questions_accepted": found.point.questions_accepted,
            "kept": _agreement(found.point.kept),
            "rejected": _agreement(found.point.rejected),
        }
    if arguments.set:
        review.set_rule(settings, project, rule)
    return result


# ---- the rule and its consequences


def _rule(settings: Settings, project: Project, arguments: Namespace) -> Rule:
    """The saved rule with what is given in its place."""
    saved = review.rule_of(project)
    given = {
        name: getattr(arguments, name)
        for name in ("threshold", "min_scores", "answer_check", "adjusted")
        if getattr(arguments, name) is not None
    }
    common = given.get("threshold", saved.threshold)
    own = {
        name: common if value is None else value
        for name, value in (arguments.per_teacher or {}).items()
    }
    rule = review.checked_rule(
        settings, project, replace(saved, **given, per_teacher={**saved.per_teacher, **own})
    )
    common_again = {name for name, value in (arguments.per_teacher or {}).items() if value is None}
    kept = {name: own for name, own in rule.per_teacher.items() if name not in common_again}
    return replace(rule, per_teacher=kept)


def _consequences(settings: Settings, project: Project, rule: Rule) -> Result:
    summary = review.summary(settings, project, rule)
    flips = review.changes(settings, project, rule)
    return {
        "threshold": summary.threshold,
        "rule": asdict(rule),
        "questions": summary.questions,
        "rationales": summary.rationales,
        "accepted": summary.accepted,
        "questions_accepted": summary.questions_accepted,
        "per_teacher": {
            name: {"rationales": one.rationales, "accepted": one.accepted, "mean": one.mean}
            for name, one in summary.per_teacher.items()
        },
        "kept": _agreement(summary.kept),
        "rejected": _agreement(summary.rejected),
        "flips": {"accepted": len(flips.accepted), "rejected": len(flips.rejected)},
    }


def _agreement(found: Agreement) -> Result:
    """How many end in the right answer, with the 95 % interval of their share."""
    graded = found.graded
    return {
        "right": found.right,
        "graded": graded,
        "share": found.right / graded if graded else None,
        "ci95": list(wilson(found.right, graded)) if graded else None,
    }


def _reviewers(settings: Settings, project: Project, rule: Rule) -> Result:
    found = review.reviewers(settings, project, rule.threshold)
    matrix: dict[str, dict[str, Any]] = {}
    for (reviewer, author), cell in found.matrix.items():
        matrix.setdefault(reviewer, {})[author] = asdict(cell)
    return {
        "threshold": found.threshold,
        "reviewers": [asdict(one) for one in found.reviewers],
        "matrix": matrix,
        "alpha": asdict(found.alpha) if found.alpha else None,
        "pairs": [
            {"reviewers": list(names), **asdict(pair)} for names, pair in found.pairs.items()
        ],
    }


# ---- queues


def _queue(settings: Settings, project: Project, rule: Rule, arguments: Namespace) -> Result:
    search = arguments.search or ""
    limit = None if arguments.limit is None else limit_of(arguments.limit)
    found = review.queue(settings, project, arguments.queue, actor_of(arguments), search, rule)
    items = list(zip(found.items, found.decided, strict=True))[:limit]
    asked = review.answers_of(settings, project, [item.question_id for item, _ in items])
    seen = shown(settings, project, rule, found.board)
    return {
        "queue": found.name,
        "title": QUEUES[found.name].title,
        "search": search,
        "questions": len(found.items),
        "decided": sum(found.decided),
        "items": [
            {
                "question": seen.number(item.question_id),
                "question_id": item.question_id,
                "answer": asked[item.question_id].position + 1,
                "text": textwrap.shorten(asked[item.question_id].question, SHORT, placeholder="…"),
                "decided": done,
                "revision": seen.revision("question", item.question_id),
                "rationales": [seen.rationale(one) for one in item.rationales],
            }
            for item, done in items
        ],
    }
