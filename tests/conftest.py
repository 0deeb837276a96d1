"""What tests of several rooms share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fair_app.student.offline import ensure_offline_student

REPOSITORY = Path(__file__).resolve().parents[1]

# Before anything loads torch, and for all processes that tests start: threads of small models wait
# for each other more than they work, and the cores are busy with other tests already.
os.environ.setdefault("OMP_NUM_THREADS", "1")


# What is slow here is the machine: one example may wait for a core longer than hypothesis allows.
settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")


@pytest.fixture(scope="session")
def student_folder() -> Path:
    """The converted offline student; made once and kept, in FAIR_TEST_MODELS or in db/models."""
    models = Path(os.environ.get("FAIR_TEST_MODELS") or REPOSITORY / "db" / "models")
    return ensure_offline_student(models)


LONGEST = (
    "storage/test_server.py",
    "training/test_run.py",
    "cli/test_stages.py",
    "cli/test_rounds.py",
    "cli/test_ablating.py",
    "cli/test_encoder_decoder.py",
    "committee/test_kill.py",
    "browser/test_mentor.py",
    "browser/test_training.py",
    "browser/test_loop.py",
    "browser/test_try_it.py",
    "browser/test_review_decisions.py",
)
"""Files that come first: where several processes share the tests, none is left with one of them
while the others have nothing to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest first, and the browser's last: Playwright keeps an event loop running in this
    thread, and what starts one of its own (`asyncio.run`) fails beside it."""

    def place(item: pytest.Item) -> tuple[bool, int]:
        room, name = item.path.parts[-2:]
        file = f"{room}/{name}"
        return room == "browser", LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=place)
