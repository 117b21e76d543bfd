"""Removes secrets from source code before it is stored: literals of secret names, and secrets inside literals."""

import re
from typing import TYPE_CHECKING, Final

from obs_core.capture.values.secret_shapes import QUOTED, REDACTED

if TYPE_CHECKING:
    from obs_core.capture.values.redact import Redaction

_ASSIGNED: Final = re.compile(
    r"(?<![\w.-])(?P<name>\w[\w.-]*+)[\"'\]]{0,2}+\s{0,20}+(?::\s{0,4}+[\w.\[\]| ]{1,40}?)?\s{0,20}+"
    r"(?:(?P<compared>==|!=)|=>|:=|=|:|,)[\s(]{0,20}+(?=[bBrRuUfF]{0,2}[\"'])"
)
"""A name and what may stand between it and its literal: an annotation, an assignment, a comma of a pair."""

_JOINED: Final = re.compile(r"\s{0,200}+(?=[bBrRuUfF]{0,2}[\"'])")
_LITERAL: Final = re.compile(
    r"#[^\n]*+"
    r"|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\")?+|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?+"
    r"|\"(?:[^\"\\\n]|\\.)*+\"?+|'(?:[^'\\\n]|\\.)*+'?+",
    re.DOTALL,
)
"""A comment or a literal; one that does not end is read to the end of its line, so that each character is read once."""


def without_secrets(source: str, redaction: "Redaction") -> str:
    """`source` with `"[redacted]"` for each literal of a secret name, and its other literals and comments scrubbed."""
    return _without_literals(_scrubbed_literals(source, redaction), redaction)


def _without_literals(source: str, redaction: "Redaction") -> str:
    pieces: list[str] = []
    last = at = 0
    while (match := _ASSIGNED.search(source, at)) is not None:
        at = match.end()
        if not redaction.hides(_subject(match)):
            continue
        while (literal := QUOTED.match(source, at)) is not None:
            at = literal.end()
            if (following := _JOINED.match(source, at)) is None:
                break
            at = following.end()
        pieces += [source[last : match.end()], f'"{REDACTED}"']
        last = at
    return "".join([*pieces, source[last:]])


def _subject(match: re.Match[str]) -> str:
    """The name of what the literal is for; of a comparison, the last attribute: the kind in `token.kind == "name"`."""
    name = match["name"]
    return name.rpartition(".")[2] if match["compared"] else name


def _scrubbed_literals(source: str, redaction: "Redaction") -> str:
    def scrubbed(match: re.Match[str]) -> str:
        literal = match[0]
        text = redaction.scrubbed(literal)
        is_open = text != literal and not literal.startswith("#") and text[-1:] != literal[-1:]
        return text + literal[-1:] if is_open else text

    return _LITERAL.sub(scrubbed, source)
