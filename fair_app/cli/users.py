"""Users of one's own server, and links to look at one project: `users` and `share`."""

import argparse
import getpass
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from fair_app.access import accounts, audit, shares
from fair_app.access.roles import LOCAL, Role, role_named
from fair_app.access.users import UsersFile
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.projects import open_project

Result = dict[str, Any]
ROLES = [role.word for role in Role if role is not Role.NOBODY]


class Add(Protocol):
    """Adds a command to the parser; its options come after."""

    def __call__(
        self, name: str, run: Any, *, project: bool = True, required: bool = True
    ) -> argparse.ArgumentParser: ...


def add_access(add: Add) -> None:
    """Add both commands."""
    of_users = add("users", users, project=False)
    of_users.add_argument(
        "action",
        choices=["list", "add", "role", "password", "remove"],
        help="passwords are asked for, or read from standard input",
    )
    of_users.add_argument("name", nargs="?", metavar="NAME", help="whom; not with list")
    of_users.add_argument("--role", choices=ROLES, help="of add and role")
    of_users.add_argument("--file", type=Path, metavar="FILE", help="default: FAIR_USERS")
    of_shares = add("share", share, required=False)
    what = of_shares.add_mutually_exclusive_group()
    what.add_argument(
        "--days", type=float, metavar="N", help=f"how long it works; default: {shares.DAYS}"
    )
    what.add_argument("--revoke", type=int, metavar="ID", help="end a link")
    what.add_argument("--list", action="store_true", help="the links, without their addresses")


def users(settings: Settings, arguments: Namespace) -> Result:
    """Who may sign in at this server: list, add, role, password, remove."""
    path = arguments.file or settings.users
    if path is None:
        raise BadInput("Set FAIR_USERS to the users' file, or give it with --file.")
    file = UsersFile(path.expanduser())
    action, name = arguments.action, arguments.name
    if action == "list":
        return {"users": _listed(file)}
    if name is None:
        raise BadInput(f"Say whom: `users {action} NAME`.")
    if arguments.role and action not in ("add", "role"):
        raise BadInput("--role is of `users add` and `users role`: leave it out.")
    match action:
        case "add":
            role = role_named(arguments.role or Role.VIEWER.word)
            accounts.add_user(file, name, role, _password())
        case "role":
            if not arguments.role:
                raise BadInput(f"Say which: `users role {name} --role {'|'.join(ROLES)}`.")
            found = accounts.FileAccounts(settings, file)
            found.set_role(name, role_named(arguments.role), LOCAL)
        case "password":
            accounts.set_password(file, name, _password())
        case "remove":
            accounts.remove_user(file, name)
    audit.note(settings, LOCAL, f"users {action}", detail=f"{name} {arguments.role or ''}".strip())
    return {"users": _listed(file)}


def share(settings: Settings, arguments: Namespace) -> Result:
    """A link to look at one project, for those without an account."""
    if arguments.revoke is not None:
        shares.revoke(settings, arguments.revoke, LOCAL)
    if arguments.revoke is not None or arguments.list:
        project = open_project(settings, arguments.project) if arguments.project else None
        return {"links": [asdict(one) for one in shares.listed(settings, project)]}
    if not arguments.project:
        raise BadInput("Say which project it shows: `share --project P`.")
    days = shares.DAYS if arguments.days is None else arguments.days
    project = open_project(settings, arguments.project)
    link, path = shares.make(settings, project, days, LOCAL)
    return {**asdict(link), "path": path}


def _password() -> str:
    """A password typed twice on the terminal, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise BadInput("The two differ: type the same password twice.")
    return password


def _listed(file: UsersFile) -> list[Result]:
    return [{"name": one.name, "role": one.role.word} for one in file.users().values()]
