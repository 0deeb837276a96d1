"""Files to save, by address: a project's report, as a page and as Markdown, its bundle, and the
newest export of everything.

They are sent as attachments, so that a browser saves them: nothing in them is opened here.
"""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import FileResponse, PlainTextResponse, Response

from fair_app.errors import BadInput
from fair_app.exchange.bundle import as_zip
from fair_app.report.markdown import as_markdown
from fair_app.report.page import as_page
from fair_app.settings import Settings
from fair_app.studio.bundle import bundle_files
from fair_app.studio.export_all import newest
from fair_app.studio.projects import Project, open_project
from fair_app.studio.report import report
from pages.languages import said_of

Maker = Callable[[Settings, Project], bytes]
FILES: dict[str, tuple[str, Maker]] = {
    "report.html": ("text/html", lambda *of: as_page(report(*of)).encode()),
    "report.md": ("text/markdown", lambda *of: as_markdown(report(*of)).encode()),
    "bundle.zip": ("application/zip", lambda *of: as_zip(bundle_files(*of))),
}
"""What can be saved, by the end of its address: its media type, and what makes it."""


def downloads(settings: Settings) -> APIRouter:
    """The addresses `/downloads/PROJECT/FILE`, and `/downloads/everything.zip`; all only read."""
    router = APIRouter()

    @router.get("/downloads/everything.zip")
    def everything() -> Response:
        file = newest(settings)
        if file is None:
            return PlainTextResponse("Nothing was exported yet: the settings page does it.", 404)
        return FileResponse(file, filename=file.name, headers={"Cache-Control": "no-store"})

    @router.get("/downloads/{name}/{file}")
    def download(name: str, file: str) -> Response:
        if file not in FILES:
            return PlainTextResponse(f"There is no such file: {', '.join(FILES)}.", 404)
        media, make = FILES[file]
        try:
            project = open_project(settings, name)
            content = make(settings, project)
        except BadInput as fault:
            return PlainTextResponse(said_of(fault), 400)
        saved_as = f"{project.name.replace(' ', '-')}-{file}"
        headers = {
            "Content-Disposition": f'attachment; filename="{saved_as}"',
            "Cache-Control": "no-store",
        }
        return Response(content, media_type=media, headers=headers)

    return router
