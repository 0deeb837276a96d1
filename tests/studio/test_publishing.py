"""What is pushed of a project: asked for, refused, and loaded again as others would load it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from pydantic import SecretStr

from db import checkpoints, committee, jobs, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.errors import BadInput
from fair_app.exchange.hub import HUB_KEY
from fair_app.exchange.sft import chats
from fair_app.jobs.worker import run_now
from fair_app.settings import Settings
from fair_app.student.registry import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from fair_app.studio.projects import create_project, open_project
from fair_app.studio.published_files import checkpoint_files, data_files, for_others
from fair_app.studio.publishing import DATA, merged, publish_params, pushes
from fair_app.studio.training import merge_params, training_questions
from tests.browser.taught import taught
from tests.evaluated import evaluated
from tests.loopback_repository import Hub, loopback_repository
from tests.studio.recorded import ONE_STEP, record
from tests.training.tiny_home import tiny, tiny_home, trained

TOKEN = "may-write-0123456789"
KEYS = {HUB_KEY: SecretStr(TOKEN)}
HERE = Path(__file__).resolve().parents[2]
LOAD = """
import json, sys, torch
from datasets import load_dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, adapter, whole, data = sys.argv[1:]
rows = load_dataset(data, split="train")
tokenizer = AutoTokenizer.from_pretrained(whole)
tokens = tokenizer("What is 2 + 2?", return_tensors="pt")
ids = {"input_ids": tokens["input_ids"]}
base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
before = base(**ids).logits
adapted = PeftModel.from_pretrained(base, adapter)(**ids).logits
merged = AutoModelForCausalLM.from_pretrained(whole, dtype=torch.float32)(**ids).logits
print(json.dumps({
    "rows": list(rows),
    "features": str(rows.features),
    "changed": float((adapted - before).abs().max()),
    "apart": float((adapted - merged).abs().max()),
    "scale": float(merged.abs().max()),
}))
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def project(settings: Settings) -> Project:
    """A project with a trained adapter, and the same merged into full weights."""
    made = taught(settings)
    trained(settings, made, "first", ONE_STEP)
    run_now(settings, "merge", merge_params(settings, "first", "first-merged"), made.id)
    return made


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with pytest.MonkeyPatch.context() as patch, loopback_repository() as running:
        patch.setenv("HF_ENDPOINT", running.address)
        patch.setenv(HUB_KEY, TOKEN)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield running


def push(settings: Settings, project: Project, what: str, to: str, **more: Any) -> dict[str, Any]:
    params = publish_params(settings, project, what=what, to=to, keys=KEYS, **more)
    assert TOKEN not in str(params)
    return run_now(settings, "publish", params, project.id)


def test_what_was_pushed_loads_with_the_libraries_alone(
    settings: Settings, project: Project, hub: Hub, tmp_path: Path
) -> None:
    assert settings.home is not None
    (settings.checkpoints / "first" / "first-f16.gguf").write_bytes(b"GGUF")
    result = push(settings, project, "checkpoint:first", "ann/first")
    assert result["url"] == f"{hub.address}/ann/first"
    assert (result["public"], result["bytes"] > 10_000) == (False, True)
    push(settings, project, "checkpoint:first-merged", "ann/whole")
    push(settings, project, DATA, "ann/curated", public=True)
    assert [len(one.commits) for one in hub.repositories.values()] == [1, 1, 1]
    assert [one.private for one in hub.repositories.values()] == [True, True, False]

    environment = {
        **{name: one for name, one in os.environ.items() if "proxy" not in name.lower()},
        "HF_ENDPOINT": hub.address,
        HUB_KEY: TOKEN,
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_XET": "1",
    }
    where = [tiny(settings), "ann/first", "ann/whole", "ann/curated"]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *where],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Ignoring part of dataset_info" not in done.stderr  # what `datasets` says of a bad head
    found = json.loads(done.stdout.splitlines()[-1])
    own = list(chats(training_questions(settings, project), {"ada"}))
    assert found["rows"] == own
    assert "'simulated': Value('bool')" in found["features"]
    assert found["changed"] > 0
    assert found["apart"] < 0.05 * found["scale"]  # merged weights are rounded to bfloat16

    # what is this machine's, and what is learned from, stays here
    first = hub.repositories["ann/first"].files
    assert {"adapter_config.json", "tokenizer.json", "lineage.json", "README.md"} <= first.keys()
    assert not {"examples.json", "first-f16.gguf"} & first.keys()
    assert json.loads(first["adapter_config.json"])["base_model_name_or_path"] == "tiny"
    for repository in hub.repositories.values():
        for name, content in repository.files.items():
            assert str(settings.home).encode() not in content, name
            assert TOKEN.encode() not in content, name
    rows = "".join(connect(settings.database).conn.iterdump())
    assert TOKEN not in rows
    assert [one.what for one in pushes(settings, project)] == [
        DATA,
        "checkpoint:first-merged",
        "checkpoint:first",
    ]


