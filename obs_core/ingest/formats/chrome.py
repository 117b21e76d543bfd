"""Chrome trace event JSON, as viztracer, Chrome, Perfetto's converter and PyTorch's profiler write it.

Source: "Trace Event Format" (Google, document CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU): an object with
`traceEvents`, or the array alone, also without its last bracket. Times are microseconds.

Complete events (X) and pairs of begin and end (B, E) become calls. The parent of a call is the innermost event of the
same process and thread that encloses it. Metadata (M) gives processes and threads their names. Events of other phases
(async, flow, counter, instant, …) are not read, but counted.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from obs_core.ingest.formats import spans
from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.rows import MOST_NS, Refused, for_hash, to_int
from obs_core.ingest.formats.spans import Origin, Span

_MICRO: Final = 1_000  # nanoseconds
_YEAR_2000: Final = 946_684_800_000_000  # in microseconds; clocks that count from a boot stay below it
_ROUNDING_NS: Final = 1_000  # tools that write whole microseconds cut start and duration, so a child may end this late
_PHASES: Final = {
    **dict.fromkeys("bneSTpF", "async"),
    **dict.fromkeys("stf", "flow"),
    **dict.fromkeys("NOD", "object"),
    **dict.fromkeys("iI", "instant"),
    "C": "counter",
}
_Thread = tuple[str, str]


@dataclass(slots=True)
class _Event:
    """One call of a thread; `end_ns` None: it had not ended when the recording did."""

    index: int
    raw: Mapping[str, Any]
    start_ns: int
    end_ns: int | None
    args: dict[str, Any]
    parent: int | None = None


@dataclass(slots=True)
class _Recording:
    """The events of a document: calls by process and thread, names, and how many events were not read, by reason."""

    digest: str = ""
    calls: dict[_Thread, list[_Event]] = field(default_factory=dict)
    process_names: dict[str, str] = field(default_factory=dict)
    thread_names: dict[_Thread, str] = field(default_factory=dict)
    unread: Counter[str] = field(default_factory=Counter)
    is_relative: bool = False


def is_chrome(document: object) -> bool:
    """Whether `document` is a Chrome trace."""
    if isinstance(document, dict):
        return isinstance(document.get("traceEvents"), list)
    return isinstance(document, list) and bool(document) and _phase(document[0]) is not None


def rows(document: Any, line: int, values: Collection[str] = ()) -> Parts:  # noqa: ANN401 - whatever JSON holds
    """The rows of a document that begins at `line`; what is not read is counted in one `Refused` per reason."""
    recording = _recording(document)
    if recording.is_relative:
        why = "times count from an unknown start (often the start of the machine); they are stored as from 1970-01-01"
        yield Refused(line, why, parts=0)
    for reason, count in sorted(recording.unread.items()):
        yield Refused(line, f"{count:,} {reason}", parts=count)
    origins: dict[str, Origin] = {}
    for thread, events in recording.calls.items():
        process_id, _ = thread
        if process_id not in origins:
            origins[process_id] = _origin(process_id, recording.process_names.get(process_id))
        trace_id = _hash(recording.digest, process_id, 32)
        for event in events:
            yield from spans.rows(origins[process_id], _span(event, trace_id, thread, recording), values)


def _recording(document: Any) -> _Recording:  # noqa: ANN401 - whatever JSON holds
    recording = _Recording()
    raws: Sequence[Any] = document if isinstance(document, list) else document["traceEvents"]
    base_ns = 0 if isinstance(document, list) else _base_ns(document)
    digest = hashlib.sha256()
    timed: dict[_Thread, list[tuple[float, int, Mapping[str, Any]]]] = {}
    newest = 0.0
    for index, raw in enumerate(raws):
        digest.update(for_hash(raw).encode("utf-8", "replace"))
        phase = _phase(raw)
        if phase == "M":
            _take_name(recording, raw)
        elif phase not in ("X", "B", "E"):
            recording.unread[_unread(phase)] += 1
        elif (start := _number(raw.get("ts"))) is None:
            recording.unread[f"events of phase {phase} without a time (ts)"] += 1
        else:
            timed.setdefault((str(raw.get("pid", "")), str(raw.get("tid", ""))), []).append((start, index, raw))
            newest = max(newest, start)
    recording.digest = digest.hexdigest()
    recording.is_relative = bool(timed) and not base_ns and newest < _YEAR_2000
    for thread, events in timed.items():
        recording.calls[thread] = _nested(_calls(events, base_ns, recording.unread))
    return recording


def _phase(raw: object) -> str | None:
    phase = raw.get("ph") if isinstance(raw, dict) else None
    return phase if isinstance(phase, str) and phase else None


def _unread(phase: str | None) -> str:
    if phase is None:
        return "events without a phase (ph)"
    return f"events of phase {phase[:10]} ({_PHASES.get(phase, 'other')}): only X, B, E and M are read"


def _base_ns(document: Mapping[str, Any]) -> int:
    """What the times are relative to, where a file says it: PyTorch's profiler does, and some versions of viztracer."""
    metadata = document.get("viztracer_metadata")
    parts = (document, metadata if isinstance(metadata, dict) else {})
    return next((base for part in parts if (base := to_int(part.get("baseTimeNanoseconds")))), 0)


