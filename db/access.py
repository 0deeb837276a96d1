"""Sessions, roles and whose a name is, links to look, and the audit.

Tokens come as hashes: the store has no other.
"""

from dataclasses import dataclass

from sqlite_utils import Database

from db.store import fetch, fetch_one, insert, now, scalar


@dataclass(frozen=True)
class Session:
    """A browser in which somebody signed in; with `share_id`, one that opened a link to look."""

    token_hash: str
    name: str
    proof: str
    share_id: int | None
    begun_at: float
    expires_at: float


@dataclass(frozen=True)
class Share:
    """A link to look at one project."""

    id: int
    project_id: int
    token_hash: str
    made_by: str
    made_at: float
    expires_at: float
    revoked_at: float | None


@dataclass(frozen=True)
class Noted:
    """A line of the audit: who asked for what, when (seconds since 1970), and of which project."""

    id: int
    at: float
    who: str
    what: str
    project: str
    detail: str


def begin_session(
    store: Database,
    token_hash: str,
    name: str,
    proof: str,
    seconds: float,
    share_id: int | None = None,
) -> None:
    """Begin a session that ends after `seconds`; sessions that have ended are swept away."""
    begun = now()
    store.execute("DELETE FROM sessions WHERE expires_at <= ?", [begun])
    values = [token_hash, name, proof, share_id, begun, begun + seconds]
    store.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", values)


def session(store: Database, token_hash: str) -> Session | None:
    """The session of a token, or None: it has ended, or its link has."""
    return fetch_one(
        store,
        Session,
        """
        SELECT sessions.* FROM sessions LEFT JOIN shares ON shares.id = sessions.share_id
        WHERE sessions.token_hash = :token AND sessions.expires_at > :now
          AND (share_id IS NULL OR (shares.revoked_at IS NULL AND shares.expires_at > :now))
        """,
        {"token": token_hash, "now": now()},
    )


def end_session(store: Database, token_hash: str) -> None:
    """End one session."""
    store.execute("DELETE FROM sessions WHERE token_hash = ?", [token_hash])


def role_of(store: Database, name: str) -> str | None:
    """The role that an owner gave to a name (in small letters), or None."""
    found: str | None = scalar(store, "SELECT role FROM roles WHERE name = ?", [name])
    return found


def roles(store: Database) -> dict[str, str]:
    """The roles that owners gave, by name."""
    return dict(store.execute("SELECT name, role FROM roles ORDER BY name").fetchall())


def set_role(store: Database, name: str, role: str, by: str) -> None:
    """Give a role to a name."""
    store.execute(
        """
        INSERT INTO roles VALUES (:name, :role, :by, :now)
        ON CONFLICT (name) DO UPDATE SET role = :role, set_by = :by, set_at = :now
        """,
        {"name": name, "role": role, "by": by, "now": now()},
    )


def account_of(store: Database, name: str) -> str | None:
    """The number of the account that a name (in small letters) was taken for, or None."""
    found: str | None = scalar(store, "SELECT account FROM names WHERE name = ?", [name])
    return found


def take_name(store: Database, name: str, account: str) -> str:
    """Take a name for an account's, unless it is another's; returns whose it is."""
    sql = "INSERT INTO names VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING"
    store.execute(sql, [name, account, now()])
    return account_of(store, name) or account


def free_name(store: Database, name: str) -> None:
    """Forget which account a name was."""
    store.execute("DELETE FROM names WHERE name = ?", [name])


def add_share(store: Database, project_id: int, token_hash: str, by: str, seconds: float) -> Share:
    """Make a link to look at a project for so many seconds."""
    made = now()
    values = {
        "project_id": project_id,
        "token_hash": token_hash,
        "made_by": by,
        "made_at": made,
        "expires_at": made + seconds,
    }
    return fetch(
        store, Share, "SELECT * FROM shares WHERE id = ?", [insert(store, "shares", values)]
    )[0]


def share(store: Database, share_id: int) -> Share | None:
    """The link of this number, or None."""
    return fetch_one(store, Share, "SELECT * FROM shares WHERE id = ?", [share_id])


def share_by_token(store: Database, token_hash: str) -> Share | None:
    """The link of a token, or None: there is none, or it was revoked or has expired."""
    sql = "SELECT * FROM shares WHERE token_hash = ? AND revoked_at IS NULL AND expires_at > ?"
    return fetch_one(store, Share, sql, [token_hash, now()])


def shares(store: Database, project_id: int | None = None) -> list[Share]:
    """The links of a project, or of all, the newest first."""
    sql = "SELECT * FROM shares WHERE :project IS NULL OR project_id = :project ORDER BY id DESC"
    return fetch(store, Share, sql, {"project": project_id})


def revoke_share(store: Database, share_id: int) -> None:
    """End a link and the sessions that it began."""
    sql = "UPDATE shares SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
    store.execute(sql, [now(), share_id])
    store.execute("DELETE FROM sessions WHERE share_id = ?", [share_id])


def note(store: Database, who: str, what: str, project: str = "", detail: str = "") -> None:
    """Add a line to the audit."""
    values = {"at": now(), "who": who, "what": what, "project": project, "detail": detail}
    insert(store, "audit", values)


def noted(store: Database, limit: int) -> list[Noted]:
    """The latest lines of the audit, the newest first."""
    return fetch(store, Noted, "SELECT * FROM audit ORDER BY id DESC LIMIT ?", [limit])
