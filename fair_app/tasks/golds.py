"""Gold answers of a file of one's own: what its answer column may hold, by grader."""

import re
from collections.abc import Sequence

from fair_app.errors import BadInput
from fair_app.tasks.gsm8k import final_number
from fair_app.tasks.readers import numerals
from fair_app.tasks.readers.choice import LETTERS
from fair_app.tasks.rows import Row

VERDICTS = {
    **dict.fromkeys(("true", "yes", "t", "y", "1", "ja", "wahr"), "true"),
    **dict.fromkeys(("false", "no", "f", "n", "0", "nein", "falsch"), "false"),
}
MOST_UNNAMED = 5
"""Letters that can be chosen where the options stand in the question's text."""

_DIGITS = re.compile(r"[0-9][0-9.,]*")


def read(row: Row, column: str, grader: str, options: Sequence[str], mark: str) -> tuple[str, str]:
    """The gold answer as a grade compares it, and as the reference's files hold it.

    `mark` is the decimal mark of numbers that are written as text. Raises BadInput.
    """
    written = row.written(column)
    if grader == "number":
        typed = not isinstance(row.values[column], str)
        gold = _number(written, "." if typed else mark)
        if gold is None:
            raise row.wrong(column, f"should be a number, not '{_short(written)}'")
        return gold, written
    if grader == "boolean":
        verdict = VERDICTS.get(written.lower().rstrip("."))
        if verdict is None:
            raise row.wrong(column, f"should be true or false, yes or no, not '{_short(written)}'")
        return verdict, verdict
    if grader == "choice":
        letter = _letter(row, column, written, options)
        return letter, letter
    return written, written


def final(gold_text: str, grader: str) -> str:
    """The gold answer in what `read` made of a row for the reference's files. Raises BadInput."""
    text = gold_text.strip()
    found: str | None = text or None
    if grader == "number":
        found = _number(text, decimal_mark(text) or ".")
    elif grader == "boolean":
        found = VERDICTS.get(text.lower().rstrip("."))
    elif grader == "choice":
        found = text.upper() if text.upper() in tuple(LETTERS) else None
    if found is None:
        raise BadInput(
            f"The gold answer {gold_text!r} cannot be graded by the grader {grader}: "
            "correct it, or choose another grader."
        )
    return found


def decimal_mark(text: str) -> str:
    """The decimal mark that a number's text shows, `.` or `,`; "" where it shows none.

    `1.234` shows none: it may be a thousand and some, or one and some.
    """
    found = _DIGITS.search(text)
    digits = found.group().rstrip(".,") if found else ""
    marks = [sign for sign in digits if sign in ".,"]
    if not marks:
        return ""
    last = marks[-1]
    if len(set(marks)) == 2:
        return last
    if len(marks) > 1:
        return "," if last == "." else "."
    whole, _, decimals = digits.partition(last)
    grouped = len(decimals) == 3 and len(whole) <= 3 and not whole.startswith("0")
    return "" if grouped else last


def _number(written: str, mark: str) -> str | None:
    """The number of a gold answer, or behind the `####` of a solution, in its canonical form."""
    if "####" in written:
        try:
            return final_number(written)
        except BadInput:
            return None
    found = numerals.parse(written)
    if found is None:
        return None
    value = found.other if mark == "," and found.other is not None else found.value
    return numerals.canonical(value) + ("%" if found.percent else "")


def _letter(row: Row, column: str, written: str, options: Sequence[str]) -> str:
    """The option that a gold answer names: by its text, by its letter, or by its number from 0."""
    letters = LETTERS[: len(options)] if options else LETTERS[:MOST_UNNAMED]
    if isinstance(row.values[column], str):
        same = [at for at, text in enumerate(options) if text.casefold() == written.casefold()]
        if len(same) > 1:
            raise row.wrong(
                column,
                f"is the text of options {letters[same[0]]} and "
                f"{letters[same[1]]}: give the letter",
            )
        if same:
            return letters[same[0]]
    letter = written.strip("().").upper()
    if len(letter) == 1 and letter in letters:
        return letter
    if options and written.isdecimal() and int(written) < len(options):
        return letters[int(written)]
    numbers = f", a number from 0 to {len(options) - 1}, or an option's text" if options else ""
    raise row.wrong(
        column,
        f"should be a letter from A to {letters[-1]}{numbers}, not '{_short(written)}'",
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
