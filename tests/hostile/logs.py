"""Builds hostile logs: what other programs, other clocks, full disks and bad intentions leave in a trace log.

`LOGS` has one function for each kind; it writes the log and the files next to it. Each is small, so that every page and
every command can be run on each.
"""

import json
import math
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from obs_core.clock import SECOND
from obs_core.model import Row
from tests.support import table

START: Final = 1_767_225_600  # 2026-01-01T00:00:00Z, in seconds
CANONICAL: Final = ("Process", "Data", "Data Type", "Data Value", "Timestamp", "Status", "Exception")
TEXTS: Final = (
    "",
    " ",
    "a\0b",
    "\ufeffmark",
    "line\nbreak\r\n\u2028x",
    "<script>alert(1)</script>",
    "![x](javascript:alert(1)) `code` $\\frac{1}{0}$ :material/home: :red[x]",
    "=cmd|'/c calc'!A1",
    "' OR 1=1; DROP TABLE data_trace; --",
    "%s %n {0} {x!r} {{}}",
    "../../../etc/passwd",
    "\x1b[2J\x07",
    "\u202egnp.exe",
    "é" * 300,
    "👩‍👩‍👧‍👦" * 50,
    "x" * 100_000,
    "NaN",
    "-0",
    "1e999",
    "9" * 400,
    "[" * 3_000,
    '{"a":' * 500 + "1" + "}" * 500,
)
NOT_UTF8: Final = (b"\xff", b"\xc3\x28", b"a\xed\xa0\x80b", b"\xf0\x9f\x92", b"\0\xfe")
CLOCKS: Final = (0, -1, 1, 2**63 - 1, -(2**63), 4 * 10**18, 9_214_646_400 * SECOND, 253_402_300_799)
ATTRIBUTES: Final = (
    "",
    "null",
    "[]",
    "{",
    '"text"',
    "1e999",
    '{"attributes": null}',
    '{"attributes": [1, {"a": []}], "events": {"a": 1}, "links": 7, "scope": "x"}',
    json.dumps({"attributes": {name: name for name in TEXTS[:12]}}),
    json.dumps({"attributes": {"\ud800": "\udfff", "n": math.nan, "i": math.inf, "big": 10**300}}),
    json.dumps({"attributes": {"obs_core.row": {"status": "ODD", "timestamp": "soon"}}, "events": [None, 1, []]}),
    json.dumps({"events": [{"name": ["x"], "time_ns": "soon", "attributes": 5}], "links": [{"trace_id": 7}]}),
    json.dumps({"span": {"kind": ["x"], "flags": "y", "traceState": {}}, "severity_number": 10**40}),
    '{"attributes": {"deep": ' + "[" * 5_000 + "]" * 5_000 + "}}",
)


def our_log(path: Path) -> None:
    """A log of our own schema with rows that our writers never write."""
    table.store(path, [*_odd_texts(), *_odd_times(), *_circles(), *_odd_attributes()])
    with closing(sqlite3.connect(path)) as log, log:
        odd = "INSERT INTO data_trace (kind, process, data, timestamp, status, data_value) VALUES (?, ?, ?, ?, ?, ?)"
        log.execute(odd, ("call", "p", "unknown status", START * SECOND, "WARN", None))
        log.execute(odd, ("metric", "p", "unknown kind", START * SECOND, "", "1"))
        log.execute(odd, ("", "", "", START * SECOND, "error", ""))
        for number, raw in enumerate(NOT_UTF8):
            cells = ", ".join(f"CAST(x'{raw.hex()}' AS TEXT)" for _ in range(5))
            log.execute(
                "INSERT INTO data_trace (kind, timestamp, process, data, status, data_value, exception)"
                f" VALUES ('{('call', 'value')[number % 2]}', {(START + number) * SECOND}, {cells})"
            )
        for function in ("web.load", "<script>", TEXTS[2]):
            source = "def f():\n\t\0\x1b[0m" + "x" * 5_000
            log.execute(
                "INSERT INTO code (function, file, line, source, source_hash, revision, first_seen)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (function, "/etc/passwd", -5, source, "no hash", "\u202e" * 99, 2**63 - 1),
            )


def foreign_cells(path: Path) -> None:
    """The seven canonical columns without types, each cell of every SQLite type."""
    good = [("p", "d", "int", str(number), START + number, "OK", None) for number in range(20)]
    cells: tuple[Any, ...] = (None, 1, -1.5, math.inf, 2**63 - 1, -(2**63), b"\xff\0", "", "text", 1e300, *TEXTS[:8])
    times = ("9999-12-31T23:59:59Z", "0001-01-01", "soon", START + 0.25, f"{START}", "2026-13-45", -1e18)
    odd = [(*row[:at], cell, *row[at + 1 :]) for row in good[:1] for at in range(7) for cell in cells]
    odd += [(*good[0][:4], time, *good[0][5:]) for time in times]
    _foreign(path, [f'"{name}"' for name in CANONICAL], [*good, *odd, (None,) * 7])


def foreign_traces(path: Path) -> None:
    """Another program's table with traces: circular and missing parents, shared ids, unknown kinds, REAL integers."""
    names = [*CANONICAL, "trace_id", "span_id", "parent_span_id", "kind", "duration_ms", "attributes", "group"]
    rows: list[tuple[Any, ...]] = [
        ("p", "d", None, None, START, "OK", None, "t", "a", "b", "call", 1.5, None, "g"),
        ("p", "d", None, None, START, "OK", None, "t", "b", "a", "call", 2, "{", "g"),
        ("p", "d", None, None, START, "OK", None, "t", "s", "s", "call", -3.0, "[]", None),
        ("p", "d", None, None, START, "FAILED", "E", "t", "a", "missing", "server", "soon", 7, 7),
        ("p", "d", None, None, START, None, None, 1, 2.5, b"\xff", None, math.inf, b"\0", b"g"),
        (None, None, 1, 2.5, START + 0.5, 3, 4, "", "", "", "", 10**18, "x" * 50_000, ""),
    ]
    _foreign(path, [f'"{name}"' for name in names], rows)


