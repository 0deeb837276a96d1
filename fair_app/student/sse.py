"""An answer that a server of OpenAI's format sends piece by piece, read line by line.

Server-sent events: a line `data: {…}` a piece, `data: [DONE]` at the end. Other lines (comments
that keep the connection open, names of events) say nothing.
"""

from pydantic import BaseModel, Field

from fair_app.committee.base import CallFailed, Fault
from fair_app.committee.providers.wire import AnswerShape, read
from fair_app.student.base import Completion

END = "[DONE]"


class _Delta(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    text: str | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    completion_tokens: int | None = None


class _Piece(AnswerShape):
    choices: list[_Choice] = Field(default_factory=list)
    usage: _Usage | None = None


class Growing:
    """An answer as its lines come. A piece counts as a token until the server says how many."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._text = ""
        self._pieces = 0
        self._tokens: int | None = None
        self._finish: str | None = None

    def take(self, line: str) -> bool:
        """Read one line; whether there is more of the answer now. Raises CallFailed."""
        field, _, content = line.partition(":")
        content = content.strip()
        if field != "data" or not content or content == END:
            return False
        piece = read(_Piece, content, self._key)
        if piece.usage and piece.usage.completion_tokens is not None:
            self._tokens = piece.usage.completion_tokens
        if not piece.choices:
            return False
        first = piece.choices[0]
        added = first.delta.content or first.text or ""
        self._text += added
        self._pieces += bool(added)
        self._finish = first.finish_reason or self._finish
        return bool(added)

    @property
    def written(self) -> Completion:
        """What there is so far."""
        tokens = self._pieces if self._tokens is None else self._tokens
        return Completion(self._text.strip(), tokens, self._finish == "length")

    def end(self) -> Completion:
        """The whole answer. Raises CallFailed when the stream broke off before its end."""
        if self._finish is None:
            raise CallFailed(Fault.NETWORK, "the answer broke off before its end")
        return self.written
