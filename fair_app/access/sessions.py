"""Sessions, which the server holds: a browser has only a token, and the store only its hash."""

import hashlib
import secrets

from db import access, projects
from db.store import connect, writing
from fair_app.access.accounts import Accounts, NoAccounts
from fair_app.access.roles import Role, Visitor
from fair_app.settings import Settings

LASTS_S = 7 * 24 * 3600.0
"""After a week everybody signs in again."""
STRANGER = "a visitor"
"""Who has not signed in, where these may look. No account's name has a space in it."""


def new_token() -> tuple[str, str]:
    """A token of 256 random bits, and its hash."""
    token = secrets.token_urlsafe(32)
    return token, hash_of(token)


def hash_of(token: str) -> str:
    """What the store has of a token. It is long and random: a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def begin(settings: Settings, name: str, proof: str = "") -> str:
    """Begin a session and return its token."""
    token, hashed = new_token()
    store = connect(settings.database)
    with writing(store):
        access.begin_session(store, hashed, name, proof, LASTS_S)
        access.note(store, name, "signed in")
    return token


def end(settings: Settings, token: str) -> None:
    """End the session of a token, if there is one."""
    store = connect(settings.database)
    with writing(store):
        found = access.session(store, hash_of(token))
        access.end_session(store, hash_of(token))
        if found:
            access.note(store, found.name, "signed out")


def visitor(settings: Settings, accounts: Accounts, token: str) -> Visitor:
    """Who has this token: what they may do is looked up each time, so that it may change."""
    if isinstance(accounts, NoAccounts):
        return Visitor(None, accounts.anonymous)
    store = connect(settings.database)
    found = access.session(store, hash_of(token)) if token else None
    if found and found.share_id is not None:
        share = access.share(store, found.share_id)
        if share:
            shown = projects.get(store, share.project_id).name
            return Visitor(found.name, Role.VIEWER, project=shown, signed_in=True)
    elif found:
        role = accounts.role(found.name, found.proof)
        if role > Role.NOBODY:
            return Visitor(found.name, role, signed_in=True)
    name = STRANGER if accounts.anonymous else None
    return Visitor(name, accounts.anonymous)
