"""The order of a sorted page, on rows of the archive: as the statement of `traces/page_sorted` has it."""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from obs_core.query.engine.archive_selection import Selection

_LAST: Final = chr(0x10FFFF)
_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1


def column_of(one: Selection) -> str:
    """The column that a sorted page is sorted by."""
    sort = str(_parameters(one)["sort"])
    return {"duration": "duration_ns", "time": "timestamp"}.get(sort, sort)


def first(rows: pa.Table, best: pa.Table | None, one: Selection) -> pa.Table:
    """The first rows of the page, with their keys, among `rows` and the `best` so far."""
    parameters = _parameters(one)
    descending = bool(parameters["descending"])
    keys = _keys(rows[column_of(one)], str(parameters["sort"]), descending=descending)
    rows = pa.table({"id": rows["id"], "timestamp": rows["timestamp"], "key": keys})
    if parameters["after_id"] is not None:
        rows = rows.filter(_is_after(rows, parameters, descending=descending))
    if best is not None:
        rows = pa.concat_tables([best, rows])
    if len(rows) <= int(parameters["size"]):
        return rows
    order = [("key", "descending" if descending else "ascending"), ("timestamp", "descending"), ("id", "descending")]
    return rows.take(pc.select_k_unstable(rows, k=int(parameters["size"]), sort_keys=order))


def _keys(column: Any, sort: str, *, descending: bool) -> Any:  # noqa: ANN401 - untyped in pyarrow
    """The sort keys: errors are the highest status, and an unknown duration is last."""
    unknown = _LOWEST if descending else _HIGHEST
    if sort == "duration":
        return pc.fill_null(column, unknown)
    if sort == "status":
        return pc.if_else(pc.equal(column, "ERROR"), 2, pc.if_else(pc.equal(column, "UNSET"), 1, 0))
    if sort == "time":
        return column
    text = pc.utf8_slice_codeunits(pc.replace_substring_regex(column, r"(?s)\x00.*", ""), 0, 200)  # as SQLite's substr
    return pc.fill_null(pc.if_else(pc.equal(text, ""), None, text), "" if descending else _LAST)


def _is_after(rows: pa.Table, parameters: Mapping[str, Any], *, descending: bool) -> Any:  # noqa: ANN401 - as above
    """Which rows come after the last row of the page before."""
    key, time, row_id = (parameters[f"after_{name}"] for name in ("key", "ns", "id"))
    if key is None:
        return pa.array([True] * len(rows))
    keys, times, ids = rows["key"], rows["timestamp"], rows["id"]
    is_further = pc.less(keys, key) if descending else pc.greater(keys, key)
    is_older = pc.or_(pc.less(times, time), pc.and_(pc.equal(times, time), pc.less(ids, row_id)))
    return pc.or_(is_further, pc.and_(pc.equal(keys, key), is_older))


def _parameters(one: Selection) -> Mapping[str, Any]:
    return one.parameters or {}
