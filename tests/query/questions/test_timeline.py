"""Rows over time, by status and duration, against a count in Python."""

import math
from collections import Counter

import pytest

from obs_core.clock import SECOND, Window
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.questions import timeline
from tests.support import table

DURATIONS = (None, 0, 1, 2, 4, 5, 9, 10, 1_999_999, 2_000_000, 49_999_999, 50_000_000, 10**12)
ROWS = [
    Row(
        "call" if at % 3 else "value",
        f"p{at % 2}",
        f"f{at % 4}",
        table.START_NS + at * SECOND,
        status="ERROR" if at % 5 == 0 else "OK",
        duration_ns=DURATIONS[at % len(DURATIONS)],
    )
    for at in range(90)
]
WINDOW = Window(table.START_NS, table.START_NS + 80 * SECOND)


def lowest_ms(duration_ns: int | None) -> float | None:
    """The largest of 1, 2, 5, 10 … nanoseconds that is not above the duration."""
    if not duration_ns:
        return None
    starts = [digit * int(f"1{'0' * power}") for power in range(14) for digit in (1, 2, 5)]
    return max(start for start in starts if start <= duration_ns) / 1e6


@pytest.mark.parametrize(
    "row_filter",
    [
        ALL_ROWS,
        RowFilter(status="ERROR"),
        RowFilter(process="p1", kind="call", function="f1"),
        RowFilter(min_ms=2.0, max_ms=50.0),
        RowFilter(search="f3"),
    ],
)
def test_every_matching_row_is_counted_in_its_slice_and_class(engine: Engine, row_filter: RowFilter) -> None:
    table.store(engine.log, ROWS)
    answer = timeline.rows(engine, WINDOW, row_filter=row_filter)
    step = answer.attrs["step_ns"]
    expected: Counter[tuple[int, float | None, bool]] = Counter()
    for row in ROWS:
        fits = (
            row.timestamp < WINDOW.to_ns
            and row_filter.status in (None, row.status)
            and row_filter.process in (None, row.process)
            and row_filter.kind in (None, row.kind)
            and row_filter.function in (None, row.data)
            and (row_filter.search or "") in row.data
            and (row_filter.min_ms is None or 2_000_000 <= (row.duration_ns or 0) <= 50_000_000)
        )
        if fits:
            expected[row.timestamp // step * step, lowest_ms(row.duration_ns), row.status == "ERROR"] += 1
    counted = {
        (start, None if math.isnan(low) else round(low, 9), failed): rows
        for start, low, failed, rows in answer[["bucket_ns", "from_ms", "failed", "rows"]].itertuples(index=False)
    }
    assert counted == {
        (start, low if low is None else round(low, 9), failed): rows for (start, low, failed), rows in expected.items()
    }
    assert not answer.attrs["newest"]
    assert (answer["end_ns"] - answer["bucket_ns"] == step).all()
