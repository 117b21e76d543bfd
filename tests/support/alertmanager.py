"""Messages as a receiver of Alertmanager's webhooks reads them: against the schema of tests/data/alertmanager."""

import json
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

_FILE: Final = Path(__file__).parents[1] / "data" / "alertmanager" / "webhook_v4.schema.json"
_SCHEMA: Final = Draft202012Validator(
    json.loads(_FILE.read_text(encoding="utf-8")), format_checker=Draft202012Validator.FORMAT_CHECKER
)


def message(body: bytes) -> dict[str, Any]:
    """The message in the body of a post, validated by Alertmanager's schema.

    Raises:
        jsonschema.ValidationError: it is not.
    """
    document: dict[str, Any] = json.loads(body.decode("utf-8"))
    _SCHEMA.validate(document)
    return document
