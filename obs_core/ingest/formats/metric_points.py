"""Points of OTLP's metrics as values: of gauges and sums, and the series of histograms and summaries.

A histogram becomes `name.count`, `name.sum`, `name.p50`, `name.p95` and `name.p99`. A percentile is interpolated in its
bucket, so its error is at most the bucket's width, which is stored with it; the count has the buckets and exemplars.
A summary becomes `name.count`, `name.sum` and the quantiles that it has: 0 is `name.min`, 0.999 `name.p99.9`, 1
`name.max`. Source: opentelemetry-proto, metrics.proto; metrics data model, "ExponentialHistogram", "Summary".
"""

import math
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from obs_core.ingest.formats import spans
from obs_core.ingest.formats.import_format import Parts
from obs_core.ingest.formats.otlp_values import attributes_of, dict_of, double_of, list_of
from obs_core.ingest.formats.rows import Refused, hex_id, no_time, to_int, to_ns
from obs_core.ingest.formats.spans import MetricPoint, Origin
from obs_core.model import Row

NO_RECORDED_VALUE: Final = 1  # the flag of a point that has no number, metrics.proto DataPointFlags
HISTOGRAMS: Final = ("histogram", "exponentialHistogram")

_PERCENTILES: Final = (50, 95, 99)
_ENDS: Final = {0.0: "min", 1.0: "max"}  # metrics.proto, ValueAtQuantile
_NO_NUMBER: Final = "not a number"
_NOT_FINITE: Final = ("NaN", "Infinity", "-Infinity")
_MOST_BUCKETS: Final = 10_000
_LARGEST_SCALE: Final = 20  # of an exponential histogram, in the specification


class _Bucket(NamedTuple):
    lower: float
    upper: float
    size: int


class _Statistics(NamedTuple):
    """A point that becomes several values: `raw` in the shape of OTLP's JSON, and what its values have in common."""

    source: Origin
    name: str
    raw: Mapping[str, Any]
    about: dict[str, Any]
    links: Sequence[Mapping[str, Any]] = ()

    def value(self, statistic: str, number: float | str | None, **more: Any) -> Row:  # noqa: ANN401 - its details
        """One of the values; without a number where the point is flagged so."""
        is_missing = (to_int(self.raw.get("flags") or 0) or 0) & NO_RECORDED_VALUE
        attributes, time_ns = attributes_of(self.raw.get("attributes")), to_ns(self.raw.get("timeUnixNano")) or 0
        about, shown = {**self.about, **more}, None if is_missing else number
        return spans.point(
            self.source, MetricPoint(f"{self.name}.{statistic}", attributes, time_ns, shown, about, self.links)
        )


def rows(source: Origin, metric: Mapping[str, Any], line: int) -> Parts:
    """The values of one metric; points that can't be stored are `Refused`."""
    name = str(metric.get("name") or "")
    for kind in ("gauge", "sum", *HISTOGRAMS, "summary"):
        shape = dict_of(metric.get(kind))
        about = {"kind": kind, "unit": metric.get("unit"), "description": metric.get("description")}
        about |= {"monotonic": shape.get("isMonotonic"), "temporality": shape.get("aggregationTemporality")}
        about = {key: value for key, value in about.items() if value}
        for raw in list_of(shape.get("dataPoints")):
            if not to_ns(raw.get("timeUnixNano")):
                yield Refused(line, no_time("point", name, raw.get("timeUnixNano")))
            elif kind in HISTOGRAMS:
                yield from histogram(source, name, raw, about, line)
            elif kind == "summary":
                yield from _summary(source, name, raw, about, line)
            else:
                yield from _number_point(source, name, raw, about, line)