def test_a_checkpoint_has_its_merged_one(settings: Settings, project: Project) -> None:
    assert merged(settings, project, "first") == "first-merged"
    assert merged(settings, project, "first-merged") == "first-merged"
    assert merged(settings, project, "nothing") is None


def test_a_card_has_its_tests_against_the_base(settings: Settings, project: Project) -> None:
    evaluated(settings, project, "checkpoint:first", [True] * 9 + [False] * 3)
    evaluated(settings, project, tiny(settings), [True] * 3 + [False] * 9)
    evaluated(settings, project, "checkpoint:first", [True, None])
    card = checkpoint_files(settings, project, "first", "ann/first").files["README.md"]
    assert isinstance(card, bytes)
    text = card.decode()
    assert "| this one | arithmetic (test) | greedy, 256 tokens | 9 of 12 | 75.0 % |" in text
    assert "| its base | arithmetic (test) | greedy, 256 tokens | 3 of 12 | 25.0 % |" in text
    assert text.count("arithmetic (test)") == 2
    whole = checkpoint_files(settings, project, "first-merged", "ann/x").files["README.md"]
    assert isinstance(whole, bytes)
    assert b"| before merging | arithmetic (test) |" in whole
    assert "**Simulated.** Among the teachers ada are" in text


def test_a_card_says_what_changed_and_what_the_offline_base_is(settings: Settings) -> None:
    own = taught(settings)
    record(settings, own, "small")
    store = connect(settings.database)
    folder = settings.checkpoints / "small"
    lineage = {"base": "smollm2-135m", "quantization": "4bit", "teachers": []}
    (folder / "lineage.json").write_text(json.dumps(lineage), encoding="utf-8")
    (folder / ADAPTER_CONFIG_FILE).write_text('{"r": 2}', encoding="utf-8")
    (folder / ADAPTER_FILE).write_bytes(b"weights")
    store["checkpoints"].update(
        checkpoints.by_name(store, "small").id,  # type: ignore[union-attr]
        {"base": "smollm2-135m"},
    )
    evaluated(settings, own, "smollm2-135m", [False] * 12)
    evaluated(settings, own, "checkpoint:small", [True] * 12)
    made = checkpoint_files(settings, own, "small", "ann/small").files
    card, config = made["README.md"], made[ADAPTER_CONFIG_FILE]
    assert isinstance(card, bytes) and isinstance(config, bytes)
    on_hub = "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert json.loads(config) == {"r": 2, "base_model_name_or_path": on_hub}
    text = card.decode()
    assert f"base_model: {on_hub}\n" in text
    assert "license: apache-2.0\n" in text
    assert "checkpoint:small answered 100.0 % of 12 questions" in text
    assert "unpacked from a 4-bit file" in text
    assert "NF4" in text


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("checkpoint:nothing", "There is no checkpoint 'nothing' in .* there are: first"),
        ("checkpoint:../../etc", "There is no checkpoint"),
        ("checkpoint:under-way", "'under-way' is not finished"),
        ("checkpoint:half", "has no adapter_config.json: train it again"),
        ("", "There is no checkpoint ''"),
    ],
)
def test_only_a_finished_checkpoint_is_pushed(
    settings: Settings, project: Project, what: str, said: str
) -> None:
    store = connect(settings.database)
    if what == "checkpoint:under-way":
        jobs.add(store, "train", {"name": "under-way"}, project.id)
    if what == "checkpoint:half":
        (settings.checkpoints / "half").mkdir()
        (settings.checkpoints / "half" / "lineage.json").write_text("{}", encoding="utf-8")
        checkpoints.add(store, project.id, job_id=None, name="half", base="x", lineage={})
    with pytest.raises(BadInput, match=said):
        publish_params(settings, project, what=what, to="ann/x", keys=KEYS)


