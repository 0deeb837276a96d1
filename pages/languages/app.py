"""Gradio's app in the language of who visits it: what it lays out, and what its handlers answer."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.context import LocalContext

from pages.languages.shown import plain_props, said_in
from pages.languages.speaking import ENGLISH, LANGUAGES, language_of, speaking, spoken
from pages.skipping import SkippingBlocks

HERE = Path(__file__).parent
HEAD = f"<script>{(HERE / 'words.js').read_text(encoding='utf-8')}</script>"
"""What the document needs before the pages: the functions by which their scripts say texts."""


class Blocks(SkippingBlocks):
    """`gr.Blocks` whose config is in the language that is spoken when it is asked for."""

    @property
    def config(self) -> dict[str, Any]:
        """What a browser gets of the layout."""
        language = spoken()
        if language is ENGLISH:
            return self._english
        if language.code not in self._in_languages:
            self._in_languages[language.code] = said_in(language, self._english)
        return self._in_languages[language.code]

    @config.setter
    def config(self, english: dict[str, Any]) -> None:
        self._english = english
        self._in_languages: dict[str, dict[str, Any]] = {}


def speak(demo: gr.Blocks) -> None:
    """Let every handler answer in the language of who called it."""
    for wired in demo.fns.values():
        if wired.fn is not None:
            wired.fn = _answering(wired.fn)


def _answering(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def answering(*args: Any, **kwargs: Any) -> Any:
        request = LocalContext.request.get(None)
        inner = request.request if request else None
        with speaking(language_of(inner.headers) if inner else ENGLISH.code):
            answer = handler(*args, **kwargs)
            if spoken() is not ENGLISH:
                for one in _parts(answer):
                    if isinstance(one, Block):
                        given = one.constructor_args
                        given.update(plain_props(one.get_block_name(), given, spoken().text))
            return answer

    return answering


def _parts(answer: Any) -> list[Any]:
    """What a handler answers, component by component."""
    if isinstance(answer, dict):
        return list(answer.values())
    return list(answer) if isinstance(answer, list | tuple) else [answer]


def chooser() -> gr.HTML:
    """Lay out the choice of a language, each under its name in itself."""
    buttons = "".join(
        f'<button type="button" class="go link" lang="{code}" translate="no" '
        f'data-language="{code}">{language.name}</button>'
        for code, language in LANGUAGES.items()
    )
    return gr.HTML(
        "",
        html_template=f'<nav class="languages" aria-label="Language">{buttons}</nav>',
        js_on_load=(HERE / "chooser.js").read_text(encoding="utf-8"),
        elem_id="languages",
        apply_default_css=False,
    )
