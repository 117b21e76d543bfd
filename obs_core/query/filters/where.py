"""The SQL of a row filter: conditions of SQLite, and the parameters that they bind.

The text of a condition is one of those written here. What a user typed is always a bound parameter.
"""

from typing import Any, Final, NamedTuple

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query.engine.fragments import SEVERITY, function_name
from obs_core.query.engine.search_text import SEARCHED, is_plain
from obs_core.query.filters import attribute_filter, checks
from obs_core.query.filters.attribute_filter import Condition
from obs_core.query.filters.row_filter import KINDS, LEVELS, RowFilter

_LONGEST_MS: Final = 9.2e12
# The innermost query has no table of its own: its names are those of the row that is filtered.
_IS_ROOT: Final = """kind = 'call' AND (
        coalesce(parent_span_id, '') IN ('', coalesce(span_id, '')) OR NOT EXISTS (
            SELECT 1
            FROM (SELECT trace_id AS trace, parent_span_id AS parent) AS own
            CROSS JOIN {rows} AS above ON above.trace_id = own.trace AND above.span_id = own.parent
        )
      )"""

_CONDITIONS: Final = {
    "status": "status = :status",
    "group": "process_group = :group",
    "process": "process = :process",
    "kind": "kind = :kind",
    "function": f"{function_name()} = :function",
    "data_type": "data_type = :data_type",
    "exception_type": (
        "substr(exception, 1, length(:exception_type)) = :exception_type"
        " AND exception_type(CAST(substr(exception, 1, 500) AS BLOB)) = :exception_type"
    ),
    "min_ns": "duration_ns >= :min_ns",
    "max_ns": "duration_ns <= :max_ns",
}
"""The conditions on single columns, by the names of what they compare to."""


class WhereClause(NamedTuple):
    """Conditions joined by AND, and the parameters that they bind."""

    sql: str
    parameters: dict[str, Any]


def where_clause(window: Window, row_filter: RowFilter, *, group: str | None = None) -> WhereClause:
    """The conditions under which a row is in `window` and `group` and matches `row_filter`.

    Raises:
        BadParameter: a field has a value that it can't have.
    """
    parameters: dict[str, Any] = {"from_ns": window.from_ns, "to_ns": window.to_ns}
    conditions = ["timestamp >= :from_ns AND timestamp < :to_ns"]
    if row_filter.status == "ERROR" or row_filter.errors:
        conditions.append("status = 'ERROR'")  # a literal: only with it SQLite uses the partial index of errors
    if row_filter.roots:
        conditions.append(_IS_ROOT)
    if row_filter.level:
        parameters["severity"] = LEVELS[str(checks.choice("level", row_filter.level, tuple(LEVELS)))]
        conditions.append(f"coalesce({SEVERITY}, CASE status WHEN 'ERROR' THEN {LEVELS['ERROR']} END) >= :severity")
    for name, value in column_values(row_filter, group).items():
        conditions.append(_CONDITIONS[name])
        parameters[name] = value
    if search := checks.text("search", row_filter.search):
        conditions.append(_search(search, parameters))
    for number, attribute in enumerate(attribute_filter.conditions(row_filter.where)):
        conditions.append(_attribute(attribute, f"w{number}", parameters))
    return WhereClause("\n      AND ".join(conditions), parameters)


def column_values(row_filter: RowFilter, group: str | None) -> dict[str, Any]:
    """What the filter compares single columns to, by the name of the condition.

    Raises:
        BadParameter: a field has a value that it can't have.
    """
    status, kind = row_filter.status, row_filter.kind
    if row_filter.errors:
        if status not in (None, "", "ERROR"):
            raise BadParameter(f"errors=1 shows status ERROR only, not {status}.", "Leave one of them out.")
        status = "ERROR"
    values = {
        "status": checks.text("status", status),
        "group": checks.text("group", group),
        "process": checks.text("process", row_filter.process),
        "kind": checks.choice("kind", kind, KINDS) if kind else None,
        "function": checks.text("function", row_filter.function),
        "data_type": checks.text("data_type", row_filter.data_type),
        "exception_type": checks.text("exception_type", row_filter.exception_type),
        "min_ns": _nanoseconds("min_ms", row_filter.min_ms),
        "max_ns": _nanoseconds("max_ms", row_filter.max_ms),
    }
    return {name: value for name, value in values.items() if value is not None}


def _nanoseconds(name: str, ms: float | None) -> int | None:
    if ms is None:
        return None
    if not 0 <= ms <= _LONGEST_MS:
        message = f"{name} is {ms}; it must be a duration in milliseconds, 0 or more."
        raise BadParameter(message, "Leave it out for no bound.")
    return round(ms * 1e6)


