"""Logs of any size in a real shape: the recorded traces of tests/data, repeated with shifted times and ids."""

import csv
from collections.abc import Iterator
from pathlib import Path

from obs_core.clock import HOUR
from obs_core.model import Row
from obs_core.store import log, sqlite
from tests.support.data import trace_file

SPAN_NS = 24 * HOUR
_BATCH = 20_000


def multiplied(path: Path, rows: int, end_ns: int) -> Path:
    """A log of `rows` calls at `path` over the 24 h before `end_ns`: trainticket-1min, again and again.

    Every repetition keeps the shape of the recording (trees, durations, errors, bursts) and gets trace ids of its own,
    time-ordered in their first bytes as the specification recommends.
    """
    recorded = _recorded()
    first = min(row.timestamp for row in recorded)
    copies = -(-rows // len(recorded))
    connection = log.open_log(path, synchronous="OFF")
    batch: list[Row] = []
    for copy in range(copies):
        start = end_ns - SPAN_NS + copy * SPAN_NS // copies
        batch += [_shifted(row, copy, start - first) for row in recorded[: rows - copy * len(recorded)]]
        if len(batch) >= _BATCH or copy == copies - 1:
            with sqlite.transaction(connection):
                log.append(connection, batch)
            batch = []
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("ANALYZE")
    connection.close()
    return path


def _recorded() -> list[Row]:
    return sorted(_rows(trace_file("trainticket-1min", "spans.csv")), key=lambda row: row.timestamp)


def _rows(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            start, end = int(line["start_unix_nano"]), int(line["end_unix_nano"])
            yield Row(
                "call",
                line["process"],
                line["operation"],
                start,
                process_group=line["process_group"],
                status="ERROR" if line["status"] == "ERROR" else "UNSET",
                exception=line["exception"] or None,
                trace_id=line["trace_id"],
                span_id=line["span_id"],
                parent_span_id=line["parent_id"] or None,
                duration_ns=end - start,
            )


def _shifted(row: Row, copy: int, by_ns: int) -> Row:
    prefix = f"{(row.timestamp + by_ns) // 1_000_000_000:08x}{copy:06x}"
    return row._replace(timestamp=row.timestamp + by_ns, trace_id=prefix + str(row.trace_id)[14:])
