"""What the missing calls of a project will take, before anything is sent.

Prompts are rendered as they will be sent, for a sample of the mistakes where there are many, and
counted with the offline student's tokenizer where it is there: other models count a little
differently, so every figure but the number of calls is an estimate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from sqlite_utils import Database

from db import calls, committee, exams, mentors
from db.committee import TeacherRow
from db.exams import AnswerRow
from db.projects import Project
from db.store import connect
from fair_app.committee.asking import CHARACTERS_A_TOKEN, EXPECTED_OUTPUT
from fair_app.committee.base import Request, Role, TeacherSpec
from fair_app.committee.ledger import call_key
from fair_app.committee.prices import cost, price_of
from fair_app.committee.prompts import Prompts
from fair_app.committee.providers.batches import has_batches
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.student.offline import offline_student_folder
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task_of

SAMPLE = 300
"""Mistakes whose prompts are rendered; a larger exam is estimated from as many, evenly spread."""

COUNTED = 4096
"""Texts whose number of tokens is kept: a sample has five a mistake, if all is to be written."""


@dataclass(frozen=True)
class QuoteLine:
    """Calls of one teacher in one role. `from_ledger` of them are answered already, at no cost.

    `cost_usd` is None when nobody knows the price.
    """

    teacher: str
    role: Role
    calls: int
    from_ledger: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(frozen=True)
class Quote:
    """What is missing. `spent_usd` is what the project's calls have cost so far.

    `minutes` is what the teachers' own limits take at least; None where no teacher has a limit.
    """

    mistakes: int
    teachers: int
    done: int
    lines: list[QuoteLine]
    spent_usd: float
    minutes: float | None
    sampled: bool

    @property
    def calls(self) -> int:
        """Calls that are missing, those that the ledger answers among them."""
        return sum(line.calls for line in self.lines)

    @property
    def from_ledger(self) -> int:
        """Missing calls that the ledger answers at no cost."""
        return sum(line.from_ledger for line in self.lines)

    @property
    def tokens(self) -> int:
        """Tokens to be sent and received, about."""
        return sum(line.input_tokens + line.output_tokens for line in self.lines)

    @property
    def cost_usd(self) -> float:
        """What the teachers with a known price will cost, about."""
        return sum(line.cost_usd or 0.0 for line in self.lines)

    @property
    def unpriced(self) -> list[str]:
        """Teachers with calls to make and a price that nobody knows."""
        unknown = [line.teacher for line in self.lines if line.calls and line.cost_usd is None]
        return list(dict.fromkeys(unknown))


def quote(
    settings: Settings, project: Project, *, batch: bool = False, review_mentor: bool = False
) -> Quote:
    """What the committee has still to be asked about the present mistakes, directly or in batches.

    With `review_mentor` the reviews of the mentor's rationales are among it. Imported teachers are
    not asked; a committee of them alone takes no call. Raises BadInput when the project has no
    exam.
    """
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet: run the exam first.")
    store = connect(settings.database)
    rows = [row for row in committee.teachers(store, project.id) if row.origin == "committee"]
    members = [(row, TeacherSpec.model_validate(row.spec)) for row in rows]
    missing = {
        one.teacher_id: one
        for one in committee.missing(
            store, project.id, project.exam_id, review_mentor=review_mentor
        )
    }
    mistakes = exams.answer_ids(store, project.exam_id, "wrong")
    sample = mistakes[:: max(1, -(-len(mistakes) // SAMPLE))]
    survey = _Survey(store, project, members, token_counter(settings), batch, review_mentor)
    for answer_id in sample:
        answer = exams.answer(store, answer_id)
        assert answer is not None
        survey.look_at(answer)
    lines = []
    minutes = []
    for row, spec in members:
        own = missing[row.id]
        wanted = {
            Role.RATIONALE: own.rationales,
            Role.FEEDBACK: own.feedback,
            Role.REVIEW: own.reviews,
        }
        teacher_lines = [survey.line(row, spec, role, count) for role, count in wanted.items()]
        lines += teacher_lines
        minutes.append(_minutes(spec, teacher_lines))
    written = committee.counts(store, project.id, project.exam_id)
    return Quote(
        mistakes=len(mistakes),
        teachers=len(members),
        done=sum(written.values()),
        lines=lines,
        spent_usd=calls.spent(store, project.id),
        minutes=max((one for one in minutes if one is not None), default=None),
        sampled=len(sample) < len(mistakes),
    )


class _Survey:
    """Token counts and ledger hits of the missing calls about a sample of the mistakes."""

    def __init__(
        self,
        store: Database,
        project: Project,
        members: list[tuple[TeacherRow, TeacherSpec]],
        count_tokens: Callable[[str], int],
        batch: bool,
        review_mentor: bool,
    ) -> None:
        self._store = store
        self._members = members
        self._count = count_tokens
        self._batch = batch
        self._project_id = project.id
        self._review_mentor = review_mentor
        self._task = task_of(project)
        self._prompts = Prompts(committee.templates(store, project.id))
        self._seen: dict[tuple[int, Role], list[tuple[int, bool]]] = {}
        self._typical = {
            (row.id, role): calls.typical_output(store, spec.provider, spec.model, role.value)
            or min(EXPECTED_OUTPUT, spec.max_tokens)
            for row, spec in members
            for role in Role
        }

    def look_at(self, answer: AnswerRow) -> None:
        """Render what is missing about one mistake; note its tokens and whether it is answered."""
        question = as_question(answer)
        rationale_prompt = self._prompts.rationale(self._task.prompt(question))
        wrong = answer.text or ""
        feedback_prompt = self._prompts.feedback(question, wrong)
        for author, spec in self._members:
            rationale, has_feedback = committee.written_by(
                self._store, author.id, answer.question_id, answer.id
            )
            if not has_feedback:
                request = Request(
                    Role.FEEDBACK, feedback_prompt, self._task.name, question, student_answer=wrong
                )
                self._note(author, spec, request)
            text = rationale.text if rationale else None
            if rationale is None:
                request = Request(Role.RATIONALE, rationale_prompt, self._task.name, question)
                known = self._note(author, spec, request)
                text = known.text if known else None
            elif rationale.finish != "complete":
                continue
            reviewed = committee.reviewers_of(self._store, rationale.id) if rationale else set()
            # A rationale that is still to be written has about this many tokens.
            unwritten = 0 if text is not None else round(self._typical[author.id, Role.RATIONALE])
            reviewed.add(author.id)
            self._look_at_reviews(question, text or "", author.name, reviewed, unwritten)
        if not self._review_mentor:
            return
        for one in mentors.rationales_on(self._store, self._project_id, answer.question_id):
            reviewed = committee.reviewers_of(self._store, one.id)
            self._look_at_reviews(question, one.text or "", one.teacher, reviewed)

    def _look_at_reviews(
        self, question: Question, text: str, author: str, done: set[int], more_tokens: int = 0
    ) -> None:
        """Note the reviews of a rationale that its other reviewers have still to write."""
        prompt = self._prompts.review(question, text)
        for reviewer, peer in self._members:
            if reviewer.id not in done:
                request = Request(
                    Role.REVIEW, prompt, self._task.name, question, rationale=text, author=author
                )
                self._note(reviewer, peer, request, more_tokens)

    def line(self, row: TeacherRow, spec: TeacherSpec, role: Role, count: int) -> QuoteLine:
        """The sample's figures on all missing calls of a teacher in a role."""
        seen = self._seen.get((row.id, role), [])
        known = round(count * sum(hit for _, hit in seen) / len(seen)) if seen else 0
        unknown = [tokens for tokens, hit in seen if not hit]
        sent = count - known
        asked = round(sent * sum(unknown) / len(unknown)) if unknown else 0
        answered = round(sent * self._typical[row.id, role])
        usd = cost(price_of(spec, batch=self._batch and has_batches(spec)), asked, answered)
        return QuoteLine(row.name, role, count, known, asked, answered, 0.0 if not sent else usd)

    def _note(
        self, row: TeacherRow, spec: TeacherSpec, request: Request, more_tokens: int = 0
    ) -> calls.Call | None:
        call = calls.by_key(self._store, call_key(spec, request))
        answered = call if call and call.state == "done" and not more_tokens else None
        tokens = self._count(request.prompt) + more_tokens
        self._seen.setdefault((row.id, request.role), []).append((tokens, answered is not None))
        return answered


def token_counter(settings: Settings) -> Callable[[str], int]:
    """Counts a text's tokens by the offline student's tokenizer, else four characters each."""
    file = offline_student_folder(settings.models) / "tokenizer.json"
    return _counter(file) if file.is_file() else lambda text: len(text) // CHARACTERS_A_TOKEN


@cache
def _counter(file: Path) -> Callable[[str], int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    # All teachers get the same prompts, and the next visit asks for the same quote.
    return lru_cache(COUNTED)(lambda text: len(tokenizer.encode(text).ids))


def _minutes(spec: TeacherSpec, lines: list[QuoteLine]) -> float | None:
    """What a teacher's own limits take at least for its calls."""
    sent = sum(line.calls - line.from_ledger for line in lines)
    tokens = sum(line.input_tokens + line.output_tokens for line in lines)
    times = []
    if spec.requests_per_minute:
        times.append(sent / spec.requests_per_minute)
    if spec.tokens_per_minute:
        times.append(tokens / spec.tokens_per_minute)
    return max(times, default=None)
