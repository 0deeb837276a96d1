"""How an answer is read and graded: number, choice, boolean and exact text.

A reading is the prediction, the characters it was read from, and the name of the rule. Rules are
tried in this order; in a rule the last place that can be read wins, because models correct and
repeat themselves at the end. A place that can't be read (`The answer is N.`) is passed over.

Rules of every grader (`readers/declarations.py` finds the places):
  1. `####`       the rest of a line after `####`, GSM8K's own form
  2. `boxed`      the inside of `\\boxed{…}`
  3. `answer is`  what follows "the answer is", the form that every prompt of ours asks for
  4. `answer:`    what follows "Answer:", up to an "Explanation:"

Then `number`: at a declared place `12 + 5 = 17` reads 17, and so does `17, since 12 + 5 = 17`.
  5. `equation`     the last `= x` of the last sentence that has a number
  6. `restated`     in that sentence, the number that is also the text's last `= x`
  7. `last number`  the last number of that sentence, one that is no operand where there is one
Numbers compare as numbers: 145 = 145.0 = $145.00, 1,000 = 1000, 3/4 = 0.75, 25% = 25 = 0.25,
3,5 = 3.5. What can be read both ways, 1.234 and 1,234, may be either (docs/grading.md).

`boolean` (yes and true, no and false; "not true" is false; "yes or no" is nothing):
  5. `last line`   the last line is a verdict and nothing else
  6. `conclusion`  "so yes", "the statement is not true", in the last sentence
  7. `first word`  the answer begins with the verdict: "True. Because …"
A verdict word elsewhere in the text is never read.

`choice` (a letter, or the text of an option):
  5. `last line`     the last line is a letter, or an option
  6. `option named`  "option B", "B is correct"
  7. `first letter`  the answer begins with "B." or "(B)", and no other line begins with a letter
  8. `option text`   the one option that the last sentence holds, else the one that the text holds
  9. `one letter`    the only letter in brackets

`exact` (compared without case, articles and outer punctuation):
  5. `last line`  the last line that isn't empty

What a model thought between `<think>` and `</think>` is not read (`readers/thoughts.py`).

The time is linear in the length of the answer, and nothing in an answer is evaluated.
"""

from collections.abc import Sequence
from dataclasses import replace

from fair_app.errors import BadInput
from fair_app.tasks.base import Grade
from fair_app.tasks.readers import numerals
from fair_app.tasks.readers.boolean import read_boolean
from fair_app.tasks.readers.choice import read_choice
from fair_app.tasks.readers.exact import normalise, read_exact
from fair_app.tasks.readers.number import read_number
from fair_app.tasks.readers.thoughts import answer_within

GRADERS = ("number", "choice", "boolean", "exact")


def grade(answer: str, gold: str, grader: str, options: Sequence[str] = ()) -> Grade:
    """Read the final answer in `answer` and compare it with `gold`, the canonical gold answer.

    `options` are the options' texts, for `choice`. Raises BadInput for an unknown grader, and for
    `number` when the gold answer is no number.
    """
    start, end = answer_within(answer)
    read = _grade(answer[start:end], gold, grader, options)
    span = (read.span[0] + start, read.span[1] + start) if read.span else None
    return replace(read, span=span)


def _grade(answer: str, gold: str, grader: str, options: Sequence[str]) -> Grade:
    if grader == "number":
        numeral, rule = read_number(answer)
        wanted = numerals.parse(gold)
        if wanted is None:
            raise BadInput(f"The gold answer {gold!r} is not a number; choose another grader.")
        if numeral is None:
            return Grade("", None, rule, False)
        correct = numeral.equals(wanted.value) or (
            wanted.percent and numeral.value * 100 == wanted.value
        )
        # 1.234 counts as 1234 where that is wanted: what it counted as is the prediction.
        value = wanted.value if wanted.value == numeral.other else numeral.value
        return Grade(numerals.canonical(value), (numeral.start, numeral.end), rule, correct)
    if grader == "choice":
        reading = read_choice(answer, options)
        correct = reading.prediction == gold.strip().upper()
    elif grader == "boolean":
        reading = read_boolean(answer)
        correct = reading.prediction == gold.strip().lower()
    elif grader == "exact":
        reading = read_exact(answer)
        correct = normalise(reading.prediction) == normalise(gold)
    else:
        raise BadInput(f"There is no grader {grader!r}; use one of {', '.join(GRADERS)}.")
    return Grade(
        reading.prediction, reading.span, reading.rule, correct and reading.span is not None
    )
