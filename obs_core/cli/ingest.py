"""`python -m obs_core ingest`: receives OTLP over HTTP until it is stopped."""

import argparse
import json
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from obs_core import settings
from obs_core.capture import options as capture
from obs_core.errors import LogUnreadable, NotALog, PermanentFailure, SchemaTooNew
from obs_core.ingest.receiver import server
from obs_core.ingest.receiver.intake import Intake
from obs_core.store import log

_LAST_S: Final = 10  # after the parent's end; what is then not in the log is safe in the spool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--log", type=Path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)")
    parser.add_argument("--host", help="the address to listen on (OBS_OTLP_HOST, else 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen on, 0 for any free one (OBS_OTLP_PORT, else 4318)")
    parser.add_argument("--child", action="store_true", help="tell the address as JSON, and end with standard input")


def run(arguments: argparse.Namespace) -> int:
    """Receive until a signal comes, or the parent ends."""
    known = settings.from_environment()
    chosen = replace(
        known,
        log=(arguments.log or known.log).absolute(),
        otlp_host=arguments.host or known.otlp_host,
        otlp_port=known.otlp_port if arguments.port is None else arguments.port,
    )
    _check(chosen.log)
    intake = Intake(capture.from_environment()._replace(log=str(chosen.log), process="obs_core ingest", group=None))
    listener = server.Listener(chosen, intake)
    signal.signal(signal.SIGTERM, lambda *_: listener.stop())  # uvicorn raises it again when it has stopped
    if arguments.child:
        threading.Thread(target=_end_with_parent, args=(listener,), daemon=True).start()
        print(json.dumps({"address": listener.address}), flush=True)
    else:
        print(f"Receiving OTLP at {listener.address} into {chosen.log}", flush=True)
    threading.Thread(target=intake.recover, daemon=True).start()
    listener.run()
    return 0


def _check(path: Path) -> None:
    """Take no rows for a log that can only be read: they would wait in the spool for ever."""
    try:
        if path.exists():
            log.open_log(path).close()
    except (NotALog, SchemaTooNew) as error:
        raise PermanentFailure(error.message, error.hint) from error
    except LogUnreadable:
        return  # locked now; the drain tries again


def _end_with_parent(listener: server.Listener) -> None:
    """The parent holds the other end of standard input, and the system closes it also when the parent is killed."""
    while os.read(sys.stdin.fileno(), 4096):
        continue
    listener.stop()
    threading.Event().wait(_LAST_S)
    os._exit(0)
