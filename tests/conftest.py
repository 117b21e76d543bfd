"""Fixtures that every folder of tests may use."""

from pathlib import Path

import pytest

from tests.support import table


@pytest.fixture
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A trace log with the rows of the table in the test's docstring (see `tests.support.table.rows`)."""
    path = tmp_path / "trace.db"
    table.store(path, table.rows(request.function.__doc__ or ""))
    return path
