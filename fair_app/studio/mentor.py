"""The mentor of a project: choosing it, whether it may teach, and what it is asked to write.

Mentor-KD (arXiv 2410.09037): a model of intermediate size learns the teachers' right rationales,
is tested, and then writes further rationales that the student learns from.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from db import committee, exams, jobs, mentors
from db.committee import TeacherRow
from db.exams import Exam
from db.jobs import Job
from db.projects import Project
from db.store import connect, reading
from fair_app.committee.ledger import mentor_hash, present_mentor
from fair_app.curation.acceptance import MENTOR
from fair_app.errors import BadInput
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.student.base import Decoding
from fair_app.student.fingerprint import fingerprint
from fair_app.student.registry import parse_ref
from fair_app.studio.evaluations import Tested, summary

SAMPLES, TEMPERATURE, TOP_P, SEED = 3, 0.7, 1.0, 731
"""How a mentor is asked unless told otherwise; three at 0.7 are the paper's (section 4)."""
MOST_SAMPLES = 16


@dataclass(frozen=True)
class MentorStanding:
    """A project's mentor and how far it is.

    `evaluation` is its newest finished test on the test split of the project's task, with the files
    that it was chosen with; None before one. `accuracy` and `ci95` are of its `n` items, and
    `student_accuracy` is the project's student's on the same ones. It was asked `samples` answers
    to `questions` mistakes, at most `k` each; `right` of them were right and `kept` are rationales,
    of which `rationales` are on present mistakes.
    """

    ref: str
    evaluation: int | None
    accuracy: float | None
    n: int
    ci95: tuple[float, float] | None
    student_accuracy: float | None
    k: int
    questions: int
    samples: int
    right: int
    kept: int
    rationales: int

    @property
    def warning(self) -> str:
        """What is to be said of a mentor that is tested and no better than its student, or ""."""
        if self.accuracy is None or self.student_accuracy is None:
            return ""
        if self.accuracy > self.student_accuracy:
            return ""
        return (
            f"The mentor is not better than the student ({self.accuracy:.1%} against "
            f"{self.student_accuracy:.1%} on the same items): its rationales may teach little."
        )


def choose_mentor(settings: Settings, project: Project, ref: str) -> None:
    """Make a model the project's mentor; a former one stays in the store with all that it wrote.

    A folder whose files changed is another mentor than it was. Raises BadInput when the REF names
    nothing that is there, or when a teacher is called `mentor`.
    """
    found = parse_ref(ref, settings.checkpoints, settings.models)
    model = found.source if found.kind == "folder" else found.ref
    store = connect(settings.database)
    check_name_is_free(store, project)
    spec = {"name": MENTOR, "provider": MENTOR, "model": model}
    mentors.choose(store, project.id, MENTOR, spec, mentor_hash(model, fingerprint(found)))


def check_name_is_free(store: Database, project: Project) -> None:
    """Raise BadInput when a teacher has the name that is the mentor's."""
    if any(one.name == MENTOR for one in committee.teachers(store, project.id)):
        raise BadInput(
            f"A teacher of the committee is called '{MENTOR}', which is the mentor's name: give it "
            "another one first."
        )


def mentor_of(settings: Settings, project: Project) -> MentorStanding | None:
    """The project's mentor and how far it is; None while none is chosen."""
    store = connect(settings.database)
    with reading(store):
        row = mentors.of_project(store, project.id)
        if row is None:
            return None
        ref = str(row.spec["model"])
        tests = summary(settings, project)
        found = mentors.tally(store, row.id)
        rationales = mentors.written(store, row.id, project.exam_id) if project.exam_id else 0
    tested = _tested(tests, project, row)
    other = _student(tests, project, tested) if tested else None
    return MentorStanding(
        ref=ref,
        evaluation=tested.exam.id if tested else None,
        accuracy=tested.accuracy if tested else None,
        n=tested.questions if tested else 0,
        ci95=tested.ci95 if tested else None,
        student_accuracy=other.accuracy if other else None,
        k=found.most,
        questions=found.questions,
        samples=found.samples,
        right=found.right,
        kept=found.kept,
        rationales=rationales,
    )


