"""People at the pages of one server: what they click, how long it took, and what went wrong."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from benchmarks.filled import fill
from benchmarks.visitor import Faulty, Visitor
from db import jobs
from db.store import connect
from fair_app.access.passwords import hashed
from fair_app.access.roles import Role
from fair_app.access.users import User, write
from fair_app.jobs import queue
from fair_app.settings import REPOSITORY, Settings
from fair_app.studio.collecting import collect_params
from tests.committee.collecting import KEY, spec_at, taught_at
from tests.ports import free_port

PASSWORD = "correct horse battery"
ROOM, COLLECTED = "benchmark", "made"
SLIDER = "slider released, rule saved"
TABS = ("overview", "exam", "committee", "review", "training", "evaluation", "settings")
QUEUES = ("all", "disagree", "wrong-high")


@dataclass
class Seen:
    """What came of it: milliseconds by gesture, and faults."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: Counter[str] = field(default_factory=Counter)

    async def timed(self, gesture: str, done: Awaitable[Any]) -> Any:
        """Wait for a gesture's end, and give back what came, True for nothing.

        How long it took is kept, or what went wrong; then it is None.
        """
        start = time.perf_counter()
        try:
            found = await done
        except (Faulty, httpx2.HTTPError) as fault:
            self.faults[f"{gesture}: {type(fault).__name__} {fault}"] += 1
            return None
        self.times[gesture].append(1000 * (time.perf_counter() - start))
        return True if found is None else found


class Person:
    """Somebody who clicks through one project."""

    def __init__(self, visitor: Visitor, may_decide: bool, seen: Seen, seed: int) -> None:
        self._visitor, self._may_decide, self._seen = visitor, may_decide, seen
        self._chance = random.Random(seed)
        self._project = COLLECTED if seed % 4 == 3 else ROOM
        self._asked = 0
        self._since = ""
        self._card: dict[str, Any] = {}
        self._questions: list[int] = []

    async def live(self, until: float) -> None:
        """Sign in, do everything once, and click on until then (`time.monotonic`)."""
        if not await self._seen.timed("signed in", self._visitor.sign_in()):
            return
        if not await self._seen.timed("page loaded", self._opened("review")):
            return
        every = [self.card, self.turn, self.search, self.answers, self.rely]
        every += [self.slide, self.decide] if self._may_decide else []
        often = [*every, self.card, self.card, self.turn]
        ticking = asyncio.create_task(self._tick())
        while every or time.monotonic() < until:
            await asyncio.sleep(self._chance.uniform(0.3, 1.7))
            await (every.pop() if every else self._chance.choice(often))()
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await self._visitor.close()

    async def turn(self) -> None:
        """Another tab, or now and then the page anew, and back to the review room."""
        if self._chance.random() < 0.1:
            await self._seen.timed("page loaded", self._opened(self._chance.choice(TABS)))
        else:
            tab = self._chance.choice(TABS)
            await self._seen.timed("tab opened", self._visitor.fire(f"tab-{tab}", "select"))
        await self._seen.timed("review room opened", self._review())

    async def card(self) -> None:
        """The next card."""
        if self._questions:
            asked = {"action": "move", "question": self._chance.choice(self._questions)}
            await self._seen.timed("next card", self._ask({**asked, "near": []}))

    async def search(self) -> None:
        """A queue, or words to be searched for."""
        words = f"word{self._chance.randrange(3000)}" if self._chance.random() < 0.5 else ""
        asked = {"action": "queue", "queue": self._chance.choice(QUEUES), "search": words}
        if not self._since:
            return  # nothing to review has been shown yet, and no queue to choose
        await self._seen.timed("queue or search", self._ask(asked))

    async def answers(self) -> None:
        """The exam's answers that are wrong, and have a word; this goes through Gradio's queue."""
        self._visitor.put("exam-search", f"word{self._chance.randrange(3000)}")
        self._visitor.put("exam-filter", "wrong")
        await self._seen.timed("answers searched", self._visitor.fire("exam-filter", "input"))

    async def rely(self) -> None:
        """How far each reviewer can be relied on."""
        await self._seen.timed(
            "reviewers unfolded", self._visitor.fire("review-peers-fold", "unfold", {})
        )

    async def slide(self) -> None:
        """The slider is let go at another threshold."""
        dial = self._visitor.value("threshold")
        if dial:
            self._asked += 1
            rule = {**dial["rule"], "threshold": round(self._chance.uniform(0, 5), 1)}
            data = {"rule": rule, "serial": self._asked}
            answer = await self._seen.timed(SLIDER, self._visitor.fire("threshold", "commit", data))
            if answer and '"fault"' in json.dumps(answer):
                self._seen.faults[f"{SLIDER}: {answer}"] += 1

    async def decide(self) -> None:
        """A rationale is accepted or rejected, as it was when it was last seen."""
        columns = [one for one in self._card.get("columns", ()) if one["id"]]
        if columns:
            column = self._chance.choice(columns)
            asked = {
                "action": self._chance.choice(("accept", "reject")),
                "question": self._card["question_id"],
                "rationale": column["id"],
                "revision": column["revision"],
            }
            await self._seen.timed("decision saved", self._ask(asked))

    async def _opened(self, tab: str) -> None:
        await self._visitor.open(project=self._project, tab=tab)
        self._take()

    async def _review(self) -> None:
        await self._visitor.fire("tab-review", "select")
        self._take()

    async def _ask(self, asked: dict[str, Any]) -> None:
        self._asked += 1
        about = {"project": self._project, "since": self._since, "serial": self._asked}
        await self._visitor.fire("review-card", "ask", {**about, **asked})
        self._take()

    def _take(self) -> None:
        """Read the card that came. Raises Faulty where what was asked came to nothing."""
        said = self._visitor.value("review-card")
        value = json.loads(said) if said else {}
        if value and "since" not in value:
            raise Faulty(value["notice"]["text"])
        self._since = value.get("since", self._since)
        self._card = value.get("card") or self._card
        if value.get("queue"):
            self._questions = [int(one) for one in value["queue"]["ids"].split(",") if one]

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            await self._seen.timed("a timer's tick", self._visitor.tick())


