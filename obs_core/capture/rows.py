"""Frames become rows of the log: names, texts and ids are written out here, not in the traced call."""

import json
import marshal
from collections.abc import Callable, Sequence
from typing import Any, Final

from obs_core.capture.describe import cut
from obs_core.capture.frames import Site
from obs_core.capture.header import Writer
from obs_core.model import Row

_LARGEST: Final = (1 << 63) - 1
CodeOf = Callable[[Site], int | None]


def rows_of(payloads: Sequence[bytes], writer: Writer, run_id: int | None, code_of: CodeOf) -> list[Row]:
    """The rows that `payloads` carry; one that can't be read becomes a row that says so."""
    sites: dict[bytes, tuple[Site, int | None]] = {}
    rows: list[Row] = []
    for payload in payloads:
        try:
            event = marshal.loads(payload)  # noqa: S302 - written by this product, and its checksum holds
            known = sites.get(event[0])
            if known is None:
                site = Site(*marshal.loads(event[0]))  # noqa: S302 - as above
                known = sites[event[0]] = site, code_of(site) if site.kind == "call" and site.file else None
            rows.append(_row(event, known[0], known[1], writer, run_id))
        except (ValueError, TypeError, EOFError, KeyError, IndexError, AttributeError) as error:
            text = f"a row could not be read: {type(error).__name__}: {error}"
            rows.append(Row("log", writer.process, "obs_core.capture", 0, writer.process_group, "str", text, "ERROR"))
    return rows


def _row(event: tuple[Any, ...], site: Site, code: int | None, writer: Writer, run: int | None) -> Row:
    _, trace, span, parent, moment, duration, value, more = event
    if more is None:
        kind, text = type(value).__name__, _text(value)
        if text is not None and len(text) > 4000:  # noqa: PLR2004 - short texts need no look at the cap
            more = {"type": kind, **cut(text)}
            return _described(event, site, (code, run), writer, more)
    else:
        return _described(event, site, (code, run), writer, more)
    return Row(
        site.kind,
        writer.process,
        site.data,
        moment,
        writer.process_group,
        kind,
        text,
        "OK",
        None,
        trace.hex() if trace else None,
        f"{span:016x}" if span is not None else None,
        f"{parent:016x}" if parent is not None else None,
        site.function,
        None,
        duration,
        None,
        code,
        run,
    )


def _described(
    event: tuple[Any, ...], site: Site, ids: tuple[int | None, int | None], writer: Writer, more: dict[str, Any]
) -> Row:
    _, trace, span, parent, moment, duration, value, _ = event
    kind, text = more.get("type"), more.get("text")
    if kind is None and text is None and more.get("result", True):
        kind, text = type(value).__name__, _text(value)
    attributes = dict(more.get("attributes") or {})
    if "hash" in more:
        attributes |= {"obs.value.length": more.get("length"), "obs.value.hash": more["hash"]}
    stack = more.get("stack")
    return Row(
        site.kind,
        writer.process,
        site.data,
        moment,
        writer.process_group,
        kind,
        text,
        more.get("status", "OK"),
        more.get("exception"),
        trace.hex() if trace else None,
        f"{span:016x}" if span is not None else None,
        f"{parent:016x}" if parent is not None else None,
        site.function,
        traceback_text(stack) if stack else None,
        duration,
        more.get("memory"),
        *ids,
        json.dumps({"attributes": attributes}, ensure_ascii=False, default=str) if attributes else None,
    )


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return repr(value)


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
