"""`RowBuilder`: turns frames into rows of the log. Names, texts and ids are formatted here, not in the traced call."""

import marshal
from collections.abc import Callable, Sequence
from typing import Any, Final

from obs_core.capture.spool.frames import DESCRIBED, NOT_MEASURED, READY, CallSite, Frame
from obs_core.capture.spool.header import WriterIdentity
from obs_core.capture.values.limits import rules
from obs_core.capture.values.summary import description
from obs_core.model import Row
from obs_core.text import json_text

_LARGEST: Final = (1 << 63) - 1
_LONGEST_LINE: Final = 500  # characters of a line of source code in a stack
_OF_VALUES: Final = ("length", "hash", "incomparable")  # details that are attributes named obs.value.…
CodeIdOf = Callable[[CallSite], int | None]
SiteKeyOf = Callable[[int], bytes | None]


class RowBuilder:
    """Turns the frames of one spool into rows, with a look-up of sites by id and of recorded source code by site."""

    def __init__(self, writer: WriterIdentity, site_key_of: SiteKeyOf, code_id_of: CodeIdOf) -> None:
        """Build rows of `writer`."""
        self.run_id: int | None = None
        self._writer = writer
        self._site_key_of = site_key_of
        self._code_id_of = code_id_of
        self._sites: dict[int | bytes, tuple[CallSite, int | None]] = {}

    def forget_ids(self) -> None:
        """Drop the cached ids of source code and run, after a rollback or for another log."""
        self.run_id = None
        self._sites.clear()

    def rows(self, frames: Sequence[Frame]) -> list[Row]:
        """The rows of `frames`; an unreadable frame becomes a row of kind `log` with the error.

        Plain rows are bare tuples made in one loop: a named tuple and a call for each took as long as the insert.
        """
        rows: list[Any] = []
        writer, sites, run, loads, cap = self._writer, self._sites, self.run_id, marshal.loads, rules.cap
        process, group = writer.process, writer.process_group
        trace, trace_high, trace_low = None, 0, 0
        for frame in frames:
            site_id, high, low, span, parent, start_ns, duration, raw = frame
            try:
                value = loads(raw)
                if site_id & DESCRIBED:
                    rows.append(self._row_with_details(frame, *value))
                    continue
                if site_id == READY:
                    rows.append(Row(*value))
                    continue
                kind = type(value)
                text = repr(value) if kind is float else _text(value)
                if text is None or len(text) > cap:
                    rows.append(self._row_with_details(frame, None, description(value)))
                    continue
                site, code = sites.get(site_id) or self._resolve_site(site_id)
                if low != trace_low or high != trace_high:
                    trace_high, trace_low = high, low
                    trace = f"{high:016x}{low:016x}" if high or low else None
                rows.append(
                    (
                        *(site.kind, process, site.data, start_ns, group, kind.__name__, text, "OK", None, trace),
                        *(f"{span:016x}" if span else None, f"{parent:016x}" if parent else None, site.function),
                        *(None, None if duration < 0 else duration, None, code, run, None),
                    )
                )
            except (ValueError, TypeError, EOFError, KeyError, IndexError, AttributeError) as error:
                text = f"a row could not be read: {type(error).__name__}: {error}"
                rows.append(Row("log", process, "obs_core.capture", start_ns, data_value=text, run_id=run))
        return rows

    def _resolve_site(self, site_id: int | bytes) -> tuple[CallSite, int | None]:
        site_key = site_id if isinstance(site_id, bytes) else self._site_key_of(site_id)
        site = CallSite._make(marshal.loads(site_key)) if site_key else CallSite("call", "?", None, None, None)  # noqa: S302 - our own file
        code_id = self._code_id_of(site) if site.kind == "call" and site.file else None
        known = self._sites[site_id] = CallSite._make(storable(site)), code_id
        return known

    def _row_with_details(self, frame: Frame, value: object, details: dict[str, Any]) -> Row:
        site_id, high, low, span, parent, start_ns, duration, _ = frame
        site_key: int | bytes = details["site"] if "site" in details else site_id & ~DESCRIBED
        site, code = self._sites.get(site_key) or self._resolve_site(site_key)
        kind, text = details.get("type"), details.get("text")
        if kind is None and details.get("result", True):
            kind, text = type(value).__name__, _text(value)
            if text is None:
                details = {**details, **description(value)}
                text = details["text"]
        attributes = {**(details.get("baggage") or {}), **(details.get("attributes") or {})}
        attributes |= {f"obs.value.{name}": details[name] for name in _OF_VALUES if name in details}
        about = {"attributes": attributes, **(details.get("about") or {})} if attributes else details.get("about")
        stack = details.get("stack")
        return Row(
            kind=site.kind,
            process=details.get("process") or self._writer.process,
            data=site.data,
            timestamp=start_ns,
            process_group=details.get("group") or self._writer.process_group,
            data_type=kind,
            data_value=text,
            status=details.get("status", "OK"),
            exception=details.get("exception"),
            trace_id=f"{high:016x}{low:016x}" if high or low else None,
            span_id=f"{span:016x}" if span else None,
            parent_span_id=f"{parent:016x}" if parent else None,
            function=site.function,
            exception_stack=stack if isinstance(stack, str) else traceback_text(stack) if stack else None,
            duration_ns=None if duration == NOT_MEASURED else duration,
            memory_delta=details.get("memory"),
            code_id=code,
            run_id=self.run_id,
            attributes=json_text(about) if about else None,
        )


def _text(value: object) -> str | None:
    """The text of plain data; None for an integer of more than 4,300 digits, which has no repr."""
    try:
        return value if isinstance(value, str) else repr(value)
    except ValueError:
        return None


def traceback_text(exception_chain: Sequence[tuple[str, str, Sequence[tuple[str, int, str]]]]) -> str:
    """A traceback as Python prints it, from (introduction, last line, frames of file, line, function) per exception."""
    import linecache  # noqa: PLC0415 - only programs that raise need it

    parts: list[str] = []
    for introduction, last, frames in exception_chain:
        if introduction:
            parts.append(f"\n{introduction}\n\n")
        if frames:
            parts.append("Traceback (most recent call last):\n")
        for file, line, function in frames:
            source = rules.redaction.without_literals(linecache.getline(file, line)[:_LONGEST_LINE].strip())
            parts.append(f'  File "{file}", line {line}, in {function}\n' + (f"    {source}\n" if source else ""))
        parts.append(f"{last}\n")
    return "".join(parts)


def sanitised(row: Sequence[object]) -> Row:
    """`row` with values that SQLite can store: lone surrogates are escaped, integers limited to 64 bits."""
    return Row._make(storable(row))


def storable(fields: Sequence[object]) -> list[Any]:
    """`fields` with values that SQLite can store, as in `sanitised`."""
    return [_storable(field) for field in fields]


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int):
        return max(-_LARGEST - 1, min(_LARGEST, value))
    return value
