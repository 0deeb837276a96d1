"""How much faster an exam is than asking one question at a time, as the reference does.

    python benchmarks/exam.py [--items 64] [--reference-items N] [--rows SVAMP.json]
        [--llama-server BINARY [--gguf FILE] [--slots 32]]

All ways put the same questions to the offline student in bfloat16, greedily, with at most 200 new
tokens, one way after the other, each in a process of its own; loading is not timed. The questions
are SVAMP's where its file is found (FAIR_SHARED_DATA or ../shared/data), else generated arithmetic.

With llama.cpp's `llama-server`, its way comes last: the server is started on the GGUF file that the
offline student was unpacked from, and asked as `exam --server` asks. docs/performance.md says how
to build it.
"""

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.base import Decoding
from fair_app.student.offline import OFFLINE_STUDENT, ensure_offline_student, gguf_file
from fair_app.student.registry import parse_ref
from fair_app.tasks.registry import task as task_named

REPOSITORY = Path(__file__).resolve().parents[1]
DECODING = Decoding(max_new_tokens=200)
MODELS = Settings().models
SLOT_TOKENS = 512
"""Room for a prompt and its answer in each slot of a llama.cpp server."""
PATIENCE_S = 60


@dataclass(frozen=True)
class Measured:
    """One way's answers and what they took. `peak` is the process's largest memory in bytes."""

    texts: list[str]
    tokens: int
    seconds: float
    peak: int

    @property
    def pace(self) -> float:
        """Questions a second."""
        return len(self.texts) / self.seconds


