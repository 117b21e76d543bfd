"""The sealer puts each row of the log into exactly one piece, with its self time and its caller."""

import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from obs_core import subprocesses
from obs_core.archive.limits import Limits
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.archive.rollups import DAY_NS, GAMMA, SLOT
from obs_core.archive.sealed_log import SealedLog
from obs_core.archive.sealing import Sealing
from obs_core.clock import HOUR, SECOND
from obs_core.model import Row
from tests.support.archives import append, command, differences, logged, mixed, pieces, seal, statement
from tests.support.table import START_NS


def self_time_and_caller(rows: list[dict[str, Any]]) -> dict[int, tuple[int | None, set[str]]]:
    """By id of a call: its duration without the union of its children, and the names of its possible parents."""
    calls = [row for row in rows if row["kind"] == "call"]
    answers = {}
    for call in calls:
        key = (call["trace_id"], call["span_id"])
        children = [
            other for other in calls
            if other["trace_id"] is not None
            and (other["trace_id"], other["parent_span_id"]) == key and other is not call
        ]  # fmt: skip
        spent = None
        if call["duration_ns"] is not None:
            end = call["timestamp"] + call["duration_ns"]
            covered, reached = 0, call["timestamp"]
            for child in sorted(children, key=lambda child: child["timestamp"]):
                if child["duration_ns"] is not None:
                    start = max(child["timestamp"], reached)
                    stop = min(child["timestamp"] + child["duration_ns"], end)
                    covered += max(stop - start, 0)
                    reached = max(reached, stop)
            spent = call["duration_ns"] - covered
        parents = {
            other["function"] or other["data"] for other in calls
            if call["trace_id"] is not None and other is not call
            and (other["trace_id"], other["span_id"]) == (call["trace_id"], call["parent_span_id"])
        }  # fmt: skip
        answers[call["id"]] = (spent, parents)
    return answers


@pytest.mark.parametrize("batch_rows", [37, 60_000])
def test_every_row_but_the_newest_is_sealed_once_with_all_its_cells(path: Path, batch_rows: int) -> None:
    seal(path, "--everything", "--batch-rows", str(batch_rows))
    with Manifest(folder_of(path)) as manifest:
        sealed = manifest.sealed()
    assert sealed
    assert (sealed.from_id, sealed.until_id, sealed.older_ns) == (0, 399, None)
    assert not differences(path)
    expected = self_time_and_caller(logged(path, 400))
    for row in pieces(path):
        spent, parents = expected.get(row["id"], (None, set()))
        assert (row["duration_ns"] is not None) == (spent is not None)
        assert (row["covered_ns"] or 0) == (row["duration_ns"] or 0) - (spent or 0)
        assert (row["caller"] in parents) if parents else row["caller"] is None


