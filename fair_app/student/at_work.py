"""A student of this machine for one job: it has the device, and as many processes as are worth it.

Torch is imported when a student is asked for.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from fair_app.jobs.context import JobContext
from fair_app.student.base import PromptStyle, Student
from fair_app.student.registry import Quantization, parse_ref


@contextmanager
def student_at_work(
    job: JobContext,
    ref: str,
    quantization: Quantization,
    prompts: PromptStyle,
    questions: int,
    progress: tuple[int, int],
) -> Iterator[Student]:
    """A student that answers so many questions, with the device held for it.

    Without a GPU, a small one answers in a process a core. `progress` is how many of how many are
    done before it begins. Raises as `parse_ref` and `load` do.
    """
    with job.device():
        from fair_app.student.generation import TransformersStudent
        from fair_app.student.loading import device, load
        from fair_app.student.processes import CopiedStudent, copies_that_fit

        job.progress("loading the student", *progress)
        found = parse_ref(ref, job.settings.checkpoints, job.settings.models)
        copies = copies_that_fit(found, questions)
        if copies == 1 or device().type != "cpu":
            yield TransformersStudent(load(found, quantization), prompts=prompts)
            return
        with closing(CopiedStudent(found, quantization, copies, prompts)) as student:
            yield student
