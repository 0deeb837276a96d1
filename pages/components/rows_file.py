"""The field for a file of questions: a path on the server's machine, or an upload."""

import shutil
from pathlib import Path

import gradio as gr

from fair_app.settings import Settings
from fair_app.whole_files import whole_file
from pages.components.page import ACTION


def rows_file(settings: Settings, elem_id: str) -> gr.Textbox:
    """Lay out the field and its upload button; the field's value is the path."""
    path = gr.Textbox(
        "",
        label="Rows from a file",
        placeholder="/path/to/rows.jsonl",
        max_lines=1,
        elem_id=elem_id,
    )
    upload = gr.UploadButton("Upload a file", size="sm", elem_classes="upload")

    def keep(uploaded: str) -> str:
        return str(kept(settings, Path(uploaded)))

    upload.upload(keep, upload, path, **ACTION)
    return path


def kept(settings: Settings, uploaded: Path) -> Path:
    """Copy an upload out of the temporary folder, where a job could lose it; return the copy.

    Gradio names the folder of an upload after the hash of its content, so a copy never changes.
    Raises WorkFailed when the disk is full.
    """
    copy = settings.uploads / uploaded.parent.name / uploaded.name
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(copy) as partial:
            shutil.copyfile(uploaded, partial)
    return copy
