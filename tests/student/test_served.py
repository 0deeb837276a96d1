"""A student behind a server, asked through the real SDK over the loopback."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from db import exams, jobs
from db.store import connect
from fair_app.cli.main import main
from fair_app.committee.base import CallFailed, Fault, Finish, Reply
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.jobs import worker
from fair_app.jobs.context import DEVICE
from fair_app.settings import Settings
from fair_app.student.base import GREEDY, PAPER, Completion, Decoding
from fair_app.student.registry import server_address
from fair_app.student.served import MOST_IN_FLIGHT, ServedStudent, read_completion
from fair_app.studio.exams import exam_params
from fair_app.studio.projects import create_project
from tests.ports import free_port
from tests.wire import faults
from tests.wire.formats import Answer, Call, Raw, as_json
from tests.wire.server import Server

KEY = "topsecret-0123456789-abcdefghij"
PROMPTS = [f"What is {number} plus {number}?" for number in range(40)]


def student(server: Server, **options: Any) -> ServedStudent:
    return ServedStudent("a/model", f"{server.url}/v1", KEY, **{"deadline_s": 5.0, **options})


def answers(one: ServedStudent, decoding: Decoding = GREEDY, **more: Any) -> list[Completion]:
    found = dict(one.answer(PROMPTS, decoding, **more))
    return [found[index] for index in range(len(PROMPTS))]


def test_every_prompt_is_answered_once_and_as_a_chat() -> None:
    with Server(reply=lambda call: f" {call.prompt} Yes.\n") as server:
        found = answers(student(server))
        assert [one.text for one in found] == [f"{prompt} Yes." for prompt in PROMPTS]
        assert {one.tokens for one in found} == {7}
        assert not any(one.truncated for one in found)
        assert set(server.received.values()) == {1}
        call = server.calls[0]
    assert (call.path, call.model, call.key) == ("/v1/chat/completions", "a/model", KEY)
    assert call.body["temperature"] == 0
    assert call.body["max_tokens"] == GREEDY.max_new_tokens
    assert not {"seed", "top_p"} & set(call.body)


def test_sampling_sends_top_p_and_a_seed_that_follows_from_the_prompt() -> None:
    twice = ["Roll a die.", "Roll a die.", "Toss a coin."]

    def seeds(decoding: Decoding, own: list[int] | None = None) -> list[int]:
        with Server() as server:
            list(student(server).answer(twice, decoding, seeds=own))
            assert {(call.body["temperature"], call.body["top_p"]) for call in server.calls} == {
                (0.3, 0.9)
            }
            return sorted(call.body["seed"] for call in server.calls)

    first = seeds(PAPER)
    assert len(set(first)) == 3
    assert all(0 <= seed < 2**31 for seed in first)
    assert seeds(PAPER) == first
    assert seeds(PAPER, [PAPER.seed] * 3) == first
    assert not set(seeds(PAPER, [1, 2, 3])) & set(first)


def test_plain_prompts_go_to_completions_as_they_are() -> None:
    asked: list[Call] = []

    def finish(call: Call) -> Answer:
        asked.append(call)
        return Answer(" 4\n", finish="length")

    with Server(finish) as server:
        one = student(server, prompts="plain")
        (completion,) = [found for _, found in one.answer(["2 + 2 ="], PAPER)]
        assert server.received == {("a/model", "2 + 2 =\n"): 1}
    assert completion == Completion("4", 7, truncated=True)
    assert asked[0].path == "/v1/completions"
    assert "messages" not in asked[0].body


def test_the_description_says_server_model_and_what_was_sent() -> None:
    with Server() as server:
        one = student(server)
        list(one.answer(["Hi"], PAPER))
        described = json.loads(json.dumps(one.description))
    assert described["server"] == f"{server.url}/v1"
    assert described["student"] == "a/model"
    assert described["sent"] == {"temperature": 0.3, "top_p": 0.9, "max_tokens": 512}
    assert KEY not in str(described) + repr(one)


def test_what_is_cut_off_is_marked() -> None:
    with Server(lambda call: Answer("Let me see", finish="length")) as server:
        assert all(one.truncated for one in answers(student(server)))


def test_missing_token_counts_and_refusals_are_answers() -> None:
    with Server(lambda call: Answer(usage=False)) as server:
        assert {one.tokens for one in answers(student(server))} == {0}
    with Server(lambda call: Answer(blocked="output")) as server:
        assert {one.text for one in answers(student(server))} == {""}


def test_a_flaky_server_answers_all_in_the_end() -> None:
    with Server(lambda call: faults.flaky(call, 0.3)) as server:
        found = answers(student(server))
        assert len(found) == len(PROMPTS)
        assert set(server.answered.values()) == {1}


def test_a_wait_that_the_server_asks_for_is_kept() -> None:
    limited = lambda call: faults.rate_limit(call, "1") if call.asked == 1 else None  # noqa: E731
    with Server(limited) as server:
        began = time.monotonic()
        list(student(server).answer(["Hi"], GREEDY))
        assert time.monotonic() - began >= 1
        assert server.received.total() == 2


FAILURES: list[tuple[Callable[[Call], Raw], type[Exception], str]] = [
    (faults.no_model, BadInput, "has no model 'a/model'"),
    (faults.bad_key, BadInput, "set FAIR_SERVER_KEY"),
    (faults.bad_request, BadInput, "refuses what it is asked"),
    (faults.html_with_200, WorkFailed, "Sign in"),
    (faults.broken_json, WorkFailed, "not an answer"),
    (faults.other_json, WorkFailed, "not an answer"),
    (faults.error_with_200, WorkFailed, "upstream gave up"),
    (faults.quota, WorkFailed, "exceeded your current quota"),
    (lambda call: Raw(200, b""), WorkFailed, "an empty body"),
]


@pytest.mark.parametrize(("fault", "kind", "said"), FAILURES, ids=[said for _, _, said in FAILURES])
def test_a_server_that_will_not_answer_is_one_sentence_at_once(
    fault: Callable[[Call], Raw], kind: type[Exception], said: str
) -> None:
    with Server(fault) as server:
        with pytest.raises(kind, match=said) as caught:
            answers(student(server))
        # Those in flight when the first failed, and as many refused questions, no more.
        assert server.received.total() < 2 * 16
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert KEY not in sentence
    assert "committee" not in sentence


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.server_error, "HTTP 500"),
        (faults.bad_gateway, "502 Bad Gateway nginx"),
        (faults.reset, "connection to"),
        (faults.hang, "no answer of"),
        (faults.drip, "no answer of"),
    ],
)
def test_faults_that_do_not_pass_are_told_after_some_tries(
    fault: Callable[[Call], Raw], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fair_app.student.served.ATTEMPTS", 2)
    with Server(fault) as server:
        with pytest.raises(WorkFailed, match=said) as caught:
            list(student(server, deadline_s=0.5).answer(PROMPTS[:3], GREEDY))
        assert server.received.total() >= 4
    assert "resume" in str(caught.value)


def test_a_server_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fair_app.student.served.ATTEMPTS", 2)
    one = ServedStudent("m", f"http://127.0.0.1:{free_port()}/v1")
    with pytest.raises(WorkFailed, match=r"connection to 127\.0\.0\.1"):
        list(one.answer(PROMPTS, GREEDY))


def test_one_refused_question_leaves_only_that_one_out() -> None:
    long = PROMPTS[7]
    with Server(lambda call: faults.bad_request(call) if call.prompt == long else None) as server:
        found: dict[int, Completion] = {}
        with pytest.raises(BadInput, match="refuses one of the questions"):
            found.update(collected(student(server), found))
    assert sorted(found) == [index for index in range(len(PROMPTS)) if index != 7]


def collected(one: ServedStudent, into: dict[int, Completion]) -> dict[int, Completion]:
    for index, completion in one.answer(PROMPTS, GREEDY):
        into[index] = completion
    return into


def test_a_cancel_is_obeyed_while_the_server_hangs() -> None:
    def cancelled() -> None:
        if time.monotonic() - began > 0.3:
            raise Cancelled

    before = threading.active_count()
    with Server(faults.hang) as server:
        began = time.monotonic()
        with pytest.raises(Cancelled):
            list(student(server).answer(PROMPTS, GREEDY, cancelled))
    assert threading.active_count() == before, threading.enumerate()


@pytest.mark.timeout(60)
def test_a_fast_server_is_kept_busy_and_a_slow_one_is_not_flooded() -> None:
    many = [f"What is {number} plus 1?" for number in range(640)]
    at_once, most = 0, 0
    lock = threading.Lock()

    def count(call: Call) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)

    with Server(count, latency_s=0.5) as server:
        for _ in student(server, deadline_s=600.0).answer(many, GREEDY):
            with lock:
                at_once -= 1
    # What is not fetched yet counts as under way here.
    assert 64 <= most <= 2 * MOST_IN_FLIGHT
    at_once, most = 0, 0
    with Server(count, latency_s=0.3) as server:
        # Each answer takes more than a tenth of this deadline.
        for _ in student(server, deadline_s=2.0).answer(many[:48], GREEDY):
            with lock:
                at_once -= 1
    assert most <= 32 < MOST_IN_FLIGHT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "text", "finish_reason", "usage", "error", "code"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(value=JSON)
def test_whatever_a_completion_holds_it_is_a_reply_or_a_failed_call(value: Any) -> None:
    try:
        reply = read_completion(json.dumps(value), "a-key")
    except CallFailed as failed:
        assert "\n" not in str(failed)
    else:
        assert isinstance(reply, Reply)


@given(body=st.text())
def test_whatever_text_comes_as_a_completion_is_a_bad_body(body: str) -> None:
    with pytest.raises(CallFailed) as failed:
        read_completion(body, "a-key")
    assert failed.value.kind is Fault.BAD_BODY


def test_a_completion_without_a_choice_is_empty() -> None:
    assert read_completion('{"choices": []}', "k") == Reply("", Finish.EMPTY)


@pytest.mark.parametrize(
    ("given_as", "address"),
    [
        ("http://host:8000/v1", "http://host:8000/v1"),
        (" http://host:8000/ ", "http://host:8000/v1"),
        ("https://[::1]:8000", "https://[::1]:8000/v1"),
        ("https://host/llm/v1/", "https://host/llm/v1"),
    ],
)
def test_addresses(given_as: str, address: str) -> None:
    assert server_address(given_as) == address


@pytest.mark.parametrize(
    "text",
    ["", "host:8000", "ftp://host/v1", "http://", "http://host:port", "http://a b/v1", "http://[x"],
)
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="is not the address of a server"):
        server_address(text)


@pytest.mark.parametrize(
    "text", [f"http://me:{KEY}@host/v1", f"http://host/v1?key={KEY}", f"http://a:{KEY}@host:x/v1"]
)
def test_an_address_with_a_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadInput, match="FAIR_SERVER_KEY") as caught:
        server_address(text)
    assert KEY not in str(caught.value)


def test_a_key_that_cannot_be_sent_is_refused_without_repeating_it() -> None:
    with pytest.raises(BadInput, match="copy it again") as caught:
        ServedStudent("m", "http://host/v1", f"{KEY} {KEY}")
    assert KEY not in str(caught.value)


# The exam through a server.


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def command(settings: Settings, url: str, *more: object) -> list[str]:
    return [
        *("exam", "--home", str(settings.home), "--project", "p", "--student", "any text: at all"),
        *("--task", "arithmetic", "--server", url, "--json", *map(str, more)),
    ]


def stored(settings: Settings) -> Iterator[exams.Exam]:
    store = connect(settings.database)
    yield from exams.of_project(store, 1, "exam")


def test_an_exam_through_a_server_takes_no_device_and_stores_no_key(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIR_SERVER_KEY", KEY)
    project = create_project(settings, "p", "arithmetic", "any text: at all")
    store = connect(settings.database)
    holder = jobs.add(store, "train", {}, project.id)
    assert jobs.take_lease(store, DEVICE, holder)
    with Server() as server:
        assert main(command(settings, server.url, "--limit", 30)) == 0
        assert {call.key for call in server.calls} == {KEY}
    result = json.loads(capsys.readouterr().out)
    assert result["questions"] == 30
    assert result["tokens_per_second"] > 0
    assert "agreement" not in result
    (exam,) = stored(settings)
    assert exam.student == "any text: at all"
    assert exam.settings["server"] == exam.description["server"] == f"{server.url}/v1"
    assert exam.description["sent"]["temperature"] == 0
    assert jobs.lease_holder(store, DEVICE) == holder
    for file in settings.database.parent.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file


def test_a_failure_keeps_what_was_answered_and_resume_asks_the_rest(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = threading.Event()
    broken.set()

    def behave(call: Call) -> Raw | None:
        failing = broken.is_set() and server.received.total() > 20
        return faults.html_with_200(call) if failing else None

    with Server(behave) as server:
        assert main(command(settings, server.url, "--limit", 60)) == 1
        err = capsys.readouterr().err.strip().splitlines()[-1]
        assert err.startswith("error: The student's server failed (not an answer: Sign in): see")
        (exam,) = stored(settings)
        first = exams.counts(connect(settings.database), exam.id).answered
        assert 0 < first < 60
        broken.clear()
        assert main(command(settings, server.url, "--limit", 60)) == 0
        assert set(server.answered.values()) == {1}
    assert json.loads(capsys.readouterr().out)["questions"] == 60
    assert len(list(stored(settings))) == 1
    store = sqlite3.connect(settings.database)
    assert store.execute("SELECT count(*) FROM answers WHERE text IS NULL").fetchone() == (0,)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--server", "host:8000"], "is not the address of a server"),
        (["--quantization", "4bit"], "leave the quantization out"),
        (["--student", " "], "the name that the student has on the server"),
        (["--samples", "0"], "1 or more"),
    ],
)
def test_bad_input_is_one_sentence(
    settings: Settings, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(command(settings, "http://127.0.0.1:1/v1", *more)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_a_typed_key_reaches_the_server(settings: Settings) -> None:
    project = create_project(settings, "p", "arithmetic", "m")
    with Server() as server:
        params = exam_params(
            settings, student="m", task="arithmetic", split="train", limit=2, server=server.url
        )
        store = connect(settings.database)
        job_id = jobs.add(store, "exam", params, project.id)
        worker.run_job(settings, job_id, typed_keys={"FAIR_SERVER_KEY": SecretStr(KEY)})
        assert {call.key for call in server.calls} == {KEY}


def test_another_server_or_prompt_style_is_another_exam(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server() as server:
        for more in ([], ["--prompts", "plain"], [], ["--decoding", "paper"]):
            assert main(command(settings, server.url, "--limit", 3, *more)) == 0
    with Server(lambda call: as_json(200, {"no": "answer"})) as other:
        assert main(command(settings, other.url, "--limit", 3)) == 1
    assert len(list(stored(settings))) == 4
