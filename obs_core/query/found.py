"""Rows that fit, also where they are rare: a search that takes long is led to the rows that hold its text.

SQLite stops at the rows that a page needs, so frequent text costs a few ms. Text that stands in few rows or in none
costs it the whole window (a million rows: 0.9 s), the worker's folded copy of the same rows 15 ms.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.query import folded
from obs_core.query.engine import Engine
from obs_core.query.wanted import Wanted, narrowed

AT_ONCE_S: Final = 0.03  # a page of frequent text takes 4 to 9 ms


def rows_that_fit(
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
    where, bound = narrowed(window, wanted)
    given = {**bound, **parameters}
    if wanted.get("search") and engine.has_mirror:
        with suppress(QuestionTimedOut):
            return engine.lookup(question, given, wanted=where, limit_s=AT_ONCE_S)
        if (ids := _holding(engine, window, wanted)) is not None:
            where = f"id IN (SELECT value FROM json_each(:ids)) AND {where}"
            given["ids"] = json.dumps(ids)
    return engine.lookup(question, given, wanted=where, limit_s=limit_s)


def _holding(engine: Engine, window: Window, wanted: Wanted) -> list[int] | None:
    """The ids of the rows that may hold the text; None where they are too many, or nobody knows them yet."""
    named = {name: wanted.get(name) or None for name in ("group", "process", "status", "kind")}
    if wanted.get("errors"):
        named["status"] = "ERROR"
    found = engine.mirrored("traces/texts", window, named | folded.looked_for(wanted.get("search") or ""))
    return None if found is None or found.attrs["truncated"] else found["id"].tolist()
