"""Settings for a rule of any kind, made from the kind's own fields, so that a new kind needs no new test data."""

from typing import Any

from obs_core.alerts.rules.kind import Field
from obs_core.alerts.rules.kinds import KINDS
from obs_core.ui.alerts import rule_fields

SPECIAL: dict[str, dict[str, Any]] = {"writer": {"states": ["GONE"]}}
"""Settings that can't be made from a field's type."""


def smallest(kind: str) -> dict[str, Any]:
    """The settings of the rule that pages suggest for this kind, which is a valid one."""
    fields = {field.name: field for field in KINDS[kind].fields}
    texts = KINDS[kind].suggestion.fields
    return {"kind": kind, **{name: rule_fields.read(fields[name], text) for name, text in texts.items()}}


def every_setting(kind: str) -> dict[str, Any]:
    """A value for every field of a kind, none of them the default."""
    return {field.name: SPECIAL.get(kind, {}).get(field.name, _other(field)) for field in KINDS[kind].fields}


def _other(field: Field) -> Any:  # noqa: ANN401 - as in rules.toml
    match field.type:
        case "number":
            return int(float(field.default or 0)) + 7
        case "period":
            return "77m"
        case "list":
            return ["open", "shut*"]
        case "switch":
            return field.default != "on"
        case "choice":
            return next(option for option in field.options if option != field.default)
        case _:
            return f"another {field.name}"
