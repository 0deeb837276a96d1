"""The providers of teachers, by name; a provider's module is imported when a teacher uses it."""

from importlib import import_module

from fair_app.committee.base import Access, Teacher, TeacherSpec
from fair_app.errors import BadInput

PROVIDERS = {
    "openai": "fair_app.committee.providers.openai",
    "gemini": "fair_app.committee.providers.gemini",
    "mistral": "fair_app.committee.providers.mistral",
    "local": "fair_app.committee.providers.local",
    "offline": "fair_app.committee.offline.teacher",
}
"""Where the `build(spec, access)` of each provider stands."""

REMOTE = ("openai", "gemini", "mistral")
"""Providers that are asked over the network; the others run in this program and cost nothing."""

KEY_VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "mistral": "MISTRAL_API_KEY",
}
"""Where a provider's key stands when the teacher does not say."""


def check(spec: TeacherSpec, access: Access) -> None:
    """Raise BadInput when there is no such provider, or it has no such model on this machine.

    A remote teacher is taken at its word: its key may come later, and only its provider knows.
    """
    if spec.provider not in REMOTE:
        build(spec, access)


def build(spec: TeacherSpec, access: Access) -> Teacher:
    """Make the teacher that `spec` describes. Raises BadInput when that cannot be."""
    if spec.provider not in PROVIDERS:
        raise BadInput(
            f"teacher '{spec.name}': there is no provider '{spec.provider}': "
            f"use one of {', '.join(PROVIDERS)}"
        )
    teacher: Teacher = import_module(PROVIDERS[spec.provider]).build(spec, access)
    return teacher


def key_variable(spec: TeacherSpec) -> str | None:
    """The environment variable with a teacher's key, or None when it is asked without one.

    A server of one's own (`base_url`) is sent no provider's key unless the teacher names one.
    """
    if spec.api_key_env or spec.base_url:
        return spec.api_key_env
    return KEY_VARIABLES.get(spec.provider)


def key_of(spec: TeacherSpec, access: Access) -> str:
    """A remote teacher's key, or "none" for a server that is asked without one.

    Raises BadInput when the variable that should hold it is empty or not set.
    """
    variable = key_variable(spec)
    if variable is None:
        return "none"
    key = access.keys.get(variable)
    if key is None or not key.get_secret_value().strip():
        raise BadInput(
            f"teacher '{spec.name}' needs a key: set the environment variable {variable}, or type "
            "the key on the committee page"
        )
    return key.get_secret_value().strip()
