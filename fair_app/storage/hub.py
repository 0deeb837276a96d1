"""Backups in a private data set of the hub: a backup is one commit."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    constants,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars

from fair_app.errors import BadInput, WorkFailed
from fair_app.storage.places import Files
from fair_app.whole_files import is_disk_full

TYPE = constants.REPO_TYPE_DATASET
REFUSED = (401, 403)


class HubDataset:
    """A private data set, made where there is none.

    The hub is that of HF_ENDPOINT, the token that of HF_TOKEN or of a login: it must be allowed to
    write this one data set, and is kept by the hub's own client alone.
    """

    def __init__(self, repository: str) -> None:
        disable_progress_bars()  # of a server nobody watches
        self._repository = repository
        self._api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
        self._is_checked = False

    @property
    def shown(self) -> str:
        """As it is written in a setting."""
        return f"hf://datasets/{self._repository}"

    def names(self) -> set[str]:
        """The files of its newest commit. Raises BadInput when the data set is public."""
        with self._reached():
            self._check()
            return set(self._api.list_repo_files(self._repository, repo_type=TYPE))

    def fetch(self, name: str, target: Path) -> None:
        """Download a file of its newest commit."""
        with self._reached(), tempfile.TemporaryDirectory(dir=target.parent) as folder:
            found = self._api.hf_hub_download(
                self._repository, name, repo_type=TYPE, local_dir=folder
            )
            shutil.move(found, target)

    def change(self, add: Files, remove: Iterable[str]) -> None:
        """Add and remove files in one commit. Raises BadInput when the data set is public."""
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *(CommitOperationAdd(name, source) for name, source in add),
            *(CommitOperationDelete(name) for name in sorted(remove)),
        ]
        with self._reached():
            self._check()
            self._api.create_commit(
                self._repository, operations, commit_message="Backup", repo_type=TYPE
            )

    def _check(self) -> None:
        """Make the data set where there is none; what is public takes no backup."""
        if self._is_checked:
            return
        try:
            found = self._api.repo_info(self._repository, repo_type=TYPE)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            self._api.create_repo(self._repository, repo_type=TYPE, private=True)
            found = self._api.repo_info(self._repository, repo_type=TYPE)
        if not found.private:
            raise BadInput(
                f"The data set {self._repository} is public, and everybody could read the backups: "
                "make it private on the hub, or name another one."
            )
        self._is_checked = True

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except BadInput:
            raise
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else None
            if status in REFUSED:
                raise WorkFailed(
                    f"The hub does not let this token write the data set {self._repository}: set "
                    "HF_TOKEN to one that may."
                ) from None
            raise WorkFailed(
                f"The hub answered {status} about the data set {self._repository}: it is tried "
                "again with the next backup."
            ) from None
        except (httpx2.HTTPError, OfflineModeIsEnabled, OSError, ValueError) as error:
            if is_disk_full(error):
                raise WorkFailed("The disk of this machine is full: free some space.") from None
            # ValueError, for an answer that is no JSON: a proxy's page, for one.
            raise WorkFailed(
                f"The hub cannot be reached for the data set {self._repository} "
                f"({type(error).__name__}): it is tried again with the next backup."
            ) from None
