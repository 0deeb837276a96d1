"""The ledger's key: when two calls are one and the same, so that the second is never sent."""

import hashlib
import json
from dataclasses import asdict

from fair_app.committee.base import Request, TeacherSpec
from fair_app.errors import BadInput
from fair_app.student.base import Decoding
from fair_app.student.fingerprint import fingerprint
from fair_app.student.registry import StudentRef

NOT_OF_THE_ANSWER = {
    "api_key_env",
    "requests_per_minute",
    "tokens_per_minute",
    "usd_per_million_input",
    "usd_per_million_output",
    "timeout_s",
    "batches",
}
"""Fields of a teacher that change its pace or its price, but not what it says."""


def spec_hash(spec: TeacherSpec) -> str:
    """A hash of what a teacher is: its name, provider, model and sampling parameters."""
    return _hash(spec.model_dump(mode="json", exclude=NOT_OF_THE_ANSWER, exclude_none=True))


def call_key(spec: TeacherSpec, request: Request) -> str:
    """A hash of the teacher, the role, all that the prompt says, the author reviewed, the try."""
    return _hash(
        [
            spec_hash(spec),
            request.role,
            request.prompt,
            request.question.gold_text,
            request.author,
            *([request.again] * bool(request.again)),
        ]
    )


def mentor_hash(model: str, files: str = "") -> str:
    """A hash of what a mentor is: the REF of its model, and the `fingerprint` of its files.

    Where there is none, the REF alone says it.
    """
    return _hash(["mentor", model, *([files] * bool(files))])


def present_mentor(chosen: str, model: str, ref: StudentRef) -> str:
    """The hash of the mentor that a REF names now. Raises BadInput when it is not the one that had
    the hash `chosen`: what one model wrote must not pass for another's.
    """
    found = mentor_hash(model, fingerprint(ref))
    # one that was chosen before files were looked at is known by its REF alone
    if chosen not in (found, mentor_hash(model)):
        raise BadInput(
            f"The files of the mentor {model} changed since it was chosen: choose it again "
            "(`mentor --student REF`), and test what it is now."
        )
    return found


def sample_key(mentor: str, decoding: Decoding, prompts: str, prompt: str, gold_text: str) -> str:
    """The key of one answer of a mentor: its hash, how it samples (the seed too), what it reads.

    `prompts` says how the prompt is put to the model.
    """
    return _hash([mentor, asdict(decoding), prompts, prompt, gold_text])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
