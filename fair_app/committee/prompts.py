"""What the teachers are asked, in the three roles of the method (arXiv 2410.03663, section 3).

A rationale is asked for exactly as the student was asked. For feedback and review the teacher is
given the gold answer as a hint: the `gold_answer` field of the reference's files, which for GSM8K
is the whole solution.

The fields of a template are filled in one pass, so whatever a model or a file wrote arrives as it
is, with its braces, dollar signs and percent signs.
"""

import hashlib
from collections.abc import Mapping
from string import Template

from fair_app.committee.base import Role
from fair_app.committee.equations import without_marks
from fair_app.errors import BadInput
from fair_app.tasks.base import Question

QUESTION_WITH_CONTEXT = Template("""\
Context: $context
Query: $question
Options:
$options""")

FEEDBACK = Template("""\
You are a teacher. Below are a question and a student's wrong answer to it. Point out the mistakes \
in the student's answer, briefly.
Question: $question
Student's answer: $student_answer
Hint: The correct answer should be: $gold
""")

REVIEW = Template("""\
You are a reviewer. Below is a rationale that was submitted as the solution of a question. As in \
peer review, judge whether it is correct and sound. Think step by step, and end with one whole \
number from 1 to 5: the higher, the more likely you find it that the rationale is correct. Write \
this score in square brackets, such as: [5]
Question: $question
Rationale: $rationale
Hint: The correct answer should be: $gold
""")


RATIONALE = Template("$prompt")

FIELDS = {
    Role.RATIONALE: {"prompt": "what the student was asked"},
    Role.FEEDBACK: {
        "question": "the question, with its passage and options",
        "student_answer": "the student's wrong answer",
        "gold": "the gold answer, as a hint",
    },
    Role.REVIEW: {
        "question": "the question, with its passage and options",
        "rationale": "the rationale to be judged",
        "gold": "the gold answer, as a hint",
    },
}
"""What the template of a role must hold, each as `$name`, and what stands there."""

DEFAULTS = {
    Role.RATIONALE: RATIONALE.template,
    Role.FEEDBACK: FEEDBACK.template,
    Role.REVIEW: REVIEW.template,
}


class Prompts:
    """What the teachers of one project are asked: a template a role, its own or the default."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self.templates = {role: (own or {}).get(role, DEFAULTS[role]) for role in Role}

    def hash(self, role: Role) -> str:
        """The hash of a role's template; what was asked with another one is not current."""
        return prompt_hash(self.templates[role])

    def rationale(self, task_prompt: str) -> str:
        """Ask for a rationale, by default with the student's own prompt: no gold answer."""
        return Template(self.templates[Role.RATIONALE]).substitute(prompt=task_prompt)

    def feedback(self, question: Question, student_answer: str) -> str:
        """Ask what is wrong in the student's answer, with the gold answer as a hint."""
        return Template(self.templates[Role.FEEDBACK]).substitute(
            question=question_text(question), student_answer=student_answer, gold=_hint(question)
        )

    def review(self, question: Question, rationale: str) -> str:
        """Ask for a score of a rationale, with the gold answer as a hint; no author is named."""
        return Template(self.templates[Role.REVIEW]).substitute(
            question=question_text(question), rationale=rationale, gold=_hint(question)
        )


def check_template(role: Role, template: str) -> None:
    """Raise BadInput, in one sentence, when a template lacks a field of its role or names another.

    A dollar sign that is meant as such is written `$$`.
    """
    parsed = Template(template)
    if not parsed.is_valid():
        raise BadInput(
            f"The {role} prompt has a lone dollar sign: write $$ where a dollar sign is meant."
        )
    found = set(parsed.get_identifiers())
    fields = ", ".join(f"${name}" for name in FIELDS[role])
    if missing := [name for name in FIELDS[role] if name not in found]:
        raise BadInput(f"The {role} prompt lacks ${missing[0]}: it needs {fields}.")
    if unknown := sorted(found - set(FIELDS[role])):
        raise BadInput(f"The {role} prompt names ${unknown[0]}, which is nothing: it has {fields}.")


def question_text(question: Question) -> str:
    """The question with its passage and its lettered options, where it has them."""
    options = "\n".join(
        f"{chr(ord('A') + index)}. {option}" for index, option in enumerate(question.options)
    )
    if question.context:
        return QUESTION_WITH_CONTEXT.substitute(
            context=question.context, question=question.text, options=options
        )
    return f"{question.text}\nOptions:\n{options}" if options else question.text


def prompt_hash(text: str) -> str:
    """SHA-256 of a template or of a rendered prompt, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _hint(question: Question) -> str:
    return without_marks(question.gold_text or question.gold_answer)
