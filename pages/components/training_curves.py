"""The curves of a training run: its losses, what was held out, and how fast it goes."""

from fair_app.jobs import queue
from fair_app.report.charts import Line, line_chart, thinned
from fair_app.settings import Settings
from fair_app.studio.projects import Project
from pages.components.stats import Stat, stats
from pages.languages import _

LOSSES = {
    "Loss": "loss",
    "Feedback": "loss_feedback",
    "Rationale": "loss_rationale",
    "Held out": "validation_loss",
    "Soft": "loss_soft",
}
HELD_OUT = {
    "Held out": "validation_loss",
    "Feedback": "validation_feedback",
    "Rationale": "validation_rationale",
    "Soft": "validation_soft",
}
RATE = {"Learning rate": "learning_rate"}
PACE = ("tokens_per_second", "memory_gb")
POINTS = 200


def training_curves(settings: Settings, project: Project) -> str:
    """The newest run of a project; "" when there was none."""
    view = queue.latest(settings, project, "train")
    if view is None:
        return ""
    names = {*LOSSES.values(), *HELD_OUT.values(), *RATE.values(), *PACE}
    found = queue.metrics(settings, view.job.id, names)

    def lines(of: dict[str, str]) -> list[Line]:
        return [Line(_(title), thinned(found.get(name, []), POINTS)) for title, name in of.items()]

    held_out = len(found.get("validation_loss", [])) > 1
    return "".join(
        [
            line_chart(lines(LOSSES), _("Losses by step"), _("steps")),
            line_chart(lines(HELD_OUT), _("Held-out losses by step"), _("steps"))
            if held_out
            else "",
            line_chart(lines(RATE), _("Learning rate by step"), _("steps"), show=_rate),
            _pace(found),
        ]
    )


def _rate(value: float) -> str:
    return f"{value:.3g}"


def _pace(found: dict[str, list[tuple[int, float]]]) -> str:
    pace, memory = (found.get(name, []) for name in PACE)
    if not pace:
        return ""
    shown = [Stat("Tokens a second", f"{pace[-1][1]:,.0f}", "prompts included")]
    if memory:
        most = max(point[1] for point in memory)
        shown.append(
            Stat("Memory", f"{memory[-1][1]:.1f} GB", _("at most {most} GB", most=f"{most:.1f}"))
        )
    return stats(shown)
