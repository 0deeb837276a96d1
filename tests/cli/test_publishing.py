"""`push` from the command line, to a hub on the loopback."""

import json
from collections.abc import Iterator

import pytest
from huggingface_hub import constants

from db import checkpoints
from db.store import connect
from fair_app.exchange.hub import HUB_KEY
from tests.cli.lines import Line
from tests.loopback_repository import Hub, loopback_repository

TOKEN = "may-write-0123456789"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with loopback_repository() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv(HUB_KEY, TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield running


def test_the_training_set_is_pushed(hub: Hub, line: Line) -> None:
    result = line.ok("push", "--data", "--to", "ann/curated")
    assert result["url"] == f"{hub.address}/datasets/ann/curated"
    assert result["files"] == ["README.md", "data/train-00000-of-00001.parquet", "lineage.json"]
    assert hub.repositories["ann/curated"].private
    assert TOKEN not in json.dumps(result)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "ann/x"), "one of the arguments --checkpoint --data is required"),
        (("--data", "--checkpoint", "a", "--to", "ann/x"), "not allowed with"),
        (("--data", "--merged", "--to", "ann/x"), "--merged is of --checkpoint"),
        (("--data", "--to", "nobody"), "give OWNER/NAME"),
        (("--checkpoint", "nothing", "--to", "ann/x"), "There is no checkpoint 'nothing'"),
        (("--checkpoint", "nothing", "--merged", "--to", "ann/x"), "There is no checkpoint"),
    ],
)
def test_what_cannot_be_pushed_is_one_sentence(
    hub: Hub, line: Line, words: tuple[str, ...], said: str
) -> None:
    assert said in line.bad("push", *words)
    assert not hub.repositories


def test_what_the_hub_refuses_ends_the_job(hub: Hub, line: Line) -> None:
    code, result, err = line.run("push", "--data", "--to", "zoe/x")
    assert (code, result) == (2, None)
    assert err.splitlines()[-1].startswith("error: This token may not make zoe/x")
    assert TOKEN not in err
    assert not hub.repositories


def test_without_a_token_nothing_is_asked(
    hub: Hub, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(HUB_KEY)
    assert "set HF_TOKEN" in line.bad("push", "--data", "--to", "ann/curated")
    assert not hub.asked


def test_merged_takes_the_checkpoint_that_was_merged_already(hub: Hub, line: Line) -> None:
    folder = line.settings.checkpoints / "first-whole"
    folder.mkdir(parents=True)
    lineage = {"base": "owner/base", "quantization": "none", "merged_from": "first"}
    (folder / "lineage.json").write_text(json.dumps(lineage), encoding="utf-8")
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    adapter = line.settings.checkpoints / "first"
    adapter.mkdir()
    for name in ("lineage.json", "adapter_config.json", "adapter_model.safetensors"):
        content = json.dumps({**lineage, "base": "owner/base"}) if name == "lineage.json" else "{}"
        (adapter / name).write_text(content, encoding="utf-8")
    store = connect(line.settings.database)
    for name, known in (("first", {}), ("first-whole", lineage)):
        checkpoints.add(
            store, line.project.id, job_id=None, name=name, base="owner/base", lineage=known
        )
    result = line.ok("push", "--checkpoint", "first", "--merged", "--to", "ann/whole", "--public")
    assert result["public"]
    repository = hub.repositories["ann/whole"]
    assert repository.files["model.safetensors"] == b"weights"
    assert not repository.private
    assert b"library_name: transformers" in repository.files["README.md"]
    assert b"licence (not known here) holds" in repository.files["README.md"]
