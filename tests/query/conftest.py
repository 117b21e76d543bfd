"""Fixtures for the tests of questions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker_pool import Pool


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """One real worker for all tests that don't harm it: starting one takes half a second."""
    workers = Pool(1, memory_mb=512, limit_s=20.0)
    yield workers
    workers.close()


@pytest.fixture
def engine(log: Path, pool: Pool) -> Iterator[Engine]:
    """An engine on the log that the test's docstring draws."""
    with Engine(log, pool=pool) as engine:
        yield engine