def a_view(path: Path) -> None:
    """A view as the table, over a table of other names and numbers as texts."""
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("CREATE TABLE events (p, d, t)")
        log.execute("INSERT INTO events VALUES ('p', 'd', '1767225600'), (NULL, 1, 'soon')")
        log.execute(
            'CREATE VIEW data_trace AS SELECT p AS "Process", d AS "Data", NULL AS "Data Type", t AS "Data Value",'
            ' t AS "Timestamp", \'OK\' AS "Status", NULL AS "Exception" FROM events'
        )


def wrong_columns(path: Path) -> None:
    """A table of the right name with two columns."""
    _foreign(path, ["a", "b"], [(1, 2)])


def no_database(path: Path) -> None:
    """Text."""
    path.write_text("this is not a database\n" * 100)


def empty_file(path: Path) -> None:
    """No bytes at all."""
    path.touch()


def empty_database(path: Path) -> None:
    """A database without any table."""
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("PRAGMA user_version = 1")


def cut_database(path: Path) -> None:
    """A log of which the second half is missing."""
    table.store(path, [Row("call", "p", f"d{number}", (START + number) * SECOND) for number in range(3_000)])
    with closing(sqlite3.connect(path)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log.execute("PRAGMA journal_mode = DELETE")
    os.truncate(path, path.stat().st_size // 2 // 4_096 * 4_096)


def directory(path: Path) -> None:
    """A directory instead of a file."""
    path.mkdir()


def missing(path: Path) -> None:
    """Nothing."""
    assert not path.exists()


def bad_neighbours(path: Path) -> None:
    """A good log with bad files next to it: spools, states, ledgers and rules."""
    table.store(path, [Row("call", "p", "d", (START + number) * SECOND, duration_ns=number) for number in range(50)])
    folder = path.with_name(f"{path.name}.d")
    folder.mkdir(exist_ok=True)
    (folder / "0-empty.spool").touch()
    (folder / "1-short.spool").write_bytes(b"obs")
    (folder / "2-noise.spool").write_bytes(bytes(range(256)) * 400)
    (folder / "3-link.spool").symlink_to("/etc/hostname")
    (folder / "4-loop.spool").symlink_to("4-loop.spool")
    (folder / "5-folder.spool").mkdir()
    os.mkfifo(folder / "6-fifo.spool")
    (folder / "children.json").write_text('{"children": [1, null, {"name": 5}]}')
    (folder / "watch.json").write_text("{")
    path.with_name("rules.toml").write_text('[[rule]]\nname = 5\nkind = "none"\n[[rule]]\nname = "x"\n')
    path.with_name(f"{path.name}.alerts.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)


LOGS: Final[dict[str, Callable[[Path], None]]] = {
    kind.__name__: kind
    for kind in (
        *(our_log, foreign_cells, foreign_traces, bad_neighbours, a_view, wrong_columns),
        *(no_database, empty_file, empty_database, cut_database, directory, missing),
    )
}
"""Every kind by its name."""

WITH_ROWS: Final = ("our_log", "foreign_cells", "foreign_traces", "bad_neighbours")
"""The kinds with rows that pages and commands can select."""


def _odd_texts() -> Iterable[Row]:
    for number, text in enumerate(TEXTS):
        for kind in ("call", "value", "log"):
            yield Row(
                kind,
                text[:5_000],
                text,
                (START + number) * SECOND,
                process_group=text[:2_000],
                data_type=text,
                data_value=text,
                status=("OK", "ERROR", "UNSET")[number % 3],
                exception=text,
                trace_id=text[:50] or None if kind == "call" else None,
                span_id=f"{kind}{number}" if kind == "call" else None,
                function=text,
                exception_stack=text,
                duration_ns=number,
            )


def _odd_times() -> Iterable[Row]:
    for number, time_ns in enumerate(CLOCKS):
        for duration in (None, -1, 2**63 - 1):
            call = Row("call", "clock", f"c{number}", time_ns, trace_id="clocks", duration_ns=duration)
            yield call._replace(memory_delta=time_ns)
        yield Row("value", "clock", "v", time_ns, data_value=str(number), data_type="int", trace_id="clocks")


def _circles() -> Iterable[Row]:
    for span, parent in (("a", "b"), ("b", "c"), ("c", "a"), ("self", "self"), ("orphan", "gone"), ("", "a")):
        yield Row("call", "web", "web.load", START * SECOND, trace_id="circle", span_id=span, parent_span_id=parent)
    for number in range(300):
        above = f"n{number - 1}" if number else None
        call = Row("call", "web", "deep", START * SECOND + number, trace_id="deep", span_id=f"n{number}")
        yield call._replace(parent_span_id=above)


def _odd_attributes() -> Iterable[Row]:
    for number, text in enumerate(ATTRIBUTES):
        yield Row(
            "call",
            "web",
            f"attributes {number}",
            (START + 60 + number) * SECOND,
            trace_id="attributes",
            attributes=text,
        )


def _foreign(path: Path, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
    columns = list(columns)
    with closing(sqlite3.connect(path)) as log, log:
        log.execute(f"CREATE TABLE data_trace ({', '.join(columns)})")
        log.executemany(f"INSERT INTO data_trace VALUES ({', '.join('?' * len(columns))})", rows)
