"""A project's report, gathered: what was asked, who taught, what was kept and why, what came of it.

`fair_app.report` writes it as a page or as Markdown. What came of it is in `report_results`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from db import calls, committee
from db.calls import Tally
from db.committee import TeacherRow
from db.exams import Exam
from db.projects import Project
from db.store import connect, now, reading
from fair_app.curation.acceptance import Rule
from fair_app.curation.what_if import STEPS, Agreement, curve
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import wilson
from fair_app.report.charts import Interval, Line
from fair_app.report.content import Curves, Estimates, Fact, Report, Section, Table
from fair_app.report.markup import count, duration
from fair_app.settings import Settings
from fair_app.studio.board import board
from fair_app.studio.decision_log import told
from fair_app.studio.exams import Standing, score
from fair_app.studio.report_mentor import mentor
from fair_app.studio.report_replay import replaying, versions
from fair_app.studio.report_results import (
    accuracies,
    compared,
    comparisons,
    lead,
    training,
)
from fair_app.studio.review import rule_of, summary
from fair_app.studio.students import bases
from fair_app.tasks.registry import task_of

IMPORTED = "imported"


def report(settings: Settings, project: Project) -> Report:
    """All that is known of a project at this moment. Raises BadInput before its first exam."""
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet to report on: run the exam first.")
    board(settings, project)  # read now, it is kept: in a transaction it would be read each time
    with reading(connect(settings.database)):
        exam = score(settings, project.exam_id)
        changed, base_of = compared(settings, project), bases(settings, project)
        sections = [
            _data(project, exam.exam),
            _exam(exam),
            _teachers(settings, project),
            *mentor(settings, project),
            _calls(settings, project),
            _rule(settings, project),
            _decisions(settings, project),
            training(settings, project),
            accuracies(settings, project),
            *comparisons(settings, changed, base_of),
            versions(settings, project, exam.exam),
            replaying(settings, project, exam),
        ]
        return Report(
            title=project.name,
            about=f"{task_of(project).title}, student {project.student}",
            made=datetime.fromtimestamp(now(), UTC).strftime("%d %B %Y, %H:%M UTC"),
            lead=lead(changed, base_of),
            sections=sections,
        )


def described(values: dict[str, Any]) -> str:
    """A dictionary as words: its names and values, without what is empty."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in values.items()
        if value not in (None, "", {}, [])
    )


def _data(project: Project, exam: Exam) -> Section:
    task = task_of(project)
    facts: list[Fact] = [
        ("Task", f"{task.title} ({project.task})"),
        ("Answers are graded as", task.grader),
        ("Training questions", f"split {exam.split}"),
        ("Read from", described(exam.source) or "the reference's files"),
    ]
    if project.task_spec:
        facts.append(("Columns", described(project.task_spec.get("mapping") or {})))
    return Section("Data", facts=facts)


def _exam(found: Standing) -> Section:
    exam, counts = found.exam, found.counts
    facts: list[Fact] = [("Student", exam.student)]
    if exam.origin == IMPORTED:
        said = f"The {count(counts.questions, 'mistake')} of this exam came out of files."
        facts += [(name, str(value)) for name, value in exam.settings.items()]
        return Section("Exam", [said], facts)
    how = dict(exam.settings.get("decoding") or {})
    facts += [
        ("Decoding", f"{how.pop('name', '')}: {described(how)}"),
        ("Answers a question", str(exam.settings.get("samples", 1))),
        ("Prompts", str(exam.settings.get("prompts", "chat"))),
        ("Weights", _weights(exam)),
        ("Questions", f"{counts.questions:,}, {counts.answered:,} of them answered"),
        ("Mistakes", f"{counts.answered - counts.correct:,}"),
        ("Answers cut off", f"{counts.truncated:,}"),
        ("Time", duration(exam.seconds)),
    ]
    estimates = []
    if found.accuracy is not None and found.ci95 is not None:
        row = _estimate(exam.student, f"{counts.answered:,} training questions", found)
        estimates = [Estimates("Accuracy on the training questions", [row])]
    return Section("Exam", facts=facts, estimates=estimates)


