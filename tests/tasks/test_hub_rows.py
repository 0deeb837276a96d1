"""The hub's loader where there is no hub: it says what to do, and says it soon."""

import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fair_app.errors import BadInput
from fair_app.tasks.hub import HubSource, load_rows
from fair_app.tasks.registry import task

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def closed_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of data sets."""
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["gsm8k", "svamp", "strategyqa", "logiqa"])
def test_without_network_it_says_to_give_a_file(
    name: str, closed_endpoint: None, cache: Path
) -> None:
    import datasets.config
    import huggingface_hub.constants

    before = datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE
    with pytest.raises(BadInput, match="--rows FILE") as caught:
        task(name).load("train")
    assert "can't be reached" in str(caught.value)
    assert "https://huggingface.co/datasets/" in str(caught.value)
    assert "\n" not in str(caught.value)
    after = datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE
    assert after == before


def test_without_network_a_cached_data_set_is_read(closed_endpoint: None, cache: Path) -> None:
    from datasets import Dataset, DatasetInfo
    from datasets.arrow_writer import ArrowWriter
    from datasets.splits import SplitDict, SplitInfo

    rows = [{"question": f"Question {n}?", "answer": f"{n}\n#### {n}"} for n in range(3)]
    folder = cache / "openai___gsm8k" / "main" / "0.0.0" / ("a" * 40)
    folder.mkdir(parents=True)
    features = Dataset.from_list(rows).features
    writer = ArrowWriter(path=str(folder / "gsm8k-train.arrow"), features=features)
    for row in rows:
        writer.write(row)
    count, size = writer.finalize()
    splits = SplitDict(dataset_name="gsm8k")
    splits["train"] = SplitInfo("train", size, count, dataset_name="gsm8k")
    DatasetInfo(
        features=features,
        splits=splits,
        builder_name="parquet",
        dataset_name="gsm8k",
        config_name="main",
        version="0.0.0",
    ).write_to_directory(str(folder))

    questions = task("gsm8k").load("train", limit=2)
    assert [(q.text, q.gold_answer) for q in questions] == [
        ("Question 0?", "0"),
        ("Question 1?", "1"),
    ]
    # The folder of the cache is called after the commit.
    assert task("gsm8k").origin("train") == {
        "hub": "openai/gsm8k",
        "config": "main",
        "split": "train",
        "revision": "a" * 40,
    }


def test_a_split_that_the_data_set_has_not_is_bad_input(closed_endpoint: None) -> None:
    with pytest.raises(BadInput, match="train, test"):
        load_rows(HubSource("openai/gsm8k", config="main"), "validation")
    with pytest.raises(BadInput, match="at least 1"):
        task("gsm8k").load("train", limit=0)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "", "could not be loaded from the hub"),
        (403, "GatedRepo", "openai/gsm8k is gated: accept its terms at https://huggingface.co/"),
        (401, "GatedRepo", "and set HF_TOKEN to a token of yours"),
    ],
)
def test_a_hub_that_refuses_is_bad_input_too(
    tmp_path: Path, status: int, code: str, says: str
) -> None:
    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            """Write nothing to the test's output."""

    server = HTTPServer(("127.0.0.1", 0), Refusal)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    program = (
        "from fair_app.errors import BadInput\n"
        "from fair_app.tasks.registry import task\n"
        "try:\n    task('gsm8k').load('train')\n"
        "except BadInput as error:\n    print(error)\n"
    )
    # In a process of its own: the hub's libraries read the endpoint when they are imported.
    environment = {
        name: value
        for name, value in os.environ.items()
        if "proxy" not in name.lower() and not name.startswith("HF_")
    }
    environment["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
    environment["HF_HOME"] = str(tmp_path)
    try:
        result = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        server.shutdown()
        server.server_close()
    assert says in result.stdout
    assert "--rows FILE" in result.stdout
    assert result.stdout.count("\n") == 1


def test_tasks_import_neither_torch_nor_datasets_nor_the_store() -> None:
    program = (
        "import sys, fair_app.tasks.registry\n"
        "heavy = {'torch', 'datasets', 'transformers', 'db', 'gradio'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
