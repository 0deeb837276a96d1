"""The ledger's key: when two calls are one and the same, so that the second is never sent."""

import hashlib
import json
from dataclasses import asdict

from fair_app.committee.base import Request, TeacherSpec
from fair_app.student.base import Decoding

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


def mentor_hash(model: str) -> str:
    """A hash of what a mentor is: the REF of its model."""
    return _hash(["mentor", model])


def sample_key(model: str, decoding: Decoding, prompts: str, prompt: str, gold_text: str) -> str:
    """The key of one answer of a mentor: its model, how it samples (the seed too), what it reads.

    `prompts` says how the prompt is put to the model.
    """
    return _hash([mentor_hash(model), asdict(decoding), prompts, prompt, gold_text])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
