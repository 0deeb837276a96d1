"""The curated training set as chat examples, one JSON object a line, for other training tools."""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput
from fair_app.training.examples import TrainingQuestion, feedback_prompt, rationale_prompt
from fair_app.whole_files import write_whole


def write(
    questions: Iterable[TrainingQuestion], path: Path, simulated: Collection[str] = ()
) -> Path:
    """Write every text of the training set as one chat example, all or none; return the path.

    A line holds `messages` (user, then assistant), `part` (`rationale` or `feedback`), `teacher`,
    `question_id`, and `simulated`: whether the teacher is among those named as rule-based.

    Raises BadInput when there is no example, and as `write_whole` does.
    """
    lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in chats(questions, simulated)]
    if not lines:
        raise BadInput("The training set is empty: accept some rationales first.")
    write_whole({path: lines})
    return path


def chats(
    questions: Iterable[TrainingQuestion], simulated: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Every text of the training set as one chat example, with what `write` says of a line."""
    for question in questions:
        for part, prompt, texts in (
            ("rationale", rationale_prompt(question), question.rationales),
            ("feedback", feedback_prompt(question), question.feedback),
        ):
            for text in texts:
                yield {
                    "messages": [
                        {"role": "user", "content": _writable(prompt)},
                        {"role": "assistant", "content": _writable(text.text)},
                    ],
                    "part": part,
                    "teacher": text.teacher,
                    "simulated": text.teacher in simulated,
                    "question_id": question.question_id,
                }


def _writable(text: str) -> str:
    """Text without lone surrogates, which neither UTF-8 nor a tokenizer takes: U+FFFD instead."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
