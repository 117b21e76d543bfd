"""Frames become rows of the log: names, texts and ids are written out here, not in the traced call."""

import json
import marshal
from collections.abc import Callable, Sequence
from typing import Any, Final

from obs_core.capture.spool.frames import DESCRIBED, NOT_MEASURED, READY, CallSite, Event
from obs_core.capture.spool.header import Writer
from obs_core.capture.values.limits import cut, rules
from obs_core.capture.values.summary import description
from obs_core.model import Row

_LARGEST: Final = (1 << 63) - 1
CodeOf = Callable[[CallSite], int | None]
SiteOf = Callable[[int], bytes | None]


class RowBuilder:
    """Turns the frames of one spool into rows; `site_of` knows the sites by number, `code_of` the sources by site."""

    def __init__(self, writer: Writer, site_of: SiteOf, code_of: CodeOf) -> None:
        """Rows of `writer`."""
        self.run_id: int | None = None
        self._writer = writer
        self._site_of = site_of
        self._code_of = code_of
        self._sites: dict[int | bytes, tuple[CallSite, int | None]] = {}

    def forget_ids(self) -> None:
        """The ids of sources and of the run are gone with a transaction, or belong to another file."""
        self.run_id = None
        self._sites.clear()

    def rows(self, events: Sequence[Event]) -> list[Row]:
        """The rows that `events` carry; one that can't be read becomes a row that says so.

        Plain ones are made as bare tuples in one loop: a named tuple and a call for each took as long as the insert.
        """
        rows: list[Any] = []
        writer, sites, run, loads, cap = self._writer, self._sites, self.run_id, marshal.loads, rules.cap
        process, group = writer.process, writer.process_group
        trace, trace_high, trace_low = None, 0, 0
        for event in events:
            number, high, low, span, parent, moment, duration, raw = event
            try:
                value = loads(raw)
                if number & DESCRIBED:
                    rows.append(self._described(event, *value))
                    continue
                if number == READY:
                    rows.append(Row(*value))
                    continue
                kind = type(value)
                text = repr(value) if kind is float else _text(value)
                if len(text) > cap:
                    rows.append(self._described(event, None, {"type": kind.__name__, **cut(text)}))
                    continue
                site, code = sites.get(number) or self._known(number)
                if low != trace_low or high != trace_high:
                    trace_high, trace_low = high, low
                    trace = f"{high:016x}{low:016x}" if high or low else None
                rows.append(
                    (
                        *(site.kind, process, site.data, moment, group, kind.__name__, text, "OK", None, trace),
                        *(f"{span:016x}" if span else None, f"{parent:016x}" if parent else None, site.function),
                        *(None, None if duration < 0 else duration, None, code, run, None),
                    )
                )
            except (ValueError, TypeError, EOFError, KeyError, IndexError, AttributeError) as error:
                text = f"a row could not be read: {type(error).__name__}: {error}"
                rows.append(Row("log", process, "obs_core.capture", moment, data_value=text, run_id=run))
        return rows

    def _known(self, number: int | bytes) -> tuple[CallSite, int | None]:
        key = number if isinstance(number, bytes) else self._site_of(number)
        site = CallSite._make(marshal.loads(key)) if key else CallSite("call", "?", None, None, None)  # noqa: S302 - as above
        known = self._sites[number] = site, self._code_of(site) if site.kind == "call" and site.file else None
        return known

    def _described(self, event: Event, value: object, more: dict[str, Any]) -> Row:
        number, high, low, span, parent, moment, duration, _ = event
        key: int | bytes = more["site"] if "site" in more else number & ~DESCRIBED
        site, code = self._sites.get(key) or self._known(key)
        kind, text = more.get("type"), more.get("text")
        if kind is None and more.get("result", True):
            kind, text = type(value).__name__, _text(value)
        attributes = dict(more.get("attributes") or {})
        if "hash" in more:
            attributes |= {"obs.value.length": more.get("length"), "obs.value.hash": more["hash"]}
        about = {"attributes": attributes, **(more.get("about") or {})} if attributes else more.get("about")
        stack = more.get("stack")
        return Row(
            kind=site.kind,
            process=more.get("process") or self._writer.process,
            data=site.data,
            timestamp=moment,
            process_group=more.get("group") or self._writer.process_group,
            data_type=kind,
            data_value=text,
            status=more.get("status", "OK"),
            exception=more.get("exception"),
            trace_id=f"{high:016x}{low:016x}" if high or low else None,
            span_id=f"{span:016x}" if span else None,
            parent_span_id=f"{parent:016x}" if parent else None,
            function=site.function,
            exception_stack=stack if isinstance(stack, str) else traceback_text(stack) if stack else None,
            duration_ns=None if duration == NOT_MEASURED else duration,
            memory_delta=more.get("memory"),
            code_id=code,
            run_id=self.run_id,
            attributes=json.dumps(about, ensure_ascii=False, default=str) if about else None,
        )


def _text(value: object) -> str:
    try:
        return value if isinstance(value, str) else repr(value)
    except ValueError:  # an integer of more than 4,300 digits
        return str(description(value)["text"])


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


def sanitised(row: Sequence[object]) -> Row:
    """`row` as SQLite can store it: lone surrogates and numbers beyond 64 bits, value by value."""
    return Row._make(_storable(value) for value in row)


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int):
        return max(-_LARGEST - 1, min(_LARGEST, value))
    return value
