"""Rows as a tree: which rows of a page and of its opened calls stand under each other in the table.

A row's attributes stand right under it, before its calls and values: the first thing below a row is its own, however
many calls it made. A row's path is the ids from its page down to it, so that one call may stand in the table twice (as
a row of the page and as somebody's child) and each is opened on its own.
"""

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
"""Characters of a cell; the whole text stands in the row's own card."""

Children = Callable[[str, str, int], DataFrame]
"""The first n children of a call: (trace_id, span_id, n) -> rows like a page's."""

Attributes = Callable[[int, int], DataFrame]
"""The first n attributes of a row: (id, n) -> name, type and value of each."""

Record = dict[str, Any]

ATTRIBUTE: Final = "attribute"
MORE: Final = "more"
"""The kinds of what stands in the table and is no row of the log."""


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
    rows = [_shown(record, selected) | pinned_columns.cells(record, pinned) for record in tree.rows(page, "", ())]
    listed = ["path", "depth", "kids", "open", "selected", "kind", "trace", "span", *CANONICAL, "Duration"]
    return DataFrame(rows, columns=[*listed, *pinned_columns.fields(pinned)])


def owner(path: str, kind: str) -> str:
    """The path of the row of the log that is meant by `path`: what is none itself belongs to the one above."""
    return path.rpartition("/")[0] if kind in (ATTRIBUTE, MORE) else path


@dataclass(frozen=True, slots=True)
class _Tree:
    opened: Mapping[str, int]
    children: Children
    attributes: Attributes

    def rows(self, found: DataFrame, above: str, line: tuple[str, ...]) -> Iterator[Record]:
        """The rows of `found`, each followed by what is under it where it is open; `line` are the calls above."""
        for record in found.to_dict("records"):
            row = self._placed({str(name): value for name, value in record.items()}, above, line)
            yield row
            if row["open"]:
                yield from self._below(row, line)

    def _below(self, row: Record, line: tuple[str, ...]) -> Iterator[Record]:
        """What an open row shows: its attributes, then the rows under it, as many as were asked for in all."""
        path, limit = row["path"], min(self.opened[row["path"]], MOST)
        place = {"depth": len(line) + 1, "trace": row["trace"], "span": row["span"]}
        own = self.attributes(row["id"], limit + 1).to_dict("records") if row["has_attributes"] else []
        for at, each in enumerate(own[:limit]):
            cells = {"Data": each["name"], "Data Type": each["type"], "Data Value": each["value"]}
            yield place | cells | {"path": f"{path}/@{at}", "kind": ATTRIBUTE, "Process": ATTRIBUTE}
        left, further = limit - len(own), len(own) > limit
        if row["calls"] and not further:
            below = self.children(row["trace"], row["span"], left + 1)
            yield from self.rows(below.head(left), f"{path}/", (*line, row["span"]))
            further = len(below) > left
        if further:
            name = f"Show {STEP} more" if limit < MOST else "More than the table shows: see the trace"
            yield place | {"path": f"{path}/{MORE}", "kind": MORE, "Process": name}

    def _placed(self, record: Record, above: str, line: tuple[str, ...]) -> Record:
        """`record` with its path, its depth, and whether it has something under it and shows that."""
        path, span = f"{above}{record['id']}", _key(record["span_id"])
        repeats = bool(span) and span in line
        if repeats:
            record["Exception"] = "This call is its own caller: the trace holds a circle."
        calls = bool(record["has_children"]) and not repeats
        kids = calls or bool(record["has_attributes"])
        where = {"path": path, "depth": len(line), "trace": _key(record["trace_id"]), "span": span}
        return record | where | {"calls": calls, "kids": kids, "open": kids and path in self.opened}


def _shown(record: Record, selected: str | None) -> Record:
    """`record` as the cells of one row of the table."""
    row: Record = {name: plain(record.get(name), CELL) for name in (*CANONICAL, "kind", "trace", "span")}
    timed = notna(record.get("duration_ms"))
    row["Duration"] = formatting.duration(record["duration_ms"]) if timed else ""
    if "Timestamp" in record:
        row["Timestamp"] = formatting.format_time(int(record["Timestamp"]))
    flags = {name: bool(record.get(name)) for name in ("kids", "open")}
    return row | flags | {"path": record["path"], "depth": record["depth"], "selected": record["path"] == selected}


def _key(value: object) -> str:
    return value if isinstance(value, str) else ""
