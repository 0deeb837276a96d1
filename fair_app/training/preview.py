"""What the student will see of a run's examples: each as its tokens, written out again.

`python -m fair_app.training.preview FILE` finds it out, with the run's own code and tokenizer, in a
process of its own: the web process loads neither torch nor transformers. It reads what is asked
for from standard input and writes FILE: a line of totals, then a line an example.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.student.loading import has_encoder, load_tokenizer
from fair_app.student.registry import StudentRef, parse_ref
from fair_app.training.examples import TrainingQuestion
from fair_app.training.frozen import as_questions
from fair_app.training.lessons import Lessons
from fair_app.training.mentoring import beforehand, common_speech, mentor_of
from fair_app.training.packing import Example
from fair_app.training.settings import TrainingSettings, one_sided
from fair_app.whole_files import whole_file

BAD_INPUT, FAILED = 2, 1
"""Exit codes, with one sentence on standard error."""


def preview(
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[TrainingQuestion],
    settings: TrainingSettings,
    *,
    has_encoder: bool = False,
    of_mentor: Callable[[Sequence[Example]], str] = lambda _: "",
) -> Iterator[dict[str, Any]]:
    """The totals of a run, then what its first epoch draws, in its order.

    `tokens` are those of all texts that can be drawn, with their prompts; `learned` those of them
    that count in the loss; `cut` those that prompts lost; `note` says which part does not count,
    and what `of_mentor` says of all texts. Raises BadInput as the run would.
    """
    counts = {"feedback": settings.alpha > 0, "rationale": settings.alpha < 1}
    lessons = Lessons(tokenizer, questions, settings, has_encoder=has_encoder)
    every = lessons.pool.every()
    yield {
        "questions": len(lessons.questions),
        "held_out": len(lessons.held_out),
        "texts": len(every),
        "tokens": sum(len(one.tokens) for one in every),
        "learned": sum(one.response_length for one in every if counts[one.part]),
        "longest": max(len(one.tokens) for one in every),
        "shortened": lessons.pool.shortened,
        "cut": sum(one.cut for one in every),
        "left_out": lessons.pool.left_out,
        "steps": lessons.total_steps,
        "note": " ".join(filter(None, (one_sided(settings), of_mentor(every)))),
    }
    drawn = lessons.pairs(0)
    for pair, examples in zip(drawn, lessons.pool.examples(drawn), strict=True):
        sides: dict[str, Any] = {"feedback": None, "rationale": None}
        for one in examples:
            text = pair.feedback if one.part == "feedback" else pair.rationale
            assert text is not None
            prompt, response = one.tokens[: one.prompt_length], one.tokens[one.prompt_length :]
            sides[one.part] = {
                "teacher": text.teacher,
                "prompt": _written(tokenizer, prompt),
                "response": _written(tokenizer, response),
                "prompt_tokens": len(prompt),
                "response_tokens": len(response),
                "cut": one.cut,
                "counts": counts[one.part],
            }
        yield {"question_id": pair.question_id, **sides}


def _written(tokenizer: PreTrainedTokenizerBase, tokens: torch.Tensor) -> str:
    return str(
        tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    )


def main() -> int:
    """Write the preview that standard input asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    home = Settings(home=arguments.home) if arguments.home else Settings()
    try:
        _write(home, json.load(sys.stdin), arguments.file)
    except (BadInput, WorkFailed) as fault:
        print(" ".join(str(fault).split()), file=sys.stderr)
        return BAD_INPUT if isinstance(fault, BadInput) else FAILED
    return 0


def _write(home: Settings, asked: dict[str, Any], file: Path) -> None:
    ref = parse_ref(asked["student"], home.checkpoints, home.models)
    settings = TrainingSettings(**asked["settings"])
    lines = preview(
        load_tokenizer(ref),
        as_questions(asked["examples"]),
        settings,
        has_encoder=has_encoder(ref),
        of_mentor=_of_mentor(home, ref, settings),
    )
    with whole_file(file) as made, made.open("w", encoding="utf-8") as output:
        output.writelines(f"{json.dumps(line)}\n" for line in lines)


def _of_mentor(
    home: Settings, student: StudentRef, settings: TrainingSettings
) -> Callable[[Sequence[Example]], str]:
    """What is to be said of a mentor's soft labels; "" where there are none."""
    if not settings.has_soft_labels:
        return lambda _: ""
    mentor = mentor_of(home, settings)
    return partial(beforehand, student, mentor, settings, common_speech(student, mentor))


if __name__ == "__main__":
    raise SystemExit(main())
