"""Settings from the environment: what is none is said by its variable's name."""

import pytest

from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.settings import read_settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FAIR_BACKUP_MINUTES", "0"),
        ("FAIR_BACKUP_MINUTES", "often"),
        ("FAIR_STOP_JOBS", "perhaps"),
        ("FAIR_PORT", "http"),
    ],
)
def test_a_value_that_is_none_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInput, match=f"^{variable}: Input should be "):
        read_settings()
    assert main(["status"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIR_BACKUP", "")
    monkeypatch.setenv("FAIR_BACKUP_MINUTES", "")
    assert (read_settings().backup, read_settings().backup_minutes) == ("", 5.0)
