"""What the evaluation pages read, for many evaluations, and the search for leaked items.

`python benchmarks/evaluation.py [--students 10] [--tasks 4] [--items 1319] [--trained 7473]`

A project is filled with random grades and texts. Each line has the fastest of `--times` calls,
and its ratio to reading the evaluations one by one, in the same run.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.filled import WORDS
from db import exams, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.evaluation.leakage import leaks
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio.comparing import comparison, flips
from fair_app.studio.evaluations import summary
from fair_app.studio.exams import score
from fair_app.studio.matrix import matrix
from fair_app.tasks.base import Question

GREEDY = {"name": "greedy", "temperature": 0.0, "max_new_tokens": 256, "seed": 731}
ANSWER, QUESTION = 80, 45
"""Words of a text, as in GSM8K."""


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description="The evaluation pages' reading.")
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--items", type=int, default=1319)
    parser.add_argument("--trained", type=int, default=7473)
    parser.add_argument("--times", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        project = fill(settings, given.students, given.tasks, given.items)
        whole = summary(settings, project)
        ids = [one.exam.id for one in whole[: given.students]]
        first, second = (exams.get(connect(settings.database), one) for one in ids[:2])
        measured: list[tuple[str, Callable[[], object]]] = [
            ("one by one", lambda: [score(settings, one.exam.id) for one in whole]),
            ("summary", lambda: summary(settings, project)),
            ("matrix", lambda: matrix(settings, project)),
            ("two compared", lambda: comparison(settings, project, ids[:2])),
            (f"{len(ids)} compared", lambda: comparison(settings, project, ids)),
            ("50 flips", lambda: flips(settings, first, second)),
        ]
        print(f"{given.students} students x {given.tasks} tasks x {given.items:,} items")
        base = None
        for name, call in measured:
            took = 1000 * lowest(call, given.times)
            base = base or took
            print(f"{name:14} {took:8.1f} ms   ratio {took / base:6.3f}", flush=True)
    chance = random.Random(0)
    trained = [text(chance, QUESTION) for _ in range(given.trained)]
    tested = dict(enumerate(text(chance, QUESTION) for _ in range(given.items)))
    took = lowest(lambda: leaks(tested, trained), 1)
    print(f"leaks of {given.items:,} items among {given.trained:,}: {took:.1f} s")


def lowest(call: Callable[[], object], times: int) -> float:
    """The seconds of the fastest of several calls."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def fill(settings: Settings, students: int, tasks: int, items: int) -> Project:
    """A project with an evaluation for each student and task; grades and texts are random."""
    store, chance = connect(settings.database), random.Random(0)
    with writing(store):
        project = projects.add(store, "benchmark", "task 0", "student 0")
        for task in (f"task {place}" for place in range(tasks)):
            asked = (
                Question(text(chance, QUESTION), "1", "1", kind=f"{chance.randint(1, 8)} steps")
                for _ in range(items)
            )
            ids = store_questions(store, project.id, task, "test", asked)
            for student in (f"student {place}" for place in range(students)):
                exam_id = exams.add(
                    store,
                    project.id,
                    purpose="evaluation",
                    student=student,
                    task=task,
                    split="test",
                    settings={"decoding": GREEDY, "samples": 1, "put": task},
                    question_ids=ids,
                )
                for row in exams.unanswered(store, exam_id):
                    answer = {
                        "text": text(chance, ANSWER),
                        "prediction": "1",
                        "correct": chance.randint(0, 1),
                        "tokens": 100,
                        "truncated": 0,
                    }
                    exams.save_answer(store, row.id, answer)
    return project


def text(chance: random.Random, words: int) -> str:
    """Random words."""
    return " ".join(chance.choices(WORDS, k=words))


if __name__ == "__main__":
    main()
