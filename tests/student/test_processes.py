"""Copies of a student in processes: the same answers, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.base import Decoding
from fair_app.student.generation import TransformersStudent
from fair_app.student.loading import load
from fair_app.student.processes import CopiedStudent, copies_that_fit, dealt
from fair_app.student.registry import StudentRef, parse_ref

REPOSITORY = Path(__file__).resolve().parents[2]
PROMPTS = [f"What is {n} + {n}? {'Think well. ' * (n % 3)}" for n in range(6)] * 2
SHORT = Decoding(max_new_tokens=12)


@pytest.fixture(scope="module")
def ref(student_folder: Path) -> StudentRef:
    return parse_ref(str(student_folder), student_folder, student_folder)


@pytest.fixture(scope="module")
def copied(ref: StudentRef) -> Iterator[CopiedStudent]:
    student = CopiedStudent(ref, "none", 2)
    yield student
    student.close()


@given(st.lists(st.tuples(st.text(max_size=4), st.integers(0, 2)), max_size=30), st.integers(1, 5))
def test_every_prompt_is_dealt_once_and_equal_ones_together(
    asked: list[tuple[str, int]], copies: int
) -> None:
    shares = dealt(asked, copies)
    assert sorted(index for share in shares for index in share) == list(range(len(asked)))
    places: dict[tuple[str, int], set[int]] = {one: set() for one in asked}
    for number, share in enumerate(shares):
        for index in share:
            places[asked[index]].add(number)
    assert all(len(found) == 1 for found in places.values())
    if len(set(asked)) == len(asked):
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_answers_are_those_of_one_process_with_the_same_share(
    copied: CopiedStudent, ref: StudentRef
) -> None:
    found = dict(copied.answer(PROMPTS, SHORT))
    assert copied.description["processes"] == 2
    torch.set_num_threads(1)
    alone = TransformersStudent(load(ref))
    for share in dealt([(prompt, SHORT.seed) for prompt in PROMPTS], 2):
        expected = dict(alone.answer([PROMPTS[index] for index in share], SHORT))
        assert [found[index] for index in share] == [expected[n] for n in range(len(share))]


def test_samples_of_one_prompt_differ_by_their_seeds_and_stay_the_same(
    copied: CopiedStudent,
) -> None:
    drawn = Decoding("drawn", temperature=1.0, max_new_tokens=12)
    prompts, seeds = ["Tell me about foxes."] * 4, [1, 2, 3, 1]
    first = dict(copied.answer(prompts, drawn, seeds=seeds))
    again = dict(copied.answer(prompts, drawn, seeds=seeds))
    assert first == again
    assert len({first[index].text for index in range(3)}) > 1


def test_a_cancel_comes_through_and_close_leaves_nobody(ref: StudentRef) -> None:
    def cancelled() -> None:
        raise Cancelled

    student = CopiedStudent(ref, "none", 2)
    with pytest.raises(Cancelled):
        list(student.answer(PROMPTS, SHORT, cancelled))
    processes = [psutil.Process(process.pid) for process, _ in student._copies]
    student.close()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


def test_what_a_copy_cannot_do_is_said_here(copied: CopiedStudent) -> None:
    with pytest.raises(BadInput, match="do not fit into this student's context"):
        list(copied.answer(["x"], Decoding(max_new_tokens=10**6)))


def test_a_copy_that_dies_is_a_sentence(ref: StudentRef) -> None:
    student = CopiedStudent(ref, "none", 2)
    process, _ = student._copies[0]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(WorkFailed, match="ended without a word"):
        list(student.answer(PROMPTS, SHORT))
    student.close()


def test_copies_end_when_their_parent_is_killed(ref: StudentRef) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from fair_app.student.base import Decoding\n"
        "from fair_app.student.processes import CopiedStudent\n"
        "from fair_app.student.registry import parse_ref\n"
        "if __name__ == '__main__':\n"
        "    folder = Path(sys.argv[1])\n"
        "    student = CopiedStudent(parse_ref(str(folder), folder, folder), 'none', 2)\n"
        "    print('ready', flush=True)\n"
        "    prompts = [f'Tell a story of {n} foxes.' for n in range(8)]\n"
        "    list(student.answer(prompts, Decoding(max_new_tokens=2000)))\n"
    )
    command = [sys.executable, "-c", code, ref.source]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        time.sleep(1)
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    assert len(children) >= 2
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


def test_how_many_copies(ref: StudentRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    assert copies_that_fit(ref, 200) == 4
    assert copies_that_fit(ref, 17) == 2
    assert copies_that_fit(ref, 3) == 1
    huge = tmp_path / "model.safetensors"
    with huge.open("wb") as file:
        file.truncate(10**12)
    assert copies_that_fit(StudentRef("x", "folder", "x", "folder", str(tmp_path)), 200) == 1
    assert copies_that_fit(StudentRef("a/b", "hub", "a/b", "hub", "a/b"), 200) == 1