def one_at_a_time(prompts: list[str]) -> Measured:
    """The reference's way: transformers' `generate`, one question after the other."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from fair_app.student.generation import render_prompt

    folder = ensure_offline_student(MODELS)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    texts, tokens = [], 0
    begin = time.perf_counter()
    for prompt in prompts:
        text = render_prompt(tokenizer, prompt)
        asked = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        written = model.generate(**asked, max_new_tokens=DECODING.max_new_tokens, do_sample=False)[
            0, asked["input_ids"].shape[1] :
        ]
        tokens += int((written != tokenizer.eos_token_id).sum())
        texts.append(tokenizer.decode(written, skip_special_tokens=True).strip())
    return Measured(texts, tokens, time.perf_counter() - begin, peak_memory())


def continuous_batching(prompts: list[str]) -> Measured:
    """transformers' own batching with a paged cache, as its documentation sets it up."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    from fair_app.student.generation import render_prompt

    folder = ensure_offline_student(MODELS)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, attn_implementation="sdpa"
    ).eval()
    asked = [
        tokenizer.encode(render_prompt(tokenizer, prompt), add_special_tokens=False)
        for prompt in prompts
    ]
    config = GenerationConfig(
        max_new_tokens=DECODING.max_new_tokens,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    begin = time.perf_counter()
    outputs = model.generate_batch(inputs=asked, generation_config=config)
    seconds = time.perf_counter() - begin
    # They come in the order of the prompts.
    written = [one.generated_tokens for one in outputs.values()]
    texts = [tokenizer.decode(one, skip_special_tokens=True).strip() for one in written]
    tokens = sum(token != tokenizer.eos_token_id for one in written for token in one)
    return Measured(texts, tokens, seconds, peak_memory())


def in_batches(prompts: list[str]) -> Measured:
    """This repository's way in one process, as on a GPU."""
    from fair_app.student.generation import TransformersStudent
    from fair_app.student.loading import load

    student = TransformersStudent(load(parse_ref(OFFLINE_STUDENT, MODELS, MODELS)))
    begin = time.perf_counter()
    found = dict(student.answer(prompts, DECODING))
    seconds = time.perf_counter() - begin
    texts = [found[index].text for index in range(len(prompts))]
    return Measured(texts, sum(one.tokens for one in found.values()), seconds, peak_memory())


def on_every_core(prompts: list[str]) -> Measured:
    """This repository's way on a processor: batches in a process a core."""
    from fair_app.student.processes import CopiedStudent, copies_that_fit

    ref = parse_ref(OFFLINE_STUDENT, MODELS, MODELS)
    student = CopiedStudent(ref, "none", copies_that_fit(ref, len(prompts)))
    begin = time.perf_counter()
    found = dict(student.answer(prompts, DECODING))
    seconds = time.perf_counter() - begin
    peak = peak_memory() + sum(map(_peak_of, psutil.Process().children()))
    student.close()
    texts = [found[index].text for index in range(len(prompts))]
    return Measured(texts, sum(one.tokens for one in found.values()), seconds, peak)


def llama_server(binary: Path, gguf: Path, slots: int, prompts: list[str]) -> Measured:
    """llama.cpp's server, a thread a core, asked as a served student is."""
    from fair_app.student.served import ServedStudent

    with _serving(binary, gguf, slots) as (url, process):
        student = ServedStudent(gguf.name, url)
        begin = time.perf_counter()
        found = dict(student.answer(prompts, DECODING))
        seconds = time.perf_counter() - begin
        peak = _peak_of(process)
    texts = [found[index].text for index in range(len(prompts))]
    return Measured(texts, sum(one.tokens for one in found.values()), seconds, peak)


@contextmanager
def _serving(binary: Path, gguf: Path, slots: int) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of a server that has loaded the model. Raises BadInput when it ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [binary, "--model", gguf, "--host", "127.0.0.1", "--port", port, "--parallel", slots]
    command += ["--ctx-size", slots * SLOT_TOKENS, "--threads", len(os.sched_getaffinity(0))]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen([*map(str, command)], stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(PATIENCE_S * 5):
                time.sleep(0.2)
                if server.poll() is not None:
                    log.seek(0)
                    last = log.read().decode(errors="replace").strip().rpartition("\n")[2]
                    raise BadInput(f"{binary} ended before it answered: {last}")
                if _is_healthy(port):
                    break
            yield f"http://127.0.0.1:{port}/v1", psutil.Process(server.pid)
        finally:
            server.kill()
            server.wait()


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _peak_of(process: psutil.Process) -> int:
    """The most memory that a process of this machine has held, in bytes (Linux says KiB)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def peak_memory() -> int:
    """The most memory that this process has held, in bytes (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def shared_rows() -> Path | None:
    """The authors' SVAMP file beside the repository, where there is one."""
    shared = os.environ.get("FAIR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data"
    rows = Path(shared) / "svamp" / "SVAMP.json"
    return rows if rows.is_file() else None


def main() -> None:
    """Measure all ways and print a line for each, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=64, help="questions (default 64)")
    parser.add_argument("--reference-items", type=int, help="the first N only, one at a time")
    parser.add_argument("--rows", type=Path, help="a SVAMP file")
    parser.add_argument("--llama-server", type=Path, metavar="BINARY", help="measure it too")
    parser.add_argument("--gguf", type=Path, help="what it serves (default: the student's own)")
    parser.add_argument("--slots", type=int, default=32, help="what it answers at once (32)")
    arguments = parser.parse_args()
    rows = arguments.rows or shared_rows()
    task = task_named("svamp" if rows else "arithmetic")
    questions = task.load("train", rows, arguments.items)
    prompts = [task.prompt(question) for question in questions]
    ways: dict[str, Callable[[list[str]], Measured]] = {
        "one_at_a_time": one_at_a_time,
        "continuous_batching": continuous_batching,
        "in_batches": in_batches,
        "on_every_core": on_every_core,
    }
    if arguments.llama_server:
        gguf = arguments.gguf or gguf_file()
        ways["llama_server"] = partial(llama_server, arguments.llama_server, gguf, arguments.slots)
    print(f"{len(prompts)} questions of {task.title}, at most {DECODING.max_new_tokens} new tokens")
    ensure_offline_student(MODELS)
    pace = {}
    for name, way in ways.items():
        asked = prompts[: arguments.reference_items] if way is one_at_a_time else prompts
        # Not a pool: its processes may have no children.
        measured = apart(way, asked)
        right = sum(map(lambda text, one: task.grade(text, one).correct, measured.texts, questions))
        pace[name] = measured.pace
        print(
            f"{name:19} {len(measured.texts):4} questions {measured.seconds:7.1f} s "
            f"{measured.pace:6.2f} questions/s {measured.tokens / measured.seconds:5.0f} tokens/s "
            f"{right:3} right, peak {measured.peak / 2**30:.2f} GiB",
            flush=True,
        )
    if arguments.reference_items:
        print(f"The first way answered the first {arguments.reference_items} questions only.")
    reference = pace.pop("one_at_a_time")
    for name, questions_a_second in pace.items():
        print(f"{name:19} {questions_a_second / reference:.1f} times the questions/s")


def apart(way: Callable[[list[str]], Measured], prompts: list[str]) -> Measured:
    """Run a way in a process of its own, which may have processes of its own."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_tell, args=(way, prompts, there))
    process.start()
    measured: Measured | BadInput = here.recv()
    process.join()
    if isinstance(measured, BadInput):
        raise measured
    return measured


def _tell(way: Callable[[list[str]], Measured], prompts: list[str], pipe: Connection) -> None:
    try:
        pipe.send(way(prompts))
    except BadInput as fault:
        pipe.send(fault)


if __name__ == "__main__":
    try:
        main()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
