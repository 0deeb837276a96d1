"""What is said of a hub's model before anything is downloaded."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from fair_app.errors import BadInput, WorkFailed
from fair_app.student.check import (
    Finding,
    HubModel,
    Machine,
    findings,
    look_up,
    memory_need,
    this_machine,
)
from tests.loopback_hub import loopback_hub
from tests.ports import free_port

LAPTOP = Machine("", 16 * 10**9, 10**12)
SMALL_GPU = Machine("NVIDIA GTX 1070", 8 * 10**9, 10**12)
SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
LLAMA = "meta-llama/Llama-2-7b-chat-hf"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with loopback_hub() as running:
        yield running


@pytest.fixture
def hub(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return address


def sentences(found: list[Finding], level: str) -> list[str]:
    return [one.sentence for one in found if one.level == level]


def test_a_small_open_model(hub: str) -> None:
    model = look_up(SMOL)
    assert (model.parameters, model.download_bytes) == (134_515_008, 269_060_552)
    found = findings(model, LAPTOP, "none")
    assert sentences(found, "good") == [
        "Needs about 1.3 GB of memory, of the 16.0 GB of this machine.",
        "135 million parameters, 269 MB to download.",
        "Licence: apache-2.0.",
    ]
    assert len(found) == 3


def test_a_gated_model_that_is_too_large(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = look_up(LLAMA)
    assert (model.gated, model.readable, model.download_bytes) == (True, False, 2 * 6_738_417_664)
    found = findings(model, SMALL_GPU, "none")
    assert found[0] == Finding(
        "bad", f"Gated: accept its terms on https://huggingface.co/{LLAMA} and set HF_TOKEN."
    )
    assert sentences(found, "note") == [
        "Needs about 17.2 GB of memory, more than the 8.0 GB of NVIDIA GTX 1070; in 4 bits about "
        "5.9 GB, which fits.",
        f"Licence: llama2; read the terms on https://huggingface.co/{LLAMA} before you share what "
        "you train.",
    ]
    assert sentences(found, "good") == ["6.7 billion parameters, 13.5 GB to download."]
    monkeypatch.setenv("HF_TOKEN", "may-read")
    assert "Gated, and your token may read it." in sentences(
        findings(look_up(LLAMA), SMALL_GPU, "4bit"), "good"
    )
    monkeypatch.setenv("HF_TOKEN", "other")
    assert not look_up(LLAMA).readable


def test_one_with_an_encoder_can_be_a_student(hub: str) -> None:
    model = look_up("google-t5/t5-small")
    assert model.model_type == "t5"
    found = findings(model, LAPTOP, "none")
    assert sentences(found, "bad") == []
    assert sentences(found, "good")[0].startswith("Needs about 1.1 GB of memory")
    plain, in_4_bits = (memory_need(model, one) or 0.0 for one in ("none", "4bit"))
    llama = memory_need(replace(model, model_type="llama"), "4bit") or 0.0
    assert plain > in_4_bits > llama, "some of its matrices stay plain"


def test_what_cannot_be_a_student(hub: str) -> None:
    bart = replace(look_up("google-t5/t5-small"), model_type="bart")
    assert sentences(findings(bart, LAPTOP, "none"), "bad") == [
        "Neither a decoder-only language model nor one of T5's kin, so it cannot be a student."
    ]
    own = findings(look_up("someone/of-its-own"), LAPTOP, "none")
    assert sentences(own, "bad") == [
        "Needs code from its own repository, which is not run here.",
        "Has no safetensors weights; no other files are read.",
    ]
    assert sentences(own, "note") == [
        "Its need of memory is not known.",
        "How much there is to download is not known.",
        "Names no licence; read the terms on https://huggingface.co/someone/of-its-own before you "
        "share what you train.",
    ]


def test_weights_that_are_quantized_already(hub: str) -> None:
    model = look_up("someone/packed-AWQ")
    assert (model.download_bytes, model.licence) == (4_000_000_000, "own-terms")
    assert memory_need(model, "none") == memory_need(model, "4bit") == 1.2 * 4e9 + 1e9


def test_a_model_that_the_hub_does_not_have(hub: str) -> None:
    with pytest.raises(BadInput, match="The hub has no model nobody/nothing that you may read"):
        look_up("nobody/nothing")


def test_a_hub_that_cannot_be_asked(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkFailed, match="proxy/page are not checked"):
        look_up("proxy/page")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(WorkFailed, match=f"The hub cannot be asked.*{SMOL} are not checked.$"):
        look_up(SMOL)


def test_a_copy_on_this_machine_is_said(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(constants.HF_HUB_CACHE) / f"models--{SMOL.replace('/', '--')}"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc" / "model.safetensors").write_bytes(b"")
    found = findings(look_up(SMOL), LAPTOP, "none")
    assert "135 million parameters, on this machine already." in sentences(found, "good")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(WorkFailed, match="A copy of it is on this machine"):
        look_up(SMOL)


def test_what_does_not_fit() -> None:
    large = HubModel(
        "some/large", 70 * 10**9, 140 * 10**9, True, "mit", False, True, False, "", False, False
    )
    found = findings(large, replace(LAPTOP, disk_free_bytes=10**9), "none")
    assert sentences(found, "bad") == [
        "Needs about 169.0 GB of memory, more than the 16.0 GB of this machine: take a smaller "
        "one, or one behind a server.",
        "70.0 billion parameters, 140.0 GB to download, more than the disk has free.",
    ]


def test_this_machine_has_memory_and_a_disk() -> None:
    found = this_machine()
    assert found.memory_bytes > 10**9
    assert found.disk_free_bytes > 0
