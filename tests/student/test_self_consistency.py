"""Several sampled answers to a question, and the majority among them: the vote, and the exam."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from db import exams, jobs
from db.store import connect
from fair_app.cli.main import main
from fair_app.jobs import worker
from fair_app.settings import REPOSITORY, Settings
from fair_app.student import processes
from fair_app.student.base import Decoding
from fair_app.student.generation import TransformersStudent
from fair_app.student.loading import LoadedModel
from fair_app.student.voting import Vote, vote
from fair_app.studio.exams import exam_params
from fair_app.studio.projects import create_project
from tests.student.test_generation import LittleMemory
from tests.wire.formats import Answer, Call, Raw
from tests.wire.server import Server

PREDICTIONS = st.lists(st.sampled_from(["", "1", "2", "3", "A"]), min_size=1, max_size=9)


@given(predictions=PREDICTIONS)
def test_nobody_has_more_votes_and_no_equal_came_before(predictions: list[str]) -> None:
    voted = vote(predictions)
    word = predictions[voted.sample]
    counted = Counter(prediction for prediction in predictions if prediction)
    assert voted.sample == predictions.index(word)
    assert 0 <= voted.agreement <= 1
    if counted:
        assert counted[word] == max(counted.values())
        assert voted.agreement == counted[word] / len(predictions)
        equals = [other for other in counted if counted[other] == counted[word]]
        assert voted.sample == min(predictions.index(other) for other in equals)
    else:
        assert voted == Vote(0, 0.0)


@given(predictions=PREDICTIONS, again=st.integers(1, 4))
def test_everyone_twice_changes_nothing(predictions: list[str], again: int) -> None:
    assert vote(predictions * again) == vote(predictions)


@given(word=st.text(min_size=1), samples=st.integers(1, 9))
def test_one_voice_agrees(word: str, samples: int) -> None:
    assert vote([word] * samples) == Vote(0, 1.0)


def test_nothing_to_vote_on_is_a_fault() -> None:
    with pytest.raises(ValueError, match="nothing to vote on"):
        vote([])


# Samples of one model.


def test_a_sample_is_drawn_by_its_seed_whatever_else_is_asked(tiny_student: LoadedModel) -> None:
    decoding = Decoding("sampled", temperature=0.9, max_new_tokens=12)
    asked = [(prompt, seed) for prompt in ("How many?", "How much?") for seed in (1, 2, 3)]

    def drawn(pairs: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
        prompts, seeds = zip(*pairs, strict=True)
        student = TransformersStudent(tiny_student, 4)
        found = student.answer(prompts, decoding, seeds=seeds)
        return {pairs[index]: completion.text for index, completion in found}

    together = drawn(asked)
    assert len(set(together.values())) == len(asked)
    for pair in asked:
        assert drawn([pair]) == {pair: together[pair]}


def test_plain_prompts_leave_the_template_out(tiny_student: LoadedModel) -> None:
    student = TransformersStudent(tiny_student, prompts="plain")
    assert student.description["chat_template"] is False
    (plain,) = [found for _, found in student.answer(["Hi"], Decoding(max_new_tokens=8))]
    tiny_student.tokenizer.chat_template = None
    without = TransformersStudent(tiny_student)
    assert [found for _, found in without.answer(["Hi"], Decoding(max_new_tokens=8))] == [plain]


# The exam.


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def command(settings: Settings, student: str, *more: object) -> list[str]:
    return [
        *("exam", "--home", str(settings.home), "--project", "p", "--student", student),
        *("--task", "arithmetic", "--json", *map(str, more)),
    ]


def opinion(call: Call) -> Answer:
    """One voice in three says something else, each time another thing."""
    seed = call.body["seed"]
    said = "42" if seed % 3 else str(seed)
    return Answer(f"I think. The answer is {said}.", output_tokens=5)


def rows(settings: Settings, sql: str) -> list[Any]:
    store = sqlite3.connect(settings.database)
    try:
        return store.execute(sql).fetchall()
    finally:
        store.close()


def test_the_majority_answers_and_all_samples_are_kept(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(opinion) as server:
        told = ("--server", server.url, "--decoding", "paper", "--samples", 5, "--limit", 12)
        assert main(command(settings, "m", *told)) == 0
        result = json.loads(capsys.readouterr().out)
        assert server.received.total() == 60
        assert main(command(settings, "m", *told)) == 0, "nothing is missing"
        assert server.received.total() == 60
    store = connect(settings.database)
    (exam,) = exams.of_project(store, 1, "exam")
    assert exam.settings["samples"] == 5
    found = exams.answers(store, exam.id)
    assert len(found) == 12
    for answer in found:
        samples = exams.samples(store, answer.id)
        assert [sample.number for sample in samples] == list(range(5))
        voted = vote([sample.prediction for sample in samples])
        assert answer.text == samples[voted.sample].text
        assert answer.prediction == samples[voted.sample].prediction
        assert answer.agreement == voted.agreement
    assert result["agreement"] == pytest.approx(sum(a.agreement or 0 for a in found) / 12, abs=1e-4)
    counts = exams.counts(store, exam.id)
    assert counts.tokens == 60 * 5, "speed counts every sample"


@pytest.mark.timeout(300)
def test_a_kill_loses_only_what_was_under_way(settings: Settings) -> None:
    """The server answers so many and no more until the process is killed."""
    questions, each = 200, 3
    answered, most = 0, 0

    def answer_some(_: Call) -> Raw | None:
        nonlocal answered
        answered += 1
        return None if answered <= most else Raw(manner="hang")

    def saved() -> int:
        return int(rows(settings, "SELECT count(*) FROM samples")[0][0])

    project = create_project(settings, "p", "arithmetic", "m")
    store = connect(settings.database)
    with Server(answer_some) as server:
        params = exam_params(
            settings,
            student="m",
            task="arithmetic",
            split="train",
            limit=questions,
            decoding="paper",
            server=server.url,
            samples=each,
        )
        job_id = jobs.add(store, "exam", params, project.id)
        for _ in range(2):
            before, answered, most = saved(), 0, 120
            argv = [sys.executable, "-m", "fair_app.jobs.worker", str(job_id)]
            with subprocess.Popen(
                [*argv, "--home", str(settings.home)], cwd=REPOSITORY, stdin=subprocess.DEVNULL
            ) as process:
                while saved() < before + 50:
                    assert process.poll() is None, "the job ended before it was killed"
                    time.sleep(0.01)
                process.kill()
            time.sleep(0.5)  # what was sent before the kill arrives
            assert answered - (saved() - before) <= 256, "no more than was in flight"
            jobs.end(store, job_id, "interrupted")
            jobs.requeue(store, job_id)
        kept, asked, most = saved(), answered, questions * each * 2
        assert 100 <= kept < questions * each
        result = worker.run_job(settings, job_id)
        assert answered - asked == questions * each - kept
    assert result["questions"] == questions
    assert rows(settings, "SELECT count(*), count(DISTINCT answer_id) FROM samples") == [
        (questions * each, questions)
    ]
    assert rows(settings, "SELECT count(*) FROM answers WHERE text IS NULL") == [(0,)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--samples", "3"], "3 samples need a decoding that samples"),
        (["--samples", "0", "--decoding", "paper"], "1 or more"),
        (["--prompts", "fancy"], "fancy"),
    ],
)
def test_bad_input_is_one_sentence(
    settings: Settings, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(command(settings, "smollm2-135m", *more)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


# Students that lack something. The tiny model writes noise: what counts is that it is asked.


def lacking(folder: Path, to: Path, *fields: str) -> Path:
    """A copy of a model folder without some of its tokenizer's fields."""
    shutil.copytree(folder, to)
    config = json.loads((to / "tokenizer_config.json").read_text())
    for field in fields:
        config.pop(field, None)
    (to / "tokenizer_config.json").write_text(json.dumps(config))
    if "chat_template" in fields:
        (to / "chat_template.jinja").unlink(missing_ok=True)
    return to


