"""Logs of any size over many days, in which no two durations or ids are alike.

Logs that repeat the same durations compress to a seventh of what real ones take, and would flatter an archive.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from obs_core.clock import DAY
from obs_core.model import Row
from obs_core.store import log, sqlite

DAYS = 30
FUNCTIONS = 200
GROUPS = ("web", "orders", "pricing", "ingest", "batch")
_BATCH = 20_000
_EXCEPTIONS = (
    "ValueError: invalid literal for int() with base 10: 'a{}'",
    "KeyError: 'price{}'",
    "TimeoutError: no answer from 10.0.0.{} in 5.0 s",
    "ZeroDivisionError: division by zero",
)
_STACK = """Traceback (most recent call last):
  File "/srv/app/module{module}.py", line {line}, in function_{function}
    return handle(request)
  File "/srv/app/storage.py", line {other}, in load
    raise {error}
{error}"""


def long_log(path: Path, rows: int, end_ns: int, days: int = DAYS) -> Path:
    """A log of `rows` rows at `path`, evenly over the `days` days before `end_ns`: 78 % calls, 20 % values, 2 % logs.

    200 functions in five groups, log-normal durations, 1 % failed calls with stacks, traces of up to 24 rows, and
    series that repeat each value some ten times.
    """
    connection = log.open_log(path, synchronous="OFF")
    batch: list[Row] = []
    for row in _rows(rows, end_ns - days * DAY, days * DAY):
        batch.append(row)
        if len(batch) == _BATCH:
            _append(connection, batch)
            batch = []
    _append(connection, batch)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("ANALYZE")
    connection.close()
    return path


def _append(connection: sqlite.Connection, batch: list[Row]) -> None:
    with sqlite.transaction(connection):
        log.append_in_bulk(connection, batch)


def _rows(rows: int, start_ns: int, span_ns: int) -> Iterator[Row]:
    chance = random.Random(7)  # noqa: S311
    numbers = np.random.default_rng(7)
    scale = np.exp(numbers.normal(1.0, 1.5, FUNCTIONS))
    weights = 1 / np.arange(1, FUNCTIONS + 1) ** 1.1
    readings: dict[tuple[str, str], int] = {}
    trace, left, spans = "", 0, [""]
    for first in range(0, rows, _BATCH):
        count = min(_BATCH, rows - first)
        functions = numbers.choice(FUNCTIONS, count, p=weights / weights.sum())
        times = start_ns + ((first + np.arange(count) + numbers.random(count)) * (span_ns / rows)).astype("int64")
        durations = (scale[functions] * np.exp(numbers.normal(0, 0.8, count)) * 1e6).astype("int64")
        shares = numbers.random((3, count))
        for number in range(count):
            if not left:
                trace, left, spans = f"{chance.getrandbits(128):032x}", chance.randint(1, 24), []
            left -= 1
            function, share = int(functions[number]), shares[0, number]
            group = GROUPS[function % len(GROUPS)]
            process = f"{group}-{function % 12}"
            parent = spans[int(shares[1, number] * len(spans))] if spans else None
            time_ns = int(times[number])
            if share < 0.2 and parent:
                name = f"value_{function % 40}"
                if shares[2, number] > 0.9:
                    readings[process, name] = chance.randrange(1_000)
                text = str(readings.get((process, name), 0))
                yield Row("value", process, name, time_ns, group, "int", text, trace_id=trace, parent_span_id=parent)
                continue
            if share < 0.22 and parent:
                yield Row(
                    "log", process, f"message {chance.randrange(10**6)} of {group}", time_ns, group, trace_id=trace,
                    parent_span_id=parent, attributes='{"attributes": {}, "severity_number": 9}',
                )  # fmt: skip
                continue
            spans.append(f"{chance.getrandbits(64):016x}")
            failed = shares[2, number] < 0.01
            error = _EXCEPTIONS[function % len(_EXCEPTIONS)].format(chance.randrange(250)) if failed else None
            stack = _STACK.format(
                module=function % 17, line=function, function=function, other=function % 9, error=error
            )
            yield Row(
                "call", process, f"function_{function}", time_ns, group, "float", f"{shares[2, number]:.6f}",
                "ERROR" if failed else "OK", error, trace, spans[-1], parent,
                f"module{function % 17}.function_{function}", stack if failed else None, int(durations[number]),
                chance.randrange(10**5) if function % 4 == 0 else None,
                attributes=f'{{"attributes": {{"http.status_code": {200 + function % 5}, "user": {function}}}}}',
            )  # fmt: skip
