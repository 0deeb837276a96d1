"""The tasks by name: those that are built in, and those of a person's own file."""

from typing import Any, Protocol

from fair_app.errors import BadInput
from fair_app.tasks.arithmetic import Arithmetic
from fair_app.tasks.base import Task
from fair_app.tasks.custom import CustomTask, TaskSpec, check_name
from fair_app.tasks.gsm8k import Gsm8k
from fair_app.tasks.logiqa import LogiQa
from fair_app.tasks.strategyqa import StrategyQa
from fair_app.tasks.svamp import Svamp

_TASKS: dict[str, Task] = {
    task.name: task for task in (Arithmetic(), Gsm8k(), Svamp(), StrategyQa(), LogiQa())
}


class HasTask(Protocol):
    """What a task can be made from: a project."""

    @property
    def task(self) -> str: ...

    @property
    def task_spec(self) -> dict[str, Any] | None: ...


def task(name: str, spec: TaskSpec | None = None) -> Task:
    """The task of that name, in any case (the reference writes `strategyQA`, `logiQA`).

    A name that is not built in needs a spec. Raises BadInput, naming the tasks there are.
    """
    found = _TASKS.get(name.strip().lower())
    if found is not None and spec is not None:
        raise BadInput(
            f"{found.name} is built in and knows its columns: give your own task another name, "
            "or leave out --map and --grader."
        )
    if found is not None:
        return found
    if spec is not None:
        return CustomTask(check_name(name), spec)
    raise BadInput(
        f"There is no task {name!r}: use one of {', '.join(task_names())}, or say with --map and "
        "--grader how to read a file of your own."
    )


def task_of(project: HasTask) -> Task:
    """The task of a project, with the project's own mapping where it has one."""
    spec = project.task_spec
    return task(project.task, TaskSpec.model_validate(spec) if spec else None)


def task_names() -> list[str]:
    """The built-in tasks' names, the offline one first."""
    return list(_TASKS)
