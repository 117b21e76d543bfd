"""Redacts secrets in received rows before they enter the spool, by the same names as in traced programs."""

import json
from typing import Any, Final

from obs_core.capture.values.redact import REDACTED, Redaction
from obs_core.ingest.formats.rows import encoded
from obs_core.model import Row

_TEXTS: Final = ("exception", "exception_stack")


def without_secrets(row: Row, redaction: Redaction) -> Row:
    """`row` without the values of sensitive names, in attributes and in text such as `password=…`."""
    changed: dict[str, Any] = {}
    if row.attributes and (redaction.may_contain_secret(row.attributes) or "://" in row.attributes):
        changed["attributes"] = encoded(_cleared(json.loads(row.attributes), redaction))
    if row.data_value:
        hidden = row.kind == "value" and row.data_type == "string" and redaction.hides(row.data)
        changed["data_value"] = REDACTED if hidden else redaction.scrubbed(row.data_value)
    if row.exception:
        changed |= {name: redaction.scrubbed(getattr(row, name) or "") or None for name in _TEXTS}
    return row._replace(**changed) if changed else row


def _cleared(part: Any, redaction: Redaction) -> Any:  # noqa: ANN401 - JSON
    if isinstance(part, dict):
        return {
            name: REDACTED if inner and redaction.hides(name) else _cleared(inner, redaction)
            for name, inner in part.items()
        }
    if isinstance(part, list):
        return [_cleared(inner, redaction) for inner in part]
    return redaction.scrubbed(part) if isinstance(part, str) else part
