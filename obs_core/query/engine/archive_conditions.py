"""The conditions of a narrow query that can be applied to the columns of a piece, before SQLite applies all of them."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from obs_core.query.engine.archive_selection import Selection
from obs_core.query.engine.archive_texts import Matcher, matcher


def conditions(
    pruned_id: int, one: Selection, column: Callable[[str], Any], with_text: Callable[[Matcher], Any]
) -> Iterator[Any]:
    """The conditions of a selection on the columns of a row group, cheap ones first; `with_text` is a search."""
    times, ids = column("timestamp"), column("id")
    yield pc.less_equal(ids, pruned_id)
    if one.above_id >= 0:
        yield pc.greater(ids, one.above_id)
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
    if (matches := matcher(parameters)) is not None:
        yield with_text(matches)
