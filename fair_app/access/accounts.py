"""How persons are told apart here: not at all, by a file of users, or by Hugging Face on a Space.

- Neither: whoever reaches the server is its owner. It listens on this machine alone, unless told
  otherwise, and then warns.
- `FAIR_USERS=FILE`: users with a password (`fair_app.access.users`).
- On a Space (`SPACE_ID`): who signed in at Hugging Face. Owners are the Space's author
  (`SPACE_AUTHOR_NAME`) and `FAIR_OWNERS`; then comes what an owner set on the settings page; then
  `FAIR_CURATORS`. What all others are `FAIR_PUBLIC` says: `viewer`, or `nobody`.

Roles on a Space are given to names, and there a name can be given up and become another person's.
So a name is its account's that signed in by it first, by the number that never changes (OpenID's
`sub`); for another account it stands for nothing until an owner makes it a nobody, which forgets
the account. `FAIR_OWNERS` and `FAIR_CURATORS` may say the number themselves, as `name:number`.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from db import access
from db.store import connect, writing
from fair_app.access import users
from fair_app.access.passwords import hashed, matches
from fair_app.access.roles import Role, role_named
from fair_app.access.users import UsersFile, checked_name
from fair_app.errors import BadInput
from fair_app.settings import Settings

logger = logging.getLogger(__name__)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Accounts(Protocol):
    """Who may sign in, and what they may do then."""

    @property
    def anonymous(self) -> Role:
        """What somebody may do who has not signed in."""
        ...

    def role(self, name: str, proof: str) -> Role:
        """What somebody may do who signed in; NOBODY where the name stands for something else."""
        ...

    def set_role(self, name: str, role: Role, by: str) -> None:
        """Give a role. Raises BadInput where that cannot be."""
        ...

    def listed(self) -> dict[str, Role]:
        """Names with a role of their own."""
        ...


class NoAccounts:
    """Nobody signs in: whoever reaches the server is its owner."""

    anonymous = Role.OWNER

    def role(self, name: str, proof: str) -> Role:
        """NOBODY: there are no names."""
        return Role.NOBODY

    def set_role(self, name: str, role: Role, by: str) -> None:
        """Raises BadInput: there are no names."""
        raise BadInput("Nobody signs in here: set FAIR_USERS to a file of users first.")

    def listed(self) -> dict[str, Role]:
        """No names."""
        return {}


class FileAccounts:
    """Users with a password, from a file."""

    def __init__(self, settings: Settings, file: UsersFile) -> None:
        self._file = file
        self.anonymous = Role.VIEWER if settings.public == "viewer" else Role.NOBODY

    def role(self, name: str, proof: str) -> Role:
        """The role that stands in the file, while the password is the one signed in with."""
        user = self._user(name)
        return user.role if user and proof_of(user.hash) == proof else Role.NOBODY

    def proof(self, name: str, password: str) -> str | None:
        """What a session bears for this name and password; None where they are wrong."""
        user = self._user(name)
        right = matches(password, user.hash if user else None)
        return proof_of(user.hash) if right and user else None

    def set_role(self, name: str, role: Role, by: str) -> None:
        """Write the role into the file."""
        with users.changing(self._file.path) as known:
            known[name] = users.User(name, role, _of(known, name).hash)
            _keep_an_owner(known)

    def listed(self) -> dict[str, Role]:
        """The users of the file."""
        return {one.name: one.role for one in self._file.users().values()}

    def _user(self, name: str) -> users.User | None:
        try:
            return self._file.users().get(name)
        except BadInput as fault:
            logger.error("%s Until then nobody may in.", fault)
            return None


@dataclass(frozen=True)
class SpaceAccounts:
    """Who signed in at Hugging Face. Names are compared without regard to capitals, as there.

    `numbers`: of those names whose account the environment says.
    """

    settings: Settings
    owners: frozenset[str]
    curators: frozenset[str]
    numbers: Mapping[str, str]

    @property
    def anonymous(self) -> Role:
        """What `FAIR_PUBLIC` says."""
        return Role.VIEWER if self.settings.public == "viewer" else Role.NOBODY

    def recognise(self, name: str, account: str) -> None:
        """Take a name for this account's, by its number. Raises BadInput where it is another's."""
        known, store = name.lower(), connect(self.settings.database)
        whose = self.numbers.get(known)
        if whose is None:
            with writing(store):
                whose = access.take_name(store, known, account)
        if whose != account:
            raise BadInput(
                f"The name {name} is another account's here, and yours is {account}: ask an owner "
                "of this Space to give the name the role nobody, and then its role again; for an "
                f"owner or a curator by the Space's settings, write {name}:{account} there."
            )

    def role(self, name: str, proof: str) -> Role:
        """Owners by the environment, then what an owner set, then curators, then the rest.

        `proof` is the account's number; NOBODY where the name is another account's.
        """
        known, store = name.lower(), connect(self.settings.database)
        if not proof or self.numbers.get(known, access.account_of(store, known)) != proof:
            return Role.NOBODY
        if known in self.owners:
            return Role.OWNER
        if given := access.role_of(store, known):
            return role_named(given)
        return Role.CURATOR if known in self.curators else self.anonymous

    def set_role(self, name: str, role: Role, by: str) -> None:
        """Write the role into the store. NOBODY also forgets whose the name was."""
        known = name.strip().lower()
        if not users.NAME.fullmatch(known):
            raise BadInput(f"'{name}' is no name at Hugging Face: write it as there.")
        if known in self.owners:
            raise BadInput(f"{name} is an owner by the Space's settings: change FAIR_OWNERS there.")
        store = connect(self.settings.database)
        with writing(store):
            access.set_role(store, known, role.word, by)
            if role is Role.NOBODY:
                access.free_name(store, known)

    def listed(self) -> dict[str, Role]:
        """Names that the environment or an owner gave a role."""
        given = access.roles(connect(self.settings.database))
        found = dict.fromkeys(sorted(self.curators), Role.CURATOR)
        found |= {name: role_named(word) for name, word in given.items()}
        return found | dict.fromkeys(sorted(self.owners), Role.OWNER)


def accounts_of(settings: Settings, environment: Mapping[str, str]) -> Accounts:
    """The accounts of this server.

    Raises BadInput for a file of users that cannot be read or has no owner, and on a Space whose
    secret is missing: the key that signs its cookies would then be one that anybody knows.
    """
    if settings.public not in ("viewer", "nobody"):
        raise BadInput(f"FAIR_PUBLIC is '{settings.public}': set it to viewer or to nobody.")
    if settings.users:
        file = UsersFile(settings.users.expanduser())
        _keep_an_owner(file.users())
        return FileAccounts(settings, file)
    if "SPACE_ID" not in environment:
        return NoAccounts()
    if not environment.get("OAUTH_CLIENT_SECRET"):
        raise BadInput(
            "This Space has no sign-in: write `hf_oauth: true` at the top of its README.md, so "
            "that it gets OAUTH_CLIENT_SECRET, and start it again."
        )
    owners, curators = _names(settings.owners), _names(settings.curators)
    said = [*curators.items(), *owners.items()]
    numbers = {name: number for name, number in said if number}
    author = environment.get("SPACE_AUTHOR_NAME", "").lower()
    every = frozenset(owners) | ({author} if author else set())
    if not every:
        raise BadInput("This Space has no owner: set FAIR_OWNERS to a name at Hugging Face.")
    return SpaceAccounts(settings, every, frozenset(curators), numbers)


def warning(settings: Settings, accounts: Accounts) -> str:
    """What must be said at the start and on the screen; "" where all is well."""
    if not isinstance(accounts, NoAccounts) or settings.host in LOOPBACK:
        return ""
    return (
        f"This server listens on {settings.host} and nobody signs in: whoever reaches it may do "
        "everything, also spend money with its keys. Set FAIR_USERS to a file of users "
        "(docs/accounts.md), or listen on 127.0.0.1."
    )


def proof_of(stored: str) -> str:
    """What tells one password's hash from the next, and says nothing of it."""
    return hashlib.sha256(stored.encode()).hexdigest()[:32]


