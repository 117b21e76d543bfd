"""What judging costs: `python -m benchmarks.alerts [OLD ROWS …]` (by default 20000 100000 500000).

1,000 rules over 10,000 series, 5,000 new rows a tick: the time of a tick beside the floor (the same rows through a bare
sqlite3 cursor) on logs with more and more old rows, the exponent with which it grows, and the first judgement.
"""

import math
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from obs_core.alerts import rule_files
from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.store import log, sqlite
from obs_core.watch.follower import Follower

SERIES = 10_000
RULES = 1_000
NEW = 5_000
TICKS = 7
START_NS = 1_767_225_600 * SECOND


def readings(first: int, count: int) -> list[Row]:
    """`count` readings, series after series; one in three repeats the one before."""
    return [
        Row(
            "value",
            f"p{place % SERIES % 100}",
            f"x{place % SERIES // 100}",
            START_NS + place * SECOND // NEW,
            data_type="float",
            data_value=str(place // SERIES // 3 * 1.5),
        )
        for place in range(first, first + count)
    ]


def stored(path: Path, first: int, count: int) -> None:
    """Append readings to the log at `path`."""
    with closing(log.open_(path, synchronous="OFF")) as connection:
        for start in range(first, first + count, 20_000):
            with sqlite.transaction(connection):
                log.append(connection, readings(start, min(20_000, first + count - start)))


def rules(path: Path) -> None:
    """A thousand stale rules: ten for each of a hundred variables."""
    lines = [
        f'[[rule]]\nname = "r{number}"\nkind = "stale"\ndata = "x{number % 100}"\nprocess = "p{number // 100}*"\n'
        f"threshold = {4 + number % 5}\n"
        for number in range(RULES)
    ]
    (path.parent / rule_files.NAME).write_text("".join(lines))


def figures(old: int) -> tuple[float, float, float]:
    """Seconds of the first judgement, of a tick (median), and of the floor of a tick, on a log with `old` rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.db"
        rules(path)
        stored(path, 0, old)
        with closing(Follower(path)) as follows:
            start = time.perf_counter()
            follows.tick(START_NS + old * SECOND // NEW)
            first = time.perf_counter() - start
            ticks, floors = [], []
            for number in range(TICKS):
                begun = old + number * NEW
                stored(path, begun, NEW)
                start = time.perf_counter()
                follows.tick(START_NS + (begun + NEW) * SECOND // NEW)
                ticks.append(time.perf_counter() - start)
                floors.append(floor(path, begun))
    return first, median(ticks), median(floors)


def floor(path: Path, after: int) -> float:
    """Seconds that a bare cursor takes for the new rows."""
    with closing(sqlite.open_(path)) as bare:
        start = time.perf_counter()
        bare.execute("SELECT * FROM data_trace WHERE id > ? ORDER BY id", (after,)).fetchall()
        return time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    sizes = [int(word) for word in sys.argv[1:]] or [20_000, 100_000, 500_000]
    found = {old: figures(old) for old in sizes}
    for old, (first, tick, bare) in found.items():
        print(
            f"{old:>10,} old rows: first judgement {first:.2f} s ({first / old * 1e6:.1f} µs a row), "
            f"tick of {NEW:,} rows {tick * 1e3:.0f} ms, {tick / bare:.1f} times a bare cursor"
        )
    small, large = min(sizes), max(sizes)
    if large > small:
        exponent = math.log(found[large][1] / found[small][1]) / math.log(large / small)
        print(f"growth exponent of a tick over old rows: {exponent:.2f}")


if __name__ == "__main__":
    main()
