"""Forwarders that are killed at random times: every row arrives, and a receiver of ours has none twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from obs_core.forward.positions import Position, Positions
from tests.forward.conftest import calls, collector, eventually, readings, stored
from tests.support import table

KILLS = int(os.environ.get("FORWARD_KILLS", "50"))
AT_ONCE = 5  # logs, each with a forwarder and a receiver of its own


def forwarder(log: Path, address: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "OBS_FORWARD": address, "OBS_FORWARD_FROM": "start"}
    command = [sys.executable, "-m", "obs_core", "forward", "--log", str(log)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)


def killed(folder: Path, kills: int, seed: int) -> tuple[int, int]:
    """Kill `kills` forwarders while rows are written; how many rows were counted as sent, and how many there are."""
    chance = random.Random(seed)  # noqa: S311 - times of a test
    folder.mkdir()
    log, written = folder / "a.db", 0
    table.store(log, [])
    with collector(folder / "b.db") as there:
        for _ in range(kills):
            with forwarder(log, there.address) as process:
                first, end_s = written, time.monotonic() + 20
                while written == first or (time.monotonic() < end_s and chance.random() < 0.9):
                    more = chance.randrange(1, 400)
                    table.store(log, [*calls(more, written), *readings(more, written)])
                    written += more
                    time.sleep(chance.random() * 0.4)
                process.send_signal(signal.SIGKILL)
        with forwarder(log, there.address) as process:
            there.wait_for(2 * written)
            assert eventually(lambda: all(known.up_to_id == 2 * written for known in positions(log, there.address)))
            process.kill()
        sent = sum(known.sent for known in positions(log, there.address))
    rows = [Counter(row[:9] for row in stored(path)) for path in (log, folder / "b.db")]
    assert rows[0] == rows[1]
    assert sum(rows[1].values()) == 2 * written
    return sent, 2 * written


def positions(log: Path, address: str) -> list[Position]:
    known = Positions(log, address)
    return [position for name in ("traces", "logs") if (position := known.of(name))]


def test_forwarders_killed_at_random_times_lose_and_duplicate_no_row(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        counts = list(threads.map(killed, folders, [KILLS // AT_ONCE] * AT_ONCE, range(AT_ONCE)))
    assert all(sent <= rows for sent, rows in counts)  # a request whose answer was not recorded is not counted