def test_rollups_say_what_the_rows_say(path: Path) -> None:
    seal(path)
    rows = logged(path, 399)
    for slot in pieces(path, "r_rows"):
        mine = [
            row for row in rows
            if row["timestamp"] // SLOT == slot["slot"]
            and (row["process_group"], row["process"]) == (slot["process_group"], slot["process"])
        ]  # fmt: skip
        kinds = [row["kind"] for row in mine]
        assert (slot["rows"], slot["calls"], slot["readings"], slot["logs"]) == (
            len(mine), *(kinds.count(kind) for kind in ("call", "value", "log")),
        )  # fmt: skip
        assert slot["errors"] == sum(row["kind"] == "call" and row["status"] == "ERROR" for row in mine)
        assert (slot["first_ns"], slot["last_ns"]) == (mine[0]["timestamp"], mine[-1]["timestamp"])
    for hour in pieces(path, "r_calls"):
        mine = [
            row for row in rows
            if row["kind"] == "call" and row["timestamp"] // HOUR == hour["slot"]
            and all(row[name] == hour[name] for name in ("process_group", "function", "data"))
        ]  # fmt: skip
        durations = sorted(row["duration_ns"] for row in mine if row["duration_ns"] is not None)
        assert (hour["calls"], hour["timed"], hour["sum_ns"] or 0) == (len(mine), len(durations), sum(durations))
        assert (hour["min_ns"], hour["max_ns"]) == ((durations[0], durations[-1]) if durations else (None, None))
        buckets = [key for key, n in zip(hour["keys"] or (), hour["counts"] or (), strict=True) for _ in range(n)]
        for duration, key in zip(durations, buckets, strict=True):
            assert 2 * GAMMA**key / (GAMMA + 1) == pytest.approx(duration, rel=0.010_000_1)
    for what, unit_ns in (("r_values", HOUR), ("d_values", DAY_NS)):
        slots = pieces(path, what)
        assert sum(slot["readings"] for slot in slots) == sum(row["kind"] == "value" for row in rows)
        for slot in slots:
            mine = [
                row for row in rows
                if row["kind"] == "value" and row["timestamp"] // unit_ns == slot["slot"]
                and all(row[name] == slot[name] for name in ("process_group", "process", "data"))
            ]  # fmt: skip
            newest = max(mine, key=lambda row: (row["timestamp"], row["id"]))
            names = {"ns": "timestamp", "id": "id", "type": "data_type", "text": "data_value"}
            assert slot["readings"] == len(mine)
            assert slot["newest"] == {name: newest[column] for name, column in names.items()}
            assert (slot["typed"], slot["texted"], slot["numbered"]) == (None, None, None)  # the newest has all
    traces = {row["trace_id"] for row in rows if row["kind"] == "call" and row["trace_id"] is not None}
    assert {row["trace_id"] for row in pieces(path, "r_traces")} == traces


@pytest.mark.parametrize("now_ns", [0, START_NS + 90 * DAY_NS])
def test_the_children_of_a_long_call_count_however_many_rows_are_in_between(tmp_path: Path, now_ns: int) -> None:
    children = [
        Row(
            "call", "p", "child", START_NS + number * HOUR, trace_id="t", span_id=f"c{number}", parent_span_id="long",
            duration_ns=number * SECOND,
        )
        for number in range(1, 60)
    ]  # fmt: skip
    others = mixed(2_000, step_ns=100 * SECOND)
    long = Row("call", "p", "long", START_NS + 5, trace_id="t", span_id="long", duration_ns=70 * HOUR)
    path = append(tmp_path / "x.db", [*children, *others, long, *mixed(9, first=2_000)])
    limits = Limits(batch_rows=150, look=20, day_rows=500)
    with closing(SealedLog(path, memory_mb=200)) as log, closing(Sealing(log, folder_of(path), limits, now_ns)) as one:
        for _ in one.steps(everything=True):
            pass
    [covered] = [row["covered_ns"] for row in pieces(path) if row["span_id"] == "long"]
    assert covered == sum(range(1, 60)) * SECOND


def test_the_newest_rows_are_sealed_first(path: Path) -> None:
    steps = seal(path, "--everything", "--batch-rows", "150")
    assert [step["ids"] for step in steps if step["action"] == "sealed"] == [[249, 399], [99, 399], [0, 399]]


def test_the_time_of_the_latest_row_that_is_not_sealed_is_known_while_older_rows_are_missing(path: Path) -> None:
    append(path, [Row("call", "late", "f", START_NS), *mixed(10, first=1_000)])  # id 401 is a late row
    statement(path, "UPDATE data_trace SET timestamp = timestamp + 1000 WHERE id = 5")
    seen = []
    for _ in range(3):
        _killed_after_one_step(path)
        with Manifest(folder_of(path)) as manifest:
            sealed = manifest.sealed()
            assert sealed
            older = [row["timestamp"] for row in logged(path, sealed.from_id)]
            assert sealed.older_ns == (max(older) if older else None)
            seen.append(sealed.from_id)
    assert seen == [260, 110, 0]


def _killed_after_one_step(path: Path) -> None:
    sealer = subprocess.Popen(
        command(path, "--everything", "--batch-rows", "150"), stdout=subprocess.PIPE, env=subprocesses.environment()
    )
    assert sealer.stdout
    with sealer.stdout:
        sealer.stdout.readline()
        sealer.kill()
    sealer.wait()


