"""A local model as a teacher: batches, each answer on its own, refusals, cancel, close."""

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from fair_app.committee.base import (
    Access,
    CallFailed,
    Fault,
    Finish,
    Reply,
    Request,
    Role,
    TeacherSpec,
)
from fair_app.committee.providers.local import LocalTeacher, as_reply, decoding
from fair_app.committee.registry import build
from fair_app.errors import BadInput, Cancelled
from fair_app.settings import Settings
from fair_app.student.base import Completion, Decoding, never_cancelled
from fair_app.tasks.base import Question

QUESTION = Question("q", "1", "1")
PROMPTS = [f"What is {number} plus {number}?" for number in range(12)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A small model is faster with one thread, and does not stall beside other work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that the student was really asked for, in order."""
    from fair_app.student.generation import TransformersStudent

    sizes: list[int] = []
    answer = TransformersStudent.answer

    def counting(
        self: TransformersStudent,
        prompts: Sequence[str],
        decoding: Decoding,
        cancelled: Callable[[], None] = never_cancelled,
    ) -> Iterator[tuple[int, Completion]]:
        sizes.append(len(prompts))
        return answer(self, prompts, decoding, cancelled)

    monkeypatch.setattr(TransformersStudent, "answer", counting)
    return sizes


def teacher(
    model: str | Path, cancelled: Callable[[], None] = never_cancelled, **more: object
) -> LocalTeacher:
    values = {"name": "t", "temperature": 0.0, "max_tokens": 6} | more
    spec = TeacherSpec.model_validate({"provider": "local", "model": str(model)} | values)
    built = build(spec, Access(Settings(home=Path("none")), cancelled=cancelled))
    assert isinstance(built, LocalTeacher)
    return built


def request(prompt: str, again: int = 0) -> Request:
    return Request(Role.RATIONALE, prompt, "gsm8k", QUESTION, again=again)


async def ask_all(member: LocalTeacher, requests: list[Request]) -> list[Reply | BaseException]:
    try:
        return await asyncio.gather(*map(member.ask, requests), return_exceptions=True)
    finally:
        await member.close()


def replies(member: LocalTeacher, requests: list[Request]) -> list[Reply]:
    found = asyncio.run(ask_all(member, requests))
    assert all(isinstance(one, Reply) for one in found), found
    return [one for one in found if isinstance(one, Reply)]


@pytest.mark.model
def test_what_is_asked_together_is_answered_in_one_batch_as_one_at_a_time(
    student_folder: Path, batches: list[int]
) -> None:
    together = replies(teacher(student_folder), [request(prompt) for prompt in PROMPTS])
    assert batches == [12]

    async def one_by_one() -> list[Reply]:
        member = teacher(student_folder)
        try:
            return [await member.ask(request(prompt)) for prompt in PROMPTS[:2]]
        finally:
            await member.close()

    alone = asyncio.run(one_by_one())
    assert batches == [12, 1, 1]
    for reply, single in zip(together[:2], alone, strict=True):
        assert (reply.input_tokens, reply.finish) == (single.input_tokens, single.finish)
        # bfloat16 sums differ in their last bits with the batch; a first word does not.
        assert reply.text.split()[:1] == single.text.split()[:1]
    assert all(reply.text and not reply.simulated for reply in together)
    assert all(0 < (reply.output_tokens or 0) <= 6 for reply in together)
    cut = [reply for reply in together if reply.finish is not Finish.COMPLETE]
    assert cut
    assert {(reply.finish, reply.output_tokens) for reply in cut} == {(Finish.TRUNCATED, 6)}


@pytest.mark.model
def test_an_answer_that_ends_by_itself_is_complete_and_has_its_tokens(student_folder: Path) -> None:
    from transformers import AutoTokenizer

    (whole,) = replies(teacher(student_folder, max_tokens=40), [request("Say hello.")])
    assert whole.finish is Finish.COMPLETE
    tokenizer = AutoTokenizer.from_pretrained(student_folder)
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Say hello."}], add_generation_prompt=True
    )
    assert whole.input_tokens == len(rendered["input_ids"])
    assert whole.output_tokens == len(tokenizer.encode(whole.text, add_special_tokens=False))


@pytest.mark.model
def test_requests_that_come_during_a_batch_wait_together_for_the_next(
    student_folder: Path, batches: list[int]
) -> None:
    """Each answer of the first batch asks the next question, as a rationale asks for reviews."""

    async def chain(member: LocalTeacher, number: int) -> None:
        for step in range(2):
            await member.ask(request(f"{PROMPTS[number]} Step {step}."))

    async def all_chains() -> None:
        member = teacher(student_folder, max_tokens=3)
        await asyncio.gather(*(chain(member, number) for number in range(5)))
        await member.close()

    asyncio.run(all_chains())
    assert sum(batches) == 10
    assert len(batches) <= 4
    assert batches[0] == 5


@pytest.mark.model
def test_a_short_answer_does_not_wait_for_the_long_ones(student_folder: Path) -> None:
    async def order() -> list[str]:
        member = teacher(student_folder, max_tokens=40)
        finished: list[str] = []

        async def note(prompt: str) -> None:
            await member.ask(request(prompt))
            finished.append(prompt)

        await asyncio.gather(note("Tell a long story about a king."), note("Say hello."))
        await member.close()
        return finished

    assert asyncio.run(order()) == ["Say hello.", "Tell a long story about a king."]


@pytest.mark.model
def test_sampling_is_repeatable_and_another_draw_when_asked_again(
    student_folder: Path, batches: list[int]
) -> None:
    asked = [request(PROMPTS[0]), request(PROMPTS[0], again=1)]

    async def twice() -> list[list[Reply]]:
        member = teacher(student_folder, temperature=1.5)
        found = [await asyncio.gather(*map(member.ask, asked)) for _ in range(2)]
        await member.close()
        return found

    first, second = asyncio.run(twice())
    assert batches == [1, 1, 1, 1]
    assert first == second
    assert first[0].text != first[1].text


@pytest.mark.model
def test_a_prompt_that_does_not_fit_fails_alone(student_folder: Path) -> None:
    asked = [request(PROMPTS[0]), request("word " * 9000), request(PROMPTS[1])]
    found = asyncio.run(ask_all(teacher(student_folder), asked))
    assert [type(one) for one in found] == [Reply, CallFailed, Reply]
    assert isinstance(found[1], CallFailed)
    assert found[1].kind is Fault.REQUEST
    assert "give it a smaller max_tokens" in str(found[1])


@pytest.mark.model
def test_a_model_that_cannot_be_loaded_fails_all_with_its_sentence(
    student_folder: Path, tmp_path: Path
) -> None:
    """A folder that looks like a model until its weights are read."""
    broken = tmp_path / "broken"
    shutil.copytree(student_folder, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")

    async def twice() -> list[Reply | BaseException]:
        member = teacher(broken)
        first = await asyncio.gather(
            *(member.ask(request(prompt)) for prompt in PROMPTS[:3]), return_exceptions=True
        )
        return [*first, *await ask_all(member, [request(PROMPTS[3])])]

    found = asyncio.run(twice())
    assert len(found) == 4
    for one in found:
        assert isinstance(one, CallFailed)
        assert one.kind is Fault.MODEL
        assert str(one).startswith(f"{broken} cannot be loaded: ")
        assert "\n" not in str(one)


@pytest.mark.model
def test_a_model_of_another_kind_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"model_type": "bert", "architectures": ["BertForMaskedLM"]})
    )
    (folder / "model.safetensors").write_bytes(b"")
    (found,) = asyncio.run(ask_all(teacher(folder), [request("q")]))
    assert isinstance(found, CallFailed)
    assert "is a bert model" in str(found)


@pytest.mark.model
def test_a_cancel_reaches_all_that_wait(student_folder: Path, batches: list[int]) -> None:
    """Those in the batch that is being written, and those that gather for the next."""
    stopped = threading.Event()

    def cancelled() -> None:
        if stopped.is_set():
            raise Cancelled

    async def run() -> list[Reply | BaseException]:
        member = teacher(student_folder, cancelled, max_tokens=2000)
        first = [asyncio.ensure_future(member.ask(request(prompt))) for prompt in PROMPTS[:3]]
        while not batches:
            await asyncio.sleep(0.02)
        late = [asyncio.ensure_future(member.ask(request(prompt))) for prompt in PROMPTS[3:6]]
        await asyncio.sleep(0.1)
        stopped.set()
        found = await asyncio.gather(*first, *late, return_exceptions=True)
        await member.close()
        return found

    found = asyncio.run(run())
    assert batches == [3]
    assert sum(isinstance(one, Cancelled) for one in found) >= 5
    assert all(isinstance(one, Cancelled | Reply) for one in found)
    assert all(isinstance(one, Cancelled) for one in found[3:])


@pytest.mark.model
def test_close_ends_what_is_under_way_and_the_thread(student_folder: Path) -> None:
    async def run() -> BaseException | Reply:
        member = teacher(student_folder, name="closing", max_tokens=2000)
        waiting = asyncio.ensure_future(member.ask(request("Tell a long story.")))
        await asyncio.sleep(0.5)
        await member.close()
        await member.close()
        (found,) = await asyncio.gather(waiting, return_exceptions=True)
        return found

    assert isinstance(asyncio.run(run()), Cancelled)
    assert not [one for one in threading.enumerate() if one.name.startswith("teacher-closing")]


@pytest.mark.model
def test_a_waiter_that_gives_up_takes_no_room(student_folder: Path, batches: list[int]) -> None:
    async def run() -> Reply:
        member = teacher(student_folder)
        impatient = asyncio.ensure_future(member.ask(request(PROMPTS[0])))
        patient = asyncio.ensure_future(member.ask(request(PROMPTS[1])))
        await asyncio.sleep(0)
        impatient.cancel()
        reply = await patient
        await member.close()
        return reply

    assert asyncio.run(run()).text
    assert batches == [1]


@pytest.mark.model
def test_two_local_teachers_take_turns(student_folder: Path, batches: list[int]) -> None:
    async def run() -> list[Reply]:
        members = [teacher(student_folder, name=name, max_tokens=3) for name in ("one", "two")]
        found = await asyncio.gather(
            *(member.ask(request(prompt)) for member in members for prompt in PROMPTS[:2])
        )
        for member in members:
            await member.close()
        return found

    found = asyncio.run(run())
    assert batches == [2, 2]
    assert found[:2] == found[2:]


@pytest.mark.parametrize("field", ["base_url", "api_key_env", "reasoning_effort"])
def test_what_only_a_server_can_use_is_refused(field: str) -> None:
    value = {"base_url": "http://x/v1", "api_key_env": "A_KEY", "reasoning_effort": "low"}[field]
    with pytest.raises(BadInput, match=f"teacher 't': a local model takes no {field}"):
        teacher("owner/name", **{field: value})


@pytest.mark.parametrize("model", ["./nowhere", "checkpoint:none", "not a model"])
def test_a_model_that_is_not_there_is_refused_when_the_committee_is_chosen(model: str) -> None:
    with pytest.raises(BadInput, match=r"teacher 't': There is no "):
        teacher(model)


@pytest.mark.parametrize(
    ("text", "opens", "truncated", "expected", "finish"),
    [
        ("It is 4.", False, False, "It is 4.", Finish.COMPLETE),
        ("It is", False, True, "It is", Finish.TRUNCATED),
        ("", False, False, "", Finish.EMPTY),
        ("<think>2+2</think>\n\nIt is 4.", False, False, "It is 4.", Finish.COMPLETE),
        ("2+2\n</think>\nIt is 4.", True, False, "It is 4.", Finish.COMPLETE),
        ("<think></think>\nIt is", False, True, "It is", Finish.TRUNCATED),
        ("<think>2+2 is", False, True, "<think>2+2 is", Finish.TRUNCATED),
        ("2+2 is", True, False, "2+2 is", Finish.EMPTY),
        ("<think>2+2</think>", False, False, "", Finish.EMPTY),
        (
            "Is a <think> here </think>?",
            False,
            False,
            "Is a <think> here </think>?",
            Finish.COMPLETE,
        ),
    ],
)
def test_thoughts_before_an_answer_are_not_the_answer(
    text: str, opens: bool, truncated: bool, expected: str, finish: Finish
) -> None:
    reply = as_reply(Completion(text, 7, truncated), 5, opens_thoughts=opens)
    assert reply == Reply(expected, finish, 5, 7)


def test_the_seed_follows_from_the_teacher_and_the_attempt() -> None:
    spec = TeacherSpec(name="a", provider="local", model="m", temperature=0.7, max_tokens=33)
    drawn = decoding(spec, 0)
    assert (drawn.temperature, drawn.top_p, drawn.max_new_tokens) == (0.7, 1.0, 33)
    assert drawn == decoding(spec, 0)
    other = spec.model_copy(update={"name": "b"})
    assert len({drawn.seed, decoding(spec, 1).seed, decoding(other, 0).seed}) == 3


def test_a_committee_with_a_local_teacher_is_checked_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from fair_app.committee.base import Access, TeacherSpec\n"
        "from fair_app.committee.registry import build\n"
        "from fair_app.settings import Settings\n"
        "build(TeacherSpec(name='t', provider='local', model='owner/name'), Access(Settings()))\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
