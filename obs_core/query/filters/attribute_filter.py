"""Conditions on the attributes that came with a row, as people write them: `http.status_code >= 500 and user exists`.

A condition is a name, an operator and a value; several are joined by `and`. Names and values that hold spaces,
quotes, operators or commas are written as JSON strings. An attribute that a row lacks fits no condition, not even `!=`.
Numbers compare as numbers (also where the attribute is a text such as "500"), everything else by its text.
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
_BEGIN: Final = re.compile(
    rf"\s*(?P<name>{_QUOTED}|[^\s=!<>\",]+)\s*"
    r"(?P<operator>!=|>=|<=|=|>|<|(?:contains|starts\s+with|matches|in|exists)(?![^\s\"]))\s*",
    re.IGNORECASE,
)
_END: Final = r"(?=\s*(?:$|,|\band\b))"
_WORD: Final = re.compile(
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
        """The condition as people write it."""
        if self.operator == "exists":
            return f"{_name(self.name)} exists"
        return f"{_name(self.name)} {self.operator} {', '.join(_value(value) for value in self.values)}"


def conditions(text: str | None) -> tuple[Condition, ...]:
    """The conditions that `text` holds; none for no text.

    Raises:
        BadParameter: it is not as this module says, or a pattern of `matches` is none (RE2's syntax).
    """
    if not text or not text.strip():
        return ()
    if len(text) > LONGEST:
        message = f"The conditions have {len(text):,} characters; {LONGEST:,} is the most."
        raise BadParameter(message, "Leave some out.")
    _whole(text)
    found: list[Condition] = []
    at = 0
    while True:
        condition, at = _condition(text, at)
        found.append(condition)
        if not text[at:].strip():
            break
        joined = _AND.match(text, at)
        if joined is None or len(found) == MOST:
            raise _broken(text[at:])
        at = joined.end()
    return tuple(found)


def joined(found: Sequence[Condition]) -> str:
    """The conditions as one text, which `conditions` reads back."""
    return " and ".join(condition.text for condition in found)


def number(text: str) -> int | float | None:
    """`text` as the number that it writes in decimal, or None."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text, re.ASCII):
        return None
    if re.fullmatch(r"[+-]?\d{1,18}", text):
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None


def _condition(text: str, at: int) -> tuple[Condition, int]:
    """The condition that begins at `at`, and where it ends."""
    begin = _BEGIN.match(text, at)
    if begin is None:
        raise _broken(text[at:])
    name, operator = _unquoted(begin["name"]), " ".join(begin["operator"].lower().split())
    if operator == "exists":
        return _checked(Condition(name, operator)), begin.end()
    values: list[str] = []
    at = begin.end()
    while True:
        word = (_ITEM if operator == "in" else _WORD).match(text, at)
        if word is None or not (word["quoted"] or (word["bare"] or "").strip()):
            raise _broken(text[begin.start() :])
        values.append(_unquoted(word["quoted"]) if word["quoted"] else word["bare"].strip())
        at = word.end()
        comma = _COMMA.match(text, at) if operator == "in" else None
        if comma is None:
            return _checked(Condition(name, operator, tuple(values))), at
        at = comma.end()


def _whole(text: str) -> str:
    """`text`, if a log can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"where holds half a character (a lone surrogate) at position {error.start}."
        raise BadParameter(message, "No log can hold it: remove it.") from error
    return text


def _checked(condition: Condition) -> Condition:
    """`condition`, if its pattern is one."""
    if condition.operator == "matches":
        try:
            pc.match_substring_regex(pa.array([""]), condition.values[0])
        except pa.ArrowInvalid as error:
            message = f"“{condition.values[0][:60]}” is no regular expression: {str(error).partition(': ')[2]}."
            raise BadParameter(message, "Use RE2's syntax, or contains for literal text.") from error
    return condition


def _broken(text: str) -> BadParameter:
    return BadParameter(f"“{text.strip()[:60]}” is no condition on an attribute.", _HINT)


def _unquoted(word: str) -> str:
    if not word.startswith('"'):
        return word
    try:
        found = str(json.loads(word, strict=False))
    except ValueError as error:
        raise _broken(word) from error
    return _whole(found)


def _name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: str) -> str:
    odd = not value or value != value.strip() or value.startswith('"') or re.search(r",|\band\b", value, re.IGNORECASE)
    return json.dumps(value, ensure_ascii=False) if odd else value
