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
from obs_core.alerts.deliver.faults import WebhookFaults
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
def deliver_in_background(settings: Settings) -> Iterator[Callable[[Path, int], dict[str, str]]]:
    """Deliver in a thread next to a watcher: call the yielded function after each tick, with the log and the time.

    It returns what fails, by webhook.

    The first call starts `run` in the thread, so not before the watcher holds its lock; leaving the block ends it.
    """
    stop = threading.Event()
    running: list[threading.Thread] = []
    faults = WebhookFaults()

    def after_tick(log: Path, _now: int) -> dict[str, str]:
        if not (running and running[0].is_alive()):
            arguments = (log, settings, stop, faults)
            running[:] = [threading.Thread(target=run, args=arguments, name="obs-deliver", daemon=True)]
            running[0].start()
        return faults.texts

    try:
        yield after_tick
    finally:
        stop.set()
        for thread in running:
            thread.join(_JOIN_TIMEOUT_S)


def run(log: Path, settings: Settings, stop: threading.Event, faults: WebhookFaults | None = None) -> None:
    """Deliver for `log` until `stop` is set; a round that has started is finished (at most about 13 s).

    `faults` has what failed for single webhooks in the last round.

    Errors of the ledger (locked, a full disk) are logged once per 20 s and retried; no message is lost.
    """
    warned_ns = 0
    while not stop.is_set():
        try:
            with closing(ledger.open_ledger(log)) as connection:
                while not stop.is_set():
                    current = WebhookFaults()
                    count = run_round(connection, settings, faults=current)
                    if faults is not None:
                        faults.texts = current.texts
                    stop.wait(0 if count else PAUSE_S)
        except (sqlite.Error, ObsError) as error:
            if clock.now_ns() - warned_ns > _WARNING_INTERVAL_NS:
                warned_ns = clock.now_ns()
                own = error if isinstance(error, ObsError) else sqlite.translate_error(error, ledger.path_of(log))
                _LOG.warning("Delivery is paused: %s", own)
            stop.wait(_ERROR_PAUSE_S)


def run_round(
    connection: sqlite3.Connection,
    settings: Settings,
    now: Callable[[], int] = clock.now_ns,
    faults: WebhookFaults | None = None,
) -> int:
    """Queue new transitions, post due messages, record each response as it comes; return the number of messages.

    An error of one webhook stops no other one; `faults` gets it.
    """
    faults = WebhookFaults() if faults is None else faults
    outbox.queue(connection, now(), faults)
    due = outbox.due_messages(connection, now(), settings.external_url, faults)

    def on_response(number: int, response: Response) -> None:
        with faults.isolated(due[number][1].webhook.name):
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
