"""The Dockerfile as a list of steps, what its context holds, and a Debian tree to run them in."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Step:
    """One instruction: its name in capitals, and the rest with its lines joined."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The words of an instruction in exec form, or as the shell would part them."""
        found: list[str] = json.loads(self.rest) if self.rest.startswith("[") else self.rest.split()
        return found


def steps(text: str) -> list[Step]:
    """Read a Dockerfile."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    parted = (line.strip().split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [Step(name.upper(), re.sub(r"\s+", " ", rest)) for name, rest in parted]


def variables(of: list[Step], name: str) -> dict[str, str]:
    """What ENV or ARG instructions set."""
    pairs = re.compile(r'(\w+)=("[^"]*"|\S*)')
    return {
        key: value.strip('"')
        for one in of
        if one.name == name
        for key, value in pairs.findall(one.rest)
    }


def ignores(patterns: str, path: str) -> bool:
    """Whether a .dockerignore keeps a path out: the last pattern that fits it or a folder above."""
    ignored = False
    for line in patterns.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        again, pattern = pattern.startswith("!"), pattern.removeprefix("!").strip("/")
        if any(_fits(str(above), pattern) for above in (path, *PurePosixPath(path).parents)):
            ignored = not again
    return ignored


def _fits(path: str, pattern: str) -> bool:
    if path == ".":
        return False
    if pattern.startswith("**/"):
        return any(_fits(tail, pattern[3:]) for tail in _tails(path))
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def _tails(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[number:]) for number in range(len(parts))]


def context_files(patterns: str) -> list[str]:
    """The files of this working tree that a build is given."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    known = [name for name in listed.stdout.splitlines() if (REPOSITORY / name).is_file()]
    return [name for name in known if not ignores(patterns, name)]


@dataclass
class Tree:
    """A Debian in a folder, in which the steps after FROM are run. Needs root.

    In place of the base image's Python it has Debian's, at the same place.
    """

    root: Path
    user: str = "0"
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def made(cls, root: Path, source: Path | None) -> "Tree":
        """A new one, by debootstrap or as a copy of one that was."""
        if source is None:
            mirror = "http://deb.debian.org/debian"
            _run(["debootstrap", "--variant=minbase", "bookworm", str(root), mirror])
        else:
            shutil.rmtree(root, ignore_errors=True)
            _run(["cp", "-a", "--reflink=auto", str(source), str(root)])
        tree = cls(root)
        tree._take("etc/resolv.conf")
        tree.sh(
            "apt-get update -q && apt-get install -qy --no-install-recommends "
            "ca-certificates python3 python3-dev python3-venv && python3 -m venv /usr/local"
        )
        # Of a machine behind a proxy; the package of certificates has just written its own list.
        tree._take("etc/ssl/certs/ca-certificates.crt")
        tree._take("etc/pip.conf")
        return tree

    def _take(self, file: str) -> None:
        """Copy a file of this machine's settings, where it has one."""
        if Path("/", file).exists():
            (self.root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path("/", file), self.root / file)

    def command(self, inside: list[str], more: Mapping[str, str] | None = None) -> list[str]:
        """What runs something in the tree, with /dev, /proc and the wheels of this machine."""
        wheels = os.environ.get("PIP_FIND_LINKS", "")
        mounts = [
            f"mount --bind /dev {self.root}/dev",
            f"mount -t proc proc {self.root}/proc",
            *(
                f"mkdir -p {self.root}{folder} && mount --bind {folder} {self.root}{folder}"
                for folder in wheels.split()
                if folder.startswith("/") and Path(folder).is_dir()
            ),
        ]
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        given = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/root" if self.user == "0" else "/home/studio",
            "DEBIAN_FRONTEND": "noninteractive",
            **pip,
            **self.environment,
            **(more or {}),
        }
        enter = [
            *("chroot", f"--userspec={self.user}:{self.user}", str(self.root)),
            *("env", "-i", *(f"{name}={value}" for name, value in given.items())),
            *("sh", "-c", 'cd "$0" && exec "$@"', self.folder, *inside),
        ]
        script = " && ".join([*mounts, 'exec "$@"'])
        return ["unshare", "--mount", "sh", "-c", script, "sh", *enter]

    def sh(self, line: str, more: Mapping[str, str] | None = None) -> None:
        """Run a line of shell in it."""
        _run(self.command(["sh", "-ec", line], more))

    def do(self, step: Step, patterns: str) -> None:
        """Carry out one instruction."""
        match step.name:
            case "RUN":
                self.sh(step.rest)
            case "COPY":
                self._copy(step, patterns)
            case "WORKDIR":
                self.folder = step.rest
                (self.root / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = step.rest
            case "ENV" | "ARG":
                self.environment |= variables([step], step.name)

    def _copy(self, step: Step, patterns: str) -> None:
        *sources, target = step.words
        folder = self.root / self.folder.lstrip("/") / target
        for name in context_files(patterns):
            if "." in sources or name in sources:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, folder / name)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command[-1]}:\n{(done.stdout + done.stderr)[-4000:]}")
