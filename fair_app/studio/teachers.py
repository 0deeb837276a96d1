"""The committee of a project: who is in it, whether each can be asked, and what they are asked."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from db import committee, exams, paces
from db.committee import TeacherRow
from db.paces import Probe
from db.projects import Project
from db.store import connect
from fair_app.committee.account import account_name
from fair_app.committee.base import Access, CallFailed, Finish, Request, Role, TeacherSpec
from fair_app.committee.committee_file import read_teacher
from fair_app.committee.ledger import spec_hash
from fair_app.committee.prices import Price, price_of
from fair_app.committee.prompts import DEFAULTS, Prompts, check_template, prompt_hash
from fair_app.committee.registry import REMOTE, build, check, key_variable
from fair_app.curation.acceptance import MENTOR
from fair_app.curation.training_set import MIXED, TAKEN
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task_of

OFFLINE = "offline"
PROBE = Question("What is 2 + 2? Answer with the number only.", "4", "4")
PROBE_DEADLINE_S = 20.0


@dataclass(frozen=True)
class TeacherCard:
    """A teacher as its card shows it. `spec` is None for recorded answers.

    `key_variable` is where its key stands (None: it needs none) and `has_key` whether it is there;
    `price` is None when nobody knows it.
    """

    name: str
    spec: TeacherSpec | None
    simulated: bool
    key_variable: str | None
    has_key: bool
    price: Price | None
    probe: Probe | None


def set_committee(settings: Settings, project: Project, specs: list[TeacherSpec]) -> None:
    """Make these the teachers that the project asks; recorded ones of other names stay.

    Raises BadInput when one of them cannot be one.
    """
    for spec in specs:
        check(spec, Access(settings))
        price_of(spec)
    check_names(spec.name for spec in specs)
    committee.set_committee(
        connect(settings.database),
        project.id,
        [
            {
                "name": spec.name,
                "origin": "committee",
                "simulated": int(spec.provider == OFFLINE),
                "spec": spec.model_dump(mode="json", exclude_none=True),
                "spec_hash": spec_hash(spec),
            }
            for spec in specs
        ],
        keep_imported=True,
    )


def check_names(names: Iterable[str]) -> None:
    """Raise BadInput where a teacher would have the mentor's name, or one that means several."""
    for name in names:
        if name in TAKEN:
            raise BadInput(
                f"No teacher can be called '{name}': {MIXED} stands for all of them, {MENTOR} for "
                "the project's mentor; give the teacher another name."
            )


def teachers(settings: Settings, project: Project) -> list[TeacherRow]:
    """The active committee in its order."""
    return committee.teachers(connect(settings.database), project.id)


def asked_specs(settings: Settings, project: Project) -> list[TeacherSpec]:
    """The teachers that can be asked; recorded ones cannot."""
    return [
        TeacherSpec.model_validate(row.spec)
        for row in teachers(settings, project)
        if row.origin == "committee"
    ]


def cards(settings: Settings, project: Project, keys: Mapping[str, SecretStr]) -> list[TeacherCard]:
    """The committee for a page. `keys` are those that the person may use."""
    store = connect(settings.database)
    return [_card(store, row, keys) for row in teachers(settings, project)]


def put_teacher(
    settings: Settings, project: Project, values: Mapping[str, Any], replaces: str | None = None
) -> TeacherSpec:
    """Add a teacher made of a committee file's fields, or put it in the place of another.

    What a replaced teacher has written stays in the store and is not shown any more; put back, it
    has it again. Raises BadInput when a field cannot be used or the name is taken.
    """
    spec = read_teacher(dict(values), "the teacher")
    specs = asked_specs(settings, project)
    if replaces is not None and all(one.name != replaces for one in specs):
        raise BadInput(f"There is no teacher '{replaces}' any more: reload the page.")
    if any(one.name == spec.name for one in specs if one.name != replaces):
        raise BadInput(f"A teacher is named '{spec.name}' already: give it another name.")
    if replaces is None:
        specs.append(spec)
    else:
        specs = [spec if one.name == replaces else one for one in specs]
    set_committee(settings, project, specs)
    return spec


