"""The choice of a task: a benchmark, or a file of one's own with its columns and its grader."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.projects import DEMO, Project, may_change_task
from fair_app.studio.tasks import Preview, columns_of
from fair_app.tasks.custom import SEPARATOR, TaskSpec, make_spec
from fair_app.tasks.registry import task as task_named
from fair_app.tasks.registry import task_names, task_of
from pages.components.markup import count, text
from pages.components.notice import notice
from pages.components.rows_file import rows_file
from pages.help import short
from pages.languages import _

OWN = "own file"
"""The value of the task that is still to be made of a file."""
GRADER_CHOICES = [
    ("A number", "number"),
    ("A choice among options", "choice"),
    ("Yes or no", "boolean"),
    ("The exact text", "exact"),
]
FIELDS = ("question", "answer", "options", "context", "type", "id")
"""The fields of a mapping, in the order in which they are laid out."""
GRADED = {
    "number": "The answer is read as a number: 145, 145.0 and $145.00 are the same.",
    "choice": "The answer is read as one of the options, by its letter, number or text.",
    "boolean": "The answer is read as yes or no, true or false.",
    "exact": "The answer is compared as text, without case, articles and outer punctuation.",
}
USUAL_NAMES = {
    "question": ("question", "problem", "prompt", "input", "query", "body"),
    "answer": ("answer", "gold_answer", "gold", "label", "target", "solution", "output"),
    "options": ("options", "choices"),
    "context": ("context", "passage", "facts"),
    "type": ("type", "kind", "category"),
    "id": ("id", "idx", "qid"),
}
"""What a column is often called, in lower case, by the field that it is then taken for."""


@dataclass(frozen=True)
class TaskFields:
    """The fields of the questions; `own` is the group that only a file of one's own needs."""

    task: gr.Dropdown
    questions: gr.Accordion
    rows: gr.Textbox
    own: gr.Column
    grader: gr.Dropdown
    mapping: dict[str, gr.Dropdown]
    preview: gr.Button

    @property
    def chooses(self) -> list[Any]:
        """What `choose` changes."""
        return [self.questions, self.rows, self.own]

    @property
    def outputs(self) -> list[Any]:
        """What `task_values` fills."""
        return [self.task, self.questions, self.rows, self.own]

    @property
    def chosen(self) -> list[Any]:
        """What `read` takes, in its order."""
        return [self.task, self.rows, self.grader, *self.mapping.values()]


@dataclass(frozen=True)
class Chosen:
    """The task that the fields name: its name, the spec of one's own, and the file if any."""

    name: str
    spec: TaskSpec | None
    rows: str | None

    @property
    def grader(self) -> str:
        """How answers to it are graded."""
        return task_named(self.name, self.spec).grader


def task_field() -> gr.Dropdown:
    """Lay out the choice of a task."""
    return gr.Dropdown([], label="Task", filterable=False, interactive=True, elem_id="exam-task")


def question_fields(settings: Settings, task: gr.Dropdown) -> TaskFields:
    """Lay out where the questions come from, folded away."""
    with gr.Accordion("The questions", open=False, elem_classes="more") as questions:
        rows = rows_file(settings, "exam-rows")
        with gr.Column(visible=False, elem_classes="bare") as own:
            mapping = {
                "question": _column("The question is in", "question"),
                "answer": _column("The gold answer is in", "answer"),
            }
            grader = gr.Dropdown(
                GRADER_CHOICES,
                value="number",
                label="An answer is",
                filterable=False,
                elem_id="exam-grader",
            )
            mapping["options"] = gr.Dropdown(
                [],
                label="The options are in",
                multiselect=True,
                visible=False,
                elem_id="exam-map-options",
            )
            with gr.Accordion("More columns", open=False, elem_classes="more"):
                mapping["context"] = _column("A passage to read first", "context")
                mapping["type"] = _column("The type of question", "type")
                mapping["id"] = _column("The id", "id")
        preview = gr.Button("Show the first questions", size="sm", elem_id="exam-preview-button")
    grader.input(
        lambda name: gr.Dropdown(visible=name == "choice"),
        grader,
        mapping["options"],
        show_progress="hidden",
        api_visibility="private",
    )
    return TaskFields(task, questions, rows, own, grader, mapping, preview)


def task_values(settings: Settings, project: Project, rows: str | None) -> list[Any]:
    """The fields of a project's task, `rows` being the file of its last exam."""
    free = may_choose(settings, project)
    choices = [(_(task_named(name).title), name) for name in task_names()]
    if project.task_spec is not None:
        choices = [(task_of(project).title, project.task), *choices]
    if free:
        choices.append((_("A file of your own"), OWN))
    info = short("exam-task", "" if free else "kept")
    return [
        gr.Dropdown(choices=choices, value=project.task, interactive=free, info=info),
        gr.Accordion(open=project.task_spec is not None and not rows),
        rows or "",
        gr.Column(visible=False),
    ]


