"""The conditions of a narrow query that can be applied to the columns of a piece, before SQLite applies all of them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from obs_core.query.engine.archive_selection import Selection
from obs_core.query.engine.search_text import SEARCHED


def conditions(pruned_id: int, one: Selection, column: Callable[[str], Any]) -> Iterator[Any]:
    """The conditions of a selection on the columns of a row group, cheap ones first."""
    times, ids = column("timestamp"), column("id")
    yield pc.less_equal(ids, pruned_id)
    yield pc.and_(pc.greater_equal(times, one.window.from_ns), pc.less(times, one.window.to_ns))
    if one.ids is not None:
        yield pc.is_in(ids, value_set=pa.array(one.ids, pa.int64()))
    if one.traces is not None:
        yield pc.is_in(column("trace_id"), value_set=pa.array(one.traces, pa.string()))
    if one.after is not None:
        before, is_later = one.after, (pc.less if one.newest_first else pc.greater)
        yield pc.or_(is_later(times, before[0]), pc.and_(pc.equal(times, before[0]), is_later(ids, before[1])))
    for name, value in (one.equal or {}).items():
        yield pc.equal(column(name), str(value))
    parameters = one.parameters or {}
    if (least := parameters.get("min_ns")) is not None:
        yield pc.greater_equal(column("duration_ns"), int(least))
    if (most := parameters.get("max_ns")) is not None:
        yield pc.less_equal(column("duration_ns"), int(most))
    if (function := parameters.get("function")) is not None:
        own = column("function")
        unnamed = pc.or_(pc.is_null(own), pc.equal(pc.fill_null(own, ""), ""))
        yield pc.or_(
            pc.fill_null(pc.equal(own, str(function)), fill_value=False),
            pc.and_(unnamed, pc.equal(column("data"), str(function))),
        )
    yield from _text_conditions(parameters, column)


def _text_conditions(parameters: Mapping[str, Any], column: Callable[[str], Any]) -> Iterator[Any]:
    """Conditions that all matching rows fulfil, and some others."""
    if (pattern := parameters.get("pattern")) is not None:
        text = re.sub(r"\\(.)", r"\1", str(pattern)[1:-1])
        masks = [
            pc.fill_null(pc.match_substring(column(name), text, ignore_case=True), fill_value=False)
            for name in SEARCHED
        ]
        mask = masks[0]
        for other in masks[1:]:
            mask = pc.or_(mask, other)
        yield mask