def _take_name(recording: _Recording, raw: Mapping[str, Any]) -> None:
    args = raw.get("args")
    name = args.get("name") if isinstance(args, dict) else None
    process_id = str(raw.get("pid", ""))
    if name and raw.get("name") == "process_name":
        recording.process_names[process_id] = str(name)
    elif name and raw.get("name") == "thread_name":
        recording.thread_names[process_id, str(raw.get("tid", ""))] = str(name)


def _calls(
    timed: Iterable[tuple[float, int, Mapping[str, Any]]], base_ns: int, unread: Counter[str]
) -> Iterator[_Event]:
    """The calls of one thread: complete events, and begins with their ends, which close the newest open begin."""
    begun: list[_Event] = []
    for start, index, raw in sorted(timed, key=lambda event: event[:2]):
        start_ns = base_ns + _nanoseconds(start)
        args = dict(raw["args"]) if isinstance(raw.get("args"), dict) else {}
        if abs(start_ns) > MOST_NS:
            unread["events with a time that does not fit the log"] += 1
        elif raw["ph"] == "X":
            duration = _number(raw.get("dur"))
            if duration is None and raw.get("dur") is not None:
                unread["events with a duration (dur) that is not a number"] += 1
                continue
            end_ns = None if duration is None else start_ns + max(_nanoseconds(duration), 0)
            yield _Event(index, raw, start_ns, end_ns, args)
        elif raw["ph"] == "B":
            begun.append(_Event(index, raw, start_ns, None, args))
        elif begun:
            ended = begun.pop()
            ended.end_ns = start_ns
            ended.args |= args
            yield ended
        else:
            unread["events of phase E without their begin (B)"] += 1
    yield from begun


def _nested(calls: Iterable[_Event]) -> list[_Event]:
    """The calls of one thread in order of start, each with the index of the innermost call that encloses it.

    Of two calls of the same time, the first in the file encloses the other, as in Chrome's and Perfetto's viewers.
    """
    ordered = sorted(calls, key=lambda event: (event.start_ns, -_end(event), event.index))
    open_calls: list[_Event] = []  # their ends never grow from the first to the last
    for event in ordered:
        end_ns, parent = _end(event), None
        while open_calls and _end(open_calls[-1]) <= event.start_ns:
            open_calls.pop()
        while open_calls and (over_ns := end_ns - _end(open_calls[-1])) > 0:
            # A call that ends before this one encloses nothing later that this one does not enclose too.
            outer = open_calls.pop()
            if parent is None and over_ns <= _ROUNDING_NS:
                parent = outer
        if parent is None and open_calls:
            parent = open_calls[-1]
        event.parent = None if parent is None else parent.index
        open_calls.append(event)
    return ordered


def _end(event: _Event) -> int:
    return MOST_NS if event.end_ns is None else event.end_ns


def _origin(process_id: str, name: str | None) -> Origin:
    group = name or f"process {process_id}"
    instance = f"{group} [{process_id}]"
    return spans.origin({"service.name": group, "service.instance.id": instance, "process.pid": process_id}, {})


def _span(event: _Event, trace_id: str, thread: _Thread, recording: _Recording) -> Span:
    raw = event.raw
    attributes = event.args
    attributes["thread.id"] = raw.get("tid")
    if thread_name := recording.thread_names.get(thread):
        attributes["thread.name"] = thread_name
    if category := raw.get("cat"):
        attributes["category"] = category
    span_id = _hash(recording.digest, event.index, 16)
    parent = None if event.parent is None else _hash(recording.digest, event.parent, 16)
    duration = None if event.end_ns is None else event.end_ns - event.start_ns
    name = str(raw.get("name") or "")
    return Span(trace_id, span_id, parent, name, event.start_ns, duration, "UNSET", "", attributes)


def _hash(digest: str, part: object, length: int) -> str:
    return hashlib.sha256(f"{digest} {part}".encode("utf-8", "replace")).hexdigest()[:length]


def _number(value: object) -> float | None:
    """A finite number; tools write times as numbers, some as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < MOST_NS else None


def _nanoseconds(microseconds: float) -> int:
    """The fraction apart, since a product of microseconds since 1970 would be rounded to 256 ns."""
    whole = int(microseconds)
    return whole * _MICRO + round((microseconds - whole) * _MICRO)


def _closed(text: str) -> str | None:
    """An array without its last bracket, closed; the format allows it, since programs may end while they write."""
    if not text.lstrip().startswith("["):
        return None
    return text.rstrip().removesuffix(",") + "]"


FORMAT: Final = JsonFormat(
    name="Chrome trace event JSON",
    fits=is_chrome,
    read=rows,
    sample=b'[{"ph": "X", "name": "load", "pid": 1, "tid": 1, "ts": 1738000000000000, "dur": 12.5, "args": {"n": 3}},\n'
    b'{"ph": "X", "name": "parse", "pid": 1, "tid": 1, "ts": 1738000000000002, "dur": 5}]',
    repair=_closed,
)
