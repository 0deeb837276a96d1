"""A committee that is written as a file is read as the same committee."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.committee.base import TeacherSpec
from fair_app.committee.committee_file import as_toml, default_committee, load_committee
from fair_app.committee.presets import PRESETS, paper_committee

positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
teachers = st.builds(
    TeacherSpec,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    provider=st.sampled_from(["openai", "gemini", "mistral", "local", "offline"]),
    # A lone surrogate is no text, and no pydantic string.
    model=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    base_url=st.none() | st.just("http://127.0.0.1:8000/v1"),
    api_key_env=st.none() | st.just("MY_KEY"),
    temperature=st.floats(0, 2),
    max_tokens=st.integers(1, 10**9),
    requests_per_minute=st.none() | positive,
    tokens_per_minute=st.none() | positive,
    usd_per_million_input=st.none() | st.floats(0, 1e6),
    usd_per_million_output=st.none() | st.floats(0, 1e6),
    reasoning_effort=st.none() | st.sampled_from(["none", "minimal", "low", "medium", "high"]),
    batches=st.none() | st.booleans(),
    timeout_s=positive,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("committees")


@given(st.lists(teachers, min_size=1, max_size=4, unique_by=lambda one: one.name))
def test_what_is_written_is_read_again(folder: Path, committee: list[TeacherSpec]) -> None:
    file = folder / "committee.toml"
    file.write_text(as_toml(committee), encoding="utf-8", newline="")
    assert load_committee(file) == committee


def test_every_preset_survives_its_file(folder: Path) -> None:
    file = folder / "presets.toml"
    for committee in ([one.spec for one in PRESETS], paper_committee(), default_committee()):
        file.write_text(as_toml(committee), encoding="utf-8")
        assert load_committee(file) == committee


def test_the_file_is_plain_to_read() -> None:
    spec = TeacherSpec(name="gpt", provider="openai", model='a "model"', requests_per_minute=500)
    assert as_toml([spec]) == (
        '[[teacher]]\nname = "gpt"\nprovider = "openai"\nmodel = "a \\"model\\""\n'
        "temperature = 0.8\nmax_tokens = 512\nrequests_per_minute = 500\ntimeout_s = 60\n"
    )
