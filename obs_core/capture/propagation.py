"""The headers that connect processes: `traceparent`, `tracestate` (W3C Trace Context level 2), `baggage` (W3C Baggage).

Headers come from anywhere, so nothing here raises: what is not valid counts as not there.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
BAGGAGE: Final = "baggage"
NAMES: Final = (TRACEPARENT, TRACESTATE, BAGGAGE)
"""Names of the headers. In an environment they are TRACEPARENT, TRACESTATE and BAGGAGE (OpenTelemetry)."""

_MOST_MEMBERS: Final = 64
_MOST_STATES: Final = 32
_MOST_BYTES: Final = 8192  # of a baggage or a tracestate that is passed on
_MOST_READ: Final = 8 * _MOST_BYTES  # of a baggage that arrives: it may have spaces and members that are left out

# compiled when first used: most programs never see a header
_TRACEPARENT: Final = r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
_KEY: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_VALUE: Final = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*+"
_EQUALS: Final = r"[ \t]*+=[ \t]*+"
_MEMBER: Final = rf"({_KEY}){_EQUALS}{_VALUE}(?:[ \t]*+;[ \t]*+{_KEY}(?:{_EQUALS}{_VALUE})?)*+"
_STATE: Final = r"([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"


class Headers(NamedTuple):
    """What the headers of another process name, each empty if it is not there or not valid."""

    ids: tuple[int, int, int] | None
    """The call: the two halves of its trace id, and its span id (64 bits each)."""
    tracestate: str
    baggage: dict[str, str]
    """The members by their keys, as they arrived, with their properties; see `values`."""

    def fields(self) -> dict[str, str]:
        """The headers that are passed on as they arrived: tracestate and baggage."""
        texts = {TRACESTATE: self.tracestate, BAGGAGE: ",".join(self.baggage.values())}
        return {name: text for name, text in texts.items() if text}


NOTHING: Final = Headers(None, "", {})


def read(carrier: Any) -> Headers:  # noqa: ANN401 - whatever a server calls its headers
    """The headers in `carrier`: a mapping, or pairs, of texts or bytes; names in any case."""
    try:
        texts = _texts(carrier)
        ids = parse_traceparent(texts[TRACEPARENT][0]) if len(set(texts[TRACEPARENT])) == 1 else None
        return Headers(
            ids,
            parse_tracestate(",".join(texts[TRACESTATE])) if ids else "",
            parse_baggage(",".join(texts[BAGGAGE])),
        )
    except Exception:  # noqa: BLE001 - the carrier is an object of the program, with any code
        return NOTHING


def _texts(carrier: Any) -> dict[str, list[str]]:  # noqa: ANN401 - as above
    pairs: Iterable[tuple[Any, Any]] = carrier.items() if hasattr(carrier, "items") else carrier
    texts: dict[str, list[str]] = {name: [] for name in NAMES}
    for name, value in pairs:
        known = texts.get(_text(name).lower())
        if known is not None:
            known.extend(map(_text, value if isinstance(value, list | tuple) else (value,)))
    return texts


def _text(part: object) -> str:
    if isinstance(part, bytes):
        return part.decode("latin-1")
    return str.__str__(part) if isinstance(part, str) else ""


def parse_traceparent(text: str) -> tuple[int, int, int] | None:
    """The halves of the trace id and the span id of a `traceparent`, or None if it is not valid (section 3.2)."""
    match = re.fullmatch(_TRACEPARENT, text.strip()) if text else None
    if not match:
        return None
    version, trace, span, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    return int(trace[:16], 16), int(trace[16:], 16), int(span, 16)


def parse_tracestate(text: str) -> str:
    """A `tracestate` without spaces and empty members; empty if one member is not valid or occurs twice (3.3)."""
    if not text or len(text) > _MOST_BYTES:
        return ""
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    matches = [re.fullmatch(_STATE, member) for member in members]
    keys = {match[1] for match in matches if match}
    return ",".join(members) if len(keys) == len(members) <= _MOST_STATES else ""


def parse_baggage(text: str) -> dict[str, str]:
    """The valid members of a `baggage` by their keys, each as it arrived; of members with one key, the last.

    At most 64 members, and 8,192 bytes in all with the commas between them: others are left out.
    """
    if not text:
        return {}
    if len(text) > _MOST_READ:
        text = text[:_MOST_READ].rpartition(",")[0]
    members: dict[str, str] = {}
    for part in text.split(","):
        match = re.fullmatch(_MEMBER, part.strip(" \t"))
        if match:
            members[match[1]] = match[0]
    left = _MOST_BYTES + 1
    fitting: dict[str, str] = {}
    for key, member in members.items():
        if len(member) < left and len(fitting) < _MOST_MEMBERS:
            left -= len(member) + 1
            fitting[key] = member
    return fitting


def values(members: Mapping[str, str]) -> dict[str, str]:
    """The values of members of a baggage by their keys: without properties, percent-decoded, bad UTF-8 replaced."""
    from urllib.parse import unquote  # noqa: PLC0415 - only if there is baggage

    return {
        key: unquote(member.partition("=")[2].partition(";")[0].strip(" \t"), errors="replace")
        for key, member in members.items()
    }
