"""What a teacher is: something that answers one request in one of three roles."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from fair_app.settings import Settings
from fair_app.student.base import never_cancelled
from fair_app.tasks.base import Question


class Role(StrEnum):
    """The three things a teacher is asked for (arXiv 2410.03663, section 3)."""

    RATIONALE = "rationale"
    FEEDBACK = "feedback"
    REVIEW = "review"


ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]


class TeacherSpec(BaseModel):
    """One `[[teacher]]` of a committee file. Holds the name of a key's variable, never a key.

    `reasoning_effort` is for models that think before they answer; None leaves it to the provider.
    `batches`: whether it can be asked in batches; None is yes at the provider itself, no elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    provider: str
    model: str
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]*$")
    temperature: float = Field(default=0.8, ge=0, le=2)
    max_tokens: int = Field(default=512, ge=1)
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    usd_per_million_input: float | None = Field(default=None, ge=0)
    usd_per_million_output: float | None = Field(default=None, ge=0)
    reasoning_effort: ReasoningEffort | None = None
    timeout_s: float = Field(default=60, gt=0)
    batches: bool | None = None


@dataclass(frozen=True)
class Request:
    """One thing asked of a teacher: the rendered prompt, and the fields that it was rendered from.

    A model reads `prompt`; a rule-based teacher works on the fields. `author` says whose rationale
    is reviewed and is part of the ledger's key; it is never shown to the reviewer. `again` counts
    how often the same thing was asked before, when its answer could not be read.
    """

    role: Role
    prompt: str
    task: str
    question: Question
    student_answer: str = ""
    rationale: str = ""
    author: str = ""
    again: int = 0


class Finish(StrEnum):
    """How an answer ended. All but COMPLETE are shown, never trained on and never reviewed."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    BLOCKED = "blocked"
    EMPTY = "empty"


@dataclass(frozen=True)
class Reply:
    """What came back. Output tokens count thoughts too, as providers bill them."""

    text: str
    finish: Finish
    input_tokens: int | None = None
    output_tokens: int | None = None
    simulated: bool = False


class Fault(StrEnum):
    """Why a call gave no answer."""

    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    AUTH = "auth"
    MODEL = "model"
    SERVER = "server"
    NETWORK = "network"
    TIMEOUT = "timeout"
    BAD_BODY = "bad_body"
    REQUEST = "request"


PASSING = frozenset({Fault.RATE_LIMIT, Fault.SERVER, Fault.NETWORK, Fault.TIMEOUT})
"""Faults after which the same call may succeed a little later."""


class CallFailed(Exception):
    """A call that gave no answer: why, one line of text, and how long to wait if the server said.

    `retry_after` is in seconds. The text never holds a key; it ends with the advice for a teacher,
    without which it is `said`.
    """

    def __init__(
        self, kind: Fault, message: str, retry_after: float | None = None, advice: str = ""
    ) -> None:
        super().__init__(message + advice)
        self.kind = kind
        self.said = message
        self.retry_after = retry_after


class Teacher(Protocol):
    """A member of the committee. Many requests may be under way at once."""

    spec: TeacherSpec

    async def ask(self, request: Request) -> Reply:
        """Answer one request, trying once. Raises CallFailed."""
        ...

    async def close(self) -> None:
        """Give back connections and memory."""
        ...


@dataclass(frozen=True)
class Access:
    """What a provider needs beside a teacher's spec: keys by variable name, folders, a cancel.

    `cancelled` raises Cancelled when a person stopped the work.
    """

    settings: Settings
    keys: Mapping[str, SecretStr] = field(default_factory=dict)
    cancelled: Callable[[], None] = never_cancelled
