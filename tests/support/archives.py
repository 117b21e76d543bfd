"""Logs with rows of all sorts, the real sealer, and the content of its files, for the tests of the archive."""

import json
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from obs_core import subprocesses
from obs_core.archive.limits import Limits
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.archive.sealed_log import SealedLog
from obs_core.archive.sealing import Sealing
from obs_core.clock import SECOND, now_ns
from obs_core.model import Row
from obs_core.store import log as store
from obs_core.store import sqlite
from obs_core.store.foreign import COLUMNS
from tests.support.table import START_NS


def mixed(count: int, *, start_ns: int = START_NS, step_ns: int = 600 * SECOND, first: int = 0) -> list[Row]:
    """Rows of all kinds over several days: traces of 7 rows, nested calls, failures, values, logs, odd texts."""
    rows = []
    for number in range(first, first + count):
        place_in_trace = number % 7
        kind = ("call", "call", "value", "call", "call", "log", "call")[place_in_trace]
        duration = (7 - place_in_trace) * step_ns // 2 + number if number % 13 else None
        rows.append(
            Row(
                kind, f"p{number % 3}", ("f\0", "ü", "a'b", "x")[number % 4], start_ns + number * step_ns,  # type: ignore[arg-type]
                process_group=None if number % 17 == 0 else f"g{number % 2}",
                data_type="int" if kind == "value" else None, data_value=str(number) if kind == "value" else None,
                status="ERROR" if number % 11 == 0 else "OK", exception="E: x" if number % 11 == 0 else None,
                trace_id=None if number % 19 == 0 else f"t{number // 7}", span_id=f"s{number}",
                parent_span_id=f"s{number - 1 - number % 2}" if place_in_trace else None,
                function=None if number % 5 == 0 else f"m.f{number % 6}",
                duration_ns=duration if kind == "call" else None,
                memory_delta=number if number % 4 == 0 else None,
            )
        )  # fmt: skip
    return rows


def append(path: Path, rows: Iterable[Row]) -> Path:
    connection = store.open_log(path, synchronous="OFF")
    with sqlite.transaction(connection):
        store.append(connection, list(rows))
    connection.close()
    return path


def statement(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite.connect(path, write=True)
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def command(path: Path, *options: str) -> list[str]:
    return subprocesses.command("obs_core.archive.sealer", str(path), *options)


def seal(path: Path, *options: str, code: int = 0) -> list[dict[str, Any]]:
    """Run the sealer to its end; return what it says. By default it seals everything, in batches of 60,000 rows."""
    done = subprocess.run(
        command(path, *(options or ("--everything",))),
        capture_output=True, text=True, env=subprocesses.environment(), check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def seal_without_close(path: Path, *, batch_rows: int) -> None:
    """Seal all rows but the newest, and close no day: as a sealer that is killed then."""
    limits = Limits(batch_rows=batch_rows)
    with closing(SealedLog(path, memory_mb=200)) as log, closing(Sealing(log, folder_of(path), limits, 0)) as sealing:
        assert {step.action for step in sealing.steps(everything=True)} == {"sealed"}  # no day is over at the time 0


def seal_here(path: Path, *, batch_rows: int) -> set[str]:
    """Seal all rows but the newest in this process, which has no lowered priority; return what was done."""
    limits = Limits(batch_rows=batch_rows)
    with (
        closing(SealedLog(path, memory_mb=200)) as log,
        closing(Sealing(log, folder_of(path), limits, now_ns())) as sealing,
    ):
        return {step.action for step in sealing.steps(everything=True)}


def pieces(path: Path, what: str = "rows") -> list[dict[str, Any]]:
    """The rows of all files of one kind, as dicts."""
    with Manifest(folder_of(path)) as manifest:
        files = [manifest.folder / piece.file for piece in manifest.pieces(what)]
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def logged(path: Path, up_to_id: int) -> list[dict[str, Any]]:
    """The rows of the log up to an id, as dicts."""
    rows = statement(path, f"SELECT {', '.join(COLUMNS)} FROM data_trace WHERE id <= {up_to_id} ORDER BY id")
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def prune(path: Path, up_to_id: int) -> None:
    """Delete the log's rows up to an id, which are sealed."""
    with Manifest(folder_of(path), write=True) as manifest:
        sealed = manifest.sealed()
        assert sealed
        last_ns = max(row["timestamp"] for row in logged(path, up_to_id))
        after = replace(sealed, pruned_id=up_to_id, pruned_ns=last_ns, pruned_at_ns=1)
        manifest.change(sealed, after, [], [], 0)
    statement(path, f"DELETE FROM data_trace WHERE id <= {up_to_id}")


def differences(path: Path, whole: Path | None = None) -> str:
    """What is wrong with the archive: rows missing, doubled or different, rollups that do not add up, stray files.

    `whole` is a log that still has the rows that were deleted from `path`.
    """
    with Manifest(folder_of(path)) as manifest:
        sealed, orphans = manifest.sealed(), manifest.orphans()
    assert sealed
    expected = [row for row in logged(whole or path, sealed.until_id) if row["id"] > sealed.from_id]
    archived = sorted(pieces(path), key=lambda row: row["id"])
    if [row["id"] for row in archived] != [row["id"] for row in expected]:
        return f"{len(archived)} rows for {len(expected)}"
    for row, other in zip(archived, expected, strict=True):
        if {name: row[name] for name in COLUMNS} != other:
            return f"{row} for {other}"
    counts = (
        sum(row["rows"] for row in pieces(path, "r_rows")),
        sum(row["calls"] for row in pieces(path, "r_rows")),
        sum(row["calls"] for row in pieces(path, "r_calls")),
        sum(sum(row["counts"] or ()) for row in pieces(path, "r_calls")),
        sum(row["calls"] for row in pieces(path, "r_traces")),
    )
    calls = [row for row in expected if row["kind"] == "call"]
    right = (
        len(expected),
        len(calls),
        len(calls),
        sum(row["duration_ns"] is not None for row in calls),
        sum(row["trace_id"] is not None for row in calls),
    )
    if counts != right:
        return f"rollups {counts} for {right}"
    return f"stray files: {orphans}" if orphans else ""
