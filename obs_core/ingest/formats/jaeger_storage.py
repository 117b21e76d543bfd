"""Spans as Jaeger stores them, in the form of its API: documents of Elasticsearch, and its model (model.proto) as JSON.

Source: jaeger, internal/storage/elasticsearch/dbmodel/model.go; jaeger-idl, model.proto; ProtoJSON for times and bytes.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from obs_core.clock import iso_ns

_MICRO: Final = 1_000  # nanoseconds
_DURATION: Final = re.compile(r"(\d{1,20}(?:\.\d{1,9})?)(ns|us|µs|ms|s)")
_UNITS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9}
_VALUES: Final = {"vStr": "string", "vBool": "bool", "vInt64": "int64", "vFloat64": "float64", "vBinary": "binary"}


def spans(document: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The stored spans of a document, in the form of the API; None if it has none.

    A document is a search's answer (`hits`), one hit (`_source`), or one span with its process inside.
    """
    hits = document.get("hits")
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        inside = [span for hit in hits["hits"] if isinstance(hit, dict) for span in spans(hit) or ()]
        return inside or None
    source = document.get("_source", document)
    if not isinstance(source, dict) or not isinstance(source.get("process"), dict):
        return None
    if "traceID" in source and "spanID" in source:
        return [_of_elasticsearch(source)]
    if "traceId" in source and "spanId" in source and "operationName" in source:
        return [_of_model(source)]
    return None


def _of_elasticsearch(source: Mapping[str, Any]) -> dict[str, Any]:
    """A document of Elasticsearch, where tags may also be fields (`tag`) with @ in place of dots."""
    process = source["process"]
    return {
        **source,
        "tags": _all_tags(source),
        "process": {**process, "tags": _all_tags(process)},
    }


def _all_tags(holder: Mapping[str, Any]) -> list[Any]:
    tags, fields = holder.get("tags"), holder.get("tag")
    listed = list(tags) if isinstance(tags, list) else []
    if isinstance(fields, dict):
        listed += [{"key": name.replace("@", "."), "value": value} for name, value in fields.items()]
    return listed


def _of_model(source: Mapping[str, Any]) -> dict[str, Any]:
    process = source["process"]
    logs = source.get("logs")
    references = source.get("references")
    return {
        "traceID": _hex(source["traceId"]),
        "spanID": _hex(source["spanId"]),
        "operationName": source["operationName"],
        "references": [
            {
                "refType": ref.get("refType", "CHILD_OF"),
                "traceID": _hex(ref.get("traceId")),
                "spanID": _hex(ref.get("spanId")),
            }
            for ref in (references if isinstance(references, list) else ())
            if isinstance(ref, dict)
        ],
        "flags": source.get("flags"),
        "startTime": _time_us(source.get("startTime")),
        "duration": _duration_us(source.get("duration")),
        "tags": _typed(source.get("tags")),
        "logs": [
            {"timestamp": _time_us(log.get("timestamp")), "fields": _typed(log.get("fields"))}
            for log in (logs if isinstance(logs, list) else ())
            if isinstance(log, dict)
        ],
        "process": {"serviceName": process.get("serviceName"), "tags": _typed(process.get("tags"))},
        "warnings": source.get("warnings"),
    }


def _hex(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """An id of bytes in base64 as hex; other text stays as it is."""
    if isinstance(value, str) and value.endswith("="):
        with suppress(ValueError):
            return b64decode(value, validate=True).hex()
    return value


def _time_us(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    time_ns = iso_ns(value) if isinstance(value, str) else None
    return value if time_ns is None else str(Decimal(time_ns) / _MICRO)


def _duration_us(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return str(Decimal(match[1]) * _UNITS[match[2]] / _MICRO) if match else value


def _typed(tags: object) -> list[dict[str, Any]]:
    """Tags of the model, with the value in the field of its type, as the API has them."""
    typed = []
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict):
            name = next((name for name in _VALUES if name in tag), None)
            value = {"type": _VALUES[name], "value": tag[name]} if name else {"value": tag.get("value", "")}
            typed.append({"key": tag.get("key"), **value})
    return typed
