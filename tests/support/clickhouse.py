"""A ClickHouse database as the OpenTelemetry Collector's exporter fills it, in this process (chdb).

The tables and the mapping are those of opentelemetry-collector-contrib, exporter/clickhouseexporter
(Apache-2.0): internal/sqltemplates/traces_table.sql, traces_id_ts_lookup_table.sql, traces_id_ts_lookup_mv.sql and
logs_table.sql with the engine MergeTree and without compression codecs, and exporter_traces.go and exporter_logs.go
(pushTraceData, pushLogsData): attributes become texts, ids lower-case hex, status and kind of a span their names.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client

from obs_core.ingest.formats.otlp_json import rows
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row
from tests.support import table

TRACES: Final = """
CREATE TABLE {database}.otel_traces (
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName LowCardinality(String),
    SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName String,
    ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String),
    Duration UInt64,
    StatusCode LowCardinality(String),
    StatusMessage String,
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree()
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
SETTINGS index_granularity=8192, ttl_only_drop_parts = 1"""

TRACES_BY_ID: Final = """
CREATE TABLE {database}.otel_traces_trace_id_ts (
    TraceId String,
    Start DateTime,
    End DateTime,
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree()
PARTITION BY toDate(Start)
ORDER BY (TraceId, Start)
SETTINGS index_granularity=8192, ttl_only_drop_parts = 1"""

TRACES_BY_ID_VIEW: Final = """
CREATE MATERIALIZED VIEW {database}.otel_traces_trace_id_ts_mv TO {database}.otel_traces_trace_id_ts
AS SELECT TraceId, min(Timestamp) as Start, max(Timestamp) as End
FROM {database}.otel_traces
WHERE TraceId != ''
GROUP BY TraceId"""

LOGS: Final = """
CREATE TABLE {database}.otel_logs (
    Timestamp DateTime64(9),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String,
    SpanId String,
    TraceFlags UInt8,
    SeverityText LowCardinality(String),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String),
    Body String,
    ResourceSchemaUrl LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeSchemaUrl LowCardinality(String),
    ScopeName String,
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    LogAttributes Map(LowCardinality(String), String),
    EventName String,
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
) ENGINE = MergeTree()
PARTITION BY toDate(TimestampTime)
PRIMARY KEY (ServiceName, TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"""

DDL: Final = (TRACES, TRACES_BY_ID, TRACES_BY_ID_VIEW, LOGS)
_KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUS: Final = ("Unset", "Ok", "Error")
_number: Final = count()
_MAP: Final = pa.map_(pa.string(), pa.string())
_TYPES: Final = {
    "Timestamp": pa.int64(),
    "Duration": pa.uint64(),
    **dict.fromkeys(("TraceFlags", "SeverityNumber"), pa.uint8()),
    **dict.fromkeys(("ResourceAttributes", "SpanAttributes", "LogAttributes", "ScopeAttributes"), _MAP),
    **dict.fromkeys(("Events.Attributes", "Links.Attributes"), pa.list_(_MAP)),
    "Events.Timestamp": pa.list_(pa.int64()),
    **dict.fromkeys(("Events.Name", "Links.TraceId", "Links.SpanId", "Links.TraceState"), pa.list_(pa.string())),
}


@cache
def client() -> Client:
    """The client of ClickHouse in this process; while it is open, its databases are there."""
    return clickhouse_connect.get_client(interface="chdb", path=":memory:")


def database(ddl: Sequence[str] = DDL) -> str:
    """The name of a new database with the exporter's tables."""
    name = f"otel_{next(_number)}"
    client().command(f"CREATE DATABASE {name}")
    for statement in ddl:
        client().command(statement.replace("{database}", name))
    return name


def drop(name: str) -> None:
    """Remove a database."""
    client().command(f"DROP DATABASE IF EXISTS {name} SYNC")


def store(name: str, document: Mapping[str, Any]) -> None:
    """Store an OTLP export, in JSON, as the exporter does."""
    for target, stored in (("otel_traces", list(spans(document))), ("otel_logs", list(records(document)))):
        if stored:
            client().insert_arrow(f"{name}.{target}", _arrow(stored))


def _arrow(stored: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table, with times of nanoseconds."""
    arrays = {
        column: pa.array([row[column] for row in stored], _TYPES.get(column, pa.string())) for column in stored[0]
    }
    kinds = {"Timestamp": pa.timestamp("ns"), "Events.Timestamp": pa.list_(pa.timestamp("ns"))}
    return pa.table({column: array.cast(kinds.get(column, array.type)) for column, array in arrays.items()})


def log(path: Path, document: Mapping[str, Any]) -> None:
    """Store the same export in a log, as the receiver does."""
    stored = list(rows(json.loads(json.dumps(document)), 1))
    assert not [row for row in stored if isinstance(row, Refused)]
    table.store(path, [row for row in stored if isinstance(row, Row)])


def spans(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of otel_traces; exporter_traces.go, pushTraceData."""
    for outer in document.get("resourceSpans", ()):
        resource = texts(outer.get("resource", {}).get("attributes", ()))
        for scoped in outer["scopeSpans"]:
            for span in scoped["spans"]:
                events, links = span.get("events", ()), span.get("links", ())
                start, status = int(span["startTimeUnixNano"]), span.get("status", {})
                yield {
                    "Timestamp": start,
                    "TraceId": span["traceId"],
                    "SpanId": span["spanId"],
                    "ParentSpanId": span.get("parentSpanId", ""),
                    "TraceState": span.get("traceState", ""),
                    "SpanName": span["name"],
                    "SpanKind": _KINDS[span.get("kind", 0)],
                    "ServiceName": dict(resource).get("service.name", ""),
                    "ResourceAttributes": resource,
                    "ScopeName": scoped.get("scope", {}).get("name", ""),
                    "ScopeVersion": scoped.get("scope", {}).get("version", ""),
                    "SpanAttributes": texts(span.get("attributes", ())),
                    "Duration": (int(span.get("endTimeUnixNano", 0)) - start) % 2**64,
                    "StatusCode": _STATUS[status.get("code", 0)],
                    "StatusMessage": status.get("message", ""),
                    "Events.Timestamp": [int(event["timeUnixNano"]) for event in events],
                    "Events.Name": [event["name"] for event in events],
                    "Events.Attributes": [texts(event.get("attributes", ())) for event in events],
                    "Links.TraceId": [link["traceId"] for link in links],
                    "Links.SpanId": [link["spanId"] for link in links],
                    "Links.TraceState": ["" for _ in links],
                    "Links.Attributes": [texts(link.get("attributes", ())) for link in links],
                }


def records(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of otel_logs; exporter_logs.go, pushLogsData."""
    for outer in document.get("resourceLogs", ()):
        resource = texts(outer.get("resource", {}).get("attributes", ()))
        for scoped in outer["scopeLogs"]:
            for record in scoped["logRecords"]:
                yield {
                    "Timestamp": int(record.get("timeUnixNano") or record["observedTimeUnixNano"]),
                    "TraceId": record.get("traceId", ""),
                    "SpanId": record.get("spanId", ""),
                    "TraceFlags": record.get("flags", 0),
                    "SeverityText": record.get("severityText", ""),
                    "SeverityNumber": record.get("severityNumber", 0),
                    "ServiceName": dict(resource).get("service.name", ""),
                    "Body": text(record.get("body", {})),
                    "ResourceAttributes": resource,
                    "ScopeName": scoped.get("scope", {}).get("name", ""),
                    "ScopeVersion": scoped.get("scope", {}).get("version", ""),
                    "LogAttributes": texts(record.get("attributes", ())),
                    "EventName": record.get("eventName", ""),
                }


def texts(attributes: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """attributesToMap: each value as a text."""
    return [(pair["key"], text(pair["value"])) for pair in attributes]


def text(value: Mapping[str, Any]) -> str:
    """pcommon.Value.AsString, for the kinds that these tests use."""
    ((kind, inner),) = value.items() if value else [("stringValue", "")]
    return str(inner).lower() if kind == "boolValue" else str(inner)
