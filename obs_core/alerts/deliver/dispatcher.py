"""The delivery loop: queue new transitions, post due messages, record each response.

`watch` runs it in a thread of its own (`deliver_in_background`), so a webhook that hangs does not delay evaluation. One
process at a time delivers for a log: the one that holds the watch lock.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from obs_core import clock
from obs_core.alerts import ledger
from obs_core.alerts.deliver import http_client, outbox
from obs_core.alerts.deliver.http_client import Message
from obs_core.alerts.deliver.payload import Envelope, MessageAlert, message_body
from obs_core.alerts.deliver.retry import Response
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.errors import ObsError
from obs_core.settings import Settings
from obs_core.store import sqlite

_LOG: Final = logging.getLogger(__name__)
_ERROR_PAUSE_S: Final = 2.0
_JOIN_TIMEOUT_S: Final = 5  # for the last round when the watcher ends; what is not recorded then is posted again
_WARNING_INTERVAL_NS: Final = 20 * clock.SECOND
PAUSE_S: Final = 0.25  # between two rounds: one indexed row each, and a transition is seen within 2 s


@contextmanager
def deliver_in_background(settings: Settings) -> Iterator[Callable[[Path, int], None]]:
    """Deliver in a thread next to a watcher: call the yielded function after each tick, with the log and the time.

    The first call starts `run` in the thread, so not before the watcher holds its lock; leaving the block ends it.
    """
    stop = threading.Event()
    running: list[threading.Thread] = []

    def after_tick(log: Path, _now: int) -> None:
        if not (running and running[0].is_alive()):
            running[:] = [threading.Thread(target=run, args=(log, settings, stop), name="obs-deliver", daemon=True)]
            running[0].start()

    try:
        yield after_tick
    finally:
        stop.set()
        for thread in running:
            thread.join(_JOIN_TIMEOUT_S)


def run(log: Path, settings: Settings, stop: threading.Event) -> None:
    """Deliver for `log` until `stop` is set; a round that has started is finished (at most about 13 s).

    Errors of the ledger (locked, a full disk) are logged once per 20 s and retried; no message is lost.
    """
    warned_ns = 0
    while not stop.is_set():
        try:
            with closing(ledger.open_ledger(log)) as connection:
                while not stop.is_set():
                    stop.wait(0 if run_round(connection, settings) else PAUSE_S)
        except (sqlite.Error, ObsError) as error:
            if clock.now_ns() - warned_ns > _WARNING_INTERVAL_NS:
                warned_ns = clock.now_ns()
                own = error if isinstance(error, ObsError) else sqlite.translate_error(error, ledger.path_of(log))
                _LOG.warning("Delivery is paused: %s", own)
            stop.wait(_ERROR_PAUSE_S)


def run_round(connection: sqlite3.Connection, settings: Settings, now: Callable[[], int] = clock.now_ns) -> int:
    """Queue new transitions, post due messages, record each response as it comes; return the number of messages."""
    outbox.queue(connection, now())
    due = outbox.due_messages(connection, now(), settings.external_url)

    def on_response(number: int, response: Response) -> None:
        outbox.record(connection, due[number][0], response, now())

    http_client.post([message for _, message in due], settings.webhook_allow, on_response)
    return len(due)


def send_test(webhook: Webhook, settings: Settings, now: int) -> Response:
    """Post one message that is marked as a test; it is not recorded."""
    labels = {"alertname": "Test", "severity": "info"}
    annotations = {"summary": "A test of this webhook; nothing is wrong.", "description": "Sent by hand."}
    link = f"{settings.external_url.rstrip('/')}/alerts"
    alert = MessageAlert("firing", labels, annotations, now, None, link)
    body = message_body(Envelope(webhook.name, '{}:{alertname="Test"}', labels, settings.external_url), [alert])
    return http_client.post([Message(webhook, body, f"test-{now}")], settings.webhook_allow)[0]
