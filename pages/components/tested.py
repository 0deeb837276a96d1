"""Tests as HTML: all of a project with their intervals, one of them, and what of it had leaked."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from fair_app.student.registry import CHECKPOINT
from fair_app.studio.evaluations import Leak, Leakage, Tested
from pages.components.markup import ago, between, count, percent, text
from pages.components.notice import go_button, notice
from pages.components.stats import Stat, stats
from pages.languages import _, plural, said_of

CSS = (Path(__file__).parent / "tested.css").read_text(encoding="utf-8")
SHOWN = 100
"""Leaks that are listed at most."""
KINDS = {
    "exact": "word for word",
    "normalised": "but for case and punctuation",
    "near": "nearly so",
}
"""How a question may stand in what was learned from."""


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
    interval = between(low, high, 1)
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
    seed = _(", seed {n}", n=one.seed) if one.seed is not None else ""
    heading = _("{student} on {task}", student=one.exam.student, task=one.column)
    about = f"{way_said(one.way)}{seed}, {ago(one.exam.created_at)}"
    return f'<h3 class="opened">{text(heading)}</h3><p class="soft">{text(about)}</p>{numbers}'


def way_said(way: str) -> str:
    """How an evaluation asks (`fair_app.studio.evaluations.way_of`), in the spoken language."""
    return ", ".join(map(said_of, way.split(", ")))


def over_seeds(seeds: int, accuracy: float, low: float, high: float) -> str:
    """What all seeds of a test say together."""
    said = _(
        "All {seeds} together: {accuracy} right, {interval}.",
        seeds=count(seeds, "seed"),
        accuracy=percent(accuracy),
        interval=between(low, high, 1),
    )
    return f'<p class="soft">{text(said)}</p>'


def compare_button(first: int, second: int) -> str:
    """A way to the comparison of two tests."""
    return go_button("evaluation", "Compare it", "plain", f"compare.{first}-{second}")


def leaked(found: Leakage) -> str:
    """How many questions of a test stand in what was learned from, and the list of them."""
    number = len(found.items)
    if not found.trained:
        return notice("Nothing was learned from here yet, so no question can have leaked.")
    questions, learned = count(found.n, "question"), _learned_from(found)
    if not number:
        none = _(
            "None of the {questions} stands, word for word or nearly so, among the {learned}.",
            questions=questions,
            learned=learned,
        )
        return notice(none, "success")
    said = plural(
        "{n} of {questions} stands among the {learned}: {how}.",
        "{n} of {questions} stand among the {learned}: {how}.",
        number,
        n=f"{number:,}",
        questions=questions,
        learned=learned,
        how=_how({kind: len(getattr(found, kind)) for kind in KINDS}),
    )
    listed = _leaks([*found.exact, *found.normalised, *found.near][:SHOWN], found.exact)
    show = _("Show {questions}", questions=count(number, "question"))
    more = _(", the first {n}", n=SHOWN) if number > SHOWN else ""
    return (
        notice(said, "warning")
        + f'<details class="leaks" data-key="leaks"><summary>{text(show)}{text(more)}</summary>'
        f"<ol>{listed}</ol></details>"
    )


def leaked_of_test(counted: Mapping[str, Any] | None) -> str:
    """What an ablation or rounds say of their test's questions that stand in the exams; "" for
    none, and where it is not known yet."""
    number = sum(counted[kind] for kind in KINDS) if counted else 0
    if not counted or not number:
        return ""
    said = plural(
        "{n} of the test’s {questions} stands in the project’s exams, of which everything here is "
        "learned: {how}. All accuracies count them.",
        "{n} of the test’s {questions} stand in the project’s exams, of which everything here is "
        "learned: {how}. All accuracies count them.",
        number,
        n=f"{number:,}",
        questions=count(counted["of"], "question"),
        how=_how(counted),
    )
    return notice(said, "warning")


def _how(counted: Mapping[str, Any]) -> str:
    """How many questions leaked in each way: `3 word for word, 1 nearly so`."""
    found = [(counted[kind], words) for kind, words in KINDS.items() if counted[kind]]
    return ", ".join(f"{many:,} {_(words)}" for many, words in found)


def _learned_from(found: Leakage) -> str:
    """What the questions were looked for in: `200 questions of the project's exams`."""
    learned = count(found.trained, "question")
    if found.source.startswith(CHECKPOINT):
        return _("{questions} that {student} learned from", questions=learned, student=found.source)
    return _("{questions} of the project’s exams", questions=learned)


def _group(task: str, own: Sequence[Tested], opened: int | None, named: bool) -> str:
    ways = len({one.way for one in own}) > 1
    body = "".join(_row(one, one.exam.id == opened, ways) for one in own)
    title = f"<h3>{text(task)}</h3>" if named else ""
    label = _("Accuracy of each student on {task} with its 95 % interval", task=task)
    return (
        f'{title}<figure class="intervals tested" aria-label="{text(label)}"><ul>{body}</ul>'
        '<figcaption><span class="scale">'
        "<span>0 %</span><span>50 %</span><span>100 %</span></span></figcaption></figure>"
    )


def _row(one: Tested, is_open: bool, with_way: bool) -> str:
    assert one.accuracy is not None and one.ci95 is not None
    low, high = one.ci95
    note = _("{right} right of {answered}", right=f"{one.correct:,}", answered=f"{one.answered:,}")
    if not one.whole:
        note += _(", {n} asked", n=f"{one.questions:,}")
    if one.seed is not None:
        note += _(", seed {n}", n=one.seed)
    if with_way:
        note += f", {way_said(one.way)}"
    current = ' aria-current="true"' if is_open else ""
    return (
        f'<li><span class="name"><button type="button" class="open-test" data-go="evaluation" '
        f'data-item="tests.{one.exam.id}"{current}>{text(one.exam.student)}</button>'
        f"<small>{text(note)}</small></span>"
        f'<span class="track"><i class="band" style="left:{100 * low:.2f}%;'
        f'width:{100 * (high - low):.2f}%"></i>'
        f'<i class="dot" style="left:{100 * one.accuracy:.2f}%"></i></span>'
        f'<span class="value">{percent(one.accuracy)}'
        f"<small>{text(between(low, high))}</small></span></li>"
    )


def _leaks(found: Sequence[Leak], exact: Collection[Leak]) -> str:
    same = {one.question_id for one in exact}
    return "".join(
        f"<li><p>{text(one.tested)}</p>"
        + (
            ""
            if one.question_id in same
            else f'<p class="soft">{text(_alike(one))} {text(one.trained)}</p>'
        )
        + "</li>"
        for one in found
    )


def _alike(one: Leak) -> str:
    return _("{share} alike:", share=percent(one.similarity))