def test_another_project_s_checkpoint_is_not_this_one_s(
    settings: Settings, project: Project
) -> None:
    other = create_project(settings, "other", "arithmetic", "smollm2-135m")
    with pytest.raises(BadInput, match="There is no checkpoint 'first' in other"):
        publish_params(settings, other, what="checkpoint:first", to="ann/x", keys=KEYS)
    with pytest.raises(BadInput, match="no exam yet"):
        publish_params(settings, other, what=DATA, to="ann/x", keys=KEYS)


def test_a_token_and_a_repository_are_asked_for(settings: Settings, project: Project) -> None:
    with pytest.raises(BadInput, match="set HF_TOKEN"):
        publish_params(settings, project, what=DATA, to="ann/x", keys={})
    with pytest.raises(BadInput, match="give OWNER/NAME"):
        publish_params(settings, project, what=DATA, to="x", keys=KEYS)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("/srv/models/m", "m"),
        ("~/models/m/", "m"),
        ("../models/m", "m"),
        ("./m", "m"),
        ("owner/name", "owner/name"),
        ("accounts/fireworks/models/llama-v3p1", "accounts/fireworks/models/llama-v3p1"),
        ("checkpoint:first", "checkpoint:first"),
        (".hidden", ".hidden"),
    ],
)
def test_what_is_this_machine_s_is_left_out(model: str, told: str) -> None:
    private = {"base_url": "http://user:pw@10.0.0.1/v1?key=x", "api_key_env": "MY_KEY"}
    assert for_others(
        {
            "base": model,
            "student": {"base": model, "kernels": {"attention": "SDPA"}},
            "teachers": [{"spec": {"provider": "openai", "model": model, **private}}],
            "at": "https://a:b@host/x?token=1",
            "n": 1.5,
        }
    ) == {
        "base": told,
        "student": {"base": told, "kernels": {"attention": "SDPA"}},
        "teachers": [{"spec": {"provider": "openai", "model": told}}],
        "at": "https://host/x",
        "n": 1.5,
    }


@pytest.mark.parametrize("words", ["/5 and /10: half", "./. or nothing", "~1/2 of them", ".5/1"])
def test_a_person_s_words_stay_as_they_are(words: str) -> None:
    told = {"ablation": {"name": words, "arm": words}, "answers": [words], "task": words}
    assert for_others(told) == told


def test_of_a_student_s_folder_only_the_name_is_told(settings: Settings) -> None:
    """However it was named: what the exam loaded is known by its whole path."""
    own = taught(settings)
    store = connect(settings.database)
    loaded = {"student": "models/mine", "base": "/home/ann/models/mine"}
    described = {"student": "models/mine", "description": json.dumps(loaded)}
    store["exams"].update(own.exam_id, described)
    projects.set_exam(store, own.id, own.exam_id or 0, "models/mine")
    files = data_files(settings, open_project(settings, own.name), "ann/x").files
    for name in ("README.md", "lineage.json"):
        content = files[name]
        assert isinstance(content, bytes)
        assert b"mine" in content
        assert b"models/mine" not in content


def test_the_data_s_card_has_no_address_of_a_teacher(settings: Settings, hub: Hub) -> None:
    own = taught(settings)
    store = connect(settings.database)
    with writing(store):
        for one in committee.teachers(store, own.id):
            spec = {**one.spec, "base_url": "http://ann:secret-word@10.1.2.3/v1"}
            store["teachers"].update(one.id, {"spec": json.dumps(spec)})
    push(settings, own, DATA, "ann/plain")
    for content in hub.repositories["ann/plain"].files.values():
        assert b"secret-word" not in content
        assert b"10.1.2.3" not in content
