"""The Overview's numbers on recorded traces are those that plain Python counted, for every window that it offers."""

from collections import Counter
from pathlib import Path

import pytest

from obs_core.clock import now_ns
from obs_core.model import Row
from obs_core.ui.shell.time_picker import PRESETS
from tests.pages.conftest import Opened, page_text
from tests.support import data, recorded, table

REFERENCE = data.reference("otel-demo", "queries.json")
LATEST = int(REFERENCE["latest_start_ns"])
UNITS = {"5m": "last_5m", "15m": "last_15m", "1h": "last_1h", "6h": "last_6h", "24h": "last_24h", "7d": "last_24h"}


def stored(path: Path, *, shifted_ns: int = 0) -> list[Row]:
    """The recorded shop, its newest call `shifted_ns` later than it was."""
    rows = [row._replace(timestamp=row.timestamp + shifted_ns) for row in recorded.calls("otel-demo")]
    table.store(path, rows)
    return rows


def expected(name: str) -> str:
    return f"{REFERENCE[name]['errors']} of {REFERENCE[name]['rows']} calls"


@pytest.mark.parametrize(
    "preset", [*(f"last-{length}" for length in PRESETS if length in UNITS), "last-10s", "last-1m"]
)
def test_a_window_before_the_logs_end_counts_as_the_reference(preset: str, log_path: Path, opened: Opened) -> None:
    stored(log_path)
    length = preset.removeprefix("last-")
    name = UNITS.get(length, f"last_{length}")
    text = page_text(opened("overview", **{"from": preset, "to": "last"}))
    assert expected(name) in text


@pytest.mark.parametrize("preset", [f"now-{length}" for length in PRESETS if length in UNITS])
def test_a_window_before_now_counts_as_the_reference(preset: str, log_path: Path, opened: Opened) -> None:
    stored(log_path, shifted_ns=now_ns() - LATEST)
    assert expected(UNITS[preset.removeprefix("now-")]) in page_text(
        opened("overview", **{"from": preset, "to": "now"})
    )


def test_a_custom_window_counts_what_lies_in_it(log_path: Path, opened: Opened) -> None:
    rows = stored(log_path)
    start, end = LATEST // 10**6 - 20_000, LATEST // 10**6 - 5_000
    inside = [row for row in rows if start * 10**6 <= row.timestamp < end * 10**6]
    failed = [row for row in inside if row.status == "ERROR"]
    assert 0 < len(failed) < len(inside) < len(rows)
    text = page_text(opened("overview", **{"from": str(start), "to": str(end)}))
    assert f"{len(failed)} of {len(inside)} calls" in text


def test_groups_and_latest_errors_are_the_references(log_path: Path, opened: Opened) -> None:
    stored(log_path)
    _, newest, groups, *_ = (frame.value for frame in opened("overview").dataframe)
    counted: Counter[str] = Counter()
    for line in recorded.table(data.trace_file("otel-demo", "ref/per_group_operation.csv")):
        counted[line["process_group"]] += int(line["count"])
    assert dict(zip(groups["Group"], groups["Calls"], strict=True)) == dict(counted)
    latest = REFERENCE["latest_10_errors"]
    assert newest["Data"].tolist() == [error["operation"] for error in latest]
    for shown, error in zip(newest["Exception"], latest, strict=True):
        assert error["exc_type"] in shown or not error["exc_type"]
