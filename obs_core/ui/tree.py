"""Rows as a tree: which rows of a page and of its opened calls stand under each other in the table.

A row's path is the ids from its page down to it, so that one call may stand in the table twice (as a row of the page
and as somebody's child) and each is opened on its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pandas import DataFrame, notna

from obs_core.model import CANONICAL, ROW_CAP
from obs_core.ui import columns, frame
from obs_core.ui.plain import plain

CELL: Final = 300
"""Characters of a cell; the whole text stands in the row's own card."""

STEP: Final = 200
"""Children that one opening shows; the next ones are asked for."""

MOST: Final = ROW_CAP - STEP
"""Children that one call shows in the table; all of them stand in the trace's waterfall."""

Children = Callable[[str, str, int], DataFrame]
"""The first n children of a call: (trace_id, span_id, n) -> rows like a page's."""

Record = dict[str, Any]


def visible(
    page: DataFrame,
    opened: Mapping[str, int],
    children: Children,
    *,
    chosen: str | None,
    pinned: tuple[str, ...] = (),
) -> DataFrame:
    """The rows of the table in their order, as text, with the columns that the tree needs.

    `opened` names the paths that are open and how many children each shows; `chosen` is the path of the selected row,
    `pinned` are the columns beside the canonical ones.
    """
    tree = _Tree(opened, children)
    rows = [_shown(record, chosen) | columns.cells(record, pinned) for record in tree.rows(page, "", ())]
    listed = ["path", "depth", "kids", "open", "chosen", "kind", "trace", "span", *CANONICAL, "Duration"]
    return DataFrame(rows, columns=[*listed, *columns.fields(pinned)])


@dataclass(frozen=True, slots=True)
class _Tree:
    opened: Mapping[str, int]
    children: Children

    def rows(self, found: DataFrame, above: str, line: tuple[str, ...]) -> Iterator[Record]:
        """The rows of `found`, each followed by its children where it is open; `line` are the calls above."""
        for record in found.to_dict("records"):
            row = self._placed({str(name): value for name, value in record.items()}, above, line)
            yield row
            if row["open"]:
                limit = min(self.opened[row["path"]], MOST)
                below = self.children(row["trace"], row["span"], limit + 1)
                yield from self.rows(below.head(limit), f"{row['path']}/", (*line, row["span"]))
                if len(below) > limit:
                    name = f"Show {STEP} more" if limit < MOST else "More than the table shows: see the trace"
                    yield {"path": f"{row['path']}/more", "depth": len(line) + 1, "kind": "more", "Process": name}

    def _placed(self, record: Record, above: str, line: tuple[str, ...]) -> Record:
        """`record` with its path, its depth, and whether it has children and shows them."""
        path, span = f"{above}{record['id']}", _key(record["span_id"])
        repeats = bool(span) and span in line
        if repeats:
            record["Exception"] = "This call is its own caller: the trace holds a circle."
        kids = bool(record["has_children"]) and not repeats
        where = {"path": path, "depth": len(line), "trace": _key(record["trace_id"]), "span": span}
        return record | where | {"kids": kids, "open": kids and path in self.opened}


def _shown(record: Record, chosen: str | None) -> Record:
    """`record` as the cells of one row of the table."""
    row: Record = {name: plain(record.get(name), CELL) for name in (*CANONICAL, "kind", "trace", "span")}
    if record["kind"] != "more":
        row["Timestamp"] = frame.moment(int(record["Timestamp"]))
        row["Duration"] = frame.duration(record["duration_ms"]) if notna(record["duration_ms"]) else ""
    flags = {name: bool(record.get(name)) for name in ("kids", "open")}
    return row | flags | {"path": record["path"], "depth": record["depth"], "chosen": record["path"] == chosen}


def _key(value: object) -> str:
    return value if isinstance(value, str) else ""