def test_rows_are_sealed_when_they_were_in_the_log_for_some_time(path: Path) -> None:
    assert seal(path, "--settle-s", "3600") == []  # 400 rows: all may still belong to open calls
    seal(path, "--settle-s", "0", "--forward-rows", "1")
    with Manifest(folder_of(path)) as manifest:
        assert (manifest.sealed() or pytest.fail("nothing is sealed")).until_id == 399
    append(path, mixed(50, first=400))
    assert seal(path, "--settle-s", "3600", "--forward-rows", "1") == []
    assert seal(path, "--settle-s", "0", "--forward-rows", "1000") == []
    assert [step["rows"] for step in seal(path, "--settle-s", "0", "--forward-rows", "50")][:1] == [50]
    assert not differences(path)


def test_a_day_that_is_over_becomes_one_piece_of_each_kind(path: Path) -> None:
    steps = seal(path, "--everything", "--batch-rows", "50")
    assert [step["action"] for step in steps].count("closed") == 3
    with Manifest(folder_of(path)) as manifest:
        for what in ("rows", "r_rows", "r_calls", "r_traces"):
            assert [piece.day for piece in manifest.pieces(what)] == [START_NS // DAY_NS + day for day in range(3)]
    assert seal(path) == []
    append(path, [Row("call", "late", "f", START_NS + SECOND), Row("call", "late", "f", START_NS + 2 * SECOND)])
    assert [(step["action"], step["rows"]) for step in seal(path)] == [("sealed", 2), ("closed", 145), ("closed", 112)]
    assert not differences(path)


def test_rows_that_are_superseded_later_leave_the_archive(path: Path) -> None:
    append(path, [Row("call", "p", "open", START_NS, trace_id="open", span_id=f"o{number}") for number in range(5)])
    seal(path, "--everything")
    append(
        path,
        [Row("call", "p", "open", START_NS, trace_id="open", span_id=f"o{n}", duration_ns=9) for n in range(3)],
    )
    assert statement(path, "SELECT count(*) FROM superseded") == [(3,)]
    assert "corrected" in {step["action"] for step in seal(path)}
    assert not differences(path)
    assert seal(path) == []


def test_text_that_is_not_utf_8_is_sealed_with_replacement_characters(path: Path) -> None:
    # A valid text above ASCII comes first: after it DuckDB does not check the texts that it copies.
    statement(
        path, "UPDATE data_trace SET data = CAST(x'62c3' AS TEXT), exception = CAST(x'ff00' AS TEXT) WHERE id = 50"
    )
    seal(path)
    [row] = [row for row in pieces(path) if row["id"] == 50]
    assert (row["data"], row["exception"]) == ("b\ufffd", "\ufffd\0")
    assert sorted(row["id"] for row in pieces(path)) == list(range(1, 400))


def test_numbers_at_the_ends_of_64_bits_and_times_before_1970_survive(tmp_path: Path) -> None:
    rows = [Row("call", "p", "f", time, duration_ns=time) for time in (-(2**63), -1, 0, 2**63 - 1)]
    path = append(tmp_path / "x.db", [*rows, Row("call", "p", "f", 0)])
    seal(path)
    assert not differences(path)


def test_the_archive_of_another_log_is_made_again(path: Path) -> None:
    seal(path)
    path.unlink()
    append(path, mixed(500, start_ns=START_NS + SECOND))
    steps = seal(path)
    assert steps[0]["action"] == "the archive was of another log and is made again"
    assert not differences(path)


def test_a_clock_that_jumps_ahead_and_back_seals_each_row_once(path: Path) -> None:
    limits, first = Limits(batch_rows=90, forward_rows=1, look=100), 400
    for now in (START_NS, 2**62, 0, START_NS + 3_600 * SECOND, 2**62):
        append(path, mixed(30, first=first))
        first += 30
        with closing(SealedLog(path, memory_mb=200)) as log, closing(Sealing(log, folder_of(path), limits, now)) as one:
            list(one.steps())
        assert not differences(path)
    seal(path)
    assert [row["id"] for row in sorted(pieces(path), key=lambda row: row["id"])] == list(range(1, first))
    assert not differences(path)