def _search(search: str, parameters: dict[str, Any]) -> str:
    """The condition that one of the searched columns contains `search`.

    SQLite's LIKE folds ASCII only, in C: 2.3 times as fast as lower() with instr(), and enough for an ASCII search. It
    stops at a NUL. Other searches use the casefold function.
    """
    if is_plain(search):
        parameters["pattern"] = checks.like(search)
        conditions = (f"{column} LIKE :pattern ESCAPE '\\'" for column in SEARCHED)
    else:
        parameters["folded"] = search.casefold()
        conditions = (f"instr(casefold(CAST({column} AS BLOB)), :folded)" for column in SEARCHED)
    return f"({' OR '.join(conditions)})"


def _attribute(condition: Condition, name: str, parameters: dict[str, Any]) -> str:
    """The condition on one attribute; its parameters begin with `name`."""
    kind, value = _json(condition.name, name, parameters)
    parameters[f"{name}_name"] = condition.name
    return f"({_may_have(condition.name, name)} AND {_matches(condition, kind, value, name, parameters)})"


def _may_have(attribute: str, name: str) -> str:
    """The condition that the JSON text contains the attribute's name; it costs a tenth of a parse."""
    return f"instr(attributes, :{name}_name)" if _is_label(attribute) else "1"


def _is_label(attribute: str) -> bool:
    """Whether JSON text contains the name unescaped, whatever wrote it."""
    return attribute.isascii() and attribute.isprintable() and not set(attribute) & {'"', "\\"}


def _matches(condition: Condition, kind: str, value: str, name: str, parameters: dict[str, Any]) -> str:
    """The condition on an attribute; `kind` and `value` are the SQL of its JSON type and value."""
    match condition.operator, condition.values:
        case "exists", _:
            return f"{kind} IS NOT NULL"
        case "!=", (text,):
            return f"({value} IS NOT NULL AND NOT ({_equal(value, text, name, parameters)}))"
        case (">" | "<" | ">=" | "<=") as operator, (text,):
            return _compared(value, operator, text, name, parameters)
        case "matches", (text,):
            parameters[name] = text
            return f"matches(CAST({value} AS BLOB), :{name})"
        case ("contains" | "starts with") as operator, (text,):
            return _contains(value, text, name, parameters, at_start=operator == "starts with")
    equal = (_equal(value, text, f"{name}_{number}", parameters) for number, text in enumerate(condition.values))
    return f"({' OR '.join(equal)})"


def _contains(value: str, text: str, name: str, parameters: dict[str, Any], *, at_start: bool) -> str:
    """The condition that the value contains `text`, or starts with it, ignoring case."""
    if is_plain(text):
        parameters[name] = checks.like(text)[1 if at_start else 0 :]
        return f"{value} LIKE :{name} ESCAPE '\\'"
    parameters[name] = text.casefold()
    return f"instr(casefold(CAST({value} AS BLOB)), :{name}) {'= 1' if at_start else '> 0'}"


def _json(attribute: str, name: str, parameters: dict[str, Any]) -> tuple[str, str]:
    """The SQL of an attribute's JSON type and of its value; both are null where the row lacks it.

    SQLite's JSON functions end a text at a NUL. They compare a path's labels with the JSON as written, where characters
    other than printable ASCII may be escaped; such names are looked up among the decoded keys, at twice the time.
    """
    valid = "json_valid(attributes)"
    if _is_label(attribute):
        parameters[f"{name}_path"] = f'$.attributes."{attribute}"'
        kind, value = (f"{function}(attributes, :{name}_path)" for function in ("json_type", "json_extract"))
        kind = f"CASE WHEN {valid} THEN {kind} END"
    else:
        parameters[f"{name}_path"] = attribute
        keys = f"json_each(CASE WHEN {valid} THEN attributes END, '$.attributes') WHERE key = :{name}_path LIMIT 1"
        kind, value = f"(SELECT type FROM {keys})", f"(SELECT value FROM {keys})"
    return (
        kind,
        f"(CASE {kind} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CASE WHEN {valid} THEN {value} END END)",
    )


def _equal(value: str, text: str, name: str, parameters: dict[str, Any]) -> str:
    parameters[name] = text
    number = attribute_filter.number(text)
    if number is None:
        return f"{value} = :{name}"
    parameters[f"{name}_number"] = number
    return f"({value} = :{name} OR ({_is_number(value)} AND {value} = :{name}_number))"


def _compared(value: str, operator: str, text: str, name: str, parameters: dict[str, Any]) -> str:
    """The condition of an inequality: between numbers if `text` is one, else between texts."""
    number = attribute_filter.number(text)
    parameters[name] = text if number is None else number
    if number is None:
        return f"(typeof({value}) = 'text' AND {value} {operator} :{name})"
    digits = f"ltrim({value}, '-')"
    is_decimal = (
        f"typeof({value}) = 'text' AND {digits} GLOB '[0-9]*' AND {digits} NOT GLOB '*[^0-9.]*'"
        f" AND {digits} NOT GLOB '*.*.*'"
    )
    return (
        f"(({_is_number(value)} AND {value} {operator} :{name})"
        f" OR ({is_decimal} AND CAST({value} AS REAL) {operator} :{name}))"
    )


def _is_number(value: str) -> str:
    return f"typeof({value}) IN ('integer', 'real')"
