"""OpenAI, and by `base_url` every server that speaks its format: vLLM, llama.cpp, Ollama, …"""

from fair_app.committee.base import Access, TeacherSpec
from fair_app.committee.providers.chat import OPENAI, ChatTeacher
from fair_app.committee.providers.wire import key_to_send


def build(spec: TeacherSpec, access: Access) -> ChatTeacher:
    """A teacher at OpenAI or at `spec.base_url`, which ends in /v1 with most servers.

    Raises BadInput when its key is missing or its address is none.
    """
    base_url = (spec.base_url or OPENAI).rstrip("/")
    return ChatTeacher(spec, key_to_send(spec, access), base_url)
