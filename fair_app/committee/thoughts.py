"""Thoughts that a model wrote into its answer: kept in the ledger, never learnt from or judged."""

from fair_app.tasks.readers.thoughts import BEGIN, END


def without_thoughts(text: str, *, opened: bool = False) -> tuple[str, bool]:
    """An answer without the thoughts before it, and whether there is an answer at all.

    `opened`: the model's template opened the thoughts for it. Thoughts that do not end are no
    answer; their text is given back as it is, to be seen.
    """
    if not opened and not text.lstrip().startswith(BEGIN):
        return text, bool(text.strip())
    _, ended, answer = text.partition(END)
    return (answer.strip(), bool(answer.strip())) if ended else (text, False)
