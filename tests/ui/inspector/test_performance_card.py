"""The measures of one function: with units, compared with the window before, noise not marked."""

import math

import numpy as np
import pandas as pd

from obs_core.ui.inspector import performance_card
from obs_core.ui.inspector.performance_card import MEASURES, change, table

NOW = {
    "calls": np.int64(1_000),
    "errors": np.int64(100),
    "error_rate": 0.1,
    "mean_ms": 12.345,
    "p50_ms": 10.0,
    "p95_ms": 20.0,
    "p99_ms": 30.0,
    "min_ms": 0.5,
    "max_ms": 1234.5,
    "self_ms": 9000.0,
    "memory_mean": math.nan,
}
BEFORE = NOW | {"errors": np.int64(20), "error_rate": 0.02, "p95_ms": 10.0}
ERROR_RATE = next(measure for measure in MEASURES if measure.column == "error_rate")
P95 = next(measure for measure in MEASURES if measure.column == "p95_ms")


def test_every_measure_has_its_line_with_a_unit() -> None:
    html = table(NOW, {})
    for text in ("1,000", "10 %", "12.3 ms", "1.23 s", "9.00 s"):
        assert f"<td>{text}</td>" in html


def test_what_was_not_measured_is_not_zero() -> None:
    html = table({"calls": 3, "memory_mean": pd.NA}, {})
    assert html.count("<td>not measured</td>") == 2
    assert html.count("<td>\N{EN DASH}</td>") == 2 * len(MEASURES) - 3
    assert ">0" not in html


def test_a_change_is_given_in_percent_of_what_was_before() -> None:
    assert change(P95, NOW, BEFORE) == "+100%"
    assert change(P95, NOW, {}) == ""
    assert change(P95, NOW, {"p95_ms": 0.0}) == ""


def test_a_change_is_marked_when_it_is_notable_and_five_percent_or_more() -> None:
    assert "worse" in change(ERROR_RATE, NOW | {"error_rate_notable": True}, BEFORE)
    assert "better" in change(P95, BEFORE | {"p95_notable": True}, NOW)
    assert change(ERROR_RATE, NOW | {"error_rate_notable": False}, BEFORE) == "+400%"
    slight = {"p95_ms": 20.9, "p95_notable": True}
    assert change(P95, slight, NOW) == "+4%"
    assert change(P95, slight | {"p95_ms": 21.1}, NOW) != "+5%"


def test_the_note_below_the_table_explains_the_rule() -> None:
    assert performance_card.RULE.startswith("Marked changes are at least 5% and statistically significant")
    assert "4 standard errors" in performance_card.RULE
