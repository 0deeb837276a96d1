"""Batches: many requests handed to a provider at once, answered within a day, at half the price.

A batch lives at the provider. Its id is all that must be kept to come back for it; should a
process die between the submission and the keeping, `find` has it by its label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

from fair_app.committee.base import Access, CallFailed, Reply, Request, TeacherSpec
from fair_app.errors import BadInput

BATCH_PROVIDERS = {
    "openai": "fair_app.committee.providers.openai_batch",
    "gemini": "fair_app.committee.providers.gemini_batch",
    "mistral": "fair_app.committee.providers.mistral_batch",
}
"""Where the `build(spec, access)` of each provider's batches stands."""

State = Literal["running", "done", "failed", "expired", "cancelled"]
Outcome = tuple[str, Reply | CallFailed]
"""The id of an item, and what became of it."""


@dataclass(frozen=True)
class BatchState:
    """Where a batch stands: `message` says why it failed; counts are of items, where known."""

    state: State
    message: str = ""
    total: int | None = None
    answered: int | None = None
    failed: int | None = None


class BatchTeacher(Protocol):
    """A teacher that is asked in batches. Every method raises CallFailed.

    `most_items` and `most_bytes` are the provider's limits for one batch, of its prompts together.
    """

    spec: TeacherSpec
    most_items: int
    most_bytes: int

    async def submit(self, items: Sequence[tuple[str, Request]], label: str = "") -> str:
        """Hand in requests, each with an id of the caller's; gives the provider's batch id."""
        ...

    async def find(self, label: str) -> str | None:
        """The newest batch that was submitted under a label, of the provider's latest hundred."""
        ...

    async def poll(self, batch_id: str) -> BatchState:
        """Where a batch stands."""
        ...

    async def results(self, batch_id: str) -> list[Outcome]:
        """What became of the items of a batch that has ended, in any order. Items that an expired
        or cancelled batch did not come to may be missing."""
        ...

    async def cancel(self, batch_id: str) -> None:
        """Stop a batch; what was answered so far is paid for and stays in its results."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


def has_batches(spec: TeacherSpec) -> bool:
    """Whether a teacher can be asked in batches: compatible servers mostly have none."""
    if spec.provider not in BATCH_PROVIDERS:
        return False
    return spec.base_url is None if spec.batches is None else spec.batches


def build_batches(spec: TeacherSpec, access: Access) -> BatchTeacher:
    """Make the teacher that `spec` describes, asked in batches. Raises BadInput when that cannot
    be."""
    if spec.provider not in BATCH_PROVIDERS:
        raise BadInput(
            f"teacher '{spec.name}': {spec.provider} has no batches: use one of "
            f"{', '.join(BATCH_PROVIDERS)}"
        )
    teacher: BatchTeacher = import_module(BATCH_PROVIDERS[spec.provider]).build(spec, access)
    return teacher