def add_user(file: UsersFile, name: str, role: Role, password: str) -> None:
    """Add a user to the file, which is made where there is none. Raises BadInput."""
    user = users.User(checked_name(name), role, hashed(password))
    with users.changing(file.path, new=True) as known:
        if name in known:
            raise BadInput(
                f"There is a user '{name}' already: `users password` changes the password."
            )
        known[name] = user


def set_password(file: UsersFile, name: str, password: str) -> None:
    """Give a user another password; their sessions end. Raises BadInput."""
    changed = hashed(password)
    with users.changing(file.path) as known:
        known[name] = users.User(name, _of(known, name).role, changed)


def remove_user(file: UsersFile, name: str) -> None:
    """Take a user out of the file; their sessions end. Raises BadInput."""
    with users.changing(file.path) as known:
        _of(known, name)
        del known[name]
        _keep_an_owner(known)


def _of(known: users.Users, name: str) -> users.User:
    if name not in known:
        raise BadInput(f"There is no user '{name}': `users list` shows them.")
    return known[name]


def _keep_an_owner(known: users.Users) -> None:
    if not any(one.role is Role.OWNER for one in known.values()):
        raise BadInput("Somebody must be an owner: `users add NAME --role owner` adds one.")


def _names(listed: str) -> dict[str, str]:
    """Names with commas between them, each with its account's number; "" where that is not said."""
    said = (one.strip().partition(":") for one in listed.split(","))
    return {name.strip().lower(): number.strip() for name, _, number in said if name.strip()}
