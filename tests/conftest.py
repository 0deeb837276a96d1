"""What tests of several rooms share."""

import os
from pathlib import Path

import pytest

from fair_app.student.offline import ensure_offline_student

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def student_folder() -> Path:
    """The converted offline student; made once and kept, in FAIR_TEST_MODELS or in db/models."""
    models = Path(os.environ.get("FAIR_TEST_MODELS") or REPOSITORY / "db" / "models")
    return ensure_offline_student(models)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: Playwright keeps an event loop running in this thread, and what
    starts one of its own (`asyncio.run`) fails beside it."""
    items.sort(key=lambda item: "browser" in item.path.parts)
