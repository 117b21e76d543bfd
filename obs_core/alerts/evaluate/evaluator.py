"""Judges new rows by all rules in one pass: rows in the order of arrival go in, flips come out.

Moments are those of the rows (a clock in the future or in 1970 is replaced by the moment at which the row was seen),
so it does not matter in which steps rows come. A process whose writer is behind is not judged stale or silent.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.call_checks import CallChecks
from obs_core.alerts.evaluate.series_checks import CodeOf, Key, SeriesChecks
from obs_core.alerts.evaluate.writer_checks import WriterChecks
from obs_core.alerts.ledger import AlertRow, AlertTransition
from obs_core.alerts.rules.model import Rule
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import MINUTE
from obs_core.series.tracker import Series
from obs_core.store import tail
from obs_core.store.tail import TailRow


def nothing_known(_: TailRow) -> dict[str, str]:
    """No annotations about the code that wrote a row."""
    return {}


class EvaluationOutput(NamedTuple):
    """What the ledger does not have yet: flips, how alerts stand, and the exceptions that rules have met."""

    flips: list[AlertTransition]
    standings: list[AlertRow]
    met: list[tuple[str, str]]


class Evaluator:
    """The judgement of some rules, as far as it has come; `series`, `calls` and `board` are what it knows."""

    def __init__(
        self,
        rules: Sequence[Rule],
        known: Iterable[Series],
        board: AlertSet,
        met: dict[str, set[str]] | None = None,
        code_of: CodeOf = nothing_known,
    ) -> None:
        """Judge by `rules`, going on from the series that are `known` and from `board`."""
        self.rules, self.board = rules, board
        self.series = SeriesChecks(rules, known, board, code_of)
        self.calls = CallChecks(rules, board, met or {})
        self._writers = WriterChecks(rules, board)

    def take(
        self,
        rows: Iterable[TailRow],
        now_ns: int,
        *,
        quiet_until: int = 0,
        live: bool = False,
        held: Collection[str] = (),
    ) -> None:
        """Take rows in the order of their ids; those up to the id `quiet_until` were judged before."""
        latest, oldest = now_ns + MINUTE, now_ns - MINUTE if live else tail.YEAR_2000_NS
        take_reading, hear, take_call = self.series.take, self.series.hear, self.calls.take
        for row in rows:
            moment = row.timestamp
            if moment is None:
                continue
            if not (is_believed := tail.YEAR_2000_NS < moment <= latest):
                moment = now_ns
            beat = moment if moment >= oldest else now_ns
            quiet = row.id <= quiet_until
            kind, process = row.kind, row.process
            if kind == "value" or (not kind and row.is_value):
                take_reading(row, moment, beat, quiet=quiet, held=process in held)
            if kind == "call" or (not kind and row.is_call):
                hear(process, row.process_group, beat, quiet=quiet)
                if not quiet:
                    take_call(row, min(moment, now_ns), is_believed=is_believed)

    def late(self) -> tuple[set[Key], int] | None:
        """The series that are to be read again, and from which moment on."""
        return self.series.late()

    def take_late(self, rows: Iterable[TailRow], quiet_until: int = 0, held: Collection[str] = ()) -> None:
        """Take the readings that `late` asked for, by (timestamp, id)."""
        self.series.take_late(rows, quiet_until, held)

    def taken(self) -> EvaluationOutput:
        """What the ledger does not have yet; it is handed over."""
        flips, standings = self.board.taken()
        met, self.calls.fresh = self.calls.fresh, []
        return EvaluationOutput(flips, standings, met)

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = (), held: Collection[str] = ()) -> None:
        """Time has gone on to `now_ns`: silence, periods that have passed, figures of calls, writers."""
        self.series.tick(now_ns, held)
        self.calls.tick(now_ns)
        self._writers.tick(writers, now_ns)
        self.board.pass_time(now_ns)


def held_back(writers: Iterable[WriterStatus]) -> set[str]:
    """The processes whose writers are behind: what is not in the log yet can't be missed."""
    return {writer.process for writer in writers if writer.state != "OK"}
