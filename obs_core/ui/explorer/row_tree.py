"""The table's rows as a tree: the rows of a page, and below each expanded row its attributes and children.

A row's attributes come before its calls and values: what belongs to the row itself is next to it, however many calls it
made. A row's path is the ids from its page down to it: one call may be in the table twice (as a row of the page and as
a child), and each is expanded on its own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pandas import DataFrame, notna

from obs_core.model import CANONICAL
from obs_core.ui.explorer import pinned_columns
from obs_core.ui.explorer.expanded_rows import MOST, STEP
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain

CELL: Final = 300
"""Characters of a cell; the row's card has the whole text."""

Children = Callable[[str, str, int], DataFrame]
"""The first n children of a call: (trace_id, span_id, n) -> rows like a page's."""

Attributes = Callable[[int, int], DataFrame]
"""The first n attributes of a row: (id, n) -> name, type and value of each."""

Record = dict[str, Any]

OF_TRACES: Final = ["Spans", "Errors", "Services"]
"""The columns that only the rows of a list of traces have."""

ATTRIBUTE: Final = "attribute"
MORE: Final = "more"
"""The kinds of table rows that are not rows of the log."""


def visible(
    page: DataFrame,
    opened: Mapping[str, int],
    children: Children,
    attributes: Attributes,
    *,
    selected: str | None,
    pinned: tuple[str, ...] = (),
) -> DataFrame:
    """The rows of the table in their order, as text, with the columns that the tree needs.

    `opened` are the expanded paths, with how many attributes and children each shows; `selected` is the path of the
    selected row; `pinned` are the columns after the canonical ones.
    """
    tree = _Tree(opened, children, attributes)
    longest = page["duration_ms"].max()
    rows = [
        _shown(record, selected, longest) | pinned_columns.cells(record, pinned) for record in tree.rows(page, "", ())
    ]
    columns = ["path", "depth", "kids", "open", "selected", "kind", "trace", "span", *CANONICAL, "Duration", "share"]
    columns += OF_TRACES
    return DataFrame(rows, columns=[*columns, *pinned_columns.fields(pinned)])


def owner(path: str, kind: str) -> str:
    """The path of the log's row that `path` belongs to: an attribute belongs to the row above it."""
    return path.rpartition("/")[0] if kind in (ATTRIBUTE, MORE) else path


@dataclass(frozen=True, slots=True)
class _Tree:
    opened: Mapping[str, int]
    children: Children
    attributes: Attributes

    def rows(self, page: DataFrame, prefix: str, ancestors: tuple[str, ...]) -> Iterator[Record]:
        """The rows of `page`, each followed by what is below it if it is open; `ancestors` are the spans above them."""
        for record in page.to_dict("records"):
            row = self._with_path({str(name): value for name, value in record.items()}, prefix, ancestors)
            yield row
            if row["open"]:
                yield from self._below(row, ancestors)

    def _below(self, row: Record, ancestors: tuple[str, ...]) -> Iterator[Record]:
        """What an open row shows: its attributes, then its children, up to the number it shows."""
        path, limit = row["path"], min(self.opened[row["path"]], MOST)
        common = {"depth": len(ancestors) + 1, "trace": row["trace"], "span": row["span"]}
        own = self.attributes(row["id"], limit + 1).to_dict("records") if row["has_attributes"] else []
        for number, attribute in enumerate(own[:limit]):
            cells = {"Data": attribute["name"], "Data Type": attribute["type"], "Data Value": attribute["value"]}
            yield common | cells | {"path": f"{path}/@{number}", "kind": ATTRIBUTE, "Process": ATTRIBUTE}
        left, has_more = limit - len(own), len(own) > limit
        if row["calls"] and not has_more:
            below = self.children(row["trace"], row["span"], left + 1)
            yield from self.rows(below.head(left), f"{path}/", (*ancestors, row["span"]))
            has_more = len(below) > left
        if has_more:
            name = f"Show {STEP} more" if limit < MOST else "More rows than the table shows: see the trace"
            yield common | {"path": f"{path}/{MORE}", "kind": MORE, "Process": name}

    def _with_path(self, record: Record, prefix: str, ancestors: tuple[str, ...]) -> Record:
        """`record` with its path and depth, whether it has children or attributes, and whether they are shown."""
        path, span = f"{prefix}{record['id']}", _key(record["span_id"])
        is_cycle = bool(span) and span in ancestors
        if is_cycle:
            record["Exception"] = "Cycle: this call is its own ancestor."
        calls = bool(record["has_children"]) and not is_cycle
        kids = calls or bool(record["has_attributes"])
        location = {"path": path, "depth": len(ancestors), "trace": _key(record["trace_id"]), "span": span}
        return record | location | {"calls": calls, "kids": kids, "open": kids and path in self.opened}


def _shown(record: Record, selected: str | None, longest_ms: float) -> Record:
    """`record` as the cells of one row of the table; its bar is a share of `longest_ms`."""
    row: Record = {name: plain(record.get(name), CELL) for name in (*CANONICAL, "kind", "trace", "span")}
    timed = notna(record.get("duration_ms"))
    row["Duration"] = formatting.duration(record["duration_ms"]) if timed else ""
    row["share"] = min(1.0, record["duration_ms"] / longest_ms) if timed and longest_ms else 0.0
    if "spans" in record:
        row |= {"Spans": formatting.count(record["spans"]), "Errors": formatting.count(record["errors"])}
        row["Services"] = plain(", ".join(json.loads(record["services"])), CELL)
    if "Timestamp" in record:
        row["Timestamp"] = formatting.format_time(int(record["Timestamp"]))
    flags = {name: bool(record.get(name)) for name in ("kids", "open")}
    return row | flags | {"path": record["path"], "depth": record["depth"], "selected": record["path"] == selected}


def _key(value: object) -> str:
    return value if isinstance(value, str) else ""
