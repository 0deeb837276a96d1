"""A hub on the loopback that keeps models and data sets: what its client asks to write and read.

A token that begins with `may` may make repositories and write to them, one that begins with `one`
write to what is there, one that begins with `reads` only read, others nothing; and nobody may write
to what is STRANGER's. Large files go the way of LFS, the others into the commit, as the real one
decides by their kind.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

STRANGER = "zoe"
LICENCES = {"apache-2.0", "mit", "llama2", "other"}
REPOSITORY = re.compile(
    r"(?:/api/(?P<api>models|datasets)|(?P<data>/datasets)?)/(?P<id>[^/]+/[^/]+?)(?:\.git)?(?P<rest>/.*)?"
)


@dataclass
class Repository:
    """A data set, or a model: its files now, and the commits that made them."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[list[str]] = field(default_factory=list)
    kind: str = "dataset"

    @property
    def commit(self) -> str:
        """The newest one."""
        return hashlib.sha1(str(len(self.commits)).encode()).hexdigest()


@dataclass
class Hub:
    """The repositories by their ids, what was uploaded, and all that was asked."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails: int = 0
    """So many of the next requests are answered 507: its disk is full."""
    fails_at: str = ""
    """Requests whose path has this are answered 507; "" for none."""
    loses: bool = False
    """The answer to the next commit, which is made, is lost."""
    holds: threading.Event | None = None
    """Uploads wait for it."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self._path()
        found = REPOSITORY.fullmatch(path)
        if found is None:
            self._error(404)
            return
        repository, rest = self._repository(found), found["rest"] or ""
        if not self._may_read(repository):
            self._error(401, "RepoNotFound")
        elif repository is None:
            self._error(404, "RepoNotFound")
        elif rest.startswith("/resolve/"):
            self._resolve(repository, rest.split("/", 3)[3])
        elif rest.startswith("/tree/"):
            self._tree(repository, [*rest.split("/", 3), ""][3])
        else:
            self._info(found["id"], repository)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        content = self._body()
        if self._fails(self._path()):
            return
        if self.hub.holds is not None:
            self.hub.holds.wait(30)
        self.hub.blobs[hashlib.sha256(content).hexdigest()] = content
        self._send(200, {})

    def do_POST(self) -> None:
        path, content = self._path(), self._body()
        if self._fails(path):
            return
        if path == "/api/validate-yaml":
            self._validate(json.loads(content)["content"])
            return
        found = REPOSITORY.fullmatch(path)
        if path == "/api/repos/create":
            self._create(json.loads(content))
            return
        repository = self._repository(found) if found else None
        if found is None or repository is None:
            self._error(404, "RepoNotFound")
            return
        rest = found["rest"]
        if rest.startswith("/paths-info/"):
            self._paths_info(repository, parse_qs(content.decode())["paths"])
        elif not self._token().startswith(("may", "one")) or found["id"].startswith(STRANGER):
            self._error(403 if self._may_read(repository) else 401)
        elif rest.startswith("/preupload/"):
            asked = json.loads(content)["files"]
            self._send(200, {"files": [_mode(one["path"], repository) for one in asked]})
        elif rest.endswith("/objects/batch"):
            self._batch(json.loads(content))
        else:
            self._commit(found["id"], repository, content)

    def _info(self, name: str, repository: Repository) -> None:
        self._send(
            200,
            {
                "_id": "0" * 24,
                "id": name,
                "private": repository.private,
                "sha": repository.commit,
                "siblings": [{"rfilename": name} for name in repository.files],
            },
        )

    def _tree(self, repository: Repository, folder: str) -> None:
        inside = f"{folder}/" if folder else ""
        names = [name for name in repository.files if name.startswith(inside)]
        if folder and not names:
            self._error(404, "EntryNotFound")
            return
        self._send(200, [_file(name, repository) for name in names])

    def _paths_info(self, repository: Repository, paths: list[str]) -> None:
        found: list[dict[str, Any]] = [
            _file(path, repository) for path in paths if path in repository.files
        ]
        names = list(repository.files)
        folders = [path for path in paths if any(one.startswith(f"{path}/") for one in names)]
        found += [{"type": "directory", "path": path, "oid": "0" * 40} for path in folders]
        self._send(200, found)

    def _resolve(self, repository: Repository, rest: str) -> None:
        content = repository.files.get(rest)
        if content is None:
            self._error(404, "EntryNotFound")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", repository.commit)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _create(self, asked: dict[str, Any]) -> None:
        owner, kind = asked["organization"], asked.get("type", "model")
        name = f"{owner}/{asked['name']}"
        if not self._token().startswith("may") or owner == STRANGER:
            self._error(403 if self._token().startswith(("may", "one", "reads")) else 401)
        elif name in self.hub.repositories:
            self._error(409)
        else:
            is_private = asked.get("private") or asked.get("visibility") == "private"
            self.hub.repositories[name] = Repository(bool(is_private), kind=kind)
            folder = "datasets/" if kind == "dataset" else ""
            self._send(200, {"url": f"{self.hub.address}/{folder}{name}"})

    def _validate(self, card: str) -> None:
        """As far as it can be told: the head is a mapping, and its licence one that is known."""
        try:
            head = yaml.safe_load(card.split("---\n")[1])
            fault = "" if isinstance(head, dict) else "no mapping"
        except (yaml.YAMLError, IndexError) as error:
            head, fault = {}, str(error)
        if not fault and head.get("license", "mit") not in LICENCES:
            fault = "license is not known"
        self._send(400 if fault else 200, {"errors": [{"message": fault}] if fault else []})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for one in asked["objects"]:
            upload = {"upload": {"href": f"{self.hub.address}/upload/{one['oid']}"}}
            there = one["oid"] in self.hub.blobs
            objects.append({**one, **({} if there else {"actions": upload})})
        self._send(200, {"transfer": "basic", "objects": objects})

    def _commit(self, name: str, repository: Repository, content: bytes) -> None:
        files, did = dict(repository.files), []
        for line in content.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                if value.get("parentCommit") not in (None, repository.commit):
                    self._error(412)
                    return
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
            if "path" in value:
                did.append(f"{entry['key']} {value['path']}")
        repository.files = files
        repository.commits.append(did)
        if self.hub.loses:
            self.hub.loses = False
            self._error(504)
            return
        folder = "datasets/" if repository.kind == "dataset" else ""
        address = f"{self.hub.address}/{folder}{name}/commit/{repository.commit}"
        self._send(200, {"commitUrl": address, "commitOid": repository.commit})

    def _path(self) -> str:
        self.hub.asked.append(f"{self.command} {self.path}")
        return unquote(urlsplit(self.path).path)

    def _repository(self, found: "re.Match[str]") -> Repository | None:
        """The one that a path names, as a data set or as a model; None for a stranger's private."""
        is_data = found["api"] == "datasets" or bool(found["data"])
        repository = self.hub.repositories.get(found["id"])
        if repository is None or (repository.kind == "dataset") != is_data:
            return None
        return None if repository.private and found["id"].startswith(STRANGER) else repository

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _token(self) -> str:
        return (self.headers["Authorization"] or "").removeprefix("Bearer ")

    def _may_read(self, repository: Repository | None) -> bool:
        is_public = repository is not None and not repository.private
        return is_public or self._token().startswith(("may", "one", "reads"))

    def _fails(self, path: str) -> bool:
        """Answer as one whose disk is full, where it was told to."""
        if self.hub.fails:
            self.hub.fails -= 1
        elif not self.hub.fails_at or self.hub.fails_at not in path:
            return False
        self._error(507)
        return True

    def _send(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _error(self, status: int, code: str = "") -> None:
        """Refuse, in words that quote what must not be passed on."""
        self.send_response(status)
        self.send_header("X-Error-Message", f"No, {self._token()}.")
        self.send_header("Content-Length", "0")
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def _mode(path: str, repository: Repository) -> dict[str, Any]:
    """Which way a file goes, and the checksum of the one that is there."""
    mode = "regular" if path.endswith((".json", ".md")) else "lfs"
    there = repository.files.get(path)
    blob = b"blob %d\0" % len(there or b"") + (there or b"")
    checksum = hashlib.sha1(blob) if mode == "regular" else hashlib.sha256(there or b"")
    known = {"oid": checksum.hexdigest()} if there is not None else {}
    return {"path": path, "uploadMode": mode, "shouldIgnore": False, **known}


def _file(name: str, repository: Repository) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(repository.files[name]), "oid": "0" * 40}


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
