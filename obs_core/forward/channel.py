"""Forwards the rows of one signal: reads a batch, sends it until it is accepted or refused, records the position.

It runs in a thread of its own, so that an endpoint that takes no logs does not hold up the traces.
"""

import gzip
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from obs_core.clock import SECOND, backoff, now_ns
from obs_core.errors import LogMissing, ObsError, PermanentFailure
from obs_core.forward import answers, encoding
from obs_core.forward.client import Client
from obs_core.forward.endpoint import Endpoint
from obs_core.forward.positions import Position, Positions, restarted
from obs_core.forward.reading import Reader, with_id
from obs_core.model import Row
from obs_core.store import sqlite

POLL_S: Final = 0.5
_SAVE_S: Final = 5.0  # positions move past rows of the other signal, and are written so often without a request
_LEVEL: Final = 1  # of gzip: level 6 takes three times as long for a tenth less
_LONGEST_WAIT_S: Final = 20.0  # after an error of the log
Rows = Sequence[tuple[int, Row]]


@dataclass(frozen=True, slots=True)
class State:
    """What a signal does now: `error` is why nothing is sent (empty: all is well), `until_ns` the next attempt."""

    behind: int = 0
    error: str = ""
    since_ns: int = 0
    until_ns: int = 0


class Channel:
    """The forwarding of one signal. `state` and `position` may be read by other threads."""

    def __init__(
        self, log: Path, signal: str, endpoint: Endpoint, client: Client, positions: Positions, *, from_start: bool
    ) -> None:
        """Forward after `start`; an endpoint without a position begins with the newest row, or the oldest."""
        self.signal, self.state = signal, State()
        self.position = positions.of(signal)
        self.failure: PermanentFailure | None = None
        """Why it ended for good."""
        self.is_idle = False
        """Whether all rows were sent that the log had at the last look."""
        self.progress_s = time.monotonic()
        """When it last did something (monotonic), for the heartbeat."""
        self._endpoint, self._client, self._positions, self._from_start = endpoint, client, positions, from_start
        self._log = log
        self._reader = Reader(log, signal, self._touch)
        self._is_unsaved, self._saved_s = False, 0.0
        self._refusals = self._failures = 0
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"obs_core forwards {signal}", daemon=True)

    def start(self) -> None:
        """Start to forward; return at once."""
        self._thread.start()

    def stop(self, limit_s: float) -> None:
        """End, and wait at most `limit_s` seconds: a request that is under way is broken and sent again later."""
        self._wake.set()
        self._client.interrupt()
        self._thread.join(limit_s)

    @property
    def limit_s(self) -> float:
        """How long it may be without progress while it works."""
        return 2 * self._endpoint.timeout_s + 4 * POLL_S + sqlite.BUSY_TIMEOUT_MS / 1_000

    def enforce(self, now_s: float) -> None:
        """End a request that takes too long."""
        self._client.enforce(now_s)

    def _touch(self) -> None:
        self.progress_s = time.monotonic()

    def _run(self) -> None:
        while not self._wake.is_set():
            self._touch()
            try:
                self._step()
            except PermanentFailure as failure:
                self.failure = failure
                break
            except Exception as error:  # noqa: BLE001 - forwarding continues, whatever happened to one batch
                self._failures += 1
                self.is_idle = isinstance(error, LogMissing)
                self._fail(self._text_of(error), backoff(POLL_S, _LONGEST_WAIT_S, self._failures))
            else:
                self._failures = 0
        self._reader.close()
        self._client.close()

    def _step(self) -> None:
        """Send the next batch; wait if there is none."""
        if self._is_unsaved:  # nothing more is sent until the disk has what was
            self._save()
        position = self._current()
        batch = self._reader.batch(position.up_to_id)
        after = replace(
            position,
            up_to_id=batch.up_to_id,
            at_ns=self._reader.time_of(batch.up_to_id) if batch.up_to_id != position.up_to_id else position.at_ns,
            unreadable=position.unreadable + batch.unreadable,
        )
        if batch.rows:
            self.is_idle = False
            self._deliver(batch.rows, after)
            return
        self._move(after, is_urgent=time.monotonic() - self._saved_s >= _SAVE_S)
        self.state, self.is_idle = State(), True
        self._wait(POLL_S)

    def _current(self) -> Position:
        """The position, which the first time is where this endpoint begins, and in another log its beginning."""
        position = self.position
        if position is None:
            try:
                first = 0 if self._from_start else self._reader.newest_id()
                position = Position(first, self._reader.time_of(first))
            except LogMissing:
                position = Position(0)  # all rows will be new
            self._move(position, is_urgent=True)
        elif not self._reader.continues(position):
            position = restarted(position)
            self._move(position, is_urgent=True)
        if position.up_to_id and (lost := self._reader.deleted(position.up_to_id)):
            before_id = self._reader.lowest_id() - 1
            position = replace(position, lost=position.lost + lost, up_to_id=before_id, at_ns=None)
            self._move(position, is_urgent=True)
        return position

    def _deliver(self, rows: Rows, after: Position) -> None:
        """Send rows until they are accepted or refused, in halves if they are too many; `after` is where that ends."""
        parts = [rows]
        while parts:
            part = parts.pop(0)
            verdict = self._send(part)
            if verdict is None:
                return
            if verdict.outcome == "split" and len(part) > 1:
                parts[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
                continue
            position = self._counted(part, verdict)
            if parts:
                self._move(replace(position, up_to_id=part[-1][0], at_ns=None), is_urgent=True)
            else:
                end = {name: getattr(after, name) for name in ("up_to_id", "at_ns", "unreadable")}
                self._move(replace(position, **end), is_urgent=True)
            if verdict.outcome == "sent":
                self._refusals = 0
                self.state = replace(State(), behind=self._behind())
            else:  # a wrong token loses a few batches, not all that wait
                self._refusals += 1
                self._fail(verdict.text, answers.wait_s(self._refusals, "", now_ns()))

    def _send(self, rows: Rows) -> answers.Verdict | None:
        """Send one request as often as necessary; None if it ends before there is an answer."""
        try:
            body = encoding.request(self.signal, [with_id(row_id, row) for row_id, row in rows])
        except Exception as error:  # noqa: BLE001 - one row must not hold up the others
            why = f"Row {rows[0][0]} can't be written as OTLP: {type(error).__name__}."
            return answers.Verdict("split", why)
        packed = gzip.compress(body, _LEVEL)
        failures = 0
        while not self._wake.is_set():
            self._touch()
            response = self._client.post(self.signal, packed)
            verdict = answers.verdict(self.signal, response, self._endpoint)
            if verdict.outcome == "loop":
                hint = "Set OBS_FORWARD to the address of another program."
                raise PermanentFailure(verdict.text, hint)
            if verdict.outcome != "retry":
                return verdict
            failures += 1
            self._fail(verdict.text, answers.wait_s(failures, response.retry_after, now_ns()))
        return None

    def _counted(self, rows: Rows, verdict: answers.Verdict) -> Position:
        """The position with the counts of these rows."""
        assert self.position is not None
        position, now = self.position, now_ns()
        if verdict.text:
            position = replace(position, refusal=verdict.text, refusal_ns=now)
        if verdict.outcome != "sent":
            return replace(position, refused=position.refused + len(rows))
        rejected = min(verdict.rejected, len(rows))
        sent = position.sent + len(rows) - rejected
        return replace(position, sent=sent, rejected=position.rejected + rejected, last_sent_ns=now)

    def _move(self, position: Position, *, is_urgent: bool) -> None:
        """Be at `position`; write it at once, or now and then."""
        if position == self.position and not self._is_unsaved:
            return
        self.position = position
        if is_urgent:
            self._save()

    def _save(self) -> None:
        assert self.position is not None
        self._is_unsaved = True
        self._positions.record(self.signal, self.position)
        self._is_unsaved, self._saved_s = False, time.monotonic()

    def _behind(self) -> int:
        """How many ids of the log are after the position; what it was if the log can't be read now."""
        try:
            return max(0, self._reader.newest_id() - (0 if self.position is None else self.position.up_to_id))
        except (ObsError, sqlite3.Error):
            return self.state.behind

    def _fail(self, text: str, wait_s: float) -> None:
        """Show why nothing is sent, and wait."""
        now = now_ns()
        is_new = not self.state.error
        self.state = State(self._behind(), text, now if is_new else self.state.since_ns, now + round(wait_s * SECOND))
        self._wait(wait_s)

    def _wait(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0 and not self._wake.wait(min(left_s, 1.0)):
            self._touch()

    def _text_of(self, error: Exception) -> str:
        """An error of the log or of the file of positions, in a sentence."""
        if isinstance(error, sqlite3.Error):
            error = sqlite.translate_error(error, self._log)
        if isinstance(error, ObsError):
            return f"{error.message} {error.hint}".strip()
        if isinstance(error, OSError):
            return f"The position can't be written, and nothing is sent until it can: {error.strerror}."
        return f"An unexpected {type(error).__name__}; it is tried again."
