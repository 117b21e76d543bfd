"""Fixtures for the tests of the archive."""

from pathlib import Path

import pytest

from tests.support import archives


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of 400 rows over three days, long ago."""
    return archives.append(tmp_path / "x.db", archives.mixed(400))
