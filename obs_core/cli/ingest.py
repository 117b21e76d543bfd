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
from obs_core.ingest import server
from obs_core.ingest.intake import Intake

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
    intake = Intake(capture.from_environment()._replace(log=str(chosen.log), process="obs_core ingest", group=None))
    program = server.Program(chosen, intake)
    signal.signal(signal.SIGTERM, lambda *_: program.stop())  # uvicorn raises it again when it has stopped
    if arguments.child:
        threading.Thread(target=_end_with_parent, args=(program,), daemon=True).start()
        print(json.dumps({"address": program.address}), flush=True)
    else:
        print(f"Receiving OTLP at {program.address} into {chosen.log}", flush=True)
    threading.Thread(target=intake.recover, daemon=True).start()
    program.run()
    return 0


def _end_with_parent(program: server.Program) -> None:
    """The parent holds the other end of standard input, and the system closes it also when the parent is killed."""
    while os.read(sys.stdin.fileno(), 4096):
        continue
    program.stop()
    threading.Event().wait(_LAST_S)
    os._exit(0)
