"""Histograms become series of count, sum and percentiles; expectations are numpy's, of the observed values."""

import json
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from obs_core.ingest.formats import otlp_json
from obs_core.ingest.formats.protobuf import messages
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row

T = 1_700_000_000_000_000_000
VALUES = np.random.default_rng(7).lognormal(3, 1, 5_000)
BOUNDS = [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0]
EXEMPLAR = {
    "asDouble": 4.5, "timeUnixNano": str(T), "traceId": "a" * 32, "spanId": "b" * 16,
    "filteredAttributes": [{"key": "user", "value": {"stringValue": "x"}}],
}  # fmt: skip
POINT = {
    "timeUnixNano": str(T), "count": str(len(VALUES)), "sum": float(VALUES.sum()), "min": float(VALUES.min()),
    "max": float(VALUES.max()), "exemplars": [EXEMPLAR],
    "attributes": [{"key": "route", "value": {"stringValue": "/"}}],
}  # fmt: skip
COUNTS = np.bincount(np.searchsorted(BOUNDS, VALUES), minlength=len(BOUNDS) + 1)
EXPLICIT = {**POINT, "explicitBounds": BOUNDS, "bucketCounts": [str(count) for count in COUNTS]}
_INDEXES: Any = np.ceil(np.log2(VALUES) * 2**3).astype(int) - 1
EXPONENTIAL = {
    **POINT, "scale": 3, "zeroCount": "0",
    "positive": {
        "offset": int(_INDEXES.min()), "bucketCounts": [str(count) for count in np.bincount(_INDEXES - _INDEXES.min())],
    },
}  # fmt: skip


def document(kind: str, *points: dict[str, Any]) -> dict[str, Any]:
    temporality = {} if kind == "summary" else {"aggregationTemporality": 2}
    metric = {"name": "took", "unit": "ms", kind: {**temporality, "dataPoints": list(points)}}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


def read(kind: str, *points: dict[str, Any]) -> list[Row | Refused]:
    return list(otlp_json.rows(document(kind, *points), 1))


@pytest.mark.parametrize(("kind", "point"), [("histogram", EXPLICIT), ("exponentialHistogram", EXPONENTIAL)])
def test_a_histogram_is_a_count_a_sum_and_percentiles_within_their_buckets(kind: str, point: dict[str, Any]) -> None:
    rows = [row for row in read(kind, point) if isinstance(row, Row)]
    assert [row.data for row in rows] == [f"took.{name}{{route=/}}" for name in ("count", "sum", "p50", "p95", "p99")]
    assert {(row.kind, row.timestamp) for row in rows} == {("value", T)}
    assert rows[0].data_value == str(len(VALUES))
    assert float(rows[1].data_value or "") == pytest.approx(VALUES.sum())
    for row, percent in zip(rows[2:], (50, 95, 99), strict=True):
        lower, upper = json.loads(row.attributes or "")["metric"]["between"]
        exact = np.percentile(VALUES, percent)
        assert lower <= exact <= upper
        assert abs(float(row.data_value or "") - exact) <= upper - lower
    about = json.loads(rows[0].attributes or "")
    assert about["links"] == [{"trace_id": "a" * 32, "span_id": "b" * 16}]
    [exemplar] = about["metric"]["exemplars"]
    assert (exemplar["value"], exemplar["attributes"]) == (4.5, {"user": "x"})
    assert ("bucketCounts" in about["metric"]) is (kind == "histogram")


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("histogram", EXPLICIT),
        ("exponentialHistogram", EXPONENTIAL),
        ("sum", {"asDouble": 1.5, "timeUnixNano": str(T), "exemplars": [EXEMPLAR]}),
        (
            "summary",
            {"timeUnixNano": str(T), "count": "4", "sum": 0, "quantileValues": [{"quantile": 0, "value": 0}]},
        ),
    ],
)
def test_protobuf_and_json_give_the_same_series(kind: str, point: dict[str, Any]) -> None:
    source = document(kind, point)
    as_json = [row for row in otlp_json.rows(source, 1) if isinstance(row, Row)]
    text = json.dumps(source).replace("a" * 32, "qqqqqqqqqqqqqqqqqqqqqg==").replace("b" * 16, "u7u7u7u7u7s=")
    request = json_format.Parse(text, ExportMetricsServiceRequest())
    as_protobuf = [row for row in messages.rows(request) if isinstance(row, Row)]
    for mine, its in zip(as_json, as_protobuf, strict=True):
        assert mine._replace(attributes=None) == its._replace(attributes=None)
        assert json.loads(mine.attributes or "") == json.loads(its.attributes or "")


@pytest.mark.parametrize(
    "point",
    [
        {"count": "many"},
        {"count": "2", "bucketCounts": ["1"], "explicitBounds": [1, 2]},
        {"count": "2", "bucketCounts": ["x", "1"], "explicitBounds": [1]},
        {"count": "2", "scale": 99, "positive": {"bucketCounts": ["2"]}},
        {"count": "2", "scale": -20, "positive": {"offset": 2**31, "bucketCounts": ["2"]}},
        {"count": "2", "explicitBounds": ["x"], "bucketCounts": ["1", "1"]},
    ],
)
def test_a_histogram_that_cant_be_read_is_refused(point: dict[str, Any]) -> None:
    [refused] = read("histogram", {"timeUnixNano": str(T), **point})
    assert isinstance(refused, Refused)
    assert "took has counts or bounds that are not numbers" in refused.why


def test_histograms_without_values_or_buckets_have_no_percentiles() -> None:
    points: tuple[dict[str, Any], ...] = (
        {"count": "0", "sum": 0, "bucketCounts": ["0", "0"], "explicitBounds": [1]},
        {"count": "3", "sum": 5.5},
        {"flags": 1},
    )
    parts = [read("histogram", {"timeUnixNano": str(T), **point}) for point in points]
    names = [[part.data for part in point if isinstance(part, Row)] for point in parts]
    assert names == [["took.count", "took.sum"], ["took.count", "took.sum"], ["took.count"]]


SUMMARY = {
    "timeUnixNano": str(T), "count": "40", "sum": 61.5, "attributes": POINT["attributes"],
    "quantileValues": [
        {"quantile": quantile, "value": value} for quantile, value in ((0, 1), (0.5, 2.5), (0.999, 7), (1, "Infinity"))
    ],
}  # fmt: skip


def test_a_summary_is_a_count_a_sum_and_its_quantiles() -> None:
    rows = [row for row in read("summary", SUMMARY) if isinstance(row, Row)]
    expected = {"count": "40", "sum": "61.5", "min": "1.0", "p50": "2.5", "p99.9": "7.0", "max": "Infinity"}
    assert {row.data: row.data_value for row in rows} == {
        f"took.{name}{{route=/}}": value for name, value in expected.items()
    }
    missing = [row for row in read("summary", SUMMARY | {"flags": 1}) if isinstance(row, Row)]
    assert [row.data_value for row in missing] == [""] * 6


@pytest.mark.parametrize(
    "point",
    [
        {"count": "many"},
        {"quantileValues": [{"quantile": 99, "value": 1}]},
        {"quantileValues": [{"quantile": "NaN", "value": 1}]},
        {"quantileValues": [{"quantile": 0.5, "value": "high"}]},
    ],
)
def test_a_summary_that_cant_be_read_is_refused(point: dict[str, Any]) -> None:
    [refused] = read("summary", SUMMARY | point)
    assert isinstance(refused, Refused)
    assert "took has counts or quantiles that are not numbers" in refused.why
