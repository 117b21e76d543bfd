"""Redacts secrets in received rows before they enter the spool, by the same names as in traced programs."""

import json
from typing import Any, Final

from obs_core.capture.values.redact import REDACTED, Redaction, cleared, may_contain
from obs_core.model import Row
from obs_core.text import json_text

_TEXTS: Final = ("data", "function", "exception", "exception_stack")
_INCOMPARABLE: Final = {"obs.value.incomparable": True}


def without_secrets(row: Row, redaction: Redaction) -> Row:
    """`row` without the values of sensitive names, in attributes and in text such as `password=…`."""
    changed: dict[str, Any] = {}
    attributes = row.attributes
    if attributes and (redaction.may_contain_secret(attributes) or "://" in attributes or "earer " in attributes):
        changed["attributes"] = json_text(cleared(json.loads(attributes), redaction))
    if row.data_value:
        hidden = row.kind == "value" and row.data_type == "string" and redaction.hides(row.data)
        shown = REDACTED if hidden else redaction.scrubbed(row.data_value)
        if shown != row.data_value:
            changed["data_value"] = shown
            if row.kind == "value":  # two secrets may differ, and must not look equal
                about = json.loads(changed.get("attributes") or attributes or "{}")
                changed["attributes"] = json_text({**about, "attributes": about.get("attributes", {}) | _INCOMPARABLE})
    for name in _TEXTS:
        text = getattr(row, name)
        if text and may_contain(text) and (scrubbed := redaction.scrubbed(text)) != text:
            changed[name] = scrubbed
    return row._replace(**changed) if changed else row
