"""The watcher seals a log that has grown long."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.logs import multiplied
from obs_core import subprocesses
from obs_core.archive import lease
from obs_core.archive.background import BackgroundSealer, Retention, SteadyClock, steady_ns
from obs_core.archive.limits import Keep
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.clock import DAY, HOUR, MINUTE, now_ns
from obs_core.errors import ObsError
from tests.support.archives import append, differences, mixed, seal, statement

NOW = ("--settle-s", "0", "--forward-rows", "1", "--batch-rows", "60")


def sealed_until(path: Path) -> int:
    try:
        with Manifest(folder_of(path)) as manifest:
            sealed = manifest.sealed()
    except ObsError:
        return 0
    return sealed.until_id if sealed and sealed.older_ns is None else 0


def wait_for(condition: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
    end = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < end
        step()
        time.sleep(0.05)


def test_a_long_log_is_sealed_and_sealed_again_as_it_grows(path: Path) -> None:
    reports: list[str] = []
    with BackgroundSealer(reports.append, least_rows=100, every_s=0, options=NOW) as sealer:
        wait_for(lambda: sealed_until(path) == 399, lambda: sealer.after_tick(path, 0))
        append(path, mixed(150, first=400))
        # a sealer that is stopped within a step leaves files for the next one to delete: let it finish
        wait_for(lambda: sealed_until(path) == 549 and not differences(path), lambda: sealer.after_tick(path, 0))
    assert reports == []


def test_a_sealed_log_is_pruned_by_itself(path: Path) -> None:
    seal(path)
    keep, reports = Retention(Keep(rows_ns=1, newest=100), lambda _: 250, ("--grace-s=0",)), list[str]()
    with BackgroundSealer(reports.append, least_rows=100, every_s=0, options=NOW, retention=keep) as sealer:
        wait_for(
            lambda: statement(path, "SELECT min(id) FROM data_trace") == [(251,)], lambda: sealer.after_tick(path, 0)
        )
    assert reports == []


def test_a_clock_that_jumps_ahead_deletes_nothing_for_an_hour() -> None:
    clock, jumped = SteadyClock(), 4_000 * DAY
    times = [
        (0, 0, False),
        (MINUTE, MINUTE, False),
        (9 * HOUR, 9 * HOUR, False),  # the machine was suspended
        (jumped + 9 * HOUR, 9 * HOUR + MINUTE, True),
        (jumped + 10 * HOUR, 10 * HOUR, True),
        (10 * HOUR + MINUTE, 10 * HOUR + 2 * MINUTE, False),  # set right within the hour
        (9 * HOUR, 11 * HOUR, False),  # set back
    ]
    assert [clock.has_jumped(now, steady) for now, steady, _ in times] == [is_odd for *_, is_odd in times]


def test_retention_waits_when_the_clock_jumps(path: Path) -> None:
    seal(path)
    keep = Retention(Keep(archive_ns=1, rollups_ns=1, newest=0), lambda _: 250, ("--grace-s=0",))
    with BackgroundSealer(pytest.fail, least_rows=1_000, every_s=0, options=NOW, retention=keep) as sealer:
        sealer._clock.has_jumped(now_ns() - DAY, steady_ns())
        sealer.after_tick(path, now_ns())
        assert sealer._child is None
    assert statement(path, "SELECT min(id) FROM data_trace") == [(1,)]


def test_a_short_log_is_not_sealed(path: Path) -> None:
    with BackgroundSealer(pytest.fail, least_rows=400, every_s=0, options=NOW) as sealer:
        sealer.after_tick(path, 0)
        assert sealer._child is None
    assert not folder_of(path).exists()


def test_an_error_of_the_sealer_is_reported_once(path: Path) -> None:
    folder_of(path).write_text("not a folder")
    reports: list[str] = []
    with BackgroundSealer(reports.append, least_rows=100, every_s=0, options=NOW) as sealer:
        wait_for(lambda: bool(reports), lambda: sealer.after_tick(path, 0))
        first = sealer._child
        wait_for(lambda: sealer._child is not first, lambda: sealer.after_tick(path, 0))
    assert len(reports) == 1
    assert reports[0].startswith("The log could not be sealed:")


@pytest.mark.slow
def test_the_watcher_seals_by_itself_if_the_setting_says_so(tmp_path: Path) -> None:
    path = multiplied(tmp_path / "x.db", 201_000, now_ns())
    environment = subprocesses.environment(OBS_ARCHIVE="auto")
    watcher = subprocess.Popen([sys.executable, "-m", "obs_core", "watch", "--log", str(path)], env=environment)
    try:
        wait_for(lambda: sealed_until(path) == 201_000 - 30_000)
    finally:
        watcher.terminate()
        assert watcher.wait(20) == 0

    def is_free() -> bool:
        with lease.held(folder_of(path)) as is_mine:
            return is_mine

    wait_for(is_free)
    assert os.listdir(folder_of(path))  # noqa: PTH208
