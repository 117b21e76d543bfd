"""Which rows: what a page, a count, the facets and an export are narrowed to, as conditions of SQLite.

The text of a condition is one of those written here; what people typed travels only as bound parameters.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypedDict

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query.engine.search_text import SEARCHED, is_plain
from obs_core.query.filters import attribute_filter, checks

KINDS: Final = ("call", "value", "log")
FUNCTION: Final = "coalesce(nullif(function, ''), data)"
_LONGEST_MS: Final = 9.2e12


class Wanted(TypedDict, total=False):
    """What the rows must be; what is None or not there narrows nothing.

    `search` is literal text, found in process, data, value and exception whatever its case; `min_ms` and `max_ms`
    bound the duration (both are in it); `exception_type` is what stands before the exception's first colon; `where`
    holds conditions on attributes (see `query.conditions`).
    """

    group: str | None
    process: str | None
    status: str | None
    kind: str | None
    errors: bool
    search: str | None
    function: str | None
    data_type: str | None
    exception_type: str | None
    min_ms: float | None
    max_ms: float | None
    where: str | None


class WhereClause(NamedTuple):
    """Conditions joined by AND, and the parameters that they bind."""

    where: str
    parameters: dict[str, Any]


def where_clause(window: Window, wanted: Wanted) -> WhereClause:
    """The conditions under which a row is in `window` and as `wanted`.

    Raises:
        BadParameter: a parameter is none of what it may be.
    """
    parameters: dict[str, Any] = {"from_ns": window.from_ns, "to_ns": window.to_ns}
    parts = ["timestamp >= :from_ns AND timestamp < :to_ns"]
    if wanted.get("status") == "ERROR" or wanted.get("errors"):
        parts.append("status = 'ERROR'")  # in so many words: only then SQLite takes the index of failures
    for name, (part, value) in _plain(wanted).items():
        if value is not None:
            parts.append(part)
            parameters[name] = value
    if search := checks.text("search", wanted.get("search")):
        parts.append(_search(search, parameters))
    for place, condition in enumerate(attribute_filter.conditions(wanted.get("where"))):
        parts.append(_attribute(condition, f"w{place}", parameters))
    return WhereClause("\n      AND ".join(parts), parameters)


def _plain(wanted: Wanted) -> Mapping[str, tuple[str, object]]:
    """The conditions on single columns, with what each is compared to."""
    status, kind = wanted.get("status"), wanted.get("kind")
    if wanted.get("errors"):
        if status not in (None, "", "ERROR"):
            raise BadParameter(f"errors=1 shows status ERROR only, not {status}.", "Leave one of them out.")
        status = "ERROR"
    type_is = "substr(exception, 1, length(:exception_type)) = :exception_type"
    return {
        "status": ("status = :status", checks.text("status", status)),
        "group": ("process_group = :group", checks.text("group", wanted.get("group"))),
        "process": ("process = :process", checks.text("process", wanted.get("process"))),
        "kind": ("kind = :kind", checks.choice("kind", kind, KINDS) if kind else None),
        "function": (f"{FUNCTION} = :function", checks.text("function", wanted.get("function"))),
        "data_type": ("data_type = :data_type", checks.text("data_type", wanted.get("data_type"))),
        "exception_type": (
            f"{type_is} AND exception_type(CAST(substr(exception, 1, 500) AS BLOB)) = :exception_type",
            checks.text("exception_type", wanted.get("exception_type")),
        ),
        "min_ns": ("duration_ns >= :min_ns", _nanoseconds("min_ms", wanted.get("min_ms"))),
        "max_ns": ("duration_ns <= :max_ns", _nanoseconds("max_ms", wanted.get("max_ms"))),
    }


def _nanoseconds(name: str, ms: float | None) -> int | None:
    if ms is None:
        return None
    if not 0 <= ms <= _LONGEST_MS:
        message = f"{name} is {ms}; it must be a duration in milliseconds, 0 or more."
        raise BadParameter(message, "Leave it out for no bound.")
    return round(ms * 1e6)


def _search(search: str, parameters: dict[str, Any]) -> str:
    """Where `search` stands anywhere in the row's text.

    SQLite's LIKE folds ASCII only, in C: that is 2.3 times as fast as lower() with instr(), and enough for an ASCII
    search. It stops at a NUL. Other searches go through the casefold function.
    """
    if is_plain(search):
        parameters["pattern"] = checks.like(search)
        found = (f"{column} LIKE :pattern ESCAPE '\\'" for column in SEARCHED)
    else:
        parameters["folded"] = search.casefold()
        found = (f"instr(casefold(CAST({column} AS BLOB)), :folded)" for column in SEARCHED)
    return f"({' OR '.join(found)})"


def _attribute(condition: attribute_filter.Condition, name: str, parameters: dict[str, Any]) -> str:
    """The condition on one attribute; its parameters begin with `name`."""
    kind, value = _json(condition.name, name, parameters)
    parameters[f"{name}_name"] = condition.name
    return f"({_may_have(condition.name, name)} AND {_fits(condition, kind, value, name, parameters)})"


def _may_have(attribute: str, name: str) -> str:
    """Whether the JSON may hold the attribute, as its name stands there; to look costs a tenth of a parse."""
    return f"instr(attributes, :{name}_name)" if _is_label(attribute) else "1"


def _is_label(attribute: str) -> bool:
    """Whether every JSON writes the name as it is."""
    return attribute.isascii() and attribute.isprintable() and not set(attribute) & {'"', "\\"}


def _fits(condition: attribute_filter.Condition, kind: str, value: str, name: str, parameters: dict[str, Any]) -> str:
    """The condition on an attribute of this JSON type and value."""
    match condition.operator, condition.values:
        case "exists", _:
            return f"{kind} IS NOT NULL"
        case "!=", (word,):
            return f"({value} IS NOT NULL AND NOT ({_equal(value, word, name, parameters)}))"
        case (">" | "<" | ">=" | "<=") as operator, (word,):
            return _compared(value, operator, word, name, parameters)
        case "matches", (word,):
            parameters[name] = word
            return f"matches(CAST({value} AS BLOB), :{name})"
        case ("contains" | "starts with") as operator, (word,):
            return _found(value, word, name, parameters, at_start=operator == "starts with")
    equal = (_equal(value, word, f"{name}_{place}", parameters) for place, word in enumerate(condition.values))
    return f"({' OR '.join(equal)})"


def _found(value: str, word: str, name: str, parameters: dict[str, Any], *, at_start: bool) -> str:
    """`word` stands in the value whatever its case, or begins it."""
    if is_plain(word):
        parameters[name] = checks.like(word)[1 if at_start else 0 :]
        return f"{value} LIKE :{name} ESCAPE '\\'"
    parameters[name] = word.casefold()
    return f"instr(casefold(CAST({value} AS BLOB)), :{name}) {'= 1' if at_start else '> 0'}"


def _json(attribute: str, name: str, parameters: dict[str, Any]) -> tuple[str, str]:
    """SQL for the JSON type of an attribute, and for its value; both null where the row lacks it.

    SQLite's JSON ends a text at a NUL. It compares a path's labels with the JSON as it is written, where other
    characters than plain ASCII may be escaped; those names are looked up among the decoded keys, at twice the time.
    """
    valid = "json_valid(attributes)"
    if _is_label(attribute):
        parameters[f"{name}_path"] = f'$.attributes."{attribute}"'
        kind, value = (f"{function}(attributes, :{name}_path)" for function in ("json_type", "json_extract"))
        kind = f"CASE WHEN {valid} THEN {kind} END"
    else:
        parameters[f"{name}_path"] = attribute
        among = f"json_each(CASE WHEN {valid} THEN attributes END, '$.attributes') WHERE key = :{name}_path LIMIT 1"
        kind, value = f"(SELECT type FROM {among})", f"(SELECT value FROM {among})"
    return (
        kind,
        f"(CASE {kind} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CASE WHEN {valid} THEN {value} END END)",
    )


def _equal(value: str, word: str, name: str, parameters: dict[str, Any]) -> str:
    parameters[name] = word
    number = attribute_filter.number(word)
    if number is None:
        return f"{value} = :{name}"
    parameters[f"{name}_number"] = number
    return f"({value} = :{name} OR ({_is_number(value)} AND {value} = :{name}_number))"


def _compared(value: str, operator: str, word: str, name: str, parameters: dict[str, Any]) -> str:
    """More or less: as numbers if `word` is one, else as text."""
    number = attribute_filter.number(word)
    parameters[name] = word if number is None else number
    if number is None:
        return f"(typeof({value}) = 'text' AND {value} {operator} :{name})"
    digits = f"ltrim({value}, '-')"
    looks = (
        f"typeof({value}) = 'text' AND {digits} GLOB '[0-9]*' AND {digits} NOT GLOB '*[^0-9.]*'"
        f" AND {digits} NOT GLOB '*.*.*'"
    )
    return (
        f"(({_is_number(value)} AND {value} {operator} :{name})"
        f" OR ({looks} AND CAST({value} AS REAL) {operator} :{name}))"
    )


def _is_number(value: str) -> str:
    return f"typeof({value}) IN ('integer', 'real')"
