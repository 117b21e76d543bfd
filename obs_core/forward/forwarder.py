"""The forwarder's loop: one channel per signal, the heartbeat, the status file. One forwarder runs per log.

It reads the log only, in short transactions, so no writer waits for it.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from obs_core import heartbeat
from obs_core.errors import LogUnreadable, ObsError
from obs_core.forward import status_file
from obs_core.forward.channel import Channel
from obs_core.forward.client import Client
from obs_core.forward.endpoint import Endpoint, endpoint_of
from obs_core.forward.positions import Positions
from obs_core.forward.status_file import Signal, Status
from obs_core.settings import Settings
from obs_core.store import identity, role_lock

Report = Callable[[str], None]
"""Called with sentences for people."""
_TICK_S: Final = 0.25
_STATUS_S: Final = 1.0
_WAIT_S: Final = 2.0
_END_S: Final = 5.0
_REPEAT_S: Final = 60.0


def forward(log: Path, settings: Settings, stop: threading.Event, report: Report, *, once: bool = False) -> None:
    """Forward the rows of `log` until `stop`, or with `once` until all that are there were sent.

    If another process forwards them, report it and wait until it ends.

    Raises:
        PermanentFailure: a setting can't be used, or the endpoint is the receiver of this log.
    """
    endpoint, said = endpoint_of(settings), ""
    endpoint.tls()  # to refuse a file that can't be used before the lock is taken
    while not stop.is_set():
        heartbeat.beat()
        try:
            with role_lock.held(log, role_lock.FORWARDER) as holder:
                if holder is None:
                    _Forwarder(log, settings, endpoint, report).run(stop, once=once)
                    return
                text = f"Another process (pid {holder}) forwards {log}; waiting until it ends."
        except LogUnreadable as error:
            text = f"{error.message} {error.hint}"
        if text != said:
            report(text)
            said = text
        stop.wait(_WAIT_S)


class _Forwarder:
    """The forwarder of one log, which holds its lock."""

    def __init__(self, log: Path, settings: Settings, endpoint: Endpoint, report: Report) -> None:
        self._log, self._endpoint, self._report = log, endpoint, report
        positions = Positions(log, endpoint.text)
        from_start = settings.forward_from == "start"
        name = identity.made(log)
        self._channels = [
            Channel(log, signal, endpoint, Client(endpoint, name), positions, from_start=from_start)
            for signal in settings.forward_signals
        ]
        self._written: Status | None = None
        self._written_s = 0.0
        self._reported: dict[str, tuple[str, float]] = {}

    def run(self, stop: threading.Event, *, once: bool) -> None:
        """Run until `stop`, or until a channel ends for good."""
        self._report(f"Forwarding {self._log} to {self._endpoint.text}")
        for channel in self._channels:
            channel.start()
        try:
            while not stop.wait(_TICK_S):
                now_s = time.monotonic()
                for channel in self._channels:
                    channel.enforce(now_s)
                    if channel.failure is not None:
                        raise channel.failure
                if all(now_s - channel.progress_s < channel.limit_s for channel in self._channels):
                    heartbeat.beat()
                self._report_errors(now_s)
                self._write_status(now_s)
                if once and all(channel.is_idle for channel in self._channels):
                    return
        finally:
            for channel in self._channels:
                channel.stop(_END_S)
            self._write_status(float("inf"))

    def _report_errors(self, now_s: float) -> None:
        """Report each new error, and each that lasts once a minute."""
        for channel in self._channels:
            text, (last, at_s) = channel.state.error, self._reported.get(channel.signal, ("", -_REPEAT_S))
            if text and (text != last or now_s - at_s >= _REPEAT_S):
                self._reported[channel.signal] = text, now_s
                self._report(f"{channel.signal.capitalize()}: {text}")

    def _write_status(self, now_s: float) -> None:
        status = Status(self._endpoint.name, tuple(map(_signal, self._channels)))
        if status != self._written and now_s - self._written_s >= _STATUS_S:
            with suppress(OSError, ObsError):
                status_file.write(self._log, status)
                self._written, self._written_s = status, now_s


def _signal(channel: Channel) -> Signal:
    state, position = channel.state, channel.position
    counts = ("sent", "rejected", "refused", "lost", "unreadable", "last_sent_ns", "refusal_ns")
    numbers = {name: 0 if position is None else getattr(position, name) for name in counts}
    refusal = "" if position is None else position.refusal
    return Signal(channel.signal, state.behind, state.error, state.since_ns, state.until_ns, refusal=refusal, **numbers)
