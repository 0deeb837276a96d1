"""Pushing to a hub on the loopback, through the hub's own client."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.exchange.hub import (
    HUB_KEY,
    Files,
    HubRepository,
    Kind,
    Pushed,
    beside,
    marked,
    target_of,
    token_in,
)
from tests.loopback_repository import STRANGER, Hub, Repository, loopback_repository
from tests.ports import free_port

TOKEN = "may-write-0123456789"
CARD = b"---\ntags: [x]\n---\n# A card\n"
LINEAGE = {"base": "x"}


@pytest.fixture(scope="module")
def running() -> Iterator[Hub]:
    with loopback_repository() as hub:
        yield hub


@pytest.fixture
def hub(running: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The hub, empty."""
    running.repositories.clear()
    running.blobs.clear()
    running.asked.clear()
    running.fails, running.fails_at, running.loses, running.holds = 0, "", False, None
    monkeypatch.setenv("HF_ENDPOINT", running.address)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    return running


def push(
    files: Files,
    where: str = "ann/student",
    kind: Kind = "model",
    *,
    public: bool = False,
    token: str = TOKEN,
    told: list[tuple[int, int]] | None = None,
) -> Pushed:
    repository = HubRepository(target_of(where, kind, public), SecretStr(token))

    def tell(sent: int, total: int) -> None:
        if told is not None:
            told.append((sent, total))

    return repository.push(files, repository.prepare(), "The checkpoint x", tell)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path | bytes]:
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(bytes(3_000_000))
    return marked({"README.md": CARD, "adapter_model.safetensors": weights}, LINEAGE)


def test_a_push_is_one_commit_into_a_private_repository(
    hub: Hub, files: dict[str, Path | bytes]
) -> None:
    told: list[tuple[int, int]] = []
    pushed = push(files, told=told)
    repository = hub.repositories["ann/student"]
    assert (repository.kind, repository.private) == ("model", True)
    assert repository.commits == [
        ["file README.md", "lfsFile adapter_model.safetensors", "file lineage.json"]
    ]
    assert repository.files["README.md"] == CARD
    assert len(repository.files["adapter_model.safetensors"]) == 3_000_000
    assert (pushed.url, pushed.commit) == (f"{hub.address}/ann/student", repository.commit)
    sent = sum(map(len, repository.files.values()))
    assert pushed.size == told[-1][0] == told[-1][1] == sent > 3_000_000
    assert not [asked for asked in hub.asked if TOKEN in asked]


def test_the_next_push_removes_what_the_last_one_wrote_and_nothing_else(
    hub: Hub, files: dict[str, Path | bytes]
) -> None:
    push(marked({**files, "vocabulary.txt": b"a\nb"}, LINEAGE))
    own = {
        "NOTES.md": b"a person's own",
        "LICENSE.txt": b"terms",
        "results.json": b"{}",
        "vocabulary.json": b"{}",
        "prompts/first.txt": b"What is",
        "onnx/model.safetensors": b"made of it",
    }
    hub.repositories["ann/student"].files |= own
    push(marked({"README.md": CARD, "model.safetensors": b"whole"}, LINEAGE))
    repository = hub.repositories["ann/student"]
    assert repository.files == {
        **own,
        "README.md": CARD,
        "model.safetensors": b"whole",
        "lineage.json": repository.files["lineage.json"],
    }
    gone = [did for did in repository.commits[1] if did.startswith("deletedFile")]
    assert gone == ["deletedFile adapter_model.safetensors", "deletedFile vocabulary.txt"]
    assert json.loads(repository.files["lineage.json"]) == {
        **LINEAGE,
        "files": ["README.md", "lineage.json", "model.safetensors"],
    }


@pytest.mark.parametrize(
    "lineage", [b"", b"{", b"[]", b"{}", b'{"files": 1}', b'{"files": [1]}', b"\xff", b"[" * 10**5]
)
def test_where_nobody_says_what_was_pushed_nothing_is_touched(
    hub: Hub, files: dict[str, Path | bytes], lineage: bytes
) -> None:
    there = {"lineage.json": lineage, "model.safetensors": b"whose?"}
    hub.repositories["ann/student"] = Repository(private=True, kind="model", files=dict(there))
    with pytest.raises(BadInput, match="does not say which files were pushed from here"):
        push(files)
    assert hub.repositories["ann/student"].files == there


