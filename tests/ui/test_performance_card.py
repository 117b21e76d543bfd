"""The figures of one function: written with units, compared with the window before, noise not called a change."""

import math

import numpy as np
import pandas as pd
import pytest

from obs_core.ui import performance_card
from obs_core.ui.performance_card import MEASURES, change, error_rate_z, table

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
    for words in ("1,000", "10 %", "12.3 ms", "1.23 s", "9.00 s"):
        assert f"<td>{words}</td>" in html


def test_what_was_not_measured_is_not_zero() -> None:
    html = table({"calls": 3, "memory_mean": pd.NA}, {})
    assert html.count("<td>\N{EN DASH}</td>") == 2 * len(MEASURES) - 1
    assert ">0" not in html


def test_a_change_is_given_in_percent_of_what_was_before() -> None:
    assert change(P95, NOW, BEFORE) == "+100%"
    assert change(P95, NOW, {}) == ""
    assert change(P95, NOW, {"p95_ms": 0.0}) == ""


def test_an_error_rate_is_marked_only_beyond_noise() -> None:
    assert "worse" in change(ERROR_RATE, NOW, BEFORE)
    assert "better" in change(ERROR_RATE, BEFORE, NOW)
    few = {"calls": 10, "errors": 1, "error_rate": 0.1}
    assert change(ERROR_RATE, few, few | {"errors": 2, "error_rate": 0.2}) == "-50%"


def test_the_test_of_two_proportions_is_the_textbooks() -> None:
    """NIST/SEMATECH e-Handbook, 7.3.3: pooled proportion, z = difference over its standard error."""
    pooled = 120 / 2_000
    z = (0.1 - 0.02) / math.sqrt(pooled * (1 - pooled) * (2 / 1_000))
    assert error_rate_z(NOW, BEFORE) == pytest.approx(z)
    assert error_rate_z(NOW | {"errors": 0, "error_rate": 0.0}, BEFORE | {"errors": 0, "error_rate": 0.0}) == 0.0


def test_the_noise_limit_stands_in_the_sentence_under_the_table() -> None:
    assert performance_card.NOISE == 3.0
