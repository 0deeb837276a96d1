"""What is pushed to the hub: the files of a checkpoint or of the training set, as others may read.

What is this machine's alone stays here: where students lie, addresses of servers with what stands
in them, the names of variables that hold keys.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from db import exams
from db.exams import Exam
from db.projects import Project
from db.store import connect, reading
from fair_app.curation.training_set import ALL_CURATED
from fair_app.errors import BadInput, WorkFailed
from fair_app.exchange import hub_data, sft
from fair_app.exchange.hub import CARD, marked
from fair_app.exchange.json_file import json_bytes
from fair_app.report.card import as_bytes
from fair_app.settings import Settings
from fair_app.student.check import look_up
from fair_app.student.offline import OFFLINE_STUDENT
from fair_app.student.registry import ADAPTER_CONFIG_FILE, CHECKPOINT, is_hub_id
from fair_app.studio.board import board
from fair_app.studio.bundle import without_credentials
from fair_app.studio.evaluations import Tested, leakage, summary
from fair_app.studio.report_results import compared, lead
from fair_app.studio.students import bases
from fair_app.studio.teachers import teachers
from fair_app.studio.training import training_questions
from fair_app.studio.training_start import curated_origin
from fair_app.training.card import Measured, Publication, model_card
from fair_app.training.examples import examples_hash
from fair_app.training.frozen import EXAMPLES
from fair_app.training.lineage import read_lineage
from fair_app.training.preferences import PREFERENCES

OFFLINE_ON_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
OFFLINE_LICENCE = "apache-2.0"
OFFLINE_NOTE = (
    "The base here was unpacked from a 4-bit file of SmolLM2-135M-Instruct, so its weights differ "
    "a little from those on the hub, and so will the answers: only a merged checkpoint has the "
    "very weights that were trained and tested."
)
FOUR_BITS_NOTE = (
    "The adapter was trained on 4-bit weights (NF4, double quantization): a base that is loaded in "
    "the same way gives the student that was tested."
)
NO_BASE_NOTE = "Its base is not on the hub: load it from where it lies on your machine."
LOADED = {".safetensors", ".json", ".jinja", ".model", ".txt"}
"""Files by which a checkpoint is loaded. Others in its folder, a GGUF for one, are not pushed."""
KEPT_HERE = {EXAMPLES, PREFERENCES}
"""What was learned from is a data set, and pushed as one where a person asks for that."""
PRIVATE = {"api_key_env", "base_url"}
MODELS = {"base", "start", "student", "mentor", "model"}
"""What holds a student's REF or a teacher's model, which may be a folder of this machine."""


@dataclass(frozen=True)
class Prepared:
    """The files of a push, by their names in the repository, and what the commit is called."""

    files: dict[str, Path | bytes]
    message: str


def checkpoint_files(settings: Settings, project: Project, name: str, repository: str) -> Prepared:
    """A checkpoint's files with the card that its repository gets.

    Asks the hub for the licence of the base. Raises BadInput when its lineage cannot be read.
    """
    folder = settings.checkpoints / name
    lineage = read_lineage(folder)
    files: dict[str, Path | bytes] = {
        file.name: file
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.is_symlink() and file.suffix in LOADED
        if file.name not in KEPT_HERE
    }
    told = for_others(lineage)
    published = _publication(settings, project, name, lineage, repository)
    if ADAPTER_CONFIG_FILE in files:
        base = published.base or str(told["base"])
        files[ADAPTER_CONFIG_FILE] = _upon(folder / ADAPTER_CONFIG_FILE, base)
    files[CARD] = as_bytes(model_card(name, told, published))
    return Prepared(marked(files, told), f"The checkpoint {name}")


def data_files(settings: Settings, project: Project, repository: str) -> Prepared:
    """The curated training set of this moment with its card. Raises BadInput when it is empty."""
    store = connect(settings.database)
    board(settings, project)  # read now, it is kept: in a transaction it would be read each time
    with reading(store):
        questions = training_questions(settings, project)
        found = teachers(settings, project)
        assert project.exam_id is not None  # or there would be no questions
        exam = exams.get(store, project.exam_id)
        lineage = {
            **curated_origin(settings, project, ALL_CURATED),
            "student": _asked(exam),
            "data_sha256": examples_hash(questions),
        }
    rows = list(sft.chats(questions, {one.name for one in found if one.simulated}))
    told = for_others(lineage)
    card = hub_data.data_card(repository, told, for_others(exam.source), rows)
    files = {hub_data.FILE: hub_data.as_parquet(rows), CARD: as_bytes(card)}
    return Prepared(marked(files, told), f"The training set of {project.name}")


def base_on_hub(ref: str) -> str | None:
    """The hub's id of a base student; None for one that is not there."""
    if ref == OFFLINE_STUDENT:
        return OFFLINE_ON_HUB
    return ref if is_hub_id(ref) else None


