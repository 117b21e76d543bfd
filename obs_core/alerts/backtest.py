"""When a rule would have fired: its judgement over a part of the log, without the ledger."""

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.alerts.board import Board
from obs_core.alerts.judge import Judge
from obs_core.alerts.rules import Rule
from obs_core.clock import Window
from obs_core.rollup import tail
from obs_core.store import foreign, sqlite

_CHUNK: Final = 20_000


class Firing(NamedTuple):
    """One time that an alert would have fired; `ends_ns` None: to the end of the window."""

    labels: Mapping[str, str]
    starts_ns: int
    ends_ns: int | None
    value: str | None
    summary: str


def firings(log: Path, rule: Rule, window: Window) -> list[Firing]:
    """When `rule` would have fired on the rows of `window`, by time.

    A streak that the window cuts counts from its edge. Two messages would have been sent for each firing that has
    ended, one for each that has not; fewer while it flaps, which is told once.

    Raises:
        ObsError: the log can't be read.
    """
    with closing(sqlite.open_(log)) as source:
        shape = foreign.shape(source, log)
        first, last = source.execute(f"SELECT min(timestamp), max(timestamp) FROM {shape.rows}").fetchone()
        if first is None:
            return []
        end = min(window.to_ns, last + 1)
        upto = tail.newest_id(source, shape)
        board = Board([rule])
        judge = Judge([rule], (), board)
        at = 0
        while at < upto:
            begins, at = at, tail.end_of(source, shape, at, upto, _CHUNK)
            rows = tail.stream(source, shape, begins, at)
            judge.take((row for row in rows if row.timestamp is not None and _within(window, row.timestamp)), end)
            if (late := judge.late()) is not None:
                begun = max(late[1], window.from_ns)
                readings = tail.values_from(source, shape, late[0], begun, at)
                judge.take_late([row for row in readings if row.timestamp < window.to_ns])
        judge.tick(end)
    return _paired(board)


def _within(window: Window, moment: int) -> bool:
    return window.from_ns <= moment < window.to_ns


def _paired(board: Board) -> list[Firing]:
    open_: dict[str, Firing] = {}
    found: list[Firing] = []
    for flip in board.flips:
        if flip.state_to in {"firing", "no data"} and flip.labels not in open_:
            summary = json.loads(flip.annotations).get("summary", "")
            labels = json.loads(flip.labels)
            open_[flip.labels] = Firing(labels, flip.starts_ns or flip.moment_ns, None, flip.value, summary)
        elif flip.state_to == "resolved" and flip.state_from != "flapping" and flip.labels in open_:
            found.append(open_.pop(flip.labels)._replace(ends_ns=flip.ends_ns))
    return sorted([*found, *open_.values()], key=lambda firing: firing.starts_ns)
