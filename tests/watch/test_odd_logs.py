"""Logs as nobody would write them: the watcher goes through them with rules of every kind, and questions answer."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.kinds import KINDS
from obs_core.cli.main import main
from obs_core.clock import SECOND
from obs_core.watch import loop
from obs_core.watch.follower import Follower
from tests.support import rules

TIMEOUT_S = 60
START_S = 1_700_000_000
COLUMNS = '"Process", "Data", "Data Type", "Data Value", "Timestamp" {}, "Status", "Exception"'
GOOD: list[tuple[Any, ...]] = [("p", "d", "int", str(n), START_S + n, "OK", None) for n in range(50)]
LAST = START_S + 60


def iso(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:4], time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(row[4])), *row[5:])


def at(written: object) -> tuple[Any, ...]:
    return ("p", "d", "int", "1", written, "OK", None)


ISO = [iso(row) for row in GOOD]
LOGS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "whole numbers": ("INTEGER", GOOD),
    "floats": ("REAL", [(*row[:4], row[4] + 0.25, *row[5:]) for row in GOOD]),
    "process NULL": ("INTEGER", [*GOOD, (None, "d", "int", "1", LAST, "OK", None)]),
    "data NULL": ("INTEGER", [*GOOD, ("p", None, "int", "1", LAST, "OK", None)]),
    "data type NULL": ("INTEGER", [*GOOD, ("p", "d", None, "1", LAST, "OK", None)]),
    "data value NULL": ("INTEGER", [*GOOD, ("p", "d", "int", None, LAST, "OK", None)]),
    "timestamp NULL": ("INTEGER", [*GOOD, at(None)]),
    "timestamp text": ("INTEGER", [*GOOD, at("soon")]),
    "timestamp empty": ("INTEGER", [*GOOD, at("")]),
    "timestamp infinite": ("REAL", [*GOOD, at(float("inf"))]),
    "timestamp -infinite": ("REAL", [*GOOD, at(float("-inf"))]),
    "timestamp 1e300": ("REAL", [*GOOD, at(1e300)]),
    "timestamp blob": ("", [*GOOD, at(b"\xff\x00")]),
    "a float among numbers": ("", [*GOOD, at(LAST + 0.5)]),
    "ISO": ("TEXT", ISO),
    "ISO with a wrong month": ("TEXT", [*ISO, at("2024-13-45")]),
    "year 9999": ("TEXT", [*ISO, at("9999-12-31T23:59:59Z")]),
    "year 1": ("TEXT", [*ISO, at("0001-01-01T00:00:00Z")]),
    "status NULL": ("INTEGER", [*GOOD, ("p", "d", "int", "1", LAST, None, None)]),
    "all NULL": ("INTEGER", [*GOOD, (None,) * 7]),
    "process NULL and an error": ("INTEGER", [*GOOD, (None, None, None, None, LAST, "ERROR", "E: x")]),
    "blobs": ("INTEGER", [*GOOD, (b"\xff", b"\xff\x00", b"\x80", b"\xfe", LAST, b"\xff", b"\xff")]),
    "numbers as texts": ("INTEGER", [*GOOD, (1, 2.5, 3, 1e308, LAST, 4, 5)]),
    "5 MB": ("INTEGER", [*GOOD, ("p", "d", "str", "x" * 5_000_000, LAST, "OK", None)]),
    "50 MB": ("INTEGER", [*GOOD, ("p", "d", "str", "x" * 50_000_000, LAST, "OK", None)]),
    "50 MB name": ("INTEGER", [*GOOD, ("p", "x" * 50_000_000, "str", "1", LAST, "OK", None)]),
    "not UTF-8": ("INTEGER", GOOD),
}
NOT_UTF8 = (
    "INSERT INTO data_trace VALUES (CAST(x'ff41' AS TEXT), CAST(x'c328' AS TEXT), 'int', CAST(x'ff' AS TEXT),"
    " 1700000060, 'ERROR', CAST(x'ff' AS TEXT))"
)


def made(path: Path, type_: str, rows: list[tuple[Any, ...]], *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS data_trace ({COLUMNS.format(type_)})")
        connection.executemany("INSERT INTO data_trace VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def every_rule(folder: Path) -> None:
    """A rule of each kind over everything, and more with other settings."""
    lines = []
    for number, settings_ in enumerate(
        [
            *({**rules.smallest(kind)} for kind in KINDS),
            {"kind": "value", "below": 5},
            {"kind": "stale", "threshold": 1},
        ]
    ):
        table = parsing.rule_table(parsing.parse_rule({"name": f"r{number}", "no_data": "alert", **settings_}, "file"))
        lines.append("[[rule]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in table.items()))
    (folder / sources.NAME).write_text("\n".join(lines))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f"{value!r}".replace("'", '"')


@contextmanager
def watching(log: Path) -> Iterator[list[str]]:
    """Watch `log` in a thread; the sentences that it reports."""
    said: list[str] = []
    stop = threading.Event()
    thread = threading.Thread(target=loop.watch, args=(log, stop, said.append), kwargs={"tick_s": 0.02})
    thread.start()
    try:
        yield said
        assert thread.is_alive(), said
    finally:
        stop.set()
        thread.join(TIMEOUT_S)


def evaluated_to(log: Path, newest: int) -> bool:
    """Whether all rules were evaluated up to this row, in time."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        with closing(ledger.open_ledger(log)) as connection:
            ranges = ledger.evaluated_ranges(connection)
            if len(ranges) == len(KINDS) + 2 and {range_.up_to_id for range_ in ranges.values()} == {newest}:
                return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("name", LOGS)