def _weights(exam: Exam) -> str:
    about = exam.description
    bits = {"4bit": "4 bits", "none": ""}.get(str(exam.settings.get("quantization")), "")
    parameters = f"{about['parameters'] / 1e6:,.0f} M parameters" if "parameters" in about else ""
    device = f"on {about['device']}" if "device" in about else ""
    parts = (parameters, bits or str(about.get("dtype", "")), device)
    where = exam.settings.get("server")
    return ", ".join(part for part in parts if part) or (f"behind {where}" if where else "unknown")


def _estimate(name: str, note: str, found: Standing) -> Interval:
    assert found.accuracy is not None and found.ci95 is not None
    return Interval(name, note, found.accuracy, *found.ci95)


def _teachers(settings: Settings, project: Project) -> Section:
    store = connect(settings.database)
    members = committee.teachers(store, project.id)
    kept = summary(settings, project).per_teacher
    rows = []
    for one in members:
        own = kept.get(one.name)
        mean = own.mean if own else None
        rows.append(
            (
                one.name,
                _kind(one),
                str(one.spec.get("model", "")),
                _where(one),
                f"{own.rationales:,}" if own else "0",
                f"{own.accepted:,}" if own else "0",
                f"{mean:.2f}" if mean is not None else "–",
            )
        )
    sentences = [
        "Each teacher explains each mistake and points out what went wrong; every other teacher "
        "scores its rationale from 1 to 5."
    ]
    if simulated := [one.name for one in members if one.simulated]:
        sentences.append(
            f"{_and(simulated)} {'is' if len(simulated) == 1 else 'are'} simulated: rule-based and "
            "offline, no language model. Their texts show how the method runs, not what teachers "
            "can do."
        )
    columns = ("Teacher", "Kind", "Model", "Asked at", "Rationales", "Accepted", "Mean score")
    return Section("Teachers", sentences, tables=[Table(columns, rows, "", frozenset({4, 5, 6}))])


def _kind(teacher: TeacherRow) -> str:
    if teacher.origin == IMPORTED:
        return "recorded, from a file"
    return "simulated, rule-based" if teacher.simulated else "asked"


def _where(teacher: TeacherRow) -> str:
    """The provider, or the host of another server: an address may hold more than is to be told."""
    if teacher.origin == IMPORTED:
        return "–"
    address = teacher.spec.get("base_url")
    host = urlsplit(address).hostname if address else None
    return host or str(teacher.spec.get("provider", ""))


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _calls(settings: Settings, project: Project) -> Section:
    store = connect(settings.database)
    tallies = calls.tally_of_project(store, project.id)
    if not tallies:
        return Section(
            "Calls and cost",
            ["This project made no call: what its teachers wrote was there already."],
        )
    total = sum(one.cost_usd for one in tallies)
    unpriced = sum(one.unpriced for one in tallies)
    simulated = {one.name for one in committee.teachers(store, project.id) if one.simulated}
    done = sum(one.done for one in tallies)
    sentence = f"{count(done, 'call')} were answered, for {_usd(total)} in all."
    if unpriced:
        sentence += f" What {count(unpriced, 'call')} of these cost, nobody knows."
    if simulated and all(one.teacher in simulated for one in tallies):
        sentence += " All of them were simulated."
    columns = ("Teacher", "Role", "Answered", "Failed", "Tokens in", "Tokens out", "USD")
    notes = ["A call that the ledger had answered before was not made again, and cost nothing."]
    rows = [_tally(one) for one in tallies]
    table = Table(columns, rows, "", frozenset(range(2, 7)))
    return Section("Calls and cost", [sentence], tables=[table], notes=notes)


def _tally(one: Tally) -> tuple[str, ...]:
    numbers = (one.done, one.failed, one.input_tokens, one.output_tokens)
    cost = "unknown" if one.unpriced and one.unpriced == one.done else f"{one.cost_usd:,.4f}"
    return (one.teacher, one.role, *(f"{number:,}" for number in numbers), cost)


