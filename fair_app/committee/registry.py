"""The providers of teachers, by name; a provider's module is imported when a teacher uses it."""

from importlib import import_module

from fair_app.committee.base import Teacher, TeacherSpec
from fair_app.errors import BadInput

PROVIDERS = ("openai", "gemini", "mistral", "local", "offline")
"""What a committee file may say."""
_MODULES = {"offline": "fair_app.committee.offline"}
"""What this version has. Each module has a `build(spec)`."""


def providers() -> list[str]:
    """The names of the providers that can be used."""
    return list(_MODULES)


def build(spec: TeacherSpec) -> Teacher:
    """Make the teacher that `spec` describes. Raises BadInput when its provider cannot."""
    if spec.provider not in PROVIDERS:
        raise BadInput(
            f"teacher '{spec.name}': there is no provider '{spec.provider}': "
            f"use one of {', '.join(PROVIDERS)}"
        )
    if spec.provider not in _MODULES:
        raise BadInput(
            f"provider '{spec.provider}' is not part of this version yet: "
            'use provider = "offline", or import recorded answers with `import`'
        )
    teacher: Teacher = import_module(_MODULES[spec.provider]).build(spec)
    return teacher