def exemplars_of(raw: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The exemplars of a point, and links to their calls."""
    exemplars, links = [], []
    for exemplar in list_of(raw.get("exemplars")):
        ids = {"trace_id": _id(exemplar.get("traceId"), 32), "span_id": _id(exemplar.get("spanId"), 16)}
        value = exemplar["asInt"] if exemplar.get("asInt") is not None else exemplar.get("asDouble")
        parts = {"value": double_of(value), "time_ns": to_ns(exemplar.get("timeUnixNano")), **ids}
        parts["attributes"] = attributes_of(exemplar.get("filteredAttributes"))
        exemplars.append({name: part for name, part in parts.items() if part not in (None, {})})
        if all(ids.values()):
            links.append(ids)
    return exemplars, links


def _id(value: object, length: int) -> str | None:
    """An id in hex; in base64 where a message became JSON."""
    text = str(value or "")
    if len(text) != length:
        with suppress(ValueError):
            text = b64decode(text, validate=True).hex()
    return hex_id(text, length)


def _number_point(source: Origin, name: str, raw: Mapping[str, Any], about: dict[str, Any], line: int) -> Parts:
    flags = to_int(raw.get("flags") or 0)
    number = None if flags and flags & NO_RECORDED_VALUE else _number(raw)
    if number == _NO_NUMBER or flags is None:
        yield Refused(line, f"a point of the metric {name[:80]} has a value or flags that are not a number")
        return
    exemplars, links = exemplars_of(raw)
    if exemplars:
        about = {**about, "exemplars": exemplars}
    time_ns = to_ns(raw.get("timeUnixNano")) or 0
    yield spans.point(source, MetricPoint(name, attributes_of(raw.get("attributes")), time_ns, number, about, links))


def _number(raw: Mapping[str, Any]) -> float | str | None:
    """The number of a point; None if it has none, `_NO_NUMBER` if that can't be read."""
    if raw.get("asInt") is not None:
        number = to_int(raw["asInt"])
        return _NO_NUMBER if number is None else number
    double = raw.get("asDouble")
    if double is None:
        return None
    read = double_of(double)
    return read if _is_double(read) else _NO_NUMBER


def _is_double(read: object) -> bool:
    """Whether this is what `double_of` makes of a number."""
    return isinstance(read, float) or read in _NOT_FINITE


def histogram(source: Origin, name: str, raw: Mapping[str, Any], about: dict[str, Any], line: int) -> Parts:
    """The values of one point of a histogram, in the shape of OTLP's JSON."""
    flags, count = to_int(raw.get("flags") or 0), to_int(raw.get("count") or 0)
    try:
        buckets = list(_exponential(raw) if "scale" in raw or "positive" in raw else _explicit(raw))
    except (TypeError, ValueError, OverflowError):
        buckets, count = [], None
    if count is None or flags is None:
        yield Refused(line, f"a point of the histogram {name[:80]} has counts or bounds that are not numbers")
        return
    exemplars, links = exemplars_of(raw)
    value = _Statistics(source, name, raw, about, links).value
    yield value("count", count, **_details(raw), **({"exemplars": exemplars} if exemplars else {}))
    if raw.get("sum") is not None:
        yield value("sum", double_of(raw["sum"]))
    for percent in _PERCENTILES if count and sum(bucket.size for bucket in buckets) else ():
        estimate, bucket = _percentile(buckets, percent / 100)
        yield value(f"p{percent}", estimate, between=[bucket.lower, bucket.upper])


def _summary(source: Origin, name: str, raw: Mapping[str, Any], about: dict[str, Any], line: int) -> Parts:
    """The values of one point of a summary, in the shape of OTLP's JSON."""
    flags, count = to_int(raw.get("flags") or 0), to_int(raw.get("count") or 0)
    pairs = [
        (double_of(pair.get("quantile") or 0), double_of(pair.get("value") or 0))
        for pair in list_of(raw.get("quantileValues"))
    ]
    readable = all(isinstance(quantile, float) and 0 <= quantile <= 1 for quantile, _ in pairs)
    if count is None or flags is None or not readable or not all(map(_is_double, (value for _, value in pairs))):
        yield Refused(line, f"a point of the summary {name[:80]} has counts or quantiles that are not numbers")
        return
    value = _Statistics(source, name, raw, about).value
    yield value("count", count)
    yield value("sum", double_of(raw.get("sum") or 0))
    for quantile, number in pairs:
        statistic = _ENDS.get(quantile) or f"p{quantile * 100:.12g}"
        yield value(statistic, number)


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The buckets of a point and its extremes, alike from JSON and from protobuf, which leaves out what is 0."""
    details = {
        "explicitBounds": [double_of(bound) for bound in raw.get("explicitBounds") or ()],
        "bucketCounts": _counts(raw.get("bucketCounts")),
        **{name: to_int(raw.get(name)) for name in ("scale", "zeroCount")},
        **{name: double_of(raw.get(name)) for name in ("zeroThreshold", "min", "max")},
    }
    for name in ("positive", "negative"):
        side = dict_of(raw.get(name))
        if counts := _counts(side.get("bucketCounts")):
            details[name] = {"offset": to_int(side.get("offset") or 0), "bucketCounts": counts}
    return {name: part for name, part in details.items() if part}


def _explicit(raw: Mapping[str, Any]) -> Iterator[_Bucket]:
    """The buckets of a histogram with explicit bounds; the outer ones end at the smallest and the largest value."""
    bounds, counts = [float(bound) for bound in raw.get("explicitBounds") or ()], _counts(raw.get("bucketCounts"))
    if len(counts) not in (0, len(bounds) + 1):
        raise ValueError("the counts do not match the bounds")
    least, most = _extremes(raw)
    first = bounds[0] if bounds else None
    lower = least if least is not None else min(0.0, first if first is not None else 0.0)
    upper = most if most is not None else bounds[-1] if bounds else lower
    edges = [min(lower, first) if first is not None else lower, *bounds, max(upper, bounds[-1]) if bounds else upper]
    for number, count in enumerate(counts):
        low, high = edges[number], edges[number + 1]
        yield _Bucket(low if least is None else max(low, least), high if most is None else min(high, most), count)


def _exponential(raw: Mapping[str, Any]) -> Iterator[_Bucket]:
    """The buckets of an exponential histogram, from the smallest value to the largest."""
    scale = to_int(raw.get("scale") or 0)
    if scale is None or abs(scale) > _LARGEST_SCALE:
        raise ValueError("the scale can't be read")
    threshold = float(raw.get("zeroThreshold") or 0)
    least, most = _extremes(raw)
    buckets = [
        *(_Bucket(-high, -low, count) for low, high, count in reversed(list(_side(raw.get("negative"), scale)))),
        _Bucket(-threshold, threshold, to_int(raw.get("zeroCount") or 0) or 0),
        *_side(raw.get("positive"), scale),
    ]
    for low, high, count in buckets:
        yield _Bucket(low if least is None else max(low, least), high if most is None else min(high, most), count)


def _side(side: object, scale: int) -> Iterator[_Bucket]:
    parts = dict_of(side)
    offset = to_int(parts.get("offset") or 0)
    if offset is None:
        raise ValueError("the offset can't be read")
    for number, count in enumerate(_counts(parts.get("bucketCounts")), offset):
        if count:
            yield _Bucket(2 ** (number * 2.0**-scale), 2 ** ((number + 1) * 2.0**-scale), count)


def _extremes(raw: Mapping[str, Any]) -> tuple[float | None, float | None]:
    extremes = [None if raw.get(name) is None else float(raw[name]) for name in ("min", "max")]
    return tuple(None if extreme is None or math.isnan(extreme) else extreme for extreme in extremes)  # type: ignore[return-value]


def _counts(raws: object) -> list[int]:
    counts = [to_int(count) for count in raws] if isinstance(raws, list) else []
    if None in counts or len(counts) > _MOST_BUCKETS:
        raise ValueError("the counts can't be read")
    return [count or 0 for count in counts]


def _percentile(buckets: list[_Bucket], share: float) -> tuple[float | str, _Bucket]:
    """The value below which this share of all values is, by linear interpolation in its bucket."""
    rank, below = share * sum(bucket.size for bucket in buckets), 0
    filled = [bucket for bucket in buckets if bucket.size]
    for bucket in filled:
        if below + bucket.size >= rank:
            inside = (rank - below) / bucket.size
            return bucket.lower + (bucket.upper - bucket.lower) * inside, bucket
        below += bucket.size
    return filled[-1].upper, filled[-1]
