"""Frames become rows of the log: names, texts and ids are written out here, not in the traced call."""

import json
import marshal
from collections.abc import Callable, Sequence
from typing import Any, Final

from obs_core.capture.describe import cut, rules
from obs_core.capture.frames import DESCRIBED, NOT_MEASURED, Event, Site
from obs_core.capture.header import Writer
from obs_core.model import Row

_LARGEST: Final = (1 << 63) - 1
CodeOf = Callable[[Site], int | None]
SiteOf = Callable[[int], bytes | None]


class Translator:
    """Turns the frames of one spool into rows; `site_of` knows the sites by number, `code_of` the sources by site."""

    def __init__(self, writer: Writer, site_of: SiteOf, code_of: CodeOf) -> None:
        """Rows of `writer`."""
        self.run_id: int | None = None
        self._writer = writer
        self._site_of = site_of
        self._code_of = code_of
        self._sites: dict[int | bytes, tuple[Site, int | None]] = {}

    def forget_ids(self) -> None:
        """The ids of sources and of the run are gone with a transaction, or belong to another file."""
        self.run_id = None
        self._sites.clear()

    def rows(self, events: Sequence[Event]) -> list[Row]:
        """The rows that `events` carry; one that can't be read becomes a row that says so."""
        rows: list[Row] = []
        for event in events:
            try:
                rows.append(self._row(event))
            except (ValueError, TypeError, EOFError, KeyError, IndexError, AttributeError) as error:
                text = f"a row could not be read: {type(error).__name__}: {error}"
                rows.append(Row("log", self._writer.process, "obs_core.capture", event.timestamp_ns, data_value=text))
        return rows

    def _row(self, event: Event) -> Row:
        number, high, low, span, parent, moment, duration, raw = event
        value = marshal.loads(raw)  # noqa: S302 - written by this product, and its checksum holds
        if number & DESCRIBED:
            return self._described(event, *value)
        text = value if type(value) is str else _text(value)
        if len(text) > rules.cap:
            return self._described(event, None, {"type": type(value).__name__, **cut(text)})
        site, code = self._sites.get(number) or self._known(number)
        return Row(
            site.kind,
            self._writer.process,
            site.data,
            moment,
            self._writer.process_group,
            type(value).__name__,
            text,
            "OK",
            None,
            f"{high:016x}{low:016x}" if high or low else None,
            f"{span:016x}" if span else None,
            f"{parent:016x}" if parent else None,
            site.function,
            None,
            None if duration == NOT_MEASURED else duration,
            None,
            code,
            self.run_id,
        )

    def _known(self, number: int | bytes) -> tuple[Site, int | None]:
        key = number if isinstance(number, bytes) else self._site_of(number)
        site = Site._make(marshal.loads(key)) if key else Site("call", "?", None, None, None)  # noqa: S302 - as above
        known = self._sites[number] = site, self._code_of(site) if site.kind == "call" and site.file else None
        return known

    def _described(self, event: Event, value: object, more: dict[str, Any]) -> Row:
        number: int | bytes = more["site"] if "site" in more else event.site & ~DESCRIBED
        site, code = self._sites.get(number) or self._known(number)
        plain = self._row(event._replace(site=0, value=marshal.dumps(None)))
        kind, text = more.get("type"), more.get("text")
        if kind is None and more.get("result", True):
            kind, text = type(value).__name__, _text(value)
        attributes = dict(more.get("attributes") or {})
        if "hash" in more:
            attributes |= {"obs.value.length": more.get("length"), "obs.value.hash": more["hash"]}
        stack = more.get("stack")
        return plain._replace(
            kind=site.kind,
            data=site.data,
            data_type=kind,
            data_value=text,
            status=more.get("status", "OK"),
            exception=more.get("exception"),
            function=site.function,
            exception_stack=traceback_text(stack) if stack else None,
            memory_delta=more.get("memory"),
            code_id=code,
            attributes=json.dumps({"attributes": attributes}, ensure_ascii=False, default=str) if attributes else None,
        )


def _text(value: object) -> str:
    try:
        return value if isinstance(value, str) else repr(value)
    except ValueError:  # an integer of more than 4,300 digits
        return f"<{type(value).__name__} of {value.bit_length() if isinstance(value, int) else '?'} bits>"


def traceback_text(chain: Sequence[tuple[str, str, Sequence[tuple[str, int, str]]]]) -> str:
    """A traceback as Python prints it, from (introduction, last line, frames of file, line, function) per exception."""
    import linecache  # noqa: PLC0415 - only programs that raise need it

    parts: list[str] = []
    for introduction, last, frames in chain:
        if introduction:
            parts.append(f"\n{introduction}\n\n")
        if frames:
            parts.append("Traceback (most recent call last):\n")
        for file, line, function in frames:
            source = linecache.getline(file, line).strip()
            parts.append(f'  File "{file}", line {line}, in {function}\n' + (f"    {source}\n" if source else ""))
        parts.append(f"{last}\n")
    return "".join(parts)


def sanitised(row: Row) -> Row:
    """`row` as SQLite can store it: lone surrogates and numbers beyond 64 bits, value by value."""
    return Row._make(_storable(value) for value in row)


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int):
        return max(-_LARGEST - 1, min(_LARGEST, value))
    return value
