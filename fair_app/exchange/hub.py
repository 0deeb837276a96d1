"""Pushing to the hub: a repository is looked at, or made, and gets its files in one commit."""

import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars, validate_repo_id
from pydantic import SecretStr

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.exchange.json_file import json_bytes
from fair_app.training.lineage import LINEAGE_FILE

HUB_KEY = "HF_TOKEN"
"""The variable that holds the hub's token."""
MARK = LINEAGE_FILE
"""The file by which a repository is known as one that was pushed from here."""
PUSHED = "files"
"""What MARK says of its push: the names of its files. The next push removes of those alone."""
CARD = "README.md"
SPARE = {".gitattributes", CARD, "LICENSE", "LICENSE.md", "LICENSE.txt"}
"""What a repository that holds nothing yet may have all the same; only the card is replaced."""
LOOK_EVERY_S = 0.3
UNSEEN = "What is not committed yet is seen by nobody."

Kind = Literal["model", "dataset"]
Files = Mapping[str, Path | bytes]
"""What a repository shall hold, by the names there: files of this machine, or contents."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Target:
    """A repository to push to. It is private unless it is to be `public`."""

    repository: str
    kind: Kind
    public: bool = False


@dataclass(frozen=True)
class Standing:
    """A repository as it is: its newest commit, and the names of the files that the last push from
    here left there; all others are somebody's own."""

    commit: str
    pushed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Pushed:
    """A push that is done: the repository's address, the commit, and what was sent in bytes."""

    url: str
    commit: str
    size: int


def target_of(repository: str, kind: Kind, public: bool) -> Target:
    """The repository that a person names. Raises BadInput for what cannot be one's id."""
    repository = repository.strip()
    try:
        validate_repo_id(repository)
        good = repository.count("/") == 1
    except HFValidationError:
        good = False
    if not good:
        raise BadInput(
            f"'{repository}' is no repository of the hub: give OWNER/NAME, of letters, digits, "
            "dashes, dots and underscores."
        )
    return Target(repository, kind, public)


def marked(files: Files, lineage: Mapping[str, Any]) -> dict[str, Path | bytes]:
    """The files of a push with MARK: what the lineage says, and their names."""
    names = sorted({*files, MARK})
    return {**files, MARK: json_bytes({**lineage, PUSHED: names})}


def token_in(keys: Mapping[str, SecretStr]) -> SecretStr:
    """The hub's token among the keys that a job may use. Raises BadInput without one."""
    found = keys.get(HUB_KEY)
    token = found.get_secret_value().strip() if found else ""
    if not token:
        raise BadInput(
            f"Pushing needs a token of the hub that may write to the repository: set {HUB_KEY}, or "
            "type it on the training page."
        )
    if not re.fullmatch(r"[!-~]+", token):  # a header's fault would quote it
        raise BadInput(f"What {HUB_KEY} holds is no token of the hub: copy it again.")
    return SecretStr(token)