def may_choose(settings: Settings, project: Project) -> bool:
    """Whether another task can be chosen: not after an exam, and never for the demo."""
    return project.name != DEMO and may_change_task(settings, project)


def choose(task: str) -> list[Any]:
    """What another task shows: a file of one's own needs its columns."""
    own = task == OWN
    return [
        gr.Accordion(open=True) if own else gr.skip(),
        gr.Textbox(info=short("exam-rows", "own" if own else "")),
        gr.Column(visible=own),
    ]


def columns_found(path: str | None) -> list[Any]:
    """The columns of a file as choices of the mapping, guessed by their names.

    A path that is still being typed changes nothing. Raises BadInput for a file that cannot be
    read.
    """
    file = Path((path or "").strip())
    if not path or not file.is_file():
        return [gr.skip()] * len(FIELDS)
    columns = columns_of(file)
    guess = guessed(columns)
    none_too = [("–", ""), *((column, column) for column in columns)]
    return [
        gr.Dropdown(choices=columns, value=guess.get("question")),
        gr.Dropdown(choices=columns, value=guess.get("answer")),
        gr.Dropdown(choices=columns, value=[guess["options"]] if "options" in guess else []),
        *(
            gr.Dropdown(choices=none_too, value=guess.get(field, ""))
            for field in ("context", "type", "id")
        ),
    ]


def guessed(columns: Sequence[str]) -> dict[str, str]:
    """Fields and the columns that are called as such columns usually are."""
    known = {column.lower(): column for column in reversed(columns)}
    found = {
        field: next((known[name] for name in names if name in known), None)
        for field, names in USUAL_NAMES.items()
    }
    return {field: column for field, column in found.items() if column is not None}


def read(
    project: Project, task: str, rows: str | None, grader: str, *columns: str | list[str] | None
) -> Chosen:
    """The task that the fields name. Raises BadInput for a file of one's own that is not whole."""
    file = (rows or "").strip() or None
    if task != OWN:
        spec = project.task_spec if task == project.task else None
        return Chosen(task, TaskSpec.model_validate(spec) if spec else None, file)
    if file is None:
        raise BadInput("Give the file with your questions, or choose another task.")
    named = dict(zip(FIELDS, columns, strict=True))
    if not (named["question"] and named["answer"]):
        raise BadInput("Choose the columns that hold the question and its gold answer.")
    return Chosen(own_name(Path(file)), make_spec(_mapping(named, grader), grader), file)


def own_name(file: Path) -> str:
    """The name of a task made of a file: the file's, unless a benchmark has it."""
    name = re.sub(r"[^\w.-]+", "-", file.stem).strip("-_.")[:50]
    return f"{name}-rows" if name.lower() in task_names() else name or "rows"


def changes(project: Project, chosen: Chosen) -> bool:
    """Whether the chosen task is another than the project's, or is read otherwise."""
    spec = chosen.spec.model_dump() if chosen.spec else None
    return (chosen.name, spec) != (project.task, project.task_spec)


def painting(found: Preview, grader: str) -> str:
    """How the first questions will be asked, and how the answers to them are graded."""
    fault = notice(found.fault, "warning") if found.fault else ""
    if not found.rows:
        return fault
    first = _("The first {questions}", questions=count(len(found.rows), "question"))
    if found.total is not None:
        first = _("{first} of {total}", first=first, total=f"{found.total:,}")
    right = text(_("Right is"))
    rows = "".join(
        f'<li><pre class="said">{text(row.prompt)}</pre>'
        f'<p class="expected">{right} <b>{text(row.gold_answer)}</b></p></li>'
        for row in found.rows
    )
    return (
        f'<details class="preview" open><summary>{text(first)}</summary>{fault}'
        f'<p class="soft">{text(_(GRADED[grader]))}</p>'
        f'<ol class="shown-questions">{rows}</ol></details>'
    )


def _column(label: str, field: str) -> gr.Dropdown:
    return gr.Dropdown(
        [], label=label, filterable=False, interactive=True, elem_id=f"exam-map-{field}"
    )


def _mapping(named: Mapping[str, Any], grader: str) -> dict[str, str]:
    mapping = {
        field: str(column) for field, column in named.items() if column and field != "options"
    }
    if named["options"] and grader == "choice":
        mapping["options"] = SEPARATOR.join(named["options"])
    return mapping
