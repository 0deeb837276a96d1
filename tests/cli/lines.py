"""The command line as tests type it, and on one taught project for tests of curation."""

import json
from typing import Any

import pytest

from fair_app.cli.main import main
from fair_app.curation.acceptance import Rule
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.board import decision_log
from fair_app.studio.projects import open_project
from tests.browser.taught import taught

ONE = ("--question", "1", "--teacher", "ada")
"""A rationale by its question and its teacher."""


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, Any, str]:
    """A command's exit code, its JSON object (None without one) and standard error."""
    capsys.readouterr()
    code = main([*map(str, argv), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


class Line:
    """The command line on one project: by its words and as Python values."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        self.settings, self.capsys = settings, capsys
        self.project = taught(settings)

    def run(self, *words: object) -> tuple[int, Any, str]:
        """A command's exit code, its JSON object (None without one) and standard error."""
        first, *rest = words
        where = ("--home", self.settings.home, "--project", self.project.name)
        return run(self.capsys, first, *where, *rest)

    def ok(self, *words: object) -> Any:
        code, result, err = self.run(*words)
        assert code == 0, err
        return result

    def bad(self, *words: object) -> str:
        """The one sentence of a command that is refused, and that writes nothing."""
        before = decision_log(self.settings, self.project), self.rule()
        code, result, err = self.run(*words)
        assert (code, result) == (2, None)
        lines = err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        assert (decision_log(self.settings, self.project), self.rule()) == before
        return lines[0]

    def rule(self) -> Rule:
        return review.rule_of(open_project(self.settings, self.project.name))

    def log(self) -> list[tuple[str, str, str]]:
        return [
            (one.actor, one.subject, one.action)
            for one in decision_log(self.settings, self.project)
        ]
