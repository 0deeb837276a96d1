"""A hub on the loopback that keeps data sets: what its client asks when it writes and reads one.

A token that begins with `may` may write, one that begins with `reads` only read, others nothing.
Large files go the way of LFS, the others into the commit, as the real one decides by their kind.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40


@dataclass
class Repository:
    """One data set: its files now, and how many commits made them."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[list[str]] = field(default_factory=list)


@dataclass
class Hub:
    """The data sets by their ids, what was uploaded, and all that was asked."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails: int = 0
    """So many of the next requests are answered 507: its disk is full."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self._path()
        if not self._may_read():
            self._error(401, "RepoNotFound")
        elif path.startswith("/datasets/"):
            self._resolve(path)
        elif "/tree/" in path:
            self._tree(path)
        else:
            self._info(path)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        content = self._body()
        self.hub.blobs[hashlib.sha256(content).hexdigest()] = content
        self._send(200, {})

    def do_POST(self) -> None:
        path, content = self._path(), self._body()
        if self.hub.fails:
            self.hub.fails -= 1
            self._error(507)
        elif not self._token().startswith("may"):
            self._error(403 if self._may_read() else 401)
        elif path == "/api/repos/create":
            self._create(json.loads(content))
        elif "/preupload/" in path:
            asked = json.loads(content)["files"]
            self._send(200, {"files": [{**_mode(one["path"])} for one in asked]})
        elif path.endswith("/objects/batch"):
            self._batch(json.loads(content))
        else:
            self._commit(self._id(path), content)

    def _info(self, path: str) -> None:
        repository = self.hub.repositories.get(self._id(path))
        if repository is None:
            self._error(404, "RepoNotFound")
            return
        self._send(
            200,
            {
                "_id": "0" * 24,
                "id": self._id(path),
                "private": repository.private,
                "sha": COMMIT,
                "siblings": [{"rfilename": name} for name in repository.files],
            },
        )

    def _tree(self, path: str) -> None:
        repository = self.hub.repositories[self._id(path)]
        self._send(
            200,
            [
                {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                for name, content in repository.files.items()
            ],
        )

    def _resolve(self, path: str) -> None:
        owner, name, _, _, *rest = path.removeprefix("/datasets/").split("/")
        content = self.hub.repositories[f"{owner}/{name}"].files.get("/".join(rest))
        if content is None:
            self._error(404, "EntryNotFound")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _create(self, asked: dict[str, Any]) -> None:
        repository = f"{asked['organization']}/{asked['name']}"
        is_private = asked.get("private") or asked.get("visibility") == "private"
        self.hub.repositories[repository] = Repository(bool(is_private))
        self._send(200, {"url": f"{self.hub.address}/datasets/{repository}"})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for one in asked["objects"]:
            upload = {"upload": {"href": f"{self.hub.address}/upload/{one['oid']}"}}
            there = one["oid"] in self.hub.blobs
            objects.append({**one, **({} if there else {"actions": upload})})
        self._send(200, {"transfer": "basic", "objects": objects})

    def _commit(self, repository_id: str, content: bytes) -> None:
        repository = self.hub.repositories[repository_id]
        files, did = dict(repository.files), []
        for line in content.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
            if "path" in value:
                did.append(f"{entry['key']} {value['path']}")
        repository.files = files
        repository.commits.append(did)
        address = f"{self.hub.address}/datasets/{repository_id}/commit/{COMMIT}"
        self._send(200, {"commitUrl": address, "commitOid": COMMIT})

    def _path(self) -> str:
        self.hub.asked.append(f"{self.command} {self.path}")
        return unquote(urlsplit(self.path).path)

    def _id(self, path: str) -> str:
        return "/".join(path.removeprefix("/api/datasets/").split("/")[:2])

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _token(self) -> str:
        return (self.headers["Authorization"] or "").removeprefix("Bearer ")

    def _may_read(self) -> bool:
        return self._token().startswith(("may", "reads"))

    def _send(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _error(self, status: int, code: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def _mode(path: str) -> dict[str, Any]:
    mode = "regular" if path.endswith((".json", ".md")) else "lfs"
    return {"path": path, "uploadMode": mode, "shouldIgnore": False}


@contextmanager
def loopback_repository() -> Iterator[Hub]:
    """Run the hub; its `address` is for HF_ENDPOINT."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield hub
        server.shutdown()
