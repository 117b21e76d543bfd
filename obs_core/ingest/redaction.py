"""Redacts secrets in received and imported rows before they are stored, by the same names as in traced programs."""

import json
import re
from functools import lru_cache
from typing import Any, Final

from obs_core.capture.values.redact import REDACTED, Redaction, cleared, may_contain
from obs_core.model import Row
from obs_core.text import json_text

_NUMBER: Final = re.compile(r"bool|double|None(Type)?|(u?int|float)\d*")  # types that hold no secret
_ERRORS: Final = ("exception", "exception_stack")
_LONGEST_NAME: Final = 200  # characters
_INCOMPARABLE: Final = {"obs.value.incomparable": True}


def without_secrets(row: Row, redaction: Redaction) -> Row:
    """`row` without the values of sensitive names, in attributes and in text such as `password=…`."""
    changed: dict[str, Any] = {}
    attributes = row.attributes
    if attributes and (redaction.may_contain_secret(attributes) or "://" in attributes or "earer " in attributes):
        changed["attributes"] = json_text(cleared(json.loads(attributes), redaction))
    if row.data_value:
        hidden = row.kind == "value" and redaction.hides(row.data) and not _NUMBER.fullmatch(row.data_type or "")
        shown = REDACTED if hidden else redaction.scrubbed(row.data_value)
        if shown != row.data_value:
            changed["data_value"] = shown
            if row.kind == "value":  # two secrets may differ, and must not look equal
                about = json.loads(changed.get("attributes") or attributes or "{}")
                changed["attributes"] = json_text({**about, "attributes": about.get("attributes", {}) | _INCOMPARABLE})
    if not _is_harmless(row.data, redaction):
        changed["data"] = redaction.scrubbed(row.data)
    if row.function and not _is_harmless(row.function, redaction):
        changed["function"] = redaction.scrubbed(row.function)
    for name in _ERRORS if row.exception or row.exception_stack else ():
        text = getattr(row, name)
        if text and may_contain(text) and (scrubbed := redaction.scrubbed(text)) != text:
            changed[name] = scrubbed
    return row._replace(**changed) if changed else row


def _is_harmless(name: str, redaction: Redaction) -> bool:
    """Whether a name holds no secret; short ones are remembered, because most rows of a file share theirs."""
    return (_remembered if len(name) <= _LONGEST_NAME else _remembered.__wrapped__)(name, redaction)


@lru_cache(4_096)
def _remembered(name: str, redaction: Redaction) -> bool:
    return not may_contain(name) or redaction.scrubbed(name) == name
