"""The rows of a log as ClickHouse sees them: SQL over the tables of the OpenTelemetry Collector's exporter.

`calls` are the spans of `otel_traces`, `logs` the records of `otel_logs`; both have the columns of a log (`COLUMNS`).
They are mapped as `ingest.formats.spans` maps what the receiver gets, with three differences: attributes are texts,
because the exporter stores only texts; ids are computed; and the type of a record's body is not known.

An id has the seconds since 1970 in its upper 32 bits and 27 bits of a hash below: rows can be found by their id in one
second of the table, and ids increase with time. Of a second with 10,000 rows, 1 in 13,000 rows shares its id.
"""

from collections.abc import Collection, Sequence
from typing import Final

from obs_core import semconv
from obs_core.query.engine.clickhouse_url import ClickHouseUrl
from obs_core.store.foreign import COLUMNS

HASH_BITS: Final = 27
LOGS: Final = "logs"
REQUIRED: Final = {
    "traces": (
        *("Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "SpanKind", "ServiceName"),
        *("ResourceAttributes", "SpanAttributes", "Duration", "StatusCode", "StatusMessage"),
        *("Events.Timestamp", "Events.Name", "Events.Attributes", "Links.TraceId", "Links.SpanId", "Links.Attributes"),
    ),
    LOGS: (
        *("Timestamp", "TraceId", "SpanId", "SeverityText", "SeverityNumber", "ServiceName", "Body"),
        *("ResourceAttributes", "LogAttributes"),
    ),
}
"""The columns that every version of the exporter writes; others are used where a table has them."""

ATTRIBUTES: Final = "attribute_map"
SEVERITY: Final = "severity"
ALL_COLUMNS: Final = (*COLUMNS, ATTRIBUTES, SEVERITY)

_TEXT: Final = "CAST(NULL AS Nullable(String))"
_NUMBER: Final = "CAST(NULL AS Nullable(Int64))"
_SECONDS: Final = "toInt64(toUnixTimestamp(Timestamp))"
_GROUP: Final = f"if(ServiceName = '', '{semconv.UNKNOWN_SERVICE}', toString(ServiceName))"
_PROCESS: Final = (
    f"if(ResourceAttributes['service.instance.id'] = '', {_GROUP}, ResourceAttributes['service.instance.id'])"
)
_SENDER: Final = ", ".join(f"'{name}'" for name in semconv.SENDER)
_RESOURCE: Final = f"mapFilter((name, value) -> name NOT IN ({_SENDER}), ResourceAttributes)"
_TIMESTAMP: Final = "toUnixTimestamp64Nano(Timestamp)"
_RAISED: Final = f"Events.Attributes[indexOf(Events.Name, '{semconv.EXCEPTION_EVENT}')]"
_KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


def _id(hashed: str) -> str:
    return f"bitShiftLeft({_SECONDS}, {HASH_BITS}) + toInt64(bitAnd(cityHash64({hashed}), {2**HASH_BITS - 1}))"


def _or_null(text: str) -> str:
    return f"nullIf(toString({text}), '')"


def _function(attributes: str) -> str:
    """The function: code.function.name, or the deprecated code.namespace and code.function."""
    parts = ", ".join(f"{attributes}['{name}']" for name in ("code.namespace", "code.function"))
    joined = f"arrayStringConcat(arrayFilter(part -> part != '', [{parts}]), '.')"
    name = f"{attributes}['{semconv.FUNCTION}']"
    return f"nullIf(if({name} != '', {name}, {joined}), '')"


def _exception(attributes: str) -> str:
    """`Type: message` in the attributes of an event or a record; empty without either."""
    parts = ", ".join(f"{attributes}['{name}']" for name in (semconv.EXCEPTION_TYPE, semconv.EXCEPTION_MESSAGE))
    return f"arrayStringConcat(arrayFilter(part -> part != '', [{parts}]), ': ')"


def _json(parts: dict[str, tuple[str, str]]) -> str:
    """A JSON object: name → (condition, the value's JSON); null without any part."""
    members = ", ".join(
        f"if({condition}, concat('\"{name}\": ', {value}), '')" for name, (condition, value) in parts.items()
    )
    return f"concat('{{', arrayStringConcat(arrayFilter(part -> part != '', [{members}]), ', '), '}}')"


def _map(column: str) -> tuple[str, str]:
    return f"notEmpty({column})", f"toJSONString({column})"


def _scope(columns: Collection[str]) -> tuple[str, str]:
    """The scope, which older versions of the exporter write into the attributes of spans."""
    if not {"ScopeName", "ScopeVersion"} <= set(columns):
        return "false", "'{}'"
    named = (
        "mapFilter((name, value) -> value != '', map('name', toString(ScopeName), 'version', toString(ScopeVersion)))"
    )
    return f"notEmpty({named})", f"toJSONString({named})"


_EVENTS: Final = (
    "concat('[', arrayStringConcat(arrayMap((at, name, own) -> concat('{\"name\": ', toJSONString(toString(name)),"
    " ', \"time_ns\": ', toString(toUnixTimestamp64Nano(at)), ', \"attributes\": ', toJSONString(own), '}'),"
    " Events.Timestamp, Events.Name, Events.Attributes), ', '), ']')"
)
_LINKS: Final = (
    "concat('[', arrayStringConcat(arrayMap((trace, span, own) -> concat('{\"trace_id\": ', toJSONString(trace),"
    " ', \"span_id\": ', toJSONString(span), if(empty(own), '', concat(', \"attributes\": ', toJSONString(own))), '}'),"
    " Links.TraceId, Links.SpanId, Links.Attributes), ', '), ']')"
)


def call_columns(columns: Collection[str]) -> dict[str, str]:
    """SQL for the columns of a call, over `otel_traces` with these `columns`."""
    span_kind = "lower(replaceOne(toString(SpanKind), 'SPAN_KIND_', ''))"
    number = f"transform({span_kind}, {list(_KINDS)}, {list(_KINDS.values())}, 0)"
    duration = "reinterpretAsInt64(Duration)"
    status = "upper(replaceOne(toString(StatusCode), 'STATUS_CODE_', ''))"  # as the exporter wrote it until 2023
    attributes = {
        "attributes": _map("SpanAttributes"),
        "events": ("notEmpty(Events.Name)", _EVENTS),
        "links": ("notEmpty(Links.SpanId)", _LINKS),
        "scope": _scope(columns),
        "resource": _map(_RESOURCE),
        "span": (f"{number} > 0", f"concat('{{\"kind\": ', toString({number}), '}}')"),
    }
    failed = f"{status} = 'ERROR'"
    return {
        "id": _id("TraceId, SpanId"),
        "kind": "'call'",
        "process": _PROCESS,
        "data": "toString(SpanName)",
        "timestamp": _TIMESTAMP,
        "process_group": f"toNullable({_GROUP})",
        "data_type": _TEXT,
        "data_value": _TEXT,
        "status": f"multiIf({failed}, 'ERROR', {status} = 'OK', 'OK', 'UNSET')",
        "exception": f"nullIf(if({_exception(_RAISED)} = '' AND {failed}, StatusMessage, {_exception(_RAISED)}), '')",
        "trace_id": _or_null("TraceId"),
        "span_id": _or_null("SpanId"),
        "parent_span_id": _or_null("ParentSpanId"),
        "function": _function("SpanAttributes"),
        "exception_stack": f"nullIf({_RAISED}['{semconv.EXCEPTION_STACK}'], '')",
        "duration_ns": f"nullIf({duration}, -{_TIMESTAMP})",  # that is a span without an end
        "memory_delta": _NUMBER,
        "code_id": _NUMBER,
        "run_id": _NUMBER,
        "attributes": f"toNullable({_json(attributes)})",
        ATTRIBUTES: "CAST(SpanAttributes AS Map(String, String))",
        SEVERITY: _NUMBER,
    }


def log_columns(columns: Collection[str]) -> dict[str, str]:
    """SQL for the columns of a log record, over `otel_logs` with these `columns`."""
    names = [name for name in ("EventName", "ScopeName") if name in columns]
    data = "".join(f"{name} != '', toString({name}), " for name in names)
    hashed = "TraceId, SpanId, Timestamp, ServiceName, SeverityNumber, Body"
    attributes = {
        "attributes": _map("LogAttributes"),
        "severity": ("notEmpty(SeverityText)", "toJSONString(toString(SeverityText))"),
        "severity_number": ("SeverityNumber > 0", "toString(SeverityNumber)"),
        "scope": _scope(columns),
        "resource": _map(_RESOURCE),
    }
    return call_columns(columns) | {
        "id": _id(hashed),
        "kind": "'log'",
        "data": f"multiIf({data}false, '', 'log')",
        "data_type": "if(Body = '', NULL, 'string')",
        "data_value": _or_null("Body"),
        "status": f"if(SeverityNumber >= {semconv.ERROR_SEVERITY}, 'ERROR', 'UNSET')",
        "exception": f"nullIf({_exception('LogAttributes')}, '')",
        "span_id": f"toNullable(leftPad(lower(hex(cityHash64({hashed}))), 16, '0'))",
        "parent_span_id": _or_null("SpanId"),
        "function": _function("LogAttributes"),
        "exception_stack": f"nullIf(LogAttributes['{semconv.EXCEPTION_STACK}'], '')",
        "duration_ns": _NUMBER,
        "attributes": f"toNullable({_json(attributes)})",
        ATTRIBUTES: "CAST(LogAttributes AS Map(String, String))",
        SEVERITY: "nullIf(toInt64(SeverityNumber), 0)",
    }


class Relations:
    """The relations `calls`, `logs` and `rows_` for statements on one store."""

    def __init__(self, url: ClickHouseUrl, columns: dict[str, Collection[str]]) -> None:
        """Relations over the tables of `url`, which have these columns (traces and, if there are any, logs)."""
        self._table = {"calls": _quoted(url.traces), LOGS: _quoted(url.logs)}
        self._sql = {"calls": call_columns(columns["traces"])}
        if LOGS in columns:
            self._sql[LOGS] = log_columns(columns[LOGS])
        self._logs_by_second = "TimestampTime" in columns.get(LOGS, ())
        self._distinct = url.distinct

    @property
    def kinds(self) -> Sequence[str]:
        """The tables that there are: calls, and perhaps logs."""
        return list(self._sql)

    def declared(
        self, columns: Sequence[str], *, grouped: bool = False, traced: bool = False, by_id: bool = False
    ) -> str:
        """`calls AS (…), logs AS (…), rows_ AS (…)`, the rows of the window `{from_ns}` to `{to_ns}`.

        `{from_s}` and `{to_s}` are its seconds, within 32 bits: ClickHouse does not report an overflow.

        Only those of `{services}` if `grouped`, of `{trace_ids}` if `traced`, and of `{seconds}` if `by_id`.
        """
        conditions = ["ServiceName IN {services:Array(String)}"] if grouped else []
        conditions += ["TraceId IN {trace_ids:Array(String)}"] if traced else []
        conditions += ["toUnixTimestamp(Timestamp) IN {seconds:Array(UInt32)}"] if by_id else []
        parts = [f"{kind} AS ({self._rows(kind, columns, conditions)})" for kind in self._sql]
        if LOGS not in self._sql:
            parts.append(f"{LOGS} AS (SELECT * FROM calls WHERE false)")
        return ", ".join([*parts, f"rows_ AS (SELECT * FROM calls UNION ALL SELECT * FROM {LOGS})"])

    def _rows(self, kind: str, columns: Sequence[str], conditions: Sequence[str]) -> str:
        selected = ", ".join(f'{self._sql[kind][column]} AS "{column}"' for column in columns)
        time = "fromUnixTimestamp64Nano({{{name}:Int64}})"
        start, end = time.format(name="from_ns"), time.format(name="to_ns")
        window = [f"Timestamp >= {start}", f"Timestamp < {end}"]
        if kind == LOGS and self._logs_by_second:  # the key of the table
            window += ["TimestampTime >= toDateTime({from_s:UInt32})", "TimestampTime <= toDateTime({to_s:UInt32})"]
        first = " LIMIT 1 BY TraceId, SpanId" if self._distinct and kind == "calls" else ""
        return f"SELECT {selected} FROM {self._table[kind]} WHERE {' AND '.join([*window, *conditions])}{first}"


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
