"""Links to look at one project, for those without an account.

What such a link shows is the project as it is, and nothing beside it: no other project, nothing
that changes anything, no export but the report. It is a live view, not a copy.
"""

from dataclasses import dataclass

from db import access, projects
from db.access import Share
from db.projects import Project
from db.store import connect, now, writing
from fair_app.access.sessions import LASTS_S, hash_of, new_token
from fair_app.errors import BadInput
from fair_app.settings import Settings

DAYS = 30
MOST_DAYS = 365
PATH = "/shared/"


@dataclass(frozen=True)
class Link:
    """A link, and in words how it stands: `open`, `expired` or `revoked`."""

    id: int
    project: str
    made_by: str
    made_at: float
    expires_at: float
    state: str


def make(settings: Settings, project: Project, days: float, by: str) -> tuple[Link, str]:
    """Make a link; returns it and its path, which nobody can be told again.

    Raises BadInput for days that are not more than 0 and 365 at most.
    """
    if not 0 < days <= MOST_DAYS:
        raise BadInput(f"A link is for more than 0 days and {MOST_DAYS} at most: say how many.")
    token, hashed = new_token()
    store = connect(settings.database)
    with writing(store):
        made = access.add_share(store, project.id, hashed, by, days * 24 * 3600.0)
        access.note(store, by, "made a link", project.name, f"link {made.id}")
    return _link(made, project.name), PATH + token


def revoke(settings: Settings, link: int, by: str) -> None:
    """End a link, also for those who look now. Raises BadInput where there is none."""
    store = connect(settings.database)
    with writing(store):
        if access.share(store, link) is None:
            raise BadInput(f"There is no link {link}: `share --list` shows them.")
        access.revoke_share(store, link)
        access.note(store, by, "revoked a link", detail=f"link {link}")


def listed(settings: Settings, project: Project | None = None) -> list[Link]:
    """The links of a project, or of all, the newest first."""
    store = connect(settings.database)
    names = {one.id: one.name for one in projects.all_projects(store)}
    found = access.shares(store, project.id if project else None)
    return [_link(one, names[one.project_id]) for one in found]


def shown_by(settings: Settings, token: str) -> str | None:
    """The name of the project that a link shows, by its token; None where it shows nothing."""
    store = connect(settings.database)
    share = access.share_by_token(store, hash_of(token))
    return projects.get(store, share.project_id).name if share else None


def enter(settings: Settings, token: str) -> str:
    """Begin a session by a link's token; returns the session's own. It ends with the link."""
    own, hashed = new_token()
    store = connect(settings.database)
    with writing(store):
        share = access.share_by_token(store, hash_of(token))
        if share is None:
            raise BadInput("This link does not work any more: ask who sent it for another.")
        access.begin_session(store, hashed, f"link {share.id}", "", LASTS_S, share.id)
    return own


def _link(share: Share, project: str) -> Link:
    state = (
        "revoked"
        if share.revoked_at is not None
        else "expired"
        if share.expires_at <= now()
        else "open"
    )
    return Link(share.id, project, share.made_by, share.made_at, share.expires_at, state)
