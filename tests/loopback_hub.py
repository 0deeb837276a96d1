"""A hub on the loopback: what the real one answers about models, in its shapes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


def _file(name: str, size: int | None) -> dict[str, Any]:
    return {"rfilename": name, **({"size": size, "blobId": "0" * 40} if size else {})}


def _model(model_id: str, **more: Any) -> dict[str, Any]:
    usual = {
        "_id": "0" * 24,
        "id": model_id,
        "modelId": model_id,
        "author": model_id.partition("/")[0],
        "sha": "0" * 40,
        "private": False,
        "gated": False,
        "disabled": False,
        "lastModified": "2025-02-06T00:12:43.000Z",
        "createdAt": "2024-10-31T13:41:10.000Z",
        "downloads": 100,
        "likes": 1,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "transformersInfo": {
            "auto_model": "AutoModelForCausalLM",
            "pipeline_tag": "text-generation",
            "processor": "AutoTokenizer",
        },
    }
    return {**usual, **more}


MODELS = {
    model["id"]: model
    for model in (
        _model(
            "HuggingFaceTB/SmolLM2-135M-Instruct",
            tags=["transformers", "safetensors", "llama", "license:apache-2.0"],
            cardData={"license": "apache-2.0", "language": ["en"]},
            config={"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
            siblings=[
                _file(".gitattributes", 1519),
                _file("config.json", 861),
                _file("model.safetensors", 269_060_552),
                _file("onnx/model.safetensors", 999_999_999),
            ],
            safetensors={"parameters": {"BF16": 134_515_008}, "total": 134_515_008},
        ),
        _model(
            "meta-llama/Llama-2-7b-chat-hf",
            gated="manual",
            tags=["transformers", "safetensors", "llama", "license:llama2"],
            cardData={"license": "llama2", "extra_gated_heading": "You need to share…"},
            config={"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
            # Without access, the hub names the files and not their sizes.
            siblings=[
                _file("model-00001-of-00002.safetensors", None),
                _file("model-00002-of-00002.safetensors", None),
            ],
            safetensors={"parameters": {"F16": 6_738_417_664}, "total": 6_738_417_664},
        ),
        _model(
            "google-t5/t5-small",
            pipeline_tag="translation",
            tags=["transformers", "safetensors", "t5", "license:apache-2.0"],
            cardData={"license": "apache-2.0"},
            config={"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"},
            transformersInfo={"auto_model": "AutoModelForSeq2SeqLM", "processor": "AutoTokenizer"},
            siblings=[_file("model.safetensors", 242_043_056)],
            safetensors={"parameters": {"F32": 60_506_624}, "total": 60_506_624},
        ),
        _model(
            "someone/of-its-own",
            tags=["transformers", "custom_code"],
            config={"model_type": "own", "auto_map": {"AutoModelForCausalLM": "modeling.Own"}},
            transformersInfo={"auto_model": "AutoModelForCausalLM", "custom_class": "modeling.Own"},
            siblings=[_file("pytorch_model.bin", 500_000_000)],
        ),
        _model(
            "someone/packed-AWQ",
            tags=["transformers", "safetensors", "license:other"],
            cardData={"license": "other", "license_name": "own-terms"},
            config={"model_type": "llama", "quantization_config": {"quant_method": "awq"}},
            siblings=[
                _file("model.safetensors", 4_000_000_000),
                _file("consolidated.safetensors", 13_000_000_000),
            ],
            safetensors={
                "parameters": {"I32": 800_000_000, "F16": 262_000_000},
                "total": 1_062_000_000,
            },
        ),
    )
}


class _Hub(BaseHTTPRequestHandler):
    """GET of `/api/models/ID` and of its `/auth-check`; a token that begins with `may` may read."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.removeprefix("/api/models/")
        model = MODELS.get(path.removesuffix("/auth-check"))
        if path == "proxy/page":
            self._send(200, "<html>Sign in to the network</html>")
        elif model is None:
            self._send(401, {"error": "Invalid username or password."}, "RepoNotFound")
        elif not path.endswith("/auth-check"):
            self._send(200, model)
        elif model["gated"] and "Bearer may" not in (self.headers["Authorization"] or ""):
            self._send(403, {"error": "Access to this model is restricted."}, "GatedRepo")
        else:
            self._send(200, {})

    def _send(self, status: int, body: Any, code: str = "") -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", "no")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def loopback_hub() -> Iterator[str]:
    """Run the hub; gives its address, for HF_ENDPOINT."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
