"""Lending students behind a server: they are asked there, and their answers grow as they come."""

import asyncio
import time

from pydantic import SecretStr

from fair_app.committee.base import CallFailed
from fair_app.student.base import Completion
from fair_app.student.lending import LOOK_EVERY_S, SHOW_EVERY_S, Answer, Lending, Stopped
from fair_app.student.registry import SERVER_KEY
from fair_app.student.served import ServedStudent


def lend(lending: Lending) -> None:
    """Answer question after question, until nobody asks any more."""
    while asked := lending.next():
        lending.job.progress("answering", lending.answered, 0)
        answers = [Answer(lending.job, trial) for trial in asked]
        key = lending.job.keys.get(SERVER_KEY, SecretStr("")).get_secret_value().strip()
        asyncio.run(_all(answers, key))
        lending.answered += 1


async def _all(answers: list[Answer], key: str) -> None:
    """Ask for all answers at once; a person's stop or cancel drops what is on its way."""
    asking = {asyncio.create_task(_one(answer, key)): answer for answer in answers}
    try:
        while waiting := [task for task in asking if not task.done()]:
            await asyncio.wait(waiting, timeout=LOOK_EVERY_S)
            for task in waiting:
                with asking[task].guarded():
                    try:
                        asking[task].check()
                    except Stopped:
                        task.cancel()
                        raise
    finally:
        for task in asking:
            task.cancel()
        ends = await asyncio.gather(*asking, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _one(answer: Answer, key: str) -> None:
    trial = answer.trial
    with answer.guarded():
        assert trial.server is not None
        student = ServedStudent(trial.student, trial.server, key, prompts=trial.settings["prompts"])
        client = student.connect()
        written, began = Completion("", 0, truncated=False), time.monotonic()
        shown_at = 0.0
        try:
            async for written in student.stream(client, answer.prompt, answer.decoding):
                moment = time.monotonic()
                if moment - shown_at >= SHOW_EVERY_S:
                    shown_at = moment
                    answer.show(written, moment - began)
            answer.finish(written, time.monotonic() - began)
        except CallFailed as failed:
            raise student.sentence(failed, answered=False, then="ask again") from None
        finally:
            await client.close()
