"""Files of OTLP JSON: an export, or one in an envelope of Tempo, Grafana or Jaeger, where ids may be in base64.

Source: grafana/tempo, pkg/tempopb; jaeger, internal/proto/api_v3.
"""

from base64 import b64decode
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final

from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.otlp_json import SIGNALS, groups_of, rows
from obs_core.ingest.formats.otlp_values import list_of

_LAYERS: Final = (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords"))
_BASE64: Final = 24  # characters of a trace id in base64


def is_otlp(document: object) -> bool:
    """Whether `document` is an OTLP export, or has one in an envelope."""
    return any(name in exported(document) for name in SIGNALS)


def exported(document: object) -> Mapping[str, Any]:
    """The export in a document: itself, Tempo's `batches` and `trace`, or the `result` of Jaeger's API, version 3."""
    for name in ("result", "trace"):
        if isinstance(document, dict) and isinstance(document.get(name), dict):
            document = document[name]
    if not isinstance(document, dict):
        return {}
    return {"resourceSpans": document["batches"]} if isinstance(document.get("batches"), list) else document


def file_rows(document: object, line: int, values: Collection[str] = ()) -> Parts:
    """The rows of a document of a file, where ids may also be in base64: Tempo and Grafana write them so."""
    export = exported(document)
    for outermost, inner, leaf in _LAYERS:
        for outer in list_of(export.get(outermost)):
            for group in groups_of(outer, inner):
                leaves = list_of(group.get(leaf))
                if any(len(str(raw.get("traceId"))) == _BASE64 for raw in (*leaves[:1], *leaves[-1:])):
                    for raw in leaves:
                        for holder in (raw, *list_of(raw.get("links"))):
                            _to_hex(holder)
    return rows(export, line, values)


def _to_hex(holder: dict[str, Any]) -> None:
    for name in ("traceId", "spanId", "parentSpanId"):
        text = holder.get(name)
        if isinstance(text, str) and text.endswith("="):  # no hex id does
            with suppress(ValueError):
                holder[name] = b64decode(text, validate=True).hex()


FORMAT: Final = JsonFormat(
    name="OTLP JSON",
    fits=is_otlp,
    read=file_rows,
    sample=b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": '
    b'"eee19b7ec3c1b174", "name": "pay", "startTimeUnixNano": "1738000000000000000"}]}]}]}',
)
