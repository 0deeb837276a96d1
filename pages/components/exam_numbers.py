"""An exam in figures: the accuracy, its curve, and the accuracy by kind of question."""

from collections.abc import Sequence

from fair_app.evaluation.statistics import wilson
from fair_app.report.charts import Interval, Line, interval_chart, line_chart, thinned
from fair_app.settings import Settings
from fair_app.studio.exams import Standing
from fair_app.studio.grades import KindScore, accuracy_over_time, by_kind
from pages.components.answers import IMPORTED
from pages.components.markup import count, percent, text
from pages.components.notice import notice
from pages.components.stats import Stat, stats
from pages.languages import _, counted

POINTS = 60
"""Points of the accuracy curve: more cannot be told apart on a screen."""


def exam_numbers(settings: Settings, standing: Standing) -> str:
    """All figures of an exam."""
    counts = standing.counts
    if standing.exam.origin == IMPORTED:
        student = standing.exam.student.partition(":")[2]
        left = counts.answered - counts.correct
        overridden = (
            _(" A person has marked {number} right.", number=f"{counts.correct:,}")
            if counts.correct
            else ""
        )
        return notice(
            _(
                "{mistakes} of {student}, imported from a file.{overridden} The file holds "
                "mistakes alone, so there is no accuracy.",
                mistakes=count(left, "mistake"),
                student=student,
                overridden=overridden,
            )
        )
    items = [
        Stat(
            "Accuracy",
            percent(standing.accuracy) if standing.accuracy is not None else "–",
            _(
                "95 %: {low} to {high} %",
                low=f"{100 * standing.ci95[0]:.0f}",
                high=f"{100 * standing.ci95[1]:.0f}",
            )
            if standing.ci95
            else _("no answer yet"),
        ),
        Stat(
            "Answered",
            f"{counts.answered:,}",
            _("of {questions}", questions=count(counts.questions, "question")),
        ),
        Stat("Mistakes", f"{counts.answered - counts.correct:,}", "for the committee"),
        Stat("Cut off", f"{counts.truncated:,}", "at the token limit"),
    ]
    if counts.agreement is not None:
        items.append(Stat("Agreement", percent(counts.agreement), "of samples with the vote"))
    return (
        stats(items)
        + accuracy_curve(accuracy_over_time(settings, standing.exam.id))
        + kinds(by_kind(settings, standing.exam.id))
    )


def accuracy_curve(found: Sequence[tuple[int, float]]) -> str:
    """The accuracy as answers came, in its 95 % interval; "" before the second answer."""
    if len(found) < 2:
        return ""
    points = thinned(found, POINTS)
    intervals = [(n, wilson(round(accuracy * n), int(n))) for n, accuracy in points]
    return line_chart(
        [Line(_("Accuracy"), points, [(n, low, high) for n, (low, high) in intervals])],
        _("Accuracy as answers came in, with its 95 % interval"),
        _("answers"),
        y_range=(0.0, 1.0),
        show=lambda value: f"{100 * value:.0f} %",
    )


def kinds(ways: Sequence[Sequence[KindScore]]) -> str:
    """The accuracy on each kind of question, folded away; "" where the data knows no kinds."""
    charts = "".join(
        interval_chart(
            [
                Interval(
                    counted(one.kind),
                    _(
                        "{right} right of {answered}",
                        right=f"{one.correct:,}",
                        answered=f"{one.answered:,}",
                    ),
                    one.correct / one.answered,
                    *one.ci95,
                )
                for one in way
            ],
            _("Accuracy by type of question, with its 95 % interval"),
            _("{low} to {high} %"),
        )
        for way in ways
    )
    if not charts:
        return ""
    heading = text(_("Accuracy by type of question"))
    return f'<details class="kinds" data-key="kinds"><summary>{heading}</summary>{charts}</details>'
