"""The three ways in which work ends early: each becomes one sentence, in a page or a terminal."""


class BadInput(ValueError):
    """What a person gave cannot be used. The message is one sentence that says what to do."""


class WorkFailed(RuntimeError):
    """Work that was rightly asked for could not be done. The message is one sentence."""


class Cancelled(Exception):
    """Raised inside a job, at a point where nothing is half done, after a person cancelled it."""
