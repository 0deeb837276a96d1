"""The users' file: what it says, what it refuses, and when a change counts."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from fair_app.access.roles import Role
from fair_app.access.users import (
    HEAD,
    NAME,
    TAKEN,
    User,
    UsersFile,
    changing,
    parsed,
    read,
    rewritten,
    write,
)
from fair_app.errors import BadInput

HASH = f"scrypt$2$1$1${'0' * 32}${'0' * 64}"
NAMES = st.from_regex(NAME, fullmatch=True).filter(lambda name: name.lower() not in TAKEN)
ROLES = st.sampled_from(list(Role))


@given(st.dictionaries(NAMES, ROLES, max_size=8))
@trying(max_examples=40)
def test_what_is_written_is_read_again(roles: dict[str, Role]) -> None:
    users = {name: User(name, role, HASH) for name, role in roles.items()}
    assert parsed(rewritten(HEAD, users)) == users


REMARKS = st.from_regex(r"#[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]{0,20}|[ \t]{0,3}", fullmatch=True)
FILES = st.lists(st.one_of(REMARKS, NAMES), max_size=12, unique=True)


@given(FILES, st.dictionaries(NAMES, ROLES, max_size=4))
@trying(max_examples=60)
def test_what_is_said_beside_the_users_stays(lines: list[str], roles: dict[str, Role]) -> None:
    text = "".join(f"{one}:viewer:{HASH}\n" if NAME.fullmatch(one) else f"{one}\n" for one in lines)
    users = {name: User(name, role, HASH) for name, role in roles.items()}
    changed = rewritten(text, users)
    assert parsed(changed) == users
    said = [one for one in changed.splitlines() if ":" not in one or one.startswith("#")]
    assert said == [one for one in lines if not NAME.fullmatch(one)]


def test_a_change_leaves_the_comments_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text(f"# Ours\n\nolga:owner:{HASH}\n# Guests\nvera:viewer:{HASH}\n# End\n")
    with changing(path) as known:
        known["vera"] = User("vera", Role.CURATOR, HASH)
        known["anna"] = User("anna", Role.VIEWER, HASH)
    assert path.read_text() == (
        f"# Ours\n\nolga:owner:{HASH}\n# Guests\nvera:curator:{HASH}\n# End\nanna:viewer:{HASH}\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_change_that_fails_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text(f"olga:owner:{HASH}\n")
    with pytest.raises(BadInput, match="no more"), changing(path) as known:
        known.clear()
        raise BadInput("no more")
    assert list(read(path)) == ["olga"]


def test_those_who_change_it_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "users"

    def add(number: int) -> None:
        with changing(path, new=True) as known:
            known[f"user{number}"] = User(f"user{number}", Role.VIEWER, HASH)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(40)))
    assert len(read(path)) == 40
    assert path.read_text().startswith(HEAD)


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BadInput, match="cannot be changed"),
        changing(tmp_path / "file" / "users", new=True),
    ):
        pass


@given(st.text(max_size=120))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        found = parsed(text)
    except BadInput as fault:
        assert str(fault).startswith("Line ")
    else:
        assert found == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("anna:owner", "write name:role:hash"),
        (f"anna:king:{HASH}", "'king' is no role"),
        ("anna:owner:secret", "hash is none"),
        (f"an na:owner:{HASH}", "cannot be a user's name"),
        (f"Local:owner:{HASH}", "cannot be a user's name"),
        (f"anna:owner:{HASH}\nanna:viewer:{HASH}", "stands there twice"),
    ],
)
def test_a_bad_line_is_named(line: str, words: str) -> None:
    with pytest.raises(BadInput, match=r"Line \d of the users' file") as fault:
        parsed(line)
    assert words in str(fault.value)
    assert "secret" not in str(fault.value)


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "users"
    write(file, [User("anna", Role.OWNER, HASH)])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["users"]


def test_a_change_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "users"
    write(path, [User("anna", Role.OWNER, HASH)])
    file = UsersFile(path)
    assert file.users()["anna"].role is Role.OWNER
    write(path, [User("anna", Role.VIEWER, HASH)])
    assert file.users()["anna"].role is Role.VIEWER


def test_a_file_that_is_gone_or_no_text_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="users add"):
        UsersFile(tmp_path / "none").users()
    (tmp_path / "binary").write_bytes(os.urandom(64) + b"\xff")
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path / "binary")


def test_a_hash_is_in_no_repr() -> None:
    assert HASH not in repr(User("anna", Role.OWNER, HASH))
