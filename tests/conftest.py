"""Fixtures that every folder of tests may use."""

from pathlib import Path

import pytest

from tests.support import table


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running in its process, and asyncio allows but one."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A trace log with the rows of the table in the test's docstring (see `tests.support.table.rows`)."""
    path = tmp_path / "trace.db"
    table.store(path, table.rows(request.function.__doc__ or ""))
    return path
