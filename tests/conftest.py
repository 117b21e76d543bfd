"""Fixtures that every folder of tests may use."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import table

# A busy machine makes one example slow, or all of them, which is not a fault.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser tests and run them last: Playwright keeps an event loop running, and asyncio allows only one."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A trace log with the rows of the table in the test's docstring (see `tests.support.table.rows`)."""
    path = tmp_path / "trace.db"
    table.store(path, table.rows(request.function.__doc__ or ""))
    return path
