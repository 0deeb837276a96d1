"""A button that saves a file which the server writes, in the browser of who pressed it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from pages.components.carried import carried
from pages.components.notice import spoken
from pages.components.page import ACTION

SAVE_FILE = """
(file) => {
  if (!file) return;
  const {name, content} = JSON.parse(file);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], {type: 'application/json'}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
"""


def saves(button: gr.Button, inputs: Sequence[Any], write: Callable[..., Path]) -> None:
    """Wire the button: `write(folder, *values of inputs)` writes a text file there and returns it.

    The file goes through the page, so that no address leads to it and nothing of it stays.
    """
    file = carried()

    def written(*values: Any) -> str:
        with TemporaryDirectory() as folder:
            path = write(Path(folder), *values)
            return json.dumps({"name": path.name, "content": path.read_text("utf-8")})

    button.click(spoken(written), list(inputs), file, **ACTION).then(
        None, file, None, js=SAVE_FILE, api_visibility="private"
    ).then(lambda: "", None, file, **ACTION)
