"""From a row in the log to a message at a real webhook, with the commands only."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from obs_core.alerts.rules import sources
from obs_core.cli.main import main
from obs_core.clock import SECOND
from obs_core.model import Row
from tests.support import alertmanager, table
from tests.watch.test_killed import TIMEOUT_S, watcher


@contextmanager
def webhook_server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that stores the messages it gets, at its URL."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(alertmanager.message(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/webhook", posted
        server.shutdown()
        thread.join()


def store(log: Path, *texts: str) -> None:
    now = time.time_ns() - SECOND
    table.store(
        log, [Row("value", "feed", "price", now + n, data_type="int", data_value=t) for n, t in enumerate(texts)]
    )


def arrived(posted: list[dict[str, Any]], status: str) -> dict[str, Any]:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        if messages := [message for message in posted if message["status"] == status]:
            return messages[0]
        time.sleep(0.05)
    raise AssertionError(posted)


def test_a_stale_value_and_its_end_are_both_sent(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, [])
    (tmp_path / sources.NAME).write_text('[[rule]]\nname = "stuck"\nkind = "stale"\n')
    with webhook_server() as (url, posted):
        options = ["--group-wait", "0s", "--group-interval", "1s"]
        assert main(["webhooks", "--log", str(log), "add", "us", url, *options]) == 0
        with watcher(log):
            store(log, *"555555")
            fired = arrived(posted, "firing")
            store(log, "6")
            resolved = arrived(posted, "resolved")
    assert fired["alerts"][0]["labels"] == {
        "alertname": "stuck",
        "process": "feed",
        "data": "price",
        "severity": "warning",
    }
    assert fired["alerts"][0]["annotations"]["repeats"] == "6"
    assert resolved["alerts"][0]["fingerprint"] == fired["alerts"][0]["fingerprint"]
    assert len(posted) == 2
