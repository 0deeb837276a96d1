"""Who may do what: sessions, roles that an owner gave, links to look, and who asked for what."""

from sqlite_utils import Database

ACCESS = (
    # A link to look at one project. Its token is nowhere: only its hash is.
    """
    CREATE TABLE shares (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        token_hash TEXT NOT NULL UNIQUE,
        made_by TEXT NOT NULL,
        made_at REAL NOT NULL,
        expires_at REAL NOT NULL CHECK (expires_at > made_at),
        revoked_at REAL
    )
    """,
    "CREATE INDEX shares_by_project ON shares (project_id)",
    # A browser in which somebody signed in, or opened a link. proof: what the name stood for then
    # (the password, as a hash of its hash); a session whose name stands for something else is void.
    """
    CREATE TABLE sessions (
        token_hash TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        proof TEXT NOT NULL,
        share_id INTEGER REFERENCES shares (id) ON DELETE CASCADE,
        begun_at REAL NOT NULL,
        expires_at REAL NOT NULL CHECK (expires_at > begun_at)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX sessions_by_name ON sessions (name)",
    """
    CREATE TABLE roles (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('nobody', 'viewer', 'curator', 'owner')),
        set_by TEXT NOT NULL,
        set_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
    # A name, not a reference: what was asked for stays known when a project is gone.
    """
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL CHECK (what <> ''),
        project TEXT NOT NULL DEFAULT '',
        detail TEXT NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE TRIGGER audit_stays_as_written BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
    """,
    """
    CREATE TRIGGER audit_stays BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
    """,
)


def access(store: Database) -> None:
    """Who may do what, and who asked for what."""
    for statement in ACCESS:
        store.execute(statement)