def test_what_is_there_already_makes_no_commit(hub: Hub, files: dict[str, Path | bytes]) -> None:
    first, again = push(files), push(files)
    assert first.commit == again.commit
    assert len(hub.repositories["ann/student"].commits) == 1


def test_a_data_set_is_a_repository_of_another_kind(hub: Hub) -> None:
    data = marked({"README.md": CARD, "data/train-0.parquet": b"PAR1"}, LINEAGE)
    pushed = push(data, "ann/curated", "dataset", public=True)
    assert pushed.url == f"{hub.address}/datasets/ann/curated"
    repository = hub.repositories["ann/curated"]
    assert (repository.kind, repository.private) == ("dataset", False)
    more = marked({**data, "data/train-1.parquet": b"PAR2"}, LINEAGE)
    push(more, "ann/curated", "dataset", public=True)
    assert "lfsFile data/train-1.parquet" in repository.commits[1]
    push(data, "ann/curated", "dataset", public=True)
    assert set(repository.files) == set(data)


def test_write_access_to_the_one_repository_is_enough(
    hub: Hub, files: dict[str, Path | bytes]
) -> None:
    with pytest.raises(BadInput, match="may not make ann/student: make it on the hub yourself"):
        push(files, token="one-repository-0123456789")
    hub.repositories["ann/student"] = Repository(private=True, kind="model")
    push(files, token="one-repository-0123456789")
    assert len(hub.repositories["ann/student"].commits) == 1


@pytest.mark.parametrize(
    ("token", "where", "said"),
    [
        (TOKEN, f"{STRANGER}/new", "may not make zoe/new"),
        (TOKEN, f"{STRANGER}/hidden", "may not make zoe/hidden"),
        (TOKEN, f"{STRANGER}/theirs", "may not write to zoe/theirs: it is another's"),
        ("reads-only-0123456789", "ann/empty", "may not write to ann/empty"),
        ("reads-only-0123456789", "ann/new", "may not make ann/new"),
        ("wrong-0123456789", "ann/new", "does not take this token"),
        (TOKEN, "ann/full", "holds something that was not pushed from here"),
        (TOKEN, "ann/public", "is public, so everybody could read"),
    ],
)
def test_what_a_person_can_mend_is_said(
    hub: Hub, files: dict[str, Path | bytes], token: str, where: str, said: str
) -> None:
    hub.repositories |= {
        f"{STRANGER}/hidden": Repository(private=True, kind="model"),
        f"{STRANGER}/theirs": Repository(private=False, kind="model"),
        "ann/empty": Repository(private=True, kind="model", files={".gitattributes": b""}),
        "ann/full": Repository(private=True, kind="model", files={"model.safetensors": b"x"}),
        "ann/public": Repository(private=False, kind="model"),
    }
    public = where == f"{STRANGER}/theirs"
    with pytest.raises(BadInput, match=said) as raised:
        push(files, where, token=token, public=public)
    assert token not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert "The hub says: No, …." in str(raised.value) or not said.startswith("may not write")
    assert not any(one.commits for one in hub.repositories.values())


def test_a_public_push_is_not_hidden_in_a_private_repository(
    hub: Hub, files: dict[str, Path | bytes]
) -> None:
    hub.repositories["ann/student"] = Repository(private=True, kind="model")
    with pytest.raises(BadInput, match="is private: make it public on the hub, or push it priv"):
        push(files, public=True)


@pytest.mark.parametrize("broken", ["/upload/", "/objects/batch", "/commit/", "/preupload/"])
def test_an_upload_that_breaks_commits_nothing_and_is_gone_on_with(
    hub: Hub, files: dict[str, Path | bytes], broken: str
) -> None:
    hub.fails_at = broken
    with pytest.raises(WorkFailed, match="The hub answered 507 about ann/student"):
        push(files)
    repository = hub.repositories["ann/student"]
    assert (repository.files, repository.commits) == ({}, [])
    hub.fails_at = ""
    hub.asked.clear()
    push(files)
    assert len(repository.commits) == 1
    sent = [asked for asked in hub.asked if asked.startswith("PUT /upload/")]
    assert len(sent) == (0 if broken == "/commit/" else 1)


