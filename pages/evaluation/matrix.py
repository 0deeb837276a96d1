"""Matrix: students by tasks, what carried over to other tasks and what was forgotten."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.settings import Settings
from fair_app.studio.matrix import Cell, Matrix, matrix
from fair_app.studio.projects import Project, open_project
from pages.components.markup import between, count, percent, text
from pages.components.notice import empty
from pages.components.page import LIVE, Page, Place
from pages.components.painted import painted
from pages.components.tested import way_said
from pages.languages import _

CSS = (Path(__file__).parent / "matrix.css").read_text(encoding="utf-8")


def build(settings: Settings, place: Place) -> Page:
    """Lay out the sub-page and wire its events."""
    whole = painted("evaluation-matrix")
    stamp = gr.State("")
    timer = gr.Timer(2.0, active=False)

    def refresh(project: Project, item: str) -> Sequence[Any]:
        return [painting(matrix(settings, project)), stamp_of(project)]

    def tick(name: str, seen: str) -> Sequence[Any]:
        """Painted again only where an answer or a grade came since."""
        project = open_project(settings, name)
        return [gr.skip()] * 2 if stamp_of(project) == seen else refresh(project, "")

    timer.tick(tick, [place.project, stamp], [whole, stamp], **LIVE)
    return Page(
        name="matrix",
        title="Matrix",
        refresh=refresh,
        outputs=[whole, stamp],
        timer=timer,
        css=CSS,
    )


def stamp_of(project: Project) -> str:
    """What tells one state of a project's matrix from the next."""
    return f"{project.id} {project.revision} {project.task} {project.student}"


def painting(found: Matrix) -> str:
    """The heat map as a table whose cells lead to their evaluations, and how to read it."""
    if not found.cells:
        return empty(
            "No finished test yet",
            "Test the student as it was and what it has become, on this task and on others: here "
            "is then seen what carried over, and what was forgotten.",
            go="evaluation",
            label="Go to the tests",
            item="tests",
        )
    head = "".join(_head(found, task) for task in found.tasks)
    rows = "".join(
        f'<tr><th scope="row">{text(student).replace(":", ":<wbr>")}</th>'
        f"{''.join(_cell(found, student, task) for task in found.tasks)}</tr>"
        for student in found.students
    )
    return (
        f'<div class="table matrix"><table><thead><tr><th scope="col">{text(_("Student"))}</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>{_how(found)}"
    )


def _head(found: Matrix, task: str) -> str:
    tag = f'<span class="tag">{text(_("trained on"))}</span>'
    learned = tag if task == found.learned else ""
    way = text(way_said(found.ways.get(task, "")))
    return f'<th scope="col">{text(task)} {learned}<small>{way}</small></th>'


def _cell(found: Matrix, student: str, task: str) -> str:
    cell = found.cells.get((student, task))
    if cell is None:
        return f'<td class="none"><span>{text(_("not tested"))}</span></td>'
    return (
        f'<td><button type="button" class="cell" style="--share:{cell.accuracy:.3f}" '
        f'data-go="evaluation" data-item="tests.{cell.evaluations[0]}" '
        f'aria-description="{text(_aloud(cell, student, task))}">'
        f"<b>{percent(cell.accuracy)}</b>"
        f"<small>{text(between(*cell.ci95))}</small>"
        f"<small>{_asked(cell)}</small></button></td>"
    )


def _asked(cell: Cell) -> str:
    seeds = len(cell.evaluations)
    said = count(cell.n, "question") + (f", {count(seeds, 'seed')}" if seeds > 1 else "")
    otherwise = _("{questions}, asked otherwise", questions=said)
    return text(said) if cell.alike else f"<i>{text(otherwise)}</i>"


def _aloud(cell: Cell, student: str, task: str) -> str:
    return _(
        "{student} on {task}: {accuracy} right, {interval}, {questions}. Open the test.",
        student=student,
        task=task,
        accuracy=percent(cell.accuracy),
        interval=between(*cell.ci95),
        questions=count(cell.n, "question"),
    )


def _how(found: Matrix) -> str:
    said = [
        _("Below each accuracy stands its 95 % interval. The deeper the colour, the higher it is.")
    ]
    if len(found.tasks) == 1:
        said.append(
            _(
                "Test the same students on another task to see what carries over: choose it under "
                "Tests."
            )
        )
    if not all(cell.alike for cell in found.cells.values()):
        said.append(
            _(
                "“Asked otherwise”: on other questions or in another way than most of the column, "
                "so the two cannot be compared."
            )
        )
    return f'<p class="soft">{text(" ".join(said))}</p>'