def remove_teacher(settings: Settings, project: Project, name: str) -> None:
    """Take a teacher out of the committee; what it has written stays in the store.

    Raises BadInput when there is no such teacher, or it is the last one.
    """
    specs = asked_specs(settings, project)
    left = [spec for spec in specs if spec.name != name]
    if len(left) == len(specs):
        raise BadInput(f"There is no teacher '{name}' to remove any more: reload the page.")
    if not left:
        raise BadInput("A committee needs a teacher: add another one before you remove the last.")
    set_committee(settings, project, left)


async def probe(
    settings: Settings, spec: TeacherSpec, keys: Mapping[str, SecretStr]
) -> tuple[bool, str]:
    """Ask a teacher one tiny question, keep what came of it, and say it in a sentence.

    A local model is not loaded for this: its job loads it.
    """
    found = await _probed(settings, spec, keys)
    paces.save_probe(connect(settings.database), _probe_name(spec), *found)
    return found


def templates(settings: Settings, project: Project) -> dict[Role, str]:
    """What the teachers of a project are asked, by role."""
    return Prompts(committee.templates(connect(settings.database), project.id)).templates


def set_template(settings: Settings, project: Project, role: Role, template: str) -> None:
    """Ask with another template from now on; the default's own text is the default again.

    What was asked with another one stays in the store, and comes back with its template. Raises
    BadInput when the template lacks a field of its role, or names one that there is not.
    """
    check_template(role, template)
    own = None if template == DEFAULTS[role] else template
    committee.set_template(
        connect(settings.database), project.id, role.value, own, prompt_hash(template)
    )


def preview(settings: Settings, project: Project, role: Role, template: str) -> str:
    """A template as it will be sent, about the first mistake (an example where there is none).

    Raises BadInput as `set_template` does.
    """
    check_template(role, template)
    prompts = Prompts({role: template})
    question, wrong, rationale = _example(settings, project)
    match role:
        case Role.RATIONALE:
            return prompts.rationale(task_of(project).prompt(question))
        case Role.FEEDBACK:
            return prompts.feedback(question, wrong)
        case _:
            return prompts.review(question, rationale)


def _card(store: Any, row: TeacherRow, keys: Mapping[str, SecretStr]) -> TeacherCard:
    if row.origin != "committee":
        return TeacherCard(row.name, None, False, None, True, None, None)
    spec = TeacherSpec.model_validate(row.spec)
    variable = key_variable(spec)
    has_key = variable is None or bool(
        variable in keys and keys[variable].get_secret_value().strip()
    )
    return TeacherCard(
        row.name,
        spec,
        row.simulated,
        variable,
        has_key,
        price_of(spec),
        paces.probe(store, _probe_name(spec)),
    )


async def _probed(
    settings: Settings, spec: TeacherSpec, keys: Mapping[str, SecretStr]
) -> tuple[bool, str]:
    if spec.provider == "local":
        check(spec, Access(settings))
        return True, "A local model: the committee's job loads it."
    # Enough for a model that thinks a little before its one word.
    small = spec.model_copy(update={"max_tokens": min(spec.max_tokens, 256)})
    try:
        teacher = build(small, Access(settings, keys))
    except BadInput as fault:
        return False, str(fault)
    try:
        async with asyncio.timeout(min(spec.timeout_s, PROBE_DEADLINE_S)):
            reply = await teacher.ask(Request(Role.RATIONALE, PROBE.text, "probe", PROBE))
    except CallFailed as failure:
        return False, f"{failure} ({failure.kind})"
    except TimeoutError:
        return False, f"No answer within {min(spec.timeout_s, PROBE_DEADLINE_S):g} s."
    finally:
        await teacher.close()
    if reply.finish not in (Finish.COMPLETE, Finish.TRUNCATED):
        return False, f"{spec.model} answers, but the answer was {reply.finish}."
    price = "" if spec.provider not in REMOTE or price_of(spec) else " Its price is not known."
    return True, f"{spec.model} answers.{price}"


def _probe_name(spec: TeacherSpec) -> str:
    return f"{account_name(spec)} / {spec.model}"


def _example(settings: Settings, project: Project) -> tuple[Question, str, str]:
    """The first mistake with a rationale, as far as there is one."""
    store = connect(settings.database)
    found = exams.answers(store, project.exam_id, "wrong", 1) if project.exam_id else []
    if not found:
        return PROBE, "2 + 2 = 5. The answer is 5.", "2 + 2 = 4. The answer is 4."
    answer = found[0]
    written = committee.rationales(store, project.id, [answer.question_id])
    return as_question(answer), answer.text or "", (written[0].text if written else None) or "…"
