"""The teachers on offer: that each can be used as it stands, and is what it says."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import pytest
from google.genai.types import ThinkingLevel
from mistralai.client.models import ReasoningEffort as MistralEffort
from openai.types.shared import chat_model
from openai.types.shared.reasoning_effort import ReasoningEffort as OpenAIEffort
from pydantic import SecretStr

from fair_app.committee.base import Access, TeacherSpec
from fair_app.committee.committee_file import default_committee, load_committee
from fair_app.committee.presets import (
    OTHER_TERMS,
    PAPER_NOTE,
    PRESETS,
    TERMS,
    default_remote_committee,
    paper_committee,
    terms_of,
)
from fair_app.committee.prices import price_of
from fair_app.committee.registry import PROVIDERS, REMOTE, build, key_of, key_variable
from fair_app.settings import Settings

SPECS = {preset.key: preset.spec for preset in PRESETS}
KEYED = {
    "openai": "OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "deepinfra": "DEEPINFRA_API_KEY",
}
OWN_SERVERS = {"vllm": 8000, "llama-cpp": 8080, "ollama": 11434, "transformers-serve": 8000}


def words(union: object) -> Iterator[str]:
    """The strings of a Literal, however deep it stands in a union."""
    for part in get_args(union):
        if isinstance(part, str):
            yield part
        else:
            yield from words(part)


def test_every_preset_has_its_own_key_name_and_text() -> None:
    assert len({preset.key for preset in PRESETS}) == len(PRESETS)
    assert len({preset.spec.name for preset in PRESETS}) == len(PRESETS)
    assert all(preset.title and preset.note for preset in PRESETS)
    assert {spec.provider for spec in SPECS.values()} == set(PROVIDERS)


@pytest.mark.parametrize("key", SPECS)
def test_a_preset_needs_the_key_that_its_note_names(key: str) -> None:
    spec = SPECS[key]
    assert key_variable(spec) == KEYED.get(key)
    note = next(preset.note for preset in PRESETS if preset.key == key)
    assert [word for word in note.split() if "_API_KEY" in word] == (
        [f"{KEYED[key]}."] if key in KEYED else []
    )
    if key in KEYED:
        access = Access(Settings(), {KEYED[key]: SecretStr("k")})
        assert key_of(spec, access) == "k"


def test_servers_of_one_s_own_are_asked_on_this_machine_without_a_key_and_for_nothing() -> None:
    for key, port in OWN_SERVERS.items():
        parts = urlsplit(SPECS[key].base_url or "")
        assert (parts.hostname, parts.port, parts.path) == ("127.0.0.1", port, "/v1")
        price = price_of(SPECS[key])
        assert price is not None
        assert (price.input_usd_per_million, price.output_usd_per_million) == (0, 0)


@pytest.mark.parametrize(
    "key", ["local", "offline-methodical", "offline-terse", "offline-storyteller"]
)
def test_what_needs_no_network_can_be_built_as_it_stands(key: str, tmp_path: Path) -> None:
    assert build(SPECS[key], Access(Settings(home=tmp_path))).spec == SPECS[key]


def test_the_offline_presets_are_the_default_committee() -> None:
    offline = [spec for spec in SPECS.values() if spec.provider == "offline"]
    assert offline == default_committee()


def test_the_default_committee_of_providers() -> None:
    """One teacher each, under the reference's names, whose prices are known."""
    committee = default_remote_committee()
    assert [(spec.name, spec.provider) for spec in committee] == [
        ("gpt", "openai"),
        ("gemini", "gemini"),
        ("mistral", "mistral"),
    ]
    assert {spec.provider for spec in committee} == set(REMOTE)
    for spec in committee:
        price = price_of(spec)
        assert price is not None, spec.model
        # Cheap: a GSM8K run takes some 90,000 calls.
        assert 0 < price.output_usd_per_million <= 3


def test_the_default_models_are_no_previews_and_have_no_end_announced() -> None:
    for spec in default_remote_committee():
        assert not {"preview", "exp", "latest"} & set(spec.model.split("-")), spec.model
    gpt = SPECS["openai"].model
    assert gpt in get_args(chat_model.ChatModel)
    ended = Path(chat_model.__file__).read_text().partition("Deprecated values:")[2]
    assert '"gpt-3.5-turbo"' in ended  # the list is where it was looked for
    assert f'"{gpt}"' not in ended


def test_thinking_is_set_to_a_level_that_the_sdk_knows() -> None:
    levels = {
        "openai": set(words(OpenAIEffort)),
        "gemini": {level.value.lower() for level in ThinkingLevel},
        "mistral": set(words(MistralEffort)),
    }
    for spec in default_remote_committee():
        assert spec.reasoning_effort in levels[spec.provider]


def test_the_paper_s_committee_is_the_paper_s() -> None:
    committee = paper_committee()
    assert [(spec.name, spec.model) for spec in committee] == [
        ("gpt", "gpt-3.5-turbo"),
        ("gemini", "gemini-1.0-pro"),
        ("mistral", "open-mixtral-8x7b"),
    ]
    assert {(spec.temperature, spec.max_tokens) for spec in committee} == {(0.8, 512)}
    assert "retired" in PAPER_NOTE
    assert not {spec.model for spec in committee} & {spec.model for spec in SPECS.values()}


def test_terms_hold_for_the_provider_and_not_for_other_servers() -> None:
    assert set(TERMS) == set(REMOTE)
    for sentence in [*TERMS.values(), OTHER_TERMS]:
        assert sentence.count(". ") == 0
        assert sentence.endswith(").")
    for provider in REMOTE:
        spec = TeacherSpec(name="t", provider=provider, model="m")
        assert terms_of(spec) == TERMS[provider]
        assert terms_of(spec.model_copy(update={"base_url": "http://x/v1"})) == OTHER_TERMS
    assert terms_of(SPECS["local"]) == OTHER_TERMS
    assert terms_of(SPECS["offline-terse"]) is None


def test_presets_can_be_written_as_a_committee_file(tmp_path: Path) -> None:
    """All of them in one file, read back as they were."""
    tables = []
    for spec in SPECS.values():
        values = spec.model_dump(mode="json", exclude_none=True)
        tables.append(
            "[[teacher]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in values.items())
        )
    path = tmp_path / "committee.toml"
    path.write_text("\n".join(tables))
    assert load_committee(path) == list(SPECS.values())


def test_a_preset_cannot_be_changed_in_place() -> None:
    assert replace(PRESETS[0], title="x").title == "x"
    with pytest.raises(AttributeError):
        PRESETS[0].title = "x"  # type: ignore[misc]
