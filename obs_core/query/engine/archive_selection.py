"""Which rows of the archive a narrow query may need, once rows have left the log."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from obs_core.archive.manifest import Piece
from obs_core.clock import HOUR, MAX_NS, SECOND, Window
from obs_core.store.foreign import COLUMNS

ALWAYS: Final = Window(-MAX_NS - 1, MAX_NS)
_NEAR_NS: Final = 60 * SECOND  # clocks of processes differ by less
_EQUAL: Final = {
    "group": "process_group",
    "status": "status",
    "process": "process",
    "kind": "kind",
    "data_type": "data_type",
}
_NEEDED: Final = {  # the parameter that limits the rows, and whether the newest come first
    "traces/page": ("size", True),
    "traces/page_oldest": ("size", False),
    "traces/total": ("most", True),
    "facets/facets": ("newest", True),
    "export/width": ("newest", True),
    "export/edge": ("size", False),
    "overview/recent_errors": ("size", True),
    "overview/exceptions": ("size", True),
}
_ALL_COLUMNS: Final = re.compile(r"SELECT \*|r\.\*")
_ATTRIBUTE: Final = re.compile(r"w\d+_name")
_OF_TEXT: Final = ("pattern", "folded", "exception_type", "severity")


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of the archive that a narrow query may need.

    They are in the `window`, have one of the `ids` and one of the `traces` (None: any), an id above `above_id`, and
    cells as `equal` says. If `need` is a number, the query needs only so many of the first by time after the row
    `after`; if it `sorts`, the first by the parameter `sort`. It reads the `columns`, and, `with_parents`, whether the
    rows have parents. With `near_calls`, traces without a call in the archive have no rows.
    """

    window: Window = ALWAYS
    ids: Sequence[int] | None = None
    traces: Sequence[str] | None = None
    equal: Mapping[str, object] | None = None
    parameters: Mapping[str, Any] | None = None
    need: int | None = None
    newest_first: bool = True
    after: tuple[int, int] | None = None
    sorts: bool = False
    with_parents: bool = False
    near_calls: bool = False
    columns: tuple[str, ...] = COLUMNS
    above_id: int = -1

    def excludes(self, piece: Piece) -> bool:
        """Whether a piece has none of these rows."""
        if piece.last_ns < self.window.from_ns or piece.first_ns >= self.window.to_ns:
            return True
        if piece.last_id <= self.above_id:
            return True
        return self.ids is not None and not any(piece.first_id <= number <= piece.last_id for number in self.ids)


def selection(query_name: str, statement: str, parameters: Mapping[str, Any]) -> Selection | None:
    """What the narrow query needs of the archive; None if it reads no rows."""
    if not re.search(r"\{(rows|calls|values|logs)\}", statement):
        return None
    if "from_ns" in parameters:
        return _in_window(query_name, statement, parameters)
    if "id" in parameters:
        return Selection(ids=[int(parameters["id"])])
    if "trace_id" in parameters:
        return Selection(traces=[str(parameters["trace_id"])])
    listed = next((name for name in ("ids", "traces", "trace_ids") if name in parameters), None)
    if listed == "ids":
        return Selection(ids=[int(number) for number in _listed(parameters[listed])])
    return Selection(traces=[str(text) for text in _listed(parameters[listed])]) if listed else None


def around(rows: Iterable[Mapping[str, Any]]) -> Selection | None:
    """The rows of the traces of these rows, from the first start to an hour after the last end: their children."""
    in_trace = [row for row in rows if row["trace_id"] is not None]
    if not in_trace:
        return None
    first = min(row["timestamp"] for row in in_trace) - _NEAR_NS
    last = max(row["timestamp"] + (row["duration_ns"] or 0) for row in in_trace) + HOUR
    traces = list({row["trace_id"] for row in in_trace})
    return Selection(Window(max(first, ALWAYS.from_ns), min(last, MAX_NS)), traces=traces)


def _in_window(query_name: str, statement: str, parameters: Mapping[str, Any]) -> Selection:
    equal = {column: parameters.get(name) for name, column in _EQUAL.items()}
    if "status = 'ERROR'" in statement:
        equal["status"] = "ERROR"
    if "{rows}" not in statement and "{calls}" in statement:
        equal["kind"] = "call"
    with_parents = " AS above " in statement
    if with_parents:
        equal["kind"] = "call"
    has_text = (
        with_parents or any(name in parameters for name in _OF_TEXT) or any(map(_ATTRIBUTE.fullmatch, parameters))
    )
    limit, newest_first = _NEEDED.get(query_name, (None, True))
    after_id = parameters.get("after_id")
    names = {"id", "timestamp", "kind"} | set(re.findall(r"\w+", statement.replace("{function_name}", "function data")))
    return Selection(
        Window(int(parameters["from_ns"]), int(parameters["to_ns"])),
        equal={column: value for column, value in equal.items() if value is not None},
        parameters=parameters,
        need=int(parameters[limit]) if limit and not has_text else None,
        newest_first=newest_first,
        with_parents=with_parents,
        sorts=query_name == "traces/page_sorted" and not has_text,
        columns=tuple(name for name in COLUMNS if name in names or _ALL_COLUMNS.search(statement)),
        above_id=int(parameters.get("above_id", -1)),
        after=None if after_id is None or limit is None else (int(parameters["after_ns"]), int(after_id)),
    )


def _listed(text: object) -> list[Any]:
    """The elements of a JSON list; none of another text."""
    try:
        elements = json.loads(str(text))
    except ValueError:
        return []
    return elements if isinstance(elements, list) else []
