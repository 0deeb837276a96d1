"""Where an answer stands in a text that holds its model's thoughts: `<think>…</think>`."""

BEGIN, END = "<think>", "</think>"


def answer_within(text: str) -> tuple[int, int]:
    """The characters of the answer: behind the last end of thoughts, and before any that don't end.

    An end without a beginning counts: where a model's template opens the thoughts, the beginning is
    in the prompt. Thoughts alone leave nothing.
    """
    last = text.rfind(END)
    start = 0 if last < 0 else last + len(END)
    unended = text.find(BEGIN, start)
    return start, len(text) if unended < 0 else unended
