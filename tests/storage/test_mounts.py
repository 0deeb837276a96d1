"""A bucket that is not mounted is no empty place; a database that is broken is one sentence."""

import shutil
import signal
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app
from db.store import close, connect
from fair_app.cli.main import main
from fair_app.errors import WorkFailed
from fair_app.settings import Settings
from fair_app.storage.backups import Backups
from fair_app.storage.places import Folder, lies_on_a_mount, place_of
from fair_app.storage.restoring import restore_at_start
from tests.storage.homes import filled, home, write

LINE = "36 35 98:0 / {} rw,noatime master:1 - ext4 /dev/sda rw"
PARTS = st.lists(st.text("abc \\\t0123é", min_size=1, max_size=6), min_size=1, max_size=4)


def table(*points: str) -> str:
    """As the kernel writes it: spaces, tabs, newlines and backslashes as octal numbers."""
    named = (
        "".join(f"\\{ord(one):03o}" if one in " \t\n\\" else one for one in point)
        for point in points
    )
    return "".join(LINE.format(point) + "\n" for point in named)


@pytest.mark.parametrize(
    ("folder", "points", "is_mounted"),
    [
        ("/backups/fair", ["/", "/backups"], True),
        ("/backups", ["/", "/backups"], True),
        ("/backups/fair", ["/"], False),
        ("/backups2/fair", ["/", "/backups"], False),
        ("/my backups/fair", ["/", "/my backups"], True),
        ("/backups/fair", [], False),
    ],
)
def test_a_mount_is_known(folder: str, points: list[str], is_mounted: bool) -> None:
    assert lies_on_a_mount(Path(folder), table(*points)) is is_mounted


@given(PARTS, PARTS)
def test_what_lies_in_a_mount_does_so_whatever_its_name(point: list[str], below: list[str]) -> None:
    mount = PurePosixPath("/", *point)
    assert lies_on_a_mount(Path(mount, *below), table("/", str(mount)))
    assert not lies_on_a_mount(Path(mount.parent, f"{mount.name}x"), table("/", str(mount)))


def test_a_place_that_must_be_mounted_and_is_not_keeps_a_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = Path("/var/lib/nothing-is-mounted-here")
    settings = Settings(home=tmp_path / "home", backup=str(nowhere), backup_mounted=True)
    with pytest.raises(WorkFailed, match="Nothing is mounted at"):
        restore_at_start(settings)
    monkeypatch.setenv("FAIR_BACKUP", str(nowhere))
    monkeypatch.setenv("FAIR_BACKUP_MOUNTED", "1")
    assert started(tmp_path / "home", capsys) == (
        1,
        f"error: Nothing is mounted at {nowhere}, so backups there would be lost with this "
        "machine: mount a bucket or a disk, or set FAIR_BACKUP_MOUNTED=0.\n",
    )
    assert not settings.database.exists()
    # /dev/shm and such are mounts; a place by its full name needs no check
    assert restore_at_start(settings.model_copy(update={"backup_mounted": False})) is None


def test_what_a_place_lies_in_must_be_there(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home", tmp_path / "gone" / "fair"))
    with pytest.raises(WorkFailed, match=f"there is no {tmp_path / 'gone'}. Make it, or mount"):
        Backups(settings, place_of(settings.backup)).make()
    assert not (tmp_path / "gone").exists()


def test_a_place_that_lost_this_home_s_backups_gets_no_new_one(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home", tmp_path / "place"))
    backups = Backups(settings, Folder(tmp_path / "place"))
    made = backups.make()
    assert made is not None
    (tmp_path / "place").rename(tmp_path / "bucket")
    (tmp_path / "place").mkdir()  # what is seen where a bucket was unmounted
    (tmp_path / "place" / "readme").write_text("mount here")
    write(settings, "uploads/more.csv", b"new")
    with pytest.raises(WorkFailed, match=f"has no backup any more, and {made.name} was made"):
        backups.make()
    assert [one.name for one in (tmp_path / "place").iterdir()] == ["readme"]
    shutil.rmtree(tmp_path / "place")
    (tmp_path / "bucket").rename(tmp_path / "place")
    assert backups.make() is not None
    # emptied on purpose, it is begun anew
    shutil.rmtree(tmp_path / "place")
    with pytest.raises(WorkFailed, match=r"emptied on purpose, .*backup --anew"):
        backups.make()
    assert main(["backup", "--home", str(settings.home), "--to", settings.backup, "--anew"]) == 0
    write(settings, "uploads/third.csv", b"newer")
    assert backups.make() is not None
    # another place is another matter
    assert Backups(settings, Folder(tmp_path / "other")).make() is not None
    close(settings.database)


def started(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and the words of a server that does not come to serve."""
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        code = app.main(["--home", str(home), "--port", "0"])
    finally:
        signal.signal(signal.SIGTERM, terminated)
    return code, capsys.readouterr().err


def rotten(file: Path) -> None:
    file.write_bytes(b"rotten" * 1000)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8192])


def scrambled(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [rotten, cut_off, scrambled])
def test_a_broken_database_ends_the_start_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage
) -> None:  # type: ignore[no-untyped-def]
    settings = filled(home(tmp_path / "home"))
    damage(settings.database)
    before = settings.database.read_bytes()
    code, said = started(tmp_path / "home", capsys)
    assert code == 1
    assert said.startswith(f"error: The database {settings.database} is broken (")
    assert "`python -m fair_app restore --replace --from PLACE` puts it aside" in said
    assert said.count("\n") == 1
    close(settings.database)
    if damage is rotten:
        assert settings.database.read_bytes() == before


def test_a_database_that_cannot_be_opened_ends_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home" / "fair.db").mkdir(parents=True)
    code, said = started(tmp_path / "home", capsys)
    assert code == 1
    assert "fair.db cannot be opened (unable to open database file): see that this user" in said
    assert said.count("\n") == 1


def test_a_whole_database_is_found_whole(tmp_path: Path) -> None:
    from fair_app.health import check_database

    settings = filled(home(tmp_path / "home"))
    check_database(settings)
    assert connect(settings.database).execute("SELECT count(*) FROM projects").fetchone() == (1,)
    close(settings.database)
