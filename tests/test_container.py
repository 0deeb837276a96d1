"""The container: what its Dockerfile, its context, its compose file and the Space's settings say.

No engine is needed. Its steps are run in a clean Debian where FAIR_TEST_CONTAINER=1 asks for it
(root, debootstrap, some GB and a quarter of an hour); FAIR_TEST_DEBIAN may name a tree to copy.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from fair_app.jobs.stopping import STOP_S
from fair_app.settings import Settings
from tests.container import Tree, context_files, ignores, steps, variables
from tests.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[1]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8")
STEPS = steps(DOCKERFILE)
ENV = variables(STEPS, "ENV")
SECRET = re.compile(r"token|secret|password|passwd|api_?key|credential", re.IGNORECASE)


def front_matter() -> dict[str, object]:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    found = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(found, dict)
    return found


def compose() -> dict[str, object]:
    found = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
    assert list(found["services"]) == ["studio"]
    service = found["services"]["studio"]
    assert isinstance(service, dict)
    return service


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is missing: pip install -r requirements-dev.txt")
    done = subprocess.run(
        [hadolint, "Dockerfile"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_the_base_is_pinned_to_a_release_and_a_debian() -> None:
    assert [one.rest for one in STEPS if one.name == "FROM"] == ["${BASE}"]
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", variables(STEPS, "ARG")["BASE"])


def test_it_runs_as_user_1000_and_the_code_is_not_theirs() -> None:
    assert [one.rest for one in STEPS if one.name == "USER"] == ["1000"]
    after = STEPS[next(place for place, one in enumerate(STEPS) if one.name == "USER") :]
    assert not [one for one in after if one.name == "COPY"]
    assert not [one for one in STEPS if "--chown" in one.rest]


def test_it_is_told_to_stop_and_says_how_it_is() -> None:
    (entry,) = [one for one in STEPS if one.name == "ENTRYPOINT"]
    (command,) = [one for one in STEPS if one.name == "CMD"]
    assert (entry.words, command.words) == (["tini", "--"], ["python", "app.py"])
    (health,) = [one for one in STEPS if one.name == "HEALTHCHECK"]
    assert "/healthz" in health.rest
    code = json.loads(health.rest.partition(" CMD ")[2])[2]
    compile(code, "health", "exec")


def test_its_variables_are_settings_and_its_port_the_spaces() -> None:
    own = {name.removeprefix("FAIR_").lower() for name in ENV if name.startswith("FAIR_")}
    assert own <= set(Settings.model_fields)
    assert (ENV["FAIR_HOST"], ENV["FAIR_STOP_JOBS"], ENV["FAIR_RESUME"]) == ("0.0.0.0", "1", "1")
    assert [one.rest for one in STEPS if one.name == "EXPOSE"] == [ENV["FAIR_PORT"]]
    space = front_matter()
    assert space["sdk"] == "docker"
    assert str(space["app_port"]) == ENV["FAIR_PORT"]
    assert space["hf_oauth"] is True
    assert space["suggested_hardware"] == "l4x1"
    assert space["license"] == "mit"
    assert len(str(space["short_description"])) <= 60


def test_its_proxy_is_believed_about_who_asks_and_nobody_else() -> None:
    believed = ProxyHeadersMiddleware(lambda *_: None, ENV["FORWARDED_ALLOW_IPS"]).trusted_hosts  # type: ignore[arg-type, return-value]
    for address in ("127.0.0.1", "172.18.0.1", "10.16.3.4"):
        assert address in believed
    for address in ("203.0.113.9", "192.168.1.20", "172.32.0.1", ""):
        assert address not in believed


def test_no_secret_is_in_a_layer() -> None:
    names = {*ENV, *variables(STEPS, "ARG")}
    assert not [name for name in names if SECRET.search(name)]
    for name in (
        ".env",
        "fair_app/.env.local",
        "db/fair.db",
        "db/fair.db-wal",
        "db/backups.json",
        "db/users.json",
        "db/uploads/rows.csv",
        "db/logs/job-1.log",
        "db/models/x/model.safetensors",
        "checkpoints/first/lineage.json",
        ".git/config",
        "users.json",
        "tests/conftest.py",
        "fair_app/__pycache__/keys.cpython-311.pyc",
    ):
        assert ignores(IGNORE, name), name
    for name in ("app.py", "db/jobs.py", "fair_app/tasks/base.py", "pages/style.css", "LICENSE"):
        assert not ignores(IGNORE, name), name


def test_its_context_holds_what_it_copies_and_all_that_runs() -> None:
    given = set(context_files(IGNORE))
    for one in STEPS:
        if one.name == "COPY" and one.words[0] != ".":
            assert set(one.words[:-1]) <= given
    listed = subprocess.run(
        ["git", "ls-files", "app.py", "db", "fair_app", "pages"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {name for name in listed.stdout.splitlines() if (REPOSITORY / name).exists()} <= given


def test_compose_is_for_this_machine_alone_and_lets_it_stop() -> None:
    service = compose()
    (port,) = service["ports"]  # type: ignore[misc]
    assert str(port).startswith("127.0.0.1:")
    assert service["hostname"]  # jobs are known by it
    assert str(service["stop_grace_period"]) == "2m"
    assert STOP_S < 120
    assert not SECRET.search(json.dumps(service["environment"]))
    backups = service["environment"]["FAIR_BACKUP"]  # type: ignore[index]
    volumes = [str(one).partition(":")[2] for one in service["volumes"]]  # type: ignore[union-attr]
    assert backups in volumes
    assert ENV["FAIR_HOME"] in volumes


@pytest.mark.skipif(
    os.environ.get("FAIR_TEST_CONTAINER") != "1",
    reason="takes a quarter of an hour: FAIR_TEST_CONTAINER=1 runs the container's steps",
)
@pytest.mark.timeout(3600)
def test_its_steps_run_in_a_clean_debian(tmp_path: Path) -> None:
    source = os.environ.get("FAIR_TEST_DEBIAN")
    assert source or shutil.which("debootstrap"), "debootstrap is missing: apt install debootstrap"
    root = Path(os.environ.get("FAIR_TEST_TREE") or tmp_path / "debian")
    tree = Tree.made(root, Path(source) if source else None)
    began = time.monotonic()
    for one in STEPS[1:]:
        tree.do(one, IGNORE)
        print(f"{time.monotonic() - began:6.0f} s after {one.name} {one.rest[:60]}", flush=True)
    assert (tree.user, tree.folder) == ("1000", "/home/studio/app")
    check_it_serves(tree)


def check_it_serves(tree: Tree) -> None:
    """Start the container's command as its user, ask how it is, and stop it as an engine does."""
    # nobody may write where the code is; the student is unpacked, and is theirs
    tree.sh("for file in app.py new; do ! touch $file 2>/dev/null; done")
    home = tree.root / ENV["FAIR_HOME"].lstrip("/")
    assert (home / "models/smollm2-135m/model.safetensors").stat().st_uid == 1000
    assert tree.user == "1000"

    port = free_port()
    more = {"FAIR_BACKUP": "/home/studio/backups", "FAIR_PORT": str(port)}
    more["FAIR_BACKUP_MOUNTED"] = "0"  # nothing is mounted in a plain tree
    process = subprocess.Popen(
        tree.command(["tini", "-s", "--", "python", "app.py"], more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 180
        while not _is_well(port):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, printed
    assert "stopped" in printed
    assert "Traceback" not in printed
    assert list((tree.root / "home/studio/backups").glob("*.json"))
    assert {path.stat().st_uid for path in home.rglob("*")} == {1000}


def _is_well(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as fault:
        raise AssertionError(fault.read()) from None
    except OSError:
        return False
