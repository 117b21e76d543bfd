"""Conditions on the attributes of a row, as users write them: `http.status_code >= 500 and user exists`.

A condition is a name, an operator and a value; several are joined by `and`. Names and values with spaces, quotes,
operators or commas are written as JSON strings. A row that lacks the attribute matches no condition, not even `!=`.
Numbers are compared as numbers (also where the attribute is a text such as "500"), everything else as text.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from obs_core.errors import BadParameter

OPERATORS: Final = ("=", "!=", ">", "<", ">=", "<=", "contains", "starts with", "matches", "in", "exists")
MOST: Final = 20
LONGEST: Final = 4_000

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_START: Final = re.compile(
    rf"\s*(?P<name>{_QUOTED}|[^\s=!<>\",]+)\s*"
    r"(?P<operator>(?:!=|>=|<=|=|>|<)(?!\s*[=!<>])|(?:contains|starts\s+with|matches|in|exists)(?![^\s\"]))\s*",
    re.IGNORECASE,
)
_END: Final = r"(?=\s*(?:$|,|\band\b))"
_VALUE: Final = re.compile(
    rf"(?P<quoted>{_QUOTED}){_END}|(?P<bare>(?!\")(?:(?!\sand(?:\s|$)).)*)", re.IGNORECASE | re.DOTALL
)
_ITEM: Final = re.compile(
    rf"(?P<quoted>{_QUOTED}){_END}|(?P<bare>(?!\")(?:(?!\sand(?:\s|$))[^,])*)", re.IGNORECASE | re.DOTALL
)
_COMMA: Final = re.compile(r"\s*,\s*")
_AND: Final = re.compile(r"\s*\band\b", re.IGNORECASE)
_PLAIN_NAME: Final = re.compile(r"[^\s=!<>\",\\]+")
_HINT: Final = "Write a name, an operator and a value, such as http.status_code >= 500; join several with and."


class Condition(NamedTuple):
    """The attribute's name, one of `OPERATORS`, and the values: one, more for `in`, none for `exists`."""

    name: str
    operator: str
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The condition as users write it."""
        if self.operator == "exists":
            return f"{_name(self.name)} exists"
        return f"{_name(self.name)} {self.operator} {', '.join(_value(value) for value in self.values)}"


def conditions(text: str | None) -> tuple[Condition, ...]:
    """The conditions in `text`; none if it is empty.

    Raises:
        BadParameter: the syntax is wrong, or the pattern of `matches` is not a regular expression (RE2).
    """
    if not text or not text.strip():
        return ()
    if len(text) > LONGEST:
        message = f"The conditions have {len(text):,} characters; the maximum is {LONGEST:,}."
        raise BadParameter(message, "Remove some.")
    _checked_text(text)
    parsed: list[Condition] = []
    position = 0
    while True:
        condition, position = _condition(text, position)
        parsed.append(condition)
        if not text[position:].strip():
            break
        conjunction = _AND.match(text, position)
        if conjunction is None or len(parsed) == MOST:
            raise _invalid(text[position:])
        position = conjunction.end()
    return tuple(parsed)


def joined(parsed: Sequence[Condition]) -> str:
    """The conditions as one text; the inverse of `conditions`."""
    return " and ".join(condition.text for condition in parsed)


def number(text: str) -> int | float | None:
    """The decimal number that `text` is, or None."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text, re.ASCII):
        return None
    if re.fullmatch(r"[+-]?\d{1,18}", text):
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None


def _condition(text: str, position: int) -> tuple[Condition, int]:
    """The condition that starts at `position`, and the position after it."""
    start = _START.match(text, position)
    if start is None:
        raise _invalid(text[position:])
    name, operator = _unquoted(start["name"]), " ".join(start["operator"].lower().split())
    if operator == "exists":
        return _checked(Condition(name, operator)), start.end()
    values: list[str] = []
    position = start.end()
    while True:
        value = (_ITEM if operator == "in" else _VALUE).match(text, position)
        if value is None or not (value["quoted"] or (value["bare"] or "").strip()):
            raise _invalid(text[start.start() :])
        values.append(_unquoted(value["quoted"]) if value["quoted"] else value["bare"].strip())
        position = value.end()
        comma = _COMMA.match(text, position) if operator == "in" else None
        if comma is None:
            return _checked(Condition(name, operator, tuple(values))), position
        position = comma.end()


def _checked_text(text: str) -> str:
    """`text`, if a log can contain it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"where contains half a character (a lone surrogate) at position {error.start}."
        raise BadParameter(message, "Remove it: no log contains it.") from error
    return text


def _checked(condition: Condition) -> Condition:
    """`condition`, if its pattern is valid."""
    if condition.operator == "matches":
        try:
            pc.match_substring_regex(pa.array([""]), condition.values[0])
        except pa.ArrowInvalid as error:
            message = (
                f"“{condition.values[0][:60]}” is not a valid regular expression: {str(error).partition(': ')[2]}."
            )
            raise BadParameter(message, "Use RE2's syntax, or contains for literal text.") from error
    return condition


def _invalid(text: str) -> BadParameter:
    return BadParameter(f"“{text.strip()[:60]}” is not a valid condition on an attribute.", _HINT)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        unquoted = str(json.loads(text, strict=False))
    except ValueError as error:
        raise _invalid(text) from error
    return _checked_text(unquoted)


def _name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: str) -> str:
    needs_quotes = (
        not value
        or value != value.strip()
        or value.startswith(('"', "=", "!", "<", ">"))
        or re.search(r",|\band\b", value, re.IGNORECASE)
    )
    return json.dumps(value, ensure_ascii=False) if needs_quotes else value
