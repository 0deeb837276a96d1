"""Teachers that are built as the studio builds them and ask the loopback server."""

import asyncio

from pydantic import SecretStr

from fair_app.committee.base import Access, CallFailed, Reply, Request, Role, Teacher, TeacherSpec
from fair_app.committee.providers.batches import BatchTeacher, build_batches
from fair_app.committee.registry import build
from fair_app.settings import Settings
from fair_app.tasks.base import Question
from tests.wire.formats import MODEL_NAMES
from tests.wire.server import Server

KEY = "topsecret-0123456789-abcdefghij"


def teacher(server: Server, provider: str, **fields: object) -> Teacher:
    """A teacher of this provider whose address is the server's."""
    return build(*described(server, provider, **fields))


def batch_teacher(server: Server, provider: str, **fields: object) -> BatchTeacher:
    """The same, asked in batches."""
    return build_batches(*described(server, provider, **fields))


def described(server: Server, provider: str, **fields: object) -> tuple[TeacherSpec, Access]:
    """What such a teacher is built from."""
    spec = {
        "name": f"a-{provider}",
        "provider": provider,
        "model": MODEL_NAMES[provider],
        "base_url": server.base_url(provider),
        "api_key_env": "WIRE_KEY",
        "timeout_s": 5,
    }
    access = Access(Settings(), {"WIRE_KEY": SecretStr(KEY)})
    return TeacherSpec.model_validate(spec | fields), access


def request(prompt: str = "What is 2 + 3?") -> Request:
    """A rationale's request."""
    question = Question(text=prompt, gold_answer="5", gold_text="5")
    return Request(Role.RATIONALE, prompt, "arithmetic", question)


def asked(one: Teacher, prompt: str = "What is 2 + 3?") -> Reply:
    """What the teacher answers; it is closed again."""

    async def ask_and_close() -> Reply:
        try:
            return await one.ask(request(prompt))
        finally:
            await one.close()

    return asyncio.run(ask_and_close())


def failure(one: Teacher) -> CallFailed:
    """How the teacher's call fails."""
    try:
        reply = asked(one)
    except CallFailed as failed:
        return failed
    raise AssertionError(f"the call did not fail: {reply}")