class HubRepository:
    """A repository of the hub (that of HF_ENDPOINT), as one token may see and write it.

    All methods raise BadInput for what a person can mend (the token, the name, what is there), and
    WorkFailed where the hub cannot be reached or breaks off: then the commit is not there, or (its
    answer was lost) whole.
    """

    def __init__(self, target: Target, token: SecretStr) -> None:
        disable_progress_bars()  # the job has its own
        self._target = target
        self._token = token
        self._api = HfApi(
            endpoint=os.environ.get("HF_ENDPOINT") or None, token=token.get_secret_value()
        )

    def prepare(self) -> Standing:
        """Look at the repository; make it, empty, where there is none.

        Raises BadInput for one that holds something else, or that is public, or private, and
        should not be.
        """
        target = self._target
        with self._answered():
            found = self._info() or self._made()
        commit = str(found.sha)
        files = frozenset(one.rfilename for one in found.siblings or [])
        if found.id != target.repository:
            raise BadInput(f"{target.repository} is called {found.id} now: push to that.")
        if MARK not in files and files - SPARE:
            raise BadInput(
                f"{target.repository} holds something that was not pushed from here: name a new "
                "repository, or an empty one."
            )
        if target.public and found.private:
            raise BadInput(
                f"{target.repository} is private: make it public on the hub, or push it privately."
            )
        if not target.public and not found.private:
            raise BadInput(
                f"{target.repository} is public, so everybody could read what is pushed: make it "
                "private on the hub, or ask for a public push."
            )
        if MARK not in files:
            return Standing(commit)
        with self._answered():
            return Standing(commit, files & self._pushed(commit))

    def push(
        self, files: Files, standing: Standing, message: str, told: Callable[[int, int], None]
    ) -> Pushed:
        """Send the files (see `marked`), then make one commit of them; what the last push wrote,
        and this one does not, goes.

        `told` is called with the bytes that are sent and all, several times a second: it may raise
        Cancelled. Large files go before the commit, which alone makes anything visible. Where the
        repository has changed since `standing`, nothing is committed.
        """
        target = self._target
        additions = [_Addition(name, source) for name, source in sorted(files.items())]
        gone = sorted(standing.pushed - files.keys())
        total = sum(one.upload_info.size for one in additions)

        def look() -> None:
            told(sum(one.sent for one in additions), total)

        with self._answered():
            for addition in additions:
                beside(lambda one=addition: self._send(one), look)  # type: ignore[misc]
                addition.sent = addition.upload_info.size
            look()
            made = self._api.create_commit(
                target.repository,
                [*additions, *map(CommitOperationDelete, gone)],
                commit_message=message,
                repo_type=target.kind,
                parent_commit=standing.commit,
            )
        folder = "" if target.kind == "model" else f"{target.kind}s/"
        return Pushed(f"{self._api.endpoint}/{folder}{target.repository}", made.oid, total)

    def _send(self, addition: "_Addition") -> None:
        """Send a file now if it is a large one; the others go with the commit."""
        target = self._target
        self._api.preupload_lfs_files(
            target.repository, [addition], repo_type=target.kind, free_memory=False
        )

    def _pushed(self, commit: str) -> frozenset[str]:
        """The files of the last push, as its MARK names them. Raises BadInput where it does not."""
        target = self._target
        with tempfile.TemporaryDirectory() as folder:
            file = self._api.hf_hub_download(
                target.repository, MARK, repo_type=target.kind, revision=commit, local_dir=folder
            )
            content = Path(file).read_bytes()
        try:
            names = json.loads(content)[PUSHED]
        except (ValueError, KeyError, TypeError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BadInput(
                f"The {MARK} in {target.repository} does not say which files were pushed from "
                "here, and others would be taken for them: name a new repository, or an empty one."
            )
        return frozenset(names)

    def _info(self) -> Any:
        """What the hub says of the repository; None where this token sees none."""
        try:
            return self._api.repo_info(self._target.repository, repo_type=self._target.kind)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return None

    def _made(self) -> Any:
        target = self._target
        try:
            self._api.create_repo(
                target.repository, repo_type=target.kind, private=not target.public
            )
        except HfHubHTTPError as error:
            answer = _answer(error)
            status = answer.status_code if answer is not None else None
            if status == 409:
                raise BadInput(
                    f"{target.repository} is taken, and this token may not read it: let it, or "
                    "name another repository."
                ) from None
            if status == 403:
                raise BadInput(
                    f"This token may not make {target.repository}: make it on the hub yourself "
                    f"({'public' if target.public else 'private'}, empty), or name one that it "
                    "may write to."
                ) from None
            raise
        return self._api.repo_info(target.repository, repo_type=target.kind)

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Say what the hub refuses, and what breaks, in a sentence without the library's words."""
        try:
            yield
        except (BadInput, WorkFailed, Cancelled):
            raise
        except (HfHubHTTPError, httpx2.HTTPError, OfflineModeIsEnabled) as error:
            raise self._said(error) from None
        except (OSError, ValueError, RuntimeError) as error:
            # RuntimeError: the library's, around a fault in an upload. ValueError: an answer that
            # is no JSON, a proxy's page for one.
            raise self._said(error) from None

    def _said(self, error: Exception) -> Exception:
        where, answer = self._target.repository, _answer(error)
        if answer is None:
            return WorkFailed(
                f"The hub could not be reached for {where} ({type(error).__name__}): resume the "
                f"job when it can be. {UNSEEN}"
            )
        words = " ".join((answer.headers.get("X-Error-Message") or "").split())[:200]
        words = words.replace(self._token.get_secret_value(), "…")
        says = f" The hub says: {words}" if words else ""
        match answer.status_code:
            case 401:
                return BadInput(
                    f"The hub does not take this token: copy it again into {HUB_KEY}.{says}"
                )
            case 403:
                return BadInput(
                    f"This token may not write to {where}: it is another's, or the token needs "
                    f"write access to it. Give it that, or name another repository.{says}"
                )
            case 412:
                return WorkFailed(
                    f"{where} was changed on the hub meanwhile, and nothing was committed: push "
                    "again."
                )
            case status:
                return WorkFailed(
                    f"The hub answered {status} about {where}: resume the job later. {UNSEEN}{says}"
                )


class _Addition(CommitOperationAdd):
    """A file to be added that counts what of it was sent, where it goes by plain HTTP.

    By Xet, the hub's own way, the library reads the file itself: it counts when all of it is there.
    """

    sent = 0

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        """The content; `with_tqdm` is said of an upload, and not of a look at it."""
        with super().as_file() as file:
            if with_tqdm:
                read = file.read

                def counted(size: int | None = -1) -> bytes:
                    data = read(-1 if size is None else size)
                    self.sent = min(self.sent + len(data), self.upload_info.size)
                    return data

                file.read = counted  # type: ignore[method-assign]
            yield file


def beside(work: Callable[[], Result], look: Callable[[], None]) -> Result:
    """Do work in a thread and `look` meanwhile; what `look` raises leaves the thread behind.

    It ends with the process: for work whose end nobody needs any more.
    """
    future: Future[Result] = Future()

    def do() -> None:
        try:
            future.set_result(work())
        except BaseException as fault:
            future.set_exception(fault)

    threading.Thread(target=do, daemon=True).start()
    while not wait([future], LOOK_EVERY_S).done:
        look()
    return future.result()


def _answer(error: BaseException | None) -> httpx2.Response | None:
    """The hub's answer that is at the bottom of a fault; None where it gave none."""
    while error is not None:
        if isinstance(error, HfHubHTTPError) and error.response is not None:
            return error.response
        error = error.__cause__ or error.__context__
    return None
