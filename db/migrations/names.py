"""Whose a name is: a name can become another person's, the number of an account cannot."""

from sqlite_utils import Database


def names(store: Database) -> None:
    """A name (in small letters) and the account that signed in by it first."""
    store.execute(
        """
        CREATE TABLE names (
            name TEXT PRIMARY KEY,
            account TEXT NOT NULL CHECK (account <> ''),
            taken_at REAL NOT NULL
        ) WITHOUT ROWID
        """
    )
