"""A project that is deleted while its page is open, and another one that gets its name and ids."""

from typing import Any

import pytest

from db.store import connect
from fair_app.settings import Settings
from fair_app.studio.deleting import delete
from fair_app.studio.projects import Project, open_project
from tests.browser.reviewing import actions, all_ids, column, notice, open_review, press, settled
from tests.browser.taught import taught

pytestmark = pytest.mark.browser


def made_anew(settings: Settings, project: Project) -> Project:
    """The same rows again, under the same name."""
    delete(settings, project.name, project.name, "olga")
    again = taught(settings)
    connect(settings.database).execute(
        "UPDATE projects SET name = ? WHERE id = ?", [project.name, again.id]
    )
    return open_project(settings, project.name)


def test_what_was_meant_for_a_deleted_project_does_not_reach_the_next(
    server: Any, page: Any, watched: Any
) -> None:
    settings = server.settings
    first = taught(settings)
    ids = all_ids(settings, first)
    open_review(page, server, first)
    press(page, "2e")
    field = column(page, 1).locator("textarea.edit-text")
    field.fill("written for the one that is gone")
    again = made_anew(settings, first)
    assert (again.id, all_ids(settings, again)) == (first.id, ids)
    page.keyboard.press("Control+Enter")
    told = f"The project {first.name} is no more, so nothing was done: reload the page."
    notice(page, told)
    settled(page)
    # the words can still be copied
    assert field.input_value() == "written for the one that is gone"
    assert field.is_enabled()

    # what a tab kept of it until its server came back is not done either
    left = {"project": first.name, "since": str(first.created_at), "question": ids[0]}
    outbox = [{**left, "action": "reasons", "value": "mine", "queue": "all", "search": ""}]
    page.evaluate("left => sessionStorage.setItem('fair:outbox', JSON.stringify(left))", outbox)
    page.reload()
    notice(page, told)
    settled(page)
    assert page.locator("textarea.edit-text").count() == 0
    assert open_project(settings, first.name).reasons == again.reasons
    assert actions(settings, again) == []
    press(page, "1a")
    settled(page)
    assert actions(settings, again) == ["accept"]
    assert watched.errors == []
