"""A committee file is read into teachers, or refused with one sentence that says what to change."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.committee.base import Access, TeacherSpec
from fair_app.committee.committee_file import default_committee, load_committee, read_teacher
from fair_app.committee.registry import build
from fair_app.errors import BadInput
from fair_app.settings import Settings

ACCESS = Access(Settings())
TEACHER = '[[teacher]]\nname = "t"\nprovider = "offline"\nmodel = "terse"\n'
KEYS = [
    "sk-proj-abcDEF0123456789abcDEF0123456789",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "hf_abcdefghijklmnopqrstuvwxyz0123456789",
    "gsk_abcdefghijklmnopqrstuvwxyz0123456789",
]


def refused(folder: Path, text: str) -> str:
    path = folder / "committee.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as refusal:
        load_committee(path)
    message = str(refusal.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_every_field_of_the_contract_is_read(tmp_path: Path) -> None:
    path = tmp_path / "committee.toml"
    path.write_text("""
[[teacher]]
name = "gpt"
provider = "openai"
model = "gpt-5-mini"
base_url = "http://127.0.0.1:9001/v1"
api_key_env = "OPENAI_API_KEY"
temperature = 0.8
max_tokens = 512
requests_per_minute = 500
tokens_per_minute = 200000
usd_per_million_input = 0.15
usd_per_million_output = 0.60
timeout_s = 60

[[teacher]]
name = "offline-terse"
provider = "offline"
model = "terse"
""")
    gpt, terse = load_committee(path)
    assert gpt == TeacherSpec(
        name="gpt",
        provider="openai",
        model="gpt-5-mini",
        base_url="http://127.0.0.1:9001/v1",
        api_key_env="OPENAI_API_KEY",
        requests_per_minute=500,
        tokens_per_minute=200000,
        usd_per_million_input=0.15,
        usd_per_million_output=0.6,
    )
    assert (terse.name, terse.temperature, terse.api_key_env) == ("offline-terse", 0.8, None)


def test_one_teacher_is_a_committee(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(TEACHER)
    assert [teacher.name for teacher in load_committee(path)] == ["t"]


def test_the_default_committee_is_three_offline_teachers_that_can_be_built() -> None:
    teachers = default_committee()
    assert len({teacher.name for teacher in teachers}) == 3
    assert all(teacher.name.startswith("offline-") for teacher in teachers)
    assert [build(teacher, ACCESS).spec for teacher in teachers] == teachers


def test_a_missing_file_a_folder_and_a_file_of_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no committee file"):
        load_committee(tmp_path / "missing.toml")
    with pytest.raises(BadInput, match="cannot be read"):
        load_committee(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not a TOML file"):
        load_committee(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[teacher]\n", "not valid TOML: .*line 1"),
        ("", "has no teachers"),
        ("teacher = 3", "has no teachers"),
        ("teacher = []", "has no teacher: write at least one"),
        ("teacher = [1]", "has no teachers"),
        ('[[teachers]]\nname = "t"\n', r"'teachers' is unknown: .*\[\[teacher\]\]"),
        (TEACHER + TEACHER, "2 teachers are named 't'"),
        (TEACHER.replace("offline", "cohere"), "teacher 't': provider must be one of openai, "),
        (TEACHER.replace('name = "t"\n', ""), "teacher 1: name is missing"),
        (TEACHER.replace('"t"', '"two words"'), "teacher 'two words': name must be letters"),
        (TEACHER.replace('"t"', "7"), "teacher 1: name must be letters"),
        (TEACHER.replace('model = "terse"\n', ""), "teacher 't': model is missing"),
        (TEACHER.replace('"terse"', '" "'), "teacher 't': model must be"),
        (TEACHER + "modle = 3", "teacher 't': there is no field 'modle'"),
        (TEACHER + 'temperature = "0.8"', "teacher 't': temperature must be a number from 0 to 2"),
        (TEACHER + "temperature = 3", "teacher 't': temperature must be"),
        (TEACHER + "temperature = nan", "teacher 't': temperature must be"),
        (TEACHER + "temperature = true", "teacher 't': temperature must be"),
        (TEACHER + "max_tokens = 0", "teacher 't': max_tokens must be a whole number"),
        (TEACHER + "max_tokens = 1.5", "teacher 't': max_tokens must be a whole number"),
        (TEACHER + "timeout_s = 0", "teacher 't': timeout_s must be"),
        (TEACHER + "timeout_s = inf", "teacher 't': timeout_s must be"),
        (TEACHER + "requests_per_minute = -1", "teacher 't': requests_per_minute must be"),
        (TEACHER + "usd_per_million_input = -1", "teacher 't': usd_per_million_input must be"),
        (TEACHER + 'base_url = "127.0.0.1:9001"', "teacher 't': base_url must be a URL"),
        (TEACHER + 'base_url = "http://"', "teacher 't': base_url must be a URL"),
        (TEACHER + 'base_url = "http://a:b/v1"', "teacher 't': base_url must be a URL"),
        (TEACHER + 'api_key_env = "my key"', "teacher 't': api_key_env must be the name"),
        (TEACHER + 'api_key = "x"', "teacher 't': api_key holds a key"),
        (TEACHER + 'base_url = "https://me:pw@host/v1"', "teacher 't': base_url holds a key"),
        (TEACHER + 'base_url = "https://host/v1?api_key=5"', "teacher 't': base_url holds a key"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_teacher(
    tmp_path: Path, text: str, says: str
) -> None:
    assert re.search(says, refused(tmp_path, text))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("field", ["api_key_env", "api_key", "model", "name", "base_url", "note"])
def test_a_key_is_refused_wherever_it_stands_and_is_never_repeated(
    tmp_path: Path, key: str, field: str
) -> None:
    table = {"name": "t", "provider": "openai", "model": "m", field: key}
    text = "[[teacher]]\n" + "".join(f'{name} = "{value}"\n' for name, value in table.items())
    message = refused(tmp_path, text)
    assert key not in message
    assert f"{field} holds a key" in message


@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_broken_toml_is_not_repeated(tmp_path: Path, key: str) -> None:
    for text in (f"{key}", f"[[teacher]]\nname = {key}\n", f'{key} = "x"'):
        assert key not in refused(tmp_path, text)


@settings(deadline=None, max_examples=200)
@given(text=st.text(alphabet='[]teachrnm="\n\\.#{}0', max_size=80))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text)
    with pytest.raises(BadInput):
        load_committee(path)


def test_an_unknown_provider_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"no provider .cohere.*openai.*offline"):
        build(TeacherSpec(name="t", provider="cohere", model="m"), ACCESS)
    with pytest.raises(BadInput, match="provider must be one of openai"):
        read_teacher({"name": "t", "provider": "cohere", "model": "m"}, "the teacher")


def test_a_provider_without_its_key_says_which_variable_to_set() -> None:
    with pytest.raises(BadInput, match="MISTRAL_API_KEY"):
        build(TeacherSpec(name="t", provider="mistral", model="m"), ACCESS)


def test_an_unknown_offline_model_is_refused_with_the_three_names() -> None:
    with pytest.raises(BadInput, match="methodical, terse, storyteller"):
        build(TeacherSpec(name="t", provider="offline", model="gpt"), ACCESS)