def augment_params(
    settings: Settings,
    project: Project,
    *,
    k: int = SAMPLES,
    temperature: float = TEMPERATURE,
    top_p: float = TOP_P,
    seed: int = SEED,
    limit: int | None = None,
    max_new_tokens: int | None = None,
) -> dict[str, Any]:
    """The parameters of a job in which the mentor writes `k` rationales of each mistake, checked.

    It is asked as the exam asked the student, with the weights that it was tested with. `limit`
    takes the first mistakes alone; `max_new_tokens` is the exam's unless given.

    Raises BadInput for values out of range, without a mentor, before it is tested, when its files
    changed since it was chosen, and without a mistake to explain.
    """
    if not 1 <= k <= MOST_SAMPLES:
        raise BadInput(f"A mentor is asked 1 to {MOST_SAMPLES} times a question, not {k}.")
    if not 0 < temperature <= 2:
        raise BadInput(
            "The temperature is more than 0 and at most 2: without chance all answers are the same."
        )
    if not 0 < top_p <= 1:
        raise BadInput("top-p is the share of the likeliest tokens: more than 0 and at most 1.")
    if limit is not None and limit < 1:
        raise BadInput("The number of mistakes must be 1 or more.")
    if max_new_tokens is not None and max_new_tokens < 1:
        raise BadInput("The limit of new tokens must be 1 or more.")
    store = connect(settings.database)
    standing, row = mentor_of(settings, project), mentors.of_project(store, project.id)
    if standing is None or row is None:
        raise BadInput(
            f"{project.name} has no mentor: choose one (mentor --project {project.name} "
            "--student REF)."
        )
    if row.spec["provider"] != MENTOR:
        raise BadInput(
            "What this mentor wrote was imported, and there is no model to ask: choose one "
            f"(mentor --project {project.name} --student REF)."
        )
    if standing.evaluation is None:
        raise BadInput(
            f"The mentor {standing.ref} has not been tested as it is, and may not teach before: "
            f"run `evaluate --project {project.name} --student {standing.ref} --split test`."
        )
    found = parse_ref(standing.ref, settings.checkpoints, settings.models)
    present_mentor(row.spec_hash, standing.ref, found)
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet: run the exam first.")
    if not exams.count_answers(store, project.exam_id, "wrong"):
        raise BadInput("The exam has no mistake to explain: ask the student more questions first.")
    exam, test = exams.get(store, project.exam_id), exams.get(store, standing.evaluation)
    usual = (exam.settings.get("decoding") or {}).get("max_new_tokens")
    decoding = Decoding(
        "mentor", temperature, top_p, max_new_tokens or usual or Decoding.max_new_tokens, seed
    )
    return {
        "mentor": row.id,
        "student": standing.ref,
        "exam": exam.id,
        "k": k,
        "decoding": vars(decoding),
        "limit": limit,
        "quantization": test.settings.get("quantization", "none"),
        "prompts": exam.settings.get("prompts", "chat"),
        "warning": standing.warning,
    }


def interrupted_augmentation(settings: Settings, project: Project) -> Job:
    """The newest augmentation that can be resumed. Raises BadInput when there is none."""
    store = connect(settings.database)
    mark_orphans(store)
    for job in jobs.of_kind(store, project.id, "augment"):
        if job.resumable:
            return job
    raise BadInput("No augmentation was interrupted: start it without --resume.")


def _tested(tests: list[Tested], project: Project, mentor: TeacherRow) -> Tested | None:
    """The mentor's newest finished test on the held-out part of a project's task."""
    held_out = (project.task, "test", "run")
    return next(
        (
            one
            for one in tests
            if one.whole
            and (one.exam.task, one.exam.split, one.exam.origin) == held_out
            and _is(one.exam, mentor)
        ),
        None,
    )


def _student(tests: list[Tested], project: Project, tested: Tested) -> Tested | None:
    """The newest finished test of the project's student on the same items."""
    same = (one for one in tests if one.whole and one.items == tested.items)
    return next((one for one in same if one.exam.student == project.student), None)


def _is(exam: Exam, mentor: TeacherRow) -> bool:
    """Whether the student of an exam is a mentor: its REF, of which a folder has many spellings,
    and the files that it had. A mentor that was chosen before files were looked at has its REF."""
    ref, files = str(mentor.spec["model"]), exam.settings.get("fingerprint", "")
    if mentor.spec_hash not in (mentor_hash(ref, files), mentor_hash(ref)):
        return False
    if exam.student == ref:
        return True
    folder = Path(exam.student).expanduser()
    return Path(ref).is_absolute() and folder.is_dir() and str(folder.resolve()) == ref
