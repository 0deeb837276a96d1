"""Tests as HTML: all of a project with their intervals, one of them, and what of it had leaked."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from fair_app.student.registry import CHECKPOINT
from fair_app.studio.evaluations import Leak, Leakage, Tested
from pages.components.markup import ago, count, percent, text
from pages.components.notice import go_button, notice
from pages.components.stats import Stat, stats
from pages.languages import _

CSS = (Path(__file__).parent / "tested.css").read_text(encoding="utf-8")
SHOWN = 100
"""Leaks that are listed at most."""


def tested_list(found: Sequence[Tested], first: str, opened: int | None) -> str:
    """The tests with an answer by their tasks, the newest first, each a way to open it.

    `first` is the task whose tests come before the others'.
    """
    known = [one for one in found if one.accuracy is not None]
    tasks = sorted(dict.fromkeys(one.column for one in known), key=lambda task: task != first)
    return "".join(
        _group(task, [one for one in known if one.column == task], opened, len(tasks) > 1)
        for task in tasks
    )


def opened_test(one: Tested, left_out: int = 0) -> str:
    """The numbers of a test; `left_out` of its questions are left out of them."""
    assert one.accuracy is not None and one.ci95 is not None
    low, high = one.ci95
    right = _("right of {answered}", answered=f"{one.answered:,}")
    more = _(", {n} asked", n=f"{one.questions:,}") if not one.whole else ""
    interval = _("{low} to {high} %", low=f"{100 * low:.1f}", high=f"{100 * high:.1f}")
    numbers = stats(
        [
            Stat("Right", percent(one.accuracy), interval),
            Stat("Answers", f"{one.correct:,}", f"{right}{more}"),
            Stat("Cut off", f"{one.truncated:,}", "at the limit of tokens"),
        ]
        if not left_out
        else [
            Stat("Right", percent(one.accuracy), interval),
            Stat("Answers", f"{one.correct:,}", right),
            Stat("Left out", f"{left_out:,}", "learned from"),
        ]
    )
    seed = f", seed {one.seed}" if one.seed is not None else ""
    heading = _("{student} on {task}", student=one.exam.student, task=one.column)
    return (
        f'<h3 class="opened">{text(heading)}</h3>'
        f'<p class="soft">{text(one.way)}{seed}, {text(ago(one.exam.created_at))}</p>{numbers}'
    )


def over_seeds(seeds: int, accuracy: float, low: float, high: float) -> str:
    """What all seeds of a test say together."""
    return (
        f'<p class="soft">All {seeds} seeds together: {percent(accuracy)} right, '
        f"{100 * low:.1f} to {100 * high:.1f} %.</p>"
    )


def compare_button(first: int, second: int) -> str:
    """A way to the comparison of two tests."""
    return go_button("evaluation", "Compare it", "plain", f"compare.{first}-{second}")


def leaked(found: Leakage) -> str:
    """How many questions of a test stand in what was learned from, and the list of them."""
    number = len(found.items)
    if not found.trained:
        return notice("Nothing was learned from here yet, so no question can have leaked.")
    if not number:
        return notice(
            f"None of the {count(found.n, 'question')} stands, word for word or nearly so, among "
            f"the {_learned_from(found)}.",
            "success",
        )
    kinds = [
        (len(found.exact), "word for word"),
        (len(found.normalised), "but for case and punctuation"),
        (len(found.near), "nearly so"),
    ]
    how = ", ".join(f"{many:,} {words}" for many, words in kinds if many)
    stand = "stands" if number == 1 else "stand"
    listed = _leaks([*found.exact, *found.normalised, *found.near][:SHOWN], found.exact)
    more = f", the first {SHOWN}" if number > SHOWN else ""
    return (
        notice(
            f"{number:,} of {count(found.n, 'question')} {stand} among the "
            f"{_learned_from(found)}: {how}.",
            "warning",
        )
        + f'<details class="leaks" data-key="leaks"><summary>Show {count(number, "question")}{more}'
        f"</summary><ol>{listed}</ol></details>"
    )


def leaked_of_test(counted: Mapping[str, Any] | None) -> str:
    """What an ablation or rounds say of their test's questions that stand in the exams; "" for
    none, and where it is not known yet."""
    kinds = {
        "exact": "word for word",
        "normalised": "but for case and punctuation",
        "near": "nearly so",
    }
    found = {words: counted[kind] for kind, words in kinds.items() if counted and counted[kind]}
    if not counted or not found:
        return ""
    how = ", ".join(f"{many:,} {words}" for words, many in found.items())
    number = sum(found.values())
    return notice(
        f"{number:,} of the test’s {count(counted['of'], 'question')} "
        f"{'stands' if number == 1 else 'stand'} in the project’s exams, of which everything here "
        f"is learned: {how}. All accuracies count them.",
        "warning",
    )


def _learned_from(found: Leakage) -> str:
    """What the questions were looked for in: `200 questions of the project's exams`."""
    learned = count(found.trained, "question")
    if found.source.startswith(CHECKPOINT):
        return f"{learned} that {found.source} learned from"
    return f"{learned} of {found.source.replace(chr(39), '’')}"


def _group(task: str, own: Sequence[Tested], opened: int | None, named: bool) -> str:
    ways = len({one.way for one in own}) > 1
    body = "".join(_row(one, one.exam.id == opened, ways) for one in own)
    title = f"<h3>{text(task)}</h3>" if named else ""
    return (
        f'{title}<figure class="intervals tested" aria-label="Accuracy of each student on '
        f'{text(task)} with its 95 % interval"><ul>{body}</ul><figcaption><span class="scale">'
        "<span>0 %</span><span>50 %</span><span>100 %</span></span></figcaption></figure>"
    )


def _row(one: Tested, is_open: bool, with_way: bool) -> str:
    assert one.accuracy is not None and one.ci95 is not None
    low, high = one.ci95
    note = _("{right} right of {answered}", right=f"{one.correct:,}", answered=f"{one.answered:,}")
    if not one.whole:
        note += _(", {n} asked", n=f"{one.questions:,}")
    if one.seed is not None:
        note += f", seed {one.seed}"
    if with_way:
        note += f", {one.way}"
    current = ' aria-current="true"' if is_open else ""
    interval = _("{low} to {high} %", low=f"{100 * low:.0f}", high=f"{100 * high:.0f}")
    return (
        f'<li><span class="name"><button type="button" class="open-test" data-go="evaluation" '
        f'data-item="tests.{one.exam.id}"{current}>{text(one.exam.student)}</button>'
        f"<small>{text(note)}</small></span>"
        f'<span class="track"><i class="band" style="left:{100 * low:.2f}%;'
        f'width:{100 * (high - low):.2f}%"></i>'
        f'<i class="dot" style="left:{100 * one.accuracy:.2f}%"></i></span>'
        f'<span class="value">{percent(one.accuracy)}'
        f"<small>{text(interval)}</small></span></li>"
    )


def _leaks(found: Sequence[Leak], exact: Collection[Leak]) -> str:
    same = {one.question_id for one in exact}
    return "".join(
        f"<li><p>{text(one.tested)}</p>"
        + (
            ""
            if one.question_id in same
            else f'<p class="soft">{percent(one.similarity)} alike: {text(one.trained)}</p>'
        )
        + "</li>"
        for one in found
    )
