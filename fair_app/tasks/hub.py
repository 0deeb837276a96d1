"""Rows of a data set on the Hugging Face hub, or a sentence that says what to do without network.

Without network `datasets` retries for 23 seconds before it gives up (5.2.0, measured), so that the
hub is probed first; a data set that an earlier run has downloaded is still found in the cache.
"""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from fair_app.errors import BadInput
from fair_app.tasks.files import read_rows
from fair_app.tasks.rows import Row, check_limit, distinct
from fair_app.tasks.sources import file_origin

PROBE_SECONDS = 3.0
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubSource:
    """A data set of the hub: `splits` are the names it has there."""

    repository: str
    splits: tuple[str, ...] = ("train", "test")
    config: str | None = None
    revision: str | None = None


def load_rows(source: HubSource, split: str) -> list[Row]:
    """Load a split from the hub or from the local cache of the hub.

    Raises BadInput for a split that the data set hasn't got, and when it can't be loaded.
    """
    if split not in source.splits:
        raise BadInput(
            f"{source.repository} has no split '{split}'; use one of {', '.join(source.splits)}."
        )
    reachable = _reachable()
    try:
        values = (_load_online if reachable else _load_offline)(source, split).to_list()
    except Exception as error:  # whatever fails on the way, the person can give a file instead
        raise BadInput(
            f"{source.repository} {_reason(source, error, reachable)}, or give the questions as a "
            "file with --rows FILE."
        ) from error
    place = f"{source.repository} {split}"
    return [Row(f"{place}, row {i + 1}", i, value) for i, value in enumerate(values)]


def _reason(source: HubSource, error: BaseException, reachable: bool) -> str:
    """What went wrong, and the link to follow."""
    link = f"https://huggingface.co/datasets/{source.repository}"
    if not reachable:
        return (
            "is not in the local cache, and the hub can't be reached: run it once with network, "
            f"download it from {link}"
        )
    # `datasets` keeps the refusal's own error to itself, but names the gate.
    if "is a gated dataset" in str(error):
        return (
            f"is gated: accept its terms at {link} and set HF_TOKEN to a token of yours "
            "(https://huggingface.co/settings/tokens)"
        )
    return f"could not be loaded from the hub ({type(error).__name__}): see {link}"


def _load_online(source: HubSource, split: str) -> Any:
    from datasets import load_dataset

    return load_dataset(source.repository, source.config, split=split, revision=source.revision)


def _load_offline(source: HubSource, split: str) -> Any:
    with _offline():
        return _load_online(source, split)


@contextmanager
def _offline() -> Iterator[None]:
    """Let the hub's libraries look at their caches only.

    HF_HUB_OFFLINE is read once, when they are imported, so that the constants are set as well.
    """
    import datasets.config
    import huggingface_hub.constants

    before = datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE = before


def _reachable() -> bool:
    """Whether the hub, or the proxy to it, takes a connection within PROBE_SECONDS."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    proxies = getproxies()
    url = urlsplit(proxies.get("https") or proxies.get("all") or endpoint)
    if not url.hostname:
        return False
    address = url.hostname, url.port or (80 if url.scheme == "http" else 443)
    connected = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection(address, timeout=PROBE_SECONDS).close()
        except OSError:
            return
        connected.set()

    # A thread, because the time limit of a socket doesn't cover the look-up of the name.
    probe = threading.Thread(target=connect, daemon=True)
    probe.start()
    probe.join(PROBE_SECONDS)
    return connected.is_set()


def read(
    source: HubSource, split: str, file: Path | None, limit: int | None, ids: str = ""
) -> list[Row]:
    """Read the first `limit` rows of a local file where one is given, else of the hub's split.

    `ids`: the column of a file whose values must differ. Raises BadInput for a limit below 1, and
    as `read_rows` and `load_rows` do.
    """
    check_limit(limit)
    if file is None:
        return load_rows(source, split)[:limit]
    return list(distinct(read_rows(file, limit), ids))


def origin(source: HubSource, split: str, file: Path | None) -> dict[str, str]:
    """What `read` has read: the file and its checksum, or the data set and its commit.

    The commit is the one in the cache, where `read` has put it.
    """
    if file is not None:
        return file_origin(file)
    cached = _load_offline(source, split).cache_files
    folder = Path(cached[0]["filename"]).parent.name if cached else ""
    revision = folder if _COMMIT.fullmatch(folder) else source.revision or "main"
    config = {"config": source.config} if source.config else {}
    return {"hub": source.repository, **config, "split": split, "revision": revision}