def test_a_commit_whose_answer_was_lost_is_not_made_twice(
    hub: Hub, files: dict[str, Path | bytes]
) -> None:
    hub.loses = True
    with pytest.raises(WorkFailed, match="answered 504 about ann/student: resume the job later"):
        push(files)
    pushed = push(files)
    repository = hub.repositories["ann/student"]
    assert len(repository.commits) == 1
    assert pushed.commit == repository.commit


def test_a_repository_that_changed_meanwhile_is_left_as_it_is(
    hub: Hub, files: dict[str, Path | bytes]
) -> None:
    repository = HubRepository(target_of("ann/student", "model", False), SecretStr(TOKEN))
    standing = repository.prepare()
    push(marked({"README.md": CARD}, {}))
    with pytest.raises(WorkFailed, match="was changed on the hub meanwhile"):
        repository.push(files, standing, "again", lambda *_: None)
    assert set(hub.repositories["ann/student"].files) == {"README.md", "lineage.json"}


def test_a_push_is_cancelled_in_the_middle_of_a_file(
    hub: Hub, files: dict[str, Path | bytes]
) -> None:
    hub.holds = threading.Event()
    repository = HubRepository(target_of("ann/student", "model", False), SecretStr(TOKEN))
    standing = repository.prepare()
    seen: list[int] = []

    def told(sent: int, total: int) -> None:
        seen.append(sent)
        if sent >= 3_000_000:
            raise Cancelled

    try:
        with pytest.raises(Cancelled):
            repository.push(files, standing, "x", told)
    finally:
        hub.holds.set()
    assert hub.repositories["ann/student"].commits == []


def test_a_card_that_the_hub_does_not_take_is_told_before_anything_is_sent(hub: Hub) -> None:
    with pytest.raises(WorkFailed, match="The hub answered 400 about ann/student"):
        push(marked({"README.md": b"---\nlicense: of-my-own\n---\n"}, LINEAGE))
    assert hub.repositories["ann/student"].commits == []


def test_a_hub_that_is_not_there_is_told(
    files: dict[str, Path | bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(WorkFailed, match="could not be reached for ann/student"):
        push(files)


@pytest.mark.parametrize(
    "name", ["", "name", "a/b/c", "/a", "a/", "a/b.git", "a/..", "../a", "a/b c", "a/b\n", "ä/b"]
)
def test_a_repository_has_an_owner_and_a_name(name: str) -> None:
    if name == "a/b\n":  # what a line was pasted with is no fault
        assert target_of(name, "model", False).repository == "a/b"
        return
    with pytest.raises(BadInput, match="give OWNER/NAME"):
        target_of(name, "model", False)


@given(st.text(max_size=30))
def test_no_text_becomes_another_address(text: str) -> None:
    try:
        found = target_of(text, "model", False).repository
    except BadInput:
        return
    assert found == text.strip()
    assert found.count("/") == 1
    assert not set(found) - set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
    )


@pytest.mark.parametrize("held", ["", "  ", "two words", "line\nbreak", "käse"])
def test_a_token_is_asked_for_and_never_quoted(held: str) -> None:
    with pytest.raises(BadInput, match=HUB_KEY) as raised:
        token_in({HUB_KEY: SecretStr(held)})
    assert not held.strip() or held not in str(raised.value)
    assert token_in({HUB_KEY: SecretStr(" hf_x ")}).get_secret_value() == "hf_x"
    with pytest.raises(BadInput, match="type it on the training page"):
        token_in({})


def test_a_fault_of_what_is_done_beside_is_raised() -> None:
    def fault() -> None:
        raise TimeoutError("of the work itself")

    with pytest.raises(TimeoutError, match="of the work itself"):
        beside(fault, lambda: None)
    assert beside(lambda: 3, lambda: None) == 3
