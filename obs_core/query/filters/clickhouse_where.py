"""The conditions of a row filter in ClickHouse's SQL, over the relation `rows_` of a twin; see `filters.where`.

Attributes are texts there: a condition with a number compares those texts as numbers that are written as numbers.
"""

from typing import Any, Final

from obs_core.clock import HOUR, Window
from obs_core.query.engine.fragments import function_name
from obs_core.query.engine.search_text import SEARCHED
from obs_core.query.filters import attribute_filter, checks
from obs_core.query.filters.attribute_filter import Condition
from obs_core.query.filters.row_filter import LEVELS, RowFilter
from obs_core.query.filters.where import WhereClause, column_values

BY_IDS: Final = "id IN {ids:Array(Int64)}"
"""The condition that a row has one of the ids in the parameter `ids`."""

_CONDITIONS: Final = {
    "status": "status = {status:String}",
    "group": "process_group = {group:String}",
    "process": "process = {process:String}",
    "kind": "kind = {kind:String}",
    "function": f"{function_name()} = {{function:String}}",
    "data_type": "data_type = {data_type:String}",
    "exception_type": "{exception_type} = {exception_type:String}",
    "min_ns": "duration_ns >= {min_ns:Int64}",
    "max_ns": "duration_ns <= {max_ns:Int64}",
}
_BEFORE_NS: Final = HOUR  # a call's parent starts at most so long before it, and no later
# Hashes take 8 bytes each: the parents of a window have to fit into memory.
_IS_ROOT: Final = """(kind = 'call' AND (
        ifNull(parent_span_id, '') IN ('', ifNull(span_id, ''))
        OR cityHash64(ifNull(trace_id, ''), ifNull(parent_span_id, '')) NOT IN (
            SELECT cityHash64(TraceId, SpanId)
            FROM {traces}
            WHERE Timestamp >= fromUnixTimestamp64Nano({parents_ns:Int64})
              AND Timestamp < fromUnixTimestamp64Nano({to_ns:Int64})
        )
      ))"""
_TEXT_CONDITIONS: Final = {
    "matches": "match({value}, {given})",
    "contains": "positionCaseInsensitiveUTF8({value}, {given}) > 0",
    "starts with": "startsWith(lowerUTF8({value}), lowerUTF8({given}))",
}
_IS_NUMBER: Final = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"


def where_clause(window: Window, row_filter: RowFilter, *, group: str | None = None) -> WhereClause:
    """The conditions under which a row of the window matches `row_filter`; the relation has only rows of the window.

    Raises:
        BadParameter: a field has a value that it can't have.
    """
    parameters: dict[str, Any] = {"from_ns": window.from_ns, "to_ns": window.to_ns}
    conditions = ["1"]
    if row_filter.roots:
        conditions.append(_IS_ROOT)
        parameters["parents_ns"] = max(window.from_ns - _BEFORE_NS, 0)
    if row_filter.level:
        parameters["severity"] = LEVELS[str(checks.choice("level", row_filter.level, tuple(LEVELS)))]
        failed = f"if(status = 'ERROR', {LEVELS['ERROR']}, NULL)"
        conditions.append(f"ifNull(severity, {failed}) >= {{severity:Int64}}")
    for name, value in column_values(row_filter, group).items():
        conditions.append(_CONDITIONS[name])
        parameters[name] = value
    if search := checks.text("search", row_filter.search):
        parameters["search"] = search
        matching = (f"positionCaseInsensitiveUTF8(ifNull({column}, ''), {{search:String}}) > 0" for column in SEARCHED)
        conditions.append(f"({' OR '.join(matching)})")
    for number, condition in enumerate(attribute_filter.conditions(row_filter.where)):
        conditions.append(_attribute(condition, f"w{number}", parameters))
    return WhereClause("\n      AND ".join(conditions), parameters)


def _attribute(condition: Condition, name: str, parameters: dict[str, Any]) -> str:
    """The condition on one attribute; its parameters begin with `name`."""
    parameters[f"{name}_name"] = condition.name
    value = f"attribute_map[{{{name}_name:String}}]"
    has_it = f"mapContains(attribute_map, {{{name}_name:String}})"
    return f"({has_it} AND {_matches(condition, value, name, parameters)})"


def _matches(condition: Condition, value: str, name: str, parameters: dict[str, Any]) -> str:
    match condition.operator, condition.values:
        case "exists", _:
            return "1"
        case "!=", (text,):
            return f"NOT {_equal(value, text, name, parameters)}"
        case (">" | "<" | ">=" | "<=") as operator, (text,):
            number = attribute_filter.number(text)
            parameters[name] = text if number is None else float(number)
            kind, compared = ("String", value) if number is None else ("Float64", _number(value))
            return f"({compared} {operator} {{{name}:{kind}}})"
        case ("matches" | "contains" | "starts with") as operator, (text,):
            parameters[name] = text
            return _TEXT_CONDITIONS[operator].format(value=value, given=f"{{{name}:String}}")
    equal = (_equal(value, text, f"{name}_{number}", parameters) for number, text in enumerate(condition.values))
    return f"({' OR '.join(equal)})"


def _equal(value: str, text: str, name: str, parameters: dict[str, Any]) -> str:
    parameters[name] = text
    number = attribute_filter.number(text)
    if number is None:
        return f"({value} = {{{name}:String}})"
    parameters[f"{name}_number"] = float(number)
    return f"({value} = {{{name}:String}} OR ifNull({_number(value)} = {{{name}_number:Float64}}, 0))"


def _number(value: str) -> str:
    """The number that a text is; null if it is none."""
    return f"if(match({value}, '{_IS_NUMBER}'), toFloat64OrNull({value}), NULL)"