@pytest.mark.parametrize(
    "fields", [("chat_template",), ("pad_token", "eos_token", "unk_token"), ("bos_token",)]
)
def test_a_student_without_template_or_tokens_sits_its_exam(
    settings: Settings,
    tiny_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fields: tuple[str, ...],
) -> None:
    folder = lacking(tiny_folder, tmp_path / "lacking", *fields)
    told = ("--limit", 3, "--max-new-tokens", 4)
    assert main(command(settings, str(folder), *told)) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == 3
    (exam,) = exams.of_project(connect(settings.database), 1, "exam")
    assert exam.description["chat_template"] is ("chat_template" not in fields)


def test_an_encoder_is_refused_before_anything_is_asked(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"model_type": "bert", "architectures": ["BertForMaskedLM"]})
    )
    (folder / "model.safetensors").write_bytes(b"")
    assert main(command(settings, str(folder), "--limit", 2)) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "is a bert model, which cannot be a student" in line


def test_samples_of_a_model_and_a_batch_that_memory_made_smaller_are_stored(
    settings: Settings, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_little_memory(*given: Any, **named: Any) -> None:
        begin(*given, **named)
        LittleMemory(given[0].model, most_rows=5)

    begin = TransformersStudent.__init__
    monkeypatch.setattr(TransformersStudent, "__init__", with_little_memory)
    torch.manual_seed(0)
    project = create_project(settings, "p", "arithmetic", str(tiny_folder))
    params = exam_params(
        settings,
        student=str(tiny_folder),
        task="arithmetic",
        split="train",
        limit=4,
        decoding="paper",
        max_new_tokens=6,
        samples=4,
    )
    # Copies in other processes would not see the little memory.
    monkeypatch.setattr(processes, "copies_that_fit", lambda ref, questions: 1)
    result = worker.run_now(settings, "exam", params, project.id)
    assert 0 <= result["agreement"] <= 1
    store = connect(settings.database)
    exam = exams.get(store, result["exam"])
    assert exam.description["batch_size"] in (2, 3, 4, 5)
    texts = rows(settings, "SELECT count(*), count(DISTINCT text) FROM samples")
    assert texts[0][0] == 16
    assert texts[0][1] > 4, "samples of one question differ"