@dataclass(frozen=True)
class Site:
    """A server at work, and what it writes on its terminal."""

    settings: Settings
    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.settings.port}"

    def faults(self) -> list[str]:
        """Lines of its terminal that tell of a fault."""
        words = ("Traceback", "ERROR", "Exception")
        return [one for one in self.output.read_text().splitlines() if any(w in one for w in words)]


def prepared(home: Path, people: int, questions: int) -> Settings:
    """A home with users, an owner, curators and viewers, and a project to review."""
    stored = hashed(PASSWORD)
    users = [User(name, role_of(at), stored) for at, name in enumerate(names(people))]
    write(home / "users", users)
    settings = Settings(home=home, users=home / "users", port=free_port())
    fill(settings, questions, 3)
    return settings


def names(people: int) -> list[str]:
    """What people are called."""
    return [f"person-{number}" for number in range(people)]


def role_of(number: int) -> Role:
    """The first is an owner; of the others every other one decides."""
    return Role.OWNER if number == 0 else Role.CURATOR if number % 2 else Role.VIEWER


def collecting(settings: Settings, url: str, mistakes: int) -> int:
    """Queue a collection at a loopback server, which takes its time; the job's number."""
    specs = [spec_at(url, f"teacher-{number}") for number in range(3)]
    project = taught_at(settings, specs, mistakes, COLLECTED)
    keys = {"FAIR_TEST_KEY": SecretStr(KEY)}
    params = collect_params(settings, project, concurrency=8, keys=keys)
    return queue.submit(settings, "collect", params, project)


@contextmanager
def served(settings: Settings) -> Iterator[Site]:
    """The app on a home, as its own process, until the block ends."""
    assert settings.home is not None
    output = settings.home / "terminal.txt"
    command = [sys.executable, "app.py", "--home", str(settings.home), "--port", str(settings.port)]
    environment = {**os.environ, "FAIR_USERS": str(settings.users), "FAIR_TEST_KEY": KEY}
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    site = Site(settings, process, output)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{site.url}/healthz", timeout=5):
                    break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(output.read_text()) from None
                time.sleep(0.25)
        yield site
    finally:
        process.terminate()
        process.wait()


async def clicking(site: Site, people: int, seconds: float, seen: Seen) -> None:
    """So many people at once, each from a moment of their own in the first second."""
    until = time.monotonic() + seconds

    async def one(number: int, name: str) -> None:
        await asyncio.sleep(number / people)
        visitor, may_decide = Visitor(site.url, name, PASSWORD), role_of(number) > Role.VIEWER
        await Person(visitor, may_decide, seen, number).live(until)

    await asyncio.gather(*(one(number, name) for number, name in enumerate(names(people))))


def stopped(settings: Settings, numbers: list[int]) -> None:
    """Cancel jobs that still run, and wait for their end."""
    store = connect(settings.database)
    for number in numbers:
        job = jobs.get(store, number)
        if job and job.state in queue.ACTIVE:
            queue.cancel(settings, number)
    while any(one and one.state in queue.ACTIVE for one in (jobs.get(store, n) for n in numbers)):
        time.sleep(0.2)
