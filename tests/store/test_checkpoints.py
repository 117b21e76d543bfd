"""Checkpoints of a log that is always read: its write-ahead log stays small."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from obs_core.model import Row
from obs_core.store import checkpoints, log, sqlite
from obs_core.store.checkpoints import Checkpoints

PAGES = 200


@contextmanager
def always_read(path: Path) -> Iterator[None]:
    """Two readers by turns: each begins before the other one ends, so that at every moment one of them reads."""
    stop, begun = threading.Event(), [threading.Event(), threading.Event()]

    def read(number: int) -> None:
        with closing(sqlite.connect(path)) as connection:
            while not stop.is_set():
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM data_trace").fetchone()
                begun[number].set()
                begun[1 - number].wait(1)
                begun[1 - number].clear()
                time.sleep(0.002)
                connection.execute("COMMIT")

    threads = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    assert begun[0].wait(5)
    try:
        yield
    finally:
        stop.set()
        for event in begun:
            event.set()
        for thread in threads:
            thread.join()


def test_the_write_ahead_log_of_a_log_that_is_always_read_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_MOST_PAGES", PAGES)
    monkeypatch.setattr(checkpoints, "_RESTART_S", 0.0)
    path = tmp_path / "trace.db"
    wal = path.with_name(path.name + "-wal")
    with closing(log.open_log(path)) as connection:
        connection.execute("PRAGMA busy_timeout = 0").fetchall()
        connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
        points = Checkpoints(path)
        with always_read(path):
            sizes = []
            for number in range(60):
                row = Row("value", "p", "n", number, data_value=f"{number:0100000}")
                with sqlite.transaction(connection):
                    log.store_in_bulk(connection, [row])
                assert points.explain()
                points.run(connection)
                sizes.append(wal.stat().st_size)
        assert connection.execute("PRAGMA busy_timeout").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM data_trace").fetchall() == [(60,)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert max(sizes) < 60 * 100_000 / 2, "it grew by all that was written"
    assert 0 in sizes
