"""The rounds of delivery: queue what came, post what is due, record what came of it.

`watch` runs it in a thread of its own (`beside`): a receiver that hangs holds back no judgement. One
process delivers for a log at a time; it is the one that holds the lease of judging.
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
from obs_core.alerts.deliver.payload import Alert, Envelope, message
from obs_core.alerts.deliver.retry import Answer
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.errors import ObsError
from obs_core.settings import Settings
from obs_core.store import sqlite

_LOG: Final = logging.getLogger(__name__)
_AFTER_TROUBLE_S: Final = 2.0
_LAST_S: Final = 5  # of a round when the watcher ends; what is then not recorded is posted again
_QUIET_NS: Final = 20 * clock.SECOND  # between two warnings
PAUSE_S: Final = 0.25  # between two looks at the ledger: one indexed row each, and a flip is seen within 2 s


@contextmanager
def beside(settings: Settings) -> Iterator[Callable[[Path, int], None]]:
    """Delivery beside a watcher: call what this yields after each tick, with the log and the moment.

    The first call starts `follow` in a thread, so not before the watcher holds its lease; the end of the block ends it.
    """
    stop = threading.Event()
    running: list[threading.Thread] = []

    def after_tick(log: Path, _now: int) -> None:
        if not (running and running[0].is_alive()):
            running[:] = [threading.Thread(target=follow, args=(log, settings, stop), name="obs-deliver", daemon=True)]
            running[0].start()

    try:
        yield after_tick
    finally:
        stop.set()
        for thread in running:
            thread.join(_LAST_S)


def follow(log: Path, settings: Settings, stop: threading.Event) -> None:
    """Deliver for `log` until `stop` is set; a round that has begun is finished (at most some 13 s).

    Trouble with the ledger (locked, a full disk) is said once per 20 s and outlived: nothing of it is lost.
    """
    said_ns = 0
    while not stop.is_set():
        try:
            with closing(ledger.open_ledger(log)) as book:
                while not stop.is_set():
                    stop.wait(0 if round_(book, settings) else PAUSE_S)
        except (sqlite.Error, ObsError) as error:
            if clock.now_ns() - said_ns > _QUIET_NS:
                said_ns = clock.now_ns()
                told = error if isinstance(error, ObsError) else sqlite.translate_error(error, ledger.path_of(log))
                _LOG.warning("Messages wait: %s", told)
            stop.wait(_AFTER_TROUBLE_S)


def round_(book: sqlite3.Connection, settings: Settings, now: Callable[[], int] = clock.now_ns) -> int:
    """Queue new flips, post what is due, record each answer as it comes; how many messages were posted."""
    outbox.queue(book, now())
    due = outbox.ready(book, now(), settings.external_url)

    def told(number: int, answer: Answer) -> None:
        outbox.record(book, due[number], answer, now())

    http_client.post([each.message for each in due], settings.webhook_allow, told)
    return len(due)


def send_test(receiver: Webhook, settings: Settings, now: int) -> Answer:
    """Post one message that says it is a test; nothing of it is kept."""
    labels = {"alertname": "Test", "severity": "info"}
    notes = {"summary": "A test of this webhook; nothing is wrong.", "description": "Sent by hand."}
    link = f"{settings.external_url.rstrip('/')}/alerts"
    alert = Alert("firing", labels, notes, now, None, link)
    body = message(Envelope(receiver.name, '{}:{alertname="Test"}', labels, settings.external_url), [alert])
    return http_client.post([Message(receiver, body, f"test-{now}")], settings.webhook_allow)[0]
