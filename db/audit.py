"""Looking into the audit: who asked for what."""

from sqlite_utils import Database

from db.access import Noted
from db.store import fetch, scalar

_BY = "(:who = '' OR instr(lower(who), lower(:who)))"


def noted_by(store: Database, who: str, limit: int, offset: int) -> list[Noted]:
    """Lines of the audit, the newest first; of those whose name has `who` in it, "" for all."""
    sql = f"SELECT * FROM audit WHERE {_BY} ORDER BY id DESC LIMIT :limit OFFSET :offset"
    return fetch(store, Noted, sql, {"who": who, "limit": limit, "offset": offset})


def count(store: Database, who: str) -> int:
    """How many lines of the audit are by somebody whose name has `who` in it."""
    return int(scalar(store, f"SELECT count(*) FROM audit WHERE {_BY}", {"who": who}))
