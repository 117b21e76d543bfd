"""A log that the test process writes itself, with its own tracing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import obs_core
from obs_core.capture import writer
from obs_core.store import sqlite

Select = Callable[..., list[tuple[Any, ...]]]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
REMOTE = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
"""The headers of a call in another process."""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The log of process `feed` in group `prices`; the settings are restored after the test."""
    path = tmp_path / "trace.db"
    before = writer.process.options
    obs_core.configure(log=path, process="feed", group="prices")
    yield path
    writer.end()
    obs_core.configure(**before._asdict())


@pytest.fixture
def select(log: Path) -> Select:
    """Query the log after a flush: `select("data, status", "kind = 'call'", table="data_trace")`."""

    def answer(columns: str, where: str = "1", table: str = "data_trace") -> list[tuple[Any, ...]]:
        assert obs_core.flush(20)
        connection = sqlite.connect(log)
        try:
            return connection.execute(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY id").fetchall()
        finally:
            connection.close()

    return answer


@pytest.fixture
def own_context() -> Iterator[None]:
    """What a test extracts is forgotten after it."""
    obs_core.extract({})
    yield
    obs_core.extract({})