def test_the_watcher_follows_any_log_and_questions_answer(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "trace.db"
    type_, rows = LOGS[name]
    made(log, type_, rows, *[NOT_UTF8] * (name == "not UTF-8"))
    every_rule(tmp_path)
    newest = len(rows) + (name == "not UTF-8")
    with watching(log) as said:
        assert evaluated_to(log, newest), said
        made(log, type_, [("p", "e", "int", "7", START_S + 100 + n, "OK", None) for n in range(3)])
        assert evaluated_to(log, newest + 3), said
    with closing(ledger.open_ledger(log)) as connection:
        stale = {transition.labels for _, transition in ledger.transitions(connection, rule=f"r{len(KINDS) + 1}")}
    assert any('"data":"e"' in labels for labels in stale)
    assert not any("unexpected" in sentence or "skipped" in sentence for sentence in said), said
    for question in ("overview.summary", "values.streaks", "overview.recent_errors"):
        window = ["--from", "first", "--to", "last", "--format", "csv"]
        assert main(["ask", question, "--log", str(log), *window]) == 0, capsys.readouterr().err


CELLS = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=5), st.binary(max_size=5),
    st.sampled_from(["", "1e308", "-1e308", "nan", "inf", START_S, float(START_S), "2026-01-01", "OK", "ERROR", ":"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[CELLS] * 7), max_size=30), st.sampled_from([10, None]))
def test_no_cell_stops_the_evaluation_or_skips_a_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], first: int | None
) -> None:
    log = tmp_path_factory.mktemp("cells") / "trace.db"
    made(log, "", rows[:first])
    every_rule(log.parent)
    with closing(Follower(log)) as follower:
        follower.tick((START_S + 1_000) * SECOND)
        made(log, "", [] if first is None else rows[first:])
        follower.tick((START_S + 2_000) * SECOND)
        assert follower.failed == {}
        assert follower.at_id == len(rows)
        assert not {"skipped", "unreadable"} & follower.counts.by_reason.keys()
    with closing(Follower(log)) as follower:
        follower.tick((START_S + 3_000) * SECOND)
        assert follower.failed == {}
