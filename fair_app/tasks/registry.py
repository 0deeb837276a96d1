"""The tasks by name."""

from fair_app.errors import BadInput
from fair_app.tasks.arithmetic import Arithmetic
from fair_app.tasks.base import Task
from fair_app.tasks.gsm8k import Gsm8k
from fair_app.tasks.logiqa import LogiQa
from fair_app.tasks.strategyqa import StrategyQa
from fair_app.tasks.svamp import Svamp

_TASKS: dict[str, Task] = {
    task.name: task for task in (Arithmetic(), Gsm8k(), Svamp(), StrategyQa(), LogiQa())
}


def task(name: str) -> Task:
    """The task of that name, in any case (the reference writes `strategyQA`, `logiQA`).

    Raises BadInput, naming the tasks there are.
    """
    found = _TASKS.get(name.strip().lower())
    if found is None:
        raise BadInput(f"There is no task {name!r}; use one of {', '.join(task_names())}.")
    return found


def task_names() -> list[str]:
    """The tasks' names, the offline one first."""
    return list(_TASKS)
