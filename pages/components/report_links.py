"""Links that save a project's report and its bundle."""

from pathlib import Path
from urllib.parse import quote

from fair_app.studio.projects import Project
from pages.components.markup import text
from pages.languages import _

CSS = (Path(__file__).parent / "report_links.css").read_text(encoding="utf-8")
LINKS = {
    "report.html": "Report",
    "report.md": "Report as Markdown",
    "bundle.zip": "Bundle",
}
ABOUT = (
    "One file with settings, data, teachers, cost, the rule and why, results and examples. The "
    "bundle has it too, with all that the training sets were made from: whoever has it can make "
    "them again without a call."
)


def report_links(project: Project) -> str:
    """The links with a sentence; "" before the project's first exam."""
    if project.exam_id is None:
        return ""
    # Relative: a proxy may serve the app below a path of its own.
    links = "".join(
        f'<li><a href="downloads/{text(quote(project.name))}/{file}" download>'
        f"{text(_(words))}</a></li>"
        for file, words in LINKS.items()
    )
    return (
        f'<section class="report-links"><h3>{text(_("Report"))}</h3>'
        f"<p>{text(_(ABOUT))}</p><ul>{links}</ul></section>"
    )
