"""Rows that fit, also where they are rare: a search that takes long is led to the rows that hold its text.

SQLite stops at the rows that a page needs, so frequent text costs a few ms. Text that stands in few rows or in none
costs it the whole window (a million rows: 0.9 s), the worker's folded copy of the same rows 15 ms.

What can't be found so (attributes, logs too long for a copy) is looked for piece by piece from the end where the page
begins, and the page says how far it has looked: a window of any length gets an answer, and Next goes on from there.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import pandas as pd
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.query.engine import search_text
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.row_filter import Wanted, where_clause

AT_ONCE_S: Final = 0.03  # a page of frequent text takes 4 to 9 ms
FULL_SCAN_SHARE: Final = 0.1  # of the engine's limit, for the whole window, before it is looked through in pieces
PIECES: Final = 0.8  # for the pieces; with both, an answer comes within the limit
_PIECE: Final = 0.2  # for one piece, which is cut where it takes longer
_PIECES: Final = 64  # the first piece is this part of the window; the next is twice as long if it was quick
_QUICK_S: Final = 0.15


def search_rows(
    engine: Engine,
    question: str,
    window: Window,
    wanted: Wanted,
    parameters: Mapping[str, object],
    *,
    limit_s: float | None = None,
) -> DataFrame:
    """The answer of a narrow question about the rows in `window` that are as `wanted`.

    Raises:
        ObsError: as `Engine.lookup`; a parameter of `wanted` is none of what it may be.
    """
    where, bound = where_clause(window, wanted)
    given = {**bound, **parameters}
    if wanted.get("search") and engine.has_mirror:
        with suppress(QuestionTimedOut):
            return engine.lookup(question, given, wanted=where, limit_s=AT_ONCE_S)
        if (ids := _holding(engine, window, wanted)) is not None:
            where = f"id IN (SELECT value FROM json_each(:ids)) AND {where}"
            given["ids"] = json.dumps(ids)
    return engine.lookup(question, given, wanted=where, limit_s=limit_s)


def search_page(
    engine: Engine,
    question: str,
    window: Window,
    wanted: Wanted,
    parameters: Mapping[str, object],
    *,
    falling: bool,
) -> DataFrame:
    """As `rows_that_fit`, for a page by time: the newest rows that fit (`falling`), or the oldest.

    Where that takes too long, `attrs["looked_to_ns"]` is the moment to which the window was looked through.

    Raises:
        ObsError: as `rows_that_fit`; QuestionTimedOut only where not even a small piece could be looked through.
    """
    if not engine.shape().native:  # nothing there finds rows by time: a piece costs what the whole costs
        return search_rows(engine, question, window, wanted, parameters)
    with suppress(QuestionTimedOut):
        return search_rows(engine, question, window, wanted, parameters, limit_s=engine.limit_s * FULL_SCAN_SHARE)
    left = checks.clipped(engine, window)
    end, length = time.monotonic() + engine.limit_s * PIECES, max(1, left.length_ns // _PIECES)
    found: list[DataFrame] = []
    rows, most = 0, int(str(parameters["size"]))
    while left.length_ns and rows < most and (not found or time.monotonic() < end):
        piece = _end_of(left, length, falling=falling)
        where, bound = where_clause(piece, wanted)
        begun = time.monotonic()
        try:
            found.append(
                engine.lookup(question, {**bound, **parameters}, wanted=where, limit_s=engine.limit_s * _PIECE)
            )
        except QuestionTimedOut:
            if time.monotonic() > end:
                break
            length = max(1, length // 4)
            continue
        rows += len(found[-1])
        length *= 2 if time.monotonic() - begun < _QUICK_S else 1
        left = Window(left.from_ns, piece.from_ns) if falling else Window(piece.to_ns, left.to_ns)
    if not found:
        raise QuestionTimedOut("The question took too long and was stopped.", "Choose a narrower filter.")
    answer = pd.concat([piece for piece in found if len(piece)] or found[:1], ignore_index=True)
    answer.attrs = dict(found[-1].attrs)
    if rows < most and left.length_ns:
        answer.attrs["looked_to_ns"] = left.to_ns if falling else left.from_ns
    return answer


def _end_of(window: Window, length_ns: int, *, falling: bool) -> Window:
    """The last `length_ns` of the window, or (if not `falling`) its first."""
    if falling:
        return Window(max(window.from_ns, window.to_ns - length_ns), window.to_ns)
    return Window(window.from_ns, min(window.to_ns, window.from_ns + length_ns))


def _holding(engine: Engine, window: Window, wanted: Wanted) -> list[int] | None:
    """The ids of the rows that may hold the text; None where they are too many, or nobody knows them yet."""
    named = {name: wanted.get(name) or None for name in ("group", "process", "status", "kind")}
    if wanted.get("errors"):
        named["status"] = "ERROR"
    found = engine.mirrored("traces/texts", window, named | search_text.looked_for(wanted.get("search") or ""))
    return None if found is None or found.attrs["truncated"] else found["id"].tolist()