def _usd(amount: float) -> str:
    return f"{amount:,.2f} USD" if amount >= 0.01 or amount == 0 else "less than 0.01 USD"


def _rule(settings: Settings, project: Project) -> Section:
    found, rule = board(settings, project), rule_of(project)
    kept = summary(settings, project)
    facts: list[Fact] = [
        ("Threshold", f"{rule.threshold:g}"),
        *_conditions(rule),
        ("Rationales accepted", f"{kept.accepted:,} of {kept.rationales:,}"),
        ("Questions to learn from", f"{kept.questions_accepted:,} of {kept.questions:,}"),
    ]
    sentences = [
        "A rationale is accepted when the mean of its counted scores is strictly greater than the "
        "threshold, unless a person decided otherwise."
    ]
    shares = [
        Interval(name, f"{own.right:,} of {own.graded:,}", own.right / own.graded, *_wilson(own))
        for name, own in (("Accepted", kept.kept), ("Rejected", kept.rejected))
        if own.graded
    ]
    estimates, curves = [], []
    if shares:
        sentences.append(
            "Whether a rationale ends in the right answer is known apart from its scores, so it "
            "tells what the threshold is worth."
        )
        estimates = [Estimates("Rationales that end in the right answer", shares)]
    if found.rows:
        curves = [_threshold_curve(settings, project, rule)]
    return Section("The acceptance rule, and why", sentences, facts, estimates, curves)


def _conditions(rule: Rule) -> Iterator[Fact]:
    for teacher, own in rule.per_teacher.items():
        yield f"Threshold of {teacher}", f"{own:g}"
    if rule.min_scores > 1:
        yield "Scores that must count", str(rule.min_scores)
    if rule.answer_check:
        yield "Final answer", "must be the gold answer"
    if rule.adjusted:
        yield "Scores", "less each reviewer's leniency"


def _wilson(own: Agreement) -> tuple[float, float]:
    return wilson(own.right, own.graded)


def _threshold_curve(settings: Settings, project: Project, rule: Rule) -> Curves:
    found = board(settings, project)
    points = curve(found.rows, rule, sorted({*STEPS, rule.threshold}), found.states)
    questions = len({row.question_id for row in found.rows})
    right = [
        (point.threshold, point.kept.right / point.kept.graded)
        for point in points
        if point.kept.graded
    ]
    lines = [
        Line(
            "Rationales accepted",
            [(point.threshold, point.accepted / len(found.rows)) for point in points],
        ),
        Line(
            "Questions to learn from",
            [(point.threshold, point.questions_accepted / questions) for point in points],
        ),
        Line("Accepted ones that are right", right),
    ]
    title = "What other thresholds would give, with the present decisions"
    return Curves(title, "threshold", lines, shares=True, mark=rule.threshold)


def _decisions(settings: Settings, project: Project) -> Section:
    log = told(settings, project)
    if not log:
        return Section("Decisions of persons", ["Nobody decided anything: the rule alone did."])
    made = [entry for entry in log if entry.row.action != "undo"]
    in_force = Counter((one.row.actor, one.row.action) for one in made if not one.undone)
    undone = Counter((one.row.actor, one.row.action) for one in made if one.undone)
    rows = [
        (actor, action, f"{in_force[actor, action]:,}", f"{undone[actor, action]:,}")
        for actor, action in sorted(in_force.keys() | undone.keys())
    ]
    people = len({one.row.actor for one in log})
    sentence = (
        f"{count(people, 'person', 'people')} made {count(len(made), 'decision')}; "
        f"{count(sum(undone.values()), 'decision')} of these "
        f"{'was' if sum(undone.values()) == 1 else 'were'} undone again."
    )
    columns = ("Person", "Decision", "In force", "Undone")
    return Section(
        "Decisions of persons",
        [sentence],
        tables=[Table(columns, rows, "", frozenset({2, 3}))],
        notes=["A later decision on the same subject goes before an earlier one."],
    )
