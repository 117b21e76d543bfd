"""A page by time of rows that match a filter, within the time limit: what takes too long is searched piece by piece.

The pieces start at the end of the window where the page starts. The page reports how far it has searched, and the next
page continues from there: a window of any length gets an answer.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import pandas as pd
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.filters.search import search_in_sqlite, search_rows

FULL_SCAN_SHARE: Final = 0.1  # of the engine's limit, for the whole window, before it is searched in pieces
PIECES_SHARE: Final = 0.8  # for the pieces; with both, an answer comes within the limit
PIECE_SHARE: Final = 0.2  # for one piece; a piece that takes longer is made smaller
FIRST_PIECE: Final = 64  # the first piece is this part of the window; the next is twice as long if it was quick
_QUICK_S: Final = 0.15


def search_page(
    engine: Engine,
    query_name: str,
    window: Window,
    row_filter: RowFilter,
    parameters: Mapping[str, object],
    *,
    newest_first: bool,
    group: str | None = None,
) -> DataFrame:
    """As `search_rows`, for a page by time: the newest matching rows (`newest_first`), or the oldest.

    Where that takes too long, `attrs["looked_to_ns"]` is the time up to which the window was searched.

    Raises:
        ObsError: as `search_rows`; QuestionTimedOut only where not even a small piece could be searched.
    """
    if not engine.shape().native:  # without an index by time a piece costs as much as the whole window
        return search_rows(engine, query_name, window, row_filter, parameters, group=group)
    with suppress(QuestionTimedOut):
        limit_s = engine.limit_s * FULL_SCAN_SHARE
        return search_rows(engine, query_name, window, row_filter, parameters, group=group, limit_s=limit_s)
    rest = checks.clipped(engine, window)
    deadline, length_ns = time.monotonic() + engine.limit_s * PIECES_SHARE, max(1, rest.length_ns // FIRST_PIECE)
    limit_s = engine.limit_s * PIECE_SHARE
    answers: list[DataFrame] = []
    rows, size = 0, int(str(parameters["size"]))
    while rest.length_ns and rows < size and (not answers or time.monotonic() < deadline):
        piece = _end_of(rest, length_ns, newest_first=newest_first)
        start = time.monotonic()
        try:
            answers.append(
                search_in_sqlite(engine, query_name, piece, row_filter, parameters, group=group, limit_s=limit_s)
            )
        except QuestionTimedOut:
            if time.monotonic() > deadline:
                break
            length_ns = max(1, length_ns // 4)
            continue
        rows += len(answers[-1])
        length_ns *= 2 if time.monotonic() - start < _QUICK_S else 1
        rest = Window(rest.from_ns, piece.from_ns) if newest_first else Window(piece.to_ns, rest.to_ns)
    return _joined(answers, rest if rows < size else None, newest_first=newest_first)


def _joined(answers: list[DataFrame], rest: Window | None, *, newest_first: bool) -> DataFrame:
    """The pieces as one answer; `rest` is the part of the window that was not searched."""
    if not answers:
        raise QuestionTimedOut("The question took too long and was stopped.", "Choose a narrower filter.")
    answer = pd.concat([piece for piece in answers if len(piece)] or answers[:1], ignore_index=True)
    answer.attrs = dict(answers[-1].attrs)
    if rest is not None and rest.length_ns:
        answer.attrs["looked_to_ns"] = rest.to_ns if newest_first else rest.from_ns
    return answer


def _end_of(window: Window, length_ns: int, *, newest_first: bool) -> Window:
    """The last `length_ns` of the window if `newest_first`, else its first."""
    if newest_first:
        return Window(max(window.from_ns, window.to_ns - length_ns), window.to_ns)
    return Window(window.from_ns, min(window.to_ns, window.from_ns + length_ns))
