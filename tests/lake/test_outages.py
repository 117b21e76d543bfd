"""PostgreSQL or the S3 API away: nothing is lost, the mark does not move, and writing continues by itself."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core.lake import progress
from obs_core.lake.address import parse
from obs_core.lake.background import BackgroundLake
from tests.support.archives import append, logged, mixed
from tests.support.lakes import Shared, finish


def wait_for(condition: Callable[[], bool], step: Callable[[], object]) -> None:
    end = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < end
        step()
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["postgres", "storage"])
def test_a_server_that_is_away_stops_the_sealer_and_moves_no_mark(own: Shared, tmp_path: Path, name: str) -> None:
    log = append(tmp_path / "x.db", mixed(100))
    own.write(log)
    append(log, mixed(100, first=100))
    server = getattr(own.services, name)
    server.stop()
    (said,) = own.write(log, code=2)
    assert said["away"] is True
    assert "can't be reached" in said["error"]
    last = progress.read(log)
    assert last
    assert (last.until_id, last.error, last.hint) == (100, said["error"], said["hint"])
    server.start()
    assert own.counts() == (100, 100, 100)
    own.write(log)
    assert own.written() == logged(log, 200)
    last = progress.read(log)
    assert last
    assert (last.until_id, last.error) == (200, "")


@pytest.mark.parametrize("name", ["postgres", "storage"])
def test_a_server_that_is_killed_while_rows_are_written(own: Shared, tmp_path: Path, name: str) -> None:
    log = append(tmp_path / "x.db", mixed(2_000))
    sealer = own.start("obs_core.lake.sealer", str(log), "--batch-rows", "50")
    assert sealer.stdout
    sealer.stdout.readline()
    server = getattr(own.services, name)
    server.stop()
    finish(sealer, code=2)
    server.start()
    rows, distinct, mark = own.counts()
    assert rows == distinct == mark
    assert 0 < mark < 2_000
    own.write(log)
    assert own.written() == logged(log, 2_000)


def test_the_watcher_writes_by_itself_and_continues_after_an_outage(
    own: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in own.environment.items():
        monkeypatch.setenv(key, value)
    log = append(tmp_path / "x.db", mixed(100))
    store = parse(own.store).shown
    reports: list[str] = []
    background = BackgroundLake(reports.append, store, settle_s=0, every_s=0.5, upkeep_s=3600, options=["--nice=0"])
    with background as lake:
        wait_for(lambda: progress.until_id(log, store) == 100, lambda: lake.after_tick(log, time.time_ns()))
        own.services.postgres.stop()
        append(log, mixed(50, first=100))
        wait_for(lambda: bool(reports), lambda: lake.after_tick(log, time.time_ns()))
        own.services.postgres.start()
        wait_for(lambda: progress.until_id(log, store) == 150, lambda: lake.after_tick(log, time.time_ns()))
    assert len(reports) == 1
    assert reports[0].startswith("The shared lake could not be written: The shared lake postgres://obs@")
    assert own.written() == logged(log, 150)
