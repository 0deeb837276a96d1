"""What a teacher is: something that answers one request in one of three roles."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from fair_app.tasks.base import Question


class Role(StrEnum):
    """The three things a teacher is asked for (arXiv 2410.03663, section 3)."""

    RATIONALE = "rationale"
    FEEDBACK = "feedback"
    REVIEW = "review"


class TeacherSpec(BaseModel):
    """One `[[teacher]]` of a committee file. Holds the name of a key's variable, never a key."""

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
    timeout_s: float = Field(default=60, gt=0)


@dataclass(frozen=True)
class Request:
    """One thing asked of a teacher: the rendered prompt, and the fields that it was rendered from.

    A model reads `prompt`; a rule-based teacher works on the fields. `author` says whose rationale
    is reviewed and is part of the ledger's key; it is never shown to the reviewer.
    """

    role: Role
    prompt: str
    task: str
    question: Question
    student_answer: str = ""
    rationale: str = ""
    author: str = ""


@dataclass(frozen=True)
class Reply:
    """What came back. `finish` is `complete`, `truncated`, `blocked` or `empty`."""

    text: str
    finish: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    simulated: bool = False


class CallFailed(Exception):
    """A call that gave no answer.

    `kind` is one of rate_limit, quota, auth, server, network, timeout, bad_body, request.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Teacher(Protocol):
    """A member of the committee."""

    spec: TeacherSpec

    async def ask(self, request: Request) -> Reply:
        """Answer one request. Raises CallFailed."""
        ...