def for_others(value: Any, key: str = "") -> Any:
    """A JSON value without what is this machine's: of a model's folder only its name, of an address
    neither user nor query, no server of a teacher's, and no name of a key's variable.

    What else looks like a path is a person's own words. `key`: under which name the value stands.
    """
    if isinstance(value, Mapping):
        return {name: for_others(one, name) for name, one in value.items() if name not in PRIVATE}
    if isinstance(value, list | tuple):
        return [for_others(one, key) for one in value]
    if not isinstance(value, str):
        return value
    return without_credentials(_called(value) if key in MODELS else value)


def _called(model: str) -> str:
    """A student's REF or a teacher's model as others read it: where it is a path, its last name."""
    is_path = model.startswith(("/", "~", "./", "../"))
    return PurePath(model).name if is_path else model


def _asked(exam: Exam) -> str:
    """The REF of who sat an exam; a folder by its whole path, wherever it was named from."""
    is_checkpoint = exam.student.startswith(CHECKPOINT)
    return exam.student if is_checkpoint else str(exam.description.get("base", exam.student))


def _publication(
    settings: Settings,
    project: Project,
    name: str,
    lineage: Mapping[str, Any],
    repository: str,
) -> Publication:
    is_adapter = (settings.checkpoints / name / ADAPTER_CONFIG_FILE).is_file()
    base = base_on_hub(str(lineage["base"])) if is_adapter else None
    notes = {
        OFFLINE_NOTE: lineage["base"] == OFFLINE_STUDENT,
        FOUR_BITS_NOTE: lineage.get("quantization") == "4bit",
        NO_BASE_NOTE: base is None,
    }
    ref = f"{CHECKPOINT}{name}"
    adapter = f"{CHECKPOINT}{lineage['merged_from']}" if "merged_from" in lineage else None
    below = bases(settings, project)
    base_student = below.get(ref, str(lineage["base"]))
    called = {base_student: "its base", adapter: "before merging", ref: "this one"}
    found = [one for one in summary(settings, project) if one.whole and one.exam.student in called]
    changed = [
        one
        for one in compared(settings, project)
        if one.second.student == ref and one.first.student == base_student
    ]
    origin = base_on_hub(base_student)
    return Publication(
        repository=repository,
        origin=origin,
        base=base,
        licence=_licence(origin),
        tested=[
            _measured(
                one,
                called[one.exam.student],
                len(leakage(settings, project, one.exam).items),
                is_own=one.exam.student == ref,
            )
            for one in found
        ],
        found=[
            sentence.replace(base_student, _called(base_student))
            for one in changed
            for sentence in lead([one], below)
        ],
        notes=[note for note, holds in notes.items() if is_adapter and holds],
    )


def _measured(one: Tested, who: str, leaked: int, *, is_own: bool) -> Measured:
    assert one.accuracy is not None and one.ci95 is not None
    seed = "" if one.seed is None else f", seed {one.seed}"
    return Measured(
        who=who,
        task=one.exam.task,
        split=one.exam.split,
        asked=f"{one.way}{seed}",
        n=one.answered,
        correct=one.correct,
        accuracy=one.accuracy,
        ci95=one.ci95,
        leaked=leaked,
        is_own=is_own,
        source=for_others(one.exam.source),
    )


def _licence(base: str | None) -> str:
    """The licence of a model of the hub; "" where nobody says."""
    if base == OFFLINE_ON_HUB:
        return OFFLINE_LICENCE
    if base is None:
        return ""
    try:
        return look_up(base).licence
    except (BadInput, WorkFailed):  # its card says that the licence is not known
        return ""


def _upon(config: Path, base: str) -> bytes:
    """An adapter's configuration that names its base as others find it."""
    content = json.loads(config.read_text(encoding="utf-8"))
    return json_bytes({**content, "base_model_name_or_path": base})
